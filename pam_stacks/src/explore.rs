//! Every way through a stack: what can become of a login whose modules may return this or that.

use std::collections::HashSet;
use std::hash::Hash;

use crate::code::Code;
use crate::stack::{Stack, StackLine};
use crate::walk::Walk;

/// How a way ends.
#[derive(Debug, Clone)]
pub struct End<F> {
    /// What the program is told.
    pub outcome: Code,
    /// What was true at the end.
    pub facts: F,
    /// The lines that ran, by their number, and what each returned.
    pub way: Vec<(usize, Code)>,
}

impl<F> End<F> {
    /// Whether the program lets in.
    pub fn lets_in(&self) -> bool {
        self.outcome == Code::SUCCESS
    }

    /// The line after which one of these was passed by: it ended the stack, or jumped over them.
    pub fn passed_by(&self, lines: &[usize]) -> Option<usize> {
        let last = lines.iter().max()?;
        let before = self.way.iter().take_while(|(index, _)| index < last);
        before.last().map(|(index, _)| *index)
    }
}

/// What the module of a line may return, and what is true then.
pub type Returns<'a, F> = dyn Fn(&F, usize, &StackLine) -> Vec<(Code, F)> + 'a;

/// The ends of all ways from what is true at the start. Of ways that come to the same, and by the same leap, one is given.
pub fn explore<F: Clone + Eq + Hash>(stack: &Stack, start: F, returns: &Returns<'_, F>) -> Vec<End<F>> {
    let mut seen = HashSet::new();
    let mut open = vec![(Walk::default(), start, Vec::new(), None)];
    let mut ends = Vec::new();
    while let Some((mut walk, facts, way, leap)) = open.pop() {
        let Some((index, line)) = walk.next(&stack.lines) else {
            ends.push(End { outcome: walk.outcome(), facts, way });
            continue;
        };
        for (code, facts) in returns(&facts, index, line) {
            let mut next = walk.clone();
            next.returns(&stack.lines, code);
            let landed = next.clone().next(&stack.lines).map_or(stack.lines.len(), |(index, _)| index);
            let leap = if landed > index + 1 { Some(index) } else { leap };
            if seen.insert((next.clone(), facts.clone(), leap)) {
                let mut way = way.clone();
                way.push((index, code));
                open.push((next, facts, way, leap));
            }
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::files::Files;
    use crate::stack::ManagementGroup;

    #[test]
    fn every_way_is_gone_once() {
        let text = "auth sufficient a\nauth [success=1 default=ignore] b\nauth required deny\nauth required c";
        let stack = Files::below(Path::new("/nonexistent"))
            .with(Path::new("/etc/pam.d/t"), text)
            .stack("t", ManagementGroup::Auth);
        let returns = |_: &(), _: usize, line: &StackLine| {
            let is_deny = line.module().is_some_and(|module| module.name == "deny");
            if is_deny { vec![(Code::AUTH_ERR, ())] } else { vec![(Code::SUCCESS, ()), (Code::IGNORE, ())] }
        };
        let ends = explore(&stack, (), &returns);
        let mut ways = ends
            .iter()
            .map(|end| (end.lets_in(), end.passed_by(&[3]), end.way.iter().map(|(line, _)| *line).collect::<Vec<_>>()))
            .collect::<Vec<_>>();
        ways.sort();
        ways.dedup();
        let expected = [
            (false, Some(1), vec![0, 1, 3]),
            (false, Some(2), vec![0, 1, 2, 3]),
            (true, Some(0), vec![0]),
            (true, Some(1), vec![0, 1, 3]),
        ];
        assert_eq!(ways, expected);
    }
}
