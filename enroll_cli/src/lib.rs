//! `twostep`: what people type to enroll a phone and to look after their account.
//!
//! A user's commands go through the helper, root's go to the store directly. Everything that is
//! printed for people is plain text for any terminal; `--json` prints the same for programs.

#![forbid(unsafe_code)]

mod admin;
mod app_password;
pub mod arguments;
mod audit;
mod call;
mod client;
mod configuration;
mod enroll;
mod environment;
mod error;
mod keys;
mod layout;
mod messages;
mod output;
mod permit;
mod progress;
mod prompter;
mod proof;
mod qr;
mod recovery;
mod remove;
mod save;
#[cfg(test)]
mod scripted;
mod session;
mod status;
mod sync;
mod terminal;
mod which;

use std::process::ExitCode;

use arguments::{Admin, Arguments, Command, RecoveryCodes};
use environment::Environment;
use error::CommandError;
use output::Output;
use session::Session;

/// Does what was typed.
pub fn main() -> ExitCode {
    let arguments = match arguments::read() {
        Ok(arguments) => arguments,
        Err(exit) => return exit,
    };
    if let Some(Command::Admin { action: Admin::Trial { service, folder, user, rhost, account } }) = &arguments.command
    {
        let who = (user.as_deref(), rhost.as_deref());
        return ExitCode::from(host_check::apply::try_here(service, folder, who, *account));
    }
    if let Some(Command::Admin { action: Admin::ReadHome { user, path } }) = &arguments.command {
        return ExitCode::from(admin::read_here(user, path));
    }
    let environment = Environment::of_this_process();
    let form = arguments.form(environment.is_interactive);
    let output = Output { out: Box::new(std::io::stdout()), form, environment };
    match run(&arguments, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(form),
    }
}

fn run(arguments: &Arguments, mut output: Output) -> Result<(), CommandError> {
    match &arguments.command {
        Some(Command::Admin { action }) => return admin::run(&mut output, action),
        Some(Command::AppPassword { action }) => return app_password::run(output, action),
        Some(Command::Call) => return call::run(&mut output),
        _ => {}
    }
    let client = client::to_account_of(arguments.whose())?;
    let mut session = Session { client, prompter: terminal::who_types()?, output };
    match &arguments.command {
        Some(Command::Enroll(wishes)) => enroll::run(&mut session, wishes),
        Some(Command::Replace(wishes)) => enroll::replace(&mut session, wishes),
        Some(Command::Sync { .. }) => sync::run(&mut session),
        Some(Command::Remove { label, .. }) => remove::run(&mut session, label.as_deref()),
        Some(Command::RecoveryCodes { action: RecoveryCodes::Regenerate { save, .. } }) => {
            recovery::run(&mut session, save.as_deref())
        }
        _ => status::run(&mut session),
    }
}
