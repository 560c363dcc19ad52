//! What `twostep admin check` finds in single lines of PAM, and how to fix it.

use std::fmt::Display;

/// libpam cannot read the stack.
pub fn given_up(service: &str, why: &str) -> String {
    format!("{service}: libpam gives the service up and refuses everyone: {why}.")
}

/// The same.
pub const FIX_LINE: &str = "Fix that line.";

/// libpam fails at a line.
pub fn mistake(name: &str, line: &str, mistake: impl Display) -> String {
    format!("{name}: libpam does not understand {line} and fails there: {mistake}.")
}

/// The same.
pub const CORRECT_LINE: &str = "Correct that line.";

/// Ours stops at an option.
pub fn option_wrong(name: &str, error: impl Display) -> String {
    format!("{name}: every login stops at the pam_twostep line: {error}.")
}

/// The same.
pub const CORRECT_OPTION: &str = "Correct that option.";

/// A module that was copied from elsewhere.
pub fn other_machine(name: &str, written: &str) -> String {
    format!("{name}: {written} is no module for this kind of machine, so every login is refused.")
}

/// The same.
pub fn without_folder(folder: &str) -> String {
    format!("Write pam_twostep.so without a folder; the one in {folder} is meant then.")
}

/// The module is missing.
pub fn install_again(folder: &str) -> String {
    format!("Install Twostep again; modules lie in {folder} here.")
}

/// A path where no module is.
pub fn where_pam_looks(folder: &str) -> String {
    format!("Write pam_twostep.so, without a folder: PAM looks in {folder}.")
}

/// Both.
pub fn missing(name: &str, written: &str) -> String {
    format!("{name}: {written} is not where PAM looks for modules, so every login is refused.")
}

/// What no eye sees in a line.
pub fn type_anew(what: impl Display) -> String {
    format!("Type it again: it holds {what}.")
}

/// Nearly our name.
pub fn misspelled(service: &str, line: &str, so: &str) -> String {
    format!("{service}: there is no such module as in {line}, so {so}.")
}

/// What comes of it.
pub const ALL_REFUSED: &str = "every login is refused now";

/// The same.
pub const NOTHING_DONE: &str = "the line does nothing";

/// The same.
pub const OUR_NAME: &str = "Write pam_twostep.so in it.";

/// Only account or session lines are there.
pub fn no_auth_line(service: &str) -> String {
    format!("{service}: none of the pam_twostep lines there is an auth line, so no code is asked.")
}

/// The same.
pub fn apply_writes_both(line: &str, service: &str) -> String {
    format!("Take {line} out; then sudo twostep admin apply {service} writes both.")
}

/// Where modules lie on a host that has none.
pub const FOLDER_UNKNOWN: &str = "a folder named security";

/// A jump that counts lines of another file.
pub fn jump_over_include(service: &str, line: &str, file: impl Display) -> String {
    format!(
        "{service}: {line} counts lines of {file}, so it lands elsewhere when that file changes, perhaps past the pam_twostep line."
    )
}

/// The same.
pub const JUMP_WITHIN: &str =
    "Write `substack` for what is jumped over (it counts as one line), or jump within one file.";

/// A session line.
pub fn session_option(service: &str, error: impl Display) -> String {
    format!("{service}: our session line is not understood: {error}.")
}

/// An option for one service, in a file of several.
pub fn require_step_shared(service: &str, others: &str) -> String {
    format!(
        "{service}: require_step is in a file that {others} use too: it refuses everyone there who was asked for no code."
    )
}

/// The same.
pub fn move_require_step(service: &str) -> String {
    format!("Move the line into /etc/pam.d/{service}, and leave require_step out of shared files.")
}
