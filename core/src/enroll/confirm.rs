//! A new authenticator is confirmed by a code that it shows.

use super::authenticator::{belongs, no_authenticator};
use super::{AccountManager, from_seal, no_randomness};
use crate::account::{Account, Authenticator, PendingAuthenticator, Progress};
use crate::messages::changes;
use crate::otp::{self, Window};
use crate::recovery::RecoverySet;
use crate::request::{Refusal, Refused, Response};
use crate::secret::{Secret, Typed};
use crate::store::{Held, Keep, Store};
use crate::time::{Clock, Step, Timestamp};

/// How many codes may be given to confirm one pending authenticator: somebody who did not see its secret
/// must not find a code by trying, and get recovery codes for it.
pub(super) const TRIES: u32 = 10;

/// A pending authenticator, after a try at it was counted.
struct Tried {
    pending: PendingAuthenticator,
    secret: Secret,
    /// Whether its confirmation makes recovery codes.
    makes_codes: bool,
}

/// Where a code of a new device stands.
enum FoundAt {
    /// It is one of now.
    Now(Step),
    /// It is right at another time.
    OtherTime,
    /// It is none.
    Nowhere,
}

impl<S: Store, C: Clock> AccountManager<S, C> {
    /// Confirms the pending authenticator by one code, or by two that follow each other where its
    /// clock is off. They are spent by that.
    ///
    /// The try is on the disk before the code is looked at, so that no killed process saves one; and
    /// recovery codes are made only when the code was right.
    pub(super) fn confirm(&self, by: &str, code: &Typed, next: Option<&Typed>) -> Result<Response, Refused> {
        let tried = self.try_once(by)?;
        let now = self.clock.now();
        let (code, next) = (digits(code), next.map(digits));
        let Some((progress, step)) = self.fits(&tried, &code, next.as_ref(), now.wall) else {
            return Err(self.does_not_fit(&tried, next.as_ref().unwrap_or(&code), now.wall));
        };
        let codes = tried.makes_codes.then(|| RecoverySet::generate(self.config.recovery.count, now.wall));
        let codes = codes.transpose().map_err(no_randomness)?;
        self.change(|held| {
            let pending = self.confirmable(held, by)?;
            if pending.authenticator.id != tried.pending.authenticator.id {
                return Err(nothing_pending());
            }
            let authenticator =
                Authenticator { progress: progress.clone(), added_at: now.wall, ..pending.authenticator.clone() };
            held.ledger.pass(now.uptime);
            let response = self.confirmed(held, &pending, authenticator.clone(), codes.clone());
            held.spend(&authenticator, step);
            response
        })
    }

    /// Counts a try at the pending authenticator. One without tries left is taken out.
    fn try_once(&self, by: &str) -> Result<Tried, Refused> {
        let tried = self.change(|held| {
            let pending = self.confirmable(held, by)?;
            let key = self.store.seal_key().map_err(|error| from_seal(&error))?;
            let one = &pending.authenticator;
            let secret = key.open(&one.secret, belongs(held, &one.id)).map_err(|error| from_seal(&error))?;
            held.keep(Keep::Account);
            let Some(account) = held.account.as_mut() else { return Err(nothing_pending()) };
            if pending.tries >= TRIES {
                account.pending = None;
                return Ok(None);
            }
            let pending = PendingAuthenticator { tries: pending.tries + 1, ..pending };
            account.pending = Some(pending.clone());
            let makes_codes = pending.renews_codes || account.recovery.is_none();
            Ok(Some(Tried { pending, secret, makes_codes }))
        })?;
        tried.ok_or_else(tries_used_up)
    }

    /// The pending authenticator, if who asks began it and may confirm it now.
    fn confirmable(&self, held: &Held, by: &str) -> Result<PendingAuthenticator, Refused> {
        let now = self.clock.now().wall;
        let account = held.account.as_ref();
        let is_theirs = |pending: &&PendingAuthenticator| {
            pending.begun_by == by && pending.created_at <= now && now < pending.expires_at
        };
        let Some(pending) = account.and_then(|account| account.pending.as_ref()).filter(is_theirs) else {
            return Err(nothing_pending());
        };
        if account.is_some_and(Account::is_enrolled) && !pending.proved {
            return Err(Refused::new(Refusal::ProofRequired, changes::PENDING_UNPROVED));
        }
        match &pending.replaces {
            None => drop(self.free_label(account, Some(pending.authenticator.label.clone()))?),
            Some(id) if account.is_some_and(|account| account.authenticators.iter().any(|one| one.id == *id)) => {}
            Some(_) => return Err(no_authenticator()),
        }
        Ok(pending.clone())
    }

    /// How far the device is, if the code fits it, or both codes do.
    fn fits(&self, tried: &Tried, code: &Typed, next: Option<&Typed>, now: Timestamp) -> Option<(Progress, Step)> {
        let (one, secret) = (&tried.pending.authenticator, &tried.secret);
        match (self.place(one, secret, code, now), next) {
            (FoundAt::Now(step), _) => Some(confirmed_at(one, step)),
            (FoundAt::OtherTime, Some(next)) => match self.place(one, secret, next, now) {
                FoundAt::Now(step) => Some(confirmed_at(one, step)),
                FoundAt::OtherTime | FoundAt::Nowhere => self.follow(one, secret, (code, next), now),
            },
            (FoundAt::OtherTime | FoundAt::Nowhere, _) => None,
        }
    }

    fn place(&self, one: &Authenticator, secret: &Secret, code: &Typed, now: Timestamp) -> FoundAt {
        let matches = |window| otp::matching_steps(secret, one.parameters(), code.expose(), window).last().copied();
        let reach = one.reach(now, self.config.totp.resync_range);
        let window = match one.progress {
            Progress::Time { .. } => one.window(now, self.config.totp.window),
            Progress::Counter { .. } => reach,
        };
        match (matches(window), matches(reach)) {
            (Some(step), _) => FoundAt::Now(step),
            (None, Some(_)) => FoundAt::OtherTime,
            (None, None) => FoundAt::Nowhere,
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

    /// Why a code does not confirm. After the last try the pending authenticator is gone.
    fn does_not_fit(&self, tried: &Tried, code: &Typed, now: Timestamp) -> Refused {
        let one = &tried.pending.authenticator;
        self.audit.record(&self.event("confirmation-refused").with("authenticator", &one.label).finish());
        if tried.pending.tries >= TRIES {
            let dropped = self.change(|held| {
                let account = held.account.as_mut();
                if let Some(account) = account.filter(|account| is_pending(account, &one.id)) {
                    account.pending = None;
                    held.keep(Keep::Account);
                }
                Ok(())
            });
            return dropped.err().unwrap_or_else(tries_used_up);
        }
        match self.place(one, &tried.secret, code, now) {
            FoundAt::OtherTime => Refused::new(Refusal::WrongClock, changes::FITS_ANOTHER_TIME),
            FoundAt::Now(_) | FoundAt::Nowhere => Refused::new(Refusal::NotAccepted, changes::DOES_NOT_FIT),
        }
    }

    fn confirmed(
        &self,
        held: &mut Held,
        pending: &PendingAuthenticator,
        authenticator: Authenticator,
        codes: Option<(RecoverySet, Vec<Typed>)>,
    ) -> Result<Response, Refused> {
        let (label, now) = (authenticator.label.clone(), authenticator.added_at);
        held.keep(Keep::Account);
        let Some(account) = held.account.as_mut() else { return Err(no_authenticator()) };
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
            held.ledger.forget_logins();
        }
        Ok(Response::Confirmed { label, recovery_codes, replaced })
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

fn is_pending(account: &Account, id: &str) -> bool {
    account.pending.as_ref().is_some_and(|pending| pending.authenticator.id == id)
}

fn nothing_pending() -> Refused {
    Refused::new(Refusal::NothingPending, changes::NOTHING_PENDING)
}

fn tries_used_up() -> Refused {
    Refused::new(Refusal::TriesUsedUp, changes::TRIES_USED_UP)
}
