//! What a login needs of the host that it is on.

use std::fs;
use std::path::Path;

use protocol::audit::Audit;
use twostep_core::config::{self, Config, Loaded};
use twostep_core::store::files::FilesStore;
use twostep_core::store::{ProcessKind, Store};
use twostep_core::time::{Clock, SystemClock};
use twostep_core::username::{LookupError, Person};

use super::config_cache::ConfigCache;
use crate::log::Log;
use crate::lookup;

/// Where distributions say which uids are people's (login.defs(5)).
const LOGIN_DEFS: &str = "/etc/login.defs";
/// The first uid of a person where nothing says so.
const FIRST_PERSON: u32 = 1000;

static CONFIG: ConfigCache = ConfigCache::new();

/// Files, time, people and the log of one host, for what one process asked.
pub trait LoginHost {
    /// Accounts and ledgers.
    type Store: Store;
    /// The time.
    type Clock: Clock;
    /// The log.
    type Log: Audit + 'static;

    /// The configuration in this file, or what counts in its place.
    fn config(&self, path: &Path) -> Loaded;

    /// The store that goes with it.
    fn store(&self, config: &Config) -> Self::Store;

    /// The clocks.
    fn clock(&self) -> Self::Clock;

    /// The log.
    fn log(&self) -> Self::Log;

    /// The user of this name, or `None` if the user database does not know it.
    ///
    /// # Errors
    /// The user database gave no answer.
    fn person(&self, name: &str) -> Result<Option<Person>, LookupError>;

    /// The user of this uid, or `None` if the user database does not know it.
    ///
    /// # Errors
    /// As [`LoginHost::person`].
    fn person_of(&self, uid: u32) -> Result<Option<Person>, LookupError>;

    /// As [`LoginHost::person`], for a peer that asks about somebody else. These names are looked up one at a time,
    /// because the peer chooses them and could choose names that take the directory long.
    ///
    /// # Errors
    /// As [`LoginHost::person`].
    fn stranger(&self, name: &str) -> Result<Option<Person>, LookupError>;

    /// The first uid of a person: those below are system users'.
    fn first_person(&self) -> u32;

    /// The name of this life of the machine; empty if the kernel tells none.
    fn boot(&self) -> String;
}

/// This host.
#[derive(Debug, Clone, Copy)]
pub struct ThisHost {
    /// For what its process asked.
    pub log: Log,
    /// What this process is.
    pub kind: ProcessKind,
}

impl LoginHost for ThisHost {
    type Store = FilesStore;
    type Clock = SystemClock;
    type Log = Log;

    fn config(&self, path: &Path) -> Loaded {
        CONFIG.load(path, &SystemClock, config::load)
    }

    fn store(&self, config: &Config) -> FilesStore {
        FilesStore::new(&config.seal.key_file).opened_by(self.kind)
    }

    fn clock(&self) -> SystemClock {
        SystemClock
    }

    fn log(&self) -> Log {
        self.log
    }

    fn person(&self, name: &str) -> Result<Option<Person>, LookupError> {
        lookup::by_name(name)
    }

    fn person_of(&self, uid: u32) -> Result<Option<Person>, LookupError> {
        lookup::by_uid(uid)
    }

    fn stranger(&self, name: &str) -> Result<Option<Person>, LookupError> {
        lookup::by_strange_name(name)
    }

    fn first_person(&self) -> u32 {
        std::fs::read_to_string(LOGIN_DEFS).ok().and_then(|text| uid_min(&text)).unwrap_or(FIRST_PERSON)
    }

    fn boot(&self) -> String {
        fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|text| text.trim().to_owned()).unwrap_or_default()
    }
}

/// `UID_MIN` of login.defs(5): decimal, or with a prefix octal or hexadecimal, as strtoul(3) reads it.
fn uid_min(text: &str) -> Option<u32> {
    let mut values = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("UID_MIN")).then(|| words.next()).flatten()
    });
    let value = values.next_back()?;
    match (value.strip_prefix("0x"), value.strip_prefix('0')) {
        (Some(digits), _) => u32::from_str_radix(digits, 16).ok(),
        (None, Some(digits)) if !digits.is_empty() => u32::from_str_radix(digits, 8).ok(),
        _ => value.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_uid_of_a_person_is_that_of_login_defs() {
        let debian = "#\n# Min/max values for automatic uid selection in useradd\n#\nUID_MIN\t\t\t 1000\nUID_MAX\t\t\t60000\n\
                      # System accounts\n#SYS_UID_MIN\t\t  101\nSYS_UID_MIN 100\n";
        assert_eq!(uid_min(debian), Some(1000));
        assert_eq!(uid_min("UID_MIN 500 # as on old hosts\n"), Some(500));
        assert_eq!((uid_min("UID_MIN 0x3e8"), uid_min("UID_MIN 01750")), (Some(1000), Some(1000)));
        for text in ["", "#UID_MIN 500", "UID_MIN", "UID_MIN many", "UID_MINIMUM 5"] {
            assert_eq!(uid_min(text), None, "{text:?}");
        }
    }
}
