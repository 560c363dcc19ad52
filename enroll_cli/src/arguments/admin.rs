//! `twostep admin`: its commands and flags.

use std::time::Duration;

use clap::Subcommand;

use super::app_password::time;
use super::change::{self, Apply, Revert};
use super::check::{self, Check};
use super::help::{self, InviteArguments};
use super::overview::{self, Prune, Report};
use super::policy::{self, Edit, Require};
use super::reseal::{self, Reseal};
use super::transfer::{self, Export, ImportArguments};

/// How an administrator can help.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Show how the second step stands for every user of this host
    #[command(after_help = overview::REPORT_EXAMPLES)]
    Report(Report),
    /// Show the account of a user, with its history
    #[command(after_help = SHOW_EXAMPLES)]
    Show {
        /// Whose
        user: String,
    },
    /// Ask a user for no code, for a time
    #[command(after_help = SUSPEND_EXAMPLES)]
    Suspend {
        /// Whom
        user: String,
        /// For how long: 90m, 12h, 2d
        #[arg(long = "for", value_name = "TIME", value_parser = time)]
        time: Duration,
        /// Why; the history and the log keep it
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Ask a suspended user for codes again
    #[command(after_help = RESUME_EXAMPLES)]
    Resume {
        /// Whom
        user: String,
    },
    /// Forget the wrong codes of a user, so that codes count again
    #[command(after_help = help::UNLOCK_EXAMPLES)]
    Unlock {
        /// Whom
        user: String,
    },
    /// Make one recovery code for a user, to read out
    #[command(after_help = help::RECOVERY_CODE_EXAMPLES)]
    RecoveryCode {
        /// Whom
        user: String,
    },
    /// Remove every authenticator, recovery code and application password of a user
    #[command(after_help = RESET_EXAMPLES)]
    Reset {
        /// Whose
        user: String,
    },
    /// Invite a user to enroll, by a code
    #[command(after_help = help::ENROLL_EXAMPLES)]
    Enroll(InviteArguments),
    /// List the application passwords of a user, or revoke them
    #[command(after_help = APP_PASSWORDS_EXAMPLES)]
    AppPasswords {
        /// Whose
        user: String,
        /// Revoke the one of this label
        #[arg(long, value_name = "LABEL", conflicts_with = "revoke_all")]
        revoke: Option<String>,
        /// Revoke every one
        #[arg(long)]
        revoke_all: bool,
    },
    /// Require the second step of everyone, of a group, or of nobody
    #[command(after_help = policy::REQUIRE_EXAMPLES)]
    Require(Require),
    /// Find what is wrong with this host, or say what would happen at a login
    #[command(after_help = check::EXAMPLES)]
    Check(Check),
    /// Have services ask for the code, with a way back
    #[command(after_help = change::APPLY_EXAMPLES)]
    Apply(Apply),
    /// Keep what was applied, from a new login
    #[command(after_help = change::CONFIRM_EXAMPLES)]
    Confirm,
    /// Undo what was applied, byte for byte
    #[command(after_help = change::REVERT_EXAMPLES)]
    Revert(Revert),
    /// Take users of other programs and hosts over, with their phones
    #[command(subcommand, after_help = transfer::IMPORT_EXAMPLES)]
    Import(ImportArguments),
    /// Write every account into a backup under a passphrase
    #[command(after_help = transfer::EXPORT_EXAMPLES)]
    Export(Export),
    /// Make a new sealing key, and say what keeps it
    #[command(after_help = reseal::EXAMPLES)]
    Reseal(Reseal),
    /// Put the sealing key where logins find it, as the boot does
    #[command(hide = true, after_help = "Example:\n  twostep admin give-key")]
    GiveKey,
    /// Read a file as its user
    #[command(hide = true, after_help = "Example:\n  twostep admin read-home alice /home/alice/x")]
    ReadHome {
        /// The user
        user: String,
        /// The file
        path: String,
    },
    /// Try a PAM stack that is not in force
    #[command(hide = true, after_help = "Example:\n  twostep admin trial sshd /run/x")]
    Trial {
        /// The service
        service: String,
        /// Where its file is
        folder: String,
        /// Who logs in, in place of nobody
        #[arg(long)]
        user: Option<String>,
        /// From where
        #[arg(long)]
        rhost: Option<String>,
        /// Its account phase
        #[arg(long)]
        account: bool,
    },
    /// Edit the configuration, and check it before it counts
    #[command(after_help = policy::EDIT_EXAMPLES)]
    Edit(Edit),
    /// Remove the accounts of deleted users
    #[command(after_help = overview::PRUNE_EXAMPLES)]
    Prune(Prune),
}

pub const EXAMPLES: &str = "\
Examples:
  sudo twostep admin report
  sudo twostep admin require --all --within 14d
  sudo twostep admin show alice
  sudo twostep admin recovery-code alice

Exit status: 0 done, 1 refused, 2 wrong usage, 3 Twostep is not set up on this host.";

const RESET_EXAMPLES: &str = "\
Example:
  sudo twostep admin reset alice

For a user who has lost both the phone and the recovery codes. Make sure that \
it is really them who asks.";

const SHOW_EXAMPLES: &str = "\
Examples:
  sudo twostep admin show alice
  sudo twostep admin show alice --json";

const APP_PASSWORDS_EXAMPLES: &str = "\
Examples:
  sudo twostep admin app-passwords alice
  sudo twostep admin app-passwords alice --revoke laptop
  sudo twostep admin app-passwords alice --revoke-all

Only users make application passwords, each for themselves.";

const SUSPEND_EXAMPLES: &str = "\
Examples:
  sudo twostep admin suspend alice --for 2d
  sudo twostep admin suspend alice --for 12h --reason ticket-4711

It ends by itself, at the latest after max_suspension of the configuration. \
The account password is still asked.";

const RESUME_EXAMPLES: &str = "\
Example:
  sudo twostep admin resume alice";
