//! How an answer leaves: one line of JSON on standard output, also when something breaks.

use std::io::Write;
use std::panic::{UnwindSafe, catch_unwind, set_hook};
use std::process::ExitCode;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::{fstat, stat};
use twostep_core::request::{Refusal, Response};
use twostep_core::words::helper as words;

/// Someone answered, if only with a refusal.
const ANSWERED: u8 = 0;
/// Not even a refusal could be printed.
const NO_ANSWER: u8 = 1;
/// Started by hand, with arguments.
const USAGE: u8 = 2;

/// A refusal to print.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why, for programs.
    pub reason: Refusal,
    /// One sentence on what happened and one on what to do.
    pub text: String,
}

/// A refusal to print.
#[must_use]
pub fn refused(reason: Refusal, text: &str) -> Refused {
    Refused { reason, text: text.to_owned() }
}

impl From<Refused> for Response {
    fn from(Refused { reason, text }: Refused) -> Self {
        Self::Refused { reason, text }
    }
}

/// What `answer` says; a panic inside becomes a refusal that tells nothing of where it happened.
#[must_use]
pub fn without_panic(answer: impl FnOnce() -> Result<Response, Refused> + UnwindSafe) -> Response {
    set_hook(Box::new(|_| {}));
    match catch_unwind(answer) {
        Ok(Ok(response)) => response,
        Ok(Err(refused)) => refused.into(),
        Err(_) => refused(Refusal::Failed, words::BROKEN).into(),
    }
}

/// Prints the response and says how it went. Where there is no standard output, that is said on
/// standard error.
#[must_use]
pub fn send(response: Response) -> ExitCode {
    if let Err(refused) = can_be_read() {
        let _ = writeln!(std::io::stderr(), "twostep-helper: {}", refused.text);
        return ExitCode::from(NO_ANSWER);
    }
    ExitCode::from(match print(&response) {
        Ok(()) => ANSWERED,
        Err(_) => NO_ANSWER,
    })
}

fn print(response: &Response) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(response)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

/// Someone can read the answer; else a change could lose new recovery codes. The runtime has put
/// /dev/null in the place of a standard output that the caller had closed.
///
/// # Errors
/// The refusal, which cannot be read there either.
pub fn can_be_read() -> Result<(), Refused> {
    let out = std::io::stdout();
    let writable = fcntl(&out, FcntlArg::F_GETFL)
        .is_ok_and(|flags| OFlag::from_bits_truncate(flags) & OFlag::O_ACCMODE != OFlag::O_RDONLY);
    let lost = match (fstat(&out), stat(NULL_DEVICE)) {
        (Ok(out), Ok(null)) => out.st_rdev == null.st_rdev,
        (out, _) => out.is_err(),
    };
    if writable && !lost {
        return Ok(());
    }
    Err(refused(Refusal::BadRequest, words::NO_STDOUT))
}

/// For a person who started this program by hand.
#[must_use]
pub fn usage() -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{}", words::BY_HAND);
    ExitCode::from(USAGE)
}

/// What is written there is gone.
const NULL_DEVICE: &str = "/dev/null";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_refusal_that_tells_nothing() {
        let response = without_panic(|| panic!("secret words"));
        let _ = std::panic::take_hook();
        let shown = serde_json::to_string(&response).unwrap();
        assert!(shown.contains("\"reason\":\"failed\""), "{shown}");
        assert!(!shown.contains("secret words"), "{shown}");
    }
}
