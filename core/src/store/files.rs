//! Accounts and ledgers as files, isolated by ownership: each is its user's, in directories that
//! only root and the helper's group can enter.

use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, readlinkat, renameat};
use nix::sys::stat::{Mode, SFlag, fstat, futimens};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, geteuid, symlinkat, syncfs, unlinkat};

use super::lock::{Locked, Start};
use super::open::{Directory, LONGEST, defect, errno, read_text};
use super::{Held, Keep, Store, StoreError, limit};
use crate::account::Account;
use crate::ledger::ANY_OTHER;
use crate::seal::{SealError, SealKey};
use crate::secret::Secret;
use crate::throttle::Sums;
use crate::time::{Clock, SystemClock, Timestamp};
use crate::username::{Person, Username};

mod volatile;

/// Where the durable part is.
pub const STATE: &str = "/var/lib/twostep";
/// Where the volatile part is.
pub const RUN: &str = "/run/twostep";
/// Where a sealing key from elsewhere is put, a TPM for one; it goes before the configured file.
const PROVIDED_KEY: &str = "/run/twostep-key/seal.key";
/// Group may write, others may do anything.
const NOT_THE_GROUPS_READ: u32 = 0o037;

/// The store of this host.
#[derive(Debug)]
pub struct FilesStore<C = SystemClock> {
    state: PathBuf,
    run: PathBuf,
    keys: Vec<PathBuf>,
    clock: C,
    /// The account that was read last. Under the lock it is read again only if its file is another
    /// one or was changed.
    seen: RefCell<Option<(Version, Account)>>,
}

/// Which state of which file: every writer of ours makes a new inode, and no other change leaves
/// the time of the last change of the inode as it was.
type Version = (u64, u64, i64, (i64, i64));

/// An account file that was read.
struct Found {
    name: Username,
    account: Account,
    file: File,
    changed: Timestamp,
}

/// What of it lies on the disk.
struct OnDisk {
    file: File,
    changed: Timestamp,
}

impl Found {
    fn split(self) -> (Account, OnDisk) {
        (self.account, OnDisk { file: self.file, changed: self.changed })
    }
}

impl FilesStore {
    /// The store of this host, sealed with the key in `key_file`.
    #[must_use]
    pub fn new(key_file: &str) -> Self {
        let keys = vec![PathBuf::from(PROVIDED_KEY), PathBuf::from(key_file)];
        Self { state: STATE.into(), run: RUN.into(), keys, clock: SystemClock, seen: RefCell::default() }
    }
}

impl<C: Clock> FilesStore<C> {
    /// A store elsewhere: `state`, `run` and `seal.key` below `root`, with a clock of one's own.
    #[must_use]
    pub fn below(root: &Path, clock: C) -> Self {
        Self {
            state: root.join("state"),
            run: root.join("run"),
            keys: vec![root.join("seal.key")],
            clock,
            seen: RefCell::default(),
        }
    }

    fn accounts(&self) -> Result<Directory, StoreError> {
        Directory::open(&self.state)?.directory("accounts")
    }

    /// The account under the user's name, else under the name that the uid leads to.
    fn look_up(&self, accounts: &Directory, person: &Person) -> Result<Option<Found>, StoreError> {
        for name in [Some(&person.name), person.alias.as_ref()].into_iter().flatten() {
            if let Some(found) = self.read(accounts, name, person.uid)? {
                return Ok(Some(found));
            }
        }
        match earlier_name(accounts, person.uid) {
            Some(file_name) => Err(StoreError::Unsafe {
                path: accounts.path_of(&file_name),
                what: "belongs to this uid under an earlier name",
                remedy: format!(
                    "give the user that name back, or let them start over: twostep admin reset {}",
                    person.name
                ),
            }),
            None => Ok(None),
        }
    }

    fn read(&self, accounts: &Directory, name: &Username, uid: u32) -> Result<Option<Found>, StoreError> {
        let file_name = account_file(name);
        let path = accounts.path_of(&file_name);
        let file = match accounts.file(&file_name, OFlag::O_RDONLY) {
            Ok(file) => file,
            Err(Errno::ENOENT) => return Ok(None),
            Err(Errno::ELOOP | Errno::ENXIO) => return Err(misplaced(path, "is not a regular file", uid)),
            Err(errno) => return Err(accounts.failed("open", &file_name, errno)),
        };
        let stat = fstat(&file).map_err(|errno| accounts.failed("look at", &file_name, errno))?;
        if let Some(what) = defect(&stat, uid) {
            return Err(misplaced(path, what, uid));
        }
        let version = (stat.st_dev, stat.st_ino, stat.st_size, (stat.st_ctime, stat.st_ctime_nsec));
        let changed = Timestamp(stat.st_mtime);
        let seen = self.seen.borrow().as_ref().filter(|(seen, _)| *seen == version).map(|(_, account)| account.clone());
        let account = match seen {
            Some(account) => account,
            None => parse(&file, path, name, uid)?,
        };
        self.seen.replace(Some((version, account.clone())));
        Ok(Some(Found { name: name.clone(), account, file, changed }))
    }

    /// Records what was done, the costly part first: if that fails, nothing is spent.
    fn record(
        &self,
        accounts: &Directory,
        locked: &mut Locked<'_>,
        held: Held,
        found: Option<OnDisk>,
    ) -> Result<(), StoreError> {
        if held.keep == Keep::Account {
            write_account(accounts, locked, &held)?;
        }
        let before = std::mem::replace(&mut locked.ledger, held.ledger.clone());
        if before != locked.ledger {
            locked.write()?;
        }
        // From here on the change counts; what follows outlives a reboot, where the disk lets it.
        let rewritten = match held.keep {
            Keep::AccountIfPossible => write_account(accounts, locked, &held).is_ok(),
            Keep::Account => true,
            Keep::Ledger => false,
        };
        if let Some(found) = found.filter(|found| !rewritten && held.spent_until > found.changed) {
            let _ = set_changed(&found.file, held.spent_until);
        }
        locked.check()
    }
}

impl<C: Clock> FilesStore<C> {
    /// Sets an account file that does not count aside, so that the user can start over. It keeps
    /// its content under a name that no user can have.
    ///
    /// # Errors
    /// It could not be renamed.
    pub fn set_aside(&self, person: &Person, now: Timestamp) -> Result<(), StoreError> {
        let accounts = self.accounts()?;
        for name in [Some(&person.name), person.alias.as_ref()].into_iter().flatten() {
            if self.read(&accounts, name, person.uid).is_err() {
                let (file_name, aside) = (account_file(name), format!("{}.broken-{}", name.file_name(), now.0));
                set_aside(&accounts, &file_name, &aside)?;
            }
        }
        match earlier_name(&accounts, person.uid) {
            Some(file_name) => set_aside(&accounts, &file_name, &format!("uid-{}.broken-{}", person.uid, now.0)),
            None => Ok(()),
        }
    }
}

impl<C: Clock> Store for FilesStore<C> {
    fn find(&self, person: &Person) -> Result<Option<Account>, StoreError> {
        Ok(self.look_up(&self.accounts()?, person)?.map(|found| found.account))
    }

    fn update<T>(&self, person: &Person, change: impl FnOnce(&mut Held) -> T) -> Result<T, StoreError> {
        let accounts = self.accounts()?;
        if !limit::allows_whole_files() {
            return Err(StoreError::Io { doing: "write below", path: accounts.path, errno: Errno::EFBIG });
        }
        let (ledgers, birth) = volatile::ledgers(&self.run, accounts.gid, self.clock.now().uptime)?;
        let first_look = self.look_up(&accounts, person)?;
        // A new account gets the name that every spelling of the user's name leads to.
        let name = first_look
            .as_ref()
            .map_or_else(|| person.alias.as_ref().unwrap_or(&person.name), |found| &found.name)
            .clone();
        let failures = first_look.map_or_else(Sums::default, |found| found.account.failures.into());
        let start = Start { uid: person.uid, birth, failures };
        let mut locked = Locked::take(&ledgers, &name.file_name(), start)?;
        locked.settle(self.clock.now().uptime)?;
        discard_superseded(&accounts, &name, &std::mem::take(&mut locked.ledger.superseded))?;
        let found = self.read(&accounts, &name, person.uid)?;
        let spent_until = found.as_ref().map_or(Timestamp(0), |found| found.changed);
        let (account, on_disk) = found.map(Found::split).unzip();
        let ledger = locked.ledger.clone();
        let mut held = Held { name, uid: person.uid, account, ledger, spent_until, keep: Keep::Ledger };
        let value = change(&mut held);
        self.record(&accounts, &mut locked, held, on_disk)?;
        Ok(value)
    }

    fn seal_key(&self) -> Result<SealKey, SealError> {
        let mut read = Err(SealError::KeyLength);
        for path in &self.keys {
            read = read_key(path);
            if !matches!(read, Err(SealError::NoKey { errno: Errno::ENOENT, .. })) {
                break;
            }
        }
        read
    }
}

/// Replaces the account file: temporary file, fsync, rename, fsync of the directory.
///
/// The temporary file bears the ledger's incarnation, and the ledger is looked at between writing
/// and renaming. Whoever supersedes the ledger removes that file before reading the account, so a
/// process that stood still in between renames nothing.
fn write_account(accounts: &Directory, locked: &Locked<'_>, held: &Held) -> Result<(), StoreError> {
    let Some(account) = &held.account else { return Ok(()) };
    let file_name = account_file(&held.name);
    let temporary = temporary(&held.name, held.ledger.generation);
    let text = account.to_text().map_err(|error| StoreError::Account { path: accounts.path_of(&file_name), error })?;
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
        Ok(file) => {
            name_by_uid(accounts, &file_name, held.uid);
            sync_name(accounts, &file).map_err(|errno| accounts.failed("sync", &file_name, errno))
        }
        Err(error) => {
            let _ = discard(accounts, &temporary);
            Err(error)
        }
    }
}

/// Leads from the uid to the account, so that a user who gets another name is not taken for one who
/// never enrolled. Where it cannot be made, only that is lost.
fn name_by_uid(accounts: &Directory, file_name: &str, uid: u32) {
    let link = uid_link(uid);
    if readlinkat(&accounts.fd, link.as_str()).is_ok_and(|target| target == file_name) {
        return;
    }
    let _ = unlinkat(&accounts.fd, link.as_str(), UnlinkatFlags::NoRemoveDir);
    let _ = symlinkat(file_name, &accounts.fd, link.as_str());
}

/// The account file that this uid had under a name that does not lead to it any more.
fn earlier_name(accounts: &Directory, uid: u32) -> Option<String> {
    let target = readlinkat(&accounts.fd, uid_link(uid).as_str()).ok()?.into_string().ok()?;
    if target.contains('/') {
        return None;
    }
    let owner = accounts.file(&target, OFlag::O_RDONLY).and_then(|file| fstat(&file)).map(|stat| stat.st_uid);
    owner.is_ok_and(|owner| owner == uid).then_some(target)
}

/// No encoded user name holds a dot.
fn uid_link(uid: u32) -> String {
    format!(".uid-{uid}")
}

fn set_aside(accounts: &Directory, file_name: &str, aside: &str) -> Result<(), StoreError> {
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
fn set_changed(file: impl AsFd, moment: Timestamp) -> Result<(), Errno> {
    let time = TimeSpec::new(moment.0, 0);
    futimens(file, &time, &time)
}

/// Removes what superseded incarnations may still have to put in place. When there were too many
/// to remember, every temporary file of this account goes; for that the directory must be read,
/// which the helper may not.
fn discard_superseded(accounts: &Directory, name: &Username, superseded: &[u64]) -> Result<(), StoreError> {
    if !superseded.contains(&ANY_OTHER) {
        return superseded.iter().try_for_each(|generation| discard(accounts, &temporary(name, *generation)));
    }
    let failed = |errno| accounts.failed("list", ".", errno);
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut entries = match Dir::openat(&accounts.fd, ".", flags, Mode::empty()) {
        Err(Errno::EACCES) => return Err(StoreError::Busy),
        entries => entries.map_err(failed)?,
    };
    let prefix = format!("{}.", account_file(name));
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

fn read_key(path: &Path) -> Result<SealKey, SealError> {
    let shown = path.display().to_string();
    let missing = |errno| SealError::NoKey { path: shown.clone(), errno };
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = nix::fcntl::openat(AT_FDCWD, path, flags, Mode::empty()).map(File::from).map_err(missing)?;
    let stat = fstat(&file).map_err(missing)?;
    let trusted = stat.st_uid == 0 || (cfg!(test) && stat.st_uid == geteuid().as_raw());
    let regular = stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFREG.bits();
    if !trusted || !regular || stat.st_mode & NOT_THE_GROUPS_READ != 0 {
        return Err(SealError::KeyOpen { path: shown });
    }
    let mut bytes = vec![0; crate::seal::KEY_BYTES + 1];
    let length = std::os::unix::fs::FileExt::read_at(&file, &mut bytes, 0).map_err(|error| missing(errno(&error)))?;
    bytes.truncate(length);
    SealKey::new(Secret::new(bytes))
}

fn parse(file: &File, path: String, name: &Username, uid: u32) -> Result<Account, StoreError> {
    let text = match read_text(file) {
        Ok(text) => text,
        Err(Errno::EFBIG) => return Err(misplaced(path, "is longer than any account", uid)),
        Err(errno) => return Err(StoreError::Io { doing: "read", path, errno }),
    };
    Account::parse(&text, name, uid).map_err(|error| StoreError::Account { path, error })
}

fn account_file(name: &Username) -> String {
    format!("{}.toml", name.file_name())
}

fn temporary(name: &Username, generation: u64) -> String {
    format!("{}.{generation:016x}", account_file(name))
}

fn misplaced(path: String, what: &'static str, uid: u32) -> StoreError {
    let remedy = format!("make it a regular file of uid {uid} with mode 0600, restored from a backup if need be");
    StoreError::Unsafe { path, what, remedy }
}
