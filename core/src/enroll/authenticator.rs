//! A phone comes, a phone goes.

use std::time::Duration;

use super::device::NewKey;
use super::{AccountManager, Authority, from_seal, from_store, no_randomness};
use crate::account::{Account, Authenticator, PendingAuthenticator, Progress};
use crate::ledger::random_id;
use crate::messages::changes;
use crate::otp::{self, Label};
use crate::request::{Device, Kind, Pending, Refusal, Refused, Response};
use crate::seal::Belongs;
use crate::secret::{Secret, Typed};
use crate::store::{Held, Keep, Store};
use crate::time::{Clock, Step, Timestamp};

/// How long a pending authenticator lives.
const PENDING: Duration = Duration::from_secs(15 * 60);
/// Longest label, in bytes.
const LABEL: usize = 64;
/// The label of someone who did not choose one.
const DEFAULT_LABEL: &str = "phone";
/// What a pending secret is sealed for.
const PURPOSE: &str = "totp";

impl<S: Store, C: Clock> AccountManager<S, C> {
    /// Makes a pending authenticator; another one that was pending is gone.
    pub(super) fn begin(
        &self,
        label: Option<String>,
        proof: Option<&Typed>,
        permit: Option<&Typed>,
        device: Option<&Device>,
    ) -> Result<Response, Refused> {
        if !label.iter().all(|label| is_label(label)) {
            return Err(Refused::new(Refusal::BadRequest, changes::LABEL));
        }
        let account = self.store.find(&self.person).map_err(|error| from_store(&error))?;
        let permit = self.permit(account.as_ref(), permit)?;
        let proof = self.proof(proof)?;
        let key = self.new_key(device)?;
        self.change_proved(&proof, |held, question| {
            let label = self.free_label(held.account.as_ref(), label.clone())?;
            let pending = self.pending(held, &key, label)?;
            self.prove(held, &proof, question)?;
            self.check_permit(held, &permit)?;
            Ok(self.begun(held, &key.secret, pending))
        })
    }

    /// Makes a pending authenticator that takes the place, and the label, of another one.
    pub(super) fn replace(
        &self,
        label: Option<&str>,
        renews_codes: bool,
        proof: &Typed,
        device: Option<&Device>,
    ) -> Result<Response, Refused> {
        let proof = self.proof(Some(proof))?;
        let key = self.new_key(device)?;
        self.change_proved(&proof, |held, question| {
            let authenticators = held.account.as_ref().map_or(&[][..], |account| &account.authenticators);
            let index = named(authenticators, label, "twostep replace LABEL")?;
            let old = authenticators.get(index).ok_or_else(no_authenticator)?;
            let (replaces, label) = (Some(old.id.clone()), old.label.clone());
            let pending = self.pending(held, &key, label)?;
            self.prove(held, &proof, question)?;
            Ok(self.begun(held, &key.secret, PendingAuthenticator { replaces, renews_codes, ..pending }))
        })
    }

    fn begun(&self, held: &mut Held, secret: &Secret, pending: PendingAuthenticator) -> Response {
        let shown = self.shown(held, secret, &pending);
        let word = if pending.replaces.is_some() { "replacement-begun" } else { "enrollment-begun" };
        self.record(self.event(word).with("authenticator", &shown.label));
        let now = pending.created_at;
        let account = held.account.get_or_insert_with(|| Account::new(&held.name, held.uid, Timestamp(now.0 - 1)));
        account.pending = Some(pending);
        held.keep(Keep::Account);
        Response::Pending(shown)
    }

    /// Removes an authenticator; with the last one the recovery codes and application passwords go.
    pub(super) fn remove(&self, label: Option<&str>, proof: &Typed) -> Result<Response, Refused> {
        let proof = self.proof(Some(proof))?;
        self.change_proved(&proof, |held, question| {
            let index = self.removable(held.account.as_ref(), label)?;
            self.prove(held, &proof, question)?;
            let now = self.clock.now().wall;
            let Some(account) = held.account.as_mut() else { return Err(no_authenticator()) };
            let removed = account.authenticators.remove(index);
            held.ledger.forget_logins();
            let mut revoked = None;
            if !account.is_enrolled() {
                (account.recovery, account.pending) = (None, None);
                revoked = account.app_passwords.take();
            }
            account.record(now, "removed", &removed.label);
            let enrolled = account.is_enrolled();
            held.keep(Keep::Account);
            self.record(self.event("removed").with("authenticator", &removed.label));
            let app_passwords: Vec<String> =
                revoked.into_iter().flat_map(|all| all.list).map(|one| one.label).collect();
            for label in &app_passwords {
                self.record(self.event("app-password-revoked").with("label", label));
            }
            Ok(Response::Removed { label: removed.label, enrolled, app_passwords })
        })
    }

    /// A label that no other authenticator has, if there is room for one.
    pub(super) fn free_label(&self, account: Option<&Account>, wanted: Option<String>) -> Result<String, Refused> {
        let taken: Vec<&str> =
            account.iter().flat_map(|account| &account.authenticators).map(|one| one.label.as_str()).collect();
        if taken.len() >= self.config.totp.max_authenticators {
            return Err(Refused::new(Refusal::NoRoom, changes::NO_ROOM));
        }
        match wanted {
            Some(label) if taken.contains(&label.as_str()) => Err(Refused::new(Refusal::NoRoom, changes::LABEL_TAKEN)),
            Some(label) => Ok(label),
            None => {
                let numbered = (2..).map(|number| format!("{DEFAULT_LABEL} {number}"));
                let mut labels = std::iter::once(DEFAULT_LABEL.to_owned()).chain(numbered);
                Ok(labels.find(|label| !taken.contains(&label.as_str())).unwrap_or_default())
            }
        }
    }

    pub(super) fn pending(&self, held: &Held, new: &NewKey, label: String) -> Result<PendingAuthenticator, Refused> {
        let key = self.store.seal_key().map_err(|error| from_seal(&error))?;
        let id = random_id().map_err(no_randomness)?;
        let secret = key.seal(&new.secret, belongs(held, &id)).map_err(|error| from_seal(&error))?;
        let created_at = self.clock.now().wall;
        let (algorithm, digits, progress) = (new.algorithm, new.digits, new.progress.clone());
        let authenticator = Authenticator { id, label, algorithm, digits, progress, added_at: created_at, secret };
        let proved =
            self.authority == Authority::Administrator || held.account.as_ref().is_some_and(Account::is_enrolled);
        Ok(PendingAuthenticator {
            created_at,
            expires_at: created_at.after(PENDING),
            proved,
            begun_by: self.authority.word().to_owned(),
            tries: 0,
            replaces: None,
            renews_codes: false,
            authenticator,
        })
    }

    /// What the phone needs, for the one time that it is shown.
    pub(super) fn shown(&self, held: &Held, secret: &Secret, pending: &PendingAuthenticator) -> Pending {
        let host = host_name();
        let issuer = self.config.totp.issuer.clone().unwrap_or_else(|| host.clone());
        // A colon would part issuer and account for the app.
        let account = format!("{}@{host}", held.name).replace(':', "_");
        let label = Label { issuer: &issuer, account: &account };
        let parameters = pending.authenticator.parameters();
        let (kind, period, next) = match pending.authenticator.progress {
            Progress::Time { period, .. } => (Kind::Totp, Some(period), Step(0)),
            Progress::Counter { next } => (Kind::Hotp, None, next),
        };
        Pending {
            label: pending.authenticator.label.clone(),
            uri: otp::uri(secret, parameters, next, label),
            secret: otp::base32(secret),
            kind,
            digits: parameters.digits,
            period,
            counter: (kind == Kind::Hotp).then_some(next.0),
            algorithm: parameters.algorithm.to_string(),
            expires_at: pending.expires_at.0,
            issuer,
            account,
        }
    }

    /// Which authenticator a request to remove means, if it may go.
    fn removable(&self, account: Option<&Account>, label: Option<&str>) -> Result<usize, Refused> {
        let authenticators = account.map_or(&[][..], |account| &account.authenticators);
        let index = named(authenticators, label, "twostep remove LABEL")?;
        let is_needed =
            self.authority == Authority::User && authenticators.len() == 1 && self.config.policy.requires(&self.person);
        if is_needed {
            return Err(Refused::new(Refusal::Policy, changes::LAST_ONE_STAYS));
        }
        Ok(index)
    }
}

/// Whether something can be called so.
pub(super) fn is_label(label: &str) -> bool {
    (1..=LABEL).contains(&label.len()) && crate::audit::printable(label) == label && label.trim() == label
}

/// Which authenticator a label means, or the only one where there is none.
fn named(authenticators: &[Authenticator], label: Option<&str>, command: &str) -> Result<usize, Refused> {
    match (label, authenticators) {
        (None, [_]) => Ok(0),
        (None, [_, _, ..]) => Err(Refused::new(Refusal::BadRequest, &changes::which(command))),
        (label, _) => {
            let found = authenticators.iter().position(|one| Some(one.label.as_str()) == label);
            found.ok_or_else(no_authenticator)
        }
    }
}

pub(super) fn belongs<'a>(held: &'a Held, id: &'a str) -> Belongs<'a> {
    Belongs { user: held.name.as_str(), id, purpose: PURPOSE }
}

pub(super) fn no_authenticator() -> Refused {
    Refused::new(Refusal::NoAuthenticator, changes::NO_SUCH_AUTHENTICATOR)
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}
