//! Every way through a stack: what can become of a login whose modules may return this or that.

use std::collections::HashSet;
use std::hash::Hash;

use super::{Code, Line, Stack, Walk};

/// What is true of a way so far, and what its modules may return.
pub trait Facts: Clone + Eq + Hash {
    /// What the module of this line may return, and what is true then.
    fn returns(&self, index: usize, line: &Line) -> Vec<(Code, Self)>;
}

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

/// The ends of all ways; one way for each end that differs in what is true or in where the stack
/// was left.
pub fn explore<F: Facts>(stack: &Stack, start: F) -> Vec<End<F>> {
    let mut seen = HashSet::new();
    let mut open = vec![(Walk::default(), start, Vec::new())];
    let mut ends = Vec::new();
    while let Some((mut walk, facts, way)) = open.pop() {
        let Some((index, line)) = walk.next(&stack.lines) else {
            ends.push(End { outcome: walk.outcome(), facts, way });
            continue;
        };
        for (code, facts) in facts.returns(index, line) {
            let mut next = walk.clone();
            next.returns(&stack.lines, code);
            let left_by = leaves(&next, index, &stack.lines).then_some((index, code));
            if seen.insert((next.clone(), facts.clone(), left_by)) {
                let mut way = way.clone();
                way.push((index, code));
                open.push((next, facts, way));
            }
        }
    }
    ends
}

/// Whether lines behind this one are skipped.
fn leaves(walk: &Walk, index: usize, lines: &[Line]) -> bool {
    let next = walk.clone().next(lines).map_or(lines.len(), |(next, _)| next);
    next > index + 1
}
