//! What `twostep admin check` finds in the folders and files of Twostep, and what mends it.

use std::fmt::Display;
use std::io::Error;

/// What puts an installation right.
const SETUP: &str = "sudo /usr/libexec/twostep/setup-host";

/// A group that installing makes.
pub const NO_GROUP: &str = "There is no group twostep, so no user can reach their account.";

/// What is missing.
pub fn made_by_setup() -> String {
    format!("{SETUP} makes it.")
}

/// The kernel refused.
pub fn unreadable(path: impl Display, error: &Error) -> String {
    format!("{path} cannot be looked at: {error}.")
}

/// The same.
pub const REPAIR_DISK: &str = "Repair the disk that it lies on.";

/// Owner, group or mode.
pub fn wrong_mode(path: impl Display, is: &str, should_be: &str, is_directory: bool) -> String {
    let so = if is_directory {
        "logins of enrolled users fail, or others can read what is in it"
    } else {
        "others can read it, or the helper cannot"
    };
    format!("{path} is {is} and has to be {should_be}; {so}.")
}

/// The same.
pub fn righted_by_setup() -> String {
    format!("{SETUP} puts it right.")
}

/// A link, or something else that no program of ours makes.
pub fn made_anew_by_setup() -> String {
    format!("Move it away; then {SETUP} makes it anew.")
}

/// A folder of the store.
pub fn store_missing(path: impl Display) -> String {
    format!("{path} is missing, so every login that asks for a code is refused.")
}

/// The same.
pub fn mounted_or_made() -> String {
    format!("If it lies on a file system of its own, mount that. Else {SETUP} makes it.")
}

/// The group is for the helper alone.
pub fn group_has_members(all: &str) -> String {
    format!("The group twostep has members ({all}), who can read the sealing key and reach every account.")
}

/// Half an installation.
pub fn helper_missing(path: impl Display) -> String {
    format!("{path} is missing, so no user can enroll or change anything.")
}

/// The same.
pub const INSTALL_AGAIN: &str = "Install Twostep again.";

/// The helper is setgid, or of no use.
pub fn helper_mode(path: impl Display, is: &str) -> String {
    format!("{path} is {is} and has to be root:twostep 2755: without that no user reaches their account.")
}

/// The helper runs as its user.
pub fn configuration_closed(path: impl Display) -> String {
    format!("{path} is closed to the helper, so users reach their account by another configuration, or none.")
}

/// A protected key.
pub const KEY_NOT_GIVEN: &str =
    "The TPM or the host's own key did not give the sealing key, so no verification code can be checked.";

/// The same.
pub const SEE_WHY_KEY: &str = "See why: journalctl -u twostep-key. Recovery codes and application passwords work meanwhile. To give the printed key back: sudo twostep admin reseal --restore-key --protect file";

/// Accounts are there, and their key is not.
pub const KEY_FROM_BACKUP: &str =
    "Bring it back from a backup: recovery codes and application passwords work meanwhile.";

/// Neither is there.
pub fn key_made_by_setup() -> String {
    format!("{SETUP} makes one.")
}

/// Both.
pub fn key_missing(path: impl Display) -> String {
    format!("The sealing key {path} is missing, so no verification code can be checked.")
}

/// A reseal that broke off.
pub fn reseal_unfinished(path: impl Display) -> String {
    format!("{path} holds earlier keys beside the newest one: a reseal was broken off. Every login works.")
}

/// The same.
pub const FINISH_RESEAL: &str = "Finish it: sudo twostep admin reseal";

/// A key that was cut.
pub fn key_size(path: impl Display, bytes: u64) -> String {
    format!("The sealing key {path} is {bytes} bytes long and has to be 32: no verification code can be checked.")
}

/// The same.
pub const BRING_BACK: &str = "Bring it back from a backup.";

/// What restorecon counts.
pub fn labels(wrong: usize) -> String {
    format!("Files of Twostep with a wrong SELinux label: {wrong}. sshd may not be able to read them.")
}

/// A profile that is enforced.
pub fn confined(programs: &str) -> String {
    format!("AppArmor confines {programs}: a profile has to let its program read Twostep's files.")
}

/// The same.
pub const INCLUDE_ABSTRACTION: &str =
    "Write `include <abstractions/twostep>` into the profile, unless it has that line.";

/// Whoever changes the module is everybody.
pub fn module_writable(is: &str) -> String {
    format!("{is}: others than root can change it.")
}

/// Some programs load it without being root.
pub fn module_unreadable(is: &str) -> String {
    format!("{is}: programs that run as a user, such as screen lockers, cannot load it.")
}
