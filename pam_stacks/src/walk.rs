//! One way through a stack: libpam's dispatch (`_pam_dispatch_aux` of Linux-PAM), line by line, with
//! what the modules return given from outside.

use crate::code::Code;
use crate::control::Action;
use crate::stack::{Runs, StackLine};

/// What the stack thinks of itself so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Impression {
    Undecided,
    Good,
    Bad,
}

/// What libpam returns where nothing decided (`PAM_MUST_FAIL_CODE`).
const UNDECIDED: Code = Code::PERM_DENIED;

/// Where a way stands; it begins before the first line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Walk {
    /// The next line.
    at: usize,
    /// How deep in substacks the last line was.
    level: usize,
    impression: Impression,
    status: Code,
    /// The impression and status with which each substack began, the deepest last.
    begun: Vec<(Impression, Code)>,
}

impl Default for Walk {
    fn default() -> Self {
        let begun = vec![(Impression::Undecided, UNDECIDED)];
        Self { at: 0, level: 0, impression: Impression::Undecided, status: UNDECIDED, begun }
    }
}

impl Walk {
    /// The next line that runs, with its number; nothing at the end.
    pub fn next<'a>(&mut self, lines: &'a [StackLine]) -> Option<(usize, &'a StackLine)> {
        while let Some(line) = lines.get(self.at) {
            self.enter(line.level);
            if line.runs != Runs::Substack {
                return Some((self.at, line));
            }
            self.at += 1;
        }
        None
    }

    /// Remembers how it stands where a substack begins.
    fn enter(&mut self, level: usize) {
        if self.level < level {
            self.begun.resize(level + 1, (Impression::Undecided, UNDECIDED));
            if let Some(begun) = self.begun.get_mut(level) {
                *begun = (self.impression, self.status);
            }
        }
        self.begun.truncate(level + 1);
        self.level = level;
    }

    /// Goes on from the next line, whose module returned this.
    pub fn returns(&mut self, lines: &[StackLine], code: Code) {
        let Some((index, line)) = self.next(lines) else { return };
        self.at = index + 1;
        // libpam fails a line that it did not understand with this code, whatever its control.
        let code = if line.runs == Runs::Nothing { UNDECIDED } else { code };
        match line.control.action(code) {
            Action::Ignore => {}
            Action::Reset => {
                (self.impression, self.status) =
                    self.begun.last().copied().unwrap_or((Impression::Undecided, UNDECIDED));
            }
            Action::Ok => self.succeeds(code),
            Action::Done => {
                self.succeeds(code);
                if self.impression == Impression::Good {
                    self.leave(lines, line.level);
                }
            }
            Action::Bad => self.fails(code),
            Action::Die => {
                self.fails(code);
                self.leave(lines, line.level);
            }
            Action::Jump(count) => self.jump(lines, line.level, count),
        }
    }

    fn succeeds(&mut self, code: Code) {
        let is_open = self.impression == Impression::Undecided
            || (self.impression == Impression::Good && self.status == Code::SUCCESS);
        if is_open {
            (self.impression, self.status) = (Impression::Good, code);
        }
    }

    fn fails(&mut self, code: Code) {
        if self.impression != Impression::Bad {
            self.impression = Impression::Bad;
            self.status = if code == Code::IGNORE { UNDECIDED } else { code };
        }
    }

    /// The rest of the substack, or of the stack, does not run.
    fn leave(&mut self, lines: &[StackLine], level: usize) {
        while lines.get(self.at).is_some_and(|line| line.level >= level) {
            self.at += 1;
        }
    }

    /// A substack counts as one line. A jump behind the end is a failure.
    fn jump(&mut self, lines: &[StackLine], level: usize, mut count: usize) {
        while count > 0 && lines.get(self.at).is_some_and(|line| line.level >= level) {
            self.at += 1;
            while lines.get(self.at).is_some_and(|line| line.level > level) {
                self.at += 1;
            }
            count -= 1;
        }
        if count > 0 {
            (self.impression, self.status) = (Impression::Bad, UNDECIDED);
        }
    }

    /// What the stack returns, at its end.
    pub fn outcome(&self) -> Code {
        match (self.status, self.impression) {
            (Code::SUCCESS, Impression::Undecided | Impression::Bad) => UNDECIDED,
            (status, _) => status,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::files::Files;
    use crate::stack::ManagementGroup;

    /// Each module is called by what it returns.
    fn outcome(files: &[(&str, &str)]) -> Code {
        let nowhere = Files::below(Path::new("/nonexistent"));
        let files = files.iter().fold(nowhere, |all, (name, text)| all.with(&Path::new("/etc/pam.d").join(name), text));
        let stack = files.stack("t", ManagementGroup::Auth);
        let mut walk = Walk::default();
        while let Some((_, line)) = walk.next(&stack.lines) {
            let code = line.module().map_or(Code::SUCCESS, |module| Code::named(&module.name).unwrap());
            walk.returns(&stack.lines, code);
        }
        walk.outcome()
    }

    fn of(text: &str) -> Code {
        outcome(&[("t", text)])
    }

    #[test]
    fn a_failure_stays_and_the_first_one_counts() {
        assert_eq!(of("auth required success"), Code::SUCCESS);
        assert_eq!(of("auth required auth_err\nauth required success"), Code::AUTH_ERR);
        assert_eq!(of("auth required auth_err\nauth required user_unknown"), Code::AUTH_ERR);
        assert_eq!(of("auth required auth_err\nauth sufficient success"), Code::AUTH_ERR);
        assert_eq!(of("auth requisite auth_err\nauth [success=reset] success"), Code::AUTH_ERR);
    }

    #[test]
    fn who_is_only_ignored_has_not_succeeded() {
        assert_eq!(of("auth required ignore"), Code::PERM_DENIED);
        assert_eq!(of("auth required ignore\nauth required success"), Code::SUCCESS);
        assert_eq!(of("auth optional auth_err"), Code::PERM_DENIED);
        assert_eq!(of("auth [ignore=ok] ignore"), Code::IGNORE);
        assert_eq!(of("auth [ignore=bad] ignore"), Code::PERM_DENIED);
    }

    #[test]
    fn a_jump_skips_lines_and_proves_nothing() {
        assert_eq!(
            of("auth [success=1 default=ignore] success\nauth requisite auth_err\nauth required success"),
            Code::SUCCESS
        );
        assert_eq!(of("auth [success=1 default=ignore] success\nauth requisite auth_err"), Code::PERM_DENIED);
        assert_eq!(of("auth [success=2 default=ignore] success\nauth requisite auth_err"), Code::PERM_DENIED);
        assert_eq!(of("auth required success\nauth [success=2] success\nauth required auth_err"), Code::PERM_DENIED);
    }

    #[test]
    fn a_substack_ends_alone_and_its_failure_stays() {
        let inner = |text| ("in", text);
        let outer = ("t", "auth substack in\nauth required success");
        assert_eq!(outcome(&[outer, inner("auth sufficient success\nauth required auth_err")]), Code::SUCCESS);
        assert_eq!(outcome(&[outer, inner("auth requisite auth_err\nauth required user_unknown")]), Code::AUTH_ERR);
        let reset = ("t", "auth required success\nauth substack in");
        assert_eq!(outcome(&[reset, inner("auth required auth_err\nauth [success=reset] success")]), Code::SUCCESS);
        let jump = ("t", "auth [success=1 default=bad] success\nauth substack in\nauth required success");
        assert_eq!(outcome(&[jump, inner("auth required auth_err\nauth required auth_err")]), Code::SUCCESS);
        let include = ("t", "auth include in\nauth required auth_err");
        assert_eq!(outcome(&[include, inner("auth sufficient success")]), Code::SUCCESS);
    }

    #[test]
    fn a_line_that_is_not_understood_fails() {
        assert_eq!(of("auth required success\nauth include nowhere"), Code::PERM_DENIED);
        assert_eq!(of("auth [success=fine] success"), Code::PERM_DENIED);
    }
}
