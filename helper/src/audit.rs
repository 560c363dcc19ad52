//! Audit lines, to the system's log.
//!
//! Written by hand rather than with a crate: those of the kind take the time zone from the caller's
//! environment, and wait without end for a log daemon that does not read.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use twostep_core::audit::Audit;

/// Where the system's log daemon listens.
const SOCKET: &str = "/dev/log";

/// Facility `authpriv` (10) and severity `notice` (5), as RFC 3164 §4.1.1 packs them.
const PRIORITY: u8 = 10 * 8 + 5;

/// A log that does not read for so long is done without: nobody waits for it at a login.
const PATIENCE: Duration = Duration::from_secs(1);

/// The system's log. A host without one loses the line, and nothing else.
pub struct Syslog;

impl Audit for Syslog {
    fn record(&self, line: &str) {
        // Where there is no log, there is no place to say so either.
        let _ = send(&datagram(line, std::process::id()));
    }
}

/// The daemon stamps time and host itself; a line without them is a form that all of them read.
fn datagram(line: &str, pid: u32) -> String {
    format!("<{PRIORITY}>twostep-helper[{pid}]: {line}")
}

fn send(datagram: &str) -> std::io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.connect(SOCKET)?;
    socket.send(datagram.as_bytes()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_carries_its_priority_and_its_program() {
        assert_eq!(datagram("accepted user=alice", 7), "<85>twostep-helper[7]: accepted user=alice");
    }
}
