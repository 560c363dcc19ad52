//! What `twostep admin check` finds in configuration, clock, people and disks, and how to fix it.

use std::fmt::Display;

use crate::shell::as_word;

/// What failed says why.
pub const FIX_FIRST: &str = "Fix that first, and check again.";

/// The file is invalid.
pub const CONFIGURATION_BROKEN: &str = "sudo twostep admin edit corrects it, and checks it before it counts.";

/// The file names somebody whom the host does not know.
pub const NAME_UNKNOWN: &str = "sudo twostep admin edit corrects the name.";

/// Both findings about the clock.
pub const CLOCK_REMEDY: &str =
    "Let something keep it right: systemd-timesyncd, chrony or ntpd; `timedatectl` shows how it stands.";

/// No NTP.
pub const CLOCK_UNKEPT: &str = "Nothing keeps the host's clock right (adjtimex): codes of every phone are refused once it is off by half a minute.";

/// It is before this version was made, or was set back.
pub const CLOCK_WRONG: &str =
    "The host's clock is years behind: no code of any phone is accepted, only recovery codes are.";

/// Who looks after the host would not get in.
pub const ADMINISTRATOR_REMEDY: &str = "Let them enroll first (sudo twostep enroll --user NAME), or give them time: sudo twostep admin require --all --within 14d";

/// The same.
pub fn administrator_refused(who: &str) -> String {
    format!("{who} may be needed to look after this host, and would be refused now for not having enrolled.")
}

/// Who looks after the host has time left.
pub fn administrator_must_enroll(who: &str) -> String {
    format!("{who} may be needed to look after this host, and must still enroll.")
}

/// The same.
pub const LET_THEM_ENROLL: &str = "Let them enroll: twostep enroll";

/// A host where nobody has begun.
pub const NO_ADMINISTRATOR_ENROLLED: &str =
    "Nobody who looks after this host has enrolled: their passwords alone open it.";

/// The same.
pub const ENROLL_YOURSELF: &str = "Enroll yourself: twostep enroll";

/// Their time is over.
pub fn users_refused(users: &str, has_not: &str) -> String {
    format!("{users} had to enroll by now and {has_not}: their logins are refused.")
}

/// The same.
pub const LIST_OVERDUE: &str =
    "sudo twostep admin report --overdue lists them; sudo twostep admin enroll NAME --invite helps one.";

/// Their time is not over.
pub fn users_must_enroll(users: &str) -> String {
    format!("{users} must still enroll.")
}

/// The same.
pub const LIST_IN_GRACE: &str = "sudo twostep admin report --in-grace lists them, with the time they have.";

/// An account file is in no order.
pub fn account_unreadable(user: &str, why: &str) -> String {
    format!("The account of {user} is invalid, so {user}'s logins are refused: {why}.")
}

/// The same.
pub fn bring_back_or_reset(user: &str) -> String {
    format!("Bring the file back from a backup, or let them start over: sudo twostep admin reset {}", as_word(user))
}

/// The sealing key is another one than that of the accounts, or something else was put into them.
pub fn sealed_by_another(who: &str) -> String {
    format!("The sealing key of this host does not open what {who} enrolled, so no verification code of theirs counts.")
}

/// The same.
pub const BRING_KEY_BACK: &str = "Bring the key back, by the printed copy (sudo twostep admin reseal --restore-key) or by a backup (sudo install -m 0640 -o root -g root BACKUP /etc/twostep/seal.key); or let each of them start over: sudo twostep admin reset USER";

/// Its user is no more.
pub fn account_left(why: &str) -> String {
    format!("An account is left over: {why}.")
}

/// The same.
pub const SHOW_ORPHANS: &str = "sudo twostep admin prune shows them first.";

/// Two names for one person, by the user database.
pub fn shared_uid(names: &str, uid: u32, first: &str) -> String {
    format!("{names} have one uid ({uid}), so they share one account, which is that of {first}.")
}

/// The same.
pub const ONE_UID_EACH: &str = "Give each person a uid, or let only one of the names log in.";

/// What a disk that takes nothing more means.
const UNWRITABLE: &str = "nobody can enroll, and recovery codes are refused; verification codes still count";

/// A disk that failed, mostly.
pub fn read_only(path: impl Display) -> String {
    format!("{path} is read-only: {UNWRITABLE}.")
}

/// The same.
pub const MOUNT_WRITABLE: &str = "See whether the disk failed: sudo dmesg --level=err,crit. Mount it for writing: sudo mount -o remount,rw \"$(findmnt -no TARGET -T /var/lib/twostep)\"";

/// No room.
pub fn full(path: impl Display) -> String {
    format!("The disk of {path} is full: {UNWRITABLE}.")
}

/// The same.
pub const MAKE_ROOM: &str = "Make room. To see what takes it: sudo du -xah \"$(findmnt -no TARGET -T /var/lib/twostep)\" | sort -h | tail -20. Old logs often do: sudo journalctl --vacuum-size=100M";
