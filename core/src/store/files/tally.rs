//! The file in which refused application passwords of one user are counted, beside the ledger.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::fstat;
use nix::unistd::ftruncate;

use crate::refusals::{Refusals, SIZE, Told};
use crate::store::lock::Exclusive;
use crate::store::open::{Directory, defect};
use crate::throttle::Source;
use crate::time::Uptime;
use crate::username::Username;

/// Tries to get the lock, which nobody holds for longer than a write takes.
const TRIES: usize = 50;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(2);

/// Counts one more refusal; `None` if it cannot be counted.
pub(super) fn count(ledgers: &Directory, name: &Username, source: &Source, now: Uptime) -> Option<Told> {
    let file = lock(open(ledgers, &file_name(&name.file_name())).ok()?)?;
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

/// The file of this name, in the place of one that is none. An empty one counts nothing yet.
fn open(ledgers: &Directory, name: &str) -> Result<File, Errno> {
    for _ in 0..TRIES {
        let file = match ledgers.file(name, OFlag::O_RDWR) {
            Err(Errno::ENOENT) => ledgers.new_file(name),
            opened => opened,
        };
        match file {
            Err(Errno::EEXIST) => {}
            file => {
                let file = file?;
                if defect(&fstat(&file)?).is_none() {
                    return Ok(file);
                }
                ledgers.remove(name)?;
            }
        }
    }
    Err(Errno::EAGAIN)
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
