//! What is said where the configuration changes.

use std::fmt::Display;
use std::io::Error;
use std::process::ExitStatus;

use nix::errno::Errno;
use twostep_core::config::ConfigError;

/// Two administrators at once.
pub fn changed_meanwhile(file: impl Display) -> String {
    format!("{file} was changed by somebody else meanwhile, so nothing was written. Look at it, and begin again.")
}

/// The file is not there.
pub fn missing(path: impl Display) -> String {
    format!("{path} is not there. Set this host up again: /usr/libexec/twostep/setup-host.")
}

/// The kernel refused.
pub fn unread(path: impl Display, error: &Error) -> String {
    format!("{path} cannot be read: {error}. Put it in order first.")
}

/// The same.
pub fn unwritten(path: impl Display, error: &Error) -> String {
    format!("{path} cannot be written: {error}. It is as it was; make room for it and try again.")
}

/// Another run has the lock.
pub fn busy(path: impl Display) -> String {
    format!("{path} is being changed by another `twostep admin edit` or `require`. Wait until that has ended.")
}

/// The lock failed.
pub fn unlocked(path: impl Display, errno: Errno) -> String {
    format!("{path} cannot be locked: {errno}. Check its file system.")
}

/// The head of a preview.
pub fn of_users(users: usize) -> String {
    match users {
        1 => "Of the 1 user of this host:".to_owned(),
        users => format!("Of the {users} users of this host:"),
    }
}

/// Who looks after the host, and would not get in.
pub fn locks_out(names: &[String]) -> String {
    format!(
        "\nWARNING: {} would be refused at the next login, and may be needed here. Have them enroll first: twostep enroll",
        names.join(", ")
    )
}

/// The host itself is in no order.
pub fn nothing_changed(why: impl Display) -> String {
    format!("Nothing was changed: {why}.")
}

/// A requirement that holds.
pub const SO_ALREADY: &str = "It is so already, and nothing was changed. To give everybody new time, add --within.";

/// A date or a group is none.
pub fn not_requirable(why: impl Display) -> String {
    format!("This cannot be required: {why}.")
}

/// The same as a warning, without --force.
pub fn would_lock_out(names: &[String]) -> String {
    format!(
        "Nothing was changed, since {} would be refused at the next login. Enroll first (twostep enroll), give time with --within, or add --force.",
        names.join(", ")
    )
}

/// A group beside all.
pub const EVERYONE_ALREADY: &str = "The second step is required of everyone already, so of every group. To require it of a group alone, switch it off first: twostep admin require --off.";

/// A program cannot change what is written so.
pub fn uneditable(what: &str) -> String {
    format!("The configuration cannot be changed ({what}). Use twostep admin edit.")
}

/// After --off.
pub const REQUIRED_OF_NOBODY: &str = "The second step is required of nobody any more. Who has enrolled is still asked.";

/// It is in force.
pub fn required(whom: &str, time: &str) -> String {
    format!(
        "The second step is required of {whom}, {time}. To see who has not enrolled:\n  sudo twostep admin report --not-enrolled"
    )
}

/// The file has a mistake.
pub fn does_not_count(file: impl Display, error: &ConfigError) -> String {
    format!("{file} is invalid and was ignored: {error}. Fix it first: twostep admin edit.")
}

/// Asked after a mistake.
pub const MISTAKE: &str = "[e]dit again, or [q]uit and change nothing? ";

/// Asked after a preview.
pub const IN_FORCE: &str = "\nPut this in force? [y]es, [e]dit again, [q]uit and change nothing: ";

/// A copy of an edit that was killed.
pub fn edit_left(file: impl Display) -> String {
    format!("An edit that broke off is still in {file}. Remove it when it is done with.")
}

/// The editor changed nothing.
pub const UNCHANGED: &str = "Nothing was changed.";

/// It is written.
pub const NOW_IN_FORCE: &str = "It is in force: the next login goes by it.";

/// Behind what kept it from being written.
pub fn edit_kept(file: impl Display) -> String {
    format!(" Your edit is kept in {file}.")
}

/// The administrator had enough of it.
pub const LEFT: &str = "Nothing was changed, as you wished. To begin again: twostep admin edit.";

/// File, line, column and remedy.
pub fn mistake(file: impl Display, error: &ConfigError) -> String {
    format!("{file}, {error}. Nothing was changed; every setting is explained in /usr/share/twostep/config.toml.")
}

/// An editor failed.
pub fn editor_failed(editor: &str, status: ExitStatus) -> String {
    without_editor(&format!("The editor {editor} ended with {status}"))
}

/// The same, before it began.
pub fn editor_not_started(editor: &str, error: &Error) -> String {
    without_editor(&format!("The editor {editor} cannot be started: {error}"))
}

/// None of the usual ones is there.
pub fn no_editor(candidates: &[&str]) -> String {
    without_editor(&format!("There is no editor called {}", candidates.join(" or ")))
}

/// The usual ones need a terminal.
pub fn no_terminal() -> String {
    without_editor("There is no terminal for an editor")
}

fn without_editor(what: &str) -> String {
    format!("{what}. Nothing was changed; name another one in EDITOR, or try again.")
}

/// There is nothing to edit.
pub fn no_working_copy(file: impl Display, error: &Error) -> String {
    format!("{file} cannot be used: {error}. Nothing was changed; try again.")
}

/// Asked after a preview that nobody may edit.
pub const PUT_IN_FORCE: &str = "\nPut this in force?";

/// Why a program cannot change it.
pub const NO_TABLE: &str = "policy is no table";

/// Why a program cannot change it.
pub const NO_LIST: &str = "required_groups is no list";

/// Why a program cannot change it.
pub const CLOCK_WRONG: &str = "this host's clock is wrong";

/// Of whom it is required.
pub const EVERYONE: &str = "everyone";

/// The same.
pub fn members_of(groups: &[String]) -> String {
    format!("the members of {}", groups.join(", "))
}

/// From when on.
pub const FROM_NOW: &str = "from now on";

/// The same.
pub fn enroll_until(until: &str) -> String {
    format!("who may enroll until {until}")
}
