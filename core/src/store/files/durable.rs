//! Account files: putting a new version in place, and taking away what others left half done.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, readlinkat, renameat};
use nix::sys::stat::{Mode, fstat, futimens};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, geteuid, symlinkat, syncfs, unlinkat};

use crate::ledger::ANY_OTHER;
use crate::store::lock::Locked;
use crate::store::open::{Directory, LONGEST, errno};
use crate::store::{Held, StoreError};
use crate::time::Timestamp;
use crate::username::Username;

/// How the names of account files end.
const ENDING: &str = ".toml";
/// Where the links by uid lead to.
const ACCOUNTS: &str = "../accounts/";

/// Replaces the account file: temporary file, fsync, rename, fsync of the directory.
///
/// The temporary file bears the ledger's incarnation, and the ledger is looked at between writing
/// and renaming. Whoever supersedes the ledger removes that file before reading the account, so a
/// process that stood still in between renames nothing.
pub(super) fn write_account(accounts: &Directory, locked: &Locked<'_>, held: &Held) -> Result<(), StoreError> {
    let Some(account) = &held.account else { return Ok(()) };
    let file_name = account_file(&held.name);
    let temporary = temporary(&file_name, held.ledger.generation);
    let text = account.to_text();
    if text.len() as u64 > LONGEST {
        return Err(StoreError::Unsafe {
            path: accounts.path_of(&file_name),
            what: "would be longer than any account",
            remedy: "report this as a defect".to_owned(),
        });
    }
    locked.announce_disk();
    discard(accounts, &temporary)?;
    let written = write_new(accounts, &temporary, held, text.as_bytes())
        .map_err(|errno| accounts.failed("write", &temporary, errno))
        .and_then(|file| locked.check().map(|()| file))
        .and_then(|file| {
            renameat(&accounts.fd, temporary.as_str(), &accounts.fd, file_name.as_str()).map(|()| file).map_err(
                |errno| {
                    if errno == Errno::ENOENT {
                        StoreError::Superseded
                    } else {
                        accounts.failed("rename", &temporary, errno)
                    }
                },
            )
        });
    match written {
        Ok(file) => sync_name(accounts, &file).map_err(|errno| accounts.failed("sync", &file_name, errno)),
        Err(error) => {
            let _ = discard(accounts, &temporary);
            Err(error)
        }
    }
}

/// Leads from the uid to the account, so that a user who gets another name is not taken for one who
/// never enrolled. Where it cannot be made, only that is lost.
pub(super) fn name_by_uid(uids: &Directory, name: &Username, uid: u32) {
    let (link, target) = (uid.to_string(), format!("{ACCOUNTS}{}", account_file(name)));
    if readlinkat(&uids.fd, link.as_str()).is_ok_and(|known| *known == *target) {
        return;
    }
    let _ = unlinkat(&uids.fd, link.as_str(), UnlinkatFlags::NoRemoveDir);
    let _ = symlinkat(target.as_str(), &uids.fd, link.as_str());
}

/// Removes the link from the uid to the account of this name.
pub(super) fn forget_uid(uids: &Directory, name: &str, uid: u32) {
    let (link, target) = (uid.to_string(), format!("{ACCOUNTS}{name}{ENDING}"));
    if readlinkat(&uids.fd, link.as_str()).is_ok_and(|known| *known == *target) {
        let _ = unlinkat(&uids.fd, link.as_str(), UnlinkatFlags::NoRemoveDir);
    }
}

/// The account file that this uid had under a name that does not lead to it any more.
pub(super) fn earlier_name(uids: &Directory, accounts: &Directory, uid: u32) -> Option<String> {
    let target = readlinkat(&uids.fd, uid.to_string().as_str()).ok()?.into_string().ok()?;
    let file_name = target.strip_prefix(ACCOUNTS).filter(|name| !name.contains('/'))?;
    let owner = accounts.file(file_name, OFlag::O_RDONLY).and_then(|file| fstat(&file)).map(|stat| stat.st_uid);
    owner.is_ok_and(|owner| owner == uid).then(|| file_name.to_owned())
}

pub(super) fn set_aside(accounts: &Directory, file_name: &str, aside: &str) -> Result<(), StoreError> {
    renameat(&accounts.fd, file_name, &accounts.fd, aside).map_err(|errno| accounts.failed("rename", file_name, errno))
}

fn write_new(accounts: &Directory, temporary: &str, held: &Held, text: &[u8]) -> Result<File, Errno> {
    let mut file = accounts.new_file(temporary)?;
    if geteuid().is_root() {
        fchown(&file, Some(Uid::from_raw(held.uid)), Some(Gid::from_raw(accounts.gid)))?;
    }
    file.write_all(text).map_err(|error| errno(&error))?;
    set_changed(&file, held.spent_until)?;
    file.sync_all().map_err(|error| errno(&error))?;
    Ok(file)
}

/// Makes the new name durable. The helper may not read the directory, so it syncs the file system.
fn sync_name(accounts: &Directory, file: &File) -> Result<(), Errno> {
    match accounts.file(".", OFlag::O_RDONLY | OFlag::O_DIRECTORY) {
        Ok(directory) => directory.sync_all().map_err(|error| errno(&error)),
        Err(Errno::EACCES) => syncfs(file),
        Err(errno) => Err(errno),
    }
}

/// Sets the account file's time of change to the latest moment of which a code was accepted.
pub(super) fn set_changed(file: impl AsFd, moment: Timestamp) -> Result<(), Errno> {
    let time = TimeSpec::new(moment.0, 0);
    futimens(file, &time, &time)
}

/// Removes what superseded incarnations may still have to put in place. When there were too many
/// to remember, every temporary file of this account goes; for that the directory must be read,
/// which the helper may not.
pub(super) fn discard_superseded(
    accounts: &Directory,
    account_file: &str,
    superseded: &[u64],
) -> Result<(), StoreError> {
    if !superseded.contains(&ANY_OTHER) {
        return superseded.iter().try_for_each(|generation| discard(accounts, &temporary(account_file, *generation)));
    }
    let failed = |errno| accounts.failed("list", ".", errno);
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut entries = match Dir::openat(&accounts.fd, ".", flags, Mode::empty()) {
        Err(Errno::EACCES) => return Err(StoreError::Busy),
        entries => entries.map_err(failed)?,
    };
    let prefix = format!("{account_file}.");
    for entry in entries.iter() {
        let entry = entry.map_err(failed)?;
        match entry.file_name().to_str() {
            Ok(file_name) if file_name.starts_with(&prefix) => discard(accounts, file_name)?,
            _ => {}
        }
    }
    Ok(())
}

/// Removes a temporary file that may be there. One that root made and had not yet given to the user
/// cannot be removed by the helper, and needs not: its maker has yet to look at the ledger.
fn discard(accounts: &Directory, temporary: &str) -> Result<(), StoreError> {
    match unlinkat(&accounts.fd, temporary, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT | Errno::EPERM | Errno::EROFS) => Ok(()),
        Err(errno) => Err(accounts.failed("remove", temporary, errno)),
    }
}

/// The account files, by their names without the ending.
pub(super) fn account_names(accounts: &Directory) -> Result<Vec<String>, StoreError> {
    let failed = |errno| accounts.failed("list", ".", errno);
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut directory = Dir::openat(&accounts.fd, ".", flags, Mode::empty()).map_err(failed)?;
    let mut names = Vec::new();
    for entry in directory.iter() {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_str().ok().and_then(|name| name.strip_suffix(ENDING));
        names.extend(name.map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}

/// Removes an account file for good.
pub(super) fn remove_account(accounts: &Directory, name: &str) -> Result<(), StoreError> {
    let file_name = format!("{name}{ENDING}");
    if name.contains('/') {
        return Err(accounts.failed("remove", &file_name, Errno::EINVAL));
    }
    unlinkat(&accounts.fd, file_name.as_str(), UnlinkatFlags::NoRemoveDir)
        .map_err(|errno| accounts.failed("remove", &file_name, errno))
}

pub(super) fn account_file(name: &Username) -> String {
    file_of(&name.file_name())
}

/// The account file beside the ledger of this name.
pub(super) fn file_of(ledger: &str) -> String {
    format!("{ledger}{ENDING}")
}

fn temporary(account_file: &str, generation: u64) -> String {
    format!("{account_file}.{generation:016x}")
}
