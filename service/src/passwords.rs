//! The password of an account, as PAM knows it: asked of a process of its own, which has the rights and
//! the network that PAM modules need, and which may hang.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use protocol::client::{CallError, PASSWORD, PASSWORD_SOCKET, PROGRAM, connect_to};
use protocol::frame::{self, LONGEST_REQUEST, LONGEST_RESPONSE, Until, now};
use serde::{Deserialize, Serialize};
use twostep_core::enroll::Passwords;
use twostep_core::messages::service as messages;
use twostep_core::secret::Typed;

use crate::threads::start;

/// How long PAM may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the process is started that asks PAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordProcess {
    /// By systemd, for each connection: this process is confined too much to start it.
    Unit,
    /// By this process.
    Child,
}

/// What that process is asked.
#[derive(Debug, Serialize, Deserialize)]
pub struct Question {
    /// Whose.
    pub user: String,
    /// The password.
    pub password: Typed,
}

/// What it answers: whether the password is right, or why that cannot be said.
pub type Reply = Result<bool, String>;

impl Passwords for PasswordProcess {
    fn is_right(&self, user: &str, password: &Typed) -> Reply {
        let question = Question { user: user.to_owned(), password: password.clone() };
        match self {
            Self::Unit => ask(&connect_to(PASSWORD_SOCKET).map_err(|error| unreachable(&error))?, &question, PATIENCE),
            Self::Child => {
                let (stream, child) = started(PROGRAM).map_err(|error| messages::password_not_started(&error))?;
                let reply = ask(&stream, &question, PATIENCE);
                end(child);
                reply
            }
        }
    }
}

fn unreachable(error: &CallError) -> String {
    match error {
        CallError::NotThere { path, error } => messages::password_socket(path, error),
        other => other.to_string(),
    }
}

/// Starts it at the other end of a socket pair.
fn started(program: &str) -> io::Result<(UnixStream, Child)> {
    let (ours, theirs) = UnixStream::pair()?;
    let child = Command::new(program)
        .arg0("twostepd")
        .arg(PASSWORD)
        .env_clear()
        .current_dir("/")
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok((ours, child))
}

/// Asks, and waits for so long.
fn ask(stream: &UnixStream, question: &Question, patience: Duration) -> Reply {
    let within = Until { stream, limit: now() + patience };
    let answered =
        frame::send(within, question, LONGEST_REQUEST).and_then(|()| frame::receive(within, LONGEST_RESPONSE));
    answered.unwrap_or_else(|error| {
        Err(match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => messages::password_late(patience, &question.user),
            _ => messages::PASSWORD_PROCESS_ENDED.to_owned(),
        })
    })
}

/// Ends the process, whatever it is at. One that the kernel holds up is not waited for here.
fn end(mut child: Child) {
    let _ = child.kill();
    if !matches!(child.try_wait(), Ok(Some(_))) {
        let _ = start("password-end", move || drop(child.wait()));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::thread;

    use super::*;

    fn question() -> Question {
        Question { user: "alice".into(), password: Typed::new("open sesame".into()) }
    }

    /// What comes of a process that does this with its connection.
    fn with(act: fn(UnixStream)) -> Reply {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let process = thread::Builder::new().spawn(move || act(theirs)).unwrap();
        let reply = ask(&ours, &question(), Duration::from_millis(200));
        drop(ours);
        process.join().unwrap();
        reply
    }

    fn asked(stream: &UnixStream) -> Question {
        frame::receive(stream, LONGEST_REQUEST).unwrap()
    }

    #[test]
    fn what_the_process_answers_is_the_answer() {
        let right = with(|stream| {
            let Question { user, password } = asked(&stream);
            let is_right = user == "alice" && password.expose() == "open sesame";
            frame::send(&stream, &Reply::Ok(is_right), LONGEST_RESPONSE).unwrap();
        });
        assert_eq!(right, Ok(true));
        let unclear = with(|stream| {
            asked(&stream);
            frame::send(&stream, &Reply::Err("closed; wait".into()), LONGEST_RESPONSE).unwrap();
        });
        assert_eq!(unclear, Err("closed; wait".to_owned()));
    }

    #[test]
    fn a_process_that_hangs_ends_or_babbles_is_no_answer() {
        let late = with(|stream| {
            asked(&stream);
            let _ = frame::bytes(&stream, 1);
        });
        assert!(late.unwrap_err().contains("twostep enroll --user alice"));
        for act in [
            |stream: UnixStream| drop(asked(&stream)),
            |stream| {
                asked(&stream);
                (&stream).write_all(b"\0\0\0\x04true").unwrap();
            },
            |stream| {
                asked(&stream);
                (&stream).write_all(b"\xff\xff\xff\xff").unwrap();
            },
        ] {
            assert_eq!(with(act), Err(messages::PASSWORD_PROCESS_ENDED.to_owned()));
        }
    }

    #[test]
    fn a_process_that_hangs_is_ended_and_one_that_cannot_start_is_told_of() {
        let (stream, child) = started("/bin/cat").unwrap();
        let pid = child.id();
        // It ends with an error, since it does not know the option, or is killed.
        end(child);
        drop(stream);
        let is_gone = |_| {
            thread::sleep(Duration::from_millis(20));
            !std::path::Path::new(&format!("/proc/{pid}")).exists()
        };
        assert!((0..200).any(is_gone));
        assert!(started("/nonexistent/twostepd").is_err());
    }

    #[test]
    fn a_socket_that_is_missing_is_named_with_what_starts_it() {
        let error = CallError::NotThere { path: PASSWORD_SOCKET.into(), error: ErrorKind::NotFound.into() };
        let text = unreachable(&error);
        assert!(text.contains(PASSWORD_SOCKET) && text.ends_with("systemctl start twostepd-password.socket"), "{text}");
    }
}
