//! Who holds a lock, as the ledger file says, and when a waiter may end that process.
//!
//! What an attempt costs is recorded before it is judged, so a process can be ended at any
//! instruction: it reopens no code and saves no guess.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::Duration;

use super::kernel;
use crate::ledger::bytes::{Reader, Writer};
use crate::ledger::{HOLDER_AT, SLOTS_AT};
use crate::store::StoreError;
use crate::store::open::{Identity, is_trusted};

/// How long a holder may have the lock.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same for one that waits for the disk.
const DISK_PATIENCE: Duration = Duration::from_secs(15);
/// How long a process waits for the lock, whoever has it.
const LONGEST: Duration = Duration::from_secs(30);
/// Between two of the first tries, since most holders are done in no time.
const SHORT_PAUSE: Duration = Duration::from_millis(1);
/// How long the tries are that close together.
const SHORTLY: Duration = Duration::from_millis(20);
/// Between two later tries.
const PAUSE: Duration = Duration::from_millis(10);
/// Where the start time is behind the name in `/proc/PID/stat`, of which it is field 22.
const START_FIELD: usize = 22 - 3;
/// Stands beside the kind of a holder that waits for the disk.
const SYNCING: u64 = 1 << 63;

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
    const ALL: [Self; 3] = [Self::Command, Self::Once, Self::Service];

    fn number(self) -> u64 {
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

/// Which taking of the lock it is, and whose. A record that stays the same means one holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holder {
    /// Counts the takings of this file.
    pub(super) taking: u64,
    /// `None` before its holder has said who it is, and once it is about to release the lock.
    pub(super) process: Option<Process>,
    /// Whether it waits for the disk.
    pub(super) is_syncing: bool,
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

impl Holder {
    /// What the file says.
    pub(super) fn read(file: &File) -> Self {
        let mut bytes = [0; SLOTS_AT];
        let read = file.read_exact_at(&mut bytes, HOLDER_AT).ok();
        read.and_then(|()| Self::from_bytes(&bytes)).unwrap_or(Self { taking: 0, process: None, is_syncing: false })
    }

    /// Says so in the file.
    pub(super) fn write(&self, file: &File) -> std::io::Result<()> {
        file.write_all_at(&self.to_bytes(), HOLDER_AT)
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Writer::new(&[]);
        bytes.u64(self.taking);
        let syncing = if self.is_syncing { SYNCING } else { 0 };
        let numbers = self
            .process
            .map_or([0; 5], |it| [u64::from(it.pid), it.started, it.program.0, it.program.1, it.kind.number()]);
        let [pid, started, device, inode, kind] = numbers;
        [pid, started, device, inode, kind | syncing].into_iter().for_each(|number| bytes.u64(number));
        bytes.finish()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes, &[])?;
        let (taking, pid, started) = (reader.u64()?, reader.count()?, reader.u64()?);
        let (program, kind) = ((reader.u64()?, reader.u64()?), reader.u64()?);
        let known = ProcessKind::ALL.into_iter().find(|one| one.number() == kind & !SYNCING);
        let process = known.map(|kind| Process { pid, started, program, kind });
        Some(Self { taking, process, is_syncing: kind & SYNCING != 0 })
    }
}

/// A process that waits for a lock.
#[derive(Debug, Default)]
pub(super) struct Waiter {
    slept: Duration,
    /// The holder that was seen last, and how long this process had slept when it was first seen.
    last: Option<(Holder, Duration)>,
    ended: Option<Holder>,
}

impl Waiter {
    /// Ends a holder that has had the lock for too long, and returns it.
    pub(super) fn meets(&mut self, holder: Holder, file: Identity, own: &Process) -> Option<Process> {
        if !self.is_due(holder) || self.ended.replace(holder) == Some(holder) {
            return None;
        }
        holder.process.or_else(|| kernel::holder(file, own)).filter(|process| process.end_for(own))
    }

    /// Whether this holder has been the same for long enough.
    fn is_due(&mut self, holder: Holder) -> bool {
        match self.last {
            Some((last, since)) if last == holder => {
                self.slept.saturating_sub(since) >= if holder.is_syncing { DISK_PATIENCE } else { PATIENCE }
            }
            _ => {
                self.last = Some((holder, self.slept));
                false
            }
        }
    }

    /// Sleeps until the next try.
    ///
    /// # Errors
    /// This process has waited for long enough.
    pub(super) fn sleep(&mut self) -> Result<(), StoreError> {
        if self.slept >= LONGEST {
            return Err(StoreError::Busy);
        }
        let pause = if self.slept < SHORTLY { SHORT_PAUSE } else { PAUSE };
        std::thread::sleep(pause);
        self.slept += pause;
        Ok(())
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
