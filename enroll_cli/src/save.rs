//! New files that only their owner can read. Nothing is ever overwritten.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::CommandError;
use crate::messages::general;

/// Makes sure that this file can be made, before anything happens that its contents depend on.
pub fn check(path: &Path) -> Result<(), CommandError> {
    create(path)?;
    std::fs::remove_file(path).map_err(|error| not_written(path, &error))
}

/// Makes this file and waits until it is on the disk.
pub fn write(path: &Path, contents: &str) -> Result<(), CommandError> {
    let mut file = create(path)?;
    let written = file.write_all(contents.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // Half a list of codes would look like all of it.
        let _ = std::fs::remove_file(path);
        not_written(path, &error)
    })
}

/// Takes away a file that this program made and that is of no use.
pub fn remove(path: &Path) {
    let _ = std::fs::remove_file(path);
}

fn create(path: &Path) -> Result<File, CommandError> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| not_written(path, &error))
}

fn not_written(path: &Path, error: &std::io::Error) -> CommandError {
    let path = path.display();
    CommandError::here(
        "file",
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => general::exists(&path),
            _ => general::unwritten(&path, error),
        },
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_file_is_private_and_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("codes.txt");
        check(&path).unwrap();
        assert!(!path.exists());
        write(&path, "codes\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "codes\n");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn no_file_and_no_link_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "mine").unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &link).unwrap();
        for path in [&file, &link] {
            assert!(check(path).unwrap_err().message.contains("exists already"));
            assert!(write(path, "codes").is_err());
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
        assert!(!folder.path().join("elsewhere").exists());
    }

    #[test]
    fn a_folder_that_is_not_there_is_said_at_once() {
        let error = check(Path::new("/nonexistent/codes.txt")).unwrap_err();
        assert!(error.message.starts_with("/nonexistent/codes.txt cannot be written"), "{error}");
    }
}
