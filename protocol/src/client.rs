//! Asks the service: one connection, one request, one response.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::sockopt::{PeerCredentials, SendTimeout};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, setsockopt, socket};
use nix::sys::time::{TimeVal, TimeValLike};
use serde::Serialize;

use crate::frame::{self, LONGEST_REQUEST, LONGEST_RESPONSE, Until, now};
use crate::request::{Call, Reply, Stage, VERSION};

/// Logins of root's processes.
pub const LOGIN_SOCKET: &str = "/run/twostep/login.sock";
/// Root's commands.
pub const ADMIN_SOCKET: &str = "/run/twostep/admin.sock";
/// Everybody else.
pub const USER_SOCKET: &str = "/run/twostep/user.sock";
/// The service's program, which root's processes execute where the service does not answer.
pub const PROGRAM: &str = match option_env!("TWOSTEP_SERVICE") {
    Some(path) => path,
    None => "/usr/libexec/twostep/twostepd",
};
/// What makes it answer one request on its standard input.
pub const ONCE: &str = "--once";
/// What makes it check one password for the service, on its standard input.
pub const PASSWORD: &str = "--password";
/// Where systemd starts it so.
pub const PASSWORD_SOCKET: &str = "/run/twostep/password.sock";

/// How long the service may take to answer, or to say that it is at work, before root's logins do without it.
const FIRST: Duration = Duration::from_secs(1);
/// The same for everything else, which cannot do without it: on a busy host it takes longer to be scheduled.
const FIRST_OF_OTHERS: Duration = Duration::from_secs(5);
/// How long it may take in all, however often it says so: a disk that syncs, and a lock before it.
const WHOLE: Duration = Duration::from_secs(40);

/// Has the service at this socket answer a request.
///
/// # Errors
/// It is not there, or does not answer.
pub fn call<R: Reply>(path: &str, request: &impl Serialize) -> Result<R, CallError> {
    exchange(&connect_to(path)?, request, first_at(path))
}

/// Has the program at the other end of a socket pair answer a request. It has to start first.
///
/// # Errors
/// It does not answer.
pub fn call_once<R: Reply>(stream: &UnixStream, request: &impl Serialize) -> Result<R, CallError> {
    exchange(stream, request, WHOLE)
}

/// A connection to root's service, and nobody else's.
///
/// # Errors
/// Nobody listens there, or somebody else.
pub fn connect_to(path: &str) -> Result<UnixStream, CallError> {
    let not_there = |errno: Errno| CallError::NotThere { path: path.to_owned(), error: errno.into() };
    let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).map_err(not_there)?;
    // Before it connects: a service that accepts nothing lets a full queue wait.
    setsockopt(&socket, SendTimeout, &TimeVal::milliseconds(first_at(path).as_millis() as i64)).map_err(not_there)?;
    let address = UnixAddr::new(path).map_err(not_there)?;
    while let Err(errno) = connect(socket.as_raw_fd(), &address) {
        if errno != Errno::EINTR {
            return Err(not_there(errno));
        }
    }
    let server = getsockopt(&socket, PeerCredentials).map_err(not_there)?;
    if server.uid() != 0 {
        return Err(CallError::NotRoots { path: path.to_owned(), uid: server.uid() });
    }
    Ok(UnixStream::from(socket))
}

fn first_at(path: &str) -> Duration {
    if path == LOGIN_SOCKET { FIRST } else { FIRST_OF_OTHERS }
}

fn exchange<R: Reply>(stream: &UnixStream, request: &impl Serialize, first: Duration) -> Result<R, CallError> {
    let end = now() + WHOLE;
    let mut limit = now() + first;
    match frame::send(Until { stream, limit }, &Call { version: VERSION, request }, LONGEST_REQUEST) {
        // A service that refuses the caller says so without reading.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(broken(&error)),
        _ => {}
    }
    loop {
        let reply: R = frame::receive(Until { stream, limit }, LONGEST_RESPONSE).map_err(|error| broken(&error))?;
        match reply.stage() {
            Stage::AtWork(seconds) => limit = (now() + Duration::from_secs(seconds)).min(end),
            Stage::OtherVersion => return Err(CallError::NotUnderstood),
            Stage::Answered => return Ok(reply),
        }
    }
}

fn broken(error: &io::Error) -> CallError {
    match error.kind() {
        io::ErrorKind::InvalidInput => CallError::TooLong,
        io::ErrorKind::InvalidData => CallError::NotUnderstood,
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => CallError::Silent,
        _ => CallError::Ended,
    }
}

/// Why there is no response. Displayed, it says what happened and what to do.
#[derive(Debug)]
pub enum CallError {
    /// Nobody listens there.
    NotThere {
        /// Where.
        path: String,
        /// What the kernel said.
        error: io::Error,
    },
    /// Somebody listens there who is not root.
    NotRoots {
        /// Where.
        path: String,
        /// Who.
        uid: u32,
    },
    /// It did not answer in time.
    Silent,
    /// It ended the connection without an answer.
    Ended,
    /// The request is too long.
    TooLong,
    /// The response is none that this version knows, or the service does not know this version.
    NotUnderstood,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere { path, error } => {
                write!(
                    f,
                    "cannot reach the twostep service at {path} ({error}); start it: systemctl start twostepd.socket"
                )
            }
            Self::NotRoots { path, uid } => {
                write!(f, "{path} belongs to uid {uid} and not to root; remove it and restart twostepd")
            }
            Self::Silent => {
                f.write_str("the twostep service did not answer in time; restart it: systemctl restart twostepd")
            }
            Self::Ended => f.write_str("the twostep service ended without an answer; see its log"),
            Self::TooLong => f.write_str("the request is too long; shorten what was typed"),
            Self::NotUnderstood => {
                f.write_str("the twostep service is of another version; restart it: systemctl restart twostepd")
            }
        }
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotThere { error, .. } => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;
    use crate::request::{LoginResponse, Refusal, Refused, Request, Response};

    /// What a caller gets of a service that does this with its connection.
    fn with_service(act: fn(UnixStream)) -> Result<Response, CallError> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let service = thread::Builder::new().spawn(move || act(theirs)).unwrap();
        let response = exchange(&ours, &Request::Status {}, Duration::from_millis(200));
        drop(ours);
        service.join().unwrap();
        response
    }

    fn answer(stream: &UnixStream, response: &Response) {
        frame::send(stream, response, LONGEST_RESPONSE).unwrap();
    }

    #[test]
    fn a_service_that_says_that_it_is_at_work_is_waited_for() {
        let response = with_service(|stream| {
            let call: Call = frame::receive(&stream, LONGEST_REQUEST).unwrap();
            assert!(matches!(call, Call { version: VERSION, request: Request::Status {} }));
            answer(&stream, &Response::Wait { seconds: 5 });
            thread::sleep(Duration::from_millis(300));
            answer(&stream, &Response::Revoked { labels: vec!["mail".into()] });
        });
        assert!(matches!(response, Ok(Response::Revoked { labels }) if labels == ["mail"]));
    }

    #[test]
    fn a_service_that_says_nothing_ends_or_is_of_another_version_gives_no_response() {
        let silent = with_service(|stream| while frame::bytes(&stream, LONGEST_REQUEST).is_ok() {});
        assert!(matches!(silent, Err(CallError::Silent)), "{silent:?}");
        let ended = with_service(|stream| drop(frame::bytes(&stream, LONGEST_REQUEST)));
        assert!(matches!(ended, Err(CallError::Ended)), "{ended:?}");
        for version in [
            |stream: UnixStream| answer(&stream, &Response::Version { knows: 9 }),
            |stream| {
                frame::send(&stream, &"what a later version says", LONGEST_RESPONSE).unwrap();
            },
        ] {
            let version = with_service(version);
            assert!(matches!(version, Err(CallError::NotUnderstood)), "{version:?}");
        }
    }

    #[test]
    fn a_service_that_refuses_without_reading_is_heard() {
        let refused = with_service(|stream| {
            answer(&stream, &Response::Revoked { labels: vec![] });
            stream.shutdown(std::net::Shutdown::Read).unwrap();
        });
        assert!(matches!(refused, Ok(Response::Revoked { .. })), "{refused:?}");
    }

    #[test]
    fn a_socket_that_is_missing_full_or_not_roots_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("login.sock");
        let path = path.to_str().unwrap();
        assert!(call::<Response>(path, &Request::Status {}).unwrap_err().to_string().contains("login.sock"));
        let listener = UnixListener::bind(path).unwrap();
        let error = call::<Response>(path, &Request::Status {}).unwrap_err();
        let is_root = nix::unistd::geteuid().is_root();
        assert!(
            matches!(error, CallError::Silent if is_root) || matches!(error, CallError::NotRoots { .. } if !is_root)
        );
        drop(listener);
        assert!(matches!(call::<Response>(path, &Request::Status {}), Err(CallError::NotThere { .. })));
    }

    #[test]
    fn a_login_understands_what_concerns_it_and_nothing_else() {
        let refused = Response::Refused(Refused::new(Refusal::Failed, "No."));
        for (response, stage) in [
            (Response::Wait { seconds: 3 }, Some(Stage::AtWork(3))),
            (Response::Version { knows: 9 }, Some(Stage::OtherVersion)),
            (refused, Some(Stage::Answered)),
            (Response::Revoked { labels: vec![] }, None),
        ] {
            let mut sent = Vec::new();
            frame::send(&mut sent, &response, LONGEST_RESPONSE).unwrap();
            let understood = frame::receive::<LoginResponse>(sent.as_slice(), LONGEST_RESPONSE);
            assert_eq!(understood.ok().map(|reply| reply.stage()), stage, "{response:?}");
            assert!(stage.is_none_or(|stage| response.stage() == stage));
        }
    }
}
