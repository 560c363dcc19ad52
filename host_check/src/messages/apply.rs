//! What is said where `twostep admin apply`, `confirm` and `revert` change the stacks of PAM and sshd.

use std::fmt::Display;
use std::io::Error;

/// One command at a time.
pub const BUSY: &str = "Another command is changing logins at this moment, or stands still in it. Nothing was changed; end that one (pgrep -af 'twostep admin'), and try again.";

/// The record of changes.
pub fn journal_failed(place: impl Display, error: &Error) -> String {
    format!("The record of changes {place} cannot be used: {error}. Fix that, and try again.")
}

/// What is no file of an administrator.
pub const NO_FILE: &str = "it is not a regular file of sensible size";

/// The kernel refused.
pub fn unwritten(shown: impl Display, error: &Error) -> String {
    format!("{shown} cannot be changed: {error}. The change was undone; fix that, and apply it again.")
}

/// Two administrators at once.
pub fn changed_meanwhile(shown: impl Display) -> String {
    format!(
        "{shown} was changed by somebody else meanwhile. The change was undone; look at the file, and apply it again."
    )
}

/// systemd.
pub fn not_reloaded(unit: &str) -> String {
    format!("sshd could not be reloaded (try: systemctl reload {unit})")
}

/// No systemd.
pub fn not_signalled(why: &str, id: impl Display) -> String {
    format!("sshd could not be reloaded: {why} (try: kill -HUP {id})")
}

/// A file that could not be put back.
pub fn not_put_back(path: impl Display, error: impl Display) -> String {
    format!("{path} could not be put back: {error}")
}

/// Nothing would undo it.
pub fn no_way_back(why: &str) -> String {
    format!(
        "The process that would undo the change could not be started: {why}. Nothing was changed; fix that, and try again."
    )
}

/// The same.
pub const ENDED_AT_ONCE: &str = "it ended at once";
