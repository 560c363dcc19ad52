//! `twostep app-password create`: one that the user wants.

use std::path::Path;

use serde::Serialize;
use twostep_core::messages::changes;
use twostep_core::request::{AppPasswordStatus, Refusal, Request, Response};
use twostep_core::secret::Typed;

use super::describe::{AppPasswordList, listed, scope, show_command};
use super::stored::{Folder, NewFile, is_file_name};
use crate::arguments::Create;
use crate::error::CommandError;
use crate::messages::app_password;
use crate::output::Output;
use crate::session::Session;
use crate::{client, proof};

/// A new one, as programs read it.
#[derive(Serialize)]
struct Made<'a> {
    /// None where it is stored.
    password: Option<&'a Typed>,
    /// Where it is stored.
    file: Option<&'a Path>,
    #[serde(flatten)]
    made: &'a AppPasswordStatus,
}

/// Makes one. What is in the way is found out before a proof is asked.
pub fn run(session: &mut Session, wishes: &Create) -> Result<(), CommandError> {
    let user = ready(session, wishes)?;
    let place = if wishes.store { Some(reserve(session, &wishes.label)?) } else { None };
    let request = |proof| Request::CreateAppPassword {
        label: wishes.label.clone(),
        services: wishes.services.clone(),
        networks: wishes.networks.clone(),
        expires_after: wishes.expires.map(|expires| expires.as_secs()),
        proof,
    };
    let (response, proof) = proof::ask_with(session, request)?;
    let Response::AppPassword { password, made } = response else {
        return Err(client::broken("no password"));
    };
    // One that could not be stored is shown instead: it is made, and a proof was spent for it.
    let stored = place.map(|place| place.keep(&password)).transpose();
    let file = stored.as_ref().ok().and_then(Option::as_deref);
    hand_over(&mut session.output, &user, (&password, &made), file).map_err(|error| match file {
        Some(_) => error,
        None => unread(&made.label),
    })?;
    proof::tell_spent(session, proof)?;
    stored.map(drop).map_err(|error| CommandError::here(&error.reason, app_password::not_stored(&error.message)))
}

/// The user, if one of this label can be made for these services.
fn ready(session: &mut Session, Create { label, services, .. }: &Create) -> Result<String, CommandError> {
    let status = session.status()?;
    if !status.enrolled {
        return Err(CommandError::refused(Refusal::NoAuthenticator, app_password::user_not_enrolled(&status.user)));
    }
    let AppPasswordList { app_passwords, interactive_services, .. } = listed(&mut *session.client)?;
    let mut services = services.iter().map(|name| name.to_ascii_lowercase());
    if let Some(name) = services.find(|name| interactive_services.contains(name)) {
        return Err(CommandError::refused(Refusal::BadRequest, changes::people_are_asked(&name)));
    }
    if app_passwords.iter().any(|one| one.label == *label) {
        return Err(CommandError::refused(Refusal::NoRoom, app_password::label_taken(label)));
    }
    Ok(status.user)
}

fn reserve(session: &Session, label: &str) -> Result<NewFile, CommandError> {
    if !is_file_name(label) {
        return Err(CommandError::usage(app_password::no_file_name(label)));
    }
    Folder::below(session.output.environment.home.as_deref())?.reserve(label)
}

fn hand_over(
    output: &mut Output,
    user: &str,
    (password, made): (&Typed, &AppPasswordStatus),
    file: Option<&Path>,
) -> Result<(), CommandError> {
    output.value(password)?;
    output.object(&Made { password: file.is_none().then_some(password), file, made })?;
    match file {
        Some(file) => tell_stored(output, made, file),
        None => show(output, user, password, made),
    }
}

fn show(output: &mut Output, user: &str, password: &Typed, made: &AppPasswordStatus) -> Result<(), CommandError> {
    output.say(&app_password::shown(&made.label))?;
    output.draw(Typed::new(format!("  {}\n\n", password.expose())).expose())?;
    output.entry("User name", user)?;
    scope(output, made)?;
    output.say(app_password::TYPE_IT)
}

fn tell_stored(output: &mut Output, made: &AppPasswordStatus, file: &Path) -> Result<(), CommandError> {
    output.say(&app_password::stored(&made.label))?;
    output.entry("File", &file.display().to_string())?;
    scope(output, made)?;
    output.say(&app_password::got_by(&show_command(&made.label)))
}

/// Also where a pipe was closed: the password is made, and whoever reads errors has to know.
fn unread(label: &str) -> CommandError {
    CommandError::here("output", app_password::made_unseen(label))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app_password::scripted::{PASSWORD, all, made, one};
    use crate::client::scripted::{Expected, Script};
    use crate::environment::Form;
    use crate::output::scripted::Printed;
    use crate::prompter::Echo;
    use crate::prompter::scripted::{Answers, lines};
    use crate::session::scripted::{session, status};

    fn wishes() -> Create {
        Create {
            label: "laptop".into(),
            services: vec!["dovecot".into()],
            networks: vec![],
            expires: None,
            print_only: false,
            store: false,
        }
    }

    fn before_the_proof(labels: &[&str]) -> Vec<Expected> {
        vec![
            (|_| true, Response::Status(status(&["phone"]))),
            (|_| true, all(labels.iter().map(|label| one(label)).collect(), vec![])),
        ]
    }

    fn makes() -> Script {
        let mut turns = before_the_proof(&["mail"]);
        turns.push((
            |request| {
                matches!(request, Request::CreateAppPassword { label, proof, .. }
                    if label == "laptop" && proof.expose() == "123456")
            },
            made("laptop"),
        ));
        Script::user(turns)
    }

    fn in_form(form: Form, home: &Path, wishes: &Create) -> (Result<(), CommandError>, Printed) {
        let (mut session, printed) = session(makes(), lines("123456\n"));
        (session.output.form, session.output.environment.home) = (form, Some(home.to_owned()));
        (run(&mut session, wishes), printed)
    }

    #[test]
    fn a_person_sees_it_once_with_how_to_use_it() {
        let prompter = Answers::new(&[("Current code", Echo::Hidden, "123456")]);
        let (mut session, printed) = session(makes(), Box::new(prompter));
        session.output.environment.columns = 40;
        run(&mut session, &wishes()).unwrap();
        let text = printed.text();
        assert_eq!(text.matches(PASSWORD).count(), 1, "{text}");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "User name alice",
            "Services dovecot",
            "Networks any",
            "Expires never",
            "not shown again",
            "was already used",
        ] {
            assert!(words.contains(part), "{part} is not in:\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
    }

    #[test]
    fn a_pipe_gets_the_password_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let (done, printed) = in_form(Form::Value, home.path(), &Create { print_only: true, ..wishes() });
        done.unwrap();
        assert_eq!(printed.text(), format!("{PASSWORD}\n"));
    }

    #[test]
    fn programs_read_it_in_one_line() {
        let home = tempfile::tempdir().unwrap();
        let (done, printed) = in_form(Form::Json, home.path(), &wishes());
        done.unwrap();
        let [read] = printed.json().try_into().unwrap();
        assert_eq!(
            (&read["password"], &read["label"], &read["file"]),
            (&PASSWORD.into(), &"laptop".into(), &().into())
        );
    }

    #[test]
    fn one_that_is_stored_is_not_shown() {
        let home = tempfile::tempdir().unwrap();
        let wishes = Create { store: true, ..wishes() };
        let (done, printed) = in_form(Form::Text, home.path(), &wishes);
        done.unwrap();
        let file = home.path().join(".local/share/twostep/laptop");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("{PASSWORD}\n"));
        assert!(!printed.text().contains(PASSWORD) && printed.text().contains("show laptop"), "{}", printed.text());
        std::fs::remove_file(&file).unwrap();
        let (done, printed) = in_form(Form::Json, home.path(), &wishes);
        done.unwrap();
        assert!(printed.json()[0]["password"].is_null());
        assert_eq!(printed.json()[0]["file"], file.to_str().unwrap());
    }

    /// Before it answers, the file appears from elsewhere.
    struct Late(Script, std::path::PathBuf);

    impl client::Client for Late {
        fn ask(&mut self, request: Request) -> Result<Response, CommandError> {
            if matches!(request, Request::CreateAppPassword { .. }) {
                std::fs::write(&self.1, "mine").unwrap();
            }
            self.0.ask(request)
        }

        fn needs_proof(&self) -> bool {
            true
        }
    }

    #[test]
    fn one_that_cannot_be_stored_after_all_is_shown() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".local/share/twostep/laptop");
        let (mut session, printed) = session(Script::user(vec![]), lines("123456\n"));
        session.client = Box::new(Late(makes(), file.clone()));
        session.output.environment.home = Some(home.path().into());
        let error = run(&mut session, &Create { store: true, ..wishes() }).unwrap_err();
        assert!(error.message.contains("but not stored") && error.message.contains("exists already"), "{error}");
        assert!(printed.text().contains(PASSWORD), "{}", printed.text());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    }

    #[test]
    fn a_service_where_people_are_asked_costs_no_proof() {
        for services in [vec!["sshd"], vec!["dovecot", "SUDO"]] {
            let (mut session, _) = session(Script::user(before_the_proof(&[])), Box::new(Answers::new(&[])));
            let wishes = Create { services: services.into_iter().map(str::to_owned).collect(), ..wishes() };
            let error = run(&mut session, &wishes).unwrap_err();
            assert_eq!(error.reason, "bad_request");
            assert!(error.message.starts_with("People are asked for a code at s"), "{error}");
        }
    }

    #[test]
    fn what_stands_in_the_way_costs_no_proof() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".local/share/twostep");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("laptop"), "mine").unwrap();
        let not_enrolled: Vec<Expected> = vec![(|_| true, Response::Status(status(&[])))];
        for (turns, label, store, reason) in [
            (not_enrolled, "laptop", false, "no_authenticator"),
            (before_the_proof(&["laptop"]), "laptop", false, "no_room"),
            (before_the_proof(&[]), "laptop", true, "file"),
            (before_the_proof(&[]), "a/b", true, "usage"),
            (before_the_proof(&[]), ".b", true, "usage"),
        ] {
            let (mut session, _) = session(Script::user(turns), Box::new(Answers::new(&[])));
            session.output.environment.home = Some(home.path().into());
            let wishes = Create { label: label.into(), store, ..wishes() };
            assert_eq!(run(&mut session, &wishes).unwrap_err().reason, reason, "{label}");
        }
    }
}
