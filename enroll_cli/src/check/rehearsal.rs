//! What would happen if this user logged in now, step by step. Nothing is touched: no lock, no
//! ledger, no log line.

use serde::Serialize;
use twostep_core::account::Account;
use twostep_core::config::AfterGrace;
use twostep_core::login::would_hold;
use twostep_core::options::Mode;
use twostep_core::policy::{Requirement, Rule, Visit};
use twostep_core::store::{Store, StoreError};
use twostep_core::throttle::{Gate, Origin, Source};
use twostep_core::time::{Clock, SystemClock};
use twostep_core::username::Person;

use super::stacks::{Before, Service, Way};
use crate::host::Host;
use crate::stack::{Code, Files, Phase};
use crate::{dates, layout};

mod offer;

use offer::Offer;

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
        let offer = self.sshd(&mut steps);
        let part = self.part();
        steps.push(Step { at: "policy".to_owned(), what: part.what.clone() });
        let (ends, outcome) = match offer.ends {
            Some(ending) => ending,
            None => self.phases(&offer, &part, &mut steps),
        };
        let user = self.person.name.as_str().to_owned();
        Rehearsal { user, service: self.service.to_owned(), from: self.from.map(str::to_owned), steps, ends, outcome }
    }

    /// What policy and the account say.
    fn part(&self) -> Part {
        let account = match self.host.store.find(self.person) {
            Ok(account) => account,
            Err(error) => return self.unreadable(&error),
        };
        let origin = self.origin();
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
            Requirement::Asked if self.is_closed(account).is_some() => {
                let what = self.is_closed(account).unwrap_or_default();
                Part { what: format!("{user} is enrolled, but {what}."), code: Code::AUTH_ERR, ends: Ends::Refused }
            }
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

    /// Why no code is judged now, if wrong ones have seen to that.
    fn is_closed(&self, account: Option<&Account>) -> Option<String> {
        let origin = self.origin();
        let source = Source::of(&origin, &self.host.config.policy.proxies);
        let known = account.is_some_and(|account| account.knows(source.as_str()));
        let throttle = self.host.store.peek(self.person)?.throttle;
        let user = layout::as_word(self.person.name.as_str());
        match throttle.gate(&source, known, SystemClock.now().uptime, &self.host.config.limits()) {
            Gate::Open => None,
            Gate::Wait(seconds) => {
                Some(format!("wrong codes came from there: none is judged for another {seconds} seconds"))
            }
            Gate::ClosedToStrangers => Some(format!(
                "too many wrong codes came, so from an unknown place only a recovery code counts; to end it: twostep admin unlock {user}"
            )),
            Gate::Disabled => Some(format!(
                "too many wrong codes came, so only a recovery code counts; to end it: twostep admin unlock {user}"
            )),
        }
    }

    fn origin(&self) -> Origin {
        Origin { rhost: self.from.map(str::to_owned), tty: None, real_uid: 0 }
    }

    fn unreadable(&self, error: &StoreError) -> Part {
        let what =
            format!("The account of {} does not count, so the login is refused: {error}.", self.person.name.as_str());
        Part { what, code: Code::SERVICE_ERR, ends: Ends::Refused }
    }

    /// Goes through the lines of both phases.
    fn phases(&self, offer: &Offer, part: &Part, steps: &mut Vec<Step>) -> (Ends, String) {
        let service = &Service::new(self.files, self.service, offer.before);
        if let Some(why) = service.broken() {
            steps.push(Step { at: "PAM".to_owned(), what: format!("libpam gives the service up: {why}.") });
            return (Ends::Refused, "The login is refused: PAM cannot read the service.".to_owned());
        }
        let asks = match self.auth(service, offer, part, steps) {
            Ok(asks) => asks,
            Err(why) => return (Ends::Refused, why),
        };
        let ours = match (offer.asks_pam, part.ends) {
            // Nobody was asked in this login, and our line knows it.
            (false, Ends::InWithoutCode) => Code::IGNORE,
            (false, _) if service.requires_step() => Code::PERM_DENIED,
            (false, _) => Code::IGNORE,
            (true, Ends::Refused) => Code::PERM_DENIED,
            (true, _) => part.code,
        };
        let account = service.likely_account(ours);
        if let Some(account) = &account {
            self.tell(service, Phase::Account, account, part, steps);
        }
        if account.is_some_and(|account| !account.lets_in) {
            return (Ends::Refused, "The login is refused in the account phase.".to_owned());
        }
        let ends = if asks && part.ends != Ends::Refused { part.ends } else { Ends::InWithoutCode };
        (ends, outcome(ends, asks, offer))
    }

    /// Goes through the auth phase; whether a line of ours asked in it, or why it refuses.
    fn auth(&self, service: &Service<'_>, offer: &Offer, part: &Part, steps: &mut Vec<Step>) -> Result<bool, String> {
        if !offer.asks_pam {
            return Ok(false);
        }
        let auth = service
            .likely_auth(part.code, offer.before == Before::Key)
            .ok_or("The login is refused: the service has no lines.")?;
        self.tell(service, Phase::Auth, &auth, part, steps);
        let asks = auth.way.iter().any(|(index, _)| service.asks_at(*index));
        if !auth.lets_in {
            return Err("The login is refused in the auth phase.".to_owned());
        }
        if asks && part.ends == Ends::InWithCode && !offer.can_ask && !service.takes_one_answer() {
            return Err(
                "The login is refused: sshd offers no keyboard-interactive, so nobody can type the code.".to_owned()
            );
        }
        Ok(asks)
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

/// The end in a sentence.
fn outcome(ends: Ends, asks: bool, offer: &Offer) -> String {
    let outcome = match ends {
        _ if !offer.asks_pam => "The login succeeds with the first step alone: sshd asks PAM for nothing.",
        Ends::InWithCode => "The login succeeds with the first step and a code.",
        Ends::InByEnrolling => "The login succeeds when the user has enrolled in it.",
        Ends::InWithoutCode if asks => "The login succeeds with the first step alone.",
        _ => "The login succeeds with the first step alone: no line of ours asks for a code there.",
    };
    match &offer.beside {
        Some(way) if ends != Ends::InWithoutCode => format!("{outcome} With {way} alone it succeeds without a code."),
        _ => outcome.to_owned(),
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
mod tests;
