//! Audit lines of what root does, to the system's log.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use syslog::{Facility, Formatter3164, Logger, LoggerBackend};
use twostep_core::audit::Audit;

/// Where the system's log daemon listens.
const SOCKET: &str = "/dev/log";

/// A log that does not read for so long is done without.
const PATIENCE: Duration = Duration::from_secs(1);

/// The system's log. A host without one loses the line, and nothing else.
pub struct Syslog;

impl Audit for Syslog {
    fn record(&self, line: &str) {
        if let Ok(socket) = connected() {
            let form = Formatter3164 {
                facility: Facility::LOG_AUTHPRIV,
                hostname: None,
                process: "twostep".to_owned(),
                pid: std::process::id(),
            };
            let _ = Logger::new(LoggerBackend::Unix(socket), form).notice(line);
        }
    }
}

/// The crate's own connection would wait without end for a log daemon that does not read.
fn connected() -> std::io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.connect(SOCKET)?;
    Ok(socket)
}
