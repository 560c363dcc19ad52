//! Where accounts and ledgers are kept, as the rules see it.

use std::fmt;

use nix::errno::Errno;

use crate::account::{Account, AccountError, Authenticator, Progress};
use crate::ledger::Ledger;
use crate::refusals::Told;
use crate::seal::{SealError, SealKey};
use crate::secret::NoRandomness;
use crate::throttle::Source;
use crate::time::{Moment, Step, Timestamp, Uptime};
use crate::username::{LookupError, Person, Username};

pub mod files;
mod lock;
mod open;
mod volatile;

pub use lock::ProcessKind;

/// A store of accounts and ledgers.
pub trait Store {
    /// The account of a user, or `None` if there is none.
    ///
    /// # Errors
    /// Anything that is not a certain "there is none".
    fn find(&self, person: &Person) -> Result<Option<Account>, StoreError>;

    /// Changes account and ledger of a user under their lock. Returns only when what `change` did
    /// is recorded as [`Held::keep`] asks.
    ///
    /// What an attempt costs is recorded before it is known: the ledger that `charge` leaves is
    /// written before `change` runs, and replaced by the one that `change` leaves. `change` does not
    /// see the charge. So a process that is ended in between has paid. What `charge` had to find out
    /// for that, `change` gets from it.
    ///
    /// Both may run more than once; only the last run counts.
    ///
    /// # Errors
    /// Something could not be read or recorded: then `change` counts for nothing. An account that cannot
    /// be written, and a panic, take the charge back; a ledger that cannot be written keeps it.
    fn update_charged<Q, T>(
        &self,
        person: &Person,
        charge: impl FnMut(&mut Held) -> Q,
        change: impl FnMut(&mut Held, &Q) -> T,
    ) -> Result<T, StoreError>;

    /// The same for a change that costs nothing.
    ///
    /// # Errors
    /// As [`Store::update_charged`].
    fn update<T>(&self, person: &Person, mut change: impl FnMut(&mut Held) -> T) -> Result<T, StoreError> {
        self.update_charged(person, |_| (), |held, ()| change(held))
    }

    /// Counts a refused application password, and says what the log gets of it. Where it cannot be
    /// counted, each is logged.
    fn count_refusal(&self, person: &Person, source: &Source, now: Uptime) -> Told;

    /// The ledger as it is, if it can be read: without its lock, so it may be torn and then is none.
    fn peek(&self, person: &Person) -> Option<Ledger>;

    /// The sealing key. What is sealed or opened under the account's lock takes the key of that moment:
    /// a reseal changes it, and then each account under its lock.
    ///
    /// # Errors
    /// It is missing, unsafe or broken.
    fn seal_key(&self) -> Result<SealKey, SealError>;

    /// The warnings of [`Store::update`] since this was asked last, for the log.
    fn warnings(&self) -> Vec<StoreError>;
}

/// Account and ledger of one user, under their lock.
#[derive(Debug, Clone)]
pub struct Held {
    /// The user's name, as the account has it or would have it.
    pub name: Username,
    /// The user's id.
    pub uid: u32,
    /// The account, if there is one.
    pub account: Option<Account>,
    /// What was spent and failed since boot.
    pub ledger: Ledger,
    /// The latest moment of which a code was accepted, kept as the account file's own time of
    /// change: it outlives the ledger and costs no space.
    pub spent_until: Timestamp,
    /// How durable the change must be.
    pub keep: Keep,
}

/// How durable a change must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keep {
    /// The ledger is enough.
    Ledger,
    /// The account too, but a full disk does not matter.
    AccountIfPossible,
    /// The account, or the change counts for nothing.
    Account,
}

impl Held {
    /// The first step of an authenticator that is certain not to be spent.
    ///
    /// The ledger knows what was spent since it was made. Of an authenticator that goes by a clock
    /// and that the ledger does not know, everything up to its making may have been: the window is
    /// added, since a code of a step to come may have been accepted just before. One that counts
    /// has its counter on the disk.
    #[must_use]
    pub fn first_fresh(&self, authenticator: &Authenticator, now: Moment, window: u8) -> Step {
        let spent = self.ledger.spent(&authenticator.id);
        match authenticator.progress {
            Progress::Counter { next } => next.max(spent.map_or(Step(0), |spent| spent.shifted(1))),
            Progress::Time { spent: recorded, .. } => {
                let known = spent.unwrap_or_else(|| {
                    let floor = authenticator.expected(self.ledger.epoch_time(now)).shifted(window.into());
                    floor.max(authenticator.expected(self.spent_until))
                });
                known.max(recorded).shifted(1)
            }
        }
    }

    /// Records a step of an authenticator as spent. One that counts goes on behind it.
    pub fn spend(&mut self, authenticator: &Authenticator, step: Step) {
        self.ledger.spend(&authenticator.id, step);
        match authenticator.host_time(step) {
            Some(moment) => self.spent_until = self.spent_until.max(moment),
            None => self.proceed(&authenticator.id, Progress::Counter { next: step.shifted(1) }, Keep::Account),
        }
    }

    /// Puts into the account what the ledger knows as spent, before the account is written: a process
    /// that ends between the two files leaves the change that a code paid for, and the code spent.
    pub fn settle_spent(&mut self) {
        let authenticators = self.account.iter_mut().flat_map(|account| &mut account.authenticators);
        for one in authenticators {
            if let (Some(step), Progress::Time { spent, .. }) = (self.ledger.spent(&one.id), &mut one.progress) {
                *spent = (*spent).max(step);
            }
        }
    }

    /// Records as spent what the account file's time of change knows of, for a ledger that may not know
    /// what was recorded last.
    pub fn spend_until_noted(&mut self) {
        let noted = self.spent_until;
        for one in self.account.iter().flat_map(|account| &account.authenticators) {
            if let Progress::Time { .. } = one.progress {
                self.ledger.spend(&one.id, one.expected(noted));
            }
        }
    }

    /// Records how far an authenticator has come.
    pub fn proceed(&mut self, id: &str, to: Progress, keep: Keep) {
        let authenticators = self.account.iter_mut().flat_map(|account| &mut account.authenticators);
        for one in authenticators.filter(|one| one.id == id) {
            one.progress = to.clone();
            self.keep = self.keep.max(keep);
        }
    }

    /// Asks for at least this durability.
    pub fn keep(&mut self, keep: Keep) {
        self.keep = self.keep.max(keep);
    }
}

/// Why the store gave no answer. Each says what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// A directory of the store is missing.
    Missing {
        /// Which one.
        path: String,
    },
    /// The kernel refused.
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: String,
        /// What the kernel said.
        errno: Errno,
    },
    /// A file or directory is not as Twostep makes it.
    Unsafe {
        /// Which one.
        path: String,
        /// What is wrong with it.
        what: &'static str,
        /// What puts it right.
        remedy: String,
    },
    /// The account file is there, and is none.
    Account {
        /// Which one.
        path: String,
        /// What is wrong with it.
        error: AccountError,
    },
    /// The user database does not say what other name the user has.
    Lookup(LookupError),
    /// The account file is older than what was seen since boot. What was used up or removed since is so
    /// still: no login fails for this, and it is for the log alone.
    Older {
        /// Which one.
        path: String,
    },
    /// The ledger was removed or replaced while this process held its lock: what it did counts for nothing.
    Replaced {
        /// Which one.
        path: String,
    },
    /// A process kept the account locked and was ended. That fails nothing, and is for the log alone.
    HolderEnded {
        /// Its id.
        pid: u32,
        /// Which program it was.
        kind: ProcessKind,
    },
    /// Others kept the account locked all the time.
    Busy,
    /// The kernel gave no random bytes.
    NoRandomness,
}

impl StoreError {
    /// Whether the host was never set up, or not completely.
    #[must_use]
    pub fn is_not_set_up(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

impl From<NoRandomness> for StoreError {
    fn from(_: NoRandomness) -> Self {
        Self::NoRandomness
    }
}

impl From<LookupError> for StoreError {
    fn from(error: LookupError) -> Self {
        Self::Lookup(error)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => {
                write!(f, "{path} is missing; mount the file system that it lies on, or run setup-host again")
            }
            Self::Io { doing, path, errno } => write!(f, "cannot {doing} {path} ({errno}); {}", remedy(*errno)),
            Self::Unsafe { path, what, remedy } => write!(f, "{path} {what}; {remedy}"),
            Self::Account { path, error } => write!(f, "{path} is invalid: {error}"),
            Self::Lookup(error) => error.fmt(f),
            Self::Older { path } => write!(
                f,
                "{path} is an old version, put back since boot; what was used or removed since stays so, and was taken out: see twostep admin show"
            ),
            Self::Replaced { path } => write!(f, "{path} was removed or replaced during this attempt; try again"),
            Self::HolderEnded { pid, kind } => write!(
                f,
                "process {pid} ({kind}) kept the account locked for too long and was ended; if this happens again, find out what stops or delays it"
            ),
            Self::Busy => f.write_str("other logins kept the account busy; try again"),
            Self::NoRandomness => NoRandomness.fmt(f),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Account { error, .. } => Some(error),
            Self::Io { errno, .. } => Some(errno),
            Self::Lookup(error) => Some(error),
            _ => None,
        }
    }
}

/// What an administrator does about an errno.
fn remedy(errno: Errno) -> &'static str {
    match errno {
        Errno::ENOSPC | Errno::EDQUOT => "free some space or inodes there",
        Errno::EROFS => "mount it writable again",
        Errno::EACCES | Errno::EPERM => "check its owner, mode and the security policy",
        Errno::EMFILE | Errno::ENFILE => "raise the limit of open files",
        Errno::EFBIG => "raise the limit of the file size",
        Errno::EIO => "check the disk",
        _ => "check the file system",
    }
}
