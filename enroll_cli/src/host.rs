//! This host as an administrator sees it: its configuration, its accounts, its users.

use std::path::{Path, PathBuf};

use nix::unistd::User;
use twostep_core::config::{self, Config};
use twostep_core::store::files::{FilesStore, STATE};
use twostep_core::time::{Clock, SystemClock, Timestamp};

use crate::trouble::{self, Trouble};

mod administrators;
mod census;
mod judge;
mod members;
mod names;
mod orphan;
mod users;

pub use administrators::{administrators, members_of};
pub use census::{Entry, Subject};
pub use judge::Judge;
pub use members::Members;
pub use names::unknown_names;
pub use orphan::{Orphan, Why};

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

    /// Every user that the user database lists, with the home of each.
    pub fn everyone() -> Result<Vec<User>, Trouble> {
        let (mut all, mut users) = (Vec::new(), users::Users::list()?);
        while let Some(listed) = users.next()? {
            all.extend(User::from_name(listed.person.name.as_str()).ok().flatten());
        }
        Ok(all)
    }

    /// Tells what is wrong with the configuration: beside the results, which programs may read.
    pub fn warn(&self) {
        self.trouble.iter().cloned().chain(unknown_names(&self.config)).for_each(|warning| trouble::tell(&warning));
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
        let host = Host {
            config: Config::parse(text).unwrap(),
            trouble: None,
            store: FilesStore::below(folder.path(), SystemClock),
            accounts: folder.path().join("state/accounts"),
        };
        (host, folder)
    }
}
