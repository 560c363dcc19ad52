//! `twostep remove`: an authenticator that is not used any more.

use serde::Serialize;
use twostep_core::request::{Refusal, Request, Response, Status};

use crate::messages::account;
use crate::person::Echo;
use crate::session::Session;
use crate::trouble::Trouble;
use crate::view::Form;
use crate::{proof, reach, which};

/// What was removed, as programs read it.
#[derive(Debug, Serialize)]
struct Removed {
    label: String,
    enrolled: bool,
    app_passwords: Vec<String>,
}

/// Removes an authenticator: the one of this label, or the only one.
pub fn run(session: &mut Session, label: Option<&str>) -> Result<(), Trouble> {
    let status = session.status()?;
    let label = which::authenticator(&status, label, "remove")?;
    if status.authenticators.len() == 1 {
        make_sure(session, &status, &label)?;
    }
    let request = |proof| Request::Remove { label: Some(label.clone()), proof };
    let (response, proof) = proof::ask_with(session, request)?;
    let Response::Removed { label, enrolled, app_passwords } = response else {
        return Err(reach::broken("nothing removed"));
    };
    session.page.say(&account::removed(&label))?;
    if !enrolled {
        session.page.say(account::CODES_GONE)?;
        if !app_passwords.is_empty() {
            session.page.say(&account::app_passwords_gone(&app_passwords))?;
        }
    } else {
        proof::tell_spent(session, proof)?;
    }
    session.page.object(&Removed { label, enrolled, app_passwords })
}

/// The last one is special: a user keeps it where it is required, and is asked elsewhere.
fn make_sure(session: &mut Session, status: &Status, label: &str) -> Result<(), Trouble> {
    let user = &status.user;
    if status.required && session.reach.needs_proof() {
        return Err(Trouble::refused(Refusal::Policy, account::last_one_stays(label)));
    }
    if !session.person.sees_questions() || session.page.form == Form::Json {
        return Ok(());
    }
    session.page.say(&account::last_one(label, user, status.required))?;
    if status.app_passwords > 0 {
        session.page.say(&account::app_passwords_go(status.app_passwords))?;
    }
    let answer = session.person.answer(account::REMOVE, Echo::Shown)?;
    match answer.expose().trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Trouble::here("kept", account::KEPT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person::scripted::{Answers, lines};
    use crate::reach::scripted::{Expected, Script};
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
        let person = Answers::new(&[(account::REMOVE, Echo::Shown, "y"), (PROOF, Echo::Hidden, "123456")]);
        let (mut session, printed) = session(removes(&["phone"], false), Box::new(person));
        run(&mut session, None).unwrap();
        assert!(printed.text().contains("without a code"), "{}", printed.text());
    }

    #[test]
    fn the_question_says_what_goes_with_the_last_one() {
        for (count, said) in [(1, "The application password goes"), (3, "The 3 application passwords go")] {
            let mut status = status(&["phone"]);
            status.app_passwords = count;
            let person = Answers::new(&[(account::REMOVE, Echo::Shown, "n")]);
            let script = Script::user(vec![(|_| true, Response::Status(status))]);
            let (mut session, printed) = session(script, Box::new(person));
            assert!(run(&mut session, None).is_err());
            assert!(printed.text().contains(said), "{}", printed.text());
        }
    }

    #[test]
    fn anything_but_yes_keeps_it() {
        for answer in ["", "n", "phone"] {
            let person = Answers::new(&[(account::REMOVE, Echo::Shown, answer)]);
            let (mut session, _) = session(asks_only(), Box::new(person));
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
        for person in [lines("123456\n"), Box::new(Answers::new(&[]))] {
            let (mut session, _) = session(Script::user(required()), person);
            assert!(run(&mut session, None).unwrap_err().is(Refusal::Policy));
        }
    }

    #[test]
    fn where_it_is_required_root_is_warned() {
        let person = Answers::new(&[(account::REMOVE, Echo::Shown, "n")]);
        let (mut session, printed) = session(Script::root(required()), Box::new(person));
        assert!(run(&mut session, None).is_err());
        assert!(printed.text().contains("cannot log in"), "{}", printed.text());
    }

    #[test]
    fn one_of_several_goes_without_a_question_and_its_proof_is_spent() {
        let person = Answers::new(&[(PROOF, Echo::Hidden, "123456")]);
        let (mut session, printed) = session(removes(&["phone", "tablet"], true), Box::new(person));
        run(&mut session, Some("phone")).unwrap();
        assert!(printed.text().contains("is spent"), "{}", printed.text());
    }

    #[test]
    fn programs_give_the_proof_and_read_what_is_gone() {
        let (mut session, printed) = session(removes(&["phone"], false), lines("123456\n"));
        session.page.form = Form::Json;
        run(&mut session, None).unwrap();
        assert_eq!(printed.text(), "{\"label\":\"phone\",\"enrolled\":false,\"app_passwords\":[]}\n");
    }
}
