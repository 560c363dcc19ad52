//! What is said where `twostep admin apply`, `confirm` and `revert` change the logins of a host.

use std::fmt::Display;

/// --confirm-within.
pub const CONFIRM_WITHIN: &str = "--confirm-within takes 90s to 1h. Give it enough to log in again.";

/// There are problems.
pub fn nothing_changed(objections: &[String]) -> String {
    format!("Nothing was changed: {}", objections.join(" "))
}

/// It is so already.
pub const NOTHING_TO_CHANGE: &str = "Nothing is to be changed.";

/// --dry-run.
pub const DRY_RUN: &str = "Nothing was changed (--dry-run).";

/// Asked below what it would change.
pub const IN_FORCE: &str = "Put this in force?";

/// One change at a time.
pub fn unconfirmed(number: u32) -> String {
    format!(
        "Change {number} is not confirmed yet. Confirm it from a new login (twostep admin confirm), or undo it (twostep admin revert)."
    )
}

/// --keys.
pub const KEYS_OF_SSHD: &str = "--keys is for sshd. Name sshd too, or leave --keys out.";

/// Nobody to ask.
pub const SAY_KEYS: &str =
    "Say what sshd does with keys: --keys with-code, --keys refuse, --keys alone or --keys only.";

/// Without --keys, where passwords are off.
pub const KEYS_ONLY: &str =
    "sshd takes a key alone today and no passwords, so it will ask for the key and then the code (--keys only).\n";

/// Asked for sshd.
pub const WHAT_OF_KEYS: &str = "What shall sshd do with keys?\n  1  a key and then the code, or the password and then the code\n  2  no keys: the password and then the code\n  3  a key alone opens the door, without a code\n  4  a key and then the code; no passwords";

/// The same.
pub const ONE_OF_FOUR: &str = "1, 2, 3 or 4: ";

/// Another answer.
pub const NONE_OF_FOUR: &str = "That is not one of the four choices. Nothing was changed; try again.";

/// Above objections.
pub const AGAINST_IT: &str = "Against it speaks:";

/// Undone while it was made.
pub const TOO_SLOW: &str = "It took too long, and was undone meanwhile. Apply it again.";

/// Why it was undone.
pub fn undone(why: &str) -> String {
    format!("{why}. The change was undone.")
}

/// No /proc.
pub const NO_TIMES: &str =
    "The kernel does not say when processes start. The change was undone; mount /proc, and apply it again.";

/// sshd was not reloaded.
pub const NO_SSHD_RUNS: &str =
    "No running sshd was found. One that is started for each connection needs nothing; restart any other.\n";

/// It holds until its time is over.
pub fn in_force(number: u32, within: &str, proof: &str) -> String {
    format!(
        "In force now, as change {number}. It goes back by itself in {within}. Keep this session open, and in another terminal {proof}:\n\n  sudo twostep admin confirm"
    )
}

/// Too long or none.
pub const RECENT: &str = "--recent takes a time from 1s to 24h, such as --recent 10m.";

/// The same, where no login by the services opens a session.
pub fn in_force_without_session(number: u32, within: &str, services: &str) -> String {
    format!(
        "In force now, as change {number}. It goes back by itself in {within}. Try a login by {services}, as its users do, and if it works, type:\n\n  sudo twostep admin confirm"
    )
}

/// What proves that logins work.
pub fn proof(services: &str, is_inner: bool) -> String {
    let verb = if is_inner { "use" } else { "log in by" };
    format!("{verb} {services} again")
}

/// No change waits.
pub const NOTHING_TO_CONFIRM: &str =
    "There is no change to confirm. `twostep admin revert --list` shows what was changed.";

/// Behind both below.
pub fn type_there(proof: &str) -> String {
    format!("In another terminal {proof}, and type it there.")
}

/// It was there before the change.
pub fn old_login(program: &str, again: &str) -> String {
    format!("This login ({program}) is older than the change, so it proves nothing. {again}")
}

/// It came from elsewhere.
pub fn no_login(again: &str) -> String {
    format!("This session comes from no login by a service that was changed, so it proves nothing. {again}")
}

/// The change stays.
pub fn confirmed(number: u32) -> String {
    format!("Change {number} stays. To undo it one day: sudo twostep admin revert")
}

/// Why it did not stay.
pub const TIME_OVER: &str = "Its time was over";

/// The same.
pub const ENDED_BETWEEN: &str = "The command that made it was ended in between";

/// The same.
pub fn not_confirmed(why: &str) -> String {
    format!("{why}, so nothing was confirmed. Apply it again.")
}

/// No change stands.
pub const NOTHING_TO_UNDO: &str = "There is no change to undo.";

/// Above the files of a change.
pub fn made(number: u32, services: &str, day: &str, by: &str) -> String {
    format!("Change {number} ({services}), made {day} by {by}:")
}

/// Asked below them.
pub const UNDO: &str = "Undo it?";

/// A file could not be put back.
pub fn not_undone(number: u32, why: &str) -> String {
    format!("Change {number} is not undone: {why}. Fix that, and type it again.")
}

/// All of them were.
pub fn undone_now(number: u32) -> String {
    format!("Change {number} is undone.")
}

/// All of them were, and the record of it is not written.
pub fn unrecorded(why: &str) -> String {
    format!("Only the record of that could not be written. {why}")
}

/// A file had changed since.
pub fn found_kept(path: impl Display) -> String {
    format!("What somebody else had written meanwhile is kept in {path}.")
}

/// An empty list.
pub const NO_CHANGES: &str = "Nothing was changed yet.";

/// How a change stands.
pub const HAS_TO_GO: &str = "has to go back";

/// The same.
pub fn goes_back(within: &str) -> String {
    format!("goes back in {within}")
}
