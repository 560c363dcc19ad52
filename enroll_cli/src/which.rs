//! Which of a user's authenticators a command means.

use twostep_core::request::{Refusal, Status};

use crate::error::CommandError;
use crate::messages::account;

/// The label of the one that was named, or of the only one. `command` is what was typed.
pub fn authenticator(status: &Status, label: Option<&str>, command: &str) -> Result<String, CommandError> {
    let labels = status.authenticators.iter().map(|one| one.label.as_str()).collect::<Vec<_>>();
    let none = |what: String| Err(CommandError::refused(Refusal::NoAuthenticator, what));
    match (label, labels.as_slice()) {
        (_, []) => none(account::no_authenticator_to(command, &status.user)),
        (Some(label), labels) if labels.contains(&label) => Ok(label.to_owned()),
        (Some(label), labels) => none(account::none_called(label, &status.user, labels)),
        (None, [only]) => Ok((*only).to_owned()),
        (None, labels) => Err(CommandError::usage(account::name_one(command, &status.user, labels))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::scripted::status;

    #[test]
    fn which_one_must_be_clear_before_a_proof_is_spent() {
        assert_eq!(authenticator(&status(&["a", "b"]), None, "remove").unwrap_err().reason, "usage");
        assert_eq!(authenticator(&status(&["a"]), Some("b"), "remove").unwrap_err().reason, "no_authenticator");
        assert_eq!(authenticator(&status(&[]), None, "remove").unwrap_err().reason, "no_authenticator");
    }
}
