//! Opening what belongs to the store: by directory, following no link, checking what was opened.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, geteuid, unlinkat};

use super::StoreError;

/// Group and others.
const NOT_OWNER: u32 = 0o077;
/// Group or others may write.
const OTHERS_WRITE: u32 = 0o022;
/// Most bytes of a file that is read as a whole.
pub(super) const LONGEST: u64 = 256 * 1024;

/// One directory of the store.
#[derive(Debug)]
pub(super) struct Directory {
    /// A handle for what is in it; it cannot be read itself.
    pub(super) fd: OwnedFd,
    /// For messages.
    pub(super) path: String,
    identity: Identity,
}

/// Which file an open file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
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
        Self::checked(fd, path)
    }

    /// Whether its path still leads to it, and it is still as it must be.
    pub(super) fn is_in_place(&self) -> bool {
        fstatat(AT_FDCWD, self.path.as_str(), AtFlags::AT_SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| Identity::of(&stat) == self.identity && is_roots_alone(&stat))
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
        fchmod(&file, Mode::S_IRUSR | Mode::S_IWUSR)?;
        Ok(file)
    }

    /// Whether a name leads to this file now, by the path of this directory: it may have been moved too.
    pub(super) fn leads_to(&self, name: &str, file: Identity) -> bool {
        let found = fstatat(AT_FDCWD, self.path_of(name).as_str(), AtFlags::AT_SYMLINK_NOFOLLOW);
        found.is_ok_and(|stat| Identity::of(&stat) == file)
    }

    /// Removes a file, if there is one of this name.
    pub(super) fn remove(&self, name: &str) -> Result<(), Errno> {
        match unlinkat(&self.fd, name, UnlinkatFlags::NoRemoveDir) {
            Err(Errno::ENOENT) => Ok(()),
            removed => removed,
        }
    }

    /// The names of all that is in it, in order.
    pub(super) fn names(&self) -> Result<Vec<String>, StoreError> {
        let failed = |errno| self.failed("list", ".", errno);
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut directory = Dir::openat(&self.fd, ".", flags, Mode::empty()).map_err(failed)?;
        let mut names = Vec::new();
        for entry in directory.iter() {
            names.extend(entry.map_err(failed)?.file_name().to_str().map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
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
        Ok(Self { fd, path, identity: Identity::of(&stat) })
    }
}

impl Identity {
    /// Which file this state is of.
    pub(super) fn of(stat: &FileStat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }
}

/// Whether a user may own what the store trusts: root, and in a test its own user.
pub(super) fn is_trusted(uid: u32) -> bool {
    uid == 0 || (cfg!(test) && uid == geteuid().as_raw())
}

/// Whether a directory is root's, and nobody else takes files out of it.
fn is_roots_alone(stat: &FileStat) -> bool {
    is_trusted(stat.st_uid) && stat.st_mode & OTHERS_WRITE == 0
}

/// What is wrong with a file that must be a regular one, root's, with one name and closed to everyone
/// else.
pub(super) fn defect(stat: &FileStat) -> Option<&'static str> {
    let checks = [
        (stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFREG.bits(), "is not a regular file"),
        // One that was replaced a moment ago has none, and is whole.
        (stat.st_nlink <= 1, "has another name (a hard link)"),
        (is_trusted(stat.st_uid), "does not belong to root"),
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
    let remedy = "make it root's and writable by nobody else, or run setup-host again".to_owned();
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
