//! The volatile directory, which is made again after each boot, and the directory of the ledgers in it.

use std::io::{Read, Write};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmod, fchmodat, mkdirat};

use crate::ledger::random_id;
use crate::store::StoreError;
use crate::store::open::{Directory, errno};
use crate::time::Uptime;

/// The ledgers' directory in `/run/twostep`.
const LEDGERS: &str = "ledgers";
/// When the ledgers were born, in seconds since boot.
const SINCE: &str = "since";
/// The sockets of the service are there too.
const RUN_MODE: Mode = Mode::from_bits_truncate(0o755);
/// Names of users are nobody else's business.
const LEDGERS_MODE: Mode = Mode::from_bits_truncate(0o700);

/// Both directories.
#[derive(Debug)]
pub(in crate::store) struct Volatile {
    run: Directory,
    pub(in crate::store) ledgers: Directory,
}

impl Volatile {
    /// Opens what is there.
    pub(super) fn open(run: &Path) -> Result<Self, StoreError> {
        let run = Directory::open(run)?;
        let ledgers = run.directory(LEDGERS)?;
        Ok(Self { run, ledgers })
    }

    /// Opens both, and makes what is missing.
    pub(super) fn open_or_make(path: &Path, now: Uptime) -> Result<Self, StoreError> {
        let run = match Directory::open(path) {
            Err(StoreError::Missing { .. }) => {
                make_directory(path, RUN_MODE)?;
                Directory::open(path)?
            }
            run => run?,
        };
        let ledgers = match run.directory(LEDGERS) {
            Err(StoreError::Missing { .. }) => {
                write_since(&run, now)?;
                make_directory(&path.join(LEDGERS), LEDGERS_MODE)?;
                run.directory(LEDGERS)?
            }
            ledgers => ledgers?,
        };
        Ok(Self { run, ledgers })
    }

    /// Whether its paths still lead to it.
    pub(super) fn is_in_place(&self) -> bool {
        self.run.is_in_place() && self.ledgers.is_in_place()
    }

    /// The names of all ledgers. Other files there have a dot in their names.
    pub(super) fn names(&self) -> Result<Vec<String>, StoreError> {
        let mut names = self.ledgers.names()?;
        names.retain(|name| !name.contains('.'));
        Ok(names)
    }

    /// When the ledgers were born: the moment in `since`. One that is missing or unreadable is written
    /// again, and they count as born now.
    pub(in crate::store) fn birth(&self, now: Uptime) -> Result<Uptime, StoreError> {
        let mut text = String::new();
        let read = self.run.file(SINCE, OFlag::O_RDONLY).map(|file| file.take(32).read_to_string(&mut text));
        match (read, text.trim().parse::<u64>()) {
            (Ok(Ok(_)), Ok(since)) if since <= now.0 => Ok(Uptime(since)),
            _ => write_since(&self.run, now).map(|()| now),
        }
    }
}

fn write_since(run: &Directory, now: Uptime) -> Result<(), StoreError> {
    let temporary = format!(".{SINCE}-{}", random_id()?);
    let failed = |errno| run.failed("write", SINCE, errno);
    let mut file = run.new_file(&temporary).map_err(failed)?;
    let written = writeln!(file, "{}", now.0)
        .map_err(|error| errno(&error))
        .and_then(|()| fchmod(&file, Mode::from_bits_truncate(0o644)))
        .and_then(|()| renameat(&run.fd, temporary.as_str(), &run.fd, SINCE));
    written.map_err(|errno| {
        let _ = run.remove(&temporary);
        failed(errno)
    })
}

/// Makes a directory with this mode, whatever the umask. Someone else may have been faster.
fn make_directory(path: &Path, mode: Mode) -> Result<(), StoreError> {
    let made =
        mkdirat(AT_FDCWD, path, mode).and_then(|()| fchmodat(AT_FDCWD, path, mode, FchmodatFlags::FollowSymlink));
    match made {
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(StoreError::Io { doing: "make", path: path.display().to_string(), errno }),
    }
}
