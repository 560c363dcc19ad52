//! `twostep remove`: an authenticator that is not used any more.

use serde::Serialize;
use twostep_core::request::{Refusal, Request, Response, Status};

use crate::environment::Form;
use crate::error::CommandError;
use crate::messages::account;
use crate::prompter::Echo;
use crate::session::Session;
use crate::{client, proof, which};

/// What was removed, as programs read it.
#[derive(Debug, Serialize)]
struct Removed {
    label: String,
    enrolled: bool,
    app_passwords: Vec<String>,
}

/// Removes an authenticator: the one of this label, or the only one.
pub fn run(session: &mut Session, label: Option<&str>) -> Result<(), CommandError> {
    let status = session.status()?;
    let label = which::authenticator(&status, label, "remove")?;
    if status.authenticators.len() == 1 {
        make_sure(session, &status, &label)?;
    }
    let request = |proof| Request::Remove { label: Some(label.clone()), proof };
    let (response, proof) = proof::ask_with(session, request)?;
    let Response::Removed { label, enrolled, app_passwords } = response else {
        return Err(client::broken("nothing removed"));
    };
    session.output.say(&account::removed(&label))?;
    if !enrolled {
        session.output.say(account::CODES_GONE)?;
        if !app_passwords.is_empty() {
            session.output.say(&account::app_passwords_gone(&app_passwords))?;
        }
    } else {
        proof::tell_spent(session, proof)?;
    }
    session.output.object(&Removed { label, enrolled, app_passwords })
}

/// The last one is special: a user keeps it where it is required, and is asked elsewhere.
fn make_sure(session: &mut Session, status: &Status, label: &str) -> Result<(), CommandError> {
    let user = &status.user;
    if status.required && session.client.needs_proof() {
        return Err(CommandError::refused(Refusal::Policy, account::last_one_stays(label)));
    }
    if !session.prompter.sees_questions() || session.output.form == Form::Json {
        return Ok(());
    }
    session.output.say(&account::last_one(label, user, status.required))?;
    if status.app_passwords > 0 {
        session.output.say(&account::app_passwords_go(status.app_passwords))?;
    }
    let answer = session.prompter.answer(account::REMOVE, Echo::Shown)?;
    match answer.expose().trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CommandError::here("kept", account::KEPT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::{Expected, Script};
    use crate::prompter::scripted::{Answers, lines};
    use crate::session::scripted::{session, status};

    const PROOF: &str = "Current code";

    fn removes(labels: &[&str], enrolled: bool) -> Script {
        Script::user(vec![
            (|_| true, Response::Status(status(labels))),
            (
                |request| matches!(request, Request::Remove { label: Some(label), .. } if label == "phone"),
                Response::Removed { label: "phone".into(), enrolled, app_passwords: vec![] },
            ),
        ])
    }

    fn asks_only() -> Script {
        Script::user(vec![(|_| true, Response::Status(status(&["phone"])))])
    }

    #[test]
    fn the_last_one_goes_after_a_question() {
        let prompter = Answers::new(&[(account::REMOVE, Echo::Shown, "y"), (PROOF, Echo::Hidden, "123456")]);
        let (mut session, printed) = session(removes(&["phone"], false), Box::new(prompter));
        run(&mut session, None).unwrap();
        assert!(printed.text().contains("without a code"), "{}", printed.text());
    }

    #[test]
    fn the_question_says_what_goes_with_the_last_one() {
        for (count, said) in [(1, "The application password goes"), (3, "The 3 application passwords go")] {
            let mut status = status(&["phone"]);
            status.app_passwords = count;
            let prompter = Answers::new(&[(account::REMOVE, Echo::Shown, "n")]);
            let script = Script::user(vec![(|_| true, Response::Status(status))]);
            let (mut session, printed) = session(script, Box::new(prompter));
            assert!(run(&mut session, None).is_err());
            assert!(printed.text().contains(said), "{}", printed.text());
        }
    }

    #[test]
    fn anything_but_yes_keeps_it() {
        for answer in ["", "n", "phone"] {
            let prompter = Answers::new(&[(account::REMOVE, Echo::Shown, answer)]);
            let (mut session, _) = session(asks_only(), Box::new(prompter));
            assert_eq!(run(&mut session, None).unwrap_err().reason, "kept");
        }
    }

    fn required() -> Vec<Expected> {
        let mut status = status(&["phone"]);
        status.required = true;
        vec![(|_| true, Response::Status(status))]
    }

    #[test]
    fn where_it_is_required_a_user_keeps_the_last_one_and_no_proof_is_asked() {
        for prompter in [lines("123456\n"), Box::new(Answers::new(&[]))] {
            let (mut session, _) = session(Script::user(required()), prompter);
            assert!(run(&mut session, None).unwrap_err().is(Refusal::Policy));
        }
    }

    #[test]
    fn where_it_is_required_root_is_warned() {
        let prompter = Answers::new(&[(account::REMOVE, Echo::Shown, "n")]);
        let (mut session, printed) = session(Script::root(required()), Box::new(prompter));
        assert!(run(&mut session, None).is_err());
        assert!(printed.text().contains("cannot log in"), "{}", printed.text());
    }

    #[test]
    fn one_of_several_goes_without_a_question_and_its_proof_is_spent() {
        let prompter = Answers::new(&[(PROOF, Echo::Hidden, "123456")]);
        let (mut session, printed) = session(removes(&["phone", "tablet"], true), Box::new(prompter));
        run(&mut session, Some("phone")).unwrap();
        assert!(printed.text().contains("was already used"), "{}", printed.text());
    }

    #[test]
    fn programs_give_the_proof_and_read_what_is_gone() {
        let (mut session, printed) = session(removes(&["phone"], false), lines("123456\n"));
        session.output.form = Form::Json;
        run(&mut session, None).unwrap();
        assert_eq!(printed.text(), "{\"label\":\"phone\",\"enrolled\":false,\"app_passwords\":[]}\n");
    }
}
