//! The one list of commands and flags: help, man pages and completions come from it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::environment::Form;
use crate::error::CommandError;

mod admin;
mod app_password;
mod change;
mod check;
mod device;
mod help;
mod overview;
mod policy;
mod reseal;
mod transfer;

pub use admin::Admin;
pub use app_password::{AppPasswordCommand, Create};
pub use change::{Apply, Revert};
pub use check::Check;
pub use device::{DeviceFlags, QrChoice, Replace, Showing};
pub use help::InviteArguments;
pub use overview::{Prune, Report};
#[cfg(test)]
pub use policy::Span;
pub use policy::{Edit, Require};
pub use reseal::Reseal;
pub use transfer::{Export, ImportArguments, Taking};

/// Below the flags of each command and above `--help`.
const LAST: usize = 900;

/// Two-step authentication: enroll a phone and look after your account
#[derive(Debug, Parser)]
#[command(name = "twostep", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Arguments {
    /// What to do; without it: status
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Print JSON, one object a line, also for errors
    #[arg(long, global = true, display_order = LAST)]
    pub json: bool,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add an authenticator app, by QR code or by a key to type
    #[command(after_help = ENROLL_EXAMPLES)]
    Enroll(Enroll),
    /// Put a new phone in the place of the old one, which works until the new one is confirmed
    #[command(after_help = REPLACE_EXAMPLES)]
    Replace(Replace),
    /// Put a device right whose codes are not accepted, by two codes in a row
    #[command(after_help = SYNC_EXAMPLES)]
    Sync {
        /// Whose account (root only, and then needed); the codes are needed all the same
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
    /// Show your authenticators and how many recovery codes are left
    #[command(after_help = STATUS_EXAMPLES)]
    Status {
        /// Whose account (root only, and then needed)
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
    /// Look after your recovery codes
    #[command(after_help = REGENERATE_EXAMPLES)]
    RecoveryCodes {
        /// What to do with them
        #[command(subcommand)]
        action: RecoveryCodes,
    },
    /// Remove an authenticator
    #[command(after_help = REMOVE_EXAMPLES)]
    Remove {
        /// Which one; may be left out when there is only one
        label: Option<String>,
        /// Whose account (root only, and then needed)
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
    /// Look after passwords for programs that cannot ask for a code
    #[command(after_help = app_password::EXAMPLES)]
    AppPassword {
        /// What to do with them
        #[command(subcommand)]
        action: AppPasswordCommand,
    },
    /// Send one request of another program to the service, and print the response
    #[command(after_help = CALL_EXAMPLES)]
    Call,
    /// Look after users and the policy of this host (root only)
    #[command(after_help = admin::EXAMPLES)]
    Admin {
        /// What to do
        #[command(subcommand)]
        action: Admin,
    },
}

/// How a new authenticator is to be made and shown.
#[derive(Debug, Default, clap::Args)]
pub struct Enroll {
    /// A name for it, such as phone
    #[arg(long, value_name = "LABEL")]
    pub label: Option<String>,
    /// How it is shown.
    #[command(flatten)]
    pub showing: Showing,
    /// Whose account (root only, and then needed)
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// What it is, if it is not an app with a new key.
    #[command(flatten)]
    pub device: DeviceFlags,
}

/// What can be done with recovery codes.
#[derive(Debug, Subcommand)]
pub enum RecoveryCodes {
    /// Make ten new ones; every older one stops working
    #[command(after_help = REGENERATE_EXAMPLES)]
    Regenerate {
        /// Write them to this new file
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
        /// Whose account (root only, and then needed)
        #[arg(long, value_name = "USER")]
        user: Option<String>,
    },
}

impl Arguments {
    /// What the results are to look like.
    pub fn form(&self, is_interactive: bool) -> Form {
        match &self.command {
            // It prints the response, and nothing else.
            Some(Command::Call) => Form::Value,
            _ if self.json => Form::Json,
            // Without a terminal nobody could look at a QR code.
            Some(Command::Enroll(_) | Command::Replace(_)) if !is_interactive => Form::Json,
            Some(Command::AppPassword {
                action: AppPasswordCommand::Create(Create { print_only: true, .. }) | AppPasswordCommand::Show { .. },
            })
            | Some(Command::Admin { action: Admin::Report(Report { csv: true, .. }) }) => Form::Value,
            _ => Form::Text,
        }
    }

    /// The user that root named.
    pub fn whose(&self) -> Option<&str> {
        match self.command.as_ref()? {
            Command::Enroll(Enroll { user, .. })
            | Command::Replace(Replace { user, .. })
            | Command::Sync { user }
            | Command::Status { user }
            | Command::Remove { user, .. }
            | Command::RecoveryCodes { action: RecoveryCodes::Regenerate { user, .. } } => user.as_deref(),
            Command::AppPassword { .. } | Command::Call | Command::Admin { .. } => None,
        }
    }
}

/// What was typed, or the exit of a program that has already said what is wrong with it.
pub fn read() -> Result<Arguments, ExitCode> {
    Arguments::try_parse().map_err(|error| {
        let wrong = !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        if wrong && std::env::args_os().any(|argument| argument == "--json") {
            let lines = error.to_string();
            let first = lines.lines().next().unwrap_or_default();
            let message = first.strip_prefix("error: ").unwrap_or(first);
            return CommandError::usage(format!("{message}. `twostep --help` shows how.")).report(Form::Json);
        }
        let _ = error.print();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

const EXAMPLES: &str = "\
Examples:
  twostep                     how your account stands
  twostep enroll              add your phone
  twostep enroll --help       more about one command

Exit status: 0 done, 1 refused, 2 wrong usage, 3 Twostep is not set up on this host.";

const ENROLL_EXAMPLES: &str = "\
Examples:
  twostep enroll
  twostep enroll --label tablet --svg tablet.svg
  twostep enroll --hotp --secret-stdin --label token
  sudo twostep enroll --user alice

With --json, or without a terminal: prints one line with uri, secret and \
expires_at, reads the code as one line (the proof, password or enrollment code, \
if one is needed, as a line before it), prints one line with recovery_codes.";

const REPLACE_EXAMPLES: &str = "\
Examples:
  twostep replace
  twostep replace tablet --new-codes

With --json, or without a terminal: as twostep enroll does, the proof first.";

const SYNC_EXAMPLES: &str = "\
Examples:
  twostep sync

Without a terminal, the two codes are two lines of standard input.";

const CALL_EXAMPLES: &str = "\
Examples:
  twostep call

Reads one JSON object from standard input and prints one line of JSON. Ends with 0 \
for a question, an accepted login or one that is not asked, with 1 for a refusal. \
The guide's page \"Programs that log in others\" has the requests.";

const STATUS_EXAMPLES: &str = "\
Examples:
  twostep status
  twostep status --json";

const REGENERATE_EXAMPLES: &str = "\
Examples:
  twostep recovery-codes regenerate
  twostep recovery-codes regenerate --save codes.txt";

const REMOVE_EXAMPLES: &str = "\
Examples:
  twostep remove
  twostep remove tablet";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn every_command(command: &clap::Command, visit: &mut dyn FnMut(&clap::Command)) {
        visit(command);
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            every_command(below, visit);
        }
    }

    fn built() -> clap::Command {
        let mut command = Arguments::command();
        command.build();
        command
    }

    #[test]
    fn the_list_of_flags_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_flag_and_word_of_a_command_is_explained_in_its_help() {
        let mut seen = 0;
        every_command(&built(), &mut |command| {
            let help = command.clone().render_help().to_string();
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                let name = match argument.get_long() {
                    Some(long) => format!("--{long}"),
                    None => argument.get_id().to_string().to_uppercase(),
                };
                assert!(help.contains(&name), "{name} is not in:\n{help}");
                assert!(argument.get_help().is_some(), "{name} is not explained in:\n{help}");
                seen += 1;
            }
        });
        assert!(seen >= 40, "only {seen} arguments were looked at");
    }

    #[test]
    fn every_command_has_an_example_that_parses() {
        every_command(&built(), &mut |command| {
            let help = command.clone().render_help().to_string();
            let examples = help.lines().map(|line| line.trim().trim_start_matches("sudo "));
            let typed = examples
                .filter(|line| line.starts_with("twostep"))
                .map(|line| line.split("  ").next().unwrap())
                .collect::<Vec<_>>();
            assert!(!typed.is_empty(), "no example in:\n{help}");
            for line in typed {
                if let Err(error) = Arguments::try_parse_from(line.split(' ')) {
                    assert_eq!(error.kind(), ErrorKind::DisplayHelp, "{line}: {error}");
                }
            }
        });
    }

    #[test]
    fn without_a_command_it_is_status_and_json_goes_anywhere() {
        assert!(Arguments::try_parse_from(["twostep"]).unwrap().command.is_none());
        for line in ["twostep --json status", "twostep status --json", "twostep admin show bob --json"] {
            assert!(Arguments::try_parse_from(line.split(' ')).unwrap().json, "{line}");
        }
    }

    #[test]
    fn a_code_in_the_arguments_is_a_usage_error() {
        for line in [
            "twostep enroll 123456",
            "twostep recovery-codes regenerate 123456",
            "twostep app-password revoke laptop 123456",
        ] {
            assert!(Arguments::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_a_usage_error() {
        for line in [
            "twostep enroll --hotp --period 30",
            "twostep enroll --counter 7",
            "twostep enroll --digits 9",
            "twostep enroll --period 45",
            "twostep enroll --algorithm MD5",
            "twostep enroll --secret-stdin --qr utf8",
            "twostep enroll --secret-stdin JBSWY3DPEHPK3PXP",
            "twostep sync 123456",
            "twostep app-password create laptop",
            "twostep app-password create laptop --service a/b",
            "twostep app-password create laptop --service dovecot --from example.org",
            "twostep app-password create laptop --service dovecot --expires 0d",
            "twostep app-password create laptop --service dovecot --print-only --json",
            "twostep app-password create laptop --service dovecot --user alice",
            "twostep app-password revoke",
            "twostep app-password revoke laptop --all",
            "twostep admin app-passwords alice --revoke a --revoke-all",
            "twostep admin suspend alice",
            "twostep admin suspend alice --for 2",
            "twostep admin report --csv --json",
            "twostep admin report --enrolled --not-enrolled",
            "twostep admin require",
            "twostep admin require --all --off",
            "twostep admin require --all --group staff",
            "twostep admin require --off --within 1d",
            "twostep admin require --all --within 1y",
            "twostep admin enroll alice",
            "twostep admin enroll alice --invite --for 0d",
        ] {
            assert!(Arguments::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }

    #[test]
    fn a_value_for_a_pipe_stands_alone() {
        let form =
            |line: &str, is_interactive| Arguments::try_parse_from(line.split(' ')).unwrap().form(is_interactive);
        let create = "twostep app-password create laptop --service dovecot";
        for is_interactive in [true, false] {
            assert_eq!(form(create, is_interactive), Form::Text);
            assert_eq!(form(&format!("{create} --print-only"), is_interactive), Form::Value);
            assert_eq!(form("twostep app-password show mail", is_interactive), Form::Value);
            assert_eq!(form("twostep app-password show mail --json", is_interactive), Form::Json);
        }
        assert_eq!((form("twostep enroll", true), form("twostep enroll", false)), (Form::Text, Form::Json));
    }
}
