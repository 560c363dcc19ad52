//! The doors of the auth phase: who gets past the pam_twostep line, comes to it as a stranger, or gets in
//! although it refuses.

use std::collections::BTreeSet;

use pam_stacks::{Code, End, Module, ModuleKind, StackLine};

use super::login::{Facts, LoginCase, RIGHT};
use super::service::{Service, quoted};
use crate::finding::Finding;
use crate::messages;

/// In how many ways the auth phase lets in who should not get in so.
pub fn open_doors(service: &Service<'_>, codes: &[usize]) -> usize {
    let ends = |line: &StackLine| {
        !matches!(line.module().map(Module::kind), Some(ModuleKind::Root | ModuleKind::Condition | ModuleKind::Guard))
    };
    let past = passed_by(service, codes).into_iter().filter_map(|index| service.line(index)).filter(|line| ends(line));
    past.count() + usize::from(code_alone(service).is_some()) + lets_in(service).len()
}

/// The lines by which somebody gets in past ours.
pub fn passed_by(service: &Service<'_>, codes: &[usize]) -> BTreeSet<usize> {
    let past = service.arrivals(RIGHT).into_iter().filter(|end| end.lets_in() && end.facts.asked.is_none());
    past.filter_map(|end| end.passed_by(codes)).collect()
}

/// Which of the pam_twostep lines somebody reaches who has proved nothing.
pub fn strangers(service: &Service<'_>) -> Vec<Finding> {
    let wrong = LoginCase { is_right: false, guards_pass: true, ..RIGHT };
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

fn stranger(service: &Service<'_>, line: &StackLine, index: usize, end: &End<Facts>) -> Finding {
    let name = service.name;
    let before = end.way.iter().take_while(|(other, _)| *other < index);
    let failed = before.filter_map(|(other, _)| service.line(*other)).filter(|line| is_proof(line)).last();
    let remedy = match failed {
        Some(failed) if failed.level > line.level => messages::check_stacks::INCLUDE_FOR_SUBSTACK.to_owned(),
        Some(failed) => messages::check_stacks::end_at(&quoted(failed), &failed.place),
        None => messages::check_stacks::BEHIND_PASSWORD.to_owned(),
    };
    let claims = service
        .auth
        .ours()
        .any(|(other, module)| other == index && module.options().is_ok_and(|options| options.after_first_step));
    if claims {
        return Finding::error(
            "after-first-step-untrue",
            &line.place,
            messages::check_stacks::after_first_step_untrue(name),
            remedy,
        );
    }
    Finding::warning("strangers-asked", &line.place, messages::check_stacks::strangers_asked(name), remedy)
}

/// Whether somebody without the password fails at this line.
fn is_proof(line: &StackLine) -> bool {
    let kind = line.module().map(Module::kind);
    matches!(kind, Some(ModuleKind::Password | ModuleKind::OtherProof | ModuleKind::Unknown | ModuleKind::Deny))
}

/// Whether a code is enough without a password.
pub fn code_alone(service: &Service<'_>) -> Option<Finding> {
    let wrong = LoginCase { is_right: false, ..RIGHT };
    let ends = service.ways(wrong);
    let end = ends.iter().find(|end| end.lets_in() && !end.facts.proved && end.facts.asked.is_some())?;
    let line = service.line(end.facts.asked?)?;
    Some(Finding::error(
        "code-instead-of-password",
        &line.place,
        messages::check_stacks::code_alone(service.name),
        messages::check_stacks::REQUIRED_AND_PASSWORD,
    ))
}

/// Whether our refusal, or our failure, lets in all the same.
pub fn lets_in(service: &Service<'_>) -> Vec<Finding> {
    let answers = [
        (Code::AUTH_ERR, "wrong-code-lets-in", messages::check_stacks::WRONG_CODE),
        (Code::SERVICE_ERR, "failure-lets-in", messages::check_stacks::FAILURE),
        (Code::MODULE_UNKNOWN, "missing-module-lets-in", messages::check_stacks::MISSING_MODULE),
    ];
    let mut findings: Vec<Finding> = Vec::new();
    for (code, id, what) in answers {
        let ends = service.arrivals(LoginCase { ours: code, guards_pass: true, ..RIGHT });
        let Some(end) = ends.iter().find(|end| end.lets_in() && end.facts.asked.is_some()) else { continue };
        let Some(line) = end.facts.asked.and_then(|index| service.line(index)) else { continue };
        findings.push(Finding::error(
            id,
            &line.place,
            messages::check_stacks::lets_in(service.name, what, &quoted(line)),
            messages::check_stacks::REQUIRED_OR_REQUISITE,
        ));
    }
    findings
}
