//! How a line reaches the log daemon: with its pairs as fields to journald, or as RFC 3164 has it.

use std::fmt::Write;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use protocol::audit::{self, Line};

use super::events;

/// Facility `authpriv` (RFC 3164 section 4.1.1).
const AUTHPRIV: u8 = 10;
/// Under which name lines are logged.
const NAME: &str = "twostepd";

/// Where lines go.
#[derive(Debug)]
pub struct Sink {
    journald: PathBuf,
    syslog: PathBuf,
    kept: Option<CachedSocket>,
    /// How many lines the daemon did not take.
    dropped: u64,
}

/// A socket that leads to a daemon, for as long as its path does.
#[derive(Debug)]
struct CachedSocket {
    socket: UnixDatagram,
    path: At,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct At {
    is_journald: bool,
    device: u64,
    inode: u64,
}

impl Sink {
    /// To the daemon that listens at the first of these, or else at the second.
    #[must_use]
    pub fn new(journald: &Path, syslog: &Path) -> Self {
        Self { journald: journald.to_owned(), syslog: syslog.to_owned(), kept: None, dropped: 0 }
    }

    /// Sends a line for what a process asked, and before it how many were lost.
    pub fn record(&mut self, line: &str, pid: i32) {
        if self.dropped > 0 {
            let lost = Line::new("dropped").with("count", self.dropped).finish();
            if self.send(&lost, std::process::id().cast_signed()).is_ok() {
                self.dropped = 0;
            }
        }
        if self.send(line, pid).is_err() {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// A daemon that was restarted gets the line at the second try. One that has left its socket behind
    /// leaves the line to the other one.
    fn send(&mut self, line: &str, pid: i32) -> io::Result<()> {
        let mut sent = Err(io::ErrorKind::NotFound.into());
        for is_journald in [true, true, false, false] {
            sent = self.try_send(is_journald, line, pid);
            if is_final(&sent) {
                break;
            }
        }
        sent
    }

    fn try_send(&mut self, is_journald: bool, line: &str, pid: i32) -> io::Result<()> {
        let path = self.at(is_journald)?;
        let kept = match self.kept.take() {
            Some(kept) if kept.path == path => kept,
            _ => self.connected(path)?,
        };
        let datagram = if path.is_journald { fields(line, pid) } else { rfc3164(line, pid) };
        let sent = kept.socket.send(&datagram).map(drop);
        self.kept = is_final(&sent).then_some(kept);
        sent
    }

    /// The socket of this daemon as it is now.
    fn at(&self, is_journald: bool) -> io::Result<At> {
        let path = if is_journald { &self.journald } else { &self.syslog };
        path.metadata().map(|found| At { is_journald, device: found.dev(), inode: found.ino() })
    }

    fn connected(&self, path: At) -> io::Result<CachedSocket> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect(if path.is_journald { &self.journald } else { &self.syslog })?;
        Ok(CachedSocket { socket, path })
    }
}

/// Whether another try would be of no use: a daemon that is there and has no room may have it later.
fn is_final(sent: &io::Result<()>) -> bool {
    sent.as_ref().err().is_none_or(|error| error.kind() == io::ErrorKind::WouldBlock)
}

fn whole(line: &str, pid: i32) -> String {
    format!("{line} pid={pid}")
}

fn word(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

/// A line for a log daemon that knows text only. Without a time stamp: the daemon has the right one.
fn rfc3164(line: &str, pid: i32) -> Vec<u8> {
    let priority = AUTHPRIV * 8 + events::severity(word(line)) as u8;
    format!("<{priority}>{NAME}[{}]: {}", std::process::id(), whole(line, pid)).into_bytes()
}

/// A line for journald, in its native protocol.
fn fields(line: &str, pid: i32) -> Vec<u8> {
    let mut entry = Vec::with_capacity(1024);
    field(&mut entry, "MESSAGE", &whole(line, pid));
    field(&mut entry, "PRIORITY", &(events::severity(word(line)) as u8).to_string());
    field(&mut entry, "SYSLOG_FACILITY", &AUTHPRIV.to_string());
    field(&mut entry, "SYSLOG_IDENTIFIER", NAME);
    field(&mut entry, "SYSLOG_PID", &std::process::id().to_string());
    if pid > 0 {
        // Journald adds what it knows of that process.
        field(&mut entry, "OBJECT_PID", &pid.to_string());
    }
    if let Some((.., id)) = events::find(word(line)) {
        field(&mut entry, "MESSAGE_ID", id);
    }
    field(&mut entry, "TWOSTEP_EVENT", word(line));
    for (key, value) in audit::parse(line).into_iter().flat_map(|(_, pairs)| pairs) {
        field(&mut entry, &name(key), &value);
    }
    entry
}

/// The name of the field for a key: journald takes capitals, digits and `_`.
fn name(key: &str) -> String {
    let mut name = "TWOSTEP_".to_owned();
    for letter in key.chars() {
        // Writing to a string cannot fail.
        let _ = if letter.is_ascii_alphanumeric() {
            name.write_char(letter.to_ascii_uppercase())
        } else {
            name.write_char('_')
        };
    }
    name
}

/// `NAME=value`, or with its length where the value has more than one line.
fn field(entry: &mut Vec<u8>, name: &str, value: &str) {
    entry.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend_from_slice(value.as_bytes());
    entry.push(b'\n');
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LINE: &str = "refused user=alice reason=wrong-code detail=\"not \\\"so\\\"\"";

    fn received(daemon: &UnixDatagram) -> String {
        let mut buffer = [0; 4096];
        daemon.set_nonblocking(true).unwrap();
        let length = daemon.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    struct FakeHost {
        folder: tempfile::TempDir,
        sink: Sink,
    }

    fn host() -> FakeHost {
        let folder = tempfile::tempdir().unwrap();
        let sink = Sink::new(&folder.path().join("journald"), &folder.path().join("log"));
        FakeHost { folder, sink }
    }

    impl FakeHost {
        fn daemon(&self, name: &str) -> UnixDatagram {
            let path = self.folder.path().join(name);
            let _ = fs::remove_file(&path);
            UnixDatagram::bind(path).unwrap()
        }
    }

    #[test]
    fn a_log_daemon_gets_text() {
        let mut host = host();
        let daemon = host.daemon("log");
        host.sink.record(LINE, 7);
        assert_eq!(received(&daemon), format!("<85>twostepd[{}]: {LINE} pid=7", std::process::id()));
        host.sink.record("accepted user=alice", 7);
        assert!(received(&daemon).starts_with("<86>"));
    }

    #[test]
    fn journald_gets_fields_and_the_other_socket_nothing() {
        let mut host = host();
        let (journald, log) = (host.daemon("journald"), host.daemon("log"));
        host.sink.record(LINE, 7);
        let entry = received(&journald);
        let entry: Vec<_> = entry.lines().collect();
        for field in [
            &format!("MESSAGE={LINE} pid=7"),
            "PRIORITY=5",
            "SYSLOG_FACILITY=10",
            "SYSLOG_IDENTIFIER=twostepd",
            "OBJECT_PID=7",
            &format!("MESSAGE_ID={}", events::find("refused").unwrap().2),
            "TWOSTEP_EVENT=refused",
            "TWOSTEP_USER=alice",
            "TWOSTEP_REASON=wrong-code",
            "TWOSTEP_DETAIL=not \"so\"",
        ] {
            assert!(entry.contains(&field), "{field} is missing in {entry:?}");
        }
        log.set_nonblocking(true).unwrap();
        assert!(log.recv(&mut [0; 16]).is_err());
    }

    #[test]
    fn a_value_of_several_lines_goes_with_its_length() {
        let mut entry = Vec::new();
        field(&mut entry, &name("a-b"), "x\ny=1");
        assert_eq!(entry, b"TWOSTEP_A_B\n\x05\0\0\0\0\0\0\0x\ny=1\n");
    }

    #[test]
    fn lines_that_nobody_takes_cost_no_time_and_are_counted() {
        let mut host = host();
        host.sink.record(LINE, 1);
        let daemon = host.daemon("log");
        for _ in 0..5000 {
            host.sink.record(LINE, 1);
        }
        let mut taken = 0;
        daemon.set_nonblocking(true).unwrap();
        assert!(received(&daemon).contains("dropped count=1 "));
        while daemon.recv(&mut [0; 512]).is_ok() {
            taken += 1;
        }
        assert!(taken < 5000);
        host.sink.record(LINE, 1);
        assert!(received(&daemon).contains(&format!("dropped count={} ", 5000 - taken)));
        assert!(received(&daemon).contains(LINE));
    }

    #[test]
    fn a_journald_that_has_left_its_socket_behind_leaves_the_line_to_the_other_daemon() {
        let mut host = host();
        let (journald, log) = (host.daemon("journald"), host.daemon("log"));
        host.sink.record(LINE, 1);
        received(&journald);
        drop(journald);
        host.sink.record(LINE, 2);
        assert!(received(&log).ends_with("pid=2"));
        let again = host.daemon("journald");
        host.sink.record(LINE, 3);
        assert!(received(&again).contains("pid=3"));
    }

    #[test]
    fn a_daemon_that_was_replaced_gets_the_next_line() {
        let mut host = host();
        let first = host.daemon("log");
        host.sink.record(LINE, 1);
        received(&first);
        // The old one still listens, but its path leads to another.
        let second = host.daemon("log");
        host.sink.record(LINE, 2);
        assert!(received(&second).ends_with("pid=2"));
        drop(second);
        let third = host.daemon("log");
        host.sink.record(LINE, 3);
        assert!(received(&third).ends_with("pid=3"));
        assert!(first.recv(&mut [0; 16]).is_err());
    }
}
