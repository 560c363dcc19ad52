//! The store, the service, the module and the configuration: whether each is what it has to be.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use protocol::client::PROGRAM;
use twostep_core::store::files::{PROVIDED_KEY, RUN, SEALED_KEY, STATE};

use crate::finding::Finding;
use crate::messages;

mod disk;
mod mode;
mod service;

use mode::{MODE, described};

/// A file or directory of root's, and its mode.
struct ExpectedPath<'a> {
    path: &'a Path,
    is_directory: bool,
    mode: u32,
}

/// Everything about them, and about the key in this file.
pub fn check(key: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let state = Path::new(STATE);
    for path in [state.to_owned(), state.join("accounts"), state.join("uids")] {
        findings.extend(ExpectedPath { path: &path, is_directory: true, mode: 0o700 }.check());
    }
    let (run, provided) = (Path::new(RUN), Path::new(PROVIDED_KEY).parent());
    for (path, mode) in [(run.to_owned(), 0o755), (run.join("ledgers"), 0o700)]
        .into_iter()
        .chain(provided.map(|path| (path.to_owned(), 0o700)))
    {
        // What a boot, the first login or a protected key makes.
        if path.exists() {
            findings.extend(ExpectedPath { path: &path, is_directory: true, mode }.check());
        }
    }
    findings.extend(service::program(Path::new(PROGRAM)));
    findings.extend(service::sockets());
    findings.extend(of_key(key));
    findings.extend(disk::of_store(Path::new(STATE)));
    findings.extend(labels());
    findings.extend(profiles());
    findings
}

impl ExpectedPath<'_> {
    fn check(&self) -> Option<Finding> {
        let path = self.path.display();
        let found = match fs::symlink_metadata(self.path) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => return Some(self.missing()),
            Err(error) => {
                let what = messages::check_installation::unreadable(&path, &error);
                return Some(Finding::error("store-unreadable", path, what, messages::check_installation::REPAIR_DISK));
            }
        };
        let is_kind = if self.is_directory { found.is_dir() } else { found.is_file() };
        if is_kind && found.uid() == 0 && found.gid() == 0 && found.mode() & MODE == self.mode {
            return None;
        }
        let what =
            messages::check_installation::wrong_mode(&path, &described(&found), &self.should_be(), self.is_directory);
        // The first is short, and sees to what is installed; what is in /run is made once after boot.
        let remedy = if is_kind && !self.path.starts_with("/run") {
            messages::check_installation::righted_by_setup()
        } else if is_kind {
            format!("sudo chown root:root {path} && sudo chmod {:04o} {path}", self.mode)
        } else {
            messages::check_installation::made_anew_by_setup()
        };
        Some(Finding::error("wrong-mode", self.path.display(), what, remedy))
    }

    fn should_be(&self) -> String {
        format!("root:root {:04o}", self.mode)
    }

    fn missing(&self) -> Finding {
        let path = self.path.display();
        let what = messages::check_installation::store_missing(&path);
        Finding::error("store-missing", path, what, messages::check_installation::mounted_or_made())
    }
}

/// 32 bytes: those of the file, or what the boot brought in its place.
fn of_key(key: &Path) -> Vec<Finding> {
    let mut sealed = key.as_os_str().to_owned();
    sealed.push(SEALED_KEY);
    if !Path::new(&sealed).exists() {
        return of_open_key(key);
    }
    let given = Path::new(PROVIDED_KEY);
    if given.exists() {
        return of_open_key(given);
    }
    vec![Finding::error(
        "key-not-given",
        given.display(),
        messages::check_installation::KEY_NOT_GIVEN,
        messages::check_installation::SEE_WHY_KEY,
    )]
}

fn of_open_key(key: &Path) -> Vec<Finding> {
    let path = key.display();
    let Ok(found) = fs::symlink_metadata(key) else {
        let accounts = fs::read_dir(Path::new(STATE).join("accounts")).is_ok_and(|mut all| all.next().is_some());
        let remedy = if accounts {
            messages::check_installation::KEY_FROM_BACKUP.to_owned()
        } else {
            messages::check_installation::key_made_by_setup()
        };
        let what = messages::check_installation::key_missing(&path);
        return vec![Finding::error("key-missing", path, what, remedy)];
    };
    let mut findings = Vec::new();
    if matches!(found.len(), 64 | 96 | 128) {
        findings.push(Finding::warning(
            "reseal-unfinished",
            &path,
            messages::check_installation::reseal_unfinished(&path),
            messages::check_installation::FINISH_RESEAL,
        ));
    } else if found.len() != 32 {
        let what = messages::check_installation::key_size(&path, found.len());
        return vec![Finding::error("key-size", path, what, messages::check_installation::BRING_BACK)];
    }
    findings.extend(ExpectedPath { path: key, is_directory: false, mode: 0o600 }.check());
    findings
}

/// What SELinux's own tool says of the labels of what is ours, where SELinux rules.
fn labels() -> Option<Finding> {
    let rules = fs::read_to_string("/sys/fs/selinux/enforce").ok()?;
    let told = Command::new("restorecon").args(["-n", "-v", "-R", "/etc/twostep", STATE, RUN]).output().ok()?;
    let wrong = String::from_utf8_lossy(&told.stdout).lines().count();
    if wrong == 0 {
        return None;
    }
    let what = messages::check_installation::labels(wrong);
    let remedy = format!("sudo restorecon -R /etc/twostep {STATE} {RUN}");
    Some(if rules.trim() == "1" {
        Finding::error("selinux-label", "SELinux", what, remedy)
    } else {
        Finding::warning("selinux-label", "SELinux", what, remedy)
    })
}

/// A profile of AppArmor that confines a program which asks for codes: it has to let it reach the store.
fn profiles() -> Option<Finding> {
    let loaded = fs::read_to_string("/sys/kernel/security/apparmor/profiles").ok()?;
    let names = confined(&loaded);
    (!names.is_empty()).then(|| {
        Finding::notice(
            "apparmor-profile",
            "AppArmor",
            messages::check_installation::confined(&names.join(", ")),
            messages::check_installation::INCLUDE_ABSTRACTION,
        )
    })
}

/// The programs that log people in, among the profiles that are enforced.
fn confined(loaded: &str) -> Vec<&str> {
    let enforced = loaded.lines().filter_map(|line| line.strip_suffix(" (enforce)"));
    let logs_in = |name: &&str| {
        let program = name.rsplit('/').next().unwrap_or(name);
        ["sshd", "login", "su", "sudo", "dovecot", "auth", "vsftpd", "lightdm", "gdm"].contains(&program)
    };
    enforced.filter(logs_in).collect()
}

/// The module itself: what everybody may write, everybody may be; and the programs of users load it.
pub fn of_module(module: Option<PathBuf>) -> Option<Finding> {
    let path = module?;
    let found = fs::metadata(&path).ok()?;
    let remedy = format!("sudo chown root:root {0} && sudo chmod 0644 {0}", path.display());
    let is = format!("{} is {}", path.display(), described(&found));
    if found.uid() != 0 || found.mode() & 0o022 != 0 {
        let what = messages::check_installation::module_writable(&is);
        return Some(Finding::error("module-writable", path.display(), what, remedy));
    }
    (found.mode() & 0o444 != 0o444).then(|| {
        let what = messages::check_installation::module_unreadable(&is);
        Finding::warning("module-unreadable", path.display(), what, remedy)
    })
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_not_as_it_has_to_be_is_told_with_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let place = |path| ExpectedPath { path, is_directory: true, mode: 0o711 };
        let gone = folder.path().join("gone");
        let missing = place(&gone).check().unwrap();
        assert!(missing.id == "store-missing" && missing.remedy.contains("mount"));
        let wrong = place(folder.path()).check().unwrap();
        assert!(wrong.id == "wrong-mode" && wrong.what.contains(" and has to be root:root 0711"), "{}", wrong.what);
        assert_eq!(wrong.remedy, messages::check_installation::righted_by_setup());
    }

    #[test]
    fn a_key_of_another_length_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("seal.key");
        std::fs::write(&key, [0; 31]).unwrap();
        assert_eq!(of_key(&key)[0].id, "key-size");
        std::fs::write(&key, [0; 64]).unwrap();
        assert_eq!(of_key(&key)[0].id, "reseal-unfinished");
        let sealed = folder.path().join("seal.key.cred");
        std::fs::write(&sealed, "x").unwrap();
        assert_eq!(of_key(&key)[0].id, "key-not-given");
        std::fs::remove_file(&sealed).unwrap();
        std::fs::remove_file(&key).unwrap();
        assert_eq!(of_key(&key)[0].id, "key-missing");
    }

    #[test]
    fn profiles_that_confine_a_login_are_told_of() {
        let loaded = "/usr/sbin/sshd (enforce)\n/usr/sbin/ntpd (enforce)\ndovecot (complain)\nsu (enforce)\n";
        assert_eq!(confined(loaded), ["/usr/sbin/sshd", "su"]);
    }

    #[test]
    fn a_module_that_others_can_write_or_nobody_reads_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let module = folder.path().join("pam_twostep.so");
        std::fs::write(&module, "").unwrap();
        let with = |mode| {
            std::fs::set_permissions(&module, Permissions::from_mode(mode)).unwrap();
            of_module(Some(module.clone())).map(|finding| finding.id)
        };
        if nix::unistd::geteuid().is_root() {
            assert_eq!((with(0o644), with(0o755), with(0o600)), (None, None, Some("module-unreadable")));
        }
        assert_eq!(with(0o666), Some("module-writable"));
    }
}
