//! What a user's first enrollment takes, so that a stolen session cannot enroll a stranger's phone.

use super::{AccountManager, Authority};
use crate::account::Account;
use crate::config::Enrollment;
use crate::messages::changes;
use crate::recovery::{self, HashedAnswer, RecoveryMatch};
use crate::request::{Refusal, Refused};
use crate::secret::Typed;
use crate::store::{Held, Store};
use crate::time::Clock;

/// Who knows the passwords of accounts.
pub trait Passwords {
    /// Whether this is the password of the process's own user.
    ///
    /// # Errors
    /// It cannot be known: what is wrong, and what to do.
    fn is_right(&self, user: &str, password: &Typed) -> Result<bool, String>;
}

/// What was given as a permit, judged as far as that needs no lock.
pub(super) enum Permit {
    /// Nothing is needed.
    Granted,
    /// An invitation's code, hashed.
    Invite(Option<HashedAnswer>),
}

impl<S: Store, C: Clock> AccountManager<S, C> {
    /// Looks at a permit, before the lock. One who is enrolled gives a proof instead.
    pub(super) fn permit(&self, account: Option<&Account>, typed: Option<&Typed>) -> Result<Permit, Refused> {
        let is_first = self.authority == Authority::User && !account.is_some_and(Account::is_enrolled);
        match (self.config.policy.enrollment, typed) {
            (Enrollment::Password, None) if is_first => {
                Err(Refused::new(Refusal::PasswordRequired, changes::PASSWORD_REQUIRED))
            }
            (Enrollment::Password, Some(password)) if is_first => self.check_password(password),
            (Enrollment::Invite, None) if is_first => {
                Err(Refused::new(Refusal::InviteRequired, changes::INVITE_REQUIRED))
            }
            (Enrollment::Invite, Some(code)) if is_first => {
                let invite = account.and_then(|account| account.invite.as_ref());
                let code = invite.zip(recovery::parse(code.expose()));
                Ok(Permit::Invite(code.map(|(invite, code)| invite.code.hash(&code))))
            }
            _ => Ok(Permit::Granted),
        }
    }

    /// Holds a permit against the account, under the lock.
    pub(super) fn check_permit(&self, held: &Held, permit: &Permit) -> Result<(), Refused> {
        let Permit::Invite(given) = permit else { return Ok(()) };
        let now = self.clock.now().wall;
        let invite = held.account.as_ref().and_then(|account| account.invite.as_ref());
        let invite = invite.filter(|invite| invite.open_until(now).is_some());
        let found = invite.zip(given.as_ref()).map(|(invite, given)| invite.code.find(given));
        if matches!(found, Some(RecoveryMatch::Unused(_))) {
            return Ok(());
        }
        self.record(self.event("enrollment-code-refused"));
        Err(Refused::new(Refusal::NotAccepted, &changes::wrong_invite(&self.config)))
    }

    fn check_password(&self, password: &Typed) -> Result<Permit, Refused> {
        let Some(passwords) = &self.passwords else {
            return Err(super::failed("the password cannot be checked here; run twostep enroll as the user"));
        };
        match passwords.is_right(self.person.name.as_str(), password) {
            Ok(true) => Ok(Permit::Granted),
            Ok(false) => {
                self.audit.record(&self.event("enrollment-password-refused").finish());
                Err(Refused::new(Refusal::NotAccepted, changes::WRONG_PASSWORD))
            }
            Err(trouble) => Err(super::failed(&trouble)),
        }
    }
}
