//! The pam_twostep lines of programs that take one answer: the password with the code behind it, or an
//! application password.

use std::collections::BTreeSet;
use std::path::Path;

use pam_stacks::{Action, Code, Files, ManagementGroup, Module, ModuleKind, StackLine};

use super::lines::{AccountPlace, LineStyle, Ours, ending};
use crate::check::stacks::{Service, refuses_some};

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
pub fn app_passwords(stack: &Service<'_>, text: &str, style: LineStyle) -> Vec<String> {
    let Some(at) = first_proof(stack) else { return Vec::new() };
    let refuses = |line: &&StackLine| {
        line.through.is_empty()
            && line.module().is_some_and(refuses_some)
            && matches!(line.control.action(Code::AUTH_ERR), Action::Bad | Action::Die)
    };
    let below = stack.stack(ManagementGroup::Auth).lines.iter().filter(refuses).map(StackLine::own_line);
    let below = below.filter(|line| *line > at).collect::<BTreeSet<_>>();
    let line_at = |number: usize| text.lines().nth(number - 1).unwrap_or_default().to_owned();
    let first = below
        .iter()
        .map(|number| ending(&line_at(*number)))
        .chain([APP_PASSWORD.to_owned(), line_at(at)])
        .collect::<Vec<_>>();
    let left = text.lines().enumerate().filter(|(index, _)| !below.contains(&(index + 1))).map(|(_, line)| line);
    let left = left.collect::<Vec<_>>().join("\n");
    let ours = Ours::new(stack.name, style);
    AccountPlace::ALL.map(|place| ours.written(&left, at, &first, place)).to_vec()
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
