//! The file in which refused application passwords of one user are counted, beside the ledger.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, RenameFlags, renameat2};
use nix::sys::stat::fstat;
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, ftruncate, geteuid, unlinkat};

use crate::ledger::random_id;
use crate::refusals::{Refusals, SIZE, Told};
use crate::store::exclusive::Exclusive;
use crate::store::limit;
use crate::store::open::{Directory, defect};
use crate::throttle::Source;
use crate::time::Uptime;
use crate::username::Person;

/// Tries to get the lock, which nobody holds for longer than a write takes.
const TRIES: usize = 50;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(2);

/// Counts one more refusal; `None` if it cannot be counted.
pub(super) fn count(ledgers: &Directory, person: &Person, source: &Source, now: Uptime) -> Option<Told> {
    if !limit::allows_whole_files() {
        return None;
    }
    let file = open(ledgers, &file_name(&person.name.file_name()), person.uid).ok()?;
    let file = lock(file)?;
    let mut bytes = Vec::with_capacity(SIZE);
    (&*file).take(SIZE as u64).read_to_end(&mut bytes).ok()?;
    let mut refusals = Refusals::from_bytes(&bytes);
    let told = refusals.count(source.as_str(), now);
    let bytes = refusals.to_bytes();
    file.write_all_at(&bytes, 0).ok()?;
    ftruncate(&*file, i64::try_from(bytes.len()).ok()?).ok()?;
    Some(told)
}

/// Its name beside the ledger of this name. No ledger's name has a dot, and no temporary one's ends so.
pub(super) fn file_name(ledger: &str) -> String {
    format!("{ledger}.refusals")
}

/// The file of this name; one that is not the user's is made anew.
fn open(ledgers: &Directory, name: &str, uid: u32) -> Result<File, Errno> {
    for _ in 0..TRIES {
        match ledgers.file(name, OFlag::O_RDWR) {
            Err(Errno::ENOENT) => create(ledgers, name, uid)?,
            opened => {
                let file = opened?;
                match defect(&fstat(&file)?, uid) {
                    None => return Ok(file),
                    Some(_) => unlinkat(&ledgers.fd, name, UnlinkatFlags::NoRemoveDir)?,
                }
            }
        }
    }
    Err(Errno::EAGAIN)
}

/// Makes the file whole under a name of its own first. Someone else may have been faster.
fn create(ledgers: &Directory, name: &str, uid: u32) -> Result<(), Errno> {
    let random = random_id().map_err(|_| Errno::EAGAIN)?;
    let temporary = format!("{name}.{random}");
    let file = ledgers.new_file(&temporary)?;
    let made = give(&file, ledgers.gid, uid)
        .and_then(|()| renameat2(&ledgers.fd, temporary.as_str(), &ledgers.fd, name, RenameFlags::RENAME_NOREPLACE));
    if made.is_err() {
        let _ = unlinkat(&ledgers.fd, temporary.as_str(), UnlinkatFlags::NoRemoveDir);
    }
    made.or_else(|errno| if errno == Errno::EEXIST { Ok(()) } else { Err(errno) })
}

fn give(file: &File, gid: u32, uid: u32) -> Result<(), Errno> {
    if geteuid().is_root() { fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))) } else { Ok(()) }
}

fn lock(mut file: File) -> Option<Exclusive> {
    for _ in 0..TRIES {
        match Exclusive::lock(file) {
            Ok(locked) => return Some(locked),
            Err((unlocked, _)) => file = unlocked,
        }
        std::thread::sleep(PAUSE);
    }
    None
}
