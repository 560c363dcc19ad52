//! One file of a change: what was there, what is to be there, and putting either there in one step.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;
use crate::messages;

/// More than any file of PAM or sshd.
const LONGEST: u64 = 1024 * 1024;

/// A file as it is, or is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its mode.
    pub mode: u32,
}

impl Content {
    /// A new file of root's that everybody may read.
    pub fn of_root(text: &str) -> Self {
        Self { bytes: text.as_bytes().to_vec(), uid: 0, gid: 0, mode: 0o644 }
    }

    /// What is there; nothing if there is none.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let file =
            match OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC).open(path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() > LONGEST {
            return Err(io::Error::new(ErrorKind::InvalidData, messages::apply::NO_FILE));
        }
        let mut bytes = Vec::new();
        file.take(LONGEST).read_to_end(&mut bytes)?;
        Ok(Some(Self { bytes, uid: metadata.uid(), gid: metadata.gid(), mode: metadata.mode() & 0o7777 }))
    }

    /// Puts it there: whole, or not at all, whatever happens meanwhile.
    pub fn put(&self, path: &Path) -> io::Result<()> {
        let temporary = temporary(path);
        let written = self.write(&temporary).and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written.and_then(|()| sync_folder(path))
    }

    fn write(&self, temporary: &Path) -> io::Result<()> {
        let _ = fs::remove_file(temporary); // of one who was killed
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary)?;
        file.write_all(&self.bytes)?;
        fchown(&file, Some(self.uid), Some(self.gid))?;
        file.set_permissions(fs::Permissions::from_mode(self.mode))?;
        file.sync_all()
    }
}

/// Puts this there, or takes away what is there.
pub fn set(path: &Path, content: Option<&Content>) -> io::Result<()> {
    match content {
        Some(content) => content.put(path),
        None => remove(path),
    }
}

/// Puts this in the place of what was looked at, unless somebody has changed it meanwhile.
pub fn replace(path: &Path, before: Option<&Content>, after: Option<&Content>) -> Result<(), Error> {
    let shown = path.display();
    let failed = |error: io::Error| Error::Failed("unwritten", messages::apply::unwritten(&shown, &error));
    if Content::read(path).map_err(failed)?.as_ref() != before {
        return Err(Error::Failed("changed_meanwhile", messages::apply::changed_meanwhile(&shown)));
    }
    set(path, after).map_err(failed)
}

/// Gives new files the SELinux label that the policy has for them, where there is a policy.
pub fn relabel<'a>(paths: impl Iterator<Item = &'a Path>) {
    if Path::new("/sys/fs/selinux/enforce").exists() {
        let _ = Command::new("restorecon").args(paths).stdin(Stdio::null()).output();
    }
}

fn remove(path: &Path) -> io::Result<()> {
    let _ = fs::remove_file(temporary(path));
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other.and_then(|()| sync_folder(path)),
    }
}

/// The name under which a file is made: hidden, and read by nobody.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.twostep-new"))
}

/// Makes the names in the folder of this path last.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_back_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sshd");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let old = Content::read(&path).unwrap().unwrap();
        Content { bytes: b"new".to_vec(), mode: 0o600, ..old.clone() }.put(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        old.put(&path).unwrap();
        assert_eq!(Content::read(&path).unwrap().unwrap(), old);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_was_not_there_goes_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("10-twostep.conf");
        assert_eq!(Content::read(&path).unwrap(), None);
        fs::write(&path, "x").unwrap();
        set(&path, None).unwrap();
        set(&path, None).unwrap();
        assert!(!path.exists());
    }
}
