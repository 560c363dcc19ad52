//! What an administrator reads who looks after others.

use std::fmt::Display;

use nix::errno::Errno;

use host_check::shell::as_word;

/// Wrong codes are forgotten.
pub fn unlocked(user: &str) -> String {
    format!("The wrong codes of {user} are forgotten: codes count again, and nobody waits.")
}

/// Above a code for the telephone.
pub fn recovery_code(user: &str) -> String {
    format!("A recovery code for {user}, to read out:\n")
}

/// Below it.
pub fn recovery_code_counts(user: &str, until: &str) -> String {
    format!(
        "\nIt counts once, until {until}, in place of a code of the phone; the password is asked as always. An earlier one of this kind is void. Make sure that you speak with {user}."
    )
}

/// Above an invitation.
pub fn enrollment_code(user: &str) -> String {
    format!("An enrollment code for {user}:\n")
}

/// Below it.
pub fn enrollment_code_counts(user: &str, until: &str) -> String {
    format!(
        "\n{user} types twostep enroll, and this code when it is asked for. It counts for one enrollment, until {until}; an earlier one is void."
    )
}

/// Another `enrollment`.
pub fn enrollment_code_not_asked(user: &str) -> String {
    format!(
        "\nThis host does not ask for it: {} enrolls without. To have it asked for, set enrollment = \"invite\" in [policy]: twostep admin edit",
        as_word(user)
    )
}

/// The account is gone.
pub fn reset(user: &str, next: &str) -> String {
    format!(
        "The second step of {user} is reset: every authenticator, recovery code and application password is gone. {next}"
    )
}

/// `enrollment = "invite"`.
pub fn needs_enrollment_code(user: &str) -> String {
    format!("\nEnrolling takes a code here. To make one:\n  sudo twostep admin enroll {} --invite", as_word(user))
}

/// The same, where one is there.
pub fn has_enrollment_code(until: &str) -> String {
    format!("\nEnrolling takes a code here. The one that you made counts until {until}.")
}

/// Time to enroll is left.
pub fn enrolls_until(user: &str, until: &str) -> String {
    format!("{user} has until {until} to enroll again: twostep enroll")
}

/// It is over.
pub fn refused_next(user: &str) -> String {
    format!(
        "There is no time to enroll again, so the next login of {user} is refused. Enroll them, or suspend the second step for a time:\n  sudo twostep enroll --user {name}\n  sudo twostep admin suspend {name} --for 1d",
        name = as_word(user)
    )
}

/// `after_grace = "enroll"`.
pub fn enrolls_next(user: &str) -> String {
    format!("The next login of {user} has to enroll.")
}

/// Nobody has to.
pub fn enrolls_again(user: &str) -> String {
    format!("{user} enrolls again with: twostep enroll")
}

/// Nothing to prune.
pub const NO_ORPHANS: &str = "There are no accounts of deleted users.";

/// Above the list.
pub const ORPHANS: &str = "Accounts of deleted users:";

/// Pruning broke off.
pub fn others_kept(why: impl Display) -> String {
    format!("{why}. The others are kept.")
}

/// A name leads nowhere.
pub fn no_group(name: &str) -> String {
    format!("There is no group called {name}. Check the name with `getent group {name}`.")
}

/// The group database fails.
pub fn group_unreadable(name: &str, errno: Errno) -> String {
    format!("The group {name} cannot be looked up: {errno}. Try `getent group {name}`.")
}

/// Somebody thought better of it.
pub const DECLINED: &str = "Nothing was changed. To go on, answer y.";

/// No terminal.
pub const NOBODY_TO_ASK: &str =
    "Nothing was changed, since there is no terminal to ask at. To go on without a question, add --yes.";

/// The second step is switched off.
pub fn suspended(user: &str, until: &str) -> String {
    format!(
        "{user} is asked for no code until {until}. The account password is still asked, and application passwords still count. To end it before:\n  sudo twostep admin resume {user}"
    )
}

/// Above the list.
pub fn app_passwords_of(user: &str) -> String {
    format!("Application passwords of {user}\n")
}

/// They are gone.
pub fn revoked(user: &str, labels: &[String]) -> String {
    format!("Revoked for {user}, and of no use any more: {}.", labels.join(", "))
}

/// Codes are closed.
pub fn locked(user: &str) -> String {
    format!("by wrong codes: only a recovery code counts. To end it: twostep admin unlock {}", as_word(user))
}

/// The user database may be cut off.
pub fn too_many_orphans(orphans: usize, accounts: usize) -> String {
    format!(
        "Nothing was removed: {orphans} of {accounts} accounts have no user, so the user database may not be whole. Make sure that it answers (getent passwd), or add --force."
    )
}

/// Asked below the list.
pub fn remove_for_good(orphans: usize) -> String {
    format!("Remove {} for good?", accounts(orphans))
}

/// They are gone.
pub fn orphans_removed(orphans: usize) -> String {
    format!("Removed: {}.", accounts(orphans))
}

fn accounts(count: usize) -> String {
    format!("{count} {}", if count == 1 { "account" } else { "accounts" })
}

/// Why an account is nobody's.
pub const NAME_OF_ANOTHER: &str = "another user has this name now";

/// The same.
pub const NO_SUCH_USER: &str = "no such user";

/// Time to enroll, in the card of a user.
pub const TIME_TO_ENROLL: &str = "Time to enroll";

/// It is over.
pub const GRACE_OVER: &str = "is over: logins are refused";

/// `after_grace = "enroll"`.
pub const GRACE_OVER_ENROLLS: &str = "is over: the next login has to enroll";

/// A rule of the configuration.
pub fn exempt(by: &str) -> String {
    format!("{by}: no code is asked")
}

/// An invitation counts.
pub fn invited(until: &str) -> String {
    format!("to enroll by a code, until {until}")
}

/// The suspension is over.
pub fn resumed(user: &str) -> String {
    format!("{user} is asked for codes again.")
}
