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
mod configuration;
mod enroll;
mod keys;
mod layout;
mod messages;
mod page;
mod permit;
mod person;
mod progress;
mod proof;
mod qr;
mod reach;
mod recovery;
mod remove;
mod save;
#[cfg(test)]
mod scripted;
mod session;
mod status;
mod sync;
mod terminal;
mod trouble;
mod view;
mod which;

use std::process::ExitCode;

use arguments::{Admin, Arguments, Command, RecoveryCodes};
use page::Page;
use session::Session;
use trouble::Trouble;
use view::View;

/// Does what was typed.
pub fn main() -> ExitCode {
    let arguments = match arguments::read() {
        Ok(arguments) => arguments,
        Err(exit) => return exit,
    };
    if let Some(Command::Admin { action: Admin::Trial { service, folder } }) = &arguments.command {
        return ExitCode::from(host_check::apply::try_here(service, folder));
    }
    if let Some(Command::Admin { action: Admin::ReadHome { user, path } }) = &arguments.command {
        return ExitCode::from(admin::read_here(user, path));
    }
    let view = View::of_this_process();
    let form = arguments.form(view.is_interactive);
    let page = Page { out: Box::new(std::io::stdout()), form, view };
    match run(&arguments, page) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => trouble.report(form),
    }
}

fn run(arguments: &Arguments, mut page: Page) -> Result<(), Trouble> {
    match &arguments.command {
        Some(Command::Admin { action }) => return admin::run(&mut page, action),
        Some(Command::AppPassword { action }) => return app_password::run(page, action),
        Some(Command::Call) => return call::run(&mut page),
        _ => {}
    }
    let reach = reach::to_account_of(arguments.whose())?;
    let mut session = Session { reach, person: terminal::who_types()?, page };
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
