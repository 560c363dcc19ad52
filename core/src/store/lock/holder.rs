//! Who holds a lock, as the ledger file says, and when a waiter may end that process.
//!
//! What an attempt costs is recorded before it is judged, so a process can be ended at any
//! instruction: it reopens no code and saves no guess.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use super::kernel;
use super::process::{Process, ProcessKind};
use crate::ledger::bytes::{Reader, Writer};
use crate::ledger::{HOLDER_AT, SLOTS_AT};
use crate::store::StoreError;
use crate::store::open::Identity;

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
/// Stands beside the kind of a holder that waits for the disk.
const SYNCING: u64 = 1 << 63;

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

#[cfg(test)]
mod tests;
