//! What another program or another host knows of a user, taken over into the account.

use super::authenticator::{belongs, is_label};
use super::{AccountManager, from_seal, from_store, no_randomness};
use crate::account::{Account, Authenticator, Progress};
use crate::ledger::random_id;
use crate::messages::changes;
use crate::otp::{Algorithm, OtpParameters};
use crate::recovery::{IMPORTED_DIGITS, RecoverySet};
use crate::request::{Refusal, Refused};
use crate::seal::SealKey;
use crate::secret::{Secret, Typed};
use crate::store::{Keep, Store};
use crate::time::Clock;

/// A device as another program knows it.
#[derive(Debug, Clone)]
pub struct ImportedDevice {
    /// What it is to be called; a number is added where that is taken.
    pub label: String,
    /// Its key.
    pub secret: Secret,
    /// The HMAC.
    pub algorithm: Algorithm,
    /// Digits of a code.
    pub digits: u8,
    /// How far it has come, with what was used.
    pub progress: Progress,
    /// Its unused codes of eight digits for the day when it is gone.
    pub scratch_codes: Vec<Typed>,
    /// Which program it comes from, for log and history.
    pub from: &'static str,
    /// Whether programs of the user could have written it. Then it is for those who have not enrolled:
    /// whoever has proves each change.
    pub user_could_write: bool,
}

impl ImportedDevice {
    /// A phone that shows six digits by SHA-1.
    #[must_use]
    pub fn new(secret: Secret, progress: Progress, from: &'static str) -> Self {
        let (label, algorithm, scratch_codes) = ("phone".to_owned(), Algorithm::Sha1, Vec::new());
        Self { label, secret, algorithm, digits: 6, progress, scratch_codes, from, user_could_write: false }
    }
}

/// What became of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// It is in the account, under this label.
    Taken {
        /// The label.
        label: String,
        /// Whether its scratch codes count; there is a better set already, or an authenticator whose codes
        /// have eight digits too, if they do not.
        scratch_codes: bool,
    },
    /// The account has an authenticator with this key.
    AlreadyThere {
        /// Its label.
        label: String,
    },
}

/// What became of an account of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restored {
    /// It is the user's.
    Taken,
    /// The user has its authenticators, from an earlier try.
    AlreadyThere,
}

impl<S: Store, C: Clock> AccountManager<S, C> {
    /// What would become of a device if it were taken over now. Changes nothing.
    ///
    /// # Errors
    /// As [`AccountManager::import`].
    pub fn foresee(&self, device: &ImportedDevice) -> Result<Imported, Refused> {
        let key = self.store.seal_key().map_err(|error| from_seal(&error))?;
        let account = self.store.find(&self.person).map_err(|error| from_store(&error))?;
        self.placed(account.as_ref(), device, &key)
    }

    /// Takes a device over, without a confirmation: it proved itself to the other program.
    ///
    /// # Errors
    /// [`Refused`]: it cannot be one of this host's, it is no proof for a user who has enrolled,
    /// there is no room, or the store failed.
    pub fn import(&self, device: &ImportedDevice) -> Result<Imported, Refused> {
        let now = self.clock.now().wall;
        // Hashing is slow, so it comes before the lock.
        let codes = (!device.scratch_codes.is_empty()).then(|| RecoverySet::imported(&device.scratch_codes, now));
        let codes = codes.transpose().map_err(no_randomness)?;
        self.change(|held| {
            let key = self.store.seal_key().map_err(|error| from_seal(&error))?;
            let placed = self.placed(held.account.as_ref(), device, &key)?;
            let Imported::Taken { label, scratch_codes } = &placed else { return Ok(placed) };
            let id = random_id().map_err(no_randomness)?;
            let secret = key.seal(&device.secret, belongs(held, &id)).map_err(|error| from_seal(&error))?;
            let (algorithm, digits, progress) = (device.algorithm, device.digits, device.progress.clone());
            let one = Authenticator { id, label: label.clone(), algorithm, digits, progress, added_at: now, secret };
            let account = held.account.get_or_insert_with(|| Account::new(&held.name, held.uid, now));
            account.authenticators.push(one);
            if *scratch_codes {
                account.recovery.clone_from(&codes);
            }
            account.record(now, "imported", &format!("{label}, from {}", device.from));
            held.keep(Keep::Account);
            self.record(self.event("imported").with("authenticator", label).with("from", device.from));
            Ok(placed)
        })
    }

    /// Where a device belongs in an account.
    fn placed(&self, account: Option<&Account>, device: &ImportedDevice, key: &SealKey) -> Result<Imported, Refused> {
        let factor = device.progress.factor();
        if !(OtpParameters { algorithm: device.algorithm, digits: device.digits, factor }).are_possible() {
            return Err(Refused::new(Refusal::BadRequest, changes::NO_IMPORTABLE_DEVICE));
        }
        if let Some(account) = account
            && let Some(label) = same_key(account, device, key)?
        {
            return Ok(Imported::AlreadyThere { label });
        }
        let there = account.map_or(&[][..], |account| &account.authenticators);
        if device.user_could_write && !there.is_empty() {
            return Err(Refused::new(Refusal::ProofRequired, changes::FILE_PROVES_NOTHING));
        }
        let label = self.label_for(account, &device.label)?;
        let has_long = there
            .iter()
            .map(|one| one.digits)
            .chain([device.digits])
            .any(|digits| usize::from(digits) == IMPORTED_DIGITS);
        let has_codes = account.is_some_and(|account| account.recovery.is_some());
        Ok(Imported::Taken { label, scratch_codes: !device.scratch_codes.is_empty() && !has_codes && !has_long })
    }

    /// What would become of a restored account now. Changes nothing.
    ///
    /// # Errors
    /// As [`AccountManager::restore`].
    pub fn foresee_restore(&self, account: &Account) -> Result<Restored, Refused> {
        let here = self.store.find(&self.person).map_err(|error| from_store(&error))?;
        let name = here.as_ref().map_or(self.person.name.as_str(), |here| &here.user);
        restored(here.as_ref(), name, account)
    }

    /// Gives a user the account that another host had of them. Codes that the other host may have taken
    /// a moment ago are spent here.
    ///
    /// # Errors
    /// [`Refused`]: the user has enrolled here already, or the store failed.
    pub fn restore(&self, account: &Account, sealed_by: &SealKey) -> Result<Restored, Refused> {
        let now = self.clock.now().wall;
        self.change(|held| {
            if restored(held.account.as_ref(), held.name.as_str(), account)? == Restored::AlreadyThere {
                return Ok(Restored::AlreadyThere);
            }
            let key = self.store.seal_key().map_err(|error| from_seal(&error))?;
            let mut account = account.resealed(sealed_by, &key).map_err(|error| from_seal(&error))?;
            held.ledger.let_back();
            account.take_out_gone(&held.ledger);
            (account.uid, account.noticed_until) = (held.uid, now);
            for one in &mut account.authenticators {
                let next = one.expected(now).shifted(1);
                if let Progress::Time { spent, .. } = &mut one.progress {
                    *spent = next.max(*spent);
                }
            }
            account.record(now, "restored", "from a backup");
            held.account = Some(account);
            held.keep(Keep::Account);
            self.record(self.event("restored"));
            Ok(Restored::Taken)
        })
    }

    /// The account of this user for a backup, sealed by a key of the backup's own. What waits for its
    /// confirmation is left out.
    ///
    /// # Errors
    /// [`Refused`]: the account is invalid, or a secret does not open.
    pub fn export(&self, sealed_by: &SealKey) -> Result<Option<Account>, Refused> {
        let Some(account) = self.store.find(&self.person).map_err(|error| from_store(&error))? else { return Ok(None) };
        let key = self.store.seal_key().map_err(|error| from_seal(&error))?;
        let account = account.resealed(&key, sealed_by).map_err(|error| from_seal(&error))?;
        self.audit.record(&self.event("exported").finish());
        Ok(Some(account))
    }

    /// The wanted label, with a number where it is taken.
    fn label_for(&self, account: Option<&Account>, wanted: &str) -> Result<String, Refused> {
        let wanted = if is_label(wanted) { wanted } else { "imported" };
        let numbered = (2..).map(|number| format!("{wanted} {number}"));
        let is_taken = |label: &String| {
            account.is_some_and(|account| account.authenticators.iter().any(|one| one.label == *label))
        };
        let label = std::iter::once(wanted.to_owned()).chain(numbered).find(|label| !is_taken(label));
        self.free_label(account, label)
    }
}

/// Whether an account of a backup may become that of a user who has this one here.
fn restored(here: Option<&Account>, name: &str, account: &Account) -> Result<Restored, Refused> {
    if account.user != name {
        return Err(Refused::new(Refusal::BadRequest, changes::ANOTHER_NAME));
    }
    let Some(here) = here.filter(|here| here.is_enrolled()) else { return Ok(Restored::Taken) };
    if account.authenticators.iter().all(|one| here.authenticators.iter().any(|there| there.id == one.id)) {
        return Ok(Restored::AlreadyThere);
    }
    Err(Refused::new(Refusal::NoRoom, changes::ENROLLED_HERE))
}

/// The label of the authenticator that has this key, if one has it.
fn same_key(account: &Account, device: &ImportedDevice, key: &SealKey) -> Result<Option<String>, Refused> {
    for one in &account.authenticators {
        let secret = key.open(&one.secret, one.belongs(&account.user)).map_err(|error| from_seal(&error))?;
        if secret == device.secret {
            return Ok(Some(one.label.clone()));
        }
    }
    Ok(None)
}
