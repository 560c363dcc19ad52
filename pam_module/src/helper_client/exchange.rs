//! One request to the helper and its response.
//!
//! The module is a guest here too. The request is in the pipe before the helper starts, so that a
//! helper that dies early raises no SIGPIPE in the program; and the helper is waited for without
//! touching SIGCHLD, whatever the program does with it.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use twostep_core::request::Request;
use twostep_core::secret::Secret;
use twostep_core::time::{Clock, SystemClock};

use super::{HelperError, PATIENCE};

/// Largest request: what the smallest pipe takes at once, PIPE_BUF of pipe(7).
const MAX_REQUEST: usize = 4096;
/// Largest response that is read.
const MAX_RESPONSE: usize = 16 * 1024;

/// One request, one response, one short-lived helper.
///
/// # Errors
/// The helper is not there, or gives no whole answer.
pub(super) fn exchange(helper: &str, request: &Request) -> Result<Secret, HelperError> {
    let (mut ours, theirs) = UnixStream::pair().map_err(HelperError::NotStarted)?;
    let mut child = start(helper, request, theirs)?;
    let read = read_all(&mut ours);
    if read.is_err() {
        // It still holds its end of the socket, so it lives and the id is still its own.
        let _ = child.kill();
    }
    reap(&mut child);
    read
}

fn start(helper: &str, request: &Request, answers: UnixStream) -> Result<Child, HelperError> {
    let question = filled_pipe(request)?;
    Command::new(helper)
        .env_clear()
        .stdin(question)
        .stdout(OwnedFd::from(answers))
        .stderr(Stdio::null())
        .spawn()
        .map_err(HelperError::NotStarted)
}

/// A pipe that holds the request and then ends.
fn filled_pipe(request: &Request) -> Result<Stdio, HelperError> {
    // Its room is given beforehand: growing would leave a copy of an answer behind that nobody wipes.
    let mut line = Vec::with_capacity(MAX_REQUEST);
    let written = serde_json::to_writer(Limited(&mut line), request);
    let line = Secret::new(line);
    written.map_err(|_| HelperError::TooLong)?;
    let (reader, mut writer) = io::pipe().map_err(HelperError::NotStarted)?;
    writer.write_all(line.expose()).map_err(HelperError::NotStarted)?;
    Ok(Stdio::from(reader))
}

/// Reads to the end of the response, within time and size.
fn read_all(from: &mut UnixStream) -> Result<Secret, HelperError> {
    let deadline = SystemClock.now().uptime.after(Duration::from_secs(PATIENCE));
    let mut response = Vec::with_capacity(MAX_RESPONSE);
    let mut piece = [0; 1024];
    loop {
        let left = deadline.since(SystemClock.now().uptime);
        if left == 0 {
            return Err(HelperError::Silent);
        }
        from.set_read_timeout(Some(Duration::from_secs(left))).map_err(HelperError::NotStarted)?;
        match from.read(&mut piece) {
            Ok(0) => return Ok(Secret::new(response)),
            Ok(count) => response.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(HelperError::Silent),
        }
        if response.len() > MAX_RESPONSE {
            return Err(HelperError::TooLong);
        }
    }
}

/// A buffer that never grows beyond its room.
struct Limited<'a>(&'a mut Vec<u8>);

impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_REQUEST {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes the ended helper out of the process table. A program that ignores SIGCHLD, or reaps what
/// it did not start, has done so already (ECHILD): the response counts, not the exit status.
fn reap(child: &mut Child) {
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use twostep_core::secret::Typed;

    use super::*;

    /// One helper at a time: a process that another test starts just now would hold the new program
    /// open for writing, and the kernel starts none that is (ETXTBSY of execve(2)).
    static ALONE: Mutex<()> = Mutex::new(());

    fn alone() -> MutexGuard<'static, ()> {
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a helper says that does what the shell says.
    fn with_helper(script: &str) -> Result<String, HelperError> {
        let _alone = alone();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("helper");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        let said = exchange(path.to_str().unwrap(), &Request::Status {})?;
        Ok(String::from_utf8(said.expose().to_vec()).unwrap())
    }

    #[test]
    fn the_request_arrives_and_the_response_comes_back() {
        assert_eq!(with_helper("exec cat").unwrap(), r#"{"do":"status"}"#);
    }

    #[test]
    fn the_helper_sees_no_environment() {
        let tell = r"env | grep -vc '^\(PWD\|_\|SHLVL\|OLDPWD\)='";
        assert_eq!(with_helper(tell).unwrap(), "0\n");
    }

    #[test]
    fn a_program_that_ignores_its_children_gets_the_answer() {
        let itself = std::env::current_exe().unwrap();
        let test = "helper_client::exchange::tests::the_request_arrives_and_the_response_comes_back";
        let ignoring = ["-c", "trap '' CHLD; exec \"$@\"", "sh", itself.to_str().unwrap(), "--exact", test];
        let _alone = alone();
        let output = Command::new("sh").args(ignoring).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
    }

    #[test]
    fn a_helper_that_dies_early_says_nothing() {
        for script in ["exit 0", "kill -KILL $$", "exec <&-; exec >&-"] {
            assert_eq!(with_helper(script).unwrap(), "", "{script}");
        }
    }

    #[test]
    fn a_flood_is_cut_off() {
        assert!(matches!(with_helper("exec yes"), Err(HelperError::TooLong)));
    }

    #[test]
    fn a_missing_helper_is_named() {
        let _alone = alone();
        let error = exchange("/nonexistent/helper", &Request::Status {}).unwrap_err();
        assert!(matches!(error, HelperError::NotStarted(_)));
        assert!(error.to_string().contains("twostep-helper"));
    }

    #[test]
    fn a_request_fits_or_is_not_sent() {
        let request = |service: usize| {
            let answers = vec![Typed::new("\u{1}".repeat(256)); 2];
            Request::Verify { service: "x".repeat(service), answers, shape: None, attempt: None }
        };
        assert!(filled_pipe(&request(500)).is_ok());
        assert!(matches!(filled_pipe(&request(5000)), Err(HelperError::TooLong)));
    }
}
