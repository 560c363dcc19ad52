//! `twostep admin apply`, `confirm` and `revert`: their flags.

use std::time::Duration;

use clap::Args;
use host_check::apply::{AnswerForm, Keys};

use super::app_password::time;

/// What is to ask for the code.
#[derive(Debug, Args)]
pub struct Apply {
    /// The PAM services: sshd, sudo, su, login
    #[arg(required = true)]
    pub services: Vec<String>,
    /// What sshd does with keys; needed for sshd, unless it takes keys alone now: then it is only
    #[arg(long, value_enum)]
    pub keys: Option<Keys>,
    /// For programs that ask once: people type the code right behind the password
    #[arg(long, conflicts_with_all = ["keys", "app_passwords"])]
    pub one_answer: bool,
    /// For programs that cannot ask: each gets an application password
    #[arg(long, conflicts_with = "keys")]
    pub app_passwords: bool,
    /// For sudo and su: no code within this time of a second step in the same session, at most 24h
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with_all = ["keys", "one_answer", "app_passwords"])]
    pub recent: Option<Duration>,
    /// When the change goes back by itself, unless it is confirmed: 90s to 1h
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = time)]
    pub confirm_within: Duration,
    /// Show what would be changed and any problems, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

impl Apply {
    /// How people give their second step.
    pub fn form(&self) -> AnswerForm {
        match (self.one_answer, self.app_passwords) {
            (true, _) => AnswerForm::OneAnswer,
            (_, true) => AnswerForm::AppPasswords,
            _ => AnswerForm::Question,
        }
    }
}

/// What is to be undone.
#[derive(Debug, Default, Args)]
pub struct Revert {
    /// Every change that was made, the newest first
    #[arg(long, conflicts_with = "unconfirmed")]
    pub all: bool,
    /// Wait, and undo what is not confirmed in time; what an earlier boot left unconfirmed at once
    #[arg(long)]
    pub unconfirmed: bool,
    /// With --unconfirmed: leave the session, and say nothing
    #[arg(long, hide = true, requires = "unconfirmed")]
    pub detached: bool,
    /// Show what was changed, and undo nothing
    #[arg(long, conflicts_with_all = ["all", "unconfirmed"])]
    pub list: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

pub const APPLY_EXAMPLES: &str = "\
Examples:
  sudo twostep admin apply sshd sudo --keys with-code
  sudo twostep admin apply su login --confirm-within 10m
  sudo twostep admin apply sshd --keys alone --dry-run
  sudo twostep admin apply vsftpd --app-passwords
  sudo twostep admin apply sudo --recent 10m

It shows each line that changes and any problems, tries the new files, \
puts them in force, and takes them back after the time of --confirm-within. To \
keep them, log in again and type there: sudo twostep admin confirm";

pub const CONFIRM_EXAMPLES: &str = "\
Example:
  sudo twostep admin confirm

It counts only in a login that was made after the change, by a service that was \
changed: that is what it proves.";

pub const REVERT_EXAMPLES: &str = "\
Examples:
  sudo twostep admin revert
  sudo twostep admin revert --list
  sudo twostep admin revert --all --yes

It undoes the newest change byte for byte, also one that was confirmed. What \
somebody else wrote into its files meanwhile is kept, and it says where.";
