//! What is wrong with a file of PAM, as libpam reads it.

use std::fmt::Display;
use std::io::Error;

/// libpam gives a service up.
pub fn file_unread(path: impl Display) -> String {
    format!("{path} cannot be read")
}

/// The same.
pub fn cut(place: impl Display) -> String {
    format!("the file ends in a line that goes on, {place}")
}

/// libpam fails at a line.
pub fn no_type(kind: &str) -> String {
    format!("`{kind}` is no type: auth, account, password or session is")
}

/// The same.
pub const NO_CONTROL: &str = "the control is missing";

/// The same.
pub const NO_MODULE: &str = "the module is missing";

/// The same.
pub const NO_FILE_NAME: &str = "the name of a file is missing";

/// libpam gives a service up.
pub fn circle(place: impl Display) -> String {
    format!("files include each other without end, {place}")
}

/// libpam fails at a line.
pub fn no_such_file(name: &str) -> String {
    format!("there is no file {name} to include")
}

/// The same.
pub const TOO_DEEP: &str = "there are too many substacks in each other";

/// The same.
pub fn included_unread(name: &str) -> String {
    format!("the file {name} cannot be read")
}

/// What libpam expects in a control.
pub const EQUALS: &str = "= and an action";

/// The same.
pub const CODE_NAME: &str = "the name of a return code";

/// The same.
pub const ACTION: &str = "an action (ok, done, bad, die, ignore, reset) or a number of lines to skip";

/// The same, and where.
pub fn expected(what: &str, rest: &str) -> String {
    format!("expected {what} before `{rest}]`")
}

/// What nobody sees in a line.
pub const RETURN: &str = "a carriage return, as files from Windows have it";

/// What nobody sees in a line.
pub const ORDER_MARK: &str = "a byte order mark, as editors on Windows write it";

/// What nobody sees in a line.
pub const NO_BREAK: &str = "a no-break space, as web pages have it";

/// What nobody sees in a line.
pub const NO_WIDTH: &str = "a letter without width, as web pages have it";

/// The kernel refused.
pub fn unread(path: impl Display, error: &Error) -> String {
    format!("{path} cannot be read: {error}")
}
