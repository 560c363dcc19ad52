//! Logins of every kind, led through the auth phase.

use pam_stacks::{Code, End, ManagementGroup, Module, ModuleKind, StackLine, explore};
use twostep_core::options::Mode;

use super::service::{Before, Service, Way, ours, with_mode};

/// A kind of login.
#[derive(Clone, Copy)]
pub struct LoginCase<'a> {
    /// Whether the password is right, or whatever else a module asks for.
    pub is_right: bool,
    /// Whether sshd has accepted a key.
    pub has_key: bool,
    /// What the pam_twostep lines return that ask for something.
    pub ours: Code,
    /// Whether modules that guard a door let everyone through.
    pub guards_pass: bool,
    /// What is known of the user.
    pub known: &'a Known,
}

/// What is known of one user, by which some modules decide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// No password of theirs is right.
    pub is_locked: bool,
    /// The account's time is over.
    pub is_expired: bool,
    /// The host lets nobody in but root (nologin(5)).
    pub is_closed: bool,
    /// Modules that were run by themselves, and what each returned.
    pub decided: Vec<(ManagementGroup, Module, Code)>,
}

impl Known {
    /// What this module returns for it in this phase, where that is certain.
    pub(super) fn returns(&self, module: &Module, phase: ManagementGroup) -> Option<Code> {
        let is_this = |(at, decided, _): &&(ManagementGroup, Module, Code)| *at == phase && decided == module;
        if let Some((.., code)) = self.decided.iter().find(is_this) {
            return Some(*code);
        }
        match module.stem() {
            _ if module.is_nologin() && self.is_closed => Some(Code::AUTH_ERR),
            "pam_unix" if self.is_locked && phase == ManagementGroup::Auth => Some(Code::AUTH_ERR),
            "pam_unix" if self.is_expired && phase == ManagementGroup::Account => Some(Code::ACCT_EXPIRED),
            _ => None,
        }
    }
}

/// Everything that is asked is right.
pub const RIGHT: LoginCase<'static> =
    LoginCase { is_right: true, has_key: false, ours: Code::SUCCESS, guards_pass: false, known: &UNKNOWN };

static UNKNOWN: Known = Known { is_locked: false, is_expired: false, is_closed: false, decided: Vec::new() };

/// What is true of a way so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Facts {
    /// A first step was proved.
    pub proved: bool,
    /// The last pam_twostep line that asked.
    pub asked: Option<usize>,
    /// Whether one of ours asked somebody who had proved nothing.
    pub asked_stranger: Option<usize>,
}

impl Service<'_> {
    /// Every way of this login.
    pub(super) fn ways(&self, login: LoginCase<'_>) -> Vec<End<Facts>> {
        let proved = login.has_key || self.before == Before::Key;
        let start = Facts { proved, asked: None, asked_stranger: None };
        explore(&self.auth, start, &|facts, index, line| self.returns(login, *facts, index, line))
    }

    /// Whether no login passes both phases, whatever it brings.
    pub(super) fn lets_nobody_in(&self) -> bool {
        let anybody = LoginCase { guards_pass: true, ..RIGHT };
        !self.arrivals(anybody).iter().any(End::lets_in) || !self.account_lets_in()
    }

    /// Each kind of login that can come: with a key only where sshd tells of one.
    pub(super) fn arrivals(&self, login: LoginCase<'_>) -> Vec<End<Facts>> {
        let mut ends = self.ways(login);
        if !with_mode(&self.auth, Mode::SshKey).is_empty() {
            ends.extend(self.ways(LoginCase { has_key: true, ..login }));
        }
        ends
    }

    fn returns(&self, login: LoginCase<'_>, facts: Facts, index: usize, line: &StackLine) -> Vec<(Code, Facts)> {
        let all = |codes: &[Code]| codes.iter().map(|code| (*code, facts)).collect::<Vec<_>>();
        let Some(module) = line.module() else { return all(&[Code::PERM_DENIED]) };
        if self.is_missing(line) {
            return all(&[Code::MODULE_UNKNOWN]);
        }
        if let Some(code) = login.known.returns(module, ManagementGroup::Auth) {
            return all(&[code]);
        }
        let proved = (Code::SUCCESS, Facts { proved: true, ..facts });
        match module.kind() {
            ModuleKind::Ours => self.our_returns(login, facts, index),
            ModuleKind::Permit => all(&[Code::SUCCESS]),
            ModuleKind::Deny => all(&[Code::AUTH_ERR]),
            ModuleKind::Root if login.is_right && !login.guards_pass => all(&[Code::SUCCESS, Code::AUTH_ERR]),
            ModuleKind::Root => all(&[Code::AUTH_ERR]),
            ModuleKind::Password if login.is_right => vec![proved, (Code::USER_UNKNOWN, facts)],
            ModuleKind::Password => all(&[Code::AUTH_ERR, Code::USER_UNKNOWN]),
            ModuleKind::OtherProof | ModuleKind::Unknown if login.is_right => {
                vec![proved, (Code::AUTH_ERR, facts), (Code::IGNORE, facts)]
            }
            ModuleKind::OtherProof | ModuleKind::Unknown => all(&[Code::AUTH_ERR, Code::IGNORE]),
            ModuleKind::Condition if module.is_for_listed_users() => {
                all(&[Code::SUCCESS, Code::IGNORE, Code::AUTH_ERR])
            }
            ModuleKind::Condition => all(&[Code::SUCCESS, Code::AUTH_ERR]),
            // It counts a failure, and comes only where there was one.
            ModuleKind::Guard if module.arguments.iter().any(|word| word == "authfail") => all(&[Code::AUTH_ERR]),
            ModuleKind::Guard if login.guards_pass => all(&[Code::SUCCESS, Code::IGNORE]),
            ModuleKind::Guard => all(&[Code::SUCCESS, Code::IGNORE, Code::AUTH_ERR]),
            ModuleKind::Service => all(&[Code::SUCCESS, Code::IGNORE]),
        }
    }

    fn our_returns(&self, login: LoginCase<'_>, facts: Facts, index: usize) -> Vec<(Code, Facts)> {
        let Some((_, options)) = ours(&self.auth).into_iter().find(|(line, _)| *line == index) else {
            return vec![(Code::SERVICE_ERR, facts)];
        };
        let asked = Facts { asked: Some(index), ..facts };
        match options.mode {
            Mode::SshKey if facts.proved && login.has_key => vec![(Code::SUCCESS, facts)],
            Mode::SshKey => vec![(Code::IGNORE, facts)],
            // The right one is the first step too; who has none goes on to the account's password.
            Mode::AppPassword if login.ours == Code::SUCCESS => {
                vec![(Code::SUCCESS, Facts { proved: true, ..asked }), (Code::IGNORE, asked)]
            }
            Mode::AppPassword => vec![(login.ours, asked)],
            // It judges nothing.
            Mode::ForwardPass if matches!(login.ours, Code::SERVICE_ERR | Code::MODULE_UNKNOWN) => {
                vec![(login.ours, facts)]
            }
            Mode::ForwardPass => vec![(Code::IGNORE, facts)],
            Mode::Code if facts.proved => vec![(login.ours, asked)],
            Mode::Code => vec![(login.ours, Facts { asked_stranger: facts.asked_stranger.or(Some(index)), ..asked })],
        }
    }

    /// The way of a login that brings what is asked, the pam_twostep lines returning this: with the password, and
    /// with a key where the stack knows of keys. Where modules may decide this way or that, the way is
    /// given in which the password is right where it is asked first, and nothing but the password proves.
    pub fn likely_auth(&self, ours: Code, has_key: bool, known: &Known) -> Option<Way> {
        let login = LoginCase { ours, has_key, guards_pass: true, known, ..RIGHT };
        let odd = |(index, code): &(usize, Code)| {
            let is_right = *code == Code::SUCCESS;
            match self.line(*index).and_then(StackLine::module).map(Module::kind) {
                Some(ModuleKind::Password | ModuleKind::Unknown) => !is_right,
                Some(ModuleKind::OtherProof) => is_right,
                _ => false,
            }
        };
        let oddities = |end: &End<Facts>| end.way.iter().filter(|step| odd(step)).count();
        let ends = self.ways(login);
        let best = ends
            .into_iter()
            .min_by_key(|end| (!end.facts.proved, oddities(end), !end.lets_in(), end.facts.asked.is_none()))?;
        Some(Way { lets_in: best.lets_in(), way: best.way })
    }
}
