//! The auth phase, explored: nobody gets in without the pam_twostep line, no stranger comes to it, and nobody
//! is refused by it who is not asked.

use std::collections::BTreeSet;

use pam_stacks::{Action, Code, End, Module, ModuleKind, StackLine};
use twostep_core::options::Mode;

use super::doors::{code_alone, lets_in, passed_by, strangers};
use super::login::{Facts, LoginCase, RIGHT};
use super::service::{Service, quoted, with_mode};
use super::{reached, refused};
use crate::finding::Finding;
use crate::messages;

/// Everything that the auth phase shows.
pub fn findings(service: &Service<'_>) -> Vec<Finding> {
    let codes = with_mode(&service.auth, Mode::Code);
    let asking = [codes.clone(), with_mode(&service.auth, Mode::AppPassword)].concat();
    let mut findings = Vec::new();
    if !asking.is_empty() {
        findings.extend(skipped(service, &asking));
    }
    if !codes.is_empty() {
        findings.extend(strangers(service));
        findings.extend(code_alone(service));
        findings.extend(refused::findings(service, &codes));
        findings.extend(twice(service, &codes));
        findings.extend(asked_in_vain(service, &codes));
        findings.extend(of_another(service, &codes));
    }
    findings.extend(forwarded(service, &codes));
    findings.extend(lets_in(service));
    findings
}

/// Lines with forward_pass whose code no line behind them asks for, or that come when the password is known.
fn forwarded(service: &Service<'_>, codes: &[usize]) -> Vec<Finding> {
    let found = with_mode(&service.auth, Mode::ForwardPass).into_iter().filter_map(|index| {
        let line = service.line(index)?;
        if !codes.iter().any(|code| *code > index) {
            return Some(Finding::error(
                "forwarded-code-not-asked",
                &line.place,
                messages::check_stacks::forwarded_code_not_asked(service.name, &quoted(line)),
                messages::check_stacks::ASK_BEHIND_PASSWORD,
            ));
        }
        if let Some(past) = forwarded_past(service, index, codes) {
            return Some(Finding::error(
                "forwarded-code-not-asked",
                &past.place,
                messages::check_stacks::forwarded_past(service.name, &quoted(past)),
                messages::check_stacks::EXEMPT_INSTEAD,
            ));
        }
        if with_mode(&service.auth, Mode::ForwardPass).iter().any(|other| *other < index) {
            return Some(Finding::warning(
                "forward-pass-too-late",
                &line.place,
                messages::check_stacks::forwarded_twice(service.name, &quoted(line)),
                messages::check_stacks::ONE_FORWARD,
            ));
        }
        let asks_again = |line: &&StackLine| line.module().is_some_and(Module::asks_again);
        if let Some(asking) = (index..).map_while(|index| service.line(index)).find(asks_again) {
            return Some(Finding::warning(
                "forwarded-password-not-taken",
                &asking.place,
                messages::check_stacks::forwarded_password_not_taken(service.name, &quoted(asking)),
                messages::check_stacks::TRY_FIRST_PASS,
            ));
        }
        let proves = |line: &StackLine| line.module().is_some_and(|module| module.kind() == ModuleKind::Password);
        let before = (0..index).filter_map(|index| service.line(index)).find(|line| proves(line))?;
        Some(Finding::warning(
            "forward-pass-too-late",
            &line.place,
            messages::check_stacks::forward_pass_too_late(service.name, &quoted(line), &quoted(before)),
            messages::check_stacks::FORWARD_BEFORE_PASSWORD,
        ))
    });
    found.collect()
}

/// Who gets in past the pam_twostep lines, and by which line.
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
        ModuleKind::Root => return None,
        ModuleKind::Condition | ModuleKind::Guard => Finding::notice(
            "second-step-by-condition",
            place,
            messages::check_stacks::by_condition(name, &written),
            messages::check_stacks::CONDITION_MEANT,
        ),
        ModuleKind::OtherProof => Finding::warning(
            "second-step-skipped-by-other-proof",
            place,
            messages::check_stacks::other_proof(name, &written),
            messages::check_stacks::OTHER_PROOF_JUMP,
        ),
        ModuleKind::Ours => Finding::warning(
            "key-alone",
            place,
            messages::check_stacks::key_alone(name),
            messages::check_stacks::KEY_JUMP,
        ),
        _ => Finding::error(
            "second-step-skipped",
            place,
            messages::check_stacks::skipped(name, &written),
            reached::tried(service, index, codes).unwrap_or_else(|| messages::check_stacks::take_ours_out(name)),
        ),
    })
}

/// A line by which some come past the question, although a line with forward_pass has divided their answer: the
/// account phase refuses them.
fn forwarded_past<'a>(service: &'a Service<'_>, forward: usize, codes: &[usize]) -> Option<&'a StackLine> {
    let ends = service.arrivals(RIGHT);
    let mut past = ends.iter().filter(|end| {
        let ran = |line: &usize| end.way.iter().any(|(index, _)| index == line);
        end.lets_in() && ran(&forward) && !codes.iter().any(ran)
    });
    past.find_map(|end| service.line(end.passed_by(codes)?))
}

/// Lines that refuse a login and let it go on to the question for the code.
fn asked_in_vain(service: &Service<'_>, codes: &[usize]) -> Vec<Finding> {
    let mut before = BTreeSet::new();
    for end in service.arrivals(RIGHT) {
        let asked = end.way.iter().rposition(|(index, _)| codes.contains(index)).unwrap_or_default();
        before.extend(end.way.iter().take(asked).map(|(index, _)| *index));
    }
    let lines = before.into_iter().filter_map(|index| service.line(index));
    lines
        .filter(|line| line.module().is_some_and(refuses_some) && line.control.action(Code::AUTH_ERR) == Action::Bad)
        .map(|line| {
            Finding::warning(
                "asked-in-vain",
                &line.place,
                messages::check_stacks::asked_in_vain(service.name, &quoted(line)),
                messages::check_stacks::refusal_ends(&quoted(line), &line.place),
            )
        })
        .collect()
}

/// Lines that ask for the second step of another program, of those who are asked for ours too.
fn of_another(service: &Service<'_>, codes: &[usize]) -> Vec<Finding> {
    let mut beside = BTreeSet::new();
    for end in service.arrivals(LoginCase { guards_pass: true, ..RIGHT }) {
        // In place of the password it is the first step.
        let has_password = |(index, code): &(usize, Code)| {
            let kind = service.line(*index).and_then(StackLine::module).map(Module::kind);
            *code == Code::SUCCESS && kind == Some(ModuleKind::Password)
        };
        if end.way.iter().any(|(index, _)| codes.contains(index)) && end.way.iter().any(has_password) {
            beside.extend(end.way.iter().filter(|(_, code)| *code == Code::SUCCESS).map(|(index, _)| *index));
        }
    }
    let lines = beside.into_iter().filter_map(|index| service.line(index));
    lines
        .filter(|line| line.module().is_some_and(Module::is_second_step))
        .map(|line| {
            Finding::warning(
                "second-step-of-another",
                &line.place,
                messages::check_stacks::of_another(service.name, &quoted(line)),
                messages::check_remedies::take_out(&format!("{} ({})", quoted(line), line.place)),
            )
        })
        .collect()
}

/// Whether a module refuses some users without asking them anything.
pub fn refuses_some(module: &Module) -> bool {
    // pam_sepermit refuses only users in its list, and pam_issue refuses nobody.
    matches!(module.kind(), ModuleKind::Condition | ModuleKind::Guard)
        && !module.is_for_listed_users()
        && module.stem() != "pam_issue"
}

/// A login that is asked for two codes: the second has to be another one than the first.
fn twice(service: &Service<'_>, codes: &[usize]) -> Option<Finding> {
    let ends = service.arrivals(LoginCase { guards_pass: true, ..RIGHT });
    let asked = |end: &End<Facts>| {
        let asking = end.way.iter().map(|(index, _)| *index).filter(|index| codes.contains(index)).collect::<Vec<_>>();
        (end.lets_in() && asking.len() > 1).then_some(asking)
    };
    let asking = ends.iter().find_map(asked)?;
    let (first, second) = (service.line(*asking.first()?)?, service.line(*asking.get(1)?)?);
    Some(Finding::error(
        "second-step-twice",
        &second.place,
        messages::check_stacks::twice(service.name, &first.place),
        messages::check_stacks::one_of_two_out(&first.place, &second.place),
    ))
}
