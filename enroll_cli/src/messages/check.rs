//! What `twostep admin check` says around what it finds.

use std::fmt::Display;

/// A check that found nothing.
pub const NOTHING_WRONG: &str = "Nothing is wrong.";

/// A check that found something.
pub fn found(errors: usize, warnings: usize) -> String {
    let counted = |count, what| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    format!("{} and {}. Each says above what to do.", counted(errors, "error"), counted(warnings, "warning"))
}

/// The user database fails.
pub fn user_database(error: impl Display) -> String {
    format!("{error}. Try again when it answers.")
}

/// Nobody has that name.
pub fn no_user(user: &str) -> String {
    format!("There is no user called {user}. Check the name.")
}

/// PAM takes `other` then.
pub fn no_service(service: &str) -> String {
    format!("There is no PAM service {service}: the lines of `other` count.")
}

/// Behind a login that would be refused.
pub fn untouched(outcome: &str) -> String {
    format!("{outcome} Nothing was touched.")
}
