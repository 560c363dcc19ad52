//! A store that fails where it is told to, and otherwise keeps what it must, in the order of the real one.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use nix::errno::Errno;
use twostep_core::account::Account;
use twostep_core::ledger::Ledger;
use twostep_core::refusals::Told;
use twostep_core::seal::{SealError, SealKey};
use twostep_core::store::{Held, Keep, Store, StoreError};
use twostep_core::throttle::{Source, Sums};
use twostep_core::time::{Clock, Moment, Timestamp, Uptime};
use twostep_core::username::Person;

use crate::phone::{KEY, NOW, alice};

/// A clock that the fuzzer turns.
#[derive(Clone)]
pub struct Turned(pub Rc<Cell<Moment>>);

impl Clock for Turned {
    fn now(&self) -> Moment {
        self.0.get()
    }
}

/// A store that can be made to fail, as a world of logins sees it.
pub trait Fragile {
    /// What a login finds when it opens the store.
    fn open(&self) -> impl Store;

    /// From now on logins fail at something; at nothing if `how` is none.
    fn fail(&self, how: Option<u8>);

    /// Runs one login, in which what was planned fails.
    fn run<T>(&self, login: impl FnOnce() -> T) -> T;

    /// What it keeps, read without any failure.
    fn kept(&self) -> (Account, Ledger);

    /// A reboot, or a wiped `/run`: the ledger is another one, born then.
    fn lose_ledger(&self, birth: Uptime);
}

/// What a store in memory may fail at, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum StoreFault {
    /// The account cannot be read before the question.
    Find = 1,
    /// Nor under the lock.
    Lock = 2,
    /// The account cannot be written.
    Account = 4,
    /// The ledger cannot be written.
    Ledger = 8,
    /// The ledger was taken away, as it turns out in the end.
    Replaced = 16,
    /// The sealing key cannot be read.
    Key = 32,
}

/// The store.
pub struct Shaky {
    /// What is on the disk.
    account: RefCell<Account>,
    /// What is in memory.
    ledger: RefCell<Ledger>,
    /// The account file's time of change.
    spent_until: Cell<Timestamp>,
    /// The bits of what fails now.
    faults: Cell<u8>,
}

impl Shaky {
    /// With this account.
    pub fn with(account: Account) -> Self {
        let ledger = Ledger::new(NOW.uptime, Sums::default());
        let (account, ledger) = (RefCell::new(account), RefCell::new(ledger));
        Self { account, ledger, spent_until: Cell::new(Timestamp(0)), faults: Cell::new(0) }
    }

    fn meets(&self, fault: StoreFault) -> Result<(), StoreError> {
        let path = "somewhere".to_owned();
        match self.faults.get() & fault as u8 {
            0 => Ok(()),
            _ if fault == StoreFault::Replaced => Err(StoreError::Replaced { path }),
            _ => Err(StoreError::Io { doing: "use", path, errno: Errno::ENOSPC }),
        }
    }

    /// As `FilesStore` does: what is costly first, and what need not succeed last.
    fn record(&self, held: Held) -> Result<(), StoreError> {
        let account = held.account.expect("no login removes an account");
        if held.keep == Keep::Account {
            self.meets(StoreFault::Account)?;
            self.account.replace(account.clone());
        }
        if *self.ledger.borrow() != held.ledger {
            self.meets(StoreFault::Ledger)?;
            self.ledger.replace(held.ledger);
        }
        if held.keep == Keep::AccountIfPossible && self.meets(StoreFault::Account).is_ok() {
            self.account.replace(account);
        }
        self.spent_until.set(self.spent_until.get().max(held.spent_until));
        self.meets(StoreFault::Replaced)
    }
}

impl Fragile for Shaky {
    fn open(&self) -> impl Store {
        self
    }

    fn fail(&self, how: Option<u8>) {
        self.faults.set(how.unwrap_or(0));
    }

    fn run<T>(&self, login: impl FnOnce() -> T) -> T {
        login()
    }

    fn kept(&self) -> (Account, Ledger) {
        (self.account.borrow().clone(), self.ledger.borrow().clone())
    }

    fn lose_ledger(&self, birth: Uptime) {
        let failures = self.account.borrow().failures.into();
        self.ledger.replace(Ledger::new(birth, failures));
    }
}

impl Store for &Shaky {
    fn find(&self, _: &Person) -> Result<Option<Account>, StoreError> {
        self.meets(StoreFault::Find)?;
        Ok(Some(self.account.borrow().clone()))
    }

    fn update_charged<Q, T>(
        &self,
        _: &Person,
        mut charge: impl FnMut(&mut Held) -> Q,
        mut change: impl FnMut(&mut Held, &Q) -> T,
    ) -> Result<T, StoreError> {
        self.meets(StoreFault::Lock)?;
        let mut held = Held {
            name: alice().name,
            uid: alice().uid,
            account: Some(self.account.borrow().clone()),
            ledger: self.ledger.borrow().clone(),
            spent_until: self.spent_until.get(),
            keep: Keep::Ledger,
        };
        let found_out = charge(&mut held.clone());
        let value = change(&mut held, &found_out);
        self.record(held)?;
        Ok(value)
    }

    fn count_refusal(&self, _: &Person, _: &Source, _: Uptime) -> Told {
        Told::ALONE
    }

    fn peek(&self, _: &Person) -> Option<Ledger> {
        Some(self.ledger.borrow().clone())
    }

    fn warnings(&self) -> Vec<StoreError> {
        Vec::new()
    }

    fn seal_key(&self) -> Result<SealKey, SealError> {
        match self.meets(StoreFault::Key) {
            Ok(()) => Ok(KEY.clone()),
            Err(_) => Err(SealError::KeyLength),
        }
    }
}
