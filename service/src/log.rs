//! Log lines of this program, to the system's log.

use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use protocol::audit::{Audit, Line};

pub mod events;
mod sink;

use sink::Sink;

/// Where journald takes lines with fields.
const JOURNALD: &str = "/run/systemd/journal/socket";
/// Where any other log daemon listens. Journald does there too: a line goes to one of the two.
const SYSLOG: &str = "/dev/log";

static SINK: LazyLock<Mutex<Sink>> = LazyLock::new(|| Mutex::new(Sink::new(Path::new(JOURNALD), Path::new(SYSLOG))));

/// The log, for what one process asked.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    pid: i32,
}

impl Log {
    /// For what this process asked.
    #[must_use]
    pub fn of(pid: i32) -> Self {
        Self { pid }
    }

    /// For what this program does by itself.
    #[must_use]
    pub fn own() -> Self {
        Self { pid: std::process::id().cast_signed() }
    }

    /// Says what failed in this program.
    pub fn error(self, reason: impl std::fmt::Display) {
        self.record(&Line::new("error").with("reason", reason).finish());
    }
}

impl Audit for Log {
    /// Never waits: what the log daemon does not take at once is counted, and the count is logged later.
    fn record(&self, line: &str) {
        SINK.lock().unwrap_or_else(PoisonError::into_inner).record(line, self.pid);
    }
}
