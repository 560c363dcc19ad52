//! `twostep admin unlock`, `recovery-code` and `enroll`: their flags.

use std::time::Duration;

use clap::Args;

use super::app_password::time;

/// Who is invited to enroll.
#[derive(Debug, Args)]
pub struct InviteArguments {
    /// Whom
    pub user: String,
    /// Make a code by which the user enrolls once
    #[arg(long, required = true)]
    pub invite: bool,
    /// How long the code counts, at most 30d
    #[arg(long = "for", value_name = "TIME", default_value = "3d", value_parser = time)]
    pub time: Duration,
}

pub const UNLOCK_EXAMPLES: &str = "\
Example:
  sudo twostep admin unlock alice

It forgets the wrong codes that were given for the user, so that nobody waits \
and codes count again.";

pub const RECOVERY_CODE_EXAMPLES: &str = "\
Examples:
  sudo twostep admin recovery-code alice
  sudo twostep admin recovery-code alice --json

For a user without the phone at hand: one code to read out. It counts once, \
for 24 hours, after the password. Make sure that it is really them who asks.";

pub const ENROLL_EXAMPLES: &str = "\
Examples:
  sudo twostep admin enroll alice --invite
  sudo twostep admin enroll alice --invite --for 7d

The user types the code after twostep enroll. It is asked where the \
configuration says enrollment = \"invite\". You never see the user's secret.";
