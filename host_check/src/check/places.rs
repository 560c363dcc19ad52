//! The store, the helper, the module and the configuration: whether each is what it has to be.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{Gid, Group};
use twostep_core::store::files::{PROVIDED_KEY, RUN, SEALED_KEY, STATE};

use crate::finding::Finding;
use crate::host::members_of;
use crate::words;

mod disk;

/// Where the helper is installed. Chosen when this program is built, never when it runs.
pub const HELPER: &str = match option_env!("TWOSTEP_HELPER") {
    Some(path) => path,
    None => "/usr/libexec/twostep/twostep-helper",
};

/// The group of the helper.
const GROUP: &str = "twostep";

/// The bits of a mode that count, and those of its kind.
const MODE: u32 = 0o7777;

/// What a file or directory has to be.
struct Place<'a> {
    path: &'a Path,
    is_directory: bool,
    /// Its group is that of the helper, else root's.
    is_helpers: bool,
    mode: u32,
}

/// Everything about them.
pub fn check(helper: &Path, key: &Path) -> Vec<Finding> {
    let Ok(Some(group)) = Group::from_name(GROUP) else {
        return vec![Finding::error(
            "no-group",
            GROUP,
            words::check_places::NO_GROUP,
            words::check_places::made_by_setup(),
        )];
    };
    let mut findings = members(&members_of(&group)).into_iter().collect::<Vec<_>>();
    let state = Path::new(STATE);
    for (path, mode) in [(state.to_owned(), 0o750), (state.join("accounts"), 0o1730), (state.join("uids"), 0o1730)] {
        findings.extend(Place { path: &path, is_directory: true, is_helpers: true, mode }.check(group.gid));
    }
    let run = Path::new(RUN);
    for (path, mode) in [(run.to_owned(), 0o750), (run.join("ledgers"), 0o1730)] {
        // The first login after a boot makes it.
        if path.exists() {
            findings.extend(Place { path: &path, is_directory: true, is_helpers: true, mode }.check(group.gid));
        }
    }
    findings.extend(of_helper(helper, group.gid));
    findings.extend(of_key(key, group.gid));
    findings.extend(of_config(Path::new(twostep_core::config::PATH), group.gid));
    findings.extend(disk::of_store(Path::new(STATE)));
    findings.extend(labels());
    findings.extend(profiles());
    findings
}

impl Place<'_> {
    fn check(&self, helpers: Gid) -> Option<Finding> {
        let path = self.path.display();
        let found = match fs::symlink_metadata(self.path) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => return Some(self.missing()),
            Err(error) => {
                let what = words::check_places::unreadable(&path, &error);
                return Some(Finding::error("store-unreadable", path, what, words::check_places::REPAIR_DISK));
            }
        };
        let group = if self.is_helpers { helpers.as_raw() } else { 0 };
        let is_kind = if self.is_directory { found.is_dir() } else { found.is_file() };
        if is_kind && found.uid() == 0 && found.gid() == group && found.mode() & MODE == self.mode {
            return None;
        }
        let what = words::check_places::wrong_mode(&path, &described(&found), &self.should_be(), self.is_directory);
        // The first is short, and sees to what is installed; what lies in /run is made once after boot.
        let remedy = if is_kind && !self.path.starts_with(RUN) {
            words::check_places::righted_by_setup()
        } else if is_kind {
            let owner = self.owner();
            format!("sudo chown root:{owner} {path} && sudo chmod {:04o} {path}", self.mode)
        } else {
            words::check_places::made_anew_by_setup()
        };
        Some(Finding::error("wrong-mode", self.path.display(), what, remedy))
    }

    fn owner(&self) -> &'static str {
        if self.is_helpers { GROUP } else { "root" }
    }

    fn should_be(&self) -> String {
        format!("root:{} {:04o}", self.owner(), self.mode)
    }

    fn missing(&self) -> Finding {
        let path = self.path.display();
        let what = words::check_places::store_missing(&path);
        Finding::error("store-missing", path, what, words::check_places::mounted_or_made())
    }
}

fn described(found: &Metadata) -> String {
    let kind = match found.file_type() {
        kind if kind.is_symlink() => "a link, ",
        kind if kind.is_dir() => "",
        kind if kind.is_file() => "",
        _ => "no file, ",
    };
    let group = Group::from_gid(Gid::from_raw(found.gid()))
        .ok()
        .flatten()
        .map_or_else(|| found.gid().to_string(), |group| group.name);
    let owner = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(found.uid())).ok().flatten();
    let owner = owner.map_or_else(|| found.uid().to_string(), |user| user.name);
    format!("{kind}{owner}:{group} {:04o}", found.mode() & MODE)
}

/// Whoever is in the group could read the sealing key.
fn members(names: &BTreeSet<String>) -> Option<Finding> {
    let (first, all) = (names.first()?, names.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
    Some(Finding::error(
        "group-has-members",
        GROUP,
        words::check_places::group_has_members(&all),
        format!(
            "sudo gpasswd --delete {first} twostep; whose own group it is needs another: sudo usermod --gid GROUP {first}"
        ),
    ))
}

fn of_helper(helper: &Path, group: Gid) -> Vec<Finding> {
    let path = helper.display();
    let Ok(found) = fs::metadata(helper) else {
        let what = words::check_places::helper_missing(&path);
        return vec![Finding::error("helper-missing", path, what, words::check_places::INSTALL_AGAIN)];
    };
    let mut findings = Vec::new();
    if found.mode() & MODE != 0o2755 || found.uid() != 0 || found.gid() != group.as_raw() {
        findings.push(Finding::error(
            "helper-mode",
            path.to_string(),
            words::check_places::helper_mode(&path, &described(&found)),
            words::check_places::righted_by_setup(),
        ));
    }
    findings.extend(disk::of_helper(helper));
    findings
}

/// The helper reads it as its user, with the group.
fn of_config(config: &Path, group: Gid) -> Option<Finding> {
    let folder = config.parent()?;
    let allows = |path: &Path, others: u32| {
        let is_allowed = |found: Metadata| {
            found.mode() & others != 0 || found.gid() == group.as_raw() && found.mode() & (others << 3) != 0
        };
        // That it is not there, or cannot be read by root, is told elsewhere.
        fs::metadata(path).map_or(true, is_allowed)
    };
    let (closed, mode) = [(folder, 0o1, "0755"), (config, 0o4, "0644")]
        .into_iter()
        .find_map(|(path, others, mode)| (!allows(path, others)).then_some((path, mode)))?;
    let path = closed.display();
    let what = words::check_places::configuration_closed(&path);
    Some(Finding::error("configuration-closed", closed.display(), what, format!("sudo chmod {mode} {path}")))
}

/// 32 bytes, for root and the helper: those of the file, or what the boot brought in its place.
fn of_key(key: &Path, group: Gid) -> Vec<Finding> {
    let mut sealed = key.as_os_str().to_owned();
    sealed.push(SEALED_KEY);
    if !Path::new(&sealed).exists() {
        return of_open_key(key, group);
    }
    let given = Path::new(PROVIDED_KEY);
    if given.exists() {
        return of_open_key(given, group);
    }
    vec![Finding::error(
        "key-not-given",
        given.display(),
        words::check_places::KEY_NOT_GIVEN,
        words::check_places::SEE_WHY_KEY,
    )]
}

fn of_open_key(key: &Path, group: Gid) -> Vec<Finding> {
    let path = key.display();
    let Ok(found) = fs::symlink_metadata(key) else {
        let accounts = fs::read_dir(Path::new(STATE).join("accounts")).is_ok_and(|mut all| all.next().is_some());
        let remedy = if accounts {
            words::check_places::KEY_FROM_BACKUP.to_owned()
        } else {
            words::check_places::key_made_by_setup()
        };
        let what = words::check_places::key_missing(&path);
        return vec![Finding::error("key-missing", path, what, remedy)];
    };
    let mut findings = Vec::new();
    if matches!(found.len(), 64 | 96 | 128) {
        findings.push(Finding::warning(
            "reseal-unfinished",
            &path,
            words::check_places::reseal_unfinished(&path),
            words::check_places::FINISH_RESEAL,
        ));
    } else if found.len() != 32 {
        let what = words::check_places::key_size(&path, found.len());
        return vec![Finding::error("key-size", path, what, words::check_places::BRING_BACK)];
    }
    findings.extend(Place { path: key, is_directory: false, is_helpers: true, mode: 0o640 }.check(group));
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
    let what = words::check_places::labels(wrong);
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
            words::check_places::confined(&names.join(", ")),
            words::check_places::INCLUDE_ABSTRACTION,
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
        let what = words::check_places::module_writable(&is);
        return Some(Finding::error("module-writable", path.display(), what, remedy));
    }
    (found.mode() & 0o444 != 0o444).then(|| {
        let what = words::check_places::module_unreadable(&is);
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
        let place = |path| Place { path, is_directory: true, is_helpers: true, mode: 0o1730 };
        let gone = folder.path().join("gone");
        let missing = place(&gone).check(Gid::from_raw(7)).unwrap();
        assert!(missing.id == "store-missing" && missing.remedy.contains("mount"));
        let wrong = place(folder.path()).check(Gid::from_raw(4_000_000)).unwrap();
        assert!(wrong.id == "wrong-mode" && wrong.what.contains(" and has to be root:twostep 1730"), "{}", wrong.what);
        assert_eq!(wrong.remedy, words::check_places::righted_by_setup());
    }

    #[test]
    fn a_key_of_another_length_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("seal.key");
        std::fs::write(&key, [0; 31]).unwrap();
        assert_eq!(of_key(&key, Gid::from_raw(0))[0].id, "key-size");
        std::fs::write(&key, [0; 64]).unwrap();
        assert_eq!(of_key(&key, Gid::from_raw(0))[0].id, "reseal-unfinished");
        let sealed = folder.path().join("seal.key.cred");
        std::fs::write(&sealed, "x").unwrap();
        assert_eq!(of_key(&key, Gid::from_raw(0))[0].id, "key-not-given");
        std::fs::remove_file(&sealed).unwrap();
        std::fs::remove_file(&key).unwrap();
        assert_eq!(of_key(&key, Gid::from_raw(0))[0].id, "key-missing");
    }

    #[test]
    fn members_of_the_group_are_named() {
        let names = ["alice", "bob"].map(str::to_owned).into();
        assert!(members(&names).unwrap().what.contains("(alice, bob)"));
        assert_eq!(members(&BTreeSet::new()), None);
    }

    #[test]
    fn profiles_that_confine_a_login_are_told_of() {
        let loaded = "/usr/sbin/sshd (enforce)\n/usr/sbin/ntpd (enforce)\ndovecot (complain)\nsu (enforce)\n";
        assert_eq!(confined(loaded), ["/usr/sbin/sshd", "su"]);
    }

    #[test]
    fn a_configuration_that_only_root_reads_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.toml");
        std::fs::write(&config, "version = 1").unwrap();
        let with = |folder_mode, mode, gid: u32| {
            std::fs::set_permissions(folder.path(), Permissions::from_mode(folder_mode)).unwrap();
            std::fs::set_permissions(&config, Permissions::from_mode(mode)).unwrap();
            of_config(&config, Gid::from_raw(gid)).map(|finding| finding.remedy)
        };
        let own = nix::unistd::getgid().as_raw();
        let (path, above) = (config.display(), folder.path().display());
        assert_eq!(with(0o755, 0o644, 4_000_000), None);
        assert_eq!(with(0o755, 0o640, own), None);
        assert_eq!(with(0o755, 0o640, 4_000_000), Some(format!("sudo chmod 0644 {path}")));
        assert_eq!(with(0o755, 0o600, own), Some(format!("sudo chmod 0644 {path}")));
        assert_eq!(with(0o700, 0o644, own), Some(format!("sudo chmod 0755 {above}")));
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
