//! The configuration file while an administrator changes it: one at a time, and never half.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use twostep_core::config;
use twostep_core::request::Refusal;
use twostep_core::store::files::STATE;

use crate::error::CommandError;
use crate::messages::configuration;

/// What it is called that somebody else changed the file meanwhile.
pub const CHANGED_MEANWHILE: &str = "changed_meanwhile";

/// The new file before it gets its name.
const TEMPORARY: &str = ".config.toml.new";

/// The file, its text, and the lock that keeps other commands of this program from it.
pub struct ConfigFile {
    path: PathBuf,
    folder: PathBuf,
    text: String,
    metadata: Metadata,
    _lock: Flock<File>,
}

impl ConfigFile {
    /// The configuration of this host. The lock is on a folder that only root can open: anybody could
    /// lock the file's own and keep it.
    pub fn open() -> Result<Self, CommandError> {
        Self::open_at(Path::new(config::PATH), Path::new(STATE))
    }

    /// The file behind any links is the one that is changed, so that they stay.
    fn open_at(path: &Path, locked: &Path) -> Result<Self, CommandError> {
        let path = fs::canonicalize(path).map_err(|error| unread(path, &error))?;
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let lock = File::open(locked).map_err(|error| unread(locked, &error))?;
        let lock = Flock::lock(lock, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| busy(&path, errno))?;
        let (text, metadata) = read(&path)?;
        Ok(Self { path, folder, text, metadata, _lock: lock })
    }

    /// A file of a test, locked by its own folder.
    #[cfg(test)]
    pub fn alone(path: &Path) -> Result<Self, CommandError> {
        Self::open_at(path, path.parent().unwrap())
    }

    /// What it says.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it is, for people.
    pub fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// The folder that it is in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Replaces the whole file, with its group and mode, unless somebody else changed it meanwhile.
    pub fn replace(&self, text: &str) -> Result<(), CommandError> {
        self.check()?;
        let temporary = self.folder.join(TEMPORARY);
        let written = self.write(&temporary, text).and_then(|()| {
            // Whoever does not know the lock may have written while this was.
            self.check()
                .and_then(|()| fs::rename(&temporary, &self.path).map_err(|error| unwritten(&self.path, &error)))
        });
        match written {
            Ok(()) => {
                // The new name is in force already; a power failure would bring the old one back.
                let _ = File::open(&self.folder).and_then(|folder| folder.sync_all());
                // Root keeps a copy of the last good one while loading it.
                let _ = config::load(Path::new(config::PATH));
                Ok(())
            }
            Err(error) => {
                let _ = fs::remove_file(&temporary);
                Err(error)
            }
        }
    }

    fn check(&self) -> Result<(), CommandError> {
        let (text, _) = read(&self.path)?;
        if text == self.text {
            return Ok(());
        }
        Err(CommandError::here(CHANGED_MEANWHILE, configuration::changed_meanwhile(self.shown())))
    }

    fn write(&self, temporary: &Path, text: &str) -> Result<(), CommandError> {
        // Under the lock, one can only be left over from a run that was killed.
        let _ = fs::remove_file(temporary);
        let written =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary).and_then(|mut file| {
                // It would not count were it another's than root's, or others' to write.
                fchown(&file, None, Some(self.metadata.gid()))?;
                file.set_permissions(PermissionsExt::from_mode(self.metadata.mode() & 0o755))?;
                file.write_all(text.as_bytes())?;
                file.sync_all()
            });
        written.map_err(|error| unwritten(&self.path, &error))
    }
}

fn read(path: &Path) -> Result<(String, Metadata), CommandError> {
    let metadata = fs::metadata(path).map_err(|error| unread(path, &error))?;
    if !metadata.is_file() {
        return Err(unread(path, &std::io::Error::other("it is not a regular file")));
    }
    let text = fs::read_to_string(path).map_err(|error| unread(path, &error))?;
    Ok((text, metadata))
}

fn unread(path: &Path, error: &std::io::Error) -> CommandError {
    let path = path.display();
    if error.kind() == std::io::ErrorKind::NotFound {
        let text = configuration::missing(&path);
        return CommandError::refused(Refusal::NotSetUp, text);
    }
    CommandError::here("file", configuration::unread(&path, error))
}

fn unwritten(path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::here("file", configuration::unwritten(path.display(), error))
}

fn busy(path: &Path, errno: Errno) -> CommandError {
    let path = path.display();
    match errno {
        Errno::EWOULDBLOCK => CommandError::here("busy", configuration::busy(&path)),
        errno => CommandError::here("file", configuration::unlocked(&path, errno)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        (folder, path)
    }

    #[test]
    fn a_file_is_replaced_whole_with_its_mode_and_nothing_is_left_beside_it() {
        let (folder, path) = written("old\n");
        let inode = path.metadata().unwrap().ino();
        ConfigFile::alone(&path).unwrap().replace("new\n").unwrap();
        let metadata = path.metadata().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new\n");
        assert_eq!((metadata.mode() & 0o7777, metadata.ino() == inode), (0o640, false));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_others_may_write_is_replaced_by_one_that_counts() {
        let (_folder, path) = written("old\n");
        fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
        ConfigFile::alone(&path).unwrap().replace("new\n").unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o644);
        assert_eq!(path.metadata().unwrap().uid(), nix::unistd::geteuid().as_raw());
    }

    #[test]
    fn a_link_stays_and_its_file_is_replaced() {
        let (folder, path) = written("old\n");
        let elsewhere = tempfile::tempdir().unwrap();
        let link = elsewhere.path().join("config.toml");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        ConfigFile::alone(&link).unwrap().replace("new\n").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(folder.path().join("config.toml")).unwrap(), "new\n");
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_is_not_lost() {
        let (folder, path) = written("old\n");
        let file = ConfigFile::alone(&path).unwrap();
        fs::write(&path, "theirs\n").unwrap();
        assert_eq!(file.replace("mine\n").unwrap_err().reason, "changed_meanwhile");
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn one_changes_it_at_a_time() {
        let (_folder, path) = written("old\n");
        let first = ConfigFile::alone(&path).unwrap();
        assert_eq!(ConfigFile::alone(&path).err().map(|error| error.reason), Some("busy".to_owned()));
        drop(first);
        assert!(ConfigFile::alone(&path).is_ok());
    }

    #[test]
    fn a_file_that_is_not_there_is_a_host_that_is_not_set_up() {
        let (folder, path) = written("old\n");
        fs::remove_file(&path).unwrap();
        assert_eq!(ConfigFile::alone(&path).err().map(|error| error.reason), Some("not_set_up".to_owned()));
        assert!(ConfigFile::alone(folder.path()).is_err());
    }
}
