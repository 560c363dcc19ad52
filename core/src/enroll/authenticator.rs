//! A phone comes, a phone goes.

use std::time::Duration;

use super::{Authority, Desk, Proof, from_seal, from_store, refused};
use crate::account::{Account, Authenticator, PendingAuthenticator};
use crate::ledger::random_id;
use crate::otp::{self, Label, Window};
use crate::recovery::RecoverySet;
use crate::request::{Pending, Refusal, Response};
use crate::seal::Belongs;
use crate::secret::{NoRandomness, Secret, Typed};
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

impl<S: Store, C: Clock> Desk<S, C> {
    /// Makes a pending authenticator; another one that was pending is gone.
    pub(super) fn begin(
        &self,
        label: Option<String>,
        proof: Option<&Typed>,
        permit: Option<&Typed>,
    ) -> Result<Response, Response> {
        if !label.iter().all(|label| is_label(label)) {
            return Err(refused(
                Refusal::BadRequest,
                "The label cannot be used. Give 1 to 64 bytes without control characters and without space around them.",
            ));
        }
        let account = self.store.find(&self.person).map_err(|error| from_store(&error))?;
        let permit = self.permit(account.as_ref(), permit)?;
        let proof = self.proof(proof)?;
        let secret = Secret::random(self.config.totp.algorithm.secret_bytes()).map_err(no_randomness)?;
        self.change(|held| {
            let label = self.free_label(held.account.as_ref(), label)?;
            let pending = self.pending(held, &proof, &secret, label)?;
            self.prove(held, &proof)?;
            self.check_permit(held, &permit)?;
            let shown = self.shown(held, &secret, &pending);
            self.record(self.event("enrollment-begun").with("authenticator", &shown.label));
            let now = pending.created_at;
            let account = held.account.get_or_insert_with(|| Account::new(&held.name, held.uid, Timestamp(now.0 - 1)));
            account.pending = Some(pending);
            held.keep(Keep::Account);
            Ok(Response::Pending(shown))
        })
    }

    /// Confirms the pending authenticator. Its code is spent by that.
    pub(super) fn confirm(&self, code: &Typed) -> Result<Response, Response> {
        let account = self.store.find(&self.person).map_err(|error| from_store(&error))?;
        let now = self.clock.now().wall;
        let codes = match account.and_then(|account| account.recovery) {
            None => Some(RecoverySet::generate(self.config.recovery.count, now).map_err(no_randomness)?),
            Some(_) => None,
        };
        let key = self.store.seal_key().map_err(|error| from_seal(&error))?;
        let digits: String = code.expose().trim().chars().filter(|letter| !matches!(letter, ' ' | '-')).collect();
        let digits = Typed::new(digits);
        self.change(|held| {
            let mut authenticator = self.confirmable(held)?;
            let now = self.clock.now().wall;
            let secret = key.open(&authenticator.secret, belongs(held, &authenticator.id)).map_err(|error| from_seal(&error))?;
            let window: Window = authenticator.window(now, self.config.totp.window);
            let Some(step) = otp::matching_step(&secret, authenticator.parameters(), digits.expose(), window) else {
                self.record(self.event("confirmation-refused").with("authenticator", &authenticator.label));
                return Err(refused(
                    Refusal::NotAccepted,
                    "This code does not fit the new key. Type the one that the app shows now, and check that the clocks of phone and host are right.",
                ));
            };
            (authenticator.enrolled_step, authenticator.added_at) = (step, now);
            held.spend(&authenticator, step);
            held.ledger.pass(self.clock.now().uptime);
            Ok(self.confirmed(held, authenticator, codes))
        })
    }

    /// Removes an authenticator; with the last one the recovery codes and application passwords go.
    pub(super) fn remove(&self, label: Option<&str>, proof: &Typed) -> Result<Response, Response> {
        let proof = self.proof(Some(proof))?;
        self.change(|held| {
            let index = self.removable(held.account.as_ref(), label)?;
            self.prove(held, &proof)?;
            let now = self.clock.now().wall;
            let Some(account) = held.account.as_mut() else { return Err(no_authenticator()) };
            let removed = account.authenticators.remove(index);
            held.ledger.forget_places();
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
    pub(super) fn free_label(&self, account: Option<&Account>, wanted: Option<String>) -> Result<String, Response> {
        let taken: Vec<&str> =
            account.iter().flat_map(|account| &account.authenticators).map(|one| one.label.as_str()).collect();
        if taken.len() >= self.config.totp.max_authenticators {
            return Err(refused(
                Refusal::NoRoom,
                "You have as many authenticators as this host allows. Remove one first: twostep remove LABEL.",
            ));
        }
        match wanted {
            Some(label) if taken.contains(&label.as_str()) => {
                Err(refused(Refusal::NoRoom, "An authenticator has this label already. Choose another label."))
            }
            Some(label) => Ok(label),
            None => {
                let numbered = (2..).map(|number| format!("{DEFAULT_LABEL} {number}"));
                let mut labels = std::iter::once(DEFAULT_LABEL.to_owned()).chain(numbered);
                Ok(labels.find(|label| !taken.contains(&label.as_str())).unwrap_or_default())
            }
        }
    }

    pub(super) fn pending(
        &self,
        held: &Held,
        proof: &Proof,
        secret: &Secret,
        label: String,
    ) -> Result<PendingAuthenticator, Response> {
        let key = proof.key.as_ref().map_err(from_seal)?;
        let id = random_id().map_err(no_randomness)?;
        let sealed = key.seal(secret, belongs(held, &id)).map_err(|error| from_seal(&error))?;
        let created_at = self.clock.now().wall;
        let otp::Parameters { algorithm, digits, period } = self.config.parameters();
        let (drift, enrolled_step, added_at) = (0, Step(0), created_at);
        let authenticator =
            Authenticator { id, label, algorithm, digits, period, drift, enrolled_step, added_at, secret: sealed };
        let proved =
            self.authority == Authority::Administrator || held.account.as_ref().is_some_and(Account::is_enrolled);
        Ok(PendingAuthenticator {
            created_at,
            expires_at: created_at.after(PENDING),
            proved,
            login_from: None,
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
        Pending {
            label: pending.authenticator.label.clone(),
            uri: otp::uri(secret, parameters, label),
            secret: otp::base32(secret),
            digits: parameters.digits,
            period: parameters.period,
            algorithm: parameters.algorithm.to_string(),
            expires_at: pending.expires_at.0,
            issuer,
            account,
        }
    }

    /// The pending authenticator, if it may be confirmed now.
    fn confirmable(&self, held: &Held) -> Result<Authenticator, Response> {
        let now = self.clock.now().wall;
        let account = held.account.as_ref();
        let alive = |pending: &&PendingAuthenticator| pending.created_at <= now && now < pending.expires_at;
        let Some(pending) = account.and_then(|account| account.pending.as_ref()).filter(alive) else {
            return Err(refused(
                Refusal::NothingPending,
                "There is no enrollment to confirm, or it took longer than 15 minutes. Start again: twostep enroll.",
            ));
        };
        if account.is_some_and(Account::is_enrolled) && !pending.proved {
            return Err(refused(
                Refusal::ProofRequired,
                "This enrollment was begun before another one was confirmed. Start again: twostep enroll.",
            ));
        }
        self.free_label(account, Some(pending.authenticator.label.clone()))?;
        Ok(pending.authenticator.clone())
    }

    fn confirmed(
        &self,
        held: &mut Held,
        authenticator: Authenticator,
        codes: Option<(RecoverySet, Vec<Typed>)>,
    ) -> Response {
        let (label, now) = (authenticator.label.clone(), authenticator.added_at);
        held.keep(Keep::Account);
        let Some(account) = held.account.as_mut() else { return no_authenticator() };
        (account.pending, account.invite, account.grace_since) = (None, None, None);
        account.authenticators.push(authenticator);
        account.record(now, "enrolled", &label);
        let recovery_codes = match codes {
            Some((set, shown)) if account.recovery.is_none() => {
                account.recovery = Some(set);
                Some(shown)
            }
            _ => None,
        };
        self.record(self.event("enrolled").with("authenticator", &label));
        Response::Confirmed { label, recovery_codes }
    }

    /// Which authenticator a request to remove means, if it may go.
    fn removable(&self, account: Option<&Account>, label: Option<&str>) -> Result<usize, Response> {
        let authenticators = account.map_or(&[][..], |account| &account.authenticators);
        let index = match (label, authenticators) {
            (None, [_]) => Some(0),
            (None, [_, _, ..]) => {
                return Err(refused(
                    Refusal::BadRequest,
                    "You have several authenticators. Name the one to remove: twostep remove LABEL.",
                ));
            }
            (label, _) => authenticators.iter().position(|one| Some(one.label.as_str()) == label),
        };
        let index = index.ok_or_else(no_authenticator)?;
        let is_needed =
            self.authority == Authority::User && authenticators.len() == 1 && self.config.policy.requires(&self.person);
        if is_needed {
            return Err(refused(
                Refusal::Policy,
                "This host requires two-step authentication, so the last authenticator stays. Enroll another one first: twostep enroll.",
            ));
        }
        Ok(index)
    }
}

/// Whether something can be called so.
pub(super) fn is_label(label: &str) -> bool {
    (1..=LABEL).contains(&label.len()) && crate::audit::printable(label) == label && label.trim() == label
}

fn belongs<'a>(held: &'a Held, id: &'a str) -> Belongs<'a> {
    Belongs { user: held.name.as_str(), id, purpose: PURPOSE }
}

fn no_authenticator() -> Response {
    refused(Refusal::NoAuthenticator, "There is no such authenticator. See the list: twostep status.")
}

pub(super) fn no_randomness(error: NoRandomness) -> Response {
    super::failed(&error.to_string())
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}
