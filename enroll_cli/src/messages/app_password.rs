//! What is said of application passwords.

use std::io::{Error, ErrorKind};
use std::path::Path;

use host_check::shell::as_word;

/// It was shown, at least.
pub fn not_stored(why: &str) -> String {
    format!("It is made, and printed once, but not stored: {why}")
}

/// Two cannot be told apart.
pub fn label_taken(label: &str) -> String {
    format!("There is an application password called {label} already. Choose another label, or revoke it first.")
}

/// A label that no file can have.
pub fn no_file_name(label: &str) -> String {
    format!(
        "{label} cannot be the name of a file. To store it, choose a label without / and without a dot at its beginning."
    )
}

/// Above the only time that it is shown.
pub fn shown(label: &str) -> String {
    format!("The application password {label}:\n")
}

/// Below it.
pub const TYPE_IT: &str = "\nType it where the program asks for your password; case, spaces and dashes do not matter. It is not shown again: if it is lost, revoke it and make another.";

/// It is in a file.
pub fn stored(label: &str) -> String {
    format!("The application password {label} is stored where only you can read it:\n")
}

/// What to write into the program.
pub fn got_by(command: &str) -> String {
    format!("\nPrograms get it by:\n  {command}")
}

/// Also where a pipe was closed.
pub fn made_unseen(label: &str) -> String {
    format!(
        "The application password {label} is made, but could not be printed, so nobody knows it. Revoke it: twostep app-password revoke {}.",
        as_word(label)
    )
}

/// Who has not enrolled needs none.
pub fn user_not_enrolled(user: &str) -> String {
    format!("{user} has no authenticator, so programs can use the account password. Enroll first: twostep enroll.")
}

/// A preset.
pub fn made_for(services: &[String], file: &Path, command: &str) -> String {
    format!(
        "A new application password for {} is in {}, which only you can read. Programs get it by:\n  {command}",
        services.join(", "),
        file.display()
    )
}

/// A preset that is there.
pub fn kept(name: &str, file: &Path, is_active: bool) -> String {
    let file = file.display();
    if is_active {
        format!("{file} is there already and is left as it is.")
    } else {
        format!(
            "{file} is there already and is left as it is, but {name} is revoked or expired. To get a new one, delete the file and run this again."
        )
    }
}

/// A preset that nobody knows.
pub fn lost(name: &str, why: &str) -> String {
    format!(
        "A new application password {name} was made and could not be stored: {why} Then run `twostep app-password ensure`, which makes another in its place."
    )
}

/// The administrator wants none.
pub const NO_PRESETS: &str =
    "This host has no application passwords that are made for everyone. Nothing is to be done.";

/// The same as above, for oneself.
pub const NOT_ENROLLED: &str =
    "You have no authenticator, so programs can use the account password. Enroll first: twostep enroll.";

/// There is no place.
pub const NO_HOME: &str = "You have no home folder. Ask your administrator.";

/// What was printed only is not there.
pub fn none_stored(path: &str) -> String {
    format!(
        "{path} is not there. Only a password that was stored can be shown: twostep app-password create --store, or twostep app-password ensure."
    )
}

/// Others may have read it.
pub fn for_others(path: &Path) -> String {
    format!(
        "{} can be reached by others, who may have read it. Revoke the password and make another, or, if you are sure, take the rights away: chmod 600.",
        path.display()
    )
}

/// It is none.
pub fn unfit(path: &Path, what: &str) -> String {
    format!("{} {what}. Move it away, then try again.", path.display())
}

/// The kernel refused.
pub fn unreadable(path: &Path, error: &Error) -> String {
    format!("{} cannot be read: {error}. Check owners and modes up to there.", path.display())
}

/// Another run has the lock.
pub fn being_made(path: &Path) -> String {
    format!("{} is being made by another twostep. Wait until that one is done, then try again.", path.display())
}

/// The file cannot be made.
pub fn unwritten(path: &Path, error: &Error) -> String {
    let path = path.display();
    match error.kind() {
        ErrorKind::AlreadyExists => {
            format!("{path} exists already and is left as it is. Choose another label, or move the file away.")
        }
        _ => format!("{path} cannot be written: {error}. Fix that, then try again."),
    }
}

/// A preset that is missing.
pub fn wanted(name: &str, services: &str) -> String {
    format!("\nYour administrator wants you to have {name}, for {services}. Make it with:")
}

/// An empty list.
pub const NONE: &str = "There are no application passwords.";

/// Below it.
pub const MAKE_ONE: &str = "Make one with:\n  twostep app-password create LABEL --service SERVICE";

/// The same.
pub const NOTHING_TO_REVOKE: &str = "There are no application passwords. Nothing needs to be revoked.";

/// Another one is meant.
pub fn none_called(label: &str, labels: &[&str]) -> String {
    format!("There is no application password called {label}. There is: {}.", labels.join(", "))
}
