//! `twostep app-password`: its commands and flags.

use std::time::Duration;

use clap::Subcommand;
use twostep_core::{app_password, document};

/// What can be done with application passwords.
#[derive(Debug, Subcommand)]
pub enum AppPasswordCommand {
    /// Make one; it is shown once
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Create),
    /// List them: what each opens, and when it was last used
    #[command(after_help = LIST_EXAMPLES)]
    List,
    /// Print one that is stored below ~/.local/share/twostep
    #[command(after_help = SHOW_EXAMPLES)]
    Show {
        /// Its label
        name: String,
    },
    /// Revoke one, or all
    #[command(after_help = REVOKE_EXAMPLES)]
    Revoke {
        /// Its label
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        label: Option<String>,
        /// Revoke every one
        #[arg(long)]
        all: bool,
    },
    /// Make and store those that your administrator wants you to have
    #[command(after_help = ENSURE_EXAMPLES)]
    Ensure {
        /// Tell only what was made, and ask nothing
        #[arg(long)]
        quiet: bool,
    },
}

/// How a new application password is to be made and handed over.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// A name for it, such as laptop
    pub label: String,
    /// A PAM service that it opens, such as dovecot; may be repeated
    #[arg(long = "service", value_name = "SERVICE", required = true, value_parser = service)]
    pub services: Vec<String>,
    /// A network that it may be used from; may be repeated. Without it: any
    #[arg(long = "from", value_name = "NETWORK", value_parser = network)]
    pub networks: Vec<String>,
    /// When it expires: 12h, 90d. Without it: never
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub expires: Option<Duration>,
    /// Print the password and nothing else, for another program to keep
    #[arg(long, conflicts_with = "json")]
    pub print_only: bool,
    /// Store it in ~/.local/share/twostep, in a file of the label's name
    #[arg(long)]
    pub store: bool,
}

/// A span of time, as in the configuration.
pub fn time(text: &str) -> Result<Duration, &'static str> {
    match document::duration(text) {
        Some(time) if !time.is_zero() => Ok(time),
        _ => Err("give a number with a unit, as in 90s, 5m, 12h or 14d"),
    }
}

/// libpam turns the names of services to small letters.
fn service(text: &str) -> Result<String, &'static str> {
    let name = text.to_ascii_lowercase();
    if app_password::is_service(&name) {
        Ok(name)
    } else {
        Err("name a PAM service as the files in /etc/pam.d are named")
    }
}

fn network(text: &str) -> Result<String, &'static str> {
    match document::network(text) {
        Some(network) => Ok(network.to_string()),
        None => Err("give an address or a network, as in 192.0.2.0/24 or 2001:db8::/32"),
    }
}

pub const EXAMPLES: &str = "\
Examples:
  twostep app-password create laptop --service dovecot --service smtp
  twostep app-password list
  twostep app-password revoke laptop";

const CREATE_EXAMPLES: &str = "\
Examples:
  twostep app-password create laptop --service dovecot --service smtp
  twostep app-password create backup --service sshd-sftp --from 192.0.2.0/24 --expires 90d
  twostep app-password create mbsync --service dovecot --store
  twostep app-password create phone --service dovecot --print-only

It needs a current code or a recovery code. Without a terminal: one line on \
standard input. --print-only prints the password and the end of the line, so \
that it can be piped to a password manager.";

const LIST_EXAMPLES: &str = "\
Examples:
  twostep app-password list
  twostep app-password list --json";

const SHOW_EXAMPLES: &str = "\
Example:
  twostep app-password show mail

For programs that run a command to get a password: PassCmd of mbsync, \
passwordeval of msmtp. Only what --store or `ensure` left in a file can be \
shown; Twostep itself does not know the passwords.";

const REVOKE_EXAMPLES: &str = "\
Examples:
  twostep app-password revoke laptop
  twostep app-password revoke --all

It needs a current code or a recovery code. Without a terminal: one line on \
standard input.";

const ENSURE_EXAMPLES: &str = "\
Examples:
  twostep app-password ensure
  twostep app-password ensure --quiet

Each is left in ~/.local/share/twostep, in a file that only you can read. A \
file that is there is left as it is. No code is asked within two minutes of a \
login with one.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_what_is_meant() {
        assert_eq!(time("90d"), Ok(Duration::from_secs(90 * 86_400)));
        assert_eq!(service("Dovecot"), Ok("dovecot".to_owned()));
        assert_eq!(network("::ffff:192.0.2.7"), Ok("192.0.2.7/32".to_owned()));
        for nothing in ["", "0s", "90", "1y", "-1d"] {
            assert!(time(nothing).is_err(), "{nothing}");
        }
        for nothing in ["", "a b", "../su"] {
            assert!(service(nothing).is_err(), "{nothing}");
        }
        for nothing in ["", "example.org", "192.0.2.0/33"] {
            assert!(network(nothing).is_err(), "{nothing}");
        }
    }
}
