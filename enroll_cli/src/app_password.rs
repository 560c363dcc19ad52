//! `twostep app-password`: passwords for programs that cannot ask for a code.

use serde::Serialize;
use twostep_core::request::Refusal;

use crate::arguments::AppPasswordCommand;
use crate::client;
use crate::error::CommandError;
use crate::output::Output;
use crate::session::Session;
use crate::terminal;

mod create;
mod describe;
pub mod ensure;
pub mod list;
pub mod revoke;
mod stored;

pub use describe::{AppPasswordList, listed};
use ensure::Telling;
use stored::Folder;

/// Does what was typed, for the account of the caller.
pub fn run(mut output: Output, action: &AppPasswordCommand) -> Result<(), CommandError> {
    if let AppPasswordCommand::Show { name } = action {
        return show(&mut output, name);
    }
    let client = match (client::to_own_account(), action) {
        // At the start of a session of root there is nothing to do.
        (Err(error), AppPasswordCommand::Ensure { quiet: true }) if error.is(Refusal::Policy) => return Ok(()),
        (client, _) => client?,
    };
    let mut session = Session { client, prompter: terminal::who_types()?, output };
    match action {
        AppPasswordCommand::Create(wishes) => create::run(&mut session, wishes),
        AppPasswordCommand::Revoke { label, .. } => revoke::run(&mut session, label.as_deref()),
        AppPasswordCommand::Ensure { quiet: true } => ensure::run(&mut session, Telling::News),
        AppPasswordCommand::Ensure { quiet: false } => ensure::run(&mut session, Telling::All),
        AppPasswordCommand::List | AppPasswordCommand::Show { .. } => list::run(&mut session),
    }
}

/// A stored password, as programs read it.
#[derive(Serialize)]
struct Stored {
    password: twostep_core::secret::Typed,
}

fn show(output: &mut Output, name: &str) -> Result<(), CommandError> {
    let password = Folder::below(output.environment.home.as_deref())?.read(name)?;
    output.value(&password)?;
    output.object(&Stored { password })
}

#[cfg(test)]
pub mod scripted {
    //! Application passwords without an account.

    use twostep_core::request::{AppPasswordState, AppPasswordStatus, Preset, Response};

    /// One for a service, as the helper tells of it.
    pub fn one(label: &str) -> AppPasswordStatus {
        AppPasswordStatus {
            label: label.into(),
            state: AppPasswordState::Active,
            services: vec!["dovecot".into()],
            networks: vec![],
            created_at: 1_800_000_000,
            expires_at: None,
            preset: false,
            last_use: None,
        }
    }

    /// A preset for mail.
    pub fn preset(name: &str) -> Preset {
        Preset { name: name.into(), services: vec!["dovecot".into()], expires_after: None }
    }

    /// What the helper answers when it is asked for all.
    pub fn all(app_passwords: Vec<AppPasswordStatus>, presets: Vec<Preset>) -> Response {
        Response::AppPasswords { app_passwords, presets, interactive_services: vec!["sshd".into(), "sudo".into()] }
    }

    /// What the helper answers when it has made one.
    pub fn made(label: &str) -> Response {
        let password = twostep_core::secret::Typed::new(PASSWORD.into());
        Response::AppPassword { password, made: one(label) }
    }

    /// As it is shown.
    pub const PASSWORD: &str = "ABCD-EFGH-JKMN-PQRS-TVWX-YZ01";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Form;
    use crate::output::scripted::output;

    #[test]
    fn a_stored_password_is_printed_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::below(Some(home.path())).unwrap();
        let password = twostep_core::secret::Typed::new(scripted::PASSWORD.into());
        folder.reserve("mail").unwrap().keep(&password).unwrap();
        for (form, expected) in [
            (Form::Value, format!("{}\n", scripted::PASSWORD)),
            (Form::Json, format!("{{\"password\":\"{}\"}}\n", scripted::PASSWORD)),
        ] {
            let (mut output, printed) = output(80);
            (output.form, output.environment.home) = (form, Some(home.path().into()));
            show(&mut output, "mail").unwrap();
            assert_eq!(printed.text(), expected);
            assert_eq!(show(&mut output, "other").unwrap_err().reason, stored::FILE);
        }
    }
}
