//! A process that opens the store, and whether another one may end it.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::store::open::is_trusted;

/// Where the start time is behind the name in `/proc/PID/stat`, of which it is field 22.
const START_FIELD: usize = 22 - 3;
/// What kind of process opens the store. A waiter never ends the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProcessKind {
    /// A command of root's.
    #[default]
    Command,
    /// `twostepd --once`, which serves one request.
    Once,
    /// The resident service.
    Service,
}

impl ProcessKind {
    pub(super) const ALL: [Self; 3] = [Self::Command, Self::Once, Self::Service];

    pub(super) fn number(self) -> u64 {
        match self {
            Self::Command => 1,
            Self::Once => 2,
            Self::Service => 3,
        }
    }
}

impl fmt::Display for ProcessKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Command => "twostep",
            Self::Once => "twostepd --once",
            Self::Service => "twostepd",
        })
    }
}

/// One process. Its start time tells it from a later one with the same pid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Process {
    pub(in crate::store) pid: u32,
    /// In clock ticks since boot; 0 where `/proc` does not say.
    pub(in crate::store) started: u64,
    /// Device and inode of the file that it runs; a process with fewer rights could not ask the kernel.
    pub(in crate::store) program: (u64, u64),
    pub(in crate::store) kind: ProcessKind,
}

impl Process {
    /// This process.
    pub(in crate::store) fn this(kind: ProcessKind) -> Self {
        let program = fs::metadata("/proc/self/exe").map_or((0, 0), |file| (file.dev(), file.ino()));
        Self { pid: std::process::id(), started: started("self").unwrap_or(0), program, kind }
    }

    /// Whether this is still the process that calls: a child of it has another pid.
    pub(in crate::store) fn is_this(&self) -> bool {
        self.pid == std::process::id()
    }

    /// Ends this process for another one, if both run the same program and it is not the service. Says
    /// whether it did.
    pub(in crate::store) fn end_for(&self, other: &Self) -> bool {
        if self.kind == ProcessKind::Service || self.is_this() || self.program != other.program {
            return false;
        }
        // From here on the handle means the process that has the pid now. Should the pid be given away
        // before /proc is read, the handle is of one that has ended, and ends nobody.
        sys::Process::open(self.pid)
            .is_ok_and(|handle| Facts::of(self.pid).is_some_and(|found| found.allow_end(self)) && handle.kill().is_ok())
    }
}

/// What the kernel says about a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    started: u64,
    real_uid: u32,
    effective_uid: u32,
}

impl Facts {
    fn of(pid: u32) -> Option<Self> {
        let pid = pid.to_string();
        let [real_uid, effective_uid] = uids(&pid)?;
        Some(Self { started: started(&pid)?, real_uid, effective_uid })
    }

    /// Whether it is the process that was recorded, and root's.
    fn allow_end(&self, recorded: &Process) -> bool {
        self.started == recorded.started && is_trusted(self.real_uid) && is_trusted(self.effective_uid)
    }
}

/// When a process started, in clock ticks since boot.
pub(super) fn started(pid: &str) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it is in parentheses, and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(START_FIELD)?.parse().ok()
}

/// The real and the effective user id of a process.
fn uids(pid: &str) -> Option<[u32; 2]> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mut fields = status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_ascii_whitespace();
    let mut next = || fields.next()?.parse().ok();
    Some([next()?, next()?])
}

#[cfg(test)]
mod tests;
