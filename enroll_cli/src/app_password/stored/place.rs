//! A file while it is made: locked under a name of its own, and given its name when it is whole.

use std::fs::{File, Permissions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, Flock, FlockArg, OFlag, RenameFlags, openat, renameat2};
use nix::sys::stat::{Mode, fstatat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};
use twostep_core::secret::Typed;

use crate::error::CommandError;
use crate::messages::app_password;

/// What trouble with a file is called.
pub const FILE: &str = "file";

/// What it is called that another run of this program is at the same work.
pub const BUSY: &str = "busy";

/// As long as a password and the end of its line.
const ROOM: [u8; 30] = [b'\n'; 30];

/// A file that can be made, and that no other run of this program makes meanwhile.
#[derive(Debug)]
pub struct NewFile {
    folder: File,
    /// What becomes the file. It is locked, and has another name.
    unnamed: Flock<File>,
    name: String,
    path: PathBuf,
    is_named: bool,
}

impl NewFile {
    /// Stores the password, and gives the file its name.
    pub fn keep(mut self, password: &Typed) -> Result<PathBuf, CommandError> {
        let line = Typed::new(format!("{}\n", password.expose()));
        let kept = self.write(line.expose().as_bytes()).and_then(|()| Ok(self.give_name()?));
        kept.map_err(|error| not_written(&self.path, &error))?;
        self.is_named = true;
        // The file is there; a folder that cannot be synced, as on some network, takes nothing away.
        let _ = self.folder.sync_all();
        Ok(std::mem::take(&mut self.path))
    }

    /// Locks what is to become the file of this name.
    pub(super) fn begin(folder: File, path: PathBuf, name: &str) -> Result<Self, CommandError> {
        match lock(&folder, &unnamed(name)) {
            Ok(unnamed) => Ok(Self { folder, unnamed, name: name.to_owned(), path, is_named: false }),
            Err(Errno::EWOULDBLOCK) => Err(CommandError::here(BUSY, app_password::being_made(&path))),
            Err(errno) => Err(not_written(&path, &errno.into())),
        }
    }

    /// Takes up the room on the disk while nothing depends on it yet.
    pub(super) fn make_room(&self) -> Result<(), CommandError> {
        let private = self.unnamed.set_permissions(Permissions::from_mode(0o600));
        private.and_then(|()| self.write(&ROOM)).map_err(|error| not_written(&self.path, &error))
    }

    /// The name is something else's.
    pub(super) fn is_taken(&self) -> CommandError {
        not_written(&self.path, &ErrorKind::AlreadyExists.into())
    }

    fn write(&self, contents: &[u8]) -> Result<(), Error> {
        self.unnamed.write_all_at(contents, 0)?;
        self.unnamed.set_len(contents.len() as u64)?;
        self.unnamed.sync_all()
    }

    /// Fails where the name is taken by now.
    fn give_name(&self) -> Result<(), Errno> {
        let (from, to) = (unnamed(&self.name), self.name.as_str());
        match renameat2(&self.folder, from.as_str(), &self.folder, to, RenameFlags::RENAME_NOREPLACE) {
            // NFS knows no such flag, but links.
            Err(Errno::EINVAL | Errno::ENOSYS) => self.link(),
            done => done,
        }
    }

    fn link(&self) -> Result<(), Errno> {
        let (from, to) = (unnamed(&self.name), self.name.as_str());
        linkat(&self.folder, from.as_str(), &self.folder, to, AtFlags::empty())?;
        unlinkat(&self.folder, from.as_str(), UnlinkatFlags::NoRemoveDir)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_named {
            let _ = unlinkat(&self.folder, unnamed(&self.name).as_str(), UnlinkatFlags::NoRemoveDir);
        }
    }
}

/// The name of a file while it is made. It stays only where this program is killed, and the next
/// run takes it over.
fn unnamed(name: &str) -> String {
    format!(".{name}.new")
}

fn lock(folder: &File, name: &str) -> Result<Flock<File>, Errno> {
    loop {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = openat(folder, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
        let file = Flock::lock(File::from(file), FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno)?;
        let ours = file.metadata().map_err(|_| Errno::EIO)?;
        match fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(named) if (named.st_dev, named.st_ino) == (ours.dev(), ours.ino()) => match ours.nlink() {
                1 => return Ok(file),
                // A run that was killed had given it its name by a link: it is done.
                _ => unlinkat(folder, name, UnlinkatFlags::NoRemoveDir)?,
            },
            // Whoever held the lock has given the file its name, or taken it away.
            Ok(_) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// The file cannot be made.
pub(super) fn not_written(path: &Path, error: &Error) -> CommandError {
    CommandError::here(FILE, app_password::unwritten(path, error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::Folder;
    use super::super::scripted::{home, password};
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    fn left_in(folder: &Folder) -> Vec<String> {
        let entries = std::fs::read_dir(&folder.path).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn what_is_stored_is_private_whole_and_readable() {
        let (home, folder) = home();
        let path = folder.reserve("mail").unwrap().keep(&password()).unwrap();
        assert_eq!(path, home.path().join(".local/share/twostep/mail"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "ABCD-EFGH-JKMN-PQRS-TVWX-YZ01\n");
        assert_eq!(mode(&path), 0o600);
        for made in [".local", ".local/share", ".local/share/twostep"] {
            assert_eq!(mode(&home.path().join(made)), 0o700, "{made}");
        }
        assert_eq!(folder.read("mail"), Ok(password()));
        assert_eq!(left_in(&folder), ["mail"]);
    }

    #[test]
    fn where_links_do_for_renames_it_is_the_same() {
        let (_home, folder) = home();
        let mut place = folder.reserve("mail").unwrap();
        place.write(b"ABCD\n").unwrap();
        place.link().unwrap();
        place.is_named = true;
        drop(place);
        assert_eq!(left_in(&folder), ["mail"]);
        let place = folder.reserve("other").unwrap();
        std::fs::write(folder.path("other"), "mine").unwrap();
        assert_eq!(place.link(), Err(Errno::EEXIST));
        std::fs::hard_link(folder.path("mail"), folder.path(&unnamed("next"))).unwrap();
        drop(folder.reserve("next").unwrap());
        assert_eq!(std::fs::read_to_string(folder.path("mail")).unwrap(), "ABCD\n");
    }

    #[test]
    fn what_has_the_name_stays_as_it_is() {
        let (home, folder) = home();
        folder.make().unwrap();
        std::fs::write(folder.path("file"), "mine").unwrap();
        std::fs::write(folder.path("empty"), "").unwrap();
        std::fs::create_dir(folder.path("folder")).unwrap();
        symlink(home.path().join("elsewhere"), folder.path("link")).unwrap();
        for name in ["file", "empty", "folder", "link"] {
            assert_eq!(folder.holds(name), Ok(true), "{name}");
            assert!(folder.reserve(name).unwrap_err().message.contains("exists already"), "{name}");
        }
        assert_eq!(std::fs::read_to_string(folder.path("file")).unwrap(), "mine");
        assert!(!home.path().join("elsewhere").exists());
        assert_eq!(left_in(&folder).len(), 4);
    }

    #[test]
    fn a_file_that_comes_between_stays_as_it_is() {
        let (_home, folder) = home();
        let place = folder.reserve("mail").unwrap();
        std::fs::write(folder.path("mail"), "mine").unwrap();
        assert!(place.keep(&password()).unwrap_err().message.contains("exists already"));
        assert_eq!(std::fs::read_to_string(folder.path("mail")).unwrap(), "mine");
        assert_eq!(left_in(&folder), ["mail"]);
    }

    #[test]
    fn two_runs_do_not_make_the_same_file() {
        let (_home, folder) = home();
        let place = folder.reserve("mail").unwrap();
        assert_eq!(folder.reserve("mail").unwrap_err().reason, BUSY);
        assert!(folder.reserve("other").is_ok());
        drop(place);
        assert!(folder.reserve("mail").is_ok());
        assert_eq!(left_in(&folder), [""; 0]);
    }

    #[test]
    fn what_a_killed_run_left_is_taken_over() {
        let (_home, folder) = home();
        folder.make().unwrap();
        let left = folder.path(&unnamed("mail"));
        std::fs::write(&left, "x".repeat(1000)).unwrap();
        std::fs::set_permissions(&left, Permissions::from_mode(0o644)).unwrap();
        let path = folder.reserve("mail").unwrap().keep(&password()).unwrap();
        assert_eq!((mode(&path), folder.read("mail")), (0o600, Ok(password())));
        assert_eq!(left_in(&folder), ["mail"]);
    }
}
