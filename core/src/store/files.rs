//! Accounts and ledgers as files, isolated by ownership: each is its user's, in directories that
//! only root and the helper's group can enter.

use std::cell::RefCell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::unistd::geteuid;

use super::lock::{Locked, Start, peek};
use super::open::{Directory, defect, errno, read_text};
use super::{Held, Keep, Store, StoreError, limit};
use crate::account::Account;
use crate::ledger::Ledger;
use crate::refusals::Told;
use crate::seal::{SealError, SealKey};
use crate::secret::Secret;
use crate::throttle::{Source, Sums};
use crate::time::{Clock, SystemClock, Timestamp, Uptime};
use crate::username::{Person, Username};

mod charge;
mod durable;
mod tally;
mod volatile;

use charge::Charged;
use durable::{
    account_file, account_names, discard_superseded, earlier_name, forget_uid, name_by_uid, remove_account, set_aside,
    set_changed, write_account,
};

/// Where the durable part is.
pub const STATE: &str = "/var/lib/twostep";
/// Where the volatile part is.
pub const RUN: &str = "/run/twostep";
/// Where a sealing key from elsewhere is put, a TPM for one; it goes before the configured file.
pub const PROVIDED_KEY: &str = "/run/twostep-key/seal.key";
/// What the name of a key file has behind it where the key is kept sealed by the TPM or the host.
pub const SEALED_KEY: &str = ".cred";
/// Group may write, others may do anything.
const NOT_THE_GROUPS_READ: u32 = 0o037;

/// The store of this host.
#[derive(Debug)]
pub struct FilesStore<C = SystemClock> {
    state: PathBuf,
    run: PathBuf,
    keys: Vec<PathBuf>,
    clock: C,
    /// What was found strange, for the log.
    strange: RefCell<Vec<StoreError>>,
    /// The account that was read last. Under the lock it is read again only if its file is another
    /// one or was changed.
    seen: RefCell<Option<Seen>>,
    /// The directory of the accounts, as it was opened last.
    opened: RefCell<Option<Rc<Directory>>>,
}

/// Which state of which file: every writer of ours makes a new inode, and no other change leaves
/// the time of the last change of the inode as it was.
type Version = (u64, u64, i64, (i64, i64));

/// An account that was read, and from which file.
#[derive(Debug, Clone)]
struct Seen {
    version: Version,
    name: Username,
    account: Rc<Account>,
}

/// An account file that was read.
struct Found {
    name: Username,
    account: Rc<Account>,
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
        (Rc::unwrap_or_clone(self.account), OnDisk { file: self.file, changed: self.changed })
    }
}

impl FilesStore {
    /// The store of this host, sealed with the key in `key_file`.
    #[must_use]
    pub fn new(key_file: &str) -> Self {
        let keys = vec![PathBuf::from(PROVIDED_KEY), PathBuf::from(key_file)];
        let (strange, seen, opened) = Default::default();
        Self { state: STATE.into(), run: RUN.into(), keys, clock: SystemClock, strange, seen, opened }
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
            strange: RefCell::default(),
            seen: RefCell::default(),
            opened: RefCell::default(),
        }
    }

    /// The directory of the accounts. One that is open already is the same one as long as its path
    /// leads to it.
    fn accounts(&self) -> Result<Rc<Directory>, StoreError> {
        if let Some(opened) = self.opened.borrow().as_ref().filter(|opened| opened.is_in_place()) {
            return Ok(Rc::clone(opened));
        }
        let accounts = Rc::new(Directory::open(&self.state)?.directory("accounts")?);
        self.opened.replace(Some(Rc::clone(&accounts)));
        Ok(accounts)
    }

    /// The links from uids to accounts. A host that has none loses only what they are for.
    fn uids(&self) -> Option<Directory> {
        Directory::open(&self.state).and_then(|state| state.directory("uids")).ok()
    }

    fn earlier_name(&self, accounts: &Directory, uid: u32) -> Option<String> {
        earlier_name(&self.uids()?, accounts, uid)
    }

    /// The account under the user's name, else under the name that the uid leads to.
    fn look_up(&self, accounts: &Directory, person: &Person) -> Result<Option<Found>, StoreError> {
        if let Some(found) = self.read(accounts, &person.name, person.uid)? {
            return Ok(Some(found));
        }
        if let Some(alias) = person.alias()?
            && let Some(found) = self.read(accounts, alias, person.uid)?
        {
            return Ok(Some(found));
        }
        match self.earlier_name(accounts, person.uid) {
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
        let seen = self.seen.borrow().as_ref().filter(|seen| seen.version == version && seen.name == *name).cloned();
        let account = match seen {
            Some(seen) => seen.account,
            None => {
                let account = Rc::new(parse((&file, &stat), path, name, uid)?);
                let seen = Seen { version, name: name.clone(), account: Rc::clone(&account) };
                self.seen.replace(Some(seen));
                account
            }
        };
        Ok(Some(Found { name: name.clone(), account, file, changed }))
    }

    /// Which name the user's account has, or will have, and its count of failures. What was read
    /// already says so: whether it is still there is seen under the lock.
    fn name_of(&self, accounts: &Directory, person: &Person) -> Result<(Username, Sums), StoreError> {
        let is_theirs = |seen: &&Seen| seen.name == person.name && seen.account.uid == person.uid;
        if let Some(seen) = self.seen.borrow().as_ref().filter(is_theirs) {
            return Ok((seen.name.clone(), seen.account.failures.into()));
        }
        match self.look_up(accounts, person)? {
            Some(found) => Ok((found.name, found.account.failures.into())),
            // A new account gets the name that every spelling of the user's name leads to.
            None => Ok((person.alias()?.unwrap_or(&person.name).clone(), Sums::default())),
        }
    }

    /// Records what was done, the costly part first: if that fails, nothing is spent, and what was
    /// charged is taken back.
    fn record(
        &self,
        accounts: &Directory,
        mut charged: Charged<'_, '_>,
        mut held: Held,
        found: Option<OnDisk>,
    ) -> Result<(), StoreError> {
        if held.keep != Keep::Ledger {
            held.settle_spent();
        }
        if held.keep == Keep::Account {
            write_account(accounts, charged.locked, &held)?;
        }
        let locked = charged.settle(&held.ledger)?;
        // From here on the change counts; what follows outlives a reboot, where the disk lets it.
        let rewritten = match held.keep {
            Keep::AccountIfPossible => write_account(accounts, locked, &held).is_ok(),
            Keep::Account => true,
            Keep::Ledger => false,
        };
        if let Some(found) = found.filter(|found| !rewritten && held.spent_until > found.changed) {
            // Who was superseded would move it back.
            locked.check()?;
            let _ = set_changed(&found.file, held.spent_until);
        }
        locked.check()
    }

    /// An old version of the file, put back by whoever it was, brings nothing back that was used up or
    /// removed since boot.
    fn take_out_gone(&self, accounts: &Directory, held: &mut Held) {
        let Held { account: Some(account), ledger, name, .. } = held else { return };
        if account.take_out_gone(ledger) {
            account.record(self.clock.now().wall, "older-file", "an old version of the account was put back");
            self.strange.borrow_mut().push(StoreError::Older { path: accounts.path_of(&account_file(name)) });
            held.keep(Keep::AccountIfPossible);
        }
    }

    /// Waits until everyone is done who holds a lock now. Whoever takes one after this was called reads
    /// the sealing key as it is by then. Only root may.
    ///
    /// # Errors
    /// A lock cannot be had.
    pub fn wait_for_holders(&self) -> Result<(), StoreError> {
        let accounts = self.accounts()?;
        let now = self.clock.now().uptime;
        let (run, ledgers) = volatile::ledgers(&self.run, accounts.gid, now)?;
        let birth = || volatile::birth(&run, now);
        for name in volatile::names(&ledgers)? {
            let Some(uid) = volatile::owner(&ledgers, &name) else { continue };
            let locked = Locked::take(&ledgers, &name, Start { uid, birth: &birth, failures: Sums::default() })?;
            discard_superseded(&accounts, &durable::file_of(&name), &locked.ledger.superseded)?;
        }
        Ok(())
    }

    /// The names of all account files, without their ending: what is there, whoever it belongs to.
    /// Only root may list them.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub fn account_names(&self) -> Result<Vec<String>, StoreError> {
        account_names(&*self.accounts()?)
    }

    /// Removes the account file of this name, of a user that is no more and had this uid, and what
    /// else that user left: a ledger in the way would keep the next user of the name from making one.
    ///
    /// # Errors
    /// The account cannot be removed. The rest goes where it can; the next boot sweeps the ledgers.
    pub fn prune(&self, name: &str, uid: u32) -> Result<(), StoreError> {
        remove_account(&*self.accounts()?, name)?;
        if let Some(uids) = self.uids() {
            forget_uid(&uids, name, uid);
        }
        if let Ok(ledgers) = Directory::open(&self.run).and_then(|run| run.directory(volatile::LEDGERS)) {
            volatile::remove(&ledgers, name, uid);
            volatile::remove(&ledgers, &tally::file_name(name), uid);
        }
        Ok(())
    }

    /// Sets an account file that does not count aside, so that the user can start over. It keeps
    /// its content under a name that no user can have.
    ///
    /// # Errors
    /// It could not be renamed.
    pub fn set_aside(&self, person: &Person, now: Timestamp) -> Result<(), StoreError> {
        let accounts = self.accounts()?;
        for name in [Some(&person.name), person.alias()?].into_iter().flatten() {
            if self.read(&accounts, name, person.uid).is_err() {
                let (file_name, aside) = (account_file(name), format!("{}.broken-{}", name.file_name(), now.0));
                set_aside(&accounts, &file_name, &aside)?;
            }
        }
        match self.earlier_name(&accounts, person.uid) {
            Some(file_name) => set_aside(&accounts, &file_name, &format!("uid-{}.broken-{}", person.uid, now.0)),
            None => Ok(()),
        }
    }
}

impl<C: Clock> Store for FilesStore<C> {
    fn find(&self, person: &Person) -> Result<Option<Account>, StoreError> {
        Ok(self.look_up(&*self.accounts()?, person)?.map(|found| Rc::unwrap_or_clone(found.account)))
    }

    fn update_charged<Q, T>(
        &self,
        person: &Person,
        mut charge: impl FnMut(&mut Held) -> Q,
        mut change: impl FnMut(&mut Held, &Q) -> T,
    ) -> Result<T, StoreError> {
        let accounts = self.accounts()?;
        if !limit::allows_whole_files() {
            return Err(StoreError::Io { doing: "write below", path: accounts.path.clone(), errno: Errno::EFBIG });
        }
        let now = self.clock.now().uptime;
        let (run, ledgers) = volatile::ledgers(&self.run, accounts.gid, now)?;
        let (name, failures) = self.name_of(&accounts, person)?;
        let birth = || volatile::birth(&run, now);
        let start = Start { uid: person.uid, birth: &birth, failures };
        let mut locked = Locked::take(&ledgers, &name.file_name(), start)?;
        locked.settle(self.clock.now().uptime, person.uid)?;
        discard_superseded(&accounts, &account_file(&name), &std::mem::take(&mut locked.ledger.superseded))?;
        let found = self.read(&accounts, &name, person.uid)?;
        let spent_until = found.as_ref().map_or(Timestamp(0), |found| found.changed);
        let (account, on_disk) = found.map(Found::split).unzip();
        let ledger = locked.ledger.clone();
        let mut held = Held { name, uid: person.uid, account, ledger, spent_until, keep: Keep::Ledger };
        if locked.may_be_behind {
            held.spend_until_noted();
        }
        self.take_out_gone(&accounts, &mut held);
        let before = held.account.clone();
        let mut priced = held.clone();
        let found_out = charge(&mut priced);
        let charged = Charged::with(&mut locked, priced.ledger)?;
        let value = change(&mut held, &found_out);
        if let (Some(before), Some(after), true) = (&before, &held.account, held.keep != Keep::Ledger) {
            before.note_losses(after, &mut held.ledger);
        }
        if held.keep == Keep::Account
            && let Some(uids) = self.uids()
        {
            name_by_uid(&uids, &held.name, held.uid);
        }
        self.record(&accounts, charged, held, on_disk)?;
        Ok(value)
    }

    fn count_refusal(&self, person: &Person, source: &Source, now: Uptime) -> Told {
        let ledgers = self.accounts().and_then(|accounts| volatile::ledgers(&self.run, accounts.gid, now));
        let counted = ledgers.ok().and_then(|(_, ledgers)| tally::count(&ledgers, person, source, now));
        counted.unwrap_or(Told::ALONE)
    }

    fn peek(&self, person: &Person) -> Option<Ledger> {
        let ledgers = Directory::open(&self.run).and_then(|run| run.directory(volatile::LEDGERS)).ok()?;
        let known = |name: &Username| peek(&ledgers, &name.file_name(), person.uid);
        known(&person.name).or_else(|| person.alias().ok().flatten().and_then(known))
    }

    fn seal_key(&self) -> Result<SealKey, SealError> {
        let mut read = Err(SealError::KeyLength);
        for path in &self.keys {
            read = read_key(path);
            if !matches!(read, Err(SealError::NoKey { errno: Errno::ENOENT, .. })) {
                return read;
            }
        }
        let mut sealed = self.keys.last().cloned().unwrap_or_default().into_os_string();
        sealed.push(SEALED_KEY);
        if Path::new(&sealed).exists() { Err(SealError::NotGiven { path: PROVIDED_KEY.to_owned() }) } else { read }
    }

    fn strange(&self) -> Vec<StoreError> {
        self.strange.take()
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
    let mut bytes = vec![0; crate::seal::KEY_BYTES * crate::seal::MOST_KEYS + 1];
    let length = std::os::unix::fs::FileExt::read_at(&file, &mut bytes, 0).map_err(|error| missing(errno(&error)))?;
    bytes.truncate(length);
    SealKey::new(Secret::new(bytes))
}

fn parse((file, stat): (&File, &FileStat), path: String, name: &Username, uid: u32) -> Result<Account, StoreError> {
    let text = match read_text(file, stat) {
        Ok(text) => text,
        Err(Errno::EFBIG) => return Err(misplaced(path, "is longer than any account", uid)),
        Err(errno) => return Err(StoreError::Io { doing: "read", path, errno }),
    };
    Account::parse(&text, name, uid).map_err(|error| StoreError::Account { path, error })
}

fn misplaced(path: String, what: &'static str, uid: u32) -> StoreError {
    let remedy = format!("make it a regular file of uid {uid} with mode 0600, restored from a backup if need be");
    StoreError::Unsafe { path, what, remedy }
}
