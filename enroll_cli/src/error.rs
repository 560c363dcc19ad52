//! What went wrong, as it is told to people and to programs.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;
use twostep_core::request::{Refusal, Refused};

use crate::environment::{Form, typed_here};
use crate::layout;
use crate::messages::general;

/// The exit codes that scripts rely on; 0 is "done".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The request was refused or failed.
    Refused = 1,
    /// The command line says something impossible.
    Usage = 2,
    /// Twostep is not set up on this host.
    NotSetUp = 3,
    /// Something may not be meant as it is, and nothing is wrong.
    Warned = 4,
}

/// Why a command ends without having done its work.
#[derive(Debug, PartialEq, Eq)]
pub struct CommandError {
    /// How the program ends.
    pub exit: Exit,
    /// One word for programs: those of [`Refusal`], and a few of this program.
    pub reason: String,
    /// One sentence on what happened and one on what to do next.
    pub message: String,
}

/// The shape of an error under `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    reason: &'a str,
    message: &'a str,
}

impl CommandError {
    /// The store or the helper refused.
    pub fn refused(reason: Refusal, message: String) -> Self {
        let exit = if reason == Refusal::NotSetUp { Exit::NotSetUp } else { Exit::Refused };
        Self { exit, reason: word(reason), message }
    }

    /// This program itself could not go on.
    pub fn here(reason: &str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, reason: reason.to_owned(), message: message.into() }
    }

    /// The command line says something impossible.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, reason: "usage".to_owned(), message: message.into() }
    }

    /// Whether the store or the helper refused for this reason.
    pub fn is(&self, reason: Refusal) -> bool {
        self.reason == word(reason)
    }

    /// The line that a program reads.
    pub fn json(&self) -> String {
        let shown = Shown { error: Inner { reason: &self.reason, message: &self.message } };
        serde_json::to_string(&shown).unwrap_or_default()
    }

    /// Says it where it belongs: always to the person, and under `--json` to the program too.
    pub fn report(&self, form: Form) -> ExitCode {
        if self.reason != CLOSED_OUTPUT {
            if form == Form::Json {
                let _ = writeln!(std::io::stdout(), "{}", self.json());
            }
            tell(&self.message);
        }
        ExitCode::from(self.exit as u8)
    }
}

/// Says something beside the results. On a terminal it is broken between words.
pub fn tell(message: &str) {
    let _ = writeln!(std::io::stderr(), "{}", fitted(message, columns_beside()));
}

/// Columns of the terminal beside the results, if it is one and knows its size: else it says 0.
pub fn columns_beside() -> Option<usize> {
    let size = terminal_size::terminal_size_of(std::io::stderr());
    size.map(|(columns, _)| usize::from(columns.0)).filter(|columns| *columns > 0)
}

fn fitted(message: &str, columns: Option<usize>) -> String {
    let text = format!("twostep: {}", layout::harmless(&typed_here(message)));
    match columns {
        Some(columns) => layout::wrap(&text, columns, 0),
        None => text,
    }
}

/// Whoever read our output went away, as `head` does: nobody is left to tell.
const CLOSED_OUTPUT: &str = "closed_output";

impl From<Refused> for CommandError {
    fn from(refused: Refused) -> Self {
        Self::refused(refused.reason, refused.text)
    }
}

impl From<host_check::Error> for CommandError {
    fn from(error: host_check::Error) -> Self {
        match error {
            host_check::Error::Refused(reason, message) => Self::refused(reason, message),
            host_check::Error::Failed(reason, message) => Self::here(reason, message),
            host_check::Error::Io(error) => error.into(),
        }
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::here(CLOSED_OUTPUT, "");
        }
        Self::here("output", general::output(&error))
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&layout::harmless(&self.message))
    }
}

fn word(reason: Refusal) -> String {
    match serde_json::to_value(reason) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "refused".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_json_line() {
        let error = CommandError::refused(Refusal::NotAccepted, "Wrong \"code\".\nTry again.".into());
        assert_eq!(error.json(), r#"{"error":{"reason":"not_accepted","message":"Wrong \"code\".\nTry again."}}"#);
    }

    #[test]
    fn a_host_that_is_not_set_up_has_its_own_exit_code() {
        assert_eq!(CommandError::refused(Refusal::NotSetUp, String::new()).exit, Exit::NotSetUp);
        assert_eq!(CommandError::refused(Refusal::Policy, String::new()).exit, Exit::Refused);
        assert_eq!(CommandError::usage("").exit as u8, 2);
    }

    #[test]
    fn a_narrow_terminal_breaks_it_between_words_and_a_file_gets_one_line() {
        let message = "There is no user called \x1bbob. Check the name.";
        let one_line = "twostep: There is no user called \\u{1b}bob. Check the name.";
        assert_eq!(fitted(message, None), one_line);
        let narrow = fitted(message, Some(24));
        assert!(narrow.lines().all(|line| line.chars().count() <= 24) && narrow.lines().count() > 1, "{narrow}");
        assert_eq!(narrow.replace('\n', " "), one_line);
    }

    #[test]
    fn what_others_wrote_cannot_steer_the_terminal() {
        let error = CommandError::refused(Refusal::Failed, "bad \x1b[2J label".into());
        assert_eq!(error.to_string(), "bad \\u{1b}[2J label");
    }
}
