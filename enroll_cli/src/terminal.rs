//! Questions at the terminal, with or without echo.
//!
//! While the echo is off, the signals that would end this program wait until it is on again.

use std::fs::{File, OpenOptions};
use std::io::{IsTerminal, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use twostep_core::secret::Typed;

use crate::error::CommandError;
use crate::layout;
use crate::prompter::{self, Echo, Prompter};

/// The terminal that controls this process, wherever standard output goes.
const CONTROLLING: &str = "/dev/tty";

/// What the kernel holds of one line at most (termios(3)).
const LINE: usize = 4096;

/// Signals that end a program, and that people and sessions send.
const ENDING: [Signal; 4] = [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGHUP];

/// A person, if standard input is a terminal; else whatever standard input brings.
pub fn who_types() -> Result<Box<dyn Prompter>, CommandError> {
    if std::io::stdin().is_terminal() {
        return Ok(Box::new(Terminal::open()?));
    }
    Ok(prompter::piped())
}

/// A person at a terminal.
pub struct Terminal(File);

impl Terminal {
    /// The controlling terminal, or the terminal on standard input where there is none.
    pub fn open() -> Result<Self, CommandError> {
        let controlling = OpenOptions::new().read(true).write(true).open(CONTROLLING);
        let file = controlling.or_else(|_| std::io::stdin().as_fd().try_clone_to_owned().map(File::from));
        file.map(Self).map_err(|error| prompter::unreadable(&error))
    }

    fn line(&self, question: &str) -> Result<Typed, CommandError> {
        let mut line = vec![0; LINE];
        match (&self.0).read(&mut line) {
            Ok(0) => Err(prompter::ended(question)),
            Ok(count) => {
                line.truncate(count);
                Ok(prompter::typed(line))
            }
            Err(error) => Err(prompter::unreadable(&error)),
        }
    }

    fn hidden_line(&self, question: &str) -> Result<Typed, CommandError> {
        let hidden = Hidden::begin(self.0.as_fd()).map_err(lost)?;
        let typed = hidden.wait().map_err(lost).and_then(|()| self.line(question));
        // The end of the person's line was hidden too.
        let _ = (&self.0).write_all(b"\n");
        typed
    }
}

fn lost(errno: Errno) -> CommandError {
    prompter::unreadable(&errno.into())
}

impl Prompter for Terminal {
    fn answer(&mut self, question: &str, echo: Echo) -> Result<Typed, CommandError> {
        self.0.write_all(layout::harmless(question).as_bytes())?;
        match echo {
            Echo::Shown => self.line(question),
            Echo::Hidden => self.hidden_line(question),
        }
    }

    fn sees_questions(&self) -> bool {
        true
    }
}

/// A time without echo. When it ends, the terminal is as before, and only then do signals arrive
/// that came meanwhile: they end the program as always.
struct Hidden<'a> {
    terminal: BorrowedFd<'a>,
    before: Termios,
    mask: SigSet,
    signals: SignalFd,
}

impl<'a> Hidden<'a> {
    fn begin(terminal: BorrowedFd<'a>) -> Result<Self, Errno> {
        let ending = SigSet::from_iter(ENDING);
        let signals = SignalFd::with_flags(&ending, SfdFlags::SFD_CLOEXEC)?;
        let before = tcgetattr(terminal)?;
        let mut held = ending;
        held.add(Signal::SIGTSTP);
        let mask = held.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let hidden = Self { terminal, before, mask, signals };
        let mut quiet = hidden.before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO | LocalFlags::ECHONL);
        tcsetattr(terminal, SetArg::TCSADRAIN, &quiet)?;
        Ok(hidden)
    }

    /// Waits for a line, or for a signal that is to end the program.
    fn wait(&self) -> Result<(), Errno> {
        let mut ready =
            [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN), PollFd::new(self.terminal, PollFlags::POLLIN)];
        loop {
            match poll(&mut ready, PollTimeout::NONE) {
                Ok(_) => break,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        match ready.first().and_then(PollFd::any) {
            Some(true) => Err(Errno::EINTR),
            _ => Ok(()),
        }
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // A terminal that is gone cannot be restored, and needs not be.
        let _ = tcsetattr(self.terminal, SetArg::TCSADRAIN, &self.before);
        let _ = self.mask.thread_set_mask();
    }
}

#[cfg(test)]
mod tests {
    use nix::pty::openpty;
    use nix::sys::signal::raise;

    use super::*;

    fn echoes(terminal: BorrowedFd<'_>) -> bool {
        tcgetattr(terminal).unwrap().local_flags.contains(LocalFlags::ECHO)
    }

    #[test]
    fn the_echo_is_off_only_while_a_proof_is_typed() {
        let pty = openpty(None, None).unwrap();
        let terminal = pty.slave.as_fd();
        let mask = SigSet::thread_get_mask().unwrap();
        let hidden = Hidden::begin(terminal).unwrap();
        assert!(!echoes(terminal));
        File::from(pty.master.try_clone().unwrap()).write_all(b"123456\n").unwrap();
        assert_eq!(hidden.wait(), Ok(()));
        drop(hidden);
        assert!(echoes(terminal));
        assert_eq!(SigSet::thread_get_mask().unwrap(), mask);
    }

    #[test]
    fn a_signal_ends_the_waiting_and_comes_when_the_echo_is_back() {
        let pty = openpty(None, None).unwrap();
        let hidden = Hidden::begin(pty.slave.as_fd()).unwrap();
        raise(Signal::SIGTERM).unwrap();
        assert_eq!(hidden.wait(), Err(Errno::EINTR));
        // Taken here, or it would now end the tests.
        let taken = hidden.signals.read_signal().unwrap().unwrap();
        assert_eq!(taken.ssi_signo, Signal::SIGTERM as u32);
        drop(hidden);
        assert!(echoes(pty.slave.as_fd()));
    }

    #[test]
    fn a_proof_is_read_from_the_terminal_and_not_shown_on_it() {
        let pty = openpty(None, None).unwrap();
        let mut prompter = Terminal(File::from(pty.slave.try_clone().unwrap()));
        let mut keyboard = File::from(pty.master);
        keyboard.write_all(b"654321\n").unwrap();
        // What is typed ahead is echoed at once: it is shown, and not part of what follows.
        let mut screen = [0; 256];
        let ahead = keyboard.read(&mut screen).unwrap();
        assert!(ahead > 0);
        assert_eq!(prompter.answer("Code: ", Echo::Hidden).unwrap().expose(), "654321");
        let count = keyboard.read(&mut screen).unwrap();
        assert!(!screen[..count].windows(6).any(|shown| shown == b"654321"));
    }

    #[test]
    fn the_mask_is_as_before_when_there_was_no_terminal() {
        let before = SigSet::thread_get_mask().unwrap();
        let file = tempfile::tempfile().unwrap();
        assert!(Hidden::begin(file.as_fd()).is_err());
        assert_eq!(SigSet::thread_get_mask().unwrap(), before);
    }
}
