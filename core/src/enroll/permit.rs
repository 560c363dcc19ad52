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
    /// One who is enrolled gives a proof instead.
    Enrolled,
    /// An invitation's code, hashed.
    Invite(Option<HashedAnswer>),
}

impl<S: Store, C: Clock> AccountManager<S, C> {
    /// Looks at a permit, before the lock.
    pub(super) fn permit(&self, account: Option<&Account>, typed: Option<&Typed>) -> Result<Permit, Refused> {
        if self.authority != Authority::User {
            return Ok(Permit::Granted);
        }
        if account.is_some_and(Account::is_enrolled) {
            return Ok(Permit::Enrolled);
        }
        match (self.config.policy.enrollment, typed) {
            (Enrollment::Password, Some(password)) => self.check_password(password),
            (Enrollment::Invite, Some(code)) => {
                let invite = account.and_then(|account| account.invite.as_ref());
                let code = invite.zip(recovery::parse(code.expose()));
                Ok(Permit::Invite(code.map(|(invite, code)| invite.code.hash(&code))))
            }
            (Enrollment::Open | Enrollment::Password | Enrollment::Invite, _) => {
                self.without_permit().map(|()| Permit::Granted)
            }
        }
    }

    /// Whether a first enrollment needs no permit.
    fn without_permit(&self) -> Result<(), Refused> {
        match self.config.policy.enrollment {
            Enrollment::Open => Ok(()),
            Enrollment::Password => Err(Refused::new(Refusal::PasswordRequired, changes::PASSWORD_REQUIRED)),
            Enrollment::Invite => Err(Refused::new(Refusal::InviteRequired, changes::INVITE_REQUIRED)),
        }
    }

    /// Holds a permit against the account, under the lock.
    pub(super) fn check_permit(&self, held: &Held, permit: &Permit) -> Result<(), Refused> {
        let given = match permit {
            Permit::Granted => return Ok(()),
            Permit::Enrolled if held.account.as_ref().is_some_and(Account::is_enrolled) => return Ok(()),
            // An administrator has reset the account meanwhile.
            Permit::Enrolled => return self.without_permit(),
            Permit::Invite(given) => given,
        };
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
