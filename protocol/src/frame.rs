//! How a message travels: its length in four bytes, most significant first, then so many bytes of
//! JSON. The buffers are made in their full size and wiped.

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::sys::socket::{self, MsgFlags};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::request::{Call, Request, VERSION};
use crate::secret::Secret;

/// Most bytes of a request.
pub const LONGEST_REQUEST: usize = 16 * 1024;
/// Most bytes of a response: the longest list of application passwords has a quarter of them.
pub const LONGEST_RESPONSE: usize = 256 * 1024;
/// Bytes of the length.
const HEAD: usize = 4;

/// Writes a message as one piece.
///
/// # Errors
/// It is longer than `longest` (`InvalidInput`), or cannot be written.
pub fn send(mut to: impl Write, message: &impl Serialize, longest: usize) -> io::Result<()> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, message)?;
    let Length(length) = length;
    let head = u32::try_from(length).map_err(|_| io::ErrorKind::InvalidInput)?;
    if length > longest {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // One that grows would leave copies behind that nobody wipes.
    let mut frame = Vec::with_capacity(HEAD + length);
    frame.extend_from_slice(&head.to_be_bytes());
    let written = serde_json::to_writer(&mut frame, message);
    let frame = Secret::new(frame);
    written?;
    to.write_all(frame.expose())
}

/// Reads one message.
///
/// # Errors
/// It does not come whole (`UnexpectedEof`, or `WouldBlock` where the socket has a time limit), is longer
/// than `longest`, or is not one of this kind (`InvalidData`). What it says stays here: it may hold a code.
pub fn receive<T: DeserializeOwned>(from: impl Read, longest: usize) -> io::Result<T> {
    serde_json::from_slice(bytes(from, longest)?.expose()).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Reads the bytes of one message.
///
/// # Errors
/// As [`receive`].
pub fn bytes(mut from: impl Read, longest: usize) -> io::Result<Secret> {
    let mut head = [0; HEAD];
    from.read_exact(&mut head)?;
    let length = usize::try_from(u32::from_be_bytes(head)).unwrap_or(usize::MAX);
    if length > longest {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut message = vec![0; length];
    let read = from.read_exact(&mut message);
    let message = Secret::new(message);
    read.map(|()| message)
}

/// Reads one call. What a later version asks need not be understood: by its version it is answered.
///
/// # Errors
/// As [`receive`].
pub fn receive_call(from: impl Read) -> io::Result<Call> {
    /// What each version of a call has.
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }

    let message = bytes(from, LONGEST_REQUEST)?;
    serde_json::from_slice(message.expose()).or_else(|_| match serde_json::from_slice::<Versioned>(message.expose()) {
        Ok(Versioned { version }) if version != VERSION => Ok(Call { version, request: Request::Status {} }),
        _ => Err(io::ErrorKind::InvalidData.into()),
    })
}

/// A stream that is read and written until a moment, however often a signal interrupts it or the other
/// side sends one byte more. What it writes to who has gone raises no signal.
#[derive(Debug, Clone, Copy)]
pub struct Until<'a> {
    /// The stream.
    pub stream: &'a UnixStream,
    /// The moment.
    pub limit: Instant,
}

impl Until<'_> {
    fn left(&self) -> io::Result<Duration> {
        let left = self.limit.saturating_duration_since(now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Until<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        (&mut &*self.stream).read(buffer)
    }
}

impl Write for Until<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        Ok(socket::send(self.stream.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream that is written without waiting, and without a signal where nobody reads.
#[derive(Debug, Clone, Copy)]
pub struct AtOnce<'a>(pub &'a UnixStream);

impl Write for AtOnce<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(socket::send(self.0.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// This moment, for deadlines.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a deadline of this process, not a time of day")]
pub fn now() -> Instant {
    Instant::now()
}

/// Counts what is written to it.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Response;
    use crate::secret::Typed;

    fn sent(message: &impl Serialize) -> Vec<u8> {
        let mut frame = Vec::new();
        send(&mut frame, message, LONGEST_RESPONSE).unwrap();
        frame
    }

    #[test]
    fn a_message_comes_back_as_it_went() {
        let frame = sent(&Call {
            version: VERSION,
            request: Request::Remove { label: None, proof: Typed::new("123456".into()) },
        });
        assert_eq!(&frame[4..], br#"{"version":1,"request":{"remove":{"label":null,"proof":"123456"}}}"#);
        let call: Call = receive(frame.as_slice(), LONGEST_REQUEST).unwrap();
        assert!(matches!(call.request, Request::Remove { proof, .. } if proof.expose() == "123456"));
    }

    #[test]
    fn what_is_cut_off_or_too_long_or_no_message_is_an_error() {
        let frame = sent(&Response::Wait { seconds: 3 });
        for length in 0..frame.len() {
            let error = receive::<Response>(&frame[..length], LONGEST_REQUEST).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{length}");
        }
        for wrong in [&[0xff; 64][..], b"\0\0\0\x02{}", b"\0\0\0\x04null", b"\0\0\0\x00", b"\0\0\x40\x01"] {
            assert_eq!(
                receive::<Response>(wrong, LONGEST_REQUEST).unwrap_err().kind(),
                io::ErrorKind::InvalidData,
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn what_is_too_long_is_not_sent() {
        let request = Request::Remove { label: None, proof: Typed::new("1".repeat(LONGEST_REQUEST)) };
        let mut frame = Vec::new();
        let error = send(&mut frame, &Call { version: VERSION, request }, LONGEST_REQUEST).unwrap_err();
        assert_eq!((error.kind(), frame.len()), (io::ErrorKind::InvalidInput, 0));
    }

    #[test]
    fn a_call_of_another_version_is_known_by_its_version() {
        let call = |json: &str| {
            let length = u32::try_from(json.len()).unwrap().to_be_bytes();
            receive_call([&length, json.as_bytes()].concat().as_slice()).map(|call| call.version)
        };
        assert_eq!(call(r#"{"version":1,"request":{"status":{}}}"#).unwrap(), 1);
        assert_eq!(call(r#"{"version":2,"request":{"dance":{"style":"tango"}},"more":1}"#).unwrap(), 2);
        for wrong in [r#"{"version":1,"request":{"dance":{}}}"#, r#"{"version":-1}"#, "[]"] {
            assert_eq!(call(wrong).unwrap_err().kind(), io::ErrorKind::InvalidData, "{wrong}");
        }
    }

    #[test]
    fn a_stream_ends_at_its_moment_whatever_drips_in() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let drip = move || {
            (&theirs).write_all(&[0, 0, 1, 0]).unwrap();
            while (&theirs).write_all(b" ").is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        let dripping = std::thread::Builder::new().spawn(drip).unwrap();
        let limit = now() + Duration::from_millis(100);
        let error = receive::<Response>(Until { stream: &ours, limit }, LONGEST_RESPONSE).unwrap_err();
        assert!(matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock), "{error}");
        drop(ours);
        dripping.join().unwrap();
    }
}
