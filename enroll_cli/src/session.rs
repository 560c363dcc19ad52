//! One run of a command: the account, who answers questions, and where the results go.

use twostep_core::request::{Request, Response, Status};

use crate::client::{self, Client};
use crate::error::CommandError;
use crate::output::Output;
use crate::prompter::Prompter;

/// What a command works with.
pub struct Session {
    /// The account.
    pub client: Box<dyn Client>,
    /// Who answers questions.
    pub prompter: Box<dyn Prompter>,
    /// Where the results go.
    pub output: Output,
}

impl Session {
    /// How the second step of this account stands.
    pub fn status(&mut self) -> Result<Status, CommandError> {
        match self.client.ask(Request::Status {})? {
            Response::Status(status) => Ok(status),
            _ => Err(client::broken("no status")),
        }
    }
}

#[cfg(test)]
pub mod scripted {
    //! A session without helper and terminal.

    use twostep_core::request::{AuthenticatorStatus, Kind};

    use super::*;
    use crate::client::scripted::Script;
    use crate::output::scripted::{Printed, output};

    /// A session with a script for the account and one for the person.
    pub fn session(script: Script, prompter: Box<dyn Prompter>) -> (Session, Printed) {
        let (output, printed) = output(80);
        (Session { client: Box::new(script), prompter, output }, printed)
    }

    /// The status of alice's account with these authenticators.
    pub fn status(labels: &[&str]) -> Status {
        let authenticators = labels.iter().map(|label| AuthenticatorStatus {
            label: (*label).into(),
            kind: Kind::Totp,
            algorithm: "SHA1".into(),
            digits: 6,
            period: Some(30),
            clock_ahead: Some(0),
            added_at: 1_800_000_000,
        });
        Status {
            user: "alice".into(),
            enrolled: !labels.is_empty(),
            required: false,
            enroll_by: None,
            disabled: false,
            host_clock: None,
            authenticators: authenticators.collect(),
            recovery_codes: None,
            last_second_step: None,
            pending_until: None,
            app_passwords: 0,
            suspension: None,
        }
    }
}
