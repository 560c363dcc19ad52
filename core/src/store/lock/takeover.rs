//! Superseding a holder that stands still: a new ledger in the place of the old one, with everything
//! that the old one holds, whoever else is about to do the same.

use std::fs::File;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, RenameFlags, fcntl, renameat2};
use nix::libc;

use super::{Holding, Locked, Newest, Start, Try, old_ledger, remove, temporary};
use crate::ledger::Ledger;
use crate::store::StoreError;
use crate::store::open::Directory;
use crate::time::Uptime;

/// As many takeovers, none of them finished, are followed back to what they began from.
const DEEPEST: usize = 16;

/// Which of those who wait moves: two at once would supersede each other, and the first would find its
/// ledger gone under an answer that it has judged.
pub(super) enum Mover {
    /// This process, for as long as it holds this.
    This(#[expect(dead_code, reason = "held until it is dropped")] Option<File>),
    /// Another one. It may be stopped too: this is a courtesy, and what is recorded rests on none.
    Another,
}

impl Mover {
    /// Tries to be the one. The lock is of the open file and of another kind than the holder's.
    pub(super) fn of(directory: &Directory, name: &str) -> Self {
        let Ok(file) = directory.file(name, OFlag::O_RDWR) else { return Self::This(None) };
        let whole = libc::flock {
            l_type: libc::F_WRLCK as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        };
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole)) {
            Err(Errno::EAGAIN | Errno::EACCES) => Self::Another,
            _ => Self::This(Some(file)),
        }
    }
}

impl<'a> Locked<'a> {
    /// Puts a new ledger in the place of one that is stuck or none.
    ///
    /// What the old one holds is merged twice. Before the exchange, so that no failure is forgotten
    /// if this process dies; but without the spent steps and with the floor left open, since its
    /// holder may still spend one. After it, whole, since whatever the holder wrote before it last
    /// saw the name lead to its file stands there by then.
    pub(super) fn replace(
        directory: &'a Directory,
        name: &str,
        start: Start<'_>,
        stuck: Option<Holding>,
    ) -> Result<Try<'a>, StoreError> {
        let mut ledger = Ledger::new(Uptime::NEVER, start.failures)?;
        if let Some(old) = old_ledger(directory, name, start.uid)? {
            ledger.merge(&old.ledger);
            ledger.spent.clear();
            ledger.floor = Uptime::NEVER;
        }
        let mut fresh = Self::prepare(directory, name, ledger, start)?;
        let temporary = fresh.temporary();
        // Others wait too: whoever was first has a ledger that is not stuck.
        if stuck.is_some_and(|stuck| directory.identity_of(name) != Ok(stuck.file)) {
            remove(directory, &temporary);
            return Ok(Try::Again);
        }
        let exchanged = renameat2(&directory.fd, temporary.as_str(), &directory.fd, name, RenameFlags::RENAME_EXCHANGE);
        if let Err(errno) = exchanged {
            remove(directory, &temporary);
            return if errno == Errno::ENOENT { Ok(Try::Again) } else { Err(directory.failed("replace", name, errno)) };
        }
        recover(&mut fresh, &temporary, start.uid)?;
        let written = fresh.write();
        remove(directory, &temporary);
        match written {
            Ok(()) => Ok(Try::Locked(Box::new(fresh))),
            // Nothing was judged under it yet.
            Err(StoreError::Superseded) => Ok(Try::Again),
            Err(error) => Err(error),
        }
    }
}

/// Takes over what the ledger under this name holds. One with an open floor was itself a takeover that
/// had not read what it superseded: that lies under the name of its own incarnation until it has.
pub(super) fn recover(locked: &mut Locked<'_>, place: &str, uid: u32) -> Result<(), StoreError> {
    let mut place = place.to_owned();
    for _ in 0..DEEPEST {
        let Some(old) = old_ledger(locked.directory, &place, uid)? else { return Ok(()) };
        take_over(locked, &old);
        if old.ledger.floor != Uptime::NEVER {
            return Ok(());
        }
        let deeper = temporary(&locked.name, old.ledger.generation);
        if old_ledger(locked.directory, &deeper, uid)?.is_some() {
            place = deeper;
        } else {
            // Its maker has read it meanwhile: then all of it stands in what was made.
            let again = old_ledger(locked.directory, &place, uid)?;
            again.iter().for_each(|old| take_over(locked, old));
            return Ok(());
        }
    }
    Ok(())
}

fn take_over(locked: &mut Locked<'_>, old: &Newest) {
    locked.ledger.merge(&old.ledger);
    locked.may_be_behind |= old.may_be_behind;
}
