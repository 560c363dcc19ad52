//! The ledger file as the lock of an account.
//!
//! The lock is a flock, so the kernel releases it when its holder dies. A holder that stands still
//! is superseded: a new ledger takes the name, whatever the old one holds by then is merged into
//! it, and the holder finds its own file gone before it can accept anyone.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, RenameFlags, renameat2};
use nix::sys::stat::{FileStat, fstat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, geteuid, unlinkat};

use super::StoreError;
use super::exclusive::Exclusive;
use super::open::{Directory, Identity, defect, errno};
use crate::ledger::{Ledger, ROOM, SIZE, TAKINGS_AT, slot_at};
use crate::secret::Secret;
use crate::throttle::Sums;
use crate::time::Uptime;

mod takeover;

use takeover::{Mover, recover};

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(10);
/// Tries until a holder that has not changed is superseded: 2 s, and up to half a second more.
const PATIENCE: u32 = 200;
/// The same for a holder that said that it waits for the disk: 15 s.
const DISK_PATIENCE: u32 = 1500;
/// Tries until this process gives up, however the holders change: 30 s.
const TRIES: u32 = 3000;
/// Bytes of a slot that most ledgers fit in.
const MOSTLY: usize = 1024;
/// Beside the count of takings: the holder waits for the disk.
const ON_DISK: u64 = 1 << 63;

/// What a new ledger starts from.
#[derive(Clone, Copy)]
pub(super) struct Start<'a> {
    /// Whose it is.
    pub(super) uid: u32,
    /// When the ledgers of this boot were born.
    pub(super) birth: &'a dyn Fn() -> Result<Uptime, StoreError>,
    /// The account's own count of failures.
    pub(super) failures: Sums,
}

/// A ledger whose lock this process holds.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    directory: &'a Directory,
    name: String,
    file: Exclusive,
    identity: Identity,
    takings: u64,
    /// The number of the newest slot.
    sequence: u64,
    /// Whether the other slot is damaged, here or in a ledger that was taken over: it may have held what
    /// was recorded last.
    pub(super) may_be_behind: bool,
    /// What it holds.
    pub(super) ledger: Ledger,
}

/// Which ledger is held, and how often it was taken. While both stay the same, one holder holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holding {
    file: Identity,
    takings: u64,
}

impl Holding {
    fn patience(&self) -> u32 {
        if self.takings & ON_DISK == 0 { PATIENCE } else { DISK_PATIENCE }
    }
}

/// What one try came to.
enum Try<'a> {
    Locked(Box<Locked<'a>>),
    /// Someone holds it.
    Held(Holding),
    /// It changed under our hands.
    Again,
}

impl<'a> Locked<'a> {
    /// Takes the lock of the ledger `name`, making the ledger if there is none.
    pub(super) fn take(directory: &'a Directory, name: &str, start: Start<'_>) -> Result<Self, StoreError> {
        let (mut patience, mut last, mut has_yielded) = (0, None, false);
        for _ in 0..TRIES {
            match Self::attempt(directory, name, start)? {
                Try::Locked(locked) => return Ok(*locked),
                Try::Again => continue,
                Try::Held(holding) if last == Some(holding) => patience -= 1,
                Try::Held(holding) => (patience, last) = (holding.patience() + jitter()?, Some(holding)),
            }
            if patience == 0 {
                let mover = Mover::of(directory, name);
                if matches!(mover, Mover::Another) && !has_yielded {
                    (patience, has_yielded) = (PATIENCE + jitter()?, true);
                    continue;
                }
                match Self::replace(directory, name, start, last)? {
                    Try::Locked(locked) => return Ok(*locked),
                    _ => last = None,
                }
            }
            std::thread::sleep(PAUSE);
        }
        Err(StoreError::Busy)
    }

    /// Sets a floor that was left open: this process holds the lock, so nothing is spent elsewhere.
    pub(super) fn settle(&mut self, now: Uptime, uid: u32) -> Result<(), StoreError> {
        if self.ledger.floor != Uptime::NEVER {
            return Ok(());
        }
        // Whoever made it died before it had read what it superseded.
        let left = self.temporary();
        recover(self, &left, uid)?;
        self.ledger.floor = self.ledger.floor.min(now);
        self.write()?;
        remove(self.directory, &left);
        Ok(())
    }

    /// Asks those who wait for more patience: a sync takes as long as the disk takes.
    pub(super) fn announce_disk(&self) {
        // Without it they would only be less patient.
        let _ = self.file.write_all_at(&(self.takings | ON_DISK).to_le_bytes(), TAKINGS_AT);
    }

    /// Writes the ledger, and makes sure that it still is the ledger.
    pub(super) fn write(&mut self) -> Result<(), StoreError> {
        self.put()?;
        self.check()
    }

    /// Writes the ledger into the older slot. The newer one stays as it is, so whatever ends this
    /// process leaves one of the two whole.
    pub(super) fn put(&mut self) -> Result<(), StoreError> {
        let sequence = self.sequence.wrapping_add(1);
        self.file
            .write_all_at(&self.ledger.to_slot(sequence), slot_at(sequence))
            .map_err(|error| self.directory.failed("write", &self.name, errno(&error)))?;
        self.sequence = sequence;
        Ok(())
    }

    /// Whether the name still leads to this ledger.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.directory.identity_of(&self.name) == Ok(self.identity) { Ok(()) } else { Err(StoreError::Superseded) }
    }

    fn attempt(directory: &'a Directory, name: &str, start: Start<'_>) -> Result<Try<'a>, StoreError> {
        let file = match directory.file(name, OFlag::O_RDWR) {
            Ok(file) => file,
            Err(Errno::ENOENT) => return Self::create(directory, name, start),
            Err(Errno::ELOOP | Errno::ENXIO | Errno::EISDIR) => return Self::replace(directory, name, start, None),
            Err(errno) => return Err(directory.failed("open", name, errno)),
        };
        let stat = fstat(&file).map_err(|errno| directory.failed("look at", name, errno))?;
        if stat.st_nlink == 0 {
            return Ok(Try::Again);
        }
        if defect(&stat, start.uid).is_some() {
            return Self::replace(directory, name, start, None);
        }
        match Exclusive::lock(file) {
            Ok(file) => Self::enter(directory, name, (file, &stat), start),
            Err((file, Errno::EWOULDBLOCK)) => {
                Ok(Try::Held(Holding { file: Identity::of(&stat), takings: takings(&file) }))
            }
            Err((_, errno)) => Err(directory.failed("lock", name, errno)),
        }
    }

    /// The lock is ours: counts the taking and reads.
    fn enter(
        directory: &'a Directory,
        name: &str,
        (file, stat): (Exclusive, &FileStat),
        start: Start<'_>,
    ) -> Result<Try<'a>, StoreError> {
        let identity = Identity::of(stat);
        if directory.identity_of(name) != Ok(identity) {
            return Ok(Try::Again);
        }
        let takings = (takings(&file) & !ON_DISK).wrapping_add(1);
        file.write_all_at(&takings.to_le_bytes(), TAKINGS_AT)
            .map_err(|error| directory.failed("write", name, errno(&error)))?;
        let known = newest(&file, stat);
        let broken = known.is_none();
        let (sequence, ledger, may_be_behind) = match known {
            Some(Newest { sequence, ledger, may_be_behind }) => (sequence, *ledger, may_be_behind),
            None => (0, Ledger::new(Uptime::NEVER, start.failures)?, false),
        };
        let name = name.to_owned();
        let mut locked = Self { directory, name, file, identity, takings, sequence, may_be_behind, ledger };
        if broken {
            // At once: from here on it is a ledger again, for others too.
            let _ = nix::unistd::ftruncate(&*locked.file, 0);
            let _ = nix::unistd::ftruncate(&*locked.file, SIZE as i64);
            locked.write()?;
        }
        Ok(Try::Locked(Box::new(locked)))
    }

    /// The user's first ledger of this boot.
    fn create(directory: &'a Directory, name: &str, start: Start<'_>) -> Result<Try<'a>, StoreError> {
        let fresh = Self::prepare(directory, name, Ledger::new((start.birth)()?, start.failures)?, start)?;
        let temporary = fresh.temporary();
        match renameat2(&directory.fd, temporary.as_str(), &directory.fd, name, RenameFlags::RENAME_NOREPLACE) {
            Ok(()) => Ok(Try::Locked(Box::new(fresh))),
            Err(errno) => {
                remove(directory, &temporary);
                if errno == Errno::EEXIST { Ok(Try::Again) } else { Err(directory.failed("name", name, errno)) }
            }
        }
    }

    /// A new ledger under a name of its own, locked and owned by the user.
    fn prepare(directory: &'a Directory, name: &str, ledger: Ledger, start: Start<'_>) -> Result<Self, StoreError> {
        let temporary = temporary(name, ledger.generation);
        let failed = |errno| directory.failed("make", &temporary, errno);
        let file = directory.new_file(&temporary).map_err(failed)?;
        let undo = |errno| {
            remove(directory, &temporary);
            failed(errno)
        };
        if geteuid().is_root() {
            let owner = (Uid::from_raw(start.uid), Gid::from_raw(directory.gid));
            fchown(&file, Some(owner.0), Some(owner.1)).map_err(undo)?;
        }
        nix::unistd::ftruncate(&file, SIZE as i64).map_err(undo)?;
        // With room for what most ledgers hold: later it is only written in place, and needs no space.
        let put = |bytes: &[u8], at| file.write_all_at(bytes, at).map_err(|error| undo(errno(&error)));
        put(&[0; ROOM], slot_at(1))?;
        put(&[0; ROOM], 0)?;
        put(&ledger.to_slot(0), slot_at(0))?;
        let identity = Identity::of_file(&file).map_err(undo)?;
        let file = Exclusive::lock(file).map_err(|(_, errno)| undo(errno))?;
        Ok(Self {
            directory,
            name: name.to_owned(),
            file,
            identity,
            takings: 0,
            sequence: 0,
            may_be_behind: false,
            ledger,
        })
    }

    fn temporary(&self) -> String {
        temporary(&self.name, self.ledger.generation)
    }
}

/// No encoded user name holds a dot, so this is nobody's ledger.
fn temporary(name: &str, generation: u64) -> String {
    format!("{name}.{generation:016x}")
}

/// Up to half a second more, so that not all who wait move at once.
fn jitter() -> Result<u32, StoreError> {
    Ok(Secret::random(1)?.expose().iter().map(|byte| u32::from(*byte) / 5).sum())
}

fn takings(file: &File) -> u64 {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, TAKINGS_AT).map_or(0, |()| u64::from_le_bytes(bytes))
}

/// The newer of the slots that are whole.
struct Newest {
    sequence: u64,
    ledger: Box<Ledger>,
    may_be_behind: bool,
}

/// A slot, as it was read.
enum Slot {
    Whole(u64, Box<Ledger>),
    /// Nothing was written to it yet.
    Unused,
    /// Its writer ended too early, or something else changed it.
    Damaged,
}

/// The newer of the two slots, if one is whole.
fn newest(file: &File, stat: &FileStat) -> Option<Newest> {
    // One of another size was cut, or is none.
    if usize::try_from(stat.st_size) != Ok(SIZE) {
        return None;
    }
    let newest = |sequence, ledger, may_be_behind| Some(Newest { sequence, ledger, may_be_behind });
    match (slot_of(file, slot_at(0)), slot_of(file, slot_at(1))) {
        (Slot::Whole(one, _), Slot::Whole(other, ledger)) if other > one => newest(other, ledger, false),
        (Slot::Whole(sequence, ledger), other) | (other, Slot::Whole(sequence, ledger)) => {
            newest(sequence, ledger, matches!(other, Slot::Damaged))
        }
        _ => None,
    }
}

/// The slot that begins here. Of most slots it is the first few bytes that count.
fn slot_of(file: &File, at: u64) -> Slot {
    let mut bytes = vec![0; MOSTLY];
    if file.read_exact_at(&mut bytes, at).is_err() {
        return Slot::Damaged;
    }
    if bytes.iter().all(|byte| *byte == 0) {
        return Slot::Unused;
    }
    if let Some(length) = Ledger::slot_length(&bytes).filter(|length| *length > MOSTLY) {
        bytes.resize(length, 0);
        let rest = bytes.get_mut(MOSTLY..).unwrap_or_default();
        if file.read_exact_at(rest, at + MOSTLY as u64).is_err() {
            return Slot::Damaged;
        }
    }
    Ledger::from_slot(&bytes).map_or(Slot::Damaged, |(sequence, ledger)| Slot::Whole(sequence, Box::new(ledger)))
}

/// A user's ledger as it is, without its lock.
pub(super) fn peek(directory: &Directory, name: &str, uid: u32) -> Option<Ledger> {
    old_ledger(directory, name, uid).ok().flatten().map(|newest| *newest.ledger)
}

/// The ledger that is replaced, if it is one of this user's. A failure to look is none: then the
/// new ledger's floor has to stay where it is.
fn old_ledger(directory: &Directory, name: &str, uid: u32) -> Result<Option<Newest>, StoreError> {
    let file = match directory.file(name, OFlag::O_RDONLY) {
        Ok(file) => file,
        Err(Errno::ENOENT | Errno::ELOOP | Errno::ENXIO) => return Ok(None),
        Err(errno) => return Err(directory.failed("open", name, errno)),
    };
    let stat = fstat(&file).map_err(|errno| directory.failed("look at", name, errno))?;
    Ok(if defect(&stat, uid).is_none() { newest(&file, &stat) } else { None })
}

/// Removes a file or an empty directory that nobody needs; what stays is swept at boot.
fn remove(directory: &Directory, name: &str) {
    if unlinkat(&directory.fd, name, UnlinkatFlags::NoRemoveDir) == Err(Errno::EISDIR) {
        let _ = unlinkat(&directory.fd, name, UnlinkatFlags::RemoveDir);
    }
}
