//! What to write where a line ends the stack before ours: the first change that is right where the
//! stack with it is walked.

use pam_stacks::{Control, Stack, StackLine};

use super::doors::{open_doors, strangers};
use super::login::RIGHT;
use super::refused::{permit, refuses};
use super::service::{Service, quoted};
use crate::messages;

/// The change of this line, or of what follows it, by which everybody comes to the pam_twostep line.
pub fn tried(service: &Service<'_>, index: usize, codes: &[usize]) -> Option<String> {
    let line = service.line(index)?;
    let ours = *codes.iter().find(|code| **code > index)?;
    let at = format!("{} ({})", quoted(line), line.place);
    let mut changes = vec![(messages::check_remedies::take_out(&at), without(&service.auth, index), ours - 1)];
    if let Some(control) = jump(&service.auth, index, ours) {
        let said = messages::check_remedies::control(&control, &at);
        let jumping = with_control(&service.auth, index, &control, true);
        let permitting = jumping.as_ref().and_then(|stack| with_permit(stack, ours));
        changes.push((said, jumping, ours));
        changes.push((messages::check_remedies::control_and_permit(&control, &at), permitting, ours));
    }
    let requisite = with_control(&service.auth, index, "requisite", false);
    changes.push((messages::check_remedies::requisite(&at), requisite, ours));
    let before = strangers(service).len();
    let is_right = |stack: &Option<Stack>, ours: usize| {
        let Some(auth) = stack.clone() else { return false };
        let service = Service { auth, account: service.account.clone(), ..*service };
        let lets_in = service.arrivals(RIGHT).iter().any(|end| end.lets_in() && end.facts.asked == Some(ours));
        lets_in
            && open_doors(&service, &[ours]) == 0
            && refuses(&service, ours).is_none()
            && strangers(&service).len() <= before
    };
    changes.into_iter().find(|(_, stack, ours)| is_right(stack, *ours)).map(|(says, ..)| says)
}

/// A control that jumps to the pam_twostep line, where both stand in one file and nothing is included between.
fn jump(stack: &Stack, index: usize, ours: usize) -> Option<String> {
    let (line, between) = (stack.lines.get(index)?, stack.lines.get(index + 1..ours)?);
    let is_beside = |other: &StackLine| other.level == line.level && other.through == line.through;
    let is_one_file = between.iter().chain(stack.lines.get(ours)).all(is_beside);
    (is_one_file && !between.is_empty()).then(|| format!("success={} default=ignore", between.len()))
}

fn without(stack: &Stack, index: usize) -> Option<Stack> {
    let mut stack = stack.clone();
    stack.lines.get(index)?.module()?;
    stack.lines.remove(index);
    Some(stack)
}

fn with_control(stack: &Stack, index: usize, control: &str, is_bracketed: bool) -> Option<Stack> {
    let mut stack = stack.clone();
    stack.lines.get_mut(index)?.control = Control::parse(control, is_bracketed).ok()?;
    Some(stack)
}

fn with_permit(stack: &Stack, ours: usize) -> Option<Stack> {
    let mut stack = stack.clone();
    let permit = permit(stack.lines.get(ours)?)?;
    stack.lines.insert(ours + 1, permit);
    Some(stack)
}
