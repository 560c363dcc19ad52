//! What would happen if this user logged in now, step by step. Nothing is touched: no lock, no
//! ledger, no log line.

use std::collections::BTreeSet;

use pam_stacks::{Code, ManagementGroup, ModuleKind};
use serde::Serialize;
use twostep_core::account::Account;
use twostep_core::config::AfterGrace;
use twostep_core::login::{Attempt, Claims, Standing, rehearse};
use twostep_core::options::Mode;
use twostep_core::policy::Requirement;
use twostep_core::store::{Store, StoreError};
use twostep_core::throttle::{Class, Gate, Origin, Source};
use twostep_core::time::{Clock, SystemClock};

use super::people::opens_one;
use super::stacks::{Before, Known, Service, Way};
use super::{callers, servers};
use crate::messages;
use crate::shell;

mod conditions;
mod login;
mod offer;
mod user_state;

pub use login::{Ends, RehearsalStep, Visitors};
use offer::Offer;
use user_state::UserState;

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
    pub steps: Vec<RehearsalStep>,
    /// How it ends.
    pub ends: Ends,
    /// The end in a sentence.
    pub outcome: String,
}

/// What the pam_twostep lines do in this login.
struct Part {
    what: String,
    /// What a line returns that asks for a code.
    code: Code,
    ends: Ends,
}

impl Visitors<'_> {
    /// Goes through the login.
    pub fn rehearse(&self) -> Rehearsal {
        let mut state = UserState::of(self.person, SystemClock.now().wall.0);
        let service = Service::new(self.files, self.service, Before::Nothing);
        state.known.decided = conditions::decided(&service, self.person.name.as_str(), self.from);
        self.rehearse_of(&state)
    }

    fn rehearse_of(&self, state: &UserState) -> Rehearsal {
        let mut steps = Vec::new();
        let offer = self.sshd(&mut steps);
        let part = self.part();
        steps.push(RehearsalStep { at: "policy".to_owned(), what: part.what.clone() });
        let (ends, outcome) = match offer.ends {
            Some(ending) => ending,
            None => self.phases(&offer, &part, state, &mut steps),
        };
        // What a server does beside PAM is its own affair, however the login ends here.
        let outcome = messages::rehearsal::but(outcome, &servers::beside(self.files, self.service));
        let user = self.person.name.as_str().to_owned();
        Rehearsal { user, service: self.service.to_owned(), from: self.from.map(str::to_owned), steps, ends, outcome }
    }

    /// What policy and the account say.
    fn part(&self) -> Part {
        let (service, origin) = (self.service.to_owned(), self.origin());
        let claims = Claims { service, origin, first_step_passed: false };
        let attempt = Attempt::from_root(self.person.clone(), claims);
        match rehearse(&attempt, &self.host.config, &self.host.store, SystemClock.now()) {
            Ok(Standing { requirement, account }) => self.required(&requirement, account.as_ref()),
            Err(error) => self.unreadable(&error),
        }
    }

    fn required(&self, requirement: &Requirement, account: Option<&Account>) -> Part {
        let user = self.person.name.as_str();
        let unlisted = callers::unlisted(self.files, &self.host.config, self.service);
        match requirement {
            Requirement::Asked | Requirement::MustEnroll if unlisted.is_some() => {
                let what = messages::rehearsal::unlisted(user, self.service, unlisted.unwrap_or_default());
                Part { what, code: Code::AUTH_ERR, ends: Ends::Refused }
            }
            Requirement::Asked if self.is_closed(account).is_some() => {
                let what = self.is_closed(account).unwrap_or_default();
                Part { what: messages::rehearsal::enrolled_but(user, &what), code: Code::AUTH_ERR, ends: Ends::Refused }
            }
            Requirement::Asked if self.is_sealed(account) => {
                let what = messages::rehearsal::enrolled_but(user, messages::rehearsal::SEALED);
                Part { what, code: Code::SERVICE_ERR, ends: Ends::Refused }
            }
            Requirement::Asked => {
                let labels = account
                    .map(|account| account.authenticators.iter().map(|one| one.label.clone()).collect::<Vec<_>>());
                let what = messages::rehearsal::asked(user, &labels.unwrap_or_default().join(", "));
                Part { what, code: Code::SUCCESS, ends: Ends::InWithCode }
            }
            Requirement::NotAsked(rule) => {
                let what = messages::rehearsal::not_asked(user, rule);
                Part { what, code: Code::IGNORE, ends: Ends::InWithoutCode }
            }
            Requirement::MustEnroll => {
                let enrolls = [ManagementGroup::Auth, ManagementGroup::Account].iter().all(|phase| {
                    let stack = self.files.stack(self.service, *phase);
                    stack.ours().any(|(_, module)| module.options().is_ok_and(|options| options.enroll))
                });
                let is_open = enrolls && self.host.config.policy.after_grace == AfterGrace::Enroll;
                let what = messages::rehearsal::overdue(user, is_open);
                let (code, ends) =
                    if is_open { (Code::SUCCESS, Ends::InByEnrolling) } else { (Code::AUTH_ERR, Ends::Refused) };
                Part { what, code, ends }
            }
        }
    }

    /// Whether no verification code can be checked, since the sealing key is missing or another one.
    fn is_sealed(&self, account: Option<&Account>) -> bool {
        let key = self.host.store.seal_key();
        !account.is_none_or(|account| key.is_ok_and(|key| opens_one(&key, account)))
    }

    /// Why no code is judged now, if wrong ones have seen to that.
    fn is_closed(&self, account: Option<&Account>) -> Option<String> {
        let origin = self.origin();
        let source = Source::of(&origin, &self.host.config.policy.proxies);
        let class = account.map_or(Class::Stranger, |account| account.class_of(&source));
        let throttle = self.host.store.peek(self.person)?.throttle;
        let user = shell::as_word(self.person.name.as_str());
        match throttle.gate(&source, class, SystemClock.now().uptime, &self.host.config.limits()) {
            Gate::Open => None,
            Gate::Wait(seconds) => Some(messages::rehearsal::wait(seconds)),
            Gate::ClosedToStrangers => Some(messages::rehearsal::closed_to_strangers(&user)),
            Gate::Disabled => Some(messages::rehearsal::closed(&user)),
        }
    }

    fn origin(&self) -> Origin {
        Origin { rhost: self.from.map(str::to_owned), tty: None, real_uid: 0 }
    }

    fn unreadable(&self, error: &StoreError) -> Part {
        let what = messages::rehearsal::account_unreadable(self.person.name.as_str(), error);
        Part { what, code: Code::SERVICE_ERR, ends: Ends::Refused }
    }

    /// Goes through the lines of both phases.
    fn phases(&self, offer: &Offer, part: &Part, state: &UserState, steps: &mut Vec<RehearsalStep>) -> (Ends, String) {
        let service = &Service::new(self.files, self.service, offer.before);
        if let Some(why) = service.broken() {
            steps.push(RehearsalStep { at: "PAM".to_owned(), what: messages::rehearsal::given_up(why) });
            return (Ends::Refused, messages::rehearsal::SERVICE_UNREADABLE.to_owned());
        }
        let auth = match self.auth(service, offer, (part, &state.known), steps) {
            Ok(auth) => auth,
            Err(why) => return (Ends::Refused, why),
        };
        let asks = auth.way.iter().any(|(index, _)| service.asks_at(*index));
        let ours = match (offer.asks_pam, part.ends) {
            // Nobody was asked in this login, and the pam_twostep line knows it.
            (false, Ends::InWithoutCode) => Code::IGNORE,
            (false, _) if service.requires_step() => Code::PERM_DENIED,
            (false, _) => Code::IGNORE,
            (true, Ends::Refused) => Code::PERM_DENIED,
            (true, _) => part.code,
        };
        let account = service.likely_account(ours, &state.known);
        if let Some(account) = &account {
            self.tell(service, ManagementGroup::Account, account, part, steps);
        }
        if account.as_ref().is_some_and(|account| !account.lets_in) {
            return (Ends::Refused, messages::rehearsal::IN_ACCOUNT_PHASE.to_owned());
        }
        let no_shell = state.no_shell.as_ref().map(|shell| shell.display().to_string());
        if let Some(shell) = no_shell.as_ref().filter(|_| ["login", "su", "su-l", "remote"].contains(&self.service)) {
            return (Ends::Refused, messages::rehearsal::no_shell(shell));
        }
        let ends = if asks && part.ends != Ends::Refused { part.ends } else { Ends::InWithoutCode };
        let granted = [(ManagementGroup::Auth, Some(auth)), (ManagementGroup::Account, account)];
        let granted = granted.into_iter().filter_map(|(phase, way)| Some((phase, way?)));
        let granted = granted.flat_map(|(phase, way)| granted_by(service, phase, &way, &state.known));
        let of_sshd = offer.is_untold.then(|| messages::rehearsal::SSHD_ITSELF.to_owned());
        let granted = granted.chain(of_sshd).collect::<BTreeSet<_>>();
        let mut outcome = outcome(ends, asks, offer);
        if let Some(shell) = no_shell.filter(|_| self.service.starts_with("sshd")) {
            outcome = messages::rehearsal::forwarding_alone(&outcome, &shell);
        }
        (ends, messages::rehearsal::granting(&outcome, &granted))
    }

    /// Goes through the auth phase; the way through it, or why it refuses.
    fn auth(
        &self,
        service: &Service<'_>,
        offer: &Offer,
        (part, known): (&Part, &Known),
        steps: &mut Vec<RehearsalStep>,
    ) -> Result<Way, String> {
        if !offer.asks_pam {
            return Ok(Way { lets_in: true, way: Vec::new() });
        }
        let has_key = offer.before == Before::Key;
        let auth = service.likely_auth(part.code, has_key, known).ok_or(messages::rehearsal::NO_LINES)?;
        self.tell(service, ManagementGroup::Auth, &auth, part, steps);
        let asks = auth.way.iter().any(|(index, _)| service.asks_at(*index));
        if !auth.lets_in {
            return Err(messages::rehearsal::IN_AUTH_PHASE.to_owned());
        }
        if asks && part.ends == Ends::InWithCode && !offer.can_ask && !service.takes_one_answer() {
            return Err(messages::rehearsal::NOBODY_CAN_TYPE.to_owned());
        }
        Ok(auth)
    }

    fn tell(
        &self,
        service: &Service<'_>,
        phase: ManagementGroup,
        way: &Way,
        part: &Part,
        steps: &mut Vec<RehearsalStep>,
    ) {
        for (index, code) in &way.way {
            let Some(line) = service.stack(phase).lines.get(*index) else { continue };
            let ours = line.module().filter(|module| module.is_ours()).and_then(|module| module.options().ok());
            let what = match ours {
                Some(options) if phase == ManagementGroup::Auth && options.mode == Mode::SshKey => {
                    messages::rehearsal::key_returns(code.name())
                }
                Some(options) if options.mode == Mode::ForwardPass => messages::rehearsal::asks(&options.mode),
                Some(options) if phase == ManagementGroup::Auth => our_line(&options.mode, part.ends),
                _ => messages::rehearsal::returns(code.name()),
            };
            steps.push(RehearsalStep {
                at: format!("{} {}", phase.word(), line.place),
                what: format!("{}: {what}.", line.text),
            });
        }
    }
}

/// The modules whose answer is taken for granted, since only they know it.
fn granted_by(service: &Service<'_>, phase: ManagementGroup, way: &Way, known: &Known) -> Vec<String> {
    let lines = way.way.iter().filter_map(|(index, _)| service.stack(phase).lines.get(*index));
    let modules = lines.filter_map(|line| line.module()).filter(|module| {
        matches!(module.kind(), ModuleKind::Condition | ModuleKind::Guard | ModuleKind::Unknown)
            // It was looked at.
            && !module.is_nologin()
            && !known.decided.iter().any(|(at, decided, _)| *at == phase && decided == *module)
    });
    modules.map(|module| module.stem().to_owned()).collect()
}

/// What a pam_twostep line does.
fn our_line(mode: &Mode, ends: Ends) -> String {
    match ends {
        Ends::InWithCode => messages::rehearsal::asks(mode),
        Ends::InWithoutCode => messages::rehearsal::ASKS_NOTHING.to_owned(),
        Ends::InByEnrolling => messages::rehearsal::ENROLLS_LATER.to_owned(),
        Ends::Refused => messages::rehearsal::REFUSES.to_owned(),
    }
}

/// The end in a sentence.
fn outcome(ends: Ends, asks: bool, offer: &Offer) -> String {
    let outcome = match ends {
        _ if !offer.asks_pam => messages::rehearsal::PAM_FOR_NOTHING,
        Ends::InWithCode => messages::rehearsal::WITH_CODE,
        Ends::InByEnrolling => messages::rehearsal::BY_ENROLLING,
        Ends::InWithoutCode if asks => messages::rehearsal::FIRST_STEP_ALONE,
        _ => messages::rehearsal::NO_LINE_ASKS,
    };
    match &offer.beside {
        Some(way) if ends != Ends::InWithoutCode => messages::rehearsal::beside(outcome, way),
        _ => outcome.to_owned(),
    }
}

#[cfg(test)]
mod tests;
