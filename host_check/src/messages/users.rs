//! What is wrong with the users and accounts of a host.

use std::fmt::Display;

/// The store fails.
pub fn accounts_unlisted(error: impl Display) -> String {
    format!("The accounts of this host cannot be listed: {error}.")
}

/// The user database fails.
pub fn users_unlisted(why: &str) -> String {
    format!("The users of this host cannot be listed ({why}). Try `getent passwd`, and put the user database in order.")
}

/// The same.
pub fn whose_unknown(error: impl Display) -> String {
    format!("It is not clear whose the accounts are: {error}. Nothing was removed.")
}

/// Why an account is nobody's, and what to do.
pub fn of_no_user(account: &str) -> String {
    format!("the account {account} has no matching user; remove it: twostep admin prune")
}

/// The same.
pub fn of_earlier_user(account: &str, uid: u32) -> String {
    format!("the account {account} is of an earlier user with uid {uid}; remove it: twostep admin prune")
}

/// The same.
pub fn of_renamed(account: &str, uid: u32, now: &str) -> String {
    format!(
        "the account {account} is of uid {uid}, who is called {now} now; give the name back, or start over: twostep admin reset {now}"
    )
}

/// A user or group that the host does not know.
pub fn unknown_name(key: &str, name: &str, kind: &str, so: &str) -> String {
    format!("WARNING: {key} names {name}, but there is no such {kind}, so {so}.")
}

/// What comes of it.
pub const REQUIRES_NOTHING: &str = "it requires nothing of anybody";

/// The same.
pub const EXEMPTS_NOBODY: &str = "it exempts nobody";
