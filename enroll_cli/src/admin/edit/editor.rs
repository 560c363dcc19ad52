//! The editor of the administrator's choice.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, ExitStatus};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::error::CommandError;
use crate::messages::configuration;

/// Editors where the person has named none.
const EDITORS: [&str; 2] = ["sensible-editor", "vi"];

/// Someone who changes a file.
pub trait Editor {
    /// Has the person change the file.
    fn edit(&mut self, file: &Path) -> Result<(), CommandError>;
}

/// A program that is started with the file's name.
pub struct Program {
    /// The one that the person named, with its arguments.
    pub named: Option<String>,
}

impl Editor for Program {
    fn edit(&mut self, file: &Path) -> Result<(), CommandError> {
        let candidates = match &self.named {
            Some(named) => vec![named.as_str()],
            None => EDITORS.to_vec(),
        };
        let ended = candidates.iter().find_map(|words| match started(words, file) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            ended => Some((*words, ended)),
        });
        match ended {
            Some((_, Ok(status))) if status.success() => Ok(()),
            Some((words, Ok(status))) => Err(failed(configuration::editor_failed(words, status))),
            Some((words, Err(error))) => Err(failed(configuration::editor_not_started(words, &error))),
            None => Err(failed(configuration::no_editor(&candidates))),
        }
    }
}

fn started(words: &str, file: &Path) -> std::io::Result<ExitStatus> {
    let mut words = words.split_whitespace();
    let program = words.next().ok_or(ErrorKind::NotFound)?;
    let mut editor = Command::new(program).args(words).arg(file).spawn()?;
    let _undisturbed = Undisturbed::begin();
    editor.wait()
}

/// The usual editors need one; a program that was named may not.
pub fn no_terminal() -> CommandError {
    failed(configuration::no_terminal())
}

fn failed(message: String) -> CommandError {
    CommandError::here("editor", message)
}

/// A time in which Ctrl-C is for the editor, which runs in the same terminal, and not for this
/// program. It begins a moment after the editor's start, since the editor would else inherit it.
struct Undisturbed {
    before: SigSet,
    signals: SignalFd,
}

impl Undisturbed {
    /// Where it cannot begin, Ctrl-C ends both.
    fn begin() -> Result<Self, Errno> {
        let keyboard = SigSet::from_iter([Signal::SIGINT, Signal::SIGQUIT]);
        let signals = SignalFd::with_flags(&keyboard, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { before: keyboard.thread_swap_mask(SigmaskHow::SIG_BLOCK)?, signals })
    }
}

impl Drop for Undisturbed {
    fn drop(&mut self) {
        while let Ok(Some(_)) = self.signals.read_signal() {}
        let _ = self.before.thread_set_mask();
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::raise;

    use super::*;

    fn edited_by(words: &str) -> (Result<(), CommandError>, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, "old\n").unwrap();
        let done = Program { named: Some(words.to_owned()) }.edit(&file);
        (done, std::fs::read_to_string(file).unwrap())
    }

    #[test]
    fn an_editor_may_have_arguments_of_its_own() {
        assert_eq!(edited_by("sed -i s/old/new/"), (Ok(()), "new\n".to_owned()));
    }

    #[test]
    fn an_editor_that_fails_or_is_not_there_is_said() {
        assert!(edited_by("false").0.unwrap_err().message.contains("false ended with exit status: 1"));
        assert!(edited_by("/nonexistent/ed").0.unwrap_err().message.contains("/nonexistent/ed"));
        assert!(edited_by("/").0.unwrap_err().message.contains("cannot be started"));
    }

    #[test]
    fn ctrl_c_is_for_the_editor() {
        let mask = SigSet::thread_get_mask().unwrap();
        let undisturbed = Undisturbed::begin().unwrap();
        raise(Signal::SIGINT).unwrap();
        drop(undisturbed);
        assert_eq!(SigSet::thread_get_mask().unwrap(), mask);
    }
}
