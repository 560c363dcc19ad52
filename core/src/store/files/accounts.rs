//! Account files: reading one, putting a new version in its place, and finding one by uid.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, readlinkat, renameat};
use nix::sys::stat::{FileStat, fstat, futimens};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::symlinkat;

use crate::account::Account;
use crate::store::lock::Locked;
use crate::store::open::{Directory, LONGEST, defect, errno, read_text};
use crate::store::{Held, StoreError};
use crate::time::Timestamp;
use crate::username::Username;

/// How the names of account files end.
const ENDING: &str = ".toml";
/// What the name of an account's next version has behind it, until that is whole.
const NEXT: &str = ".new";
/// Where the links by uid lead to.
const ACCOUNTS: &str = "../accounts/";
/// How long ago a file must have changed to be known by its time of change, in nanoseconds: another
/// change within the same tick of the kernel's clock would not show.
const SETTLED: i64 = 20_000_000;

/// Which state of which file.
type Version = (u64, u64, i64, (i64, i64), (i64, i64));

/// An account that was read, and from which file.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    version: Version,
    pub(super) name: Username,
    pub(super) account: Rc<Account>,
}

/// An account file that was read.
pub(super) struct AccountFile {
    pub(super) name: Username,
    pub(super) account: Rc<Account>,
    pub(super) file: File,
    pub(super) changed: Timestamp,
}

/// Reads the account of this name, if there is one; not once more, if it is the one that was read last.
pub(super) fn read(
    accounts: &Directory,
    name: &Username,
    uid: u32,
    last: &mut Option<Seen>,
) -> Result<Option<AccountFile>, StoreError> {
    let file_name = account_file(name);
    let path = accounts.path_of(&file_name);
    let file = match accounts.file(&file_name, OFlag::O_RDONLY) {
        Ok(file) => file,
        Err(Errno::ENOENT) => return Ok(None),
        Err(Errno::ELOOP | Errno::ENXIO) => return Err(misplaced(path, "is not a regular file")),
        Err(errno) => return Err(accounts.failed("open", &file_name, errno)),
    };
    let stat = fstat(&file).map_err(|errno| accounts.failed("look at", &file_name, errno))?;
    if let Some(what) = defect(&stat) {
        return Err(misplaced(path, what));
    }
    let version = version(&stat);
    let seen = last.as_ref().filter(|seen| seen.version == version && seen.name == *name && seen.account.uid == uid);
    let account = match seen {
        Some(seen) => Rc::clone(&seen.account),
        None => {
            let account = Rc::new(parse((&file, &stat), path, name, uid)?);
            *last = is_settled(&stat).then(|| Seen { version, name: name.clone(), account: Rc::clone(&account) });
            account
        }
    };
    Ok(Some(AccountFile { name: name.clone(), account, file, changed: Timestamp(stat.st_mtime) }))
}

fn version(stat: &FileStat) -> Version {
    let times = ((stat.st_mtime, stat.st_mtime_nsec), (stat.st_ctime, stat.st_ctime_nsec));
    (stat.st_dev, stat.st_ino, stat.st_size, times.0, times.1)
}

fn is_settled(stat: &FileStat) -> bool {
    clock_gettime(ClockId::CLOCK_REALTIME).is_ok_and(|now| {
        let seconds = now.tv_sec().saturating_sub(stat.st_ctime);
        seconds.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec().saturating_sub(stat.st_ctime_nsec)) > SETTLED
    })
}

fn parse((file, stat): (&File, &FileStat), path: String, name: &Username, uid: u32) -> Result<Account, StoreError> {
    let text = match read_text(file, stat) {
        Ok(text) => text,
        Err(Errno::EFBIG) => return Err(misplaced(path, "is longer than any account")),
        Err(errno) => return Err(StoreError::Io { doing: "read", path, errno }),
    };
    Account::parse(&text, name, uid).map_err(|error| StoreError::Account { path, error })
}

fn misplaced(path: String, what: &'static str) -> StoreError {
    let remedy = "make it a regular file of root's with mode 0600, restored from a backup if need be".to_owned();
    StoreError::Unsafe { path, what, remedy }
}

/// Replaces the account file: temporary file, fsync, rename, fsync of the directory. The temporary one
/// is made under the lock, so one that is there was left by a process that ended.
pub(super) fn write(accounts: &Directory, locked: &mut Locked<'_>, held: &Held) -> Result<(), StoreError> {
    let Some(account) = &held.account else { return Ok(()) };
    let file_name = account_file(&held.name);
    let temporary = format!("{file_name}{NEXT}");
    let text = account.to_text();
    if text.len() as u64 > LONGEST {
        return Err(StoreError::Unsafe {
            path: accounts.path_of(&file_name),
            what: "would be longer than any account",
            remedy: "report this as a defect".to_owned(),
        });
    }
    locked.announce_disk();
    let written = write_new(accounts, &temporary, held, text.as_bytes())
        .map_err(|errno| accounts.failed("write", &temporary, errno))
        .and_then(|()| locked.check())
        .and_then(|()| {
            renameat(&accounts.fd, temporary.as_str(), &accounts.fd, file_name.as_str())
                .map_err(|errno| accounts.failed("rename", &temporary, errno))
        });
    if written.is_err() {
        let _ = accounts.remove(&temporary);
    }
    written.and_then(|()| sync_names(accounts).map_err(|errno| accounts.failed("sync", &file_name, errno)))
}

fn write_new(accounts: &Directory, temporary: &str, held: &Held, text: &[u8]) -> Result<(), Errno> {
    accounts.remove(temporary)?;
    let mut file = accounts.new_file(temporary)?;
    file.write_all(text).map_err(|error| errno(&error))?;
    set_changed(&file, held.spent_until)?;
    file.sync_all().map_err(|error| errno(&error))
}

fn sync_names(accounts: &Directory) -> Result<(), Errno> {
    let directory = accounts.file(".", OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
    directory.sync_all().map_err(|error| errno(&error))
}

/// Sets the account file's time of change to the latest moment of which a code was accepted.
pub(super) fn set_changed(file: impl AsFd, moment: Timestamp) -> Result<(), Errno> {
    let time = TimeSpec::new(moment.0, 0);
    futimens(file, &time, &time)
}

/// Leads from the uid to the account, so that a user who gets another name is not taken for one who
/// never enrolled. Where it cannot be made, only that is lost.
pub(super) fn name_by_uid(uids: &Directory, name: &Username, uid: u32) {
    let (link, target) = (uid.to_string(), format!("{ACCOUNTS}{}", account_file(name)));
    if readlinkat(&uids.fd, link.as_str()).is_ok_and(|known| *known == *target) {
        return;
    }
    let _ = uids.remove(&link);
    let _ = symlinkat(target.as_str(), &uids.fd, link.as_str());
}

/// Removes the link from the uid to the account of this name.
pub(super) fn forget_uid(uids: &Directory, name: &str, uid: u32) {
    let (link, target) = (uid.to_string(), format!("{ACCOUNTS}{name}{ENDING}"));
    if readlinkat(&uids.fd, link.as_str()).is_ok_and(|known| *known == *target) {
        let _ = uids.remove(&link);
    }
}

/// The account file that this uid had under a name that does not lead to it any more. One that does not
/// say whose it is counts as this uid's.
pub(super) fn earlier_name(uids: &Directory, accounts: &Directory, uid: u32) -> Option<String> {
    let target = readlinkat(&uids.fd, uid.to_string().as_str()).ok()?.into_string().ok()?;
    let file_name = target.strip_prefix(ACCOUNTS).filter(|name| !name.contains('/'))?;
    match owner(accounts, file_name) {
        Err(Errno::ENOENT) => None,
        Ok(Some(owner)) if owner != uid => None,
        _ => Some(file_name.to_owned()),
    }
}

/// Whose an account file says it is.
fn owner(accounts: &Directory, file_name: &str) -> Result<Option<u32>, Errno> {
    let file = accounts.file(file_name, OFlag::O_RDONLY)?;
    Ok(Account::uid_in(&read_text(&file, &fstat(&file)?)?))
}

pub(super) fn set_aside(accounts: &Directory, file_name: &str, aside: &str) -> Result<(), StoreError> {
    renameat(&accounts.fd, file_name, &accounts.fd, aside).map_err(|errno| accounts.failed("rename", file_name, errno))
}

/// The account files, by their names without the ending.
pub(super) fn names(accounts: &Directory) -> Result<Vec<String>, StoreError> {
    let names = accounts.names()?;
    Ok(names.iter().filter_map(|name| name.strip_suffix(ENDING)).map(str::to_owned).collect())
}

/// Removes for good an account file that says that it is this uid's, or does not say whose it is.
pub(super) fn remove(accounts: &Directory, name: &str, uid: u32) -> Result<(), StoreError> {
    let file_name = format!("{name}{ENDING}");
    let failed = |errno| accounts.failed("remove", &file_name, errno);
    if name.contains('/') {
        return Err(failed(Errno::EINVAL));
    }
    match owner(accounts, &file_name) {
        Err(Errno::ENOENT) => Err(failed(Errno::ENOENT)),
        Ok(Some(owner)) if owner != uid => Err(StoreError::Unsafe {
            path: accounts.path_of(&file_name),
            what: "has become another user's",
            remedy: "run twostep admin prune again".to_owned(),
        }),
        _ => accounts.remove(&file_name).map_err(failed),
    }
}

pub(super) fn account_file(name: &Username) -> String {
    format!("{}{ENDING}", name.file_name())
}
