//! sshd with the new files, asked before they are in force what it makes of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::drop_in::{self, Keys};
use crate::check::Severity;
use crate::check::sshd::{self, CONFIG, Daemon, Door, Effective, SERVICE, Visitor, visitors};
use crate::stack::Files;
use crate::words;

/// What sshd says.
#[derive(Debug, Default)]
pub struct Inspected {
    /// What it goes by for everybody.
    pub effective: Option<Effective>,
    /// What speaks against it, a sentence or two each.
    pub objections: Vec<String>,
    /// What to know beside it.
    pub notes: Vec<String>,
}

/// Asks sshd about a copy of its folder, for everybody and for those of each Match block.
pub fn inspect(files: &Files, keys: Keys) -> Inspected {
    let mut inspected = Inspected::default();
    let copy = match SshCopy::of(files) {
        Ok(Some(copy)) => copy,
        Ok(None) => return inspected,
        Err(error) => {
            inspected.objections.push(words::plan::uncopied(error));
            return inspected;
        }
    };
    for visitor in visitors(&copy.config()) {
        match Effective::ask(&Daemon::usual(&copy.config()), &visitor) {
            None => return inspected,
            Some(Err(why)) if why.contains("privilege separation directory") => return inspected,
            Some(Err(why)) => {
                let what = words::plan::refused_by_sshd(&copy.outside(&why));
                inspected.objections.push(with_remedy(what, files));
                return inspected;
            }
            Some(Ok(effective)) => inspected.visit(files, keys, &visitor, effective),
        }
    }
    if let Err(why) = tested(&copy.config()) {
        inspected.objections.push(words::plan::refused_by_sshd(&copy.outside(&why)));
    }
    inspected
}

/// Whether the sshd that listens was started so that our file would change nothing.
pub fn goes_by_another() -> Option<String> {
    let listening = Daemon::running().into_iter().filter(|daemon| daemon.service == SERVICE).collect::<Vec<_>>();
    let overrules = |daemon: &Daemon| drop_in::KEYWORDS.iter().any(|keyword| daemon.decides(keyword));
    let is_ours = |daemon: &Daemon| daemon.config == Path::new(CONFIG) && !overrules(daemon);
    let other = listening.first().filter(|_| !listening.iter().any(is_ours))?;
    Some(words::plan::goes_by_another(other, drop_in::PATH))
}

impl Inspected {
    fn visit(&mut self, files: &Files, keys: Keys, visitor: &Visitor, effective: Effective) {
        let door = Door { asks: true, takes_one_answer: false, is_required: true };
        let speaks_against = |id: &str| match id {
            "sshd-way-without-code" => keys != Keys::Alone,
            id => id == "sshd-password-method",
        };
        for finding in sshd::findings(&effective, visitor, door) {
            let is_wrong = finding.severity == Severity::Error || speaks_against(finding.id);
            if visitor.is_special() {
                // A rule for some is somebody's intention, unless it leaves them no way in.
                let list = if finding.severity == Severity::Error { &mut self.objections } else { &mut self.notes };
                if is_wrong && self.effective.is_some() {
                    list.push(words::plan::by_match(&finding.what));
                }
            } else if is_wrong {
                let objection = with_remedy(finding.what, files);
                if !self.objections.contains(&objection) {
                    self.objections.push(objection);
                }
            }
        }
        if self.effective.is_none() {
            if !effective.is_on("kbdinteractiveauthentication") && self.objections.is_empty() {
                let what = words::plan::CANNOT_ASK.to_owned();
                self.objections.push(with_remedy(what, files));
            }
            self.effective = Some(effective);
        }
    }
}

/// With what to do about a line that sshd reads before ours: the first value counts (sshd_config(5)).
fn with_remedy(what: String, files: &Files) -> String {
    match earlier(files) {
        Some((file, number, line)) => words::plan::goes_before(&what, (&file, number, &line), drop_in::PATH),
        None => what,
    }
}

/// The first line that says something else than ours and is read before: its file, number and text.
fn earlier(files: &Files) -> Option<(PathBuf, usize, String)> {
    let ours = files.text(Path::new(drop_in::PATH)).ok().flatten()?;
    let folder = Path::new(drop_in::PATH).parent()?;
    let config = files.text(Path::new(CONFIG)).ok().flatten()?;
    for (index, line) in config.lines().enumerate() {
        if drop_in::is_included(line) {
            let mut before =
                fs::read_dir(files.real(folder)).ok()?.flatten().map(|entry| folder.join(entry.file_name()));
            let mut before =
                before.by_ref().filter(|path| path.as_path() < Path::new(drop_in::PATH)).collect::<Vec<_>>();
            before.retain(|path| path.extension().is_some_and(|ending| ending == "conf"));
            before.sort();
            return before.into_iter().find_map(|path| {
                let text = files.text(&path).ok().flatten()?;
                let (number, line) = text.lines().enumerate().find(|(_, line)| differs(&ours, line))?;
                Some((path, number + 1, line.trim().to_owned()))
            });
        }
        if differs(&ours, line) {
            return Some((PathBuf::from(CONFIG), index + 1, line.trim().to_owned()));
        }
    }
    None
}

/// Whether a line sets another value for one of our keywords.
fn differs(ours: &str, line: &str) -> bool {
    if line.trim().starts_with('#') {
        return false;
    }
    let said = |keyword: &str| ours.lines().find_map(|line| sshd::value(line, keyword));
    let keyword = line.trim().split([' ', '\t', '=']).next().unwrap_or_default().to_ascii_lowercase();
    let known = if keyword == "challengeresponseauthentication" { "kbdinteractiveauthentication" } else { &keyword };
    match (said(known), sshd::value(line.trim(), &keyword)) {
        (Some(ours), Some(theirs)) => !ours.eq_ignore_ascii_case(theirs),
        _ => false,
    }
}

/// `sshd -t`.
fn tested(config: &Path) -> Result<(), String> {
    let output = Command::new("/usr/sbin/sshd").arg("-t").arg("-f").arg(config).stdin(Stdio::null()).output();
    match output {
        Ok(output) if !output.status.success() => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        _ => Ok(()),
    }
}

/// sshd's configuration as it is going to be, in a folder of its own: its includes lead into the copy.
struct SshCopy(PathBuf);

impl SshCopy {
    fn of(files: &Files) -> std::io::Result<Option<Self>> {
        let Some(config) = files.text(Path::new(CONFIG)).ok().flatten() else { return Ok(None) };
        let copy = Self(Path::new("/run").join(format!("twostep-sshd-{}", std::process::id())));
        let _ = fs::remove_dir_all(&copy.0); // of one who was killed
        std::os::unix::fs::DirBuilderExt::mode(&mut fs::DirBuilder::new(), 0o700).create(&copy.0)?;
        fs::create_dir(copy.0.join("sshd_config.d"))?;
        fs::write(copy.config(), copy.redirected(&config))?;
        let folder = Path::new(drop_in::PATH).parent().unwrap_or(Path::new("/"));
        let there = fs::read_dir(files.real(folder))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| folder.join(entry.file_name()));
        for path in there.chain([PathBuf::from(drop_in::PATH)]) {
            if let (Some(name), Ok(Some(text))) = (path.file_name(), files.text(&path)) {
                fs::write(copy.0.join("sshd_config.d").join(name), copy.redirected(&text))?;
            }
        }
        Ok(Some(copy))
    }

    fn config(&self) -> PathBuf {
        self.0.join("sshd_config")
    }

    /// What sshd said of the copy, as of the files that it is one of.
    fn outside(&self, why: &str) -> String {
        why.replace(&self.0.display().to_string(), "/etc/ssh")
    }

    fn redirected(&self, text: &str) -> String {
        let lines = text.lines().map(|line| match sshd::included(line) {
            Some(patterns) => {
                let folder = self.0.display();
                let within = |pattern: &str| match pattern.trim_matches('"').strip_prefix("/etc/ssh/") {
                    Some(rest) => format!("{folder}/{rest}"),
                    None if pattern.starts_with('/') => pattern.to_owned(),
                    None => format!("{folder}/{pattern}"),
                };
                format!("Include {}", patterns.split_whitespace().map(within).collect::<Vec<_>>().join(" "))
            }
            None => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n") + "\n"
    }
}

impl Drop for SshCopy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_goes_before_ours_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("etc/ssh/sshd_config.d");
        fs::create_dir_all(&place).unwrap();
        let of = |config: &str, first: &str| {
            fs::write(folder.path().join("etc/ssh/sshd_config"), config).unwrap();
            fs::write(place.join("01-first.conf"), first).unwrap();
            fs::write(place.join("50-cloud-init.conf"), "PasswordAuthentication yes\n").unwrap();
            let files = Files::below(folder.path()).with(Path::new(drop_in::PATH), &drop_in::text(Keys::WithCode));
            earlier(&files).map(|(path, number, line)| format!("{}:{number}: {line}", path.display()))
        };
        let include = "Port 22\nInclude /etc/ssh/sshd_config.d/*.conf\nUsePAM no\n";
        assert_eq!(of(include, "# x\nUsePAM yes\n"), None);
        let said = of(include, "# x\npasswordauthentication=yes\n").unwrap();
        assert_eq!(said, "/etc/ssh/sshd_config.d/01-first.conf:2: passwordauthentication=yes");
        let said = of(&format!("ChallengeResponseAuthentication no\n{include}"), "").unwrap();
        assert_eq!(said, "/etc/ssh/sshd_config:1: ChallengeResponseAuthentication no");
    }
}
