//! The directory of the ledgers, which root makes anew after each boot.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, RenameFlags, open, renameat, renameat2};
use nix::sys::stat::{Mode, fchmod, fstat, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, geteuid, unlinkat};

use crate::secret::Secret;
use crate::store::StoreError;
use crate::store::open::{Directory, errno};
use crate::time::Uptime;

/// The ledgers' directory in `/run/twostep`.
pub(super) const LEDGERS: &str = "ledgers";
/// When the ledgers were born, in seconds since boot.
const SINCE: &str = "since";
/// The owner may do anything, the group may pass through.
const RUN_MODE: u32 = 0o750;
/// The group makes files, and only their owners remove them.
const LEDGERS_MODE: u32 = 0o1730;

/// The volatile directory, and that of the ledgers in it. Root makes what is missing; the helper, who
/// cannot, says what is missing.
pub(super) fn ledgers(run: &Path, gid: u32, now: Uptime) -> Result<(Directory, Directory), StoreError> {
    let directory = match Directory::open(run) {
        Err(StoreError::Missing { .. }) if geteuid().is_root() => {
            make_directory(run, gid, RUN_MODE)?;
            Directory::open(run)?
        }
        directory => directory?,
    };
    let ledgers = match directory.directory(LEDGERS) {
        Err(StoreError::Missing { .. }) if geteuid().is_root() => {
            write_since(&directory, now)?;
            make_directory(&run.join(LEDGERS), gid, LEDGERS_MODE)?;
            directory.directory(LEDGERS)?
        }
        ledgers => ledgers?,
    };
    Ok((directory, ledgers))
}

/// The names of all ledgers. Other files there have a dot in their names.
pub(super) fn names(ledgers: &Directory) -> Result<Vec<String>, StoreError> {
    let failed = |errno| ledgers.failed("list", ".", errno);
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut directory = Dir::openat(&ledgers.fd, ".", flags, Mode::empty()).map_err(failed)?;
    let mut names = Vec::new();
    for entry in directory.iter() {
        let entry = entry.map_err(failed)?;
        names.extend(entry.file_name().to_str().ok().filter(|name| !name.contains('.')).map(str::to_owned));
    }
    Ok(names)
}

/// Whose a file is.
pub(super) fn owner(ledgers: &Directory, name: &str) -> Option<u32> {
    ledgers.file(name, OFlag::O_RDONLY).and_then(fstat).ok().map(|stat| stat.st_uid)
}

/// Removes a file of the user with this uid, and nobody else's.
pub(super) fn remove(ledgers: &Directory, name: &str, uid: u32) {
    if owner(ledgers, name) == Some(uid) {
        let _ = unlinkat(&ledgers.fd, name, UnlinkatFlags::NoRemoveDir);
    }
}

/// When the ledgers were born: the moment in `since`. One that is missing or unreadable is written anew by root; until then
/// the ledgers count as born now.
pub(super) fn birth(directory: &Directory, now: Uptime) -> Result<Uptime, StoreError> {
    let mut text = String::new();
    let read = directory.file(SINCE, OFlag::O_RDONLY).map(|file| file.take(32).read_to_string(&mut text));
    match (read, text.trim().parse::<u64>()) {
        (Ok(Ok(_)), Ok(since)) if since <= now.0 => return Ok(Uptime(since)),
        _ if geteuid().is_root() => write_since(directory, now)?,
        _ => {}
    }
    Ok(now)
}

fn write_since(directory: &Directory, now: Uptime) -> Result<(), StoreError> {
    let temporary = format!(".{SINCE}-{}", random_name()?);
    let failed = |errno| directory.failed("write", SINCE, errno);
    let mut file = directory.new_file(&temporary).map_err(failed)?;
    let written = writeln!(file, "{}", now.0)
        .map_err(|error| errno(&error))
        .and_then(|()| fchmod(&file, Mode::from_bits_truncate(0o644)))
        .and_then(|()| renameat(&directory.fd, temporary.as_str(), &directory.fd, SINCE));
    written.map_err(|errno| {
        let _ = unlinkat(&directory.fd, temporary.as_str(), UnlinkatFlags::NoRemoveDir);
        failed(errno)
    })
}

/// Makes a directory whole, under a name of its own first. Someone else may have been faster.
fn make_directory(path: &Path, gid: u32, mode: u32) -> Result<(), StoreError> {
    let temporary = path.with_file_name(format!(".twostep-{}", random_name()?));
    let failed = |errno| StoreError::Io { doing: "make", path: path.display().to_string(), errno };
    mkdirat(AT_FDCWD, &temporary, Mode::S_IRWXU).map_err(failed)?;
    let made = open_directory(&temporary)
        .and_then(|directory| {
            fchown(&directory, Some(Uid::from_raw(0)), Some(Gid::from_raw(gid)))?;
            fchmod(&directory, Mode::from_bits_truncate(mode))
        })
        .and_then(|()| renameat2(AT_FDCWD, &temporary, AT_FDCWD, path, RenameFlags::RENAME_NOREPLACE));
    made.or_else(|errno| {
        let _ = unlinkat(AT_FDCWD, &temporary, UnlinkatFlags::RemoveDir);
        if errno == Errno::EEXIST { Ok(()) } else { Err(failed(errno)) }
    })
}

fn open_directory(path: &Path) -> Result<File, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty()).map(File::from)
}

fn random_name() -> Result<String, StoreError> {
    Ok(crate::hex::encode(Secret::random(8)?.expose()))
}
