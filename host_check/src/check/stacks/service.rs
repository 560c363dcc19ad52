//! A service of a host, and its stacks.

use pam_stacks::{Code, Files, ManagementGroup, Module, ModuleKind, Stack, StackLine};
use twostep_core::options::{Mode, Options};

/// How somebody comes to the auth phase of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nothing is proved yet.
    Nothing,
    /// sshd has accepted a key, whatever comes: its AuthenticationMethods say so.
    Key,
}

/// When PAM asks for the password, beside the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsksPassword {
    /// Whatever sshd accepted before.
    Always,
    /// Of those who showed no key: a line asks sshd about it (`mode=ssh_key`).
    WithoutKey,
    /// Never: no line of the stack proves one.
    Never,
}

/// A service of a host, and its stacks.
pub struct Service<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where its stacks come from.
    pub files: &'a Files,
    /// What is proved before its auth phase.
    pub before: Before,
    pub(super) auth: Stack,
    pub(super) account: Stack,
}

impl<'a> Service<'a> {
    /// The service of this name.
    pub fn new(files: &'a Files, name: &'a str, before: Before) -> Self {
        let (auth, account) = (files.stack(name, ManagementGroup::Auth), files.stack(name, ManagementGroup::Account));
        Self { name, files, before, auth, account }
    }

    /// Whether a line of its auth phase is ours.
    pub fn has_second_step(&self) -> bool {
        self.auth.names_us()
    }

    /// Whether a line of its auth phase is ours but for a mistake in the module's name.
    pub fn means_us(&self) -> bool {
        self.auth.lines.iter().any(|line| self.is_misspelled(line))
    }

    /// Whether the module of this line is not there, and ours is by a name that is nearly the same.
    pub(super) fn is_misspelled(&self, line: &StackLine) -> bool {
        line.module().is_some_and(Module::is_nearly_ours) && self.is_missing(line)
    }

    /// Whether its auth line lets in, to enroll, who must and has not.
    pub fn enrolls(&self) -> bool {
        ours(&self.auth).iter().any(|(_, options)| options.enroll)
    }

    /// When it asks for the password.
    pub fn asks_password(&self) -> AsksPassword {
        let proves = |kind| matches!(kind, ModuleKind::Password | ModuleKind::OtherProof | ModuleKind::Unknown);
        if !self.auth.lines.iter().filter_map(StackLine::module).any(|module| proves(module.kind())) {
            AsksPassword::Never
        } else if with_mode(&self.auth, Mode::SshKey).is_empty() {
            AsksPassword::Always
        } else {
            AsksPassword::WithoutKey
        }
    }

    /// Whether its account line refuses who passed no second step and should have.
    pub fn requires_step(&self) -> bool {
        ours(&self.account).iter().any(|(_, options)| options.require_step)
    }

    /// Why libpam refuses the whole service, if it does.
    pub fn broken(&self) -> Option<&str> {
        self.auth.broken.as_deref().or(self.account.broken.as_deref())
    }

    /// Its lines of the auth phase, or of the account phase.
    pub fn stack(&self, phase: ManagementGroup) -> &Stack {
        if phase == ManagementGroup::Account { &self.account } else { &self.auth }
    }

    /// Whether this line of the auth phase asks for a code or an application password.
    pub fn asks_at(&self, index: usize) -> bool {
        let asks = |options: Options| matches!(options.mode, Mode::Code | Mode::AppPassword);
        ours(&self.auth).into_iter().any(|(line, options)| line == index && asks(options))
    }

    /// Whether it takes password and code, or an application password, in one answer.
    pub fn takes_one_answer(&self) -> bool {
        ours(&self.auth).into_iter().any(|(_, options)| options.brings_password())
    }

    /// A line of its auth phase.
    pub(super) fn line(&self, index: usize) -> Option<&StackLine> {
        self.auth.lines.get(index)
    }

    /// Whether libpam cannot load the module of this line.
    pub(super) fn is_missing(&self, line: &StackLine) -> bool {
        let has_modules = self.files.module_folder().is_some();
        let loads = |name: &str| self.files.module(name).is_some_and(|path| self.files.loads(&path));
        has_modules && line.module().is_some_and(|module| !loads(&module.name))
    }
}

/// One way through a phase.
#[derive(Debug)]
pub struct Way {
    /// Whether it lets in.
    pub lets_in: bool,
    /// The lines that ran, and what each returned.
    pub way: Vec<(usize, Code)>,
}

/// The pam_twostep lines in a stack, with what they ask.
pub fn ours(stack: &Stack) -> Vec<(usize, Options)> {
    stack.ours().filter_map(|(index, module)| Some((index, module.options().ok()?))).collect()
}

/// The pam_twostep lines with this mode.
pub fn with_mode(stack: &Stack, mode: Mode) -> Vec<usize> {
    ours(stack).into_iter().filter(|(_, options)| options.mode == mode).map(|(index, _)| index).collect()
}

/// How a line is named in a sentence.
pub fn quoted(line: &StackLine) -> String {
    format!("`{}`", line.text)
}
