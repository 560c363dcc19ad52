//! The places of the sealing key: a file; or a file that the TPM or the host's own key opens, and where
//! the boot puts what is in it.
//!
//! Each place is written whole or not at all. While a reseal goes on, each holds the new key and those
//! before it, so at every moment every account opens by a key that the host still has.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::libc::{O_CLOEXEC, O_NOFOLLOW};
use twostep_core::seal::{KEY_BYTES, MOST_KEYS, SealKey};
use twostep_core::secret::Secret;
use twostep_core::store::files::{PROVIDED_KEY, SEALED_KEY};

use crate::error::CommandError;
use crate::messages;

mod credential;
mod printed;

pub use credential::Protection;
pub use printed::{printed, typed};

/// It concerns root alone, sealed or not.
const MODE: u32 = 0o600;
/// The same of the folder of the key that the boot brings.
const FOLDER_MODE: u32 = 0o700;

/// Where the key of this host may be.
#[derive(Debug)]
pub struct Places {
    /// The file of the configuration.
    pub file: PathBuf,
    /// What the TPM or the host's key opens.
    pub sealed: PathBuf,
    /// Where the boot puts what is in that.
    pub given: PathBuf,
}

impl Places {
    /// Those of a configuration.
    pub fn of(key_file: &str) -> Self {
        let sealed = format!("{key_file}{SEALED_KEY}");
        Self { file: key_file.into(), sealed: sealed.into(), given: PROVIDED_KEY.into() }
    }

    /// Whether the key is kept sealed.
    pub fn is_sealed(&self) -> bool {
        self.sealed.exists()
    }

    /// The keys in an open place, if it is there.
    pub fn read(&self, path: &Path) -> Result<Option<SealKey>, CommandError> {
        let file = OpenOptions::new().read(true).custom_flags(O_NOFOLLOW | O_CLOEXEC).open(path);
        let mut bytes = Vec::with_capacity(KEY_BYTES * MOST_KEYS + 1);
        let read = match file {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.and_then(|file| file.take((KEY_BYTES * MOST_KEYS + 1) as u64).read_to_end(&mut bytes)),
        };
        read.map_err(|error| failed(path, "read", &error))?;
        let broken = |_| CommandError::here("key", messages::keys::no_key_in(path.display()));
        SealKey::new(Secret::new(bytes)).map(Some).map_err(broken)
    }

    /// The keys that are kept sealed, if they are.
    pub fn unseal(&self) -> Result<Option<SealKey>, CommandError> {
        if self.is_sealed() { credential::open(&self.sealed).map(Some) } else { Ok(None) }
    }

    /// Seals these keys, and keeps them so.
    pub fn seal(&self, key: &SealKey, protection: Protection) -> Result<(), CommandError> {
        let sealed = credential::seal(key, protection)?;
        replace(&self.sealed, sealed.as_bytes())
    }

    /// Keeps these keys in an open place.
    pub fn write(&self, path: &Path, key: &SealKey) -> Result<(), CommandError> {
        replace(path, key.to_bytes().expose())
    }

    /// Puts these keys where every login finds them before those of the file.
    pub fn give(&self, key: &SealKey) -> Result<(), CommandError> {
        if let Some(folder) = self.given.parent() {
            match fs::create_dir(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(failed(folder, "made", &error));
                }
                _ => own(&File::open(folder).map_err(|error| failed(folder, "opened", &error))?, FOLDER_MODE)
                    .map_err(|error| failed(folder, "given to root", &error))?,
            }
        }
        self.write(&self.given, key)
    }

    /// Removes what a reseal that was killed had half written. Only while no other one is at work.
    pub fn sweep(&self) {
        for path in [&self.file, &self.given] {
            let begin = format!("{}.", hidden(path));
            let entries = path.parent().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
            for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&begin)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Takes a place away for good.
    pub fn remove(&self, path: &Path) -> Result<(), CommandError> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, "removed", &error)),
            _ => sync_folder(path).map_err(|error| failed(path, "removed", &error)),
        }
    }
}

/// Puts a file in the place of another one: the old one or the new one, whole, whatever happens.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let temporary = path.with_file_name(format!("{}.{}", hidden(path), std::process::id()));
    let written = write_new(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    written.and_then(|()| sync_folder(path)).map_err(|error| {
        let _ = fs::remove_file(&temporary);
        failed(path, "written", &error)
    })
}

/// How what is being written in the place of a file is called, with more behind it. setup-host sweeps it, too.
fn hidden(path: &Path) -> String {
    format!(".{}", path.file_name().unwrap_or_default().to_string_lossy())
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).custom_flags(O_CLOEXEC).open(path)?;
    file.write_all(bytes)?;
    own(&file, MODE)?;
    file.sync_all()
}

fn own(file: &File, mode: u32) -> io::Result<()> {
    if nix::unistd::geteuid().is_root() {
        fchown(file, Some(0), Some(0))?;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn failed(path: &Path, what: &str, error: &io::Error) -> CommandError {
    CommandError::here("key", messages::keys::failed(path.display(), what, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(folder: &tempfile::TempDir) -> Places {
        let at = |name: &str| folder.path().join(name);
        Places { file: at("seal.key"), sealed: at("seal.key.cred"), given: at("run/seal.key") }
    }

    #[test]
    fn a_place_is_replaced_whole_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(&folder);
        assert!(places.read(&places.file).unwrap().is_none());
        let (old, new) = (SealKey::fresh().unwrap(), SealKey::fresh().unwrap());
        places.write(&places.file, &old).unwrap();
        let both = new.before(&old).unwrap();
        places.write(&places.file, &both).unwrap();
        places.give(&both).unwrap();
        for path in [&places.file, &places.given] {
            let read = places.read(path).unwrap().unwrap();
            assert_eq!(read.to_bytes(), both.to_bytes());
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        }
        assert_eq!(folder.path().join("run").metadata().unwrap().permissions().mode() & 0o7777, 0o700);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing half is left");
        fs::write(folder.path().join(".seal.key.cred.77"), "half").unwrap();
        places.sweep();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        places.remove(&places.given).unwrap();
        places.remove(&places.given).unwrap();
        assert!(!places.given.exists());
    }

    #[test]
    fn what_is_no_key_is_told_and_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(&folder);
        fs::write(&places.file, [1; 31]).unwrap();
        assert!(places.read(&places.file).unwrap_err().message.contains("--restore-key"));
        std::os::unix::fs::symlink(&places.file, &places.sealed).unwrap();
        assert!(places.read(&places.sealed).is_err());
    }
}
