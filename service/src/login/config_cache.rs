//! The configuration, kept from one login to the next. A file that changed is read again.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use protocol::frame::now;
use twostep_core::config::{Config, Loaded};
use twostep_core::time::Clock;

use crate::threads::lock;

/// How long a configuration is used without being loaded again, which also renews the last good copy.
const LONGEST: Duration = Duration::from_secs(10);
/// How many seconds ago a file must have changed to be known by its times: another change within the same
/// tick of the kernel's clock would not show.
const SETTLED: i64 = 1;

/// The configuration that was read last.
#[derive(Debug)]
pub struct ConfigCache(Mutex<Option<Entry>>);

/// A good configuration, and the file that it was read from.
#[derive(Debug)]
struct Entry {
    path: PathBuf,
    version: Version,
    since: Instant,
    config: Config,
}

/// What tells a file from its earlier and later versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl ConfigCache {
    /// Nothing was read yet.
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// The configuration in this file, or what counts in its place, as `load` has it. A good one is kept
    /// until its file changes; an invalid one is loaded each time.
    pub fn load(&self, path: &Path, clock: &impl Clock, load: impl Fn(&Path) -> Loaded) -> Loaded {
        let Some(version) = Version::of(path) else { return load(path) };
        if let Some(entry) = lock(&self.0).as_ref().filter(|entry| entry.is_current(path, version)) {
            return Loaded { config: entry.config.clone(), trouble: None };
        }
        let loaded = load(path);
        // It must not have changed while it was read either.
        let is_known = loaded.trouble.is_none() && version.is_settled(clock) && Version::of(path) == Some(version);
        let entry = || Entry { path: path.to_owned(), version, since: now(), config: loaded.config.clone() };
        *lock(&self.0) = is_known.then(entry);
        loaded
    }
}

impl Entry {
    fn is_current(&self, path: &Path, version: Version) -> bool {
        self.path == path && self.version == version && now().duration_since(self.since) < LONGEST
    }
}

impl Version {
    fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        Some(Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }

    fn is_settled(self, clock: &impl Clock) -> bool {
        clock.now().wall.0.saturating_sub(self.changed.0) > SETTLED
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs::{File, FileTimes, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use twostep_core::time::{Moment, SystemClock, Timestamp};

    use super::*;

    /// A clock that is ahead of the files' times.
    struct Ahead(i64);

    impl Clock for Ahead {
        fn now(&self) -> Moment {
            let Moment { wall, uptime } = SystemClock.now();
            Moment { wall: Timestamp(wall.0 + self.0), uptime }
        }
    }

    struct Host {
        folder: tempfile::TempDir,
        loads: Cell<usize>,
        cache: ConfigCache,
    }

    impl Host {
        fn new() -> Self {
            let host = Self { folder: tempfile::tempdir().unwrap(), loads: Cell::new(0), cache: ConfigCache::new() };
            host.write(6);
            host
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("config.toml")
        }

        fn write(&self, digits: u8) {
            fs::write(self.path(), format!("version = 1\n[totp]\ndigits = {digits}\n")).unwrap();
        }

        /// The digits that count, and whether the file was read for that.
        fn digits(&self, clock: &Ahead) -> (u8, bool) {
            let before = self.loads.get();
            let loaded = self.cache.load(&self.path(), clock, |path| {
                self.loads.set(self.loads.get() + 1);
                match fs::read_to_string(path).ok().and_then(|text| Config::parse(&text).ok()) {
                    Some(config) => Loaded { config, trouble: None },
                    None => Loaded { config: Config::strictest(), trouble: Some("broken".to_owned()) },
                }
            });
            (loaded.config.totp.digits, self.loads.get() > before)
        }
    }

    #[test]
    fn a_configuration_is_read_again_when_its_file_changed_in_any_way() {
        let (host, later) = (Host::new(), Ahead(60));
        assert_eq!([host.digits(&later), host.digits(&later)], [(6, true), (6, false)]);
        let times = FileTimes::new().set_modified(host.path().metadata().unwrap().modified().unwrap());
        host.write(8);
        File::options().write(true).open(host.path()).unwrap().set_times(times).unwrap();
        assert_eq!([host.digits(&later), host.digits(&later)], [(8, true), (8, false)]);
        fs::set_permissions(host.path(), Permissions::from_mode(0o646)).unwrap();
        assert_eq!([host.digits(&later), host.digits(&later)], [(8, true), (8, false)]);
        fs::remove_file(host.path()).unwrap();
        assert_eq!(host.digits(&later), (Config::strictest().totp.digits, true));
    }

    #[test]
    fn another_path_is_another_configuration() {
        let (host, later) = (Host::new(), Ahead(60));
        // It differs by its path alone, as the last good copy does.
        let other = host.folder.path().join("other.toml");
        fs::hard_link(host.path(), &other).unwrap();
        assert!(host.digits(&later).1 && !host.digits(&later).1);
        let loaded = host.cache.load(&other, &later, |_| Loaded { config: Config::strictest(), trouble: None });
        assert_eq!(loaded.config, Config::strictest());
    }

    #[test]
    fn a_configuration_that_has_just_changed_or_is_broken_is_read_each_time() {
        let host = Host::new();
        assert_eq!([host.digits(&Ahead(0)), host.digits(&Ahead(0))], [(6, true); 2]);
        host.write(5);
        assert!([host.digits(&Ahead(60)), host.digits(&Ahead(60))].iter().all(|(_, is_read)| *is_read));
    }

    #[test]
    fn a_configuration_is_read_again_after_some_time() {
        let (host, later) = (Host::new(), Ahead(60));
        assert!(host.digits(&later).1 && !host.digits(&later).1);
        lock(&host.cache.0).as_mut().unwrap().since -= LONGEST;
        assert!(host.digits(&later).1);
    }
}
