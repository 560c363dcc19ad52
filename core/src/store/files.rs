//! Accounts and ledgers as files of root's, which only root's processes open.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::lock::{Charged, Locked, Process, Taker, peek};
use super::open::Directory;
use super::volatile::Volatile;
use super::{Held, Keep, ProcessKind, Store, StoreError};
use crate::account::Account;
use crate::ledger::Ledger;
use crate::refusals::Told;
use crate::seal::{SealError, SealKey};
use crate::throttle::{Source, Sums};
use crate::time::{Clock, SystemClock, Timestamp, Uptime};
use crate::username::{Person, Username};

mod accounts;
mod key;
mod tally;

use accounts::{AccountFile, Seen, account_file};

/// Where the durable part is.
pub const STATE: &str = "/var/lib/twostep";
/// Where the volatile part is.
pub const RUN: &str = "/run/twostep";
/// Where a sealing key from elsewhere is put, a TPM for one; it goes before the configured file.
pub const PROVIDED_KEY: &str = "/run/twostep-key/seal.key";
/// What the name of a key file has behind it where the key is kept sealed by the TPM or the host.
pub const SEALED_KEY: &str = ".cred";

/// The store of this host. Each thread opens its own.
#[derive(Debug)]
pub struct FilesStore<C = SystemClock> {
    state: PathBuf,
    run: PathBuf,
    keys: Vec<PathBuf>,
    clock: C,
    kind: ProcessKind,
    /// This process, as it was seen last.
    process: Cell<Option<Process>>,
    /// Warnings for the log.
    warnings: RefCell<Vec<StoreError>>,
    /// The account that was read last. It is read again only if its file is another one or was changed.
    seen: RefCell<Option<Seen>>,
    /// The directories, as they were opened last.
    accounts: RefCell<Option<Rc<Directory>>>,
    volatile: RefCell<Option<Rc<Volatile>>>,
}

impl FilesStore {
    /// The store of this host, sealed with the key in `key_file`.
    #[must_use]
    pub fn new(key_file: &str) -> Self {
        let keys = vec![PathBuf::from(PROVIDED_KEY), PathBuf::from(key_file)];
        Self::with((STATE.into(), RUN.into()), keys, SystemClock)
    }
}

impl<C: Clock> FilesStore<C> {
    /// A store elsewhere: `state`, `run` and `seal.key` below `root`, with a clock of one's own.
    #[must_use]
    pub fn below(root: &Path, clock: C) -> Self {
        Self::with((root.join("state"), root.join("run")), vec![root.join("seal.key")], clock)
    }

    /// The same store, opened by a process of this kind: the service is never ended for the lock.
    #[must_use]
    pub fn opened_by(self, kind: ProcessKind) -> Self {
        Self { kind, process: Cell::default(), ..self }
    }

    fn with((state, run): (PathBuf, PathBuf), keys: Vec<PathBuf>, clock: C) -> Self {
        Self {
            state,
            run,
            keys,
            clock,
            kind: ProcessKind::default(),
            process: Cell::default(),
            warnings: RefCell::default(),
            seen: RefCell::default(),
            accounts: RefCell::default(),
            volatile: RefCell::default(),
        }
    }

    /// The directory of the accounts. One that is open already is the same one as long as its path
    /// leads to it.
    fn accounts(&self) -> Result<Rc<Directory>, StoreError> {
        if let Some(opened) = self.accounts.borrow().as_ref().filter(|opened| opened.is_in_place()) {
            return Ok(Rc::clone(opened));
        }
        let accounts = Rc::new(Directory::open(&self.state)?.directory("accounts")?);
        self.accounts.replace(Some(Rc::clone(&accounts)));
        Ok(accounts)
    }

    /// The volatile directories, in the same way; what is missing is made.
    fn volatile(&self) -> Result<Rc<Volatile>, StoreError> {
        if let Some(opened) = self.volatile.borrow().as_ref().filter(|opened| opened.is_in_place()) {
            return Ok(Rc::clone(opened));
        }
        let volatile = Rc::new(Volatile::open_or_make(&self.run, self.clock.now().uptime)?);
        self.volatile.replace(Some(Rc::clone(&volatile)));
        Ok(volatile)
    }

    /// This process, as the holder of a lock.
    fn process(&self) -> Process {
        let process = self.process.get().filter(Process::is_this).unwrap_or_else(|| Process::this(self.kind));
        self.process.set(Some(process));
        process
    }

    /// Takes the lock of a ledger.
    fn lock<'v>(&self, volatile: &'v Volatile, name: &str) -> Result<Locked<'v>, StoreError> {
        let now = || self.clock.now().uptime;
        let report = |ended| self.warnings.borrow_mut().push(ended);
        Locked::take(volatile, name, Taker { process: self.process(), now: &now, report: &report })
    }

    /// The links from uids to accounts. A host that has none loses only what they are for.
    fn uids(&self) -> Option<Directory> {
        Directory::open(&self.state).and_then(|state| state.directory("uids")).ok()
    }

    fn earlier_name(&self, accounts: &Directory, uid: u32) -> Option<String> {
        accounts::earlier_name(&self.uids()?, accounts, uid)
    }

    /// The account under the user's name, else under the name that the uid leads to.
    fn look_up(&self, accounts: &Directory, person: &Person) -> Result<Option<AccountFile>, StoreError> {
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

    fn read(&self, accounts: &Directory, name: &Username, uid: u32) -> Result<Option<AccountFile>, StoreError> {
        accounts::read(accounts, name, uid, &mut self.seen.borrow_mut())
    }

    /// Which name the user's account has, or will have. What was read already says so: whether it is
    /// still there is seen under the lock.
    fn name_of(&self, accounts: &Directory, person: &Person) -> Result<Username, StoreError> {
        let is_theirs = |seen: &Seen| seen.name == person.name && seen.account.uid == person.uid;
        if self.seen.borrow().as_ref().is_some_and(is_theirs) {
            return Ok(person.name.clone());
        }
        match self.look_up(accounts, person)? {
            Some(found) => Ok(found.name),
            // A new account gets the name that every spelling of the user's name leads to.
            None => Ok(person.alias()?.unwrap_or(&person.name).clone()),
        }
    }

    /// Records what was done, the costly part first: if that fails, nothing is used up, and what was
    /// charged is taken back.
    fn record(
        &self,
        accounts: &Directory,
        mut charged: Charged<'_, '_>,
        mut held: Held,
        found: Option<&AccountFile>,
    ) -> Result<(), StoreError> {
        if held.keep != Keep::Ledger {
            held.settle_spent();
        }
        if held.keep == Keep::Account {
            if let Some(uids) = self.uids() {
                accounts::name_by_uid(&uids, &held.name, held.uid);
            }
            accounts::write(accounts, charged.locked, &held)?;
        }
        let locked = charged.settle(&held.ledger)?;
        // From here on the change counts; what follows outlives a reboot, where the disk lets it.
        let rewritten = match held.keep {
            Keep::AccountIfPossible => accounts::write(accounts, locked, &held).is_ok(),
            Keep::Account => true,
            Keep::Ledger => false,
        };
        if let Some(found) = found.filter(|found| !rewritten && held.spent_until > found.changed) {
            // Where the ledger was removed, someone else may have moved it further on.
            locked.check()?;
            let _ = accounts::set_changed(&found.file, held.spent_until);
        }
        locked.check()
    }

    /// An old version of the file, put back by whoever it was, brings nothing back that was used up or
    /// removed since boot.
    fn take_out_gone(&self, accounts: &Directory, held: &mut Held) {
        let Held { account: Some(account), ledger, name, .. } = held else { return };
        if account.take_out_gone(ledger) {
            account.record(self.clock.now().wall, "older-file", "an old version of the account was put back");
            self.warnings.borrow_mut().push(StoreError::Older { path: accounts.path_of(&account_file(name)) });
            held.keep(Keep::AccountIfPossible);
        }
    }

    /// Waits until everyone is done who holds a lock now. Whoever takes one after this was called reads
    /// the sealing key as it is by then.
    ///
    /// # Errors
    /// A lock cannot be had.
    pub fn wait_for_holders(&self) -> Result<(), StoreError> {
        let volatile = self.volatile()?;
        for name in volatile.names()? {
            self.lock(&volatile, &name)?;
        }
        Ok(())
    }

    /// The names of all account files, without their ending: what is there, whoever it belongs to.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub fn account_names(&self) -> Result<Vec<String>, StoreError> {
        accounts::names(&*self.accounts()?)
    }

    /// Removes the account file of this name, of a user that is no more and had this uid, and what
    /// else that user left: the next user of the name starts over.
    ///
    /// # Errors
    /// The account is another user's by now or cannot be removed. The rest goes where it can; the next
    /// boot sweeps the ledgers.
    pub fn prune(&self, name: &str, uid: u32) -> Result<(), StoreError> {
        accounts::remove(&*self.accounts()?, name, uid)?;
        if let Some(uids) = self.uids() {
            accounts::forget_uid(&uids, name, uid);
        }
        if let Ok(volatile) = Volatile::open(&self.run) {
            let _ = volatile.ledgers.remove(name);
            let _ = volatile.ledgers.remove(&tally::file_name(name));
        }
        Ok(())
    }

    /// Sets an account file that is invalid aside, so that the user can start over. It keeps
    /// its content under a name that no user can have.
    ///
    /// # Errors
    /// It could not be renamed.
    pub fn set_aside(&self, person: &Person, now: Timestamp) -> Result<(), StoreError> {
        let accounts = self.accounts()?;
        for name in [Some(&person.name), person.alias()?].into_iter().flatten() {
            if self.read(&accounts, name, person.uid).is_err() {
                let (file_name, aside) = (account_file(name), format!("{}.broken-{}", name.file_name(), now.0));
                accounts::set_aside(&accounts, &file_name, &aside)?;
            }
        }
        match self.earlier_name(&accounts, person.uid) {
            Some(file_name) => {
                accounts::set_aside(&accounts, &file_name, &format!("uid-{}.broken-{}", person.uid, now.0))
            }
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
        let name = self.name_of(&*self.accounts()?, person)?;
        let volatile = self.volatile()?;
        let mut locked = self.lock(&volatile, &name.file_name())?;
        // Its path may lead to another directory since this process began to wait.
        let accounts = self.accounts()?;
        let found = self.read(&accounts, &name, person.uid)?;
        let spent_until = found.as_ref().map_or(Timestamp(0), |found| found.changed);
        let account = found.as_ref().map(|found| Account::clone(&found.account));
        let failures = account.as_ref().map_or(Sums::default(), |account| account.failures.into());
        locked.ledger.belong_to(person.uid, failures);
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
        self.record(&accounts, charged, held, found.as_ref())?;
        Ok(value)
    }

    fn count_refusal(&self, person: &Person, source: &Source, now: Uptime) -> Told {
        let counted = self.volatile().ok().and_then(|it| tally::count(&it.ledgers, &person.name, source, now));
        counted.unwrap_or(Told::ALONE)
    }

    fn peek(&self, person: &Person) -> Option<Ledger> {
        let volatile = Volatile::open(&self.run).ok()?;
        let known = |name: &Username| peek(&volatile.ledgers, &name.file_name()).filter(|one| one.is_of(person.uid));
        known(&person.name).or_else(|| person.alias().ok().flatten().and_then(known))
    }

    fn seal_key(&self) -> Result<SealKey, SealError> {
        key::seal_key(&self.keys)
    }

    fn warnings(&self) -> Vec<StoreError> {
        self.warnings.take()
    }
}

#[cfg(test)]
mod tests;
