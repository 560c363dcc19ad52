//! What `twostep admin check` finds in the folders and files of Twostep, and how to fix it.

use std::fmt::Display;
use std::io::Error;

/// What puts an installation right.
const SETUP: &str = "sudo /usr/libexec/twostep/setup-host";

/// The kernel refused.
pub fn unreadable(path: impl Display, error: &Error) -> String {
    format!("{path} cannot be looked at: {error}.")
}

/// The same.
pub const REPAIR_DISK: &str = "Repair the disk that it lies on.";

/// Owner, group or mode.
pub fn wrong_mode(path: impl Display, is: &str, should_be: &str, is_directory: bool) -> String {
    let so =
        if is_directory { "logins fail, or others can read what is in it" } else { "others can read or change it" };
    format!("{path} is {is} and has to be {should_be}; {so}.")
}

/// The same.
pub fn righted_by_setup() -> String {
    format!("{SETUP} puts it right.")
}

/// A link, or something else that no program of ours makes.
pub fn made_anew_by_setup() -> String {
    format!("Move it away; then {SETUP} makes it again.")
}

/// A folder of the store.
pub fn store_missing(path: impl Display) -> String {
    format!("{path} is missing, so every login that asks for a code is refused.")
}

/// The same.
pub fn mounted_or_made() -> String {
    format!("If it lies on a file system of its own, mount that. Else {SETUP} makes it.")
}

/// Half an installation.
pub fn service_missing(path: impl Display) -> String {
    format!("{path} is missing, so nobody can enroll, and no login that asks for a code succeeds.")
}

/// The same.
pub const INSTALL_AGAIN: &str = "Install Twostep again.";

/// Others can change what root executes, or nobody can execute it.
pub fn service_mode(path: impl Display, is: &str) -> String {
    format!("{path} is {is} and has to be root's, writable by root alone, and executable.")
}

/// A mount forbids it.
pub fn service_noexec(path: impl Display) -> String {
    format!("{path} is on a file system mounted noexec, so it cannot run.")
}

/// The same.
pub const MOUNT_EXEC: &str = "Mount it without noexec.";

/// Nobody answers.
pub fn service_not_running(path: impl Display) -> String {
    format!(
        "The twostep service does not answer at {path}: root's programs (sshd, sudo, login) still check codes, but users cannot enroll or change anything, and screen lockers refuse them."
    )
}

/// The same, under systemd.
pub const START_BY_SYSTEMD: &str =
    "Start it: sudo systemctl start twostepd.socket. If that fails: systemctl status twostepd";

/// The same, under OpenRC.
pub const START_BY_OPENRC: &str = "Start it: sudo rc-service twostepd start";

/// The same, under anything else.
pub fn start_by_hand(program: &str) -> String {
    format!("Have the host start it at boot, as root: {program} --listen")
}

/// It hangs, or is of another version.
pub const RESTART_SERVICE: &str = "Restart it: sudo systemctl restart twostepd. See why: journalctl -u twostepd";

/// Somebody else listens there.
pub fn remove_and_start(path: &str) -> String {
    format!("Remove {path}, find out who made it, then: sudo systemctl restart twostepd.socket")
}

/// A socket that is not as it has to be.
pub fn socket_wrong(path: impl Display, is: &str, mode: u32) -> String {
    format!("{path} is {is} and has to be root's, {mode:04o}: who asks there does not reach the service.")
}

/// What is not there.
pub const GONE: &str = "missing";

/// What makes the sockets again.
pub const RESTART_SOCKETS: &str = "sudo systemctl restart twostepd.socket makes it again.";

/// A protected key.
pub const KEY_NOT_GIVEN: &str =
    "The TPM or the host's own key did not give the sealing key, so no verification code can be checked.";

/// The same.
pub const SEE_WHY_KEY: &str = "See why: journalctl -u twostep-key. Recovery codes and application passwords work meanwhile. To give the printed key back: sudo twostep admin reseal --restore-key --protect file";

/// Accounts are there, and their key is not.
pub const KEY_FROM_BACKUP: &str = "Bring it back, by the printed copy (sudo twostep admin reseal --restore-key) or by a backup (sudo install -m 0640 -o root -g root BACKUP /etc/twostep/seal.key). Recovery codes and application passwords work meanwhile.";

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
pub const BRING_BACK: &str = "Bring it back, by the printed copy (sudo twostep admin reseal --restore-key) or by a backup (sudo install -m 0640 -o root -g root BACKUP /etc/twostep/seal.key).";

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
