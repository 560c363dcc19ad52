//! Opening what belongs to the store: by directory, following no link, checking what was opened.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

use super::StoreError;

/// The owner that every directory of the store must have, and may have beside it in a test.
const ROOT: u32 = 0;
/// Group and others.
const NOT_OWNER: u32 = 0o077;
/// Others may write.
const OTHERS_WRITE: u32 = 0o002;
/// The group may write.
const GROUP_WRITES: u32 = 0o020;
/// Only their owners may remove files.
const STICKY: u32 = 0o1000;
/// Most bytes of a file that is read as a whole.
pub(super) const LONGEST: u64 = 256 * 1024;

/// One directory of the store.
#[derive(Debug)]
pub(super) struct Directory {
    /// A handle for what is in it; it cannot be read itself.
    pub(super) fd: OwnedFd,
    /// For messages.
    pub(super) path: String,
    /// Its group, the one that the helper runs with.
    pub(super) gid: u32,
    identity: Identity,
}

/// Which file an open file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Directory {
    /// Opens a directory by its path; its parents are root's business.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let name = path.display().to_string();
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = open(path, flags, Mode::empty()).map_err(|errno| unopened(&name, errno))?;
        Self::checked(fd, name)
    }

    /// Opens a directory in this one.
    pub(super) fn directory(&self, name: &str) -> Result<Self, StoreError> {
        let path = self.path_of(name);
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = openat(&self.fd, name, flags, Mode::empty()).map_err(|errno| unopened(&path, errno))?;
        let inner = Self::checked(fd, path)?;
        if inner.gid == self.gid { Ok(inner) } else { Err(not_roots_alone(inner.path)) }
    }

    /// Whether its path still leads to it, and it is still as it must be.
    pub(super) fn is_in_place(&self) -> bool {
        fstatat(AT_FDCWD, self.path.as_str(), AtFlags::AT_SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| Identity::of(&stat) == self.identity && is_roots_alone(&stat) && stat.st_gid == self.gid)
    }

    /// Opens an existing file in this directory, whatever it is, without waiting for anyone.
    pub(super) fn file(&self, name: &str, access: OFlag) -> Result<File, Errno> {
        let flags = access | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        openat(&self.fd, name, flags, Mode::empty()).map(File::from)
    }

    /// Makes a file that is not there yet, mode 0600 whatever the umask.
    pub(super) fn new_file(&self, name: &str) -> Result<File, Errno> {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = openat(&self.fd, name, flags, Mode::S_IRUSR | Mode::S_IWUSR).map(File::from)?;
        nix::sys::stat::fchmod(&file, Mode::S_IRUSR | Mode::S_IWUSR)?;
        Ok(file)
    }

    /// Which file a name leads to now.
    pub(super) fn identity_of(&self, name: &str) -> Result<Identity, Errno> {
        fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW).map(|stat| Identity::of(&stat))
    }

    /// A name in this directory, for messages.
    pub(super) fn path_of(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    /// An error about a name in this directory.
    pub(super) fn failed(&self, doing: &'static str, name: &str, errno: Errno) -> StoreError {
        StoreError::Io { doing, path: self.path_of(name), errno }
    }

    fn checked(fd: OwnedFd, path: String) -> Result<Self, StoreError> {
        let stat = fstat(&fd).map_err(|errno| StoreError::Io { doing: "look at", path: path.clone(), errno })?;
        if !is_roots_alone(&stat) {
            return Err(not_roots_alone(path));
        }
        Ok(Self { fd, path, gid: stat.st_gid, identity: Identity::of(&stat) })
    }
}

impl Identity {
    /// Which file this state is of.
    pub(super) fn of(stat: &FileStat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }

    /// Which file this is.
    pub(super) fn of_file(file: impl AsFd) -> Result<Self, Errno> {
        fstat(file).map(|stat| Self::of(&stat))
    }
}

/// Whether a directory is root's, and nobody else takes files out of it.
fn is_roots_alone(stat: &FileStat) -> bool {
    let trusted = stat.st_uid == ROOT || (cfg!(test) && stat.st_uid == nix::unistd::geteuid().as_raw());
    let shared = stat.st_mode & GROUP_WRITES != 0 && stat.st_mode & STICKY == 0;
    trusted && !shared && stat.st_mode & OTHERS_WRITE == 0
}

/// What is wrong with a file that must be a regular one, owned by `owner`, with one name, closed to
/// everyone else.
pub(super) fn defect(stat: &FileStat, owner: u32) -> Option<&'static str> {
    let checks = [
        (stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFREG.bits(), "is not a regular file"),
        // One that was replaced a moment ago has none, and is whole.
        (stat.st_nlink <= 1, "has another name (a hard link)"),
        (stat.st_uid == owner, "has the wrong owner"),
        (stat.st_mode & NOT_OWNER == 0, "is open to others than its owner"),
    ];
    checks.into_iter().find(|(holds, _)| !holds).map(|(_, what)| what)
}

/// Reads a whole file of text, which must not be absurdly long, by its state.
pub(super) fn read_text(file: &File, stat: &FileStat) -> Result<String, Errno> {
    let size = u64::try_from(stat.st_size).ok().filter(|size| *size <= LONGEST).ok_or(Errno::EFBIG)?;
    let mut bytes = vec![0; usize::try_from(size).map_err(|_| Errno::EFBIG)?];
    file.read_exact_at(&mut bytes, 0).map_err(|error| errno(&error))?;
    // Not UTF-8: the parser says the rest about an empty text.
    Ok(String::from_utf8(bytes).unwrap_or_default())
}

/// The errno of an error of the standard library.
pub(super) fn errno(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

fn not_roots_alone(path: String) -> StoreError {
    let remedy = "make it root:twostep and writable by nobody else, or run setup-host again".to_owned();
    StoreError::Unsafe { path, what: "is not root's alone", remedy }
}

fn unopened(path: &str, errno: Errno) -> StoreError {
    match errno {
        Errno::ENOENT => StoreError::Missing { path: path.to_owned() },
        Errno::ENOTDIR | Errno::ELOOP => StoreError::Unsafe {
            path: path.to_owned(),
            what: "is not a directory",
            remedy: "put the directory back, or run setup-host again".to_owned(),
        },
        errno => StoreError::Io { doing: "open", path: path.to_owned(), errno },
    }
}
