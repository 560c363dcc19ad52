//! Reads the one request. No lock is held and no file is open meanwhile, so a caller who never
//! finishes a request keeps nobody waiting but this process, and that not for long.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{isatty, read};
use twostep_core::request::{MAX_REQUEST, Refusal, Request};
use twostep_core::secret::Secret;
use twostep_core::words::helper as words;

use crate::reply::{Refused, refused};

/// How long a caller may take to send a request.
const PATIENCE: Duration = Duration::from_secs(60);

/// The request that arrives on `input`: one line, or everything up to the end.
///
/// # Errors
/// The refusal to print: nothing came, too much, too late, or not a request.
pub fn request(input: BorrowedFd<'_>) -> Result<Request, Refused> {
    if isatty(input).unwrap_or(false) {
        return Err(refused(Refusal::BadRequest, words::TYPED));
    }
    parse(line(input, PATIENCE)?.expose())
}

/// The parser's own message may quote the request, which holds codes: it stays here.
fn parse(line: &[u8]) -> Result<Request, Refused> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Err(refused(Refusal::BadRequest, words::NOTHING));
    }
    serde_json::from_slice(line).map_err(|_| refused(Refusal::BadRequest, words::NOT_A_REQUEST))
}

fn line(input: BorrowedFd<'_>, patience: Duration) -> Result<Secret, Refused> {
    let late = now() + patience;
    // Never grown, so that no copy of a code is left behind.
    let mut buffer = vec![0; MAX_REQUEST + 1];
    let mut filled = 0;
    loop {
        wait(input, late)?;
        let rest = buffer.get_mut(filled..).unwrap_or_default();
        match read(input, rest) {
            Ok(0) => break,
            Ok(count) => {
                let ends = rest.iter().take(count).any(|byte| *byte == b'\n');
                filled += count;
                if filled > MAX_REQUEST {
                    return Err(refused(Refusal::BadRequest, words::TOO_LONG));
                }
                if ends {
                    break;
                }
            }
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(_) => return Err(refused(Refusal::BadRequest, words::UNREADABLE)),
        }
    }
    buffer.truncate(filled);
    Ok(Secret::new(buffer))
}

fn wait(input: BorrowedFd<'_>, late: Instant) -> Result<(), Refused> {
    let left = late.saturating_duration_since(now());
    // Rounded up, so that the last part of a millisecond is not a busy wait.
    let timeout = PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
    match poll(&mut [PollFd::new(input, PollFlags::POLLIN)], timeout) {
        Ok(0) => Err(refused(Refusal::BadRequest, words::LATE)),
        Ok(_) => Ok(()),
        Err(Errno::EINTR) if !left.is_zero() => Ok(()),
        Err(_) => Err(refused(Refusal::BadRequest, words::UNREADABLE)),
    }
}

#[expect(clippy::disallowed_methods, reason = "a deadline of this process, not a time of day")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use twostep_core::secret::Typed;

    use super::*;

    fn sent(bytes: &[u8]) -> Result<Request, Refused> {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(bytes).unwrap();
        drop(ours);
        request(theirs.as_fd())
    }

    fn text(answer: Result<Request, Refused>) -> String {
        match answer {
            Err(Refused { reason: Refusal::BadRequest, text }) => text,
            other => panic!("not a refusal of the request: {other:?}"),
        }
    }

    #[test]
    fn a_request_is_one_line_or_everything() {
        assert!(matches!(sent(b"{\"do\":\"status\"}\n"), Ok(Request::Status {})));
        assert!(matches!(sent(b"{\n\"do\":\"status\"}"), Ok(Request::Status {})));
    }

    #[test]
    fn a_whole_line_is_answered_while_the_caller_keeps_the_pipe_open() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(b"{\"do\":\"status\"}\n").unwrap();
        assert!(matches!(request(theirs.as_fd()), Ok(Request::Status {})));
    }

    #[test]
    fn a_caller_who_sends_nothing_is_refused_after_the_patience() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let refusal = line(theirs.as_fd(), Duration::from_millis(20)).unwrap_err();
        assert_eq!(refused(Refusal::BadRequest, words::LATE), refusal);
        drop(ours);
    }

    #[test]
    fn garbage_is_refused_and_never_quoted() {
        for garbage in [
            &b"\xff\xfe"[..],
            b"null",
            b"{}",
            b"{\"do\":\"open\"}",
            b"[1]",
            b"{\"do\":\"status\"} x",
            b"{\"do\":\"status\",\"user\":\"root\"}",
            b"{\"do\":\"confirm\",\"code\":\"1\",\"user\":\"root\"}",
        ] {
            assert_eq!(text(sent(garbage)), words::NOT_A_REQUEST);
        }
        assert!(!text(sent(b"{\"do\":\"confirm\",\"code\":\"123456\"")).contains("123456"));
    }

    #[test]
    fn the_longest_request_that_can_be_meant_is_short_enough() {
        let request = Request::CreateAppPassword {
            label: "\u{e9}".repeat(32),
            services: vec!["\\".repeat(64); 16],
            networks: vec!["2001:db8:1111:2222:3333:4444:5555:6666/128".into(); 16],
            expires_after: Some(u64::MAX),
            proof: Typed::new("\\".repeat(4096)),
        };
        let mut line = serde_json::to_vec(&request).unwrap();
        line.push(b'\n');
        assert!(line.len() <= MAX_REQUEST, "{}", line.len());
        assert!(matches!(sent(&line), Ok(Request::CreateAppPassword { services, .. }) if services.len() == 16));
    }

    #[test]
    fn what_may_be_left_out_may_be_left_out() {
        assert!(matches!(
            sent(b"{\"do\":\"ensure_app_password\",\"name\":\"mail\"}"),
            Ok(Request::EnsureAppPassword { proof: None, .. })
        ));
        assert!(matches!(sent(b"{\"do\":\"app_passwords\"}"), Ok(Request::AppPasswords {})));
        for line in [
            &b"{\"do\":\"create_app_password\",\"label\":\"a\",\"services\":[\"dovecot\"],\"networks\":[]}"[..],
            b"{\"do\":\"revoke_app_passwords\",\"label\":\"a\"}",
            b"{\"do\":\"ensure_app_password\",\"name\":\"mail\",\"services\":[\"sshd\"]}",
        ] {
            assert_eq!(text(sent(line)), words::NOT_A_REQUEST);
        }
    }

    #[test]
    fn nothing_is_refused() {
        assert_eq!(text(sent(b"")), words::NOTHING);
        assert_eq!(text(sent(b" \n")), words::NOTHING);
    }

    #[test]
    fn more_than_a_request_can_be_is_refused_unread() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        ours.write_all(&vec![b' '; MAX_REQUEST + 1]).unwrap();
        assert_eq!(text(request(theirs.as_fd())), words::TOO_LONG);
    }
}
