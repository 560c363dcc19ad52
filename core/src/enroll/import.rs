//! What another program or another host knows of a user, taken over into the account.

use super::authenticator::{belongs, is_label, no_randomness};
use super::{Desk, from_seal, from_store, refused};
use crate::account::{Account, Authenticator, Progress};
use crate::ledger::random_id;
use crate::otp::{Algorithm, Parameters};
use crate::recovery::{IMPORTED_DIGITS, RecoverySet};
use crate::request::{Refusal, Response};
use crate::seal::SealKey;
use crate::secret::{Secret, Typed};
use crate::store::{Held, Keep, Store};
use crate::time::Clock;
use crate::words::changes;

/// A device as another program knows it.
#[derive(Debug, Clone)]
pub struct Import {
    /// What it is to be called; a number is added where that is taken.
    pub label: String,
    /// Its key.
    pub secret: Secret,
    /// The HMAC.
    pub algorithm: Algorithm,
    /// Digits of a code.
    pub digits: u8,
    /// How far it has come, with what is spent.
    pub progress: Progress,
    /// Its unused codes of eight digits for the day when it is gone.
    pub scratch_codes: Vec<Typed>,
    /// Which program it comes from, for log and history.
    pub from: &'static str,
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

impl<S: Store, C: Clock> Desk<S, C> {
    /// Takes a device over, without a confirmation: it proved itself to the other program.
    ///
    /// # Errors
    /// [`Response::Refused`]: it cannot be one of this host's, there is no room, or the store failed.
    pub fn import(&self, device: &Import) -> Result<Imported, Response> {
        let factor = device.progress.factor();
        if !(Parameters { algorithm: device.algorithm, digits: device.digits, factor }).are_possible() {
            return Err(refused(Refusal::BadRequest, changes::NO_IMPORTABLE_DEVICE));
        }
        let key = self.store.seal_key().map_err(|error| from_seal(&error))?;
        let now = self.clock.now().wall;
        // Hashing is slow, so it comes before the lock.
        let codes = (!device.scratch_codes.is_empty()).then(|| RecoverySet::imported(&device.scratch_codes, now));
        let codes = codes.transpose().map_err(no_randomness)?;
        self.change(|held| {
            if let Some(label) = same_key(held, device, &key)? {
                return Ok(Imported::AlreadyThere { label });
            }
            let label = self.label_for(held.account.as_ref(), &device.label)?;
            let id = random_id().map_err(no_randomness)?;
            let secret = key.seal(&device.secret, belongs(held, &id)).map_err(|error| from_seal(&error))?;
            let (algorithm, digits, progress) = (device.algorithm, device.digits, device.progress.clone());
            let one = Authenticator { id, label: label.clone(), algorithm, digits, progress, added_at: now, secret };
            let account = held.account.get_or_insert_with(|| Account::new(&held.name, held.uid, now));
            account.authenticators.push(one);
            let has_long = account.authenticators.iter().any(|one| usize::from(one.digits) == IMPORTED_DIGITS);
            let scratch_codes = codes.is_some() && account.recovery.is_none() && !has_long;
            if scratch_codes {
                account.recovery = codes;
            }
            account.record(now, "imported", &format!("{label}, from {}", device.from));
            held.keep(Keep::Account);
            self.record(self.event("imported").with("authenticator", &label).with("from", device.from));
            Ok(Imported::Taken { label, scratch_codes })
        })
    }

    /// Gives a user the account that another host had of them.
    ///
    /// # Errors
    /// [`Response::Refused`]: the user has enrolled here already, or the store failed.
    pub fn restore(&self, account: &Account, sealed_by: &SealKey) -> Result<(), Response> {
        let key = self.store.seal_key().map_err(|error| from_seal(&error))?;
        let resealed = account.resealed(sealed_by, &key).map_err(|error| from_seal(&error))?;
        let now = self.clock.now().wall;
        self.change(|held| {
            if held.account.as_ref().is_some_and(Account::is_enrolled) {
                return Err(refused(Refusal::NoRoom, changes::ENROLLED_HERE));
            }
            if resealed.user != held.name.as_str() {
                return Err(refused(Refusal::BadRequest, changes::ANOTHER_NAME));
            }
            let mut account = resealed.clone();
            (account.uid, account.noticed_until) = (held.uid, now);
            account.record(now, "restored", "from a backup");
            held.account = Some(account);
            held.keep(Keep::Account);
            self.record(self.event("restored"));
            Ok(())
        })
    }

    /// The account of this user for a backup, sealed by a key of the backup's own. What waits for its
    /// confirmation is left out.
    ///
    /// # Errors
    /// [`Response::Refused`]: the account does not count, or a secret does not open.
    pub fn export(&self, sealed_by: &SealKey) -> Result<Option<Account>, Response> {
        let Some(account) = self.store.find(&self.person).map_err(|error| from_store(&error))? else { return Ok(None) };
        let key = self.store.seal_key().map_err(|error| from_seal(&error))?;
        let account = account.resealed(&key, sealed_by).map_err(|error| from_seal(&error))?;
        self.audit.record(&self.event("exported").finish());
        Ok(Some(account))
    }

    /// The wanted label, with a number where it is taken.
    fn label_for(&self, account: Option<&Account>, wanted: &str) -> Result<String, Response> {
        let wanted = if is_label(wanted) { wanted } else { "imported" };
        let numbered = (2..).map(|number| format!("{wanted} {number}"));
        let is_taken = |label: &String| {
            account.is_some_and(|account| account.authenticators.iter().any(|one| one.label == *label))
        };
        let label = std::iter::once(wanted.to_owned()).chain(numbered).find(|label| !is_taken(label));
        self.free_label(account, label)
    }
}

/// The label of the authenticator that has this key, if one has it.
fn same_key(held: &Held, device: &Import, key: &SealKey) -> Result<Option<String>, Response> {
    for one in held.account.iter().flat_map(|account| &account.authenticators) {
        let secret = key.open(&one.secret, one.belongs(held.name.as_str())).map_err(|error| from_seal(&error))?;
        if secret == device.secret {
            return Ok(Some(one.label.clone()));
        }
    }
    Ok(None)
}
