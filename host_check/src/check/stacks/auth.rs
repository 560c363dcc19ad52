//! The auth phase, explored: nobody gets in without our line, no stranger comes to it, and nobody
//! is refused by it who is not asked.

use std::collections::BTreeSet;

use pam_stacks::{Code, End, Kind, Line, Module, explore};
use twostep_core::options::Mode;

use super::{Before, Service, ours, quoted, reached, refused, with_mode};
use crate::finding::Finding;
use crate::words;

/// A kind of login.
#[derive(Clone, Copy)]
pub(super) struct Login {
    /// Whether the password is right, or whatever else a module asks for.
    pub is_right: bool,
    /// Whether sshd has accepted a key.
    pub has_key: bool,
    /// What our lines return that ask for something.
    pub ours: Code,
    /// Whether modules that guard a door let everyone through.
    pub guards_pass: bool,
}

/// What is true of a way so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Facts {
    /// A first step was proved.
    proved: bool,
    /// The last line of ours that asked.
    pub asked: Option<usize>,
    /// Whether one of ours asked somebody who had proved nothing.
    asked_stranger: Option<usize>,
}

/// Everything that the auth phase shows.
pub fn findings(service: &Service<'_>) -> Vec<Finding> {
    let codes = with_mode(&service.auth, Mode::Code);
    let mut findings = Vec::new();
    if !codes.is_empty() {
        findings.extend(skipped(service, &codes));
        findings.extend(strangers(service));
        findings.extend(code_alone(service));
        findings.extend(refused::findings(service, &codes));
        findings.extend(twice(service, &codes));
    }
    findings.extend(lets_in(service));
    findings
}

/// In how many ways the auth phase lets in who should not get in so.
pub(super) fn open_doors(service: &Service<'_>, codes: &[usize]) -> usize {
    let ends =
        |line: &Line| !matches!(line.module().map(Module::kind), Some(Kind::Root | Kind::Condition | Kind::Guard));
    let past = passed_by(service, codes).into_iter().filter_map(|index| service.line(index)).filter(|line| ends(line));
    past.count() + usize::from(code_alone(service).is_some()) + lets_in(service).len()
}

impl Service<'_> {
    fn ways(&self, login: Login) -> Vec<End<Facts>> {
        let proved = login.has_key || self.before == Before::Key;
        let start = Facts { proved, asked: None, asked_stranger: None };
        explore(&self.auth, start, &|facts, index, line| self.returns(login, *facts, index, line))
    }

    /// Each kind of login that can come: with a key only where sshd tells of one.
    pub(super) fn arrivals(&self, login: Login) -> Vec<End<Facts>> {
        let mut ends = self.ways(login);
        if !with_mode(&self.auth, Mode::SshKey).is_empty() {
            ends.extend(self.ways(Login { has_key: true, ..login }));
        }
        ends
    }

    fn returns(&self, login: Login, facts: Facts, index: usize, line: &Line) -> Vec<(Code, Facts)> {
        let all = |codes: &[Code]| codes.iter().map(|code| (*code, facts)).collect::<Vec<_>>();
        let Some(module) = line.module() else { return all(&[Code::PERM_DENIED]) };
        if self.is_missing(line) {
            return all(&[Code::MODULE_UNKNOWN]);
        }
        let proved = (Code::SUCCESS, Facts { proved: true, ..facts });
        match module.kind() {
            Kind::Ours => self.our_returns(login, facts, index),
            Kind::Permit => all(&[Code::SUCCESS]),
            Kind::Deny => all(&[Code::AUTH_ERR]),
            Kind::Root if login.is_right && !login.guards_pass => all(&[Code::SUCCESS, Code::AUTH_ERR]),
            Kind::Root => all(&[Code::AUTH_ERR]),
            Kind::Password if login.is_right => vec![proved, (Code::USER_UNKNOWN, facts)],
            Kind::Password => all(&[Code::AUTH_ERR, Code::USER_UNKNOWN]),
            Kind::OtherProof | Kind::Unknown if login.is_right => {
                vec![proved, (Code::AUTH_ERR, facts), (Code::IGNORE, facts)]
            }
            Kind::OtherProof | Kind::Unknown => all(&[Code::AUTH_ERR, Code::IGNORE]),
            Kind::Condition if module.is_for_listed_users() => all(&[Code::SUCCESS, Code::IGNORE, Code::AUTH_ERR]),
            Kind::Condition => all(&[Code::SUCCESS, Code::AUTH_ERR]),
            // It counts a failure, and comes only where there was one.
            Kind::Guard if module.arguments.iter().any(|word| word == "authfail") => all(&[Code::AUTH_ERR]),
            Kind::Guard if login.guards_pass => all(&[Code::SUCCESS, Code::IGNORE]),
            Kind::Guard => all(&[Code::SUCCESS, Code::IGNORE, Code::AUTH_ERR]),
            Kind::Service => all(&[Code::SUCCESS, Code::IGNORE]),
        }
    }

    fn our_returns(&self, login: Login, facts: Facts, index: usize) -> Vec<(Code, Facts)> {
        let Some((_, options)) = ours(&self.auth).into_iter().find(|(line, _)| *line == index) else {
            return vec![(Code::SERVICE_ERR, facts)];
        };
        let asked = Facts { asked: Some(index), ..facts };
        match options.mode {
            Mode::SshKey if facts.proved && login.has_key => vec![(Code::SUCCESS, facts)],
            Mode::SshKey => vec![(Code::IGNORE, facts)],
            // The right one is the first step too; who has none goes on to the account's password.
            Mode::AppPassword if login.ours == Code::SUCCESS => {
                vec![(Code::SUCCESS, Facts { proved: true, ..asked }), (Code::IGNORE, facts)]
            }
            Mode::AppPassword => vec![(login.ours, asked)],
            Mode::Code if facts.proved || options.brings_password() => vec![(login.ours, asked)],
            Mode::Code => vec![(login.ours, Facts { asked_stranger: facts.asked_stranger.or(Some(index)), ..asked })],
        }
    }

    pub(super) fn line(&self, index: usize) -> Option<&Line> {
        self.auth.lines.get(index)
    }
}

/// Everything that is asked is right.
pub(super) const RIGHT: Login = Login { is_right: true, has_key: false, ours: Code::SUCCESS, guards_pass: false };

/// The lines by which somebody gets in past ours.
fn passed_by(service: &Service<'_>, codes: &[usize]) -> BTreeSet<usize> {
    let past = service.arrivals(RIGHT).into_iter().filter(|end| end.lets_in() && end.facts.asked.is_none());
    past.filter_map(|end| end.passed_by(codes)).collect()
}

/// Who gets in past our lines, and by which line.
fn skipped(service: &Service<'_>, codes: &[usize]) -> Vec<Finding> {
    passed_by(service, codes).into_iter().filter_map(|index| past_by(service, index, codes)).collect()
}

fn past_by(service: &Service<'_>, index: usize, codes: &[usize]) -> Option<Finding> {
    let line = service.line(index)?;
    let name = service.name;
    let written = quoted(line);
    let place = &line.place;
    let kind = line.module().map(Module::kind);
    Some(match kind? {
        Kind::Root => return None,
        Kind::Condition | Kind::Guard => Finding::notice(
            "second-step-by-condition",
            place,
            words::check_stacks::by_condition(name, &written),
            words::check_stacks::CONDITION_MEANT,
        ),
        Kind::OtherProof => Finding::warning(
            "second-step-skipped-by-other-proof",
            place,
            words::check_stacks::other_proof(name, &written),
            words::check_stacks::OTHER_PROOF_JUMP,
        ),
        Kind::Ours => {
            Finding::warning("key-alone", place, words::check_stacks::key_alone(name), words::check_stacks::KEY_JUMP)
        }
        _ => Finding::error(
            "second-step-skipped",
            place,
            words::check_stacks::skipped(name, &written),
            reached::tried(service, index, codes).unwrap_or_else(|| words::check_stacks::take_ours_out(name)),
        ),
    })
}

/// Which of our lines somebody reaches who has proved nothing.
pub(super) fn strangers(service: &Service<'_>) -> Vec<Finding> {
    let wrong = Login { is_right: false, guards_pass: true, ..RIGHT };
    let ends = service.ways(wrong);
    let reached = ends.iter().filter_map(|end| Some((end.facts.asked_stranger?, end)));
    let mut findings: Vec<Finding> = Vec::new();
    for (index, end) in reached {
        let Some(line) = service.line(index) else { continue };
        let finding = stranger(service, line, index, end);
        if findings.iter().all(|other| other.about != finding.about) {
            findings.push(finding);
        }
    }
    findings
}

fn stranger(service: &Service<'_>, line: &Line, index: usize, end: &End<Facts>) -> Finding {
    let name = service.name;
    let before = end.way.iter().take_while(|(other, _)| *other < index);
    let failed = before.filter_map(|(other, _)| service.line(*other)).filter(|line| is_proof(line)).last();
    let remedy = match failed {
        Some(failed) if failed.level > line.level => words::check_stacks::INCLUDE_FOR_SUBSTACK.to_owned(),
        Some(failed) => words::check_stacks::end_at(&quoted(failed), &failed.place),
        None => words::check_stacks::BEHIND_PASSWORD.to_owned(),
    };
    let claims = service
        .auth
        .ours()
        .any(|(other, module)| other == index && module.options().is_ok_and(|options| options.after_first_step));
    if claims {
        return Finding::error(
            "after-first-step-untrue",
            &line.place,
            words::check_stacks::after_first_step_untrue(name),
            remedy,
        );
    }
    Finding::warning("strangers-asked", &line.place, words::check_stacks::strangers_asked(name), remedy)
}

/// Whether somebody without the password fails at this line.
fn is_proof(line: &Line) -> bool {
    let kind = line.module().map(Module::kind);
    matches!(kind, Some(Kind::Password | Kind::OtherProof | Kind::Unknown | Kind::Deny))
}

/// Whether a code is enough without a password.
fn code_alone(service: &Service<'_>) -> Option<Finding> {
    let wrong = Login { is_right: false, ..RIGHT };
    let ends = service.ways(wrong);
    let end = ends.iter().find(|end| end.lets_in() && !end.facts.proved && end.facts.asked.is_some())?;
    let line = service.line(end.facts.asked?)?;
    Some(Finding::error(
        "code-instead-of-password",
        &line.place,
        words::check_stacks::code_alone(service.name),
        words::check_stacks::REQUIRED_AND_PASSWORD,
    ))
}

/// Whether our refusal, or our failure, lets in all the same.
fn lets_in(service: &Service<'_>) -> Vec<Finding> {
    let answers = [
        (Code::AUTH_ERR, "wrong-code-lets-in", words::check_stacks::WRONG_CODE),
        (Code::SERVICE_ERR, "failure-lets-in", words::check_stacks::FAILURE),
        (Code::MODULE_UNKNOWN, "missing-module-lets-in", words::check_stacks::MISSING_MODULE),
    ];
    let mut findings: Vec<Finding> = Vec::new();
    for (code, id, what) in answers {
        let ends = service.arrivals(Login { ours: code, guards_pass: true, ..RIGHT });
        let Some(end) = ends.iter().find(|end| end.lets_in() && end.facts.asked.is_some()) else { continue };
        let Some(line) = end.facts.asked.and_then(|index| service.line(index)) else { continue };
        findings.push(Finding::error(
            id,
            &line.place,
            words::check_stacks::lets_in(service.name, what, &quoted(line)),
            words::check_stacks::REQUIRED_OR_REQUISITE,
        ));
    }
    findings
}

/// A login that is asked for two codes: the second has to be another one than the first.
fn twice(service: &Service<'_>, codes: &[usize]) -> Option<Finding> {
    let ends = service.arrivals(Login { guards_pass: true, ..RIGHT });
    let asked = |end: &End<Facts>| {
        let asking = end.way.iter().map(|(index, _)| *index).filter(|index| codes.contains(index)).collect::<Vec<_>>();
        (end.lets_in() && asking.len() > 1).then_some(asking)
    };
    let asking = ends.iter().find_map(asked)?;
    let (first, second) = (service.line(*asking.first()?)?, service.line(*asking.get(1)?)?);
    Some(Finding::error(
        "second-step-twice",
        &second.place,
        words::check_stacks::twice(service.name, &first.place),
        words::check_stacks::one_of_two_out(&first.place, &second.place),
    ))
}

/// The way of a login that brings what is asked, our lines returning this: with the password, and
/// with a key where the stack knows of keys. Where modules may decide this way or that, the way is
/// given in which the password is right where it is asked first, and nothing but the password proves.
pub fn likely(service: &Service<'_>, ours: Code, has_key: bool) -> Option<(bool, Vec<(usize, Code)>)> {
    let login = Login { ours, has_key, guards_pass: true, ..RIGHT };
    let odd = |(index, code): &(usize, Code)| {
        let is_right = *code == Code::SUCCESS;
        match service.line(*index).and_then(Line::module).map(Module::kind) {
            Some(Kind::Password | Kind::Unknown) => !is_right,
            Some(Kind::OtherProof) => is_right,
            _ => false,
        }
    };
    let oddities = |end: &End<Facts>| end.way.iter().filter(|step| odd(step)).count();
    let ends = service.ways(login);
    let best = ends
        .into_iter()
        .min_by_key(|end| (!end.facts.proved, oddities(end), !end.lets_in(), end.facts.asked.is_none()))?;
    Some((best.lets_in(), best.way))
}
