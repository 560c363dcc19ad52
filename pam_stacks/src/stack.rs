//! The lines of one phase of a service, and where each stands.

use std::fmt;
use std::path::PathBuf;

use crate::control::Control;
use crate::module::Module;

/// What a program asks of PAM (pam.conf(5), the type of a line).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ManagementGroup {
    /// Who is it?
    Auth,
    /// May they log in now?
    Account,
    /// The new password.
    Password,
    /// What a session needs.
    Session,
}

impl ManagementGroup {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Auth, Self::Account, Self::Password, Self::Session];

    /// The word in a line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Account => "account",
            Self::Password => "password",
            Self::Session => "session",
        }
    }
}

/// Where a line stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file, as a person names it: without the folder that stands for the root.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// One line of a stack, its includes unfolded.
#[derive(Debug, Clone)]
pub struct StackLine {
    /// Where it stands.
    pub place: Place,
    /// The line as it is written, in single spaces.
    pub text: String,
    /// How many substacks it is in.
    pub level: usize,
    /// The lines that included it, the service's own first; none if it is in that file itself.
    pub through: Vec<Place>,
    /// What it runs.
    pub runs: Runs,
    /// What becomes of what that returns.
    pub control: Control,
    /// What is wrong with how it is written.
    pub mistake: Option<String>,
}

/// What a line runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runs {
    /// A module.
    Module(Module),
    /// Nothing itself: a substack begins below it.
    Substack,
    /// Nothing: libpam does not understand the line, and fails when it comes to it.
    Nothing,
}

impl StackLine {
    /// The line of the service's own file that brings it.
    pub fn own_line(&self) -> usize {
        self.through.first().unwrap_or(&self.place).line
    }

    /// Its module, if it has one.
    pub fn module(&self) -> Option<&Module> {
        match &self.runs {
            Runs::Module(module) => Some(module),
            Runs::Substack | Runs::Nothing => None,
        }
    }
}

/// The lines of one phase of a service.
#[derive(Debug, Clone)]
pub struct Stack {
    /// In the order in which they run.
    pub lines: Vec<StackLine>,
    /// Why libpam refuses the whole service, if it does.
    pub broken: Option<String>,
    /// Whether the service has none of its own, so that those of `other` count.
    pub is_other: bool,
}

impl Stack {
    /// The modules that are ours, with the number of their line.
    pub fn ours(&self) -> impl Iterator<Item = (usize, &Module)> {
        let modules = self.lines.iter().enumerate().filter_map(|(index, line)| Some((index, line.module()?)));
        modules.filter(|(_, module)| module.is_ours())
    }

    /// Whether one of its lines is ours.
    pub fn names_us(&self) -> bool {
        self.ours().next().is_some()
    }
}
