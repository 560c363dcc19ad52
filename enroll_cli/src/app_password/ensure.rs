//! `twostep app-password ensure`: the administrator's presets, made and left in files.
//!
//! Run at the start of a session, soon after a second step that counts as a proof.

use std::path::Path;

use serde::Serialize;
use twostep_core::request::{AppPasswordState, AppPasswordStatus, Preset, Refusal, Request, Response};
use twostep_core::secret::Typed;

use super::describe::{listed, show_command};
use super::stored::{BUSY, FILE, Folder};
use crate::client;
use crate::error::CommandError;
use crate::messages::app_password;
use crate::proof::{self, ProofUsed};
use crate::session::Session;

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// Everything; and a person is asked for a proof where one is needed.
    All,
    /// What was made, and what failed. Nobody is asked anything.
    News,
}

/// One preset, as programs read it.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    name: &'a str,
    file: &'a Path,
    /// Whether it was made now.
    made: bool,
}

/// Makes those whose files are not there, each for itself.
pub fn run(session: &mut Session, telling: Telling) -> Result<(), CommandError> {
    match ensure(session, telling) {
        Err(error) if telling == Telling::News && can_wait(&error) => Ok(()),
        done => done,
    }
}

/// The end of an enrollment, which is done whatever comes of this.
pub fn after_enrollment(session: &mut Session) -> Result<(), CommandError> {
    match run(session, Telling::News) {
        Err(error) => session.output.complain(&error),
        Ok(()) => Ok(()),
    }
}

fn ensure(session: &mut Session, telling: Telling) -> Result<(), CommandError> {
    let there_is = listed(&mut *session.client)?;
    if there_is.presets.is_empty() {
        return if telling == Telling::All { session.output.say(app_password::NO_PRESETS) } else { Ok(()) };
    }
    let folder = Folder::below(session.output.environment.home.as_deref())?;
    let mut missing = Vec::new();
    for preset in &there_is.presets {
        if folder.holds(&preset.name)? {
            let is_its = |one: &AppPasswordStatus| one.label == preset.name && one.state == AppPasswordState::Active;
            let is_active = there_is.app_passwords.iter().any(is_its);
            tell_kept(session, telling, &folder.path(&preset.name), is_active)?;
        } else {
            missing.push(preset);
        }
    }
    if !missing.is_empty() && !session.status()?.enrolled {
        return Err(CommandError::refused(Refusal::NoAuthenticator, app_password::NOT_ENROLLED.to_owned()));
    }
    let mut done = Ok(());
    for preset in missing {
        if let Err(error) = one(session, &folder, preset, telling) {
            if !concerns_one(&error) {
                return Err(error);
            }
            if let Err(earlier) = std::mem::replace(&mut done, Err(error)) {
                session.output.complain(&earlier)?;
            }
        }
    }
    done
}

/// The place is made sure of first: what is made and cannot be stored is lost.
fn one(session: &mut Session, folder: &Folder, preset: &Preset, telling: Telling) -> Result<(), CommandError> {
    let place = match folder.reserve(&preset.name) {
        Err(error) if telling == Telling::News && error.reason == BUSY => return Ok(()),
        // Another run has just made it.
        Err(_) if folder.holds(&preset.name)? => return tell_kept(session, telling, &folder.path(&preset.name), true),
        place => place?,
    };
    let (password, proof) = match made(session, &preset.name, telling) {
        Err(error) if telling == Telling::News && error.is(Refusal::NoRoom) => return Ok(()),
        made => made?,
    };
    let file = place.keep(&password).map_err(|error| lost(&preset.name, &error))?;
    tell_made(session, preset, &file)?;
    proof::tell_spent(session, proof)
}

fn made(session: &mut Session, name: &str, telling: Telling) -> Result<(Typed, ProofUsed), CommandError> {
    let request = |proof| Request::EnsureAppPassword { name: name.to_owned(), proof };
    let (response, proof) = match session.client.ask(request(None)) {
        Ok(response) => (response, ProofUsed::NotNeeded),
        Err(needed) if needed.is(Refusal::ProofRequired) && telling == Telling::All => {
            match proof::ask_with(session, |proof| request(Some(proof))) {
                // Nobody is there to ask.
                Err(error) if error.reason == "no_input" => return Err(needed),
                answered => answered?,
            }
        }
        Err(error) => return Err(error),
    };
    match response {
        Response::AppPassword { password, .. } => Ok((password, proof)),
        _ => Err(client::broken("no password")),
    }
}

fn tell_made(session: &mut Session, preset: &Preset, file: &Path) -> Result<(), CommandError> {
    let Preset { name, services, .. } = preset;
    session.output.object(&Outcome { name, file, made: true })?;
    session.output.say(&app_password::made_for(services, file, &show_command(name)))
}

fn tell_kept(session: &mut Session, telling: Telling, file: &Path, is_active: bool) -> Result<(), CommandError> {
    if telling == Telling::News {
        return Ok(());
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    session.output.object(&Outcome { name: &name, file, made: false })?;
    session.output.say(&app_password::kept(&name, file, is_active))
}

/// At the start of a session this is no news: the next login with a code, or the person, sees to it.
fn can_wait(error: &CommandError) -> bool {
    let waits = [Refusal::ProofRequired, Refusal::NoAuthenticator, Refusal::NotSetUp];
    waits.into_iter().any(|reason| error.is(reason))
}

/// The other presets may still be made.
fn concerns_one(error: &CommandError) -> bool {
    [FILE, BUSY].contains(&error.reason.as_str()) || error.is(Refusal::NoRoom)
}

fn lost(name: &str, error: &CommandError) -> CommandError {
    CommandError::here(FILE, app_password::lost(name, &error.message))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use twostep_core::request::Refused;

    use super::*;
    use crate::app_password::scripted::{PASSWORD, all, made, one, preset};
    use crate::client::scripted::{Expected, Script};
    use crate::environment::Form;
    use crate::output::scripted::Printed;
    use crate::prompter::scripted::{Answers, lines};
    use crate::prompter::{Echo, Prompter};
    use crate::session::scripted::{session, status};

    fn refused(reason: Refusal) -> Response {
        Response::Refused(Refused::new(reason, "No. Because."))
    }

    fn begins(names: &[&str]) -> Vec<Expected> {
        let presets = names.iter().map(|name| preset(name)).collect();
        vec![(|_| true, all(vec![], presets)), (|_| true, Response::Status(status(&["phone"])))]
    }

    fn without_proof(request: &Request) -> bool {
        matches!(request, Request::EnsureAppPassword { proof: None, .. })
    }

    fn with_proof(request: &Request) -> bool {
        matches!(request, Request::EnsureAppPassword { proof: Some(proof), .. } if proof.expose() == "123456")
    }

    struct Home(tempfile::TempDir);

    impl Home {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn file(&self, name: &str) -> PathBuf {
            self.0.path().join(".local/share/twostep").join(name)
        }

        fn put(&self, name: &str, contents: &str) {
            std::fs::create_dir_all(self.file("")).unwrap();
            std::fs::write(self.file(name), contents).unwrap();
        }

        fn run(
            &self,
            turns: Vec<Expected>,
            prompter: Box<dyn Prompter>,
            telling: Telling,
        ) -> (Result<(), CommandError>, Printed) {
            let (mut session, printed) = session(Script::user(turns), prompter);
            session.output.environment.home = Some(self.0.path().into());
            (run(&mut session, telling), printed)
        }
    }

    #[test]
    fn what_is_missing_is_made_without_a_proof_soon_after_a_login() {
        let home = Home::new();
        let mut turns = begins(&["mail", "files"]);
        turns.extend([(without_proof as _, made("mail")), (without_proof as _, made("files"))]);
        let (done, printed) = home.run(turns, lines(""), Telling::News);
        done.unwrap();
        for name in ["mail", "files"] {
            assert_eq!(std::fs::read_to_string(home.file(name)).unwrap(), format!("{PASSWORD}\n"));
            assert!(printed.text().contains(&format!("twostep app-password show {name}")), "{}", printed.text());
        }
        assert!(!printed.text().contains(PASSWORD));
    }

    #[test]
    fn a_file_that_is_there_is_left_and_nothing_is_asked() {
        let home = Home::new();
        home.put("mail", "");
        let turns = || vec![(begins(&["mail"]).remove(0))];
        let (done, printed) = home.run(turns(), lines(""), Telling::News);
        assert_eq!((done, printed.text()), (Ok(()), String::new()));
        let (done, printed) = home.run(turns(), lines(""), Telling::All);
        done.unwrap();
        assert!(printed.text().replace('\n', " ").contains("is revoked or expired"), "{}", printed.text());
        assert_eq!(std::fs::read_to_string(home.file("mail")).unwrap(), "");
        let active: Vec<Expected> = vec![(|_| true, all(vec![one("mail")], vec![preset("mail")]))];
        let (done, printed) = home.run(active, lines(""), Telling::All);
        done.unwrap();
        assert!(!printed.text().contains("revoked"), "{}", printed.text());
    }

    #[test]
    fn a_person_gives_a_proof_where_one_is_needed() {
        let home = Home::new();
        let mut turns = begins(&["mail"]);
        turns.extend([(without_proof as _, refused(Refusal::ProofRequired)), (with_proof as _, made("mail"))]);
        let prompter = Answers::new(&[("Current code", Echo::Hidden, "123456")]);
        let (done, printed) = home.run(turns, Box::new(prompter), Telling::All);
        done.unwrap();
        assert!(printed.text().contains("was already used"), "{}", printed.text());
        assert!(home.file("mail").is_file());
    }

    #[test]
    fn without_a_terminal_the_reason_is_told_and_at_a_sessions_start_nothing() {
        let home = Home::new();
        let turns = || {
            let mut turns = begins(&["mail", "files"]);
            turns.push((without_proof, refused(Refusal::ProofRequired)));
            turns
        };
        let (done, _) = home.run(turns(), lines(""), Telling::All);
        assert!(done.unwrap_err().is(Refusal::ProofRequired));
        let (done, printed) = home.run(turns(), lines("123456\n"), Telling::News);
        assert_eq!((done, printed.text()), (Ok(()), String::new()));
        assert_eq!(std::fs::read_dir(home.file("")).unwrap().count(), 0);
    }

    #[test]
    fn one_who_is_not_enrolled_is_left_alone() {
        let home = Home::new();
        let turns = || -> Vec<Expected> {
            vec![(|_| true, all(vec![], vec![preset("mail")])), (|_| true, Response::Status(status(&[])))]
        };
        assert_eq!(home.run(turns(), lines(""), Telling::News).0, Ok(()));
        assert!(home.run(turns(), lines(""), Telling::All).0.unwrap_err().is(Refusal::NoAuthenticator));
        assert!(!home.0.path().join(".local").exists());
    }

    #[test]
    fn each_preset_is_for_itself() {
        let home = Home::new();
        std::fs::create_dir_all(home.file("")).unwrap();
        std::fs::create_dir(home.file(".mail.new")).unwrap();
        let mut turns = begins(&["mail", "files", "notes"]);
        turns.extend([(without_proof as _, refused(Refusal::NoRoom)), (without_proof as _, made("notes"))]);
        let (done, printed) = home.run(turns, lines(""), Telling::All);
        assert!(done.unwrap_err().is(Refusal::NoRoom));
        assert!(printed.text().contains("cannot be written"), "{}", printed.text());
        assert!(home.file("notes").is_file());
        assert!(!home.file("files").exists());
    }

    #[test]
    fn programs_read_a_line_for_each() {
        let home = Home::new();
        home.put("mail", "mine");
        let mut turns = begins(&["mail", "files"]);
        turns.push((without_proof, made("files")));
        let (mut session, printed) = session(Script::user(turns), lines(""));
        (session.output.form, session.output.environment.home) = (Form::Json, Some(home.0.path().into()));
        run(&mut session, Telling::All).unwrap();
        let read = printed.json();
        assert_eq!(read[0], serde_json::json!({"name": "mail", "file": home.file("mail"), "made": false}));
        assert_eq!(read[1], serde_json::json!({"name": "files", "file": home.file("files"), "made": true}));
    }

    #[test]
    fn another_run_at_the_same_work_is_no_news() {
        let home = Home::new();
        let folder = Folder::below(Some(home.0.path())).unwrap();
        let _place = folder.reserve("mail").unwrap();
        assert_eq!(home.run(begins(&["mail"]), lines(""), Telling::News).0, Ok(()));
        assert_eq!(home.run(begins(&["mail"]), lines(""), Telling::All).0.unwrap_err().reason, BUSY);
    }

    #[test]
    fn what_is_lost_is_said_with_the_remedy() {
        let error = lost("mail", &CommandError::here(FILE, "The disk is full. Make room."));
        assert!(error.message.contains("Make room.") && error.message.contains("twostep app-password ensure"));
    }
}
