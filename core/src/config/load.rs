//! Reading the configuration file, and keeping a copy of the last one that was good.

use std::fs::{File, Metadata};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::unistd::geteuid;

use super::{Config, ConfigError};
use crate::secret::Secret;
use crate::store::files::STATE;
use crate::username::escaped;

/// Most bytes of a configuration.
const LONGEST: u64 = 1024 * 1024;
/// Group and others may write.
const OTHERS_WRITE: u32 = 0o022;

/// A configuration to go by, and what is wrong with the file if it is not the file's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// What counts.
    pub config: Config,
    /// File, line and remedy, for the log and for administrators.
    pub trouble: Option<String>,
}

/// Loads the configuration. It always gives one to go by: the file's, else the last good copy, else
/// the strictest.
#[must_use]
pub fn load(path: &Path) -> Loaded {
    load_with_copy(path, &copy_of(path))
}

fn load_with_copy(path: &Path, copy: &Path) -> Loaded {
    let error = match read(path).and_then(|(text, changed)| Config::parse(&text).map(|config| (text, changed, config)))
    {
        Ok((text, changed, config)) => {
            if geteuid().is_root() {
                keep_copy(copy, &text, changed);
            }
            return Loaded { config, trouble: None };
        }
        Err(error) => error,
    };
    let shown = path.display();
    match read(copy).and_then(|(text, _)| Config::parse(&text)) {
        Ok(config) => {
            let trouble = format!(
                "{shown} is invalid and was ignored ({error}); the last good configuration is used until it is corrected"
            );
            Loaded { config, trouble: Some(trouble) }
        }
        Err(_) => {
            let trouble = format!(
                "{shown} is invalid and was ignored ({error}), and there is no good copy; everyone must pass a code until it is corrected"
            );
            Loaded { config: Config::strictest(), trouble: Some(trouble) }
        }
    }
}

/// Where the last good copy of a configuration is.
fn copy_of(path: &Path) -> PathBuf {
    let suffix = match path.to_str() {
        Some(super::PATH) => String::new(),
        _ => format!("-{}", escaped(path.as_os_str().as_encoded_bytes())),
    };
    Path::new(STATE).join(format!("config.last-good{suffix}"))
}

/// The text of a file that root alone may write, and when it was changed.
fn read(path: &Path) -> Result<(String, SystemTime), ConfigError> {
    let refused = |message: String| ConfigError { at: None, message };
    let flags = nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY | nix::libc::O_CLOEXEC;
    let opened = File::options().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| refused(format!("it cannot be read: {}", reason(&error))))?;
    let metadata = file.metadata().map_err(|error| refused(format!("it cannot be read: {}", reason(&error))))?;
    let trusted = metadata.uid() == 0 || (cfg!(test) && metadata.uid() == geteuid().as_raw());
    if !metadata.is_file() || metadata.len() > LONGEST {
        return Err(refused("it is not a regular file of sensible size".to_owned()));
    }
    if !trusted || metadata.mode() & OTHERS_WRITE != 0 {
        return Err(refused("it is not root's alone to write; chown root and chmod 0644".to_owned()));
    }
    let changed = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let mut bytes = vec![0; usize::try_from(metadata.len()).unwrap_or_default()];
    file.read_exact_at(&mut bytes, 0).map_err(|error| refused(format!("it cannot be read: {}", reason(&error))))?;
    let text = String::from_utf8(bytes).map_err(|_| refused("it cannot be read: it is not UTF-8".to_owned()))?;
    Ok((text, changed))
}

/// Keeps a copy of a good configuration, if it is not the one that is kept already: a copy has the
/// time of change of its original. That this may fail (a full or read-only disk) is no reason to
/// refuse a login.
fn keep_copy(copy: &Path, text: &str, changed: SystemTime) {
    let is_kept = |kept: Metadata| {
        kept.len() == text.len() as u64
            && kept.modified().is_ok_and(|kept| kept == changed)
            && kept.mode() & OTHERS_WRITE == 0
    };
    if copy.symlink_metadata().is_ok_and(is_kept) {
        return;
    }
    let Ok(random) = Secret::random(8) else { return };
    let temporary = copy.with_file_name(format!(".config-{}", crate::hex::encode(random.expose())));
    let written = File::options()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())
                .and_then(|()| set_mode(&file))
                .and_then(|()| file.set_modified(changed))
                .and_then(|()| file.sync_all())
        })
        .and_then(|()| std::fs::rename(&temporary, copy));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
}

/// Whatever the umask of the process is.
fn set_mode(file: &File) -> std::io::Result<()> {
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
}

fn reason(error: &std::io::Error) -> String {
    error
        .raw_os_error()
        .map_or_else(|| "it became shorter".to_owned(), |code| nix::errno::Errno::from_raw(code).desc().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (path, copy) = (folder.path().join("config.toml"), folder.path().join("last-good"));
        std::fs::write(&path, text).unwrap();
        set_mode(&File::open(&path).unwrap()).unwrap();
        (folder, path, copy)
    }

    #[test]
    fn a_good_file_counts_and_is_copied() {
        let (_folder, path, copy) = written("version = 1\n[totp]\ndigits = 8\n");
        let loaded = load_with_copy(&path, &copy);
        assert_eq!((loaded.config.totp.digits, loaded.trouble), (8, None));
        if geteuid().is_root() {
            assert_eq!(std::fs::read_to_string(&copy).unwrap(), std::fs::read_to_string(&path).unwrap());
        }
    }

    #[test]
    fn a_broken_file_leaves_the_last_good_one() {
        let (_folder, path, copy) = written("version = 1\n[totp]\ndigits = x\n");
        std::fs::write(&copy, "version = 1\n[totp]\ndigits = 7\n").unwrap();
        set_mode(&File::open(&copy).unwrap()).unwrap();
        let loaded = load_with_copy(&path, &copy);
        assert_eq!(loaded.config.totp.digits, 7);
        let trouble = loaded.trouble.unwrap();
        assert!(
            trouble.contains("config.toml") && trouble.contains("line 3") && trouble.contains("last good"),
            "{trouble}"
        );
    }

    #[test]
    fn without_any_everyone_must_pass() {
        let (_folder, path, copy) = written("nonsense");
        assert_eq!(load_with_copy(&path, &copy).config, Config::strictest());
        std::fs::remove_file(&path).unwrap();
        let loaded = load_with_copy(&path, &copy);
        assert!(loaded.config.policy.required && loaded.trouble.unwrap().contains("No such file"));
    }

    #[test]
    fn a_file_that_others_may_write_does_not_count() {
        let (_folder, path, copy) = written("version = 1\n");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        assert!(load_with_copy(&path, &copy).trouble.unwrap().contains("chmod 0644"));
    }

    #[test]
    fn each_file_has_its_own_copy() {
        assert_eq!(copy_of(Path::new(super::super::PATH)), Path::new("/var/lib/twostep/config.last-good"));
        assert_eq!(copy_of(Path::new("/a/b.toml")), Path::new("/var/lib/twostep/config.last-good-%2Fa%2Fb%2Etoml"));
    }
}
