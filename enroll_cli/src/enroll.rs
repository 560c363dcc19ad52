//! `twostep enroll` and `twostep replace`: a new authenticator, from its key to the recovery codes.

use std::path::Path;

use twostep_core::request::{Request, Response, Status};

use crate::app_password::ensure;
use crate::arguments::{Enroll, Replace, Showing};
use crate::error::CommandError;
use crate::messages::account;
use crate::proof::{self, ProofUsed};
use crate::recovery::{self, Sheet};
use crate::session::Session;
use crate::{client, permit, save, which};

mod confirm;
mod device;
mod show;

use confirm::Confirmed;

/// Adds an authenticator. What cannot be written is found out before anything is made.
pub fn run(session: &mut Session, wishes: &Enroll) -> Result<(), CommandError> {
    check(&wishes.showing)?;
    let device = device::read(session, &wishes.device)?;
    let status = session.status()?;
    session.output.say(&account::new_one(&status.user, &session.output.environment.host))?;
    let request = |proof, permit| Request::Begin { label: wishes.label.clone(), proof, permit, device: device.clone() };
    let (response, proof) = if status.enrolled {
        proof::ask_with(session, |proof| request(Some(proof), None))?
    } else {
        (permit::ask_with(session, |permit| request(None, permit))?, ProofUsed::NotNeeded)
    };
    finish(session, (&status, response, proof), &wishes.showing, wishes.device.secret_stdin)
}

/// Puts a new authenticator in the place of another one, which works until the new one is confirmed.
pub fn replace(session: &mut Session, wishes: &Replace) -> Result<(), CommandError> {
    check(&wishes.showing)?;
    let device = device::read(session, &wishes.device)?;
    let status = session.status()?;
    let label = which::authenticator(&status, wishes.label.as_deref(), "replace")?;
    session.output.say(&account::in_place_of(&label, &status.user, &session.output.environment.host))?;
    let request = |proof| Request::Replace {
        label: Some(label.clone()),
        renew_codes: wishes.new_codes,
        proof,
        device: device.clone(),
    };
    let (response, proof) = proof::ask_with(session, request)?;
    finish(session, (&status, response, proof), &wishes.showing, wishes.device.secret_stdin)
}

/// What cannot be written is found out before anything is made.
fn check(showing: &Showing) -> Result<(), CommandError> {
    [&showing.svg, &showing.save_codes].into_iter().flatten().try_for_each(|path| save::check(path))
}

fn finish(
    session: &mut Session,
    (status, response, proof): (&Status, Response, ProofUsed),
    showing: &Showing,
    has_own_key: bool,
) -> Result<(), CommandError> {
    let Response::Pending(pending) = response else { return Err(client::broken("no key")) };
    if has_own_key {
        show::begun(&mut session.output, &pending)?;
    } else {
        session.output.object(&pending)?;
        show::key(&mut session.output, &pending, showing)?;
    }
    match confirm::confirm(session, &pending) {
        Ok(confirmed) => {
            if proof == ProofUsed::RecoveryCode {
                proof::tell_spent(session, proof)?;
            }
            hand_over(session, &status.user, confirmed, showing.save_codes.as_deref())?;
            // Root makes application passwords for nobody.
            if session.client.needs_proof() { ensure::after_enrollment(session) } else { Ok(()) }
        }
        Err(error) => {
            // Its key will never count.
            showing.svg.as_deref().map(save::remove);
            Err(error)
        }
    }
}

fn hand_over(session: &mut Session, user: &str, confirmed: Confirmed, file: Option<&Path>) -> Result<(), CommandError> {
    session.output.object(&confirmed)?;
    let label = &confirmed.label;
    session.output.say(&account::done(user, label, confirmed.replaced.is_some()))?;
    match &confirmed.recovery_codes {
        Some(codes) => {
            let sheet = Sheet::new(&session.output.environment.host, user, codes);
            recovery::hand_over(session, &sheet, file)
        }
        None => session.output.say(match file {
            Some(_) => account::CODES_STAY_UNWRITTEN,
            None => account::CODES_STAY,
        }),
    }
}

#[cfg(test)]
mod tests {
    use twostep_core::request::{Kind, Pending, Refusal, Refused};
    use twostep_core::secret::Typed;

    use super::*;
    use crate::app_password::scripted::{PASSWORD, all, made, preset};
    use crate::arguments::DeviceFlags;
    use crate::client::scripted::Script;
    use crate::environment::Form;
    use crate::messages::account::CODE_OF_APP as QUESTION;
    use crate::output::scripted::Printed;
    use crate::prompter::Echo;
    use crate::prompter::scripted::{Answers, lines};
    use crate::session::scripted::{session, status};

    const URI: &str = "otpauth://totp/web1:alice?secret=JBSWY3DPEHPK3PXP&issuer=web1";

    fn pending() -> Response {
        Response::Pending(Pending {
            label: "phone".into(),
            uri: Typed::new(URI.into()),
            secret: Typed::new("JBSWY3DPEHPK3PXP".into()),
            issuer: "web1".into(),
            account: "alice@web1".into(),
            kind: Kind::Totp,
            digits: 6,
            period: Some(30),
            counter: None,
            algorithm: "SHA1".into(),
            expires_at: 1_800_000_900,
        })
    }

    fn confirmed(codes: Option<&[&str]>) -> Response {
        let typed = |codes: &[&str]| codes.iter().map(|code| Typed::new((*code).into())).collect();
        Response::Confirmed { label: "phone".into(), recovery_codes: codes.map(typed), replaced: None }
    }

    fn wrong() -> Response {
        Response::Refused(Refused::new(Refusal::NotAccepted, "Not the code. Try the next."))
    }

    fn confirms(request: &Request, typed: &str) -> bool {
        matches!(request, Request::Confirm { code, next: None } if code.expose() == typed)
    }

    fn first_enrollment() -> Script {
        Script::user(vec![
            (|request| matches!(request, Request::Status {}), Response::Status(status(&[]))),
            (
                |request| matches!(request, Request::Begin { label: None, proof: None, permit: None, device: None }),
                pending(),
            ),
            (|request| confirms(request, "123456"), confirmed(Some(&["0123-4567", "89AB-CDEF"]))),
            (|request| matches!(request, Request::AppPasswords {}), all(vec![], vec![])),
        ])
    }

    fn in_json(script: Script, input: &'static str) -> (Result<(), CommandError>, Printed) {
        let (mut session, printed) = session(script, lines(input));
        session.output.form = Form::Json;
        (run(&mut session, &Enroll::default()), printed)
    }

    #[test]
    fn programs_get_the_key_in_one_line_and_the_recovery_codes_in_the_next() {
        let (done, printed) = in_json(first_enrollment(), "123456\n");
        done.unwrap();
        let printed = printed.json();
        assert_eq!(printed.len(), 2, "{printed:?}");
        assert_eq!(printed[0]["uri"], URI);
        assert_eq!(printed[0]["secret"], "JBSWY3DPEHPK3PXP");
        assert_eq!(printed[0]["expires_at"], 1_800_000_900);
        assert_eq!(printed[1]["recovery_codes"], serde_json::json!(["0123-4567", "89AB-CDEF"]));
        assert_eq!(printed[1]["label"], "phone");
    }

    #[test]
    fn programs_have_three_tries_and_hear_of_each() {
        let script = Script::user(vec![
            (|_| true, Response::Status(status(&[]))),
            (|_| true, pending()),
            (|request| confirms(request, "1"), wrong()),
            (|request| confirms(request, "2"), wrong()),
            (|request| confirms(request, "3"), wrong()),
        ]);
        let (done, printed) = in_json(script, "1\n2\n3\n123456\n");
        let error = done.unwrap_err();
        assert!(error.is(Refusal::NotAccepted));
        assert!(error.message.contains("Nothing was changed"), "{error}");
        let printed = printed.json();
        assert_eq!(printed.len(), 3);
        assert_eq!(printed[2]["error"]["reason"], "not_accepted");
    }

    #[test]
    fn input_that_ends_early_leaves_the_new_authenticator_inert() {
        let script = Script::user(vec![(|_| true, Response::Status(status(&[]))), (|_| true, pending())]);
        let (done, _) = in_json(script, "");
        assert_eq!(done.unwrap_err().reason, "no_input");
    }

    #[test]
    fn the_first_line_is_the_proof_when_there_is_an_authenticator() {
        let script = Script::user(vec![
            (|_| true, Response::Status(status(&["phone"]))),
            (
                |request| matches!(request, Request::Begin { proof: Some(proof), .. } if proof.expose() == "654321"),
                pending(),
            ),
            (|request| confirms(request, "123456"), confirmed(None)),
            (|_| true, all(vec![], vec![])),
        ]);
        let (done, printed) = in_json(script, "654321\n123456\n");
        done.unwrap();
        assert!(printed.json()[1]["recovery_codes"].is_null());
    }

    #[test]
    fn a_code_of_another_time_is_sent_again_with_the_next_one() {
        let off = Response::Refused(Refused::new(Refusal::WrongClock, "The clock is off. Go on."));
        let script = Script::user(vec![
            (|_| true, Response::Status(status(&[]))),
            (|_| true, pending()),
            (|request| confirms(request, "111111"), off),
            (
                |request| {
                    matches!(request, Request::Confirm { code, next: Some(next) }
                        if code.expose() == "111111" && next.expose() == "222222")
                },
                confirmed(None),
            ),
            (|_| true, all(vec![], vec![])),
        ]);
        let (done, printed) = in_json(script, "111111\n222222\n");
        done.unwrap();
        assert_eq!(printed.json()[1]["error"]["reason"], "wrong_clock");
    }

    #[test]
    fn the_key_of_a_device_is_the_first_line_and_is_not_repeated() {
        let script = Script::user(vec![
            (|_| true, Response::Status(status(&[]))),
            (
                |request| {
                    matches!(request, Request::Begin { device: Some(device), .. }
                        if device.kind == Kind::Hotp
                            && device.counter == Some(7)
                            && device.secret.as_ref().is_some_and(|key| key.expose() == "JBSWY3DPEHPK3PXP"))
                },
                pending(),
            ),
            (|request| confirms(request, "123456"), confirmed(None)),
            (|_| true, all(vec![], vec![])),
        ]);
        let (mut session, printed) = session(script, lines("JBSWY3DPEHPK3PXP\n123456\n"));
        session.output.form = Form::Json;
        let device = DeviceFlags { hotp: true, counter: Some(7), secret_stdin: true, ..DeviceFlags::default() };
        run(&mut session, &Enroll { device, ..Enroll::default() }).unwrap();
        assert!(!printed.text().contains("JBSW"), "{}", printed.text());
    }

    #[test]
    fn a_new_phone_takes_the_place_of_the_old_one() {
        let replaced =
            Response::Confirmed { label: "phone".into(), recovery_codes: None, replaced: Some("phone".into()) };
        let script = Script::user(vec![
            (|_| true, Response::Status(status(&["phone"]))),
            (
                |request| {
                    matches!(request, Request::Replace { label: Some(label), renew_codes: false, proof, device: None }
                        if label == "phone" && proof.expose() == "654321")
                },
                pending(),
            ),
            (|request| confirms(request, "123456"), replaced),
            (|_| true, all(vec![], vec![])),
        ]);
        let prompter = Answers::new(&[("Current code", Echo::Hidden, "654321"), (QUESTION, Echo::Shown, "123456")]);
        let (mut session, printed) = session(script, Box::new(prompter));
        replace(&mut session, &Replace::default()).unwrap();
        let text = printed.text().replace('\n', " ");
        assert!(text.contains("The old one works until the new one is confirmed."), "{text}");
        assert!(text.contains("those of the old one no longer work"), "{text}");
        assert!(text.contains(account::CODES_STAY), "{text}");
    }

    #[test]
    fn a_person_sees_the_key_in_groups_and_the_drawing_last() {
        let prompter = Answers::new(&[(QUESTION, Echo::Shown, "123456"), ("[s]ave", Echo::Shown, "c")]);
        let (mut session, printed) = session(first_enrollment(), Box::new(prompter));
        run(&mut session, &Enroll::default()).unwrap();
        let text = printed.text();
        let places = ["Issuer", "alice@web1", "JBSW Y3DP EHPK 3PXP", "█", " 1. 0123-4567", " 2. 89AB"]
            .map(|part| text.find(part).unwrap_or_else(|| panic!("{part} is not in:\n{text}")));
        assert!(places.is_sorted(), "{places:?}\n{text}");
    }

    #[test]
    fn on_a_narrow_terminal_there_is_the_key_alone() {
        let prompter = Answers::new(&[(QUESTION, Echo::Shown, "123456"), ("[s]ave", Echo::Shown, "c")]);
        let (mut session, printed) = session(first_enrollment(), Box::new(prompter));
        session.output.environment.columns = 32;
        run(&mut session, &Enroll::default()).unwrap();
        let text = printed.text();
        assert!(!text.contains('█') && text.contains("JBSW Y3DP EHPK 3PXP"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 32), "{text}");
    }

    #[test]
    fn a_path_that_cannot_be_written_is_found_before_anything_happens() {
        for showing in [
            Showing { save_codes: Some("/nonexistent/a".into()), ..Showing::default() },
            Showing { svg: Some("/nonexistent/a".into()), ..Showing::default() },
        ] {
            let (mut session, _) = session(Script::user(vec![]), lines(""));
            let wishes = Enroll { showing, ..Enroll::default() };
            assert_eq!(run(&mut session, &wishes).unwrap_err().reason, "file");
        }
    }

    fn enrolls_with_presets(last: Response) -> Script {
        Script::user(vec![
            (|_| true, Response::Status(status(&[]))),
            (|_| true, pending()),
            (|_| true, confirmed(Some(&["0123-4567"]))),
            (|_| true, all(vec![], vec![preset("mail")])),
            (|_| true, Response::Status(status(&["phone"]))),
            (|request| matches!(request, Request::EnsureAppPassword { name, proof: None } if name == "mail"), last),
        ])
    }

    #[test]
    fn the_presets_are_made_at_the_end() {
        let home = tempfile::tempdir().unwrap();
        let (mut session, printed) = session(enrolls_with_presets(made("mail")), lines("123456\n"));
        (session.output.form, session.output.environment.home) = (Form::Json, Some(home.path().into()));
        run(&mut session, &Enroll::default()).unwrap();
        let stored = home.path().join(".local/share/twostep/mail");
        assert_eq!(printed.json()[2], serde_json::json!({"name": "mail", "file": stored, "made": true}));
        assert_eq!(std::fs::read_to_string(stored).unwrap(), format!("{PASSWORD}\n"));
    }

    #[test]
    fn an_enrollment_is_done_whatever_becomes_of_the_presets() {
        let refused = Response::Refused(Refused::new(Refusal::Failed, "The disk is full. Make room."));
        let home = tempfile::tempdir().unwrap();
        let (mut session, printed) = session(enrolls_with_presets(refused), lines("123456\n"));
        (session.output.form, session.output.environment.home) = (Form::Json, Some(home.path().into()));
        run(&mut session, &Enroll::default()).unwrap();
        assert_eq!(printed.json()[2]["error"]["message"], "The disk is full. Make room.");
    }

    #[test]
    fn root_makes_no_application_password_for_anybody() {
        let script = Script::root(vec![
            (|_| true, Response::Status(status(&[]))),
            (|_| true, pending()),
            (|_| true, confirmed(None)),
        ]);
        let (mut session, _) = session(script, lines("123456\n"));
        session.output.form = Form::Json;
        run(&mut session, &Enroll::default()).unwrap();
    }

    #[test]
    fn an_enrollment_that_fails_leaves_no_picture() {
        let folder = tempfile::tempdir().unwrap();
        let svg = folder.path().join("code.svg");
        let showing = Showing { svg: Some(svg.clone()), ..Showing::default() };
        let wishes = Enroll { showing, ..Enroll::default() };
        let script = Script::user(vec![(|_| true, Response::Status(status(&[]))), (|_| true, pending())]);
        let (mut session, _) = session(script, lines(""));
        assert!(run(&mut session, &wishes).is_err());
        assert!(!svg.exists());
    }
}
