//! Application passwords in files: `~/.local/share/twostep/NAME`, one each.
//!
//! A file appears whole or not at all, never in the place of another, and nobody but the user can
//! read it. What is above the folder may be links of the user's own; the folder and the files may
//! not.

use std::fs::{DirBuilder, File};
use std::io::{Error, ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;
use nix::unistd::geteuid;
use twostep_core::audit::printable;
use twostep_core::secret::Typed;

use crate::error::CommandError;
use crate::messages::app_password;

mod place;

pub use place::{BUSY, FILE, NewFile};

/// The folder's place below the home folder. What is missing is made, for the user alone.
const BELOW_HOME: [&str; 3] = [".local", "share", "twostep"];

/// More than any file with a password.
const LONGEST: u64 = 256;

/// The mode bits by which others could change what is in the folder.
const OTHERS_CHANGE: u32 = 0o022;

/// The mode bits by which others could reach what is in a file.
const OTHERS_REACH: u32 = 0o077;

/// The folder of one user.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    home: PathBuf,
}

/// Whether a file of the folder can be called so. A dot at the beginning is this program's own.
pub fn is_file_name(name: &str) -> bool {
    (1..=200).contains(&name.len()) && !name.starts_with('.') && !name.contains(['/', '\0'])
}

impl Folder {
    /// The folder below this home.
    pub fn below(home: Option<&Path>) -> Result<Self, CommandError> {
        let home = home.ok_or_else(|| CommandError::here(FILE, app_password::NO_HOME))?;
        Ok(Self { path: home.join(BELOW_HOME.join("/")), home: home.to_owned() })
    }

    /// Where the password of this name is, if it is stored.
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether anything has this name.
    pub fn holds(&self, name: &str) -> Result<bool, CommandError> {
        let path = self.path(name);
        match path.symlink_metadata() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }

    /// The password of this name.
    pub fn read(&self, name: &str) -> Result<Typed, CommandError> {
        let path = self.path(name);
        if !is_file_name(name) || !self.holds(name)? {
            return Err(CommandError::here(FILE, app_password::none_stored(&printable(&path.display().to_string()))));
        }
        let folder = self.open()?;
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        match openat(&folder, name, flags, Mode::empty()) {
            Ok(file) => password_in(&path, &File::from(file)),
            Err(Errno::ELOOP) => Err(unfit(&path, "is a symbolic link")),
            Err(errno) => Err(unreadable(&path, &errno.into())),
        }
    }

    /// Makes sure that a password of this name can be stored, and that there is room for it.
    pub fn reserve(&self, name: &str) -> Result<NewFile, CommandError> {
        let path = self.path(name);
        self.make().map_err(|error| place::not_written(&path, &error))?;
        let place = NewFile::begin(self.open()?, path, name)?;
        // Looked at under the lock: another run may have made it a moment ago.
        if self.holds(name)? {
            return Err(place.is_taken());
        }
        place.make_room()?;
        Ok(place)
    }

    fn make(&self) -> Result<(), Error> {
        let mut path = self.home.clone();
        for part in BELOW_HOME {
            path.push(part);
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn open(&self) -> Result<File, CommandError> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let folder = open(&self.path, flags, Mode::empty()).map(File::from).map_err(|errno| match errno {
            Errno::ENOTDIR | Errno::ELOOP => unfit(&self.path, "is a symbolic link, or no folder"),
            errno => unreadable(&self.path, &errno.into()),
        })?;
        let about = folder.metadata().map_err(|error| unreadable(&self.path, &error))?;
        match () {
            () if about.uid() != geteuid().as_raw() => Err(unfit(&self.path, "belongs to somebody else")),
            () if about.mode() & OTHERS_CHANGE != 0 => Err(unfit(&self.path, "can be changed by others")),
            () => Ok(folder),
        }
    }
}

fn password_in(path: &Path, file: &File) -> Result<Typed, CommandError> {
    let about = file.metadata().map_err(|error| unreadable(path, &error))?;
    if !about.is_file() {
        return Err(unfit(path, "is no ordinary file"));
    }
    if about.uid() != geteuid().as_raw() {
        return Err(unfit(path, "belongs to somebody else"));
    }
    if about.mode() & OTHERS_REACH != 0 {
        return Err(CommandError::here(FILE, app_password::for_others(path)));
    }
    let mut words = String::new();
    let read = file.take(LONGEST).read_to_string(&mut words);
    let words = Typed::new(words);
    read.map_err(|error| unreadable(path, &error))?;
    let password = words.expose().trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.contains(char::is_control) || words.expose().len() as u64 == LONGEST {
        return Err(unfit(path, "does not hold a password in one line"));
    }
    Ok(Typed::new(password.to_owned()))
}

fn unfit(path: &Path, what: &str) -> CommandError {
    CommandError::here(FILE, app_password::unfit(path, what))
}

fn unreadable(path: &Path, error: &Error) -> CommandError {
    CommandError::here(FILE, app_password::unreadable(path, error))
}

#[cfg(test)]
mod scripted {
    //! A home folder that a test may fill.

    use super::*;

    /// It goes when the first one is dropped.
    pub fn home() -> (tempfile::TempDir, Folder) {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::below(Some(home.path())).unwrap();
        (home, folder)
    }

    /// One to store.
    pub fn password() -> Typed {
        Typed::new("ABCD-EFGH-JKMN-PQRS-TVWX-YZ01".into())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::scripted::{home, password};
    use super::*;

    #[test]
    fn a_folder_that_others_could_change_is_not_used() {
        let (home, folder) = home();
        folder.make().unwrap();
        for (mode, fits) in [(0o755, true), (0o775, false), (0o757, false), (0o700, true)] {
            std::fs::set_permissions(&folder.path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(folder.reserve("mail").is_ok(), fits, "{mode:o}");
        }
        std::fs::rename(&folder.path, home.path().join("moved")).unwrap();
        symlink(home.path().join("moved"), &folder.path).unwrap();
        assert!(folder.reserve("mail").unwrap_err().message.contains("symbolic link"));
        std::fs::remove_file(&folder.path).unwrap();
        std::fs::write(&folder.path, "").unwrap();
        assert_eq!(folder.reserve("mail").unwrap_err().reason, FILE);
    }

    #[test]
    fn above_the_folder_links_of_the_users_own_are_followed() {
        let (home, folder) = home();
        std::fs::create_dir_all(home.path().join("disk/share")).unwrap();
        symlink("disk", home.path().join(".local")).unwrap();
        folder.reserve("mail").unwrap().keep(&password()).unwrap();
        assert!(home.path().join("disk/share/twostep/mail").is_file());
    }

    #[test]
    fn a_home_that_is_not_there_is_not_made() {
        let (home, _) = home();
        let folder = Folder::below(Some(&home.path().join("gone"))).unwrap();
        assert!(folder.reserve("mail").unwrap_err().message.contains("cannot be written"));
        assert!(!home.path().join("gone").exists());
        assert!(Folder::below(None).is_err());
    }

    #[test]
    fn only_a_private_file_with_one_line_is_read() {
        let (home, folder) = home();
        folder.make().unwrap();
        let elsewhere = home.path().join("elsewhere");
        std::fs::write(&elsewhere, "ABCD\n").unwrap();
        std::fs::set_permissions(&elsewhere, Permissions::from_mode(0o600)).unwrap();
        symlink(&elsewhere, folder.path("link")).unwrap();
        std::fs::copy(&elsewhere, folder.path("../above")).unwrap();
        nix::unistd::mkfifo(&folder.path("fifo"), Mode::S_IRWXU).unwrap();
        std::fs::create_dir(folder.path("folder")).unwrap();
        for (name, said) in [
            ("link", "symbolic link"),
            ("fifo", "ordinary"),
            ("folder", "ordinary"),
            ("none", "not there"),
            ("../above", "not there"),
        ] {
            assert!(folder.read(name).unwrap_err().message.contains(said), "{name}");
        }
        let long = "x".repeat(300);
        for (contents, mode, is_read) in [
            ("ABCD\n", 0o600, true),
            ("ABCD", 0o400, true),
            ("ABCD\r\n", 0o600, true),
            ("ABCD\n", 0o640, false),
            ("ABCD\n", 0o604, false),
            ("", 0o600, false),
            ("\n", 0o600, false),
            ("AB\nCD\n", 0o600, false),
            ("AB\x1bCD\n", 0o600, false),
            (&long, 0o600, false),
        ] {
            let path = folder.path("mail");
            std::fs::write(&path, contents).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let read = folder.read("mail");
            assert_eq!(read.is_ok(), is_read, "{contents:?} {mode:o}: {read:?}");
            assert!(read.is_err() || read == Ok(Typed::new("ABCD".into())));
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn not_every_label_can_be_the_name_of_a_file() {
        for good in ["mail", "laptop mail", "été", "a.b"] {
            assert!(is_file_name(good), "{good}");
        }
        for bad in ["", ".", "..", ".mail", "a/b", "/etc/passwd", "a\0b", &"x".repeat(201)] {
            assert!(!is_file_name(bad), "{bad}");
        }
    }
}
