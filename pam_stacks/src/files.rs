//! Where PAM's files lie, on this host or below any folder, with texts that are only planned.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::{messages, text};

/// The folders of services, in the order in which libpam looks into them (pam.conf(5)); the last
/// one is what some distributions build in as the vendor's.
const FOLDERS: [&str; 3] = ["/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"];

/// Read only where none of the folders is there.
pub const ONE_FILE: &str = "/etc/pam.conf";

/// Where PAM modules lie that are named without a folder.
const MODULES: [&str; 6] = [
    "/usr/lib/x86_64-linux-gnu/security",
    "/usr/lib/aarch64-linux-gnu/security",
    "/usr/lib64/security",
    "/lib64/security",
    "/usr/lib/security",
    "/lib/security",
];

/// What programs ask for by its name, whoever includes it.
const ALWAYS_SERVICES: [&str; 8] = ["login", "sshd", "sudo", "su", "passwd", "gdm-password", "lightdm", "sddm"];

/// PAM's files.
#[derive(Debug, Clone)]
pub struct Files {
    root: PathBuf,
    planned: BTreeMap<PathBuf, String>,
}

impl Files {
    /// Those below `root`; `/` for this host.
    pub fn below(root: &Path) -> Self {
        Self { root: root.to_owned(), planned: BTreeMap::new() }
    }

    /// The same, with this text in this file (its path as below `/`).
    #[must_use]
    pub fn with(mut self, path: &Path, text: &str) -> Self {
        self.planned.insert(path.to_owned(), text.to_owned());
        self
    }

    /// Where this path of the host really lies.
    pub fn real(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The text of a file; nothing if there is none.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn text(&self, path: &Path) -> Result<Option<String>, String> {
        if let Some(text) = self.planned.get(path) {
            return Ok(Some(text.clone()));
        }
        match fs::read(self.real(path)) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(messages::unread(path.display(), &error)),
        }
    }

    /// The file that libpam reads for this name, if there is one.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let places = if name.starts_with('/') {
            vec![PathBuf::from(name)]
        } else {
            FOLDERS.iter().map(|folder| Path::new(folder).join(name)).collect()
        };
        places.into_iter().find(|path| self.planned.contains_key(path) || self.real(path).is_file())
    }

    /// Whether PAM reads a folder here, and not its one file.
    pub fn has_folder(&self) -> bool {
        FOLDERS.iter().any(|folder| self.real(Path::new(folder)).is_dir())
            || self.planned.keys().any(|path| FOLDERS.iter().any(|folder| path.starts_with(folder)))
    }

    /// The names of the files in the folders: services, and what they include.
    pub fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for folder in FOLDERS {
            let entries = fs::read_dir(self.real(Path::new(folder))).into_iter().flatten().flatten();
            let files = entries.filter(|entry| entry.path().is_file());
            names.extend(files.filter_map(|entry| entry.file_name().into_string().ok()));
        }
        let planned = self.planned.keys().filter(|path| FOLDERS.iter().any(|folder| path.starts_with(folder)));
        names.extend(planned.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())));
        names
    }

    /// The services of this host: the files in the folders that no other file includes, without the
    /// copies that people and packages leave there.
    pub fn services(&self) -> Vec<String> {
        if !self.has_folder() {
            return self.in_one_file();
        }
        let names = self.names();
        let mut included = BTreeSet::new();
        for name in &names {
            if let Some(path) = self.find(name)
                && let Ok(Some(text)) = self.text(&path)
            {
                // `su-l` includes `su`, a screen locker `login`: they are services all the same.
                let others = text::included(&text).into_iter();
                let is_part = |other: &String| {
                    !name.starts_with(&format!("{other}-")) && !ALWAYS_SERVICES.contains(&other.as_str())
                };
                included.extend(others.filter(is_part));
            }
        }
        names.into_iter().filter(|name| !included.contains(name) && !is_copy(name)).collect()
    }

    /// The services that the one file names.
    fn in_one_file(&self) -> Vec<String> {
        let text = self.text(Path::new(ONE_FILE)).ok().flatten().unwrap_or_default();
        let first = |line: text::Joined| Some(text::words(&line.text).first()?.text.to_ascii_lowercase());
        text::lines(&text).into_iter().filter_map(first).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The file of a module, by the name in a line; nothing if it is not where PAM looks for it.
    pub fn module(&self, name: &str) -> Option<PathBuf> {
        let path = if name.starts_with('/') {
            PathBuf::from(name)
        } else {
            self.module_folder()?.join(name.replace("$ISA/", ""))
        };
        self.real(&path).is_file().then_some(path)
    }

    /// Whether this program, and so those of the same kind of machine, can load the file.
    pub fn loads(&self, module: &Path) -> bool {
        let own = machine(Path::new("/proc/self/exe"));
        own.is_none() || machine(&self.real(module)) == own
    }

    /// Where PAM looks for modules here: where `pam_unix.so` lies, in a folder for this program's
    /// kind of machine first.
    pub fn module_folder(&self) -> Option<PathBuf> {
        let multiarch = format!("/usr/lib/{}-linux-gnu/security", std::env::consts::ARCH);
        let folders = std::iter::once(multiarch.as_str()).chain(MODULES);
        folders.map(PathBuf::from).find(|folder| self.real(folder).join("pam_unix.so").is_file())
    }
}

/// How an ELF file says for which kind of machine it is: its class, and the number of the machine.
fn machine(path: &Path) -> Option<(u8, [u8; 2])> {
    let mut header = [0; 20];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut header)).ok()?;
    match header {
        [0x7f, b'E', b'L', b'F', class, .., low, high] => Some((class, [low, high])),
        _ => None,
    }
}

/// Whether a file is what an editor, a person or a package manager keeps of another one.
fn is_copy(name: &str) -> bool {
    const ENDINGS: [&str; 17] = [
        "~",
        ".bak",
        ".backup",
        ".old",
        ".orig",
        ".save",
        ".swp",
        ".new",
        ".disabled",
        ".rpmsave",
        ".rpmnew",
        ".rpmorig",
        ".pacnew",
        ".pacsave",
        ".apk-new",
        ".pam-old",
        ".pam-new",
    ];
    name.starts_with(['.', '#'])
        || name.contains(".dpkg-")
        || name.contains(".ucf-")
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{ManagementGroup, Stack};

    fn planned(files: &[(&str, &str)]) -> Files {
        let nowhere = Files::below(Path::new("/nonexistent"));
        files.iter().fold(nowhere, |all, (path, text)| all.with(Path::new(path), text))
    }

    fn texts(stack: &Stack) -> Vec<&str> {
        stack.lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn etc_hides_the_distributions_file_of_the_same_name() {
        let files = planned(&[
            ("/etc/pam.d/sshd", "auth required etc.so"),
            ("/usr/lib/pam.d/sshd", "auth required usr.so"),
            ("/usr/lib/pam.d/su", "auth required su.so"),
        ]);
        assert_eq!(texts(&files.stack("sshd", ManagementGroup::Auth)), ["auth required etc.so"]);
        assert_eq!(texts(&files.stack("su", ManagementGroup::Auth)), ["auth required su.so"]);
    }

    #[test]
    fn a_phase_without_a_line_is_that_of_other() {
        let files = planned(&[
            ("/etc/pam.d/sshd", "auth required a.so"),
            ("/etc/pam.d/other", "auth required deny.so\naccount required deny.so"),
        ]);
        let stack = files.stack("sshd", ManagementGroup::Account);
        assert!(stack.is_other && texts(&stack) == ["account required deny.so"]);
        assert!(!files.stack("sshd", ManagementGroup::Auth).is_other);
    }

    #[test]
    fn includes_are_no_services_and_know_who_uses_them() {
        let files = planned(&[
            ("/etc/pam.d/sshd", "@include common-auth"),
            ("/etc/pam.d/su", "auth substack common-auth"),
            ("/etc/pam.d/cron", "session required a.so"),
            ("/etc/pam.d/login", "auth required a.so"),
            ("/etc/pam.d/swaylock", "auth include login"),
            ("/etc/pam.d/common-auth", "auth required a.so"),
        ]);
        assert_eq!(files.services(), ["cron", "login", "sshd", "su", "swaylock"]);
        assert_eq!(files.users_of(Path::new("/etc/pam.d/common-auth")), ["sshd", "su"]);
    }

    #[test]
    fn copies_of_files_are_no_services() {
        let kept = ["sshd~", "sshd.bak", "su.dpkg-old", "sudo.rpmsave", "login.ucf-dist", "su.pacnew", ".sudo.swp"];
        let paths = kept.map(|name| format!("/etc/pam.d/{name}"));
        let mut files = paths.each_ref().map(|path| (path.as_str(), "auth required a.so")).to_vec();
        files.push(("/etc/pam.d/gdm-password", "auth required a.so"));
        assert_eq!(planned(&files).services(), ["gdm-password"]);
    }

    #[test]
    fn a_module_for_another_kind_of_machine_does_not_load() {
        let folder = tempfile::tempdir().unwrap();
        let mut own = vec![0; 20];
        fs::File::open("/proc/self/exe").unwrap().read_exact(&mut own).unwrap();
        let files = Files::below(folder.path());
        let put = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut header = own.clone();
            change(&mut header);
            fs::write(folder.path().join("m.so"), header).unwrap();
            files.loads(Path::new("/m.so"))
        };
        assert!(put(&|_| {}));
        assert!(!put(&|header| header[4] ^= 3));
        assert!(!put(&|header| header[18] ^= 0xff));
        assert!(!put(&Vec::clear));
    }

    #[test]
    fn the_one_file_counts_where_there_is_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("etc")).unwrap();
        let text =
            "sshd auth required a.so\nSSHD account required c.so\nsu auth required b.so\nOTHER auth required d.so\n";
        std::fs::write(folder.path().join("etc/pam.conf"), text).unwrap();
        let files = Files::below(folder.path());
        assert_eq!(texts(&files.stack("sshd", ManagementGroup::Auth)), ["sshd auth required a.so"]);
        assert_eq!(files.stack("sshd", ManagementGroup::Account).lines.len(), 1);
        assert!(files.stack("login", ManagementGroup::Auth).is_other);
        assert_eq!(files.services(), ["other", "sshd", "su"]);
        std::fs::create_dir(folder.path().join("etc/pam.d")).unwrap();
        assert!(files.stack("sshd", ManagementGroup::Auth).lines.is_empty());
    }
}
