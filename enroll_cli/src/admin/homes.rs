//! Files in the homes of users: each is read by a process that has become that user, so that no link
//! or trick of a user leads root anywhere.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use host_check::host::Host;
use nix::libc::{O_CLOEXEC, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK};
use nix::unistd::{Gid, User, initgroups, setgid, setuid};
use transfer::google::{self, LONGEST};
use transfer::{Entry, Mistake, Read};
use twostep_core::time::Timestamp;

use crate::error::CommandError;
use crate::messages;

/// A home on a server that does not answer holds nobody up for longer.
const LOOKS: usize = 10_000;
const PACE: Duration = Duration::from_millis(1);

/// Exit status of the reading process where there is no file.
const NO_FILE: u8 = 10;
/// Where the file is not one to trust.
const UNSAFE: u8 = 11;
/// Where it could not become the user.
const NOT_THE_USER: u8 = 12;

/// The files of all users who have one.
pub fn google_authenticator(template: &str, now: Timestamp) -> Result<Vec<Read>, CommandError> {
    if !template.starts_with('/') && !template.starts_with("${HOME}") {
        return Err(CommandError::usage(messages::transfer::PATH_BEGINS));
    }
    if !template.contains("${USER}") && !template.contains("${HOME}") {
        return Err(CommandError::usage(messages::transfer::PATH_OF_ALL));
    }
    let mut all = Vec::new();
    for user in Host::everyone()? {
        let home = user.dir.display().to_string();
        let path = template.replace("${HOME}", &home).replace("${USER}", &user.name);
        match read_for(&user, Path::new(&path)) {
            Ok(None) => {}
            Ok(Some(bytes)) => {
                let entry = google::read(&bytes, &path, now);
                let mine = |entry: Entry| Entry { user: Some(user.name.clone()), ..entry };
                all.push(entry.map(mine).map_err(|mistake| Mistake { user: Some(user.name.clone()), ..mistake }));
            }
            Err(why) => all.push(Err(Mistake { at: path, user: Some(user.name.clone()), why })),
        }
    }
    Ok(all)
}

/// One file for one user.
pub fn file_of(user: &str, path: &Path) -> Result<Vec<u8>, String> {
    let user = User::from_name(user).ok().flatten().ok_or(messages::transfer::NO_USER)?;
    read_for(&user, path)?.ok_or_else(|| messages::transfer::NO_FILE.to_owned())
}

/// A file in the home of a user is read as that user. Elsewhere only root's or the user's own counts.
fn read_for(user: &User, path: &Path) -> Result<Option<Vec<u8>>, String> {
    if !user.uid.is_root() && path.starts_with(&user.dir) {
        return read_as(user, path);
    }
    match opened(path, user.uid.as_raw()) {
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(messages::transfer::UNSAFE_FILE.to_owned()),
    }
}

/// Has a process become the user and read the file.
fn read_as(user: &User, path: &Path) -> Result<Option<Vec<u8>>, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let child = Command::new(program)
        .args(["admin", "read-home", &user.name])
        .arg(path)
        .current_dir("/")
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.map_err(|error| error.to_string())?;
    let pipe = child.stdout.take();
    let status = waited(&mut child)?;
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(LONGEST as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    }
    match status {
        Some(0) => Ok(Some(bytes)),
        Some(code) if code == i32::from(NO_FILE) => Ok(None),
        Some(code) if code == i32::from(UNSAFE) => Err(messages::transfer::UNSAFE_FILE.to_owned()),
        Some(_) => Err(messages::transfer::NOT_AS_USER.to_owned()),
        None => Err(messages::transfer::HOME_SILENT.to_owned()),
    }
}

/// A file of this length fits into the pipe, so the process ends before it is read.
fn waited(child: &mut Child) -> Result<Option<i32>, String> {
    for _ in 0..LOOKS {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(Some(status.code().unwrap_or(-1)));
        }
        sleep(PACE);
    }
    // One that hangs in the kernel dies when the server answers.
    let _ = child.kill();
    Ok(None)
}

/// What the process does: it becomes the user for good, and writes the file to standard output.
pub fn read_here(name: &str, path: &str) -> u8 {
    let Ok(Some(user)) = User::from_name(name) else { return NOT_THE_USER };
    let Ok(c_name) = std::ffi::CString::new(name) else { return NOT_THE_USER };
    let became = initgroups(&c_name, user.gid).and_then(|()| setgid(user.gid)).and_then(|()| setuid(user.uid));
    // Whoever can become root again is still root.
    if became.is_err()
        || user.uid.is_root()
        || setuid(nix::unistd::Uid::from_raw(0)).is_ok()
        || setgid(Gid::from_raw(0)).is_ok() && user.gid.as_raw() != 0
    {
        return NOT_THE_USER;
    }
    match opened(Path::new(path), user.uid.as_raw()) {
        Ok(Some(bytes)) => u8::from(std::io::stdout().write_all(&bytes).is_err()),
        Ok(None) => NO_FILE,
        Err(()) => UNSAFE,
    }
}

/// The bytes of a file of this owner or of root that nobody else may write. No link is followed in its
/// last part, and nothing is waited for.
fn opened(path: &Path, owner: u32) -> Result<Option<Vec<u8>>, ()> {
    let flags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    let file = match File::options().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        // Where the home itself cannot be entered, nobody knows of a file in it.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied && path.symlink_metadata().is_err() => {
            return Ok(None);
        }
        Err(_) => return Err(()),
    };
    let metadata = file.metadata().map_err(|_| ())?;
    let is_theirs = metadata.uid() == owner || metadata.uid() == 0;
    if !metadata.is_file() || !is_theirs || metadata.mode() & 0o022 != 0 || metadata.len() > LONGEST as u64 {
        return Err(());
    }
    let mut bytes = Vec::new();
    file.take(LONGEST as u64 + 1).read_to_end(&mut bytes).map_err(|_| ())?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn only_a_plain_file_of_the_user_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let own = nix::unistd::geteuid().as_raw();
        let path = folder.path().join("f");
        assert_eq!(opened(&path, own), Ok(None));
        std::fs::write(&path, "x").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
        assert_eq!(opened(&path, own), Ok(Some(b"x".to_vec())));
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert_eq!(opened(&link, own), Err(()));
        assert_eq!(opened(folder.path(), own), Err(()));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o620)).unwrap();
        assert_eq!(opened(&path, own), Err(()));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, vec![b'x'; LONGEST + 1]).unwrap();
        assert_eq!(opened(&path, own), Err(()));
    }
}
