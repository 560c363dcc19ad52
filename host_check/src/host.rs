//! This host as an administrator sees it: its configuration, its accounts, its users.

use std::path::{Path, PathBuf};

use nix::unistd::User;
use twostep_core::config::{self, Config};
use twostep_core::store::files::{FilesStore, STATE};
use twostep_core::time::{Clock, SystemClock, Timestamp};

use crate::error::Error;

mod census;
mod judge;
mod members;
mod names;
mod orphan;
mod users;

pub use census::{CensusEntry, Subject};
pub use judge::Judge;
pub use members::{Members, members_of};
pub use names::unknown_names;
pub use orphan::{Orphan, Why};
pub use users::is_shell;

/// The accounts of this host, and the configuration by which they are judged.
pub struct Host {
    /// What counts now.
    pub config: Config,
    /// What is wrong with the configuration file, if something is.
    pub trouble: Option<String>,
    /// The accounts.
    pub store: FilesStore,
    /// Where their files are.
    accounts: PathBuf,
}

impl Host {
    /// This host.
    pub fn open() -> Self {
        let loaded = config::load(Path::new(config::PATH));
        let store = FilesStore::new(&loaded.config.seal.key_file);
        let accounts = Path::new(STATE).join("accounts");
        Self { config: loaded.config, trouble: loaded.trouble, store, accounts }
    }

    /// A host whose files are below this folder, with this configuration.
    pub fn below(folder: &Path, config: Config) -> Self {
        let store = FilesStore::below(folder, SystemClock);
        Self { config, trouble: None, store, accounts: folder.join("state/accounts") }
    }

    /// Every user that the user database lists, with the home of each.
    pub fn everyone() -> Result<Vec<User>, Error> {
        let (mut all, mut users) = (Vec::new(), users::Users::list()?);
        while let Some(listed) = users.next()? {
            all.extend(User::from_name(listed.person.name.as_str()).ok().flatten());
        }
        Ok(all)
    }

    /// What is wrong with the configuration, a sentence each.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.trouble.iter().cloned().chain(unknown_names(&self.config))
    }
}

/// The moment of now.
pub fn now() -> Timestamp {
    SystemClock.now().wall
}

#[cfg(test)]
pub mod scripted {
    //! A host in a folder, with root's own accounts.

    use super::*;

    /// A host with this configuration and no account.
    pub fn host(text: &str) -> (Host, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["state/accounts", "state/uids", "run/ledgers"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("seal.key"), [7; 32]).unwrap();
        (Host::below(folder.path(), Config::parse(text).unwrap()), folder)
    }
}
