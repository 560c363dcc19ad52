//! The ledger file as the lock of an account.
//!
//! The lock is a flock, so the kernel releases it when its holder dies. A holder that stands still is
//! ended by those who wait: see [`holder`].

use std::fs::File;
use std::ops::Deref;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::fcntl::{FlockArg, OFlag, RenameFlags, renameat2};
use nix::sys::stat::{FileStat, fstat};
use nix::unistd::{UnlinkatFlags, ftruncate, unlinkat};

use super::StoreError;
use super::open::{Directory, Identity, defect, errno};
use super::volatile::Volatile;
use crate::ledger::{Ledger, Newest, ROOM, SIZE, SLOT, newest, random_id, slot_at};
use crate::throttle::Sums;
use crate::time::Uptime;

mod holder;
mod kernel;
mod process;

use holder::{Holder, Waiter};
pub(super) use process::Process;
pub use process::ProcessKind;

/// Who takes a lock.
#[derive(Clone, Copy)]
pub(super) struct Taker<'a> {
    pub(super) process: Process,
    /// The time since boot.
    pub(super) now: &'a dyn Fn() -> Uptime,
    /// Is told of each holder that was ended.
    pub(super) report: &'a dyn Fn(StoreError),
}

/// A ledger whose lock this process holds.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    directory: &'a Directory,
    name: String,
    file: Exclusive,
    identity: Identity,
    holder: Holder,
    /// The number of the newest slot.
    sequence: u64,
    /// Whether the other slot is damaged: it may have held what was recorded last.
    pub(super) may_be_behind: bool,
    /// What it holds.
    pub(super) ledger: Ledger,
}

/// What one try came to.
enum Try<'a> {
    Locked(Box<Locked<'a>>),
    /// Someone holds it.
    Held(Holder, Identity),
    /// It changed under our hands.
    Again,
}

impl<'a> Locked<'a> {
    /// Takes the lock of the ledger `name`, making the ledger if there is none. A new one is nobody's yet.
    ///
    /// # Errors
    /// It cannot be had, or not in time.
    pub(super) fn take(volatile: &'a Volatile, name: &str, taker: Taker<'_>) -> Result<Self, StoreError> {
        let mut waiting = Waiter::default();
        loop {
            match Self::attempt(volatile, name, taker)? {
                Try::Locked(locked) => return Ok(*locked),
                Try::Again => {}
                Try::Held(holder, file) => {
                    if let Some(Process { pid, kind, .. }) = waiting.meets(holder, file, &taker.process) {
                        (taker.report)(StoreError::HolderEnded { pid, kind });
                    }
                }
            }
            waiting.sleep()?;
        }
    }

    /// Asks those who wait for more patience: a sync takes as long as the disk takes.
    pub(super) fn announce_disk(&mut self) {
        self.holder.is_syncing = true;
        // Without it they would only be less patient.
        let _ = self.holder.write(&self.file);
    }

    /// Writes the ledger into the older slot. The newer one stays as it is, so whatever ends this
    /// process leaves one of the two whole.
    pub(super) fn write(&mut self) -> Result<(), StoreError> {
        let sequence = self.sequence.wrapping_add(1);
        let slot = self.ledger.to_slot(sequence);
        if slot.len() > SLOT {
            return Err(self.directory.failed("write", &self.name, Errno::EFBIG));
        }
        self.file
            .write_all_at(&slot, slot_at(sequence))
            .map_err(|error| self.directory.failed("write", &self.name, errno(&error)))?;
        self.sequence = sequence;
        Ok(())
    }

    /// Makes sure that the name still leads to this ledger. One that was removed meanwhile records nothing.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let is_here = self.directory.leads_to(&self.name, self.identity);
        if is_here { Ok(()) } else { Err(StoreError::Replaced { path: self.directory.path_of(&self.name) }) }
    }

    fn attempt(volatile: &'a Volatile, name: &str, taker: Taker<'_>) -> Result<Try<'a>, StoreError> {
        let directory = &volatile.ledgers;
        let file = match directory.file(name, OFlag::O_RDWR) {
            Ok(file) => file,
            Err(Errno::ENOENT) => {
                let (made, temporary) = Self::make(directory, name, taker, volatile.birth((taker.now)())?)?;
                return made.put_in_place(&temporary, RenameFlags::RENAME_NOREPLACE);
            }
            Err(Errno::ELOOP | Errno::ENXIO | Errno::EISDIR) => return Self::replace(directory, name, taker),
            Err(errno) => return Err(directory.failed("open", name, errno)),
        };
        match Exclusive::lock(file) {
            Ok(file) => Self::enter(directory, name, file, taker),
            Err((file, Errno::EWOULDBLOCK)) => {
                let stat = fstat(&file).map_err(|errno| directory.failed("look at", name, errno))?;
                Ok(Try::Held(Holder::read(&file), Identity::of(&stat)))
            }
            Err((_, errno)) => Err(directory.failed("lock", name, errno)),
        }
    }

    /// The lock is ours: says so and reads.
    fn enter(directory: &'a Directory, name: &str, file: Exclusive, taker: Taker<'_>) -> Result<Try<'a>, StoreError> {
        let stat = fstat(&*file).map_err(|errno| directory.failed("look at", name, errno))?;
        let identity = Identity::of(&stat);
        if !directory.leads_to(name, identity) {
            return Ok(Try::Again);
        }
        if defect(&stat).is_some() {
            return Self::replace(directory, name, taker);
        }
        let taking = Holder::read(&file).taking.wrapping_add(1);
        let holder = Holder { taking, process: Some(taker.process), is_syncing: false };
        holder.write(&file).map_err(|error| directory.failed("write", name, errno(&error)))?;
        let Some(Newest { sequence, ledger, may_be_behind }) = newest_in(&file, &stat) else {
            return Self::replace(directory, name, taker);
        };
        let (name, ledger) = (name.to_owned(), *ledger);
        Ok(Try::Locked(Box::new(Self { directory, name, file, identity, holder, sequence, may_be_behind, ledger })))
    }

    /// Puts a ledger in the place of what is none. What was spent before is not known, so none of it
    /// may count again.
    fn replace(directory: &'a Directory, name: &str, taker: Taker<'_>) -> Result<Try<'a>, StoreError> {
        let (made, temporary) = Self::make(directory, name, taker, (taker.now)())?;
        made.put_in_place(&temporary, RenameFlags::empty())
    }

    /// Makes a ledger under a name of its own, locked. No user's file name holds a dot, so that is nobody's.
    fn make(
        directory: &'a Directory,
        name: &str,
        taker: Taker<'_>,
        epoch: Uptime,
    ) -> Result<(Self, String), StoreError> {
        let temporary = format!("{name}.{}", random_id()?);
        let failed = |errno| directory.failed("make", &temporary, errno);
        let file = directory.new_file(&temporary).map_err(failed)?;
        let ledger = Ledger::new(epoch, Sums::default());
        let holder = Holder { taking: 0, process: Some(taker.process), is_syncing: false };
        let undo = |errno| {
            let _ = directory.remove(&temporary);
            failed(errno)
        };
        ftruncate(&file, SIZE as i64).map_err(undo)?;
        // With room for what most ledgers hold: later it is only written in place, and needs no space.
        let put = |bytes: &[u8], at| file.write_all_at(bytes, at).map_err(|error| undo(errno(&error)));
        put(&[0; ROOM], slot_at(1))?;
        put(&[0; ROOM], 0)?;
        put(&ledger.to_slot(0), slot_at(0))?;
        holder.write(&file).map_err(|error| undo(errno(&error)))?;
        let identity = fstat(&file).map(|stat| Identity::of(&stat)).map_err(undo)?;
        let file = Exclusive::lock(file).map_err(|(_, errno)| undo(errno))?;
        let (name, sequence, may_be_behind) = (name.to_owned(), 0, false);
        Ok((Self { directory, name, file, identity, holder, sequence, may_be_behind, ledger }, temporary))
    }

    /// Gives a ledger that was made its name. Someone else may have been faster.
    fn put_in_place(self, temporary: &str, how: RenameFlags) -> Result<Try<'a>, StoreError> {
        let (directory, name) = (self.directory, self.name.as_str());
        let Err(errno) = renameat2(&directory.fd, temporary, &directory.fd, name, how) else {
            return Ok(Try::Locked(Box::new(self)));
        };
        let _ = directory.remove(temporary);
        match errno {
            Errno::EEXIST => Ok(Try::Again),
            Errno::EISDIR => unlinkat(&directory.fd, name, UnlinkatFlags::RemoveDir)
                .map(|()| Try::Again)
                .map_err(|errno| directory.failed("remove", name, errno)),
            errno => Err(directory.failed("name", name, errno)),
        }
    }
}

impl Drop for Locked<'_> {
    /// Who has released the lock is nobody's obstacle any more.
    fn drop(&mut self) {
        let _ = Holder { process: None, is_syncing: false, ..self.holder }.write(&self.file);
    }
}

/// A user's ledger as it is, without its lock.
pub(super) fn peek(ledgers: &Directory, name: &str) -> Option<Ledger> {
    let file = ledgers.file(name, OFlag::O_RDONLY).ok()?;
    let stat = fstat(&file).ok().filter(|stat| defect(stat).is_none())?;
    newest_in(&file, &stat).map(|newest| *newest.ledger)
}

/// Who holds the lock of this file, as it says.
#[cfg(test)]
pub(super) fn holder_of(path: &std::path::Path) -> Option<Process> {
    Holder::read(&File::open(path).ok()?).process
}

/// What a ledger file holds. One of another size was cut, or is none.
fn newest_in(file: &File, stat: &FileStat) -> Option<Newest> {
    let is_whole = usize::try_from(stat.st_size) == Ok(SIZE);
    if is_whole { newest(|bytes, at| file.read_exact_at(bytes, at)) } else { None }
}

/// A ledger that holds what an attempt costs, until what came of it is recorded. Dropped before that,
/// by an account that cannot be written or a panic, it takes the charge back.
pub(super) struct Charged<'l, 'd> {
    pub(super) locked: &'l mut Locked<'d>,
    /// The ledger without the charge, as long as the charge can be taken back.
    free: Option<Ledger>,
}

impl<'l, 'd> Charged<'l, 'd> {
    /// Records the charge.
    pub(super) fn with(locked: &'l mut Locked<'d>, ledger: Ledger) -> Result<Self, StoreError> {
        if ledger == locked.ledger {
            return Ok(Self { locked, free: None });
        }
        let free = std::mem::replace(&mut locked.ledger, ledger);
        let charged = Self { locked, free: Some(free) };
        charged.locked.write()?;
        charged.locked.check()?;
        Ok(charged)
    }

    /// Records what came of the attempt in place of the charge. Where that fails the charge stays: the
    /// attempt was judged, and a guess must not be free for those who can make this write fail.
    pub(super) fn settle(&mut self, ledger: &Ledger) -> Result<&mut Locked<'d>, StoreError> {
        self.free = None;
        if self.locked.ledger != *ledger {
            self.locked.ledger = ledger.clone();
            self.locked.write()?;
        }
        Ok(self.locked)
    }
}

impl Drop for Charged<'_, '_> {
    fn drop(&mut self) {
        if let Some(free) = self.free.take() {
            self.locked.ledger = free;
            // Where that cannot be written either, the attempt has cost a failure.
            let _ = self.locked.write();
        }
    }
}

/// A file that this process alone has locked.
#[derive(Debug)]
pub(super) struct Exclusive(File);

impl Exclusive {
    /// Locks a file without waiting.
    ///
    /// # Errors
    /// Somebody else has it (`EWOULDBLOCK`), or it cannot be locked; the file comes back.
    pub(super) fn lock(file: File) -> Result<Self, (File, Errno)> {
        match flock(&file, FlockArg::LockExclusiveNonblock) {
            Ok(()) => Ok(Self(file)),
            Err(errno) => Err((file, errno)),
        }
    }
}

impl Deref for Exclusive {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Exclusive {
    /// At once also where a child has the file too. Where that fails, closing the file unlocks it.
    fn drop(&mut self) {
        let _ = flock(&self.0, FlockArg::Unlock);
    }
}

#[expect(deprecated, reason = "the guard that is meant to replace it panics where the kernel does not unlock")]
fn flock(file: &File, how: FlockArg) -> Result<(), Errno> {
    nix::fcntl::flock(file.as_raw_fd(), how)
}
