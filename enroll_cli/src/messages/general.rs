//! What every command may have to say.

use std::fmt::Display;
use std::io::Error;

use protocol::client::CallError;

/// Nothing is overwritten.
pub fn exists(path: &impl Display) -> String {
    format!("{path} exists already and is not overwritten. Choose another name.")
}

/// The kernel refused.
pub fn unwritten(path: &impl Display, error: &Error) -> String {
    format!("{path} cannot be written: {error}. Choose another place.")
}

/// Nobody answers.
pub fn input_ended(asked: &str) -> String {
    format!(
        "The input ended where one line was expected ({asked}). Give it as a line on standard input, or type it at a terminal."
    )
}

/// The same, by the kernel.
pub fn input_unreadable(error: &Error) -> String {
    format!("The input cannot be read: {error}. Give each answer as a line, or use a terminal.")
}

/// The service does not answer a user.
pub fn no_service(error: &CallError) -> String {
    match error {
        CallError::NotThere { .. } => {
            "The twostep service does not run on this host. Ask the administrator to start it: systemctl start twostepd.socket".to_owned()
        }
        CallError::TooLong => "That is too long to send. Shorten what you typed.".to_owned(),
        error => format!("Nothing is certain: {error}. See how it stands: twostep status"),
    }
}

/// What came is not an answer to what was asked.
pub fn not_done(what: &str) -> String {
    format!(
        "The work was not done as it should be ({what}). Look at `twostep status`; if this stays, ask the administrator whether all parts of Twostep have the same version."
    )
}

/// Root has no account.
pub const NAME_THE_USER: &str =
    "You are root, so it is not clear whose account you mean. Name the user, as in: twostep status --user alice.";

/// The account of somebody else.
pub const ONLY_ROOT: &str = "Only root may name another user. Leave out --user to use your own account.";

/// Root makes no application passwords.
pub const EACH_THEIR_OWN: &str = "Only users look after their application passwords, each after their own, and root makes none for anybody. As root you can list and revoke them: sudo twostep admin app-passwords USER.";

/// An administrator's command.
pub const NOT_ROOT: &str =
    "Only root may look after this host and the accounts of others. Type the same with sudo before it.";

/// Standard output failed.
pub fn output(error: &Error) -> String {
    format!("The output could not be written: {error}. Check where it goes.")
}
