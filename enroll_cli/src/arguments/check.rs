//! `twostep admin check`: its flags.

use clap::Args;

/// What is checked.
#[derive(Debug, Default, Args)]
pub struct Check {
    /// Say step by step what would happen if this user logged in
    #[arg(long, value_name = "USER")]
    pub login: Option<String>,
    /// Into which PAM service
    #[arg(long, value_name = "SERVICE", default_value = "sshd", requires = "login")]
    pub service: String,
    /// From which address or host
    #[arg(long, value_name = "ADDRESS", requires = "login")]
    pub from: Option<String>,
}

pub const EXAMPLES: &str = "\
Examples:
  sudo twostep admin check
  sudo twostep admin check --json
  sudo twostep admin check --login alice --service sshd --from 203.0.113.7

It looks at the store, the configuration, the PAM stack of every service, sshd, \
sudo and the users, and changes nothing. PAM modules of others are not run: what \
they may return is known by their names.

Exit status: 0 nothing is wrong, 1 an error was found (or the login is refused), \
4 only warnings were.";
