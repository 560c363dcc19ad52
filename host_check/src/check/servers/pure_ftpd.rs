//! Pure-FTPd as Debian starts it: its wrapper asks the links of a folder in their order, and after a refusal
//! by PAM, which Pure-FTPd cannot tell from an unknown user, goes on to the next.

use std::fs;
use std::path::{Path, PathBuf};

use pam_stacks::Files;

use super::beside::{Beside, is_installed};
use crate::messages::check_servers as messages;

const PROGRAMS: [&str; 1] = ["/usr/sbin/pure-ftpd-wrapper"];
const FOLDER: &str = "/etc/pure-ftpd/auth";

/// The PAM service that it is built with.
const SERVICE: &str = "pure-ftpd";

/// Settings that are on or off; others name a file.
const SWITCHES: [&str; 2] = ["PAMAuthentication", "UnixAuthentication"];

/// Who answers beside PAM. Where no link is that of PAM, PAM is not asked.
pub fn beside(files: &Files) -> Vec<Beside> {
    if !is_installed(files, &PROGRAMS) {
        return Vec::new();
    }
    let (pam, others): (Vec<_>, Vec<_>) = links(files).into_iter().partition(|(_, name)| name == "PAMAuthentication");
    let of = |(link, name): (PathBuf, String)| {
        let what = if pam.is_empty() { messages::pure_ftpd_asks_only(&name) } else { messages::pure_ftpd_asks(&name) };
        let about = link.display().to_string();
        Beside { service: SERVICE.to_owned(), remedy: messages::remove_link(&about, pam.is_empty()), about, what }
    };
    others.into_iter().map(of).collect()
}

/// The line of a setting that counts.
fn value(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned)
}

fn is_on(value: String) -> bool {
    ["yes", "1", "on"].contains(&value.to_ascii_lowercase().as_str())
}

/// The links that count, with the names of the settings that they lead to.
fn links(files: &Files) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(files.real(Path::new(FOLDER))).into_iter().flatten().flatten();
    let links = entries.filter_map(|entry| {
        let target = fs::read_link(entry.path()).ok()?;
        let name = target.file_name()?.to_str()?.to_owned();
        // What is absolute is below the root that is looked at.
        let file = if target.is_absolute() { files.real(&target) } else { entry.path().with_file_name(&target) };
        let value = value(&file)?;
        let counts = !SWITCHES.contains(&name.as_str()) || is_on(value);
        counts.then(|| (Path::new(FOLDER).join(entry.file_name()), name))
    });
    let mut links = links.collect::<Vec<_>>();
    links.sort();
    links
}
