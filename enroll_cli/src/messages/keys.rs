//! What is said of the sealing key: a new one, a protected one, a printed one.

use std::fmt::Display;
use std::io::Error;

/// A host without its key.
pub const NO_KEY: &str = "This host has no sealing key. Run /usr/libexec/twostep/setup-host, or give the printed key back: twostep admin reseal --restore-key.";

/// Some accounts were left.
pub fn incomplete(failed: usize) -> String {
    format!(
        "Accounts that were not resealed: {failed}. Each says above why; fix that and run it again. Until then the earlier key stays beside the new one, and every login works."
    )
}

/// One reseal at a time.
pub fn busy(folder: impl Display, why: &str) -> String {
    format!("{folder} is not free: {why}. Try again when that is done.")
}

/// The same.
pub const ANOTHER_RESEAL: &str = "another reseal or setup-host is at work";

/// A key that another program brings.
pub fn given_by_others(given: impl Display, file: impl Display) -> String {
    format!(
        "Something else than Twostep puts the key into {given}. Copy its key to {file} and stop it, then run this again."
    )
}

/// A host without its key.
pub const NO_KEY_TO_PRINT: &str = "This host has no sealing key. Run /usr/libexec/twostep/setup-host first.";

/// The key would be void soon.
pub const BROKEN_OFF: &str = "A reseal was broken off. Finish it first: twostep admin reseal.";

/// Below a printed key.
pub const KEEP_SAFE: &str = "\nWhoever has this and a copy of /var/lib/twostep can compute every verification code. Keep it in a safe. It is void after the next reseal.";

/// Asked by --restore-key.
pub const PRINTED_KEY: &str = "Printed key: ";

/// Its check letters do not fit.
pub const SLIP: &str = "That is no printed key, or there is a slip in it. Type its 14 groups again.";

/// It opens nothing here.
pub const OTHER_KEY: &str =
    "That key opens no account of this host. Take the newest one: a key is void after a reseal.";

/// Somebody holds an account's lock.
pub fn holders(error: impl Display) -> String {
    format!("Somebody is changing an account, and did not end: {error}. Run it again; every login works meanwhile.")
}

/// An authenticator that no key opens.
pub fn lost(name: &str, label: &str) -> String {
    format!(
        "{name}: no key of this host opens {label}. The user needs a new one: twostep replace, or sudo twostep admin reset {name}."
    )
}

/// It is done.
pub fn resealed(accounts: usize) -> String {
    format!("There is a new sealing key. Accounts sealed by it: {accounts}.")
}

/// Behind it.
pub const BACKUPS_VOID: &str =
    "Backups of /etc/twostep and /var/lib/twostep from before do not fit these: make new ones.";

/// The same, for a protected key.
pub const PRINT_IT: &str = "Only this host opens it. Print it for a safe now: twostep admin reseal --print-key. Without that, a dead host takes every enrollment with it.";

/// The kernel refused.
pub fn no_new_key(error: impl Display) -> String {
    format!("There is no new key: {error}. Try again.")
}

/// More keys than a file holds.
pub const TOO_MANY: &str = "Reseals were broken off too often. Finish with: sudo twostep admin reseal.";

/// A file that holds something else.
pub fn no_key_in(path: impl Display) -> String {
    format!(
        "{path} holds no sealing key. Bring it back from a backup, or give the printed key: twostep admin reseal --restore-key."
    )
}

/// The kernel refused.
pub fn failed(path: impl Display, what: &str, error: &Error) -> String {
    format!("{path} cannot be {what}: {error}. Fix that, and run it again: nothing is lost.")
}

/// --protect tpm2.
pub const NO_TPM: &str =
    "This host has no TPM that systemd-creds can use. See: systemd-creds has-tpm2; or take --protect host.";

/// An old systemd.
pub fn no_systemd_creds(error: &Error) -> String {
    format!(
        "systemd-creds cannot be started: {error}. It is of systemd 250 and newer; without it the key stays in a file: --protect file."
    )
}

/// What systemd-creds says.
pub fn refused(why: &str) -> String {
    format!(
        "The TPM or the host's key refused: {why}. Recovery codes still work; to give the printed key back: twostep admin reseal --restore-key --protect file."
    )
}

/// The same, in our words.
pub const SEALED_NO_TEXT: &str = "it sealed no text";

/// The same.
pub const NO_NAME: &str = "a path is no text";

/// The same.
pub const NO_REASON: &str = "it does not say why";
