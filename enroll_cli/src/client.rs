//! The two ways to an account: a user's goes through the service, root's straight to the store.

use std::time::Duration;

use nix::unistd::{Uid, geteuid};
use protocol::client::{self, CallError, USER_SOCKET};
use twostep_core::enroll::{AccountManager, AccountReport, Issued};
use twostep_core::request::{Refusal, Request, Response, SuspensionStatus};

use crate::audit::Syslog;
use crate::error::CommandError;
use crate::messages::general;

/// How often a service that is busy is asked again: a user's sessions may all begin at once.
const TRIES: u32 = 50;
/// How long before that.
const PAUSE: Duration = Duration::from_millis(100);

/// Someone who answers requests about one account.
pub trait Client {
    /// Has the request answered. A refusal is a [`CommandError`].
    fn ask(&mut self, request: Request) -> Result<Response, CommandError>;

    /// Whether changes need a proof.
    fn needs_proof(&self) -> bool;
}

/// The way to the account of the caller, or to that of the user whom root named.
pub fn to_account_of(user: Option<&str>) -> Result<Box<dyn Client>, CommandError> {
    match named(geteuid(), user)? {
        Some(user) => Ok(Box::new(Direct::open(user)?)),
        None => Ok(Box::new(Service)),
    }
}

/// The way to the account of the caller, where root has none to name.
pub fn to_own_account() -> Result<Box<dyn Client>, CommandError> {
    own(geteuid())?;
    Ok(Box::new(Service))
}

/// Application passwords are their user's: an administrator who made one could log in with it.
fn own(caller: Uid) -> Result<(), CommandError> {
    if caller.is_root() {
        return Err(CommandError::refused(Refusal::Policy, general::EACH_THEIR_OWN.to_owned()));
    }
    Ok(())
}

/// The user whom root named; a user names nobody.
fn named(caller: Uid, user: Option<&str>) -> Result<Option<&str>, CommandError> {
    match (caller.is_root(), user) {
        (true, None) => Err(CommandError::usage(general::NAME_THE_USER)),
        (false, Some(_)) => Err(CommandError::usage(general::ONLY_ROOT)),
        (true, Some(_)) | (false, None) => Ok(user),
    }
}

/// Through the service, which knows its caller and asks for proofs.
struct Service;

impl Client for Service {
    fn ask(&mut self, request: Request) -> Result<Response, CommandError> {
        for _ in 0..TRIES {
            match client::call(USER_SOCKET, &request).map_err(|error| not_there(&error))? {
                Response::Refused(refused) if refused.reason == Refusal::Busy => std::thread::sleep(PAUSE),
                response => return accepted(response),
            }
        }
        accepted(client::call(USER_SOCKET, &request).map_err(|error| not_there(&error))?)
    }

    fn needs_proof(&self) -> bool {
        true
    }
}

/// Straight to the store, as root. Nothing that runs with fewer rights is started.
pub struct Direct {
    manager: AccountManager,
}

impl Direct {
    /// To the account of one user.
    pub fn open(user: &str) -> Result<Self, CommandError> {
        match AccountManager::for_administrator(user, Box::new(Syslog)) {
            Ok(manager) => Ok(Self { manager }),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Switches the second step off for a time; `by` answers for it.
    pub fn suspend(&mut self, time: Duration, by: &str, reason: &str) -> Result<SuspensionStatus, CommandError> {
        self.manager.suspend(time, by, reason).map_err(CommandError::from)
    }

    /// Switches it on again; `by` answers for it.
    pub fn resume(&mut self, by: &str) -> Result<(), CommandError> {
        self.manager.resume(by).map_err(CommandError::from)
    }

    /// Forgets the wrong codes; `by` answers for it.
    pub fn unlock(&mut self, by: &str) -> Result<(), CommandError> {
        self.manager.unlock(by).map_err(CommandError::from)
    }

    /// Makes one recovery code to read out; `by` answers for it.
    pub fn issue_recovery_code(&mut self, by: &str) -> Result<Issued, CommandError> {
        self.manager.issue_recovery_code(by).map_err(CommandError::from)
    }

    /// Makes a code by which the user enrolls; `by` answers for it.
    pub fn invite(&mut self, time: Duration, by: &str) -> Result<Issued, CommandError> {
        self.manager.invite(time, by).map_err(CommandError::from)
    }

    /// Forgets every authenticator, recovery code and application password.
    pub fn reset(&mut self, by: &str) -> Result<Response, CommandError> {
        self.manager.reset(by).map_err(CommandError::from)
    }

    /// The whole account without its secrets.
    pub fn show(&mut self) -> Result<AccountReport, CommandError> {
        self.manager.show().map_err(CommandError::from)
    }
}

impl Client for Direct {
    fn ask(&mut self, request: Request) -> Result<Response, CommandError> {
        accepted(self.manager.answer(request))
    }

    fn needs_proof(&self) -> bool {
        false
    }
}

/// Only root may use the administrator's commands.
pub fn only_root(caller: Uid) -> Result<(), CommandError> {
    if caller.is_root() {
        return Ok(());
    }
    Err(CommandError::refused(Refusal::BadCaller, general::NOT_ROOT.to_owned()))
}

/// The response, if it is no refusal.
pub fn accepted(response: Response) -> Result<Response, CommandError> {
    match response {
        Response::Refused(refused) => Err(refused.into()),
        response => Ok(response),
    }
}

/// There was no response.
pub fn not_there(error: &CallError) -> CommandError {
    let reason = if matches!(error, CallError::NotThere { .. }) { Refusal::NotSetUp } else { Refusal::Failed };
    CommandError::refused(reason, general::no_service(error))
}

/// What came is not an answer to what was asked.
pub fn broken(what: &str) -> CommandError {
    CommandError::refused(Refusal::Failed, general::not_done(what))
}

#[cfg(test)]
pub mod scripted {
    //! Answers in the order in which a test expects the requests.

    use std::collections::VecDeque;

    use super::*;

    /// One expected request and its answer.
    pub type Expected = (fn(&Request) -> bool, Response);

    /// A scripted account. Dropping it before the script is used up fails the test.
    pub struct Script {
        turns: VecDeque<Expected>,
        proofs: bool,
    }

    impl Script {
        /// A user's way to the account.
        pub fn user(turns: Vec<Expected>) -> Self {
            Self { turns: turns.into(), proofs: true }
        }

        /// Root's way to the account.
        pub fn root(turns: Vec<Expected>) -> Self {
            Self { turns: turns.into(), proofs: false }
        }
    }

    impl Client for Script {
        fn ask(&mut self, request: Request) -> Result<Response, CommandError> {
            let (expected, response) = self.turns.pop_front().expect("no request is expected");
            assert!(expected(&request), "not the expected request: {request:?}");
            accepted(response)
        }

        fn needs_proof(&self) -> bool {
            self.proofs
        }
    }

    impl Drop for Script {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                assert!(self.turns.is_empty(), "{} turns were not used", self.turns.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_names_a_user_and_a_user_names_nobody() {
        let (root, alice) = (Uid::from_raw(0), Uid::from_raw(1000));
        assert_eq!(named(root, Some("bob")), Ok(Some("bob")));
        assert_eq!(named(alice, None), Ok(None));
        assert_eq!(named(root, None).unwrap_err().reason, "usage");
        assert_eq!(named(alice, Some("alice")).unwrap_err().reason, "usage");
    }

    #[test]
    fn application_passwords_are_their_users() {
        assert_eq!(own(Uid::from_raw(1000)), Ok(()));
        let error = own(Uid::from_raw(0)).unwrap_err();
        assert!(error.is(Refusal::Policy) && error.message.contains("admin app-passwords"), "{error}");
    }

    #[test]
    fn the_administrators_commands_are_roots() {
        assert_eq!(only_root(Uid::from_raw(0)), Ok(()));
        assert!(only_root(Uid::from_raw(1000)).unwrap_err().is(Refusal::BadCaller));
    }
}
