//! Enrollment inside a login: its first step is passed, and the user must enroll now.

use std::cell::RefCell;

use super::confirm::TRIES;
use super::{AccountManager, Authority, from_seal};
use crate::account::{Account, PendingAuthenticator};
use crate::audit::Audit;
use crate::config::Config;
use crate::login::Attempt;
use crate::messages::changes;
use crate::request::{Pending, Refusal, Refused, Response};
use crate::secret::Typed;
use crate::store::{Held, Keep, Store};
use crate::throttle::Source;
use crate::time::{Clock, Timestamp};

impl<S: Store, C: Clock> AccountManager<S, C> {
    /// For someone whose login enrolls them.
    #[must_use]
    pub fn for_login(attempt: &Attempt, config: &Config, host: (S, C), audit: Box<dyn Audit>) -> Self {
        let (person, config, (store, clock)) = (attempt.person.clone(), config.clone(), host);
        let (authority, lines) = (Authority::Login, RefCell::default());
        Self { person, authority, config, store, clock, audit, passwords: None, lines }
    }

    /// The pending authenticator of this login. Who comes back within its time, from the same
    /// source, is shown the same one: a login may be too short for a first look for the phone.
    ///
    /// # Errors
    /// [`Refused`]: the user has enrolled meanwhile, or the account cannot be changed.
    pub fn offer(&self, source: &Source) -> Result<Pending, Refused> {
        let key = self.new_key(None)?;
        let offered = self.change(|held| {
            if held.account.as_ref().is_some_and(Account::is_enrolled) {
                return Err(Refused::new(Refusal::NoRoom, changes::ENROLLED_MEANWHILE));
            }
            if let Some(pending) = self.shown_here_before(held, source) {
                let sealed_with = self.store.seal_key().map_err(|error| from_seal(&error))?;
                let authenticator = &pending.authenticator;
                let belongs = authenticator.belongs(held.name.as_str());
                let secret = sealed_with.open(&authenticator.secret, belongs).map_err(|error| from_seal(&error))?;
                return Ok(self.shown(held, &secret, &pending));
            }
            let label = self.free_label(held.account.as_ref(), None)?;
            let pending = self.pending(held, &key, label)?;
            let pending = PendingAuthenticator { begun_by: begun_by(source), ..pending };
            let shown = self.shown(held, &key.secret, &pending);
            self.record(self.event("enrollment-begun").with("authenticator", &shown.label));
            let now = Timestamp(pending.created_at.0 - 1);
            held.account.get_or_insert_with(|| Account::new(&held.name, held.uid, now)).pending = Some(pending);
            held.keep(Keep::Account);
            Ok(shown)
        });
        offered.inspect_err(|refused| self.log_refusal(refused))
    }

    /// Confirms the pending authenticator by a code that it shows, or by that one and the next. Who is
    /// in a login has no command to start again with.
    ///
    /// # Errors
    /// [`Refused`]: the code is wrong, there is nothing to confirm, or the account cannot be changed.
    pub fn accept(&self, source: &Source, code: &Typed, next: Option<&Typed>) -> Result<Response, Refused> {
        let confirmed = self.confirm(&begun_by(source), code, next).map_err(|refused| match refused.reason {
            Refusal::NothingPending => Refused::new(refused.reason, changes::KEY_GONE),
            Refusal::TriesUsedUp => Refused::new(refused.reason, changes::KEY_TRIES_USED_UP),
            _ => refused,
        });
        confirmed.inspect_err(|refused| self.log_refusal(refused))
    }

    fn shown_here_before(&self, held: &Held, source: &Source) -> Option<PendingAuthenticator> {
        let now = self.clock.now().wall;
        let is_ours = |pending: &&PendingAuthenticator| {
            pending.begun_by == begun_by(source)
                && !source.is_anyone()
                && pending.tries < TRIES
                && pending.created_at <= now
                && now < pending.expires_at
        };
        held.account.as_ref()?.pending.as_ref().filter(is_ours).cloned()
    }
}

/// How a login from this source is called as the beginner of an enrollment.
fn begun_by(source: &Source) -> String {
    format!("{} {source}", Authority::Login.word())
}
