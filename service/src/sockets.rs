//! The sockets: from systemd, or made here where there is none.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::stat::{Mode, umask};
use nix::unistd::geteuid;

use crate::caller::Endpoint;

/// Held by the instance that made the sockets.
const LOCK: &str = "twostepd.lock";

/// The sockets that are served.
pub struct Sockets {
    /// They, and what they are for.
    pub listeners: Vec<(Endpoint, UnixListener)>,
    /// Those that were made here, and must go at the end, if they are still there: a later instance makes
    /// others where the directory was removed. With device and inode.
    made: Vec<(PathBuf, (u64, u64))>,
    /// Released when the process ends.
    _lock: Option<Flock<File>>,
}

impl Sockets {
    /// Those that systemd passed, with their names (`LISTEN_FDNAMES`).
    ///
    /// # Errors
    /// There are none, or not the right ones; says so, and what to do.
    pub fn from_systemd(names: &str) -> Result<Self, String> {
        let mut passed = ListenFd::from_env();
        let mut listeners: Vec<(Endpoint, UnixListener)> = Vec::new();
        for (index, name) in names.split(':').enumerate().take(passed.len()) {
            let door = Endpoint::ALL.into_iter().find(|door| door.name() == name);
            let door = door.filter(|door| listeners.iter().all(|(other, _)| other != door));
            let listener = passed.take_unix_listener(index).map_err(|error| error.to_string())?;
            let (Some(door), Some(listener)) = (door, listener) else {
                return Err(format!(
                    "systemd passed a socket named {name:?}; give each unit one of FileDescriptorName=login, admin, user"
                ));
            };
            // Workers wait in accept(2).
            listener.set_nonblocking(false).map_err(|error| error.to_string())?;
            listeners.push((door, listener));
        }
        if listeners.is_empty() {
            return Err("systemd passed no sockets; start twostepd.socket, or run twostepd --listen".to_owned());
        }
        Ok(Self { listeners, made: Vec::new(), _lock: None })
    }

    /// Makes them in this directory.
    ///
    /// # Errors
    /// Another instance has, or the directory is not root's alone; says so, and what to do.
    pub fn make(folder: &Path) -> Result<Self, String> {
        umask(Mode::from_bits_truncate(0o077));
        let failed = |error: io::Error| format!("cannot make sockets in {}: {error}", folder.display());
        make_folder(folder).map_err(failed)?;
        let found = fs::symlink_metadata(folder).map_err(failed)?;
        if !found.is_dir() || found.uid() != geteuid().as_raw() || found.mode() & 0o022 != 0 {
            return Err(format!("{} is not a directory that root alone can write to; remove it", folder.display()));
        }
        let lock = take_lock(&folder.join(LOCK))?;
        let mut sockets = Self { listeners: Vec::new(), made: Vec::new(), _lock: Some(lock) };
        for door in Endpoint::ALL {
            let path = folder.join(format!("{}.sock", door.name()));
            sockets.listeners.push((door, bind(door, &path).map_err(failed)?));
            let identity = identity(&path).map_err(failed)?;
            sockets.made.push((path, identity));
        }
        Ok(sockets)
    }

    /// Gives the listeners away.
    pub fn take(&mut self) -> Vec<(Endpoint, UnixListener)> {
        std::mem::take(&mut self.listeners)
    }

    /// Removes those that were made here, so that nobody waits at them.
    pub fn remove(&mut self) {
        for (path, made) in self.made.drain(..) {
            if identity(&path).is_ok_and(|found| found == made) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Device and inode.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        // The umask took the rights of the others.
        Ok(()) => fs::set_permissions(folder, Permissions::from_mode(0o755)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn take_lock(path: &Path) -> Result<Flock<File>, String> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| "twostepd is running already".to_owned())
}

/// A socket that takes its place when its rights are right. One that is left of an earlier instance goes.
fn bind(door: Endpoint, path: &Path) -> io::Result<UnixListener> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&new)?;
    let mode = if door == Endpoint::User { 0o666 } else { 0o600 };
    fs::set_permissions(&new, Permissions::from_mode(mode))?;
    fs::rename(&new, path)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn sockets_are_made_with_their_rights_and_go_at_the_end() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("twostep");
        let mut sockets = Sockets::make(&folder).unwrap();
        let modes = ["login.sock", "admin.sock", "user.sock", LOCK].map(|name| mode(&folder.join(name)));
        assert_eq!((mode(&folder), modes), (0o755, [0o600, 0o600, 0o666, 0o600]));
        UnixStream::connect(folder.join("user.sock")).unwrap();
        sockets.remove();
        let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [LOCK]);
    }

    #[test]
    fn a_second_instance_is_told_and_one_after_a_crash_takes_over() {
        let folder = tempfile::tempdir().unwrap();
        let first = Sockets::make(folder.path()).unwrap();
        assert_eq!(Sockets::make(folder.path()).err().unwrap(), "twostepd is running already");
        UnixStream::connect(folder.path().join("login.sock")).unwrap();
        // It leaves its sockets behind.
        drop(first);
        assert!(UnixStream::connect(folder.path().join("login.sock")).is_err());
        let _second = Sockets::make(folder.path()).unwrap();
        UnixStream::connect(folder.path().join("login.sock")).unwrap();
    }

    #[test]
    fn the_sockets_of_a_later_instance_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("twostep");
        let mut first = Sockets::make(&path).unwrap();
        fs::remove_dir_all(&path).unwrap();
        let _second = Sockets::make(&path).unwrap();
        first.remove();
        UnixStream::connect(path.join("login.sock")).unwrap();
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(Sockets::make(folder.path()).err().unwrap().contains("root alone"));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert!(Sockets::make(&link).err().unwrap().contains("root alone"));
    }
}
