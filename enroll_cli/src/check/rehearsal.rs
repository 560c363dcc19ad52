//! What would happen if this user logged in now, step by step. Nothing is touched: no lock, no
//! ledger, no log line.

use serde::Serialize;
use twostep_core::account::Account;
use twostep_core::config::AfterGrace;
use twostep_core::login::would_hold;
use twostep_core::options::Mode;
use twostep_core::policy::{Requirement, Rule, Visit};
use twostep_core::store::{Store, StoreError};
use twostep_core::throttle::Origin;
use twostep_core::time::{Clock, SystemClock};
use twostep_core::username::Person;

use super::sshd::{Effective, Visitor};
use super::stacks::{Before, Service, Way};
use crate::dates;
use crate::host::Host;
use crate::stack::{Code, Files, Phase};

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Where it is decided: sshd, the configuration, a line of a file.
    pub at: String,
    /// What is so.
    pub what: String,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ends {
    /// In, after a code.
    InWithCode,
    /// In, without one.
    InWithoutCode,
    /// In, after enrolling in the login.
    InByEnrolling,
    /// Refused.
    Refused,
}

/// A login that did not happen.
#[derive(Debug, Serialize)]
pub struct Rehearsal {
    /// Who.
    pub user: String,
    /// Where to.
    pub service: String,
    /// From where, if from an address or host.
    pub from: Option<String>,
    /// What happens.
    pub steps: Vec<Step>,
    /// How it ends.
    pub ends: Ends,
    /// The end in a sentence.
    pub outcome: String,
}

/// What our lines do in this login.
struct Part {
    what: String,
    /// What a line returns that asks for a code.
    code: Code,
    ends: Ends,
}

/// A login to rehearse.
pub struct Visitors<'a> {
    /// The host.
    pub host: &'a Host,
    /// Its PAM files.
    pub files: &'a Files,
    /// Who comes.
    pub person: &'a Person,
    /// To which service.
    pub service: &'a str,
    /// From where.
    pub from: Option<&'a str>,
}

impl Visitors<'_> {
    /// Goes through the login.
    pub fn rehearse(&self) -> Rehearsal {
        let mut steps = Vec::new();
        let before = self.sshd(&mut steps);
        let service = Service::new(self.files, self.service, before);
        let part = self.part();
        steps.push(Step { at: "policy".to_owned(), what: part.what.clone() });
        let (ends, outcome) = self.phases(&service, &part, before, &mut steps);
        let user = self.person.name.as_str().to_owned();
        Rehearsal { user, service: self.service.to_owned(), from: self.from.map(str::to_owned), steps, ends, outcome }
    }

    /// What sshd offers, where it is sshd.
    fn sshd(&self, steps: &mut Vec<Step>) -> Before {
        let visitor = Visitor {
            address: self.from.unwrap_or("203.0.113.77").to_owned(),
            ..Visitor::named(self.person.name.as_str())
        };
        let config = self.files.real(std::path::Path::new(super::sshd::CONFIG));
        if !self.service.starts_with("sshd") {
            return Before::Nothing;
        }
        match Effective::ask(&config, &visitor) {
            Some(Ok(effective)) => {
                steps.push(Step { at: "sshd".to_owned(), what: effective.offers() });
                effective.before()
            }
            Some(Err(why)) => {
                steps.push(Step { at: "sshd".to_owned(), what: format!("It does not tell what it offers: {why}.") });
                Before::Nothing
            }
            None => Before::Nothing,
        }
    }

    /// What policy and the account say.
    fn part(&self) -> Part {
        let account = match self.host.store.find(self.person) {
            Ok(account) => account,
            Err(error) => return self.unreadable(&error),
        };
        let origin = Origin { rhost: self.from.map(str::to_owned), tty: None, real_uid: 0 };
        let now = SystemClock.now();
        let visit =
            Visit { person: self.person, service: self.service, origin: &origin, now: now.wall, is_remembered: false };
        let is_remembered = would_hold(&visit, &self.host.config, &self.host.store, now.uptime);
        let visit = Visit { is_remembered, ..visit };
        let requirement = self.host.config.requirement(account.as_ref(), &visit);
        self.required(&requirement, account.as_ref())
    }

    fn required(&self, requirement: &Requirement, account: Option<&Account>) -> Part {
        let user = self.person.name.as_str();
        match requirement {
            Requirement::Asked => {
                let labels = account
                    .map(|account| account.authenticators.iter().map(|one| one.label.clone()).collect::<Vec<_>>());
                let what = format!("{user} is enrolled ({}): a code is asked.", labels.unwrap_or_default().join(", "));
                Part { what, code: Code::SUCCESS, ends: Ends::InWithCode }
            }
            Requirement::NotAsked(rule) => {
                let what = format!("{user} is asked for no code: {}.", reason(rule));
                Part { what, code: Code::IGNORE, ends: Ends::InWithoutCode }
            }
            Requirement::MustEnroll => {
                let enrolls = [Phase::Auth, Phase::Account].iter().all(|phase| {
                    let stack = self.files.stack(self.service, *phase);
                    stack.ours().any(|(_, module)| module.options().is_ok_and(|options| options.enroll))
                });
                let is_open = enrolls && self.host.config.policy.after_grace == AfterGrace::Enroll;
                let what = format!(
                    "{user} had to enroll by now and has not: {}.",
                    if is_open { "this login has to" } else { "the login is refused" }
                );
                let (code, ends) =
                    if is_open { (Code::SUCCESS, Ends::InByEnrolling) } else { (Code::AUTH_ERR, Ends::Refused) };
                Part { what, code, ends }
            }
        }
    }

    fn unreadable(&self, error: &StoreError) -> Part {
        let what =
            format!("The account of {} does not count, so the login is refused: {error}.", self.person.name.as_str());
        Part { what, code: Code::SERVICE_ERR, ends: Ends::Refused }
    }

    /// Goes through the lines of both phases.
    fn phases(&self, service: &Service<'_>, part: &Part, before: Before, steps: &mut Vec<Step>) -> (Ends, String) {
        if let Some(why) = service.broken() {
            steps.push(Step { at: "PAM".to_owned(), what: format!("libpam gives the service up: {why}.") });
            return (Ends::Refused, "The login is refused: PAM cannot read the service.".to_owned());
        }
        let Some(auth) = service.likely_auth(part.code, before == Before::Key) else {
            return (Ends::Refused, "The login is refused: the service has no lines.".to_owned());
        };
        self.tell(service, Phase::Auth, &auth, part, steps);
        let asks = auth.way.iter().any(|(index, _)| service.asks_at(*index));
        if !auth.lets_in {
            return (Ends::Refused, "The login is refused in the auth phase.".to_owned());
        }
        let account = service.likely_account(if part.ends == Ends::Refused { Code::PERM_DENIED } else { part.code });
        if let Some(account) = &account {
            self.tell(service, Phase::Account, account, part, steps);
        }
        if account.is_some_and(|account| !account.lets_in) {
            return (Ends::Refused, "The login is refused in the account phase.".to_owned());
        }
        let ends = if asks && part.ends != Ends::Refused { part.ends } else { Ends::InWithoutCode };
        let outcome = match ends {
            Ends::InWithCode => "The login succeeds with the first step and a code.",
            Ends::InByEnrolling => "The login succeeds when the user has enrolled in it.",
            Ends::InWithoutCode if asks => "The login succeeds with the first step alone.",
            _ => "The login succeeds with the first step alone: no line of ours asks for a code there.",
        };
        (ends, outcome.to_owned())
    }

    fn tell(&self, service: &Service<'_>, phase: Phase, way: &Way, part: &Part, steps: &mut Vec<Step>) {
        for (index, code) in &way.way {
            let Some(line) = service.stack(phase).lines.get(*index) else { continue };
            let ours = line.module().filter(|module| module.is_ours()).and_then(|module| module.options().ok());
            let what = match ours {
                Some(options) if phase == Phase::Auth && options.mode == Mode::SshKey => {
                    format!("whether sshd accepted a key: {}", code.name())
                }
                Some(options) if phase == Phase::Auth => our_line(&options.mode, part),
                _ => format!("taken to return {}", code.name()),
            };
            steps
                .push(Step { at: format!("{} {}", phase.word(), line.place), what: format!("{}: {what}.", line.text) });
        }
    }
}

fn our_line(mode: &Mode, part: &Part) -> String {
    let asks = match mode {
        Mode::AppPassword => "an application password",
        Mode::Code | Mode::SshKey => "a code",
    };
    match part.ends {
        Ends::InWithCode => format!("asks for {asks}; a right one goes on"),
        Ends::InWithoutCode => "asks for nothing".to_owned(),
        Ends::InByEnrolling => "lets through, and the account phase enrolls".to_owned(),
        Ends::Refused => "refuses".to_owned(),
    }
}

/// A rule, for people.
fn reason(rule: &Rule) -> String {
    match rule {
        Rule::Suspended => "an administrator has switched the second step off for a time".to_owned(),
        Rule::ExemptUser => "exempt_users names them".to_owned(),
        Rule::ExemptGroup(group) => format!("exempt_groups names {group}"),
        Rule::ExemptService => "exempt_services names this service".to_owned(),
        Rule::ExemptNetwork => "exempt_networks holds this address".to_owned(),
        Rule::Remembered => "a second step was passed from there a short while ago (remember)".to_owned(),
        Rule::NotYet(since) => format!("it is required from {} on", dates::minute(since.0)),
        Rule::Grace(until) => format!("they have until {} to enroll", dates::minute(until.0)),
        Rule::NotEnrolled => "they have not enrolled, and nothing requires it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::host::scripted::host;

    const SUDO: &str = "auth requisite pam_unix.so\nauth required pam_twostep.so after_first_step\n\
                        account required pam_unix.so\naccount required pam_twostep.so";

    fn rehearsed(policy: &str, stack: &str, service: &str, from: Option<&str>) -> Rehearsal {
        let (host, _folder) = host(&format!("version = 1\n[policy]\n{policy}\n"));
        let files = Files::below(Path::new("/nonexistent")).with(Path::new("/etc/pam.d/sudo"), stack);
        let person = Person::lookup("root").unwrap().unwrap();
        Visitors { host: &host, files: &files, person: &person, service, from }.rehearse()
    }

    fn ends(policy: &str, stack: &str) -> (Ends, String) {
        let rehearsal = rehearsed(policy, stack, "sudo", Some("203.0.113.7"));
        let policy = rehearsal.steps.into_iter().find(|step| step.at == "policy").unwrap();
        (rehearsal.ends, policy.what)
    }

    #[test]
    fn each_rule_of_policy_is_told() {
        for (policy, expected) in [
            ("", "they have not enrolled"),
            ("exempt_users = [\"root\"]", "exempt_users names them"),
            ("required = true\nexempt_services = [\"sudo\"]", "exempt_services names this service"),
            ("required = true\nexempt_networks = [\"203.0.113.0/24\"]", "exempt_networks holds this address"),
            ("required = true\nsince = 2999-01-01T00:00:00Z", "it is required from 2999-01-01"),
        ] {
            let (ends, what) = ends(policy, SUDO);
            assert!(ends == Ends::InWithoutCode && what.contains(expected), "{policy}: {what}");
        }
    }

    #[test]
    fn who_must_have_enrolled_is_refused_or_enrolls_there() {
        assert_eq!(ends("required = true", SUDO).0, Ends::Refused);
        let on_one_line = SUDO.replace("after_first_step", "after_first_step enroll");
        let enrolls = format!("{on_one_line} enroll");
        assert_eq!(ends("required = true\nafter_grace = \"enroll\"", &on_one_line).0, Ends::Refused);
        assert_eq!(ends("required = true", &enrolls).0, Ends::Refused);
        assert_eq!(ends("required = true\nafter_grace = \"enroll\"", &enrolls).0, Ends::InByEnrolling);
    }

    #[test]
    fn a_stack_that_does_not_ask_or_refuses_is_told() {
        let past = "auth sufficient pam_unix.so\nauth required pam_twostep.so\naccount required pam_permit.so";
        let rehearsal = rehearsed("required = true", past, "sudo", None);
        assert!(
            rehearsal.ends == Ends::InWithoutCode && rehearsal.outcome.contains("no line of ours"),
            "{rehearsal:?}"
        );
        assert_eq!(ends("", "@include nowhere").0, Ends::Refused);
        assert_eq!(ends("", "auth required pam_deny.so").0, Ends::Refused);
        assert_eq!(rehearsed("", SUDO, "gone", None).ends, Ends::Refused);
    }

    #[test]
    fn each_line_that_runs_is_a_step() {
        let steps = rehearsed("", SUDO, "sudo", None).steps.into_iter().map(|step| step.at).collect::<Vec<_>>();
        let expected = [
            "policy",
            "auth /etc/pam.d/sudo:1",
            "auth /etc/pam.d/sudo:2",
            "account /etc/pam.d/sudo:3",
            "account /etc/pam.d/sudo:4",
        ];
        assert_eq!(steps, expected);
    }
}
