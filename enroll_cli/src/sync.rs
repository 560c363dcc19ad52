//! `twostep sync`: two codes in a row put a device right whose clock drifts, or whose button was
//! pressed often.

use serde::Serialize;
use twostep_core::request::{Kind, Request, Response, Status};

use crate::client;
use crate::error::CommandError;
use crate::messages::account;
use crate::prompter::Echo;
use crate::session::Session;

/// Where a device turned out to be, as programs read it.
#[derive(Debug, Serialize)]
struct Synchronized {
    label: String,
    kind: Kind,
    /// Steps of its clock, or codes, by which it is ahead; behind if negative.
    ahead: i64,
}

/// Asks for two codes, which are the proof too.
pub fn run(session: &mut Session) -> Result<(), CommandError> {
    let status = session.status()?;
    let longest = status.authenticators.iter().filter_map(|one| one.period).max();
    let first = session.prompter.answer(account::CODE_OF_DEVICE, Echo::Shown)?;
    session.output.say(&match longest {
        Some(period) => account::wait_for_another(period),
        None => account::PRESS_AGAIN.to_owned(),
    })?;
    let second = session.prompter.answer(account::NEXT_CODE, Echo::Shown)?;
    match session.client.ask(Request::Synchronize { first, second })? {
        Response::Synchronized { label, kind, ahead } => tell(session, &status, Synchronized { label, kind, ahead }),
        _ => Err(client::broken("nothing put right")),
    }
}

fn tell(session: &mut Session, status: &Status, found: Synchronized) -> Result<(), CommandError> {
    let label = &found.label;
    let period = status.authenticators.iter().find(|one| one.label == *label).and_then(|one| one.period);
    let seconds = found.ahead.saturating_mul(period.unwrap_or(0).cast_signed());
    session.output.say(&account::put_right(label, found.kind, found.ahead, seconds))?;
    session.output.object(&found)
}

#[cfg(test)]
mod tests {
    use twostep_core::request::{Refusal, Refused};

    use super::*;
    use crate::client::scripted::Script;
    use crate::environment::Form;
    use crate::prompter::scripted::{Answers, lines};
    use crate::session::scripted::{session, status};

    fn answers(last: Response) -> Script {
        Script::user(vec![
            (|request| matches!(request, Request::Status {}), Response::Status(status(&["phone"]))),
            (
                |request| {
                    matches!(request, Request::Synchronize { first, second }
                        if first.expose() == "111111" && second.expose() == "222222")
                },
                last,
            ),
        ])
    }

    fn found(kind: Kind, ahead: i64) -> Response {
        Response::Synchronized { label: "phone".into(), kind, ahead }
    }

    #[test]
    fn a_person_hears_what_was_wrong() {
        for (response, text) in [
            (found(Kind::Totp, -18), "The clock of phone is about 9 minutes slow. Its codes work now;"),
            (found(Kind::Totp, 3), "about 90 seconds fast"),
            (found(Kind::Totp, 1), "The clock of phone is right."),
            (found(Kind::Hotp, 40), "phone was 40 codes ahead, and works again."),
            (found(Kind::Hotp, 0), "phone was where it should be."),
        ] {
            let prompter = Answers::new(&[
                (account::CODE_OF_DEVICE, Echo::Shown, "111111"),
                (account::NEXT_CODE, Echo::Shown, "222222"),
            ]);
            let (mut session, printed) = session(answers(response), Box::new(prompter));
            run(&mut session).unwrap();
            let said = printed.text().replace('\n', " ");
            assert!(said.contains(text) && said.contains("at most 30 seconds"), "{said}");
        }
    }

    #[test]
    fn programs_give_two_lines_and_read_one() {
        let (mut session, printed) = session(answers(found(Kind::Totp, -18)), lines("111111\n222222\n"));
        session.output.form = Form::Json;
        run(&mut session).unwrap();
        assert_eq!(printed.json(), [serde_json::json!({"label": "phone", "kind": "totp", "ahead": -18})]);
    }

    #[test]
    fn what_is_refused_is_refused() {
        let refused = Response::Refused(Refused::new(Refusal::NotAccepted, "No pair. Try again."));
        let (mut session, _) = session(answers(refused), lines("111111\n222222\n"));
        assert!(run(&mut session).unwrap_err().is(Refusal::NotAccepted));
    }
}
