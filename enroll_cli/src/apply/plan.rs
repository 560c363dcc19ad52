//! What is going to be changed, and what speaks against it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::ValueEnum;
use twostep_core::config::AfterGrace;
use twostep_core::username::Person;

use super::drop_in;
use super::edit::{Style, Unfit, edited};
use super::journal::Step;
use super::place::Content;
use crate::check::sshd::{self, CONFIG, Door, Effective, Visitor};
use crate::check::stacks::{Before, Service};
use crate::check::{self, Severity};
use crate::configuration::Change;
use crate::host::{Host, administrators};
use crate::stack::Files;
use crate::trouble::Trouble;

/// What sshd does with keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Keys {
    /// A key, then the code; or the password, then the code
    WithCode,
    /// No keys: the password, then the code
    Refuse,
    /// A key alone opens the door, without a code
    Alone,
}

/// What an administrator wants.
#[derive(Debug)]
pub struct Wish {
    /// The services that are to ask for the code.
    pub services: Vec<String>,
    /// What sshd does with keys, for sshd.
    pub keys: Option<Keys>,
}

/// What is going to be changed.
#[derive(Debug)]
pub struct Plan {
    /// The files, from what to what.
    pub steps: Vec<Step>,
    /// The services, with those that go with them.
    pub services: Vec<String>,
    /// What to know beside it, a sentence each.
    pub notes: Vec<String>,
    keys: Option<Keys>,
    files: Files,
}

/// Services that are another name of one: whoever closes one door means both.
const TOGETHER: [(&str, &str); 2] = [("sudo", "sudo-i"), ("su", "su-l")];

impl Plan {
    /// Plans the changes on these files.
    pub fn make(files: &Files, host: &Host, wish: &Wish) -> Result<Self, Trouble> {
        let mut plan =
            Self { steps: Vec::new(), services: Vec::new(), notes: Vec::new(), keys: wish.keys, files: files.clone() };
        let enrolls = host.config.policy.after_grace == AfterGrace::Enroll;
        for service in with_companions(files, &wish.services) {
            let keys = if service == "sshd" { wish.keys } else { None };
            let style = Style { keys, enrolls, before: Before::Nothing };
            match edited(&plan.files, &service, style) {
                Ok((path, text)) => plan.add(path, &text)?,
                Err(Unfit::HasOurs) => {
                    plan.notes.push(format!("{service} asks for the code already: its PAM file stays as it is."))
                }
                Err(Unfit::NoFile) => {
                    return Err(unfit(
                        &service,
                        "there is no PAM service of this name; ls /etc/pam.d shows which there are",
                    ));
                }
                Err(Unfit::Wrong(why)) => {
                    return Err(unfit(
                        &service,
                        &format!(
                            "our line fits nowhere in its PAM file ({why}); write it by hand, as the examples do, and check it with twostep admin check"
                        ),
                    ));
                }
            }
            plan.services.push(service);
        }
        if let Some(keys) = wish.keys.filter(|_| plan.services.iter().any(|service| service == "sshd")) {
            plan.drop_in(keys)?;
        }
        Ok(plan)
    }

    fn drop_in(&mut self, keys: Keys) -> Result<(), Trouble> {
        let config = self
            .files
            .text(Path::new(CONFIG))
            .map_err(|why| Trouble::here("sshd", format!("{why}. Mend that first.")))?;
        let Some(config) = config else {
            self.notes.push("There is no sshd_config here, so only the PAM file of sshd is changed.".to_owned());
            return Ok(());
        };
        if !drop_in::is_included(&config) {
            return Err(Trouble::here(
                "sshd",
                format!(
                    "{CONFIG} does not read sshd_config.d. Write `Include /etc/ssh/sshd_config.d/*.conf` as its first line, and try again."
                ),
            ));
        }
        self.add(PathBuf::from(drop_in::PATH), &drop_in::text(keys))
    }

    /// Adds a file, if it is to be another one. The file behind any links is the one that is changed.
    fn add(&mut self, path: PathBuf, text: &str) -> Result<(), Trouble> {
        let real = self.files.real(&path);
        let real = fs::canonicalize(&real).unwrap_or(real);
        let before = Content::read(&real).map_err(|error| {
            Trouble::here("unreadable", format!("{} cannot be read: {error}. Mend that first.", path.display()))
        })?;
        let after =
            Content { bytes: text.as_bytes().to_vec(), ..before.clone().unwrap_or_else(|| Content::of_root("")) };
        self.files = self.files.clone().with(&path, text);
        if before.as_ref() != Some(&after) {
            self.steps.push((real, before, Some(after)));
        }
        Ok(())
    }

    /// What changes, file by file, as diff(1) shows it.
    pub fn differences(&self) -> impl Iterator<Item = (&Path, Vec<String>)> {
        self.steps.iter().map(|(path, before, after)| {
            let text = |content: &Option<Content>| {
                content
                    .as_ref()
                    .map_or_else(String::new, |content| String::from_utf8_lossy(&content.bytes).into_owned())
            };
            (path.as_path(), Change::between(&text(before), &text(after)).in_context())
        })
    }

    /// PAM's files as they are going to be.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// What speaks against it, a sentence each. Nothing of it may be.
    pub fn objections(&self, host: &Host, administrator: &str) -> Vec<String> {
        let mut objections = check::ground(host, &self.files);
        for name in &self.services {
            let findings = Service::new(&self.files, name, Before::Nothing).findings();
            objections.extend(
                findings.into_iter().filter(|finding| finding.severity == Severity::Error).map(|finding| finding.what),
            );
        }
        let effective = if self.keys.is_some() { self.sshd(&mut objections) } else { None };
        objections.extend(self.locked_out(host, administrator, effective.as_ref()));
        objections
    }

    /// sshd with the new files, in a copy of its folder.
    fn sshd(&self, objections: &mut Vec<String>) -> Option<Effective> {
        let copy = match SshCopy::of(&self.files) {
            Ok(copy) => copy?,
            Err(error) => {
                objections.push(format!("A copy of sshd's configuration cannot be made: {error}."));
                return None;
            }
        };
        let visitor = Visitor::named("nobody-in-particular");
        let effective = match Effective::ask(&copy.config(), &visitor)? {
            Ok(effective) => effective,
            Err(why) if why.contains("privilege separation directory") => return None,
            Err(why) => {
                objections.push(format!(
                    "sshd refuses the new configuration: {why}. If another line of sshd_config goes before {}, take it out.",
                    drop_in::PATH
                ));
                return None;
            }
        };
        if let Err(why) = tested(&copy.config()) {
            objections.push(format!("sshd refuses the new configuration: {why}."));
        }
        if !effective.is_on("kbdinteractiveauthentication") {
            objections.push(format!(
                "sshd could not ask for a code: keyboard-interactive is off. Another line of sshd_config goes before {}; take it out.",
                drop_in::PATH
            ));
        }
        let door = Door { asks: true, takes_one_answer: false, is_required: true };
        let wanted = |id: &str| match id {
            "sshd-way-without-code" => self.keys != Some(Keys::Alone),
            "sshd-password-method" => true,
            _ => false,
        };
        for finding in sshd::findings(&effective, &visitor, door) {
            if finding.severity == Severity::Error || wanted(finding.id) {
                objections.push(format!(
                    "{} Another line of sshd_config goes before {}; take it out.",
                    finding.what,
                    drop_in::PATH
                ));
            }
        }
        Some(effective)
    }

    /// Whether nobody who looks after the host could get in any more.
    fn locked_out(&self, host: &Host, administrator: &str, sshd: Option<&Effective>) -> Option<String> {
        let judge = host.judge(&host.config);
        let enrolls = host.config.policy.after_grace == AfterGrace::Enroll;
        let mut reasons = Vec::new();
        for name in administrators(administrator) {
            let Ok(Some(person)) = Person::lookup(&name) else { continue };
            let row = judge.row(&person);
            let root_by_key = person.uid == 0
                && sshd.is_some_and(|sshd| {
                    matches!(
                        sshd.value("permitrootlogin"),
                        "without-password" | "prohibit-password" | "no" | "forced-commands-only"
                    )
                });
            if let Some(trouble) = row.trouble {
                reasons.push(format!("the account of {name} does not count ({trouble})"));
            } else if row.overdue && !enrolls {
                reasons.push(format!("{name} would have to have enrolled by now"));
            } else if root_by_key && self.keys != Some(Keys::Alone) {
                reasons.push(format!("{name} can log in by ssh with a key alone or not at all (PermitRootLogin)"));
            } else {
                return None;
            }
        }
        Some(format!(
            "Nobody who looks after this host could log in any more: {}. Let one of them enroll (sudo twostep enroll --user NAME), or make a user a member of sudo or wheel.",
            reasons.join("; ")
        ))
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

fn with_companions(files: &Files, services: &[String]) -> Vec<String> {
    let mut all = Vec::<String>::new();
    for service in services {
        let companion = TOGETHER.iter().find(|(one, _)| one == service).map(|(_, other)| (*other).to_owned());
        let companion = companion.filter(|name| {
            files.find(name).is_some_and(|path| files.find(service) != Some(path))
                && !Service::new(files, name, Before::Nothing).has_second_step()
        });
        for name in std::iter::once(service.clone()).chain(companion) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
    }
    all
}

fn unfit(service: &str, why: &str) -> Trouble {
    Trouble::here("unfit", format!("{service} cannot be changed: {why}. Nothing was changed."))
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
