//! `twostep`: what people type to enroll a phone and to look after their account.
//!
//! A user's commands go through the helper, root's go to the store directly. Everything that is
//! printed for people is plain text for any terminal; `--json` prints the same for programs.

#![forbid(unsafe_code)]

mod admin;
mod arguments;
mod audit;
mod dates;
mod enroll;
mod layout;
mod page;
mod person;
mod proof;
mod qr;
mod reach;
mod recovery;
mod remove;
mod save;
mod session;
mod status;
mod terminal;
mod trouble;
mod view;

use std::process::ExitCode;

use arguments::{Admin, Arguments, Command, RecoveryCodes};
use page::Page;
use session::Session;
use trouble::Trouble;
use view::View;

fn main() -> ExitCode {
    let arguments = match arguments::read() {
        Ok(arguments) => arguments,
        Err(exit) => return exit,
    };
    let view = View::of_this_process();
    // Without a terminal nobody could look at a QR code.
    let json = arguments.json || arguments.enrolls() && !view.is_interactive;
    let page = Page { out: Box::new(std::io::stdout()), json, view };
    match run(&arguments, page) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => trouble.report(json),
    }
}

fn run(arguments: &Arguments, mut page: Page) -> Result<(), Trouble> {
    if let Some(Command::Admin { action }) = &arguments.command {
        return match action {
            Admin::Reset { user } => admin::reset(&mut page, user),
            Admin::Show { user } => admin::show(&mut page, user),
        };
    }
    let reach = reach::to_account_of(arguments.whose())?;
    let mut session = Session { reach, person: person::who_types()?, page };
    match &arguments.command {
        Some(Command::Enroll(wishes)) => enroll::run(&mut session, wishes),
        Some(Command::Remove { label, .. }) => remove::run(&mut session, label.as_deref()),
        Some(Command::RecoveryCodes { action: RecoveryCodes::Regenerate { save, .. } }) => {
            recovery::run(&mut session, save.as_deref())
        }
        Some(Command::Status { .. } | Command::Admin { .. }) | None => status::run(&mut session),
    }
}
