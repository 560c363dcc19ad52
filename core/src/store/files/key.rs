//! The sealing key, from the first place that has one.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, SFlag, fstat};

use super::{PROVIDED_KEY, SEALED_KEY};
use crate::seal::{KEY_BYTES, MOST_KEYS, SealError, SealKey};
use crate::secret::Secret;
use crate::store::open::{errno, is_trusted};

/// The group may read the file, and others may do nothing.
const FORBIDDEN: u32 = 0o037;

/// The key in the first of these files that is there.
pub(super) fn seal_key(places: &[PathBuf]) -> Result<SealKey, SealError> {
    let mut read = Err(SealError::KeyLength);
    for path in places {
        read = read_key(path);
        if !matches!(read, Err(SealError::NoKey { errno: Errno::ENOENT, .. })) {
            return read;
        }
    }
    let mut sealed = places.last().cloned().unwrap_or_default().into_os_string();
    sealed.push(SEALED_KEY);
    if Path::new(&sealed).exists() { Err(SealError::NotGiven { path: PROVIDED_KEY.to_owned() }) } else { read }
}

fn read_key(path: &Path) -> Result<SealKey, SealError> {
    let shown = path.display().to_string();
    let missing = |errno| SealError::NoKey { path: shown.clone(), errno };
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = openat(AT_FDCWD, path, flags, Mode::empty()).map(File::from).map_err(missing)?;
    let stat = fstat(&file).map_err(missing)?;
    let regular = stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFREG.bits();
    if !is_trusted(stat.st_uid) || !regular || stat.st_mode & FORBIDDEN != 0 {
        return Err(SealError::KeyOpen { path: shown });
    }
    let mut bytes = vec![0; KEY_BYTES * MOST_KEYS + 1];
    let length = file.read_at(&mut bytes, 0).map_err(|error| missing(errno(&error)))?;
    bytes.truncate(length);
    SealKey::new(Secret::new(bytes))
}
