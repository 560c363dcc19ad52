//! `twostep admin report` and `prune`: their flags.

use clap::Args;

/// Whom the report shows, and how.
#[derive(Debug, Default, Args)]
pub struct Report {
    /// Only who has enrolled
    #[arg(long, conflicts_with = "not_enrolled")]
    pub enrolled: bool,
    /// Only who has not
    #[arg(long)]
    pub not_enrolled: bool,
    /// Only who must have enrolled by now and has not
    #[arg(long)]
    pub overdue: bool,
    /// Only who has not enrolled and may still log in, for a time
    #[arg(long)]
    pub in_grace: bool,
    /// Only who is asked for no code for a time
    #[arg(long)]
    pub suspended: bool,
    /// Only exempt users, by name or by group
    #[arg(long)]
    pub exempt: bool,
    /// Only users whose codes are refused after too many wrong ones
    #[arg(long)]
    pub locked: bool,
    /// Only accounts that cannot be read or belong to nobody
    #[arg(long)]
    pub trouble: bool,
    /// Only the members of this group
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Print comma-separated values, for a spreadsheet
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

/// How accounts without a user are removed.
#[derive(Debug, Default, Args)]
pub struct Prune {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Also when more than half of all accounts would go
    #[arg(long)]
    pub force: bool,
}

pub const REPORT_EXAMPLES: &str = "\
Examples:
  sudo twostep admin report
  sudo twostep admin report --overdue --group staff
  sudo twostep admin report --csv
  sudo twostep admin report --json --not-enrolled

It shows every user with a login shell and everyone who has an account. With \
several flags: who fits all of them. Users that the user database knows but \
does not list (getent passwd) are shown when they have an account.";

pub const PRUNE_EXAMPLES: &str = "\
Examples:
  sudo twostep admin prune
  sudo twostep admin prune --yes

It removes the accounts of deleted users, and those whose name belongs to \
another uid now. Run it when every service of the user database answers.";
