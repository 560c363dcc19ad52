//! The copy of the configuration that an editor may do anything to.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::configuration::ConfigFile;
use crate::error::CommandError;
use crate::messages::configuration;

/// How the folders of copies begin. Each has a folder, for whatever else the editor leaves there.
const FOLDER: &str = ".edit-";

/// A copy, gone when it goes out of scope.
pub struct WorkingCopy {
    folder: PathBuf,
    path: PathBuf,
    is_kept: bool,
}

impl WorkingCopy {
    /// A copy beside the file, for root alone.
    pub fn of(file: &ConfigFile) -> Result<Self, CommandError> {
        let (folder, number) = (file.folder(), std::process::id());
        let fresh = (0..100).map(|count| folder.join(format!("{FOLDER}{number}-{count}"))).find(|path| !path.exists());
        let folder = fresh.unwrap_or_else(|| folder.join(FOLDER));
        let path = folder.join("config.toml");
        let failed = |error| unreadable(&path, &error);
        DirBuilder::new().mode(0o700).create(&folder).map_err(failed)?;
        let copy = Self { folder, path: path.clone(), is_kept: false };
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&copy.path);
        made.and_then(|mut new| new.write_all(file.text().as_bytes())).map_err(failed)?;
        Ok(copy)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says now.
    pub fn read(&self) -> Result<String, CommandError> {
        fs::read_to_string(&self.path).map_err(|error| unreadable(&self.path, &error))
    }

    /// Leaves it where it is, which is told.
    pub fn keep(mut self) -> PathBuf {
        self.is_kept = true;
        self.path.clone()
    }
}

impl Drop for WorkingCopy {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Copies that nobody works on: whoever asks holds the lock.
pub fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_copy = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(FOLDER));
    entries.map(|entry| entry.path()).filter(is_copy).collect()
}

fn unreadable(path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::here("file", configuration::no_working_copy(path.display(), error))
}
