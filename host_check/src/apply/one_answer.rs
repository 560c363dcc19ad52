//! The pam_twostep lines of programs that take one answer: the password with the code behind it, or an
//! application password.

use std::collections::BTreeSet;
use std::path::Path;

use pam_stacks::{Action, Code, Files, ManagementGroup, Module, ModuleKind, StackLine};

use super::lines::{AccountPlace, LineStyle, Ours, ending};
use crate::check::stacks::{Service, refuses_some};
use crate::messages;

const FORWARD: &str = "auth       requisite    pam_twostep.so forward_pass";
const APP_PASSWORD: &str = "auth [success=done ignore=ignore default=die] pam_twostep.so mode=app_password";

/// A text that asks for the code, with a line above the first step that takes it off the password. Modules that
/// would ask for the password once more take the one that is there.
pub fn forwarding(files: &Files, (path, text): (&Path, &str), style: LineStyle, service: &str) -> Option<String> {
    let files = files.clone().with(path, text);
    let stack = Service::new(&files, service, style.before);
    let at = above_jumps(&stack, first_proof(&stack)?);
    let own = stack.stack(ManagementGroup::Auth).lines.iter().filter(|line| line.through.is_empty());
    let asking = own.filter(|line| line.module().is_some_and(Module::asks_again)).map(StackLine::own_line);
    let asking = asking.collect::<BTreeSet<_>>();
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        lines.extend((index + 1 == at).then(|| FORWARD.to_owned()));
        lines.push(if asking.contains(&(index + 1)) { format!("{line} use_first_pass") } else { line.to_owned() });
    }
    Some(lines.join("\n") + "\n")
}

/// Texts in which an application password goes before the account's. Lines that refuse some users stand above it,
/// since a right one ends the auth phase.
///
/// # Errors
/// A line that refuses some users cannot be moved, for this reason.
pub fn app_passwords(stack: &Service<'_>, text: &str, style: LineStyle) -> Result<Vec<String>, String> {
    let Some(proof) = first_proof(stack) else { return Ok(Vec::new()) };
    let at = above_jumps(stack, proof);
    let lines = &stack.stack(ManagementGroup::Auth).lines;
    let refuses = |line: &&StackLine| {
        line.through.is_empty()
            && line.module().is_some_and(refuses_some)
            && matches!(line.control.action(Code::AUTH_ERR), Action::Bad | Action::Die)
    };
    let below = lines.iter().filter(refuses).map(StackLine::own_line);
    let below = below.filter(|line| *line > at && !is_counted(lines, *line)).collect::<BTreeSet<_>>();
    let stays = |line: &&StackLine| {
        let is_below = line.own_line() > at || (line.own_line() == at && line.through.is_empty());
        is_below && line.own_line() != proof && !below.contains(&line.own_line()) && may_restrict(line)
    };
    if let Some(line) = lines.iter().find(stays) {
        return Err(messages::plan::restricts_below(&line.text, &line.place.to_string()));
    }
    let line_at = |number: usize| text.lines().nth(number - 1).unwrap_or_default().to_owned();
    let moved = below.iter().map(|number| ending(&line_at(*number)));
    let first = moved.chain([APP_PASSWORD.to_owned(), line_at(at)]).collect::<Vec<_>>();
    let left = text.lines().enumerate().filter(|(index, _)| !below.contains(&(index + 1))).map(|(_, line)| line);
    let left = left.collect::<Vec<_>>().join("\n");
    let ours = Ours::new(stack, style);
    Ok(AccountPlace::ALL.map(|place| ours.written(&left, at, &first, place)).to_vec())
}

/// Whether a line may refuse a user for whom the password is right.
fn may_restrict(line: &StackLine) -> bool {
    let decides = |module: &Module| match module.kind() {
        ModuleKind::Condition => !matches!(module.stem(), "pam_localuser" | "pam_usertype"),
        kind => matches!(kind, ModuleKind::Guard | ModuleKind::OtherProof | ModuleKind::Unknown),
    };
    let ends = matches!(line.control.action(Code::AUTH_ERR), Action::Bad | Action::Die);
    line.module().is_some_and(decides) && (ends || line.control.jumps().next().is_some())
}

/// Whether a jump counts this line of the service's file.
fn is_counted(lines: &[StackLine], own_line: usize) -> bool {
    let Some(place) = lines.iter().position(|line| line.own_line() == own_line) else { return false };
    let mut before = lines.iter().enumerate().take(place);
    before.any(|(index, line)| line.control.jumps().any(|count| index + count >= place))
}

/// The nearest line of the service's file, from 1, above which a line can be added that no jump counts: this one
/// or one above it.
fn above_jumps(stack: &Service<'_>, at: usize) -> usize {
    let lines = &stack.stack(ManagementGroup::Auth).lines;
    let mut place = lines.iter().position(|line| line.own_line() == at).unwrap_or_default();
    let over = |place: usize| {
        let mut before = lines.iter().enumerate().take(place);
        before.position(|(index, line)| line.control.jumps().any(|count| index + count >= place))
    };
    while let Some(jumping) = over(place) {
        place = jumping;
    }
    lines.get(place).map_or(at, StackLine::own_line)
}

/// The line of the service's file, from 1, that brings the first proof.
fn first_proof(stack: &Service<'_>) -> Option<usize> {
    let proves = |module: &Module| matches!(module.kind(), ModuleKind::Password | ModuleKind::Unknown);
    let mut lines = stack.stack(ManagementGroup::Auth).lines.iter();
    lines.find(|line| line.module().is_some_and(proves)).map(StackLine::own_line)
}
