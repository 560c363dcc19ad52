//! What is going to be changed, and its problems.

use std::fs;
use std::path::{Path, PathBuf};

use pam_stacks::Files;
use twostep_core::config::AfterGrace;
use twostep_core::username::Person;

use super::drop_in::Keys;
use super::edit::{Unfit, edited};
use super::journal::FileChange;
use super::lineage::{is_inner, proving};
use super::lines::{AnswerForm, LineStyle};
use super::place::Content;
use super::{door, drop_in};
use crate::change::TextDiff;
use crate::check;
use crate::check::sshd::{CONFIG, Effective};
use crate::check::stacks::{AsksPassword, Before, CannotAsk, Service, is_for_people};
use crate::error::Error;
use crate::finding::{Finding, Severity};
use crate::host::Host;
use crate::messages;

/// What an administrator wants.
#[derive(Debug)]
pub struct Wish {
    /// The services that are to ask for the code.
    pub services: Vec<String>,
    /// What sshd does with keys, for sshd.
    pub keys: Option<Keys>,
    /// How people give their second step.
    pub form: AnswerForm,
    /// For how long a second step in the same session is enough, in seconds.
    pub recent: Option<u64>,
}

/// What is going to be changed.
#[derive(Debug)]
pub struct Plan {
    /// The files, from what to what.
    pub steps: Vec<FileChange>,
    /// The services, with those that go with them.
    pub services: Vec<String>,
    /// What to know beside it, a sentence each.
    pub notes: Vec<String>,
    keys: Option<Keys>,
    form: AnswerForm,
    today: Files,
    files: Files,
}

/// Services that are another name of one: whoever closes one door means both.
const TOGETHER: [(&str, &str); 2] = [("sudo", "sudo-i"), ("su", "su-l")];

impl Plan {
    /// Plans the changes on these files.
    pub fn make(files: &Files, host: &Host, wish: &Wish) -> Result<Self, Error> {
        let mut plan = Self {
            steps: Vec::new(),
            services: Vec::new(),
            notes: Vec::new(),
            keys: wish.keys,
            form: wish.form,
            today: files.clone(),
            files: files.clone(),
        };
        let enrolls = host.config.policy.after_grace == AfterGrace::Enroll;
        for service in with_companions(files, &wish.services) {
            shared(files, &service)?;
            let keys = if service == "sshd" { wish.keys } else { None };
            if let Some(why) = form_unfit(&service, wish, host) {
                return Err(unfit(&service, &why));
            }
            let style = LineStyle { keys, enrolls, before: Before::Nothing, form: wish.form, recent: wish.recent };
            match edited(&plan.files, &service, style) {
                Ok((path, text)) => plan.add(path, &text)?,
                Err(Unfit::HasOurs) if stays_wrong(files, &service, keys).is_some() => {
                    return Err(unfit(&service, stays_wrong(files, &service, keys).unwrap_or_default()));
                }
                // A companion that includes the service has its lines with it.
                Err(Unfit::HasOurs) if !wish.services.contains(&service) => {}
                Err(Unfit::HasOurs)
                    if wish.form != AnswerForm::Question
                        && !Service::new(files, &service, Before::Nothing).takes_one_answer() =>
                {
                    return Err(unfit(&service, messages::plan::ASKS_BY_INCLUDE));
                }
                Err(Unfit::HasOurs) => plan.notes.push(messages::plan::asks_already(&service)),
                Err(Unfit::NoFile) => {
                    return Err(unfit(&service, messages::plan::NO_SERVICE));
                }
                Err(Unfit::Wrong(why)) => {
                    return Err(unfit(&service, &messages::plan::fits_nowhere(&why)));
                }
            }
            plan.services.push(service);
        }
        if let Some(keys) = wish.keys.filter(|_| plan.services.iter().any(|service| service == "sshd")) {
            plan.drop_in(keys)?;
        }
        Ok(plan)
    }

    fn drop_in(&mut self, keys: Keys) -> Result<(), Error> {
        let config =
            self.files.text(Path::new(CONFIG)).map_err(|why| Error::Failed("sshd", messages::plan::fix_first(why)))?;
        let Some(config) = config else {
            self.notes.push(messages::plan::NO_SSHD_CONFIG.to_owned());
            return Ok(());
        };
        if !drop_in::is_included(&config) {
            return Err(Error::Failed("sshd", messages::plan::not_included(CONFIG, drop_in::PATH)));
        }
        let folder = Path::new(drop_in::PATH).parent().unwrap_or(Path::new("/"));
        if !self.files.real(folder).is_dir() {
            return Err(Error::Failed("sshd", messages::plan::no_folder(folder.display())));
        }
        self.add(PathBuf::from(drop_in::PATH), &drop_in::text(keys))
    }

    /// Adds a file, if it is to be another one. The file behind any links is the one that is changed.
    fn add(&mut self, path: PathBuf, text: &str) -> Result<(), Error> {
        let real = self.files.real(&path);
        let real = fs::canonicalize(&real).unwrap_or(real);
        let before = Content::read(&real)
            .map_err(|error| Error::Failed("unreadable", messages::plan::unread(path.display(), &error)))?;
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
            (path.as_path(), TextDiff::between(&text(before), &text(after)).in_context())
        })
    }

    /// Whether nobody gets a session by the services, in which a command could be typed.
    pub fn opens_no_session(&self) -> bool {
        let is_mute = |service: &String| CannotAsk::of(service).is_some();
        self.form == AnswerForm::AppPasswords || (!self.services.is_empty() && self.services.iter().all(is_mute))
    }

    /// PAM's files as they are going to be.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Problems, a sentence each. There may be none.
    pub fn objections(&mut self, host: &Host, administrator: &str) -> Vec<String> {
        let mut objections = check::ground(host, &self.files);
        for name in &self.services {
            let findings = Service::new(&self.files, name, Before::Nothing).findings();
            for Finding { severity, what, remedy, .. } in findings {
                match severity {
                    Severity::Error => objections.push(what),
                    Severity::Warning => self.notes.push(format!("{what} {remedy}")),
                    Severity::Notice => {}
                }
            }
        }
        let unlisted = self.services.iter().filter_map(|name| {
            let user = check::callers::unlisted(&self.files, &host.config, name)?;
            Some(messages::check_servers::list_caller(name, user))
        });
        self.notes.extend(unlisted);
        objections.extend(self.mute_by_include());
        objections.extend(self.keys.and_then(|_| door::goes_by_another()));
        self.notes.extend(self.keys.map(|keys| door::stops(&self.today, keys)).unwrap_or_default());
        self.notes.extend(at_the_console(&self.services).map(|service| messages::plan::at_the_console(&service)));
        self.notes.extend(nobody_enrolled(host, administrator).then(|| messages::plan::NOBODY_ENROLLED.to_owned()));
        let door = self.keys.map(|keys| door::inspect(&self.today, &self.files, keys)).unwrap_or_default();
        objections.extend(door.objections);
        self.notes.extend(door.notes);
        let effective = door.effective;
        objections.extend(self.locked_out(host, administrator, effective.as_ref()));
        objections
    }

    /// Services that cannot ask for a code and take the lines of one that is changed.
    fn mute_by_include(&self) -> Vec<String> {
        let asks = |files: &Files, name: &str| {
            let service = Service::new(files, name, Before::Nothing);
            service.has_second_step() && !service.takes_one_answer()
        };
        let mut objections = Vec::new();
        for name in &self.services {
            let Some(path) = self.files.find(name) else { continue };
            let mute = self.files.users_of(&path).into_iter().filter(|user| user != name);
            let mute = mute.filter(|user| CannotAsk::of(user).is_some());
            let mute = mute.filter(|user| asks(&self.files, user) && !asks(&self.today, user));
            objections.extend(mute.map(|user| messages::plan::includes_mute(name, &user)));
        }
        objections
    }

    /// Whether nobody who looks after the host could get in any more.
    fn locked_out(&self, host: &Host, administrator: &str, sshd: Option<&Effective>) -> Option<String> {
        let judge = host.judge(&host.config);
        let enrolls = host.config.policy.after_grace == AfterGrace::Enroll;
        let mut reasons = Vec::new();
        for name in check::administrators(administrator) {
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
                reasons.push(messages::plan::no_account(&name, &trouble));
            } else if row.overdue && !enrolls {
                reasons.push(messages::plan::overdue(&name));
            } else if root_by_key && self.keys != Some(Keys::Alone) {
                reasons.push(messages::plan::root_by_key(&name));
            } else {
                return None;
            }
        }
        Some(messages::plan::locks_out(&reasons.join("; ")))
    }
}

/// The service by which alone a change is confirmed, if that is the console's.
fn at_the_console(services: &[String]) -> Option<String> {
    let proving = proving(services);
    proving.iter().all(|service| service == "login").then(|| proving.first().cloned()).flatten()
}

/// Whether none of those who look after the host has enrolled.
fn nobody_enrolled(host: &Host, administrator: &str) -> bool {
    let judge = host.judge(&host.config);
    let people =
        check::administrators(administrator).into_iter().filter_map(|name| Person::lookup(&name).ok().flatten());
    !people.into_iter().any(|person| judge.row(&person).enrolled)
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

/// A name that is none, or that of a file which others include: a change of it would be one of them all.
fn shared(files: &Files, name: &str) -> Result<(), Error> {
    if name.is_empty() || name.starts_with('.') || name.contains('/') {
        return Err(unfit(name, messages::plan::NO_NAME));
    }
    if files.find(name).is_none() || files.services().iter().any(|service| service == name) {
        return Ok(());
    }
    Err(unfit(name, messages::plan::SHARED))
}

/// Why the people of a service cannot give their second step in this form.
fn form_unfit(service: &str, wish: &Wish, host: &Host) -> Option<String> {
    if wish.recent.is_some() && !is_inner(service) {
        return Some(messages::plan::RECENT_INSIDE.to_owned());
    }
    match (CannotAsk::of(service), wish.form) {
        (Some(CannotAsk::NoAuthPhase), _) => Some(messages::plan::NO_AUTH_PHASE.to_owned()),
        (Some(CannotAsk::OnePassword), AnswerForm::Question) => Some(messages::plan::cannot_ask(service)),
        (_, AnswerForm::OneAnswer) if service == "sshd" => Some(messages::plan::SSHD_BY_HAND.to_owned()),
        (_, AnswerForm::AppPasswords)
            if host.config.app_password.is_interactive(service) || is_inner(service) || is_for_people(service) =>
        {
            Some(messages::plan::IS_INTERACTIVE.to_owned())
        }
        _ => None,
    }
}

/// Why lines that are there already are wrong for these keys.
fn stays_wrong(files: &Files, service: &str, keys: Option<Keys>) -> Option<&'static str> {
    match (keys?, Service::new(files, service, Before::Nothing).asks_password()) {
        (Keys::WithCode | Keys::Only, AsksPassword::Always) => Some(messages::plan::NOT_BEHIND_KEY),
        (Keys::WithCode | Keys::Refuse | Keys::Alone, AsksPassword::Never) => Some(messages::plan::NO_PASSWORD),
        _ => None,
    }
}

fn unfit(service: &str, why: &str) -> Error {
    Error::Failed("unfit", messages::plan::unfit(service, why))
}
