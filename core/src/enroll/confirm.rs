//! A new authenticator is confirmed by a code that it shows.

use super::authenticator::{belongs, no_authenticator};
use super::{Desk, from_seal, from_store, no_randomness, refused};
use crate::account::{Account, Authenticator, PendingAuthenticator, Progress};
use crate::otp::{self, Window};
use crate::recovery::RecoverySet;
use crate::request::{Refusal, Response};
use crate::secret::{Secret, Typed};
use crate::store::{Held, Keep, Store};
use crate::time::{Clock, Step, Timestamp};
use crate::words::changes;

/// Where a code of a new device stands.
enum Found {
    /// It is one of now.
    Now(Step),
    /// It is right at another time.
    OtherTime,
    /// It is none.
    Nowhere,
}

impl<S: Store, C: Clock> Desk<S, C> {
    /// Confirms the pending authenticator by one code, or by two that follow each other where its
    /// clock is off. They are spent by that.
    pub(super) fn confirm(&self, code: &Typed, next: Option<&Typed>) -> Result<Response, Response> {
        let account = self.store.find(&self.person).map_err(|error| from_store(&error))?;
        let now = self.clock.now().wall;
        let renews = account.as_ref().and_then(|account| account.pending.as_ref()).is_some_and(|one| one.renews_codes);
        let has_codes = account.is_some_and(|account| account.recovery.is_some());
        let codes = (renews || !has_codes).then(|| RecoverySet::generate(self.config.recovery.count, now));
        let codes = codes.transpose().map_err(no_randomness)?;
        let (code, next) = (digits(code), next.map(digits));
        self.change(|held| {
            let pending = self.confirmable(held)?;
            let one = &pending.authenticator;
            let key = self.store.seal_key().map_err(|error| from_seal(&error))?;
            let secret = key.open(&one.secret, belongs(held, &one.id)).map_err(|error| from_seal(&error))?;
            let now = self.clock.now();
            let place = |code: &Typed| self.place(one, &secret, code, now.wall);
            let progress = match (place(&code), next.as_ref()) {
                (Found::Now(step), _) => Some(confirmed_at(one, step)),
                (Found::OtherTime, Some(next)) => match place(next) {
                    Found::Now(step) => Some(confirmed_at(one, step)),
                    Found::OtherTime | Found::Nowhere => self.follow(one, &secret, (&code, next), now.wall),
                },
                (Found::OtherTime | Found::Nowhere, _) => None,
            };
            let Some((progress, step)) = progress else {
                return Err(self.does_not_fit(one, &place(next.as_ref().unwrap_or(&code))));
            };
            let authenticator = Authenticator { progress, added_at: now.wall, ..one.clone() };
            held.ledger.pass(now.uptime);
            let response = self.confirmed(held, &pending, authenticator.clone(), codes.clone());
            held.spend(&authenticator, step);
            Ok(response)
        })
    }

    /// The pending authenticator, if it may be confirmed now.
    fn confirmable(&self, held: &Held) -> Result<PendingAuthenticator, Response> {
        let now = self.clock.now().wall;
        let account = held.account.as_ref();
        let alive = |pending: &&PendingAuthenticator| pending.created_at <= now && now < pending.expires_at;
        let Some(pending) = account.and_then(|account| account.pending.as_ref()).filter(alive) else {
            return Err(refused(Refusal::NothingPending, changes::NOTHING_PENDING));
        };
        if account.is_some_and(Account::is_enrolled) && !pending.proved {
            return Err(refused(Refusal::ProofRequired, changes::PENDING_UNPROVED));
        }
        match &pending.replaces {
            None => drop(self.free_label(account, Some(pending.authenticator.label.clone()))?),
            Some(id) if account.is_some_and(|account| account.authenticators.iter().any(|one| one.id == *id)) => {}
            Some(_) => return Err(no_authenticator()),
        }
        Ok(pending.clone())
    }

    fn place(&self, one: &Authenticator, secret: &Secret, code: &Typed, now: Timestamp) -> Found {
        let matches = |window| otp::matching_steps(secret, one.parameters(), code.expose(), window).last().copied();
        let reach = one.reach(now, self.config.totp.resync_range);
        let window = match one.progress {
            Progress::Time { .. } => one.window(now, self.config.totp.window),
            Progress::Counter { .. } => reach,
        };
        match (matches(window), matches(reach)) {
            (Some(step), _) => Found::Now(step),
            (None, Some(_)) => Found::OtherTime,
            (None, None) => Found::Nowhere,
        }
    }

    /// Where two codes that follow each other put the device.
    fn follow(
        &self,
        one: &Authenticator,
        secret: &Secret,
        (code, next): (&Typed, &Typed),
        now: Timestamp,
    ) -> Option<(Progress, Step)> {
        let Progress::Time { period, .. } = one.progress else { return None };
        let reach = one.reach(now, self.config.totp.resync_range);
        let matches = |code: &Typed, window| otp::matching_steps(secret, one.parameters(), code.expose(), window);
        let follows = |step: &Step| !matches(next, Window::around(*step, 0, 0)).is_empty();
        let step = matches(code, reach).into_iter().map(|step| step.shifted(1)).find(follows)?;
        let drift = i32::try_from(one.ahead(step, now)).ok()?;
        Some((Progress::Time { period, drift, spent: step, resynchronized_at: None }, step))
    }

    fn does_not_fit(&self, one: &Authenticator, found: &Found) -> Response {
        self.record(self.event("confirmation-refused").with("authenticator", &one.label));
        match found {
            Found::OtherTime => refused(Refusal::WrongClock, changes::FITS_ANOTHER_TIME),
            Found::Now(_) | Found::Nowhere => refused(Refusal::NotAccepted, changes::DOES_NOT_FIT),
        }
    }

    fn confirmed(
        &self,
        held: &mut Held,
        pending: &PendingAuthenticator,
        authenticator: Authenticator,
        codes: Option<(RecoverySet, Vec<Typed>)>,
    ) -> Response {
        let (label, now) = (authenticator.label.clone(), authenticator.added_at);
        held.keep(Keep::Account);
        let Some(account) = held.account.as_mut() else { return no_authenticator() };
        (account.pending, account.invite, account.grace_since) = (None, None, None);
        let old = account.authenticators.iter().position(|one| pending.replaces.as_ref() == Some(&one.id));
        let replaced = match old.and_then(|index| account.authenticators.get_mut(index)) {
            Some(place) => Some(std::mem::replace(place, authenticator).label),
            None => {
                account.authenticators.push(authenticator);
                None
            }
        };
        let event = if replaced.is_some() { "replaced" } else { "enrolled" };
        account.record(now, event, &label);
        self.record(self.event(event).with("authenticator", &label));
        let mut recovery_codes = None;
        if let Some((set, shown)) = codes.filter(|_| pending.renews_codes || account.recovery.is_none()) {
            if account.recovery.replace(set).is_some() {
                account.record(now, "recovery-codes-regenerated", "");
                self.record(self.event("recovery-codes-regenerated"));
            }
            recovery_codes = Some(shown);
        }
        if replaced.is_some() {
            held.ledger.forget_places();
        }
        Response::Confirmed { label, recovery_codes, replaced }
    }
}

/// A device that shows the code of this step now is right.
fn confirmed_at(one: &Authenticator, step: Step) -> (Progress, Step) {
    let progress = match one.progress {
        Progress::Time { period, drift, .. } => Progress::Time { period, drift, spent: step, resynchronized_at: None },
        Progress::Counter { .. } => Progress::Counter { next: step.shifted(1) },
    };
    (progress, step)
}

/// What was typed as a code, without what people put between.
fn digits(typed: &Typed) -> Typed {
    Typed::new(typed.expose().trim().chars().filter(|letter| !matches!(letter, ' ' | '-')).collect())
}
