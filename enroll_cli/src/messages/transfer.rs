//! What is said where accounts come from elsewhere or go into a backup.

use std::fmt::Display;
use std::io::Error;

/// Nothing is overwritten.
pub fn exists(path: impl Display) -> String {
    format!("{path} is there already. Give another name, or remove it first.")
}

/// A backup is written.
pub fn exported(count: usize, path: impl Display) -> String {
    format!("Accounts in {path}: {count}. Keep the passphrase elsewhere: nobody can open the file without it.")
}

/// Some are missing in it.
pub fn incomplete(failed: usize) -> String {
    format!("Accounts that are not in it: {failed}. Each says above why; fix that, and export to another file.")
}

/// Asked before a backup is written.
pub const NEW_PASSPHRASE: &str = "Passphrase for the backup: ";

/// A passphrase that can be guessed.
pub fn short_passphrase(shortest: usize) -> String {
    format!("That passphrase is too short. Give at least {shortest} characters; four or five words are good.")
}

/// The same, against slips.
pub const ONCE_MORE: &str = "Once more: ";

/// A slip.
pub const NOT_THE_SAME: &str = "The two are not the same. Try again.";

/// The kernel refused.
pub fn unwritten(path: impl Display, error: &Error) -> String {
    format!("{path} cannot be written: {error}. Free some space, or give another place.")
}

/// --path.
pub const PATH_BEGINS: &str = "A path begins with / or ${HOME}. Give it so, as in ${HOME}/.google_authenticator.";

/// The same: one file for everybody would give everybody the same key.
pub const PATH_OF_ALL: &str =
    "The path is the same for every user. Give it with ${USER} or ${HOME} in it, between single quotes.";

/// Why a file is not read.
pub const NO_USER: &str = "there is no such user";

/// The same.
pub const NO_FILE: &str = "there is no such file";

/// The same.
pub const UNSAFE_FILE: &str =
    "the file is a link, no regular file, too long, of somebody else, closed to the user, or others may write it";

/// The same.
pub const NOT_AS_USER: &str = "the file could not be read as the user";

/// The same.
pub const HOME_SILENT: &str = "the home did not answer within ten seconds";

/// The kernel refused.
pub fn unread(path: impl Display, error: &Error) -> String {
    format!("{path} cannot be read: {error}. Check the name.")
}

/// More than any list needs.
pub fn too_long(path: impl Display) -> String {
    format!("{path} is longer than 64 MiB. Take it over in parts.")
}

/// Another encoding.
pub fn no_text(path: impl Display) -> String {
    format!("{path} is no text in UTF-8. Save it as such.")
}

/// An empty list.
pub const NOTHING: &str = "There is nothing to take over in it. Check that it is a file of this kind.";

/// --dry-run.
pub fn dry_run(fitting: usize, count: usize) -> String {
    format!("\nNothing was taken over (--dry-run): {fitting} of {count} would be.")
}

/// Asked below the list.
pub fn take_over(count: usize) -> String {
    format!("Take {count} over?")
}

/// Twice in one list.
pub fn same_key(at: &str) -> String {
    format!("the same key is in {at}")
}

/// Some could not be.
pub fn taken_in_part(taken: usize, failed: usize) -> String {
    format!("{}, and {failed} not. Each says above why; what was taken over stays if you try again.", counted(taken))
}

/// All of it.
pub fn taken(taken: usize) -> String {
    format!("\n{}.", counted(taken))
}

fn counted(taken: usize) -> String {
    if taken == 1 { "1 was taken over".to_owned() } else { format!("{taken} were taken over") }
}

/// Why an entry is refused.
pub const NO_OWNER: &str = "it does not say whose it is; add --user";

/// The same.
pub const WEAK: &str = "its key has less than 128 bits; let the user enroll again, or add --allow-weak";

/// An entry that was taken over before.
pub fn there_already(label: &str) -> String {
    format!("it is the authenticator {label}")
}

/// Recovery codes are one set.
pub fn taken_without_codes(label: &str) -> String {
    format!(
        "as {label}; its scratch codes are left out, since the account has recovery codes or an authenticator of eight digits"
    )
}

/// Under which name.
pub fn taken_as(label: &str) -> String {
    format!("as {label}")
}

/// What becomes of an entry.
pub const WOULD_TAKE: &str = "would take";

/// What becomes of an entry.
pub const THERE_ALREADY: &str = "there already";

/// Asked before a backup is read.
pub const PASSPHRASE: &str = "Passphrase of the backup: ";

/// What the backup is.
pub fn backup_of(host: &str, made: &str, accounts: usize) -> String {
    format!("A backup of {host}, made {made}, accounts in it: {accounts}.")
}

/// Asked below it.
pub const BRING_BACK: &str = "Bring back those who have not enrolled here?";

/// --dry-run.
pub const NOT_BROUGHT_BACK: &str = "\nNothing was brought back (--dry-run).";

/// Who has enrolled since.
pub const HAS_AUTHENTICATORS: &str = "the user has authenticators";
