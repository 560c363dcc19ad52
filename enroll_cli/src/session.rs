//! One run of a command: the account, the person, the page.

use twostep_core::request::{Request, Response, Status};

use crate::page::Page;
use crate::person::Person;
use crate::reach::{self, Reach};
use crate::trouble::Trouble;

/// What a command works with.
pub struct Session {
    /// The account.
    pub reach: Box<dyn Reach>,
    /// Who answers questions.
    pub person: Box<dyn Person>,
    /// Where the results go.
    pub page: Page,
}

impl Session {
    /// How the second step of this account stands.
    pub fn status(&mut self) -> Result<Status, Trouble> {
        match self.reach.ask(Request::Status {})? {
            Response::Status(status) => Ok(status),
            _ => Err(reach::broken("no status")),
        }
    }
}

#[cfg(test)]
pub mod scripted {
    //! A session without helper and terminal.

    use twostep_core::request::{AuthenticatorStatus, Kind};

    use super::*;
    use crate::page::scripted::{Printed, page};
    use crate::reach::scripted::Script;

    /// A session with a script for the account and one for the person.
    pub fn session(script: Script, person: Box<dyn Person>) -> (Session, Printed) {
        let (page, printed) = page(80);
        (Session { reach: Box::new(script), person, page }, printed)
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
