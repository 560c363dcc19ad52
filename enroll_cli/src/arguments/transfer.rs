//! `twostep admin import` and `export`: their flags.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Where users come from.
#[derive(Debug, Subcommand)]
pub enum ImportArguments {
    /// Files of pam_google_authenticator
    #[command(after_help = GOOGLE_EXAMPLES)]
    GoogleAuthenticator {
        /// One file
        #[arg(required_unless_present = "all_homes", conflicts_with = "all_homes", requires = "user")]
        file: Option<PathBuf>,
        /// Whose file it is
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// The file of every user who has one, each read as that user
        #[arg(long, conflicts_with = "user")]
        all_homes: bool,
        /// Where it is, with ${HOME} and ${USER}
        #[arg(long, value_name = "PATH", default_value = "${HOME}/.google_authenticator", requires = "all_homes")]
        path: String,
        /// How they are taken.
        #[command(flatten)]
        taking: Taking,
    },
    /// A users.oath of pam_oath or mod_authn_otp
    #[command(after_help = OATH_EXAMPLES)]
    Oath {
        /// The file
        file: PathBuf,
        /// How they are taken.
        #[command(flatten)]
        taking: Taking,
    },
    /// otpauth:// addresses, one a line, with the user before them or in them
    #[command(after_help = OTPAUTH_EXAMPLES)]
    Otpauth {
        /// The file; - is standard input
        file: PathBuf,
        /// Whose they are, if the lines do not say it
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// How they are taken.
        #[command(flatten)]
        taking: Taking,
    },
    /// otpauth-migration:// addresses, which the app Google Authenticator exports
    #[command(after_help = MIGRATION_EXAMPLES)]
    OtpauthMigration {
        /// The file; - is standard input
        file: PathBuf,
        /// Whose they are, if the names in them are not those of users
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// How they are taken.
        #[command(flatten)]
        taking: Taking,
    },
    /// A table in CSV or JSON
    #[command(after_help = BATCH_EXAMPLES)]
    Batch {
        /// The file; - is standard input
        file: PathBuf,
        /// How they are taken.
        #[command(flatten)]
        taking: Taking,
    },
    /// A backup that `twostep admin export` made
    #[command(after_help = BACKUP_EXAMPLES)]
    Backup {
        /// The file
        file: PathBuf,
        /// How they are taken.
        #[command(flatten)]
        taking: Taking,
    },
}

/// How what was read is taken over.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Taking {
    /// Show what would be taken over, and take nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Take keys of less than 128 bits too
    #[arg(long)]
    pub allow_weak: bool,
}

/// What is put into a backup.
#[derive(Debug, Args)]
pub struct Export {
    /// The new file; - is standard output
    pub file: PathBuf,
}

pub const IMPORT_EXAMPLES: &str = "\
Examples:
  sudo twostep admin import google-authenticator --all-homes
  sudo twostep admin import oath /etc/users.oath
  sudo twostep admin import batch devices.csv --dry-run

It shows first what would be taken over, changed or refused, and why. What is \
there already stays. Files that were taken over are not changed: remove them when \
all is well, since they hold the keys.";

const GOOGLE_EXAMPLES: &str = "\
Examples:
  sudo twostep admin import google-authenticator --all-homes --dry-run
  sudo twostep admin import google-authenticator /root/alice.totp --user alice
  sudo twostep admin import google-authenticator --all-homes --path '/var/lib/ga/${USER}'";

const OATH_EXAMPLES: &str = "\
Example:
  sudo twostep admin import oath /etc/users.oath";

const OTPAUTH_EXAMPLES: &str = "\
Examples:
  sudo twostep admin import otpauth phones.txt
  sudo twostep admin import otpauth - --user alice --yes";

const MIGRATION_EXAMPLES: &str = "\
Example:
  sudo twostep admin import otpauth-migration export.txt --user alice";

const BATCH_EXAMPLES: &str = "\
Example:
  sudo twostep admin import batch devices.csv

Columns: user, secret (base32, or hexadecimal behind hex:) or uri; and where they \
differ from the usual label, kind, algorithm, digits, period, counter.";

const BACKUP_EXAMPLES: &str = "\
Example:
  sudo twostep admin import backup accounts.backup

The passphrase is asked, or read as the first line of standard input.";

pub const EXPORT_EXAMPLES: &str = "\
Example:
  sudo twostep admin export accounts.backup

It holds every account: authenticators with their keys, hashes of recovery codes \
and application passwords. The passphrase is asked twice, or read as one line of \
standard input. Without it the backup cannot be opened by anybody.";
