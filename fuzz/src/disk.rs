//! The store of the product, in a folder of its own, on a disk whose calls fail. Only root has a store.

use std::cell::Cell;
use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;
use twostep_core::account::Account;
use twostep_core::ledger::Ledger;
use twostep_core::store::Store;
use twostep_core::store::files::FilesStore;
use twostep_core::throttle::Sums;
use twostep_core::time::Uptime;

use crate::calls::{self, FailurePlan};
use crate::phone::{NOW, alice};
use crate::store::{Fragile, Turned};

/// A folder with a store in it.
pub struct Disk {
    folder: PathBuf,
    clock: Turned,
    plan: Cell<Option<FailurePlan>>,
}

impl Disk {
    /// A store with this account, as an installation and an enrollment leave it.
    pub fn with(account: &Account, clock: Turned) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("twostep-fuzz-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { memory.join(name) } else { std::env::temp_dir().join(name) };
        let made = furnish(&folder, account);
        assert!(made.is_ok(), "{}: {made:?}", folder.display());
        Self { folder, clock, plan: Cell::new(None) }
    }
}

fn furnish(folder: &Path, account: &Account) -> std::io::Result<()> {
    for directory in ["state/accounts", "state/uids", "run/ledgers"] {
        DirBuilder::new().recursive(true).mode(0o700).create(folder.join(directory))?;
    }
    let file = |name: &str, bytes: &[u8]| {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).open(folder.join(name))?.write_all(bytes)
    };
    file("seal.key", &[7; 32])?;
    file("run/since", b"0\n")?;
    file("state/accounts/alice.toml", account.to_text().as_bytes())
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What stays is in memory, and has a name that says whose it is.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Fragile for Disk {
    fn open(&self) -> impl Store {
        FilesStore::below(&self.folder, self.clock.clone())
    }

    /// Five bits: how many calls go well. One: whether all later ones fail. Two: how.
    fn fail(&self, how: Option<u8>) {
        self.plan.set(how.map(|how| {
            let (after, lasts) = (how & 31, how & 32 != 0);
            let errno = match how >> 6 {
                0 => Some(Errno::ENOSPC),
                1 => Some(Errno::EIO),
                // One that lasts would be waited for without end.
                2 => Some(if lasts { Errno::EMFILE } else { Errno::EINTR }),
                _ => None,
            };
            FailurePlan { after, lasts, errno }
        }));
    }

    fn run<T>(&self, login: impl FnOnce() -> T) -> T {
        let (value, calls) = calls::with(self.plan.get(), login);
        assert!(calls > 0, "the linker took the calls of libc");
        value
    }

    fn kept(&self) -> (Account, Ledger) {
        let store = FilesStore::below(&self.folder, self.clock.clone());
        let account = store.find(&alice()).expect("the account is the old one or the new one").expect("it is there");
        let none = || Ledger::new(NOW.uptime, Sums::default());
        (account, store.peek(&alice()).unwrap_or_else(none))
    }

    /// The next login makes it again, born by then.
    fn lose_ledger(&self, _: Uptime) {
        let _ = fs::remove_dir_all(self.folder.join("run"));
    }
}
