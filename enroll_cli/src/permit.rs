//! What a first enrollment takes on some hosts: the account's password, or an administrator's code.

use twostep_core::request::{Refusal, Request, Response};
use twostep_core::secret::Typed;

use crate::error::CommandError;
use crate::messages::account;
use crate::prompter::Echo;
use crate::session::Session;

/// How often a person at a terminal may try.
const TRIES: usize = 3;

/// Has a request answered that may need a permit: it is asked only where the host wants one.
pub fn ask_with(session: &mut Session, request: impl Fn(Option<Typed>) -> Request) -> Result<Response, CommandError> {
    let question = match session.client.ask(request(None)) {
        Err(error) if error.is(Refusal::PasswordRequired) => account::YOUR_PASSWORD,
        Err(error) if error.is(Refusal::InviteRequired) => account::ENROLLMENT_CODE,
        answered => return answered,
    };
    let mut left = if session.prompter.sees_questions() { TRIES } else { 1 };
    loop {
        left -= 1;
        let permit = session.prompter.answer(question, Echo::Hidden)?;
        match session.client.ask(request(Some(permit))) {
            Err(error) if error.is(Refusal::NotAccepted) && left > 0 => session.output.complain(&error)?,
            answered => return answered,
        }
    }
}

#[cfg(test)]
mod tests {
    use twostep_core::request::Refused;

    use super::*;
    use crate::client::scripted::{Expected, Script};
    use crate::prompter::scripted::{Answers, lines};
    use crate::session::scripted::session;

    fn begin(permit: Option<Typed>) -> Request {
        Request::Begin { label: None, proof: None, permit, device: None }
    }

    fn refused(reason: Refusal) -> Response {
        Response::Refused(Refused::new(reason, "No. Try again."))
    }

    fn begins(request: &Request, given: Option<&str>) -> bool {
        matches!(request, Request::Begin { permit, .. } if permit.as_ref().map(Typed::expose) == given)
    }

    fn first(reason: Refusal) -> Expected {
        (|request| begins(request, None), refused(reason))
    }

    /// Stands for whatever comes after the permit.
    fn accepted() -> Response {
        Response::Revoked { labels: vec![] }
    }

    #[test]
    fn where_none_is_needed_none_is_asked() {
        let script = Script::user(vec![(|request| begins(request, None), accepted())]);
        let (mut session, _) = session(script, Box::new(Answers::new(&[])));
        assert!(ask_with(&mut session, begin).is_ok());
    }

    #[test]
    fn a_person_has_three_tries_and_is_not_watched() {
        for (reason, question) in
            [(Refusal::PasswordRequired, account::YOUR_PASSWORD), (Refusal::InviteRequired, account::ENROLLMENT_CODE)]
        {
            let script = Script::user(vec![
                first(reason),
                (|request| begins(request, Some("1")), refused(Refusal::NotAccepted)),
                (|request| begins(request, Some("2")), refused(Refusal::NotAccepted)),
                (|request| begins(request, Some(" horse ")), accepted()),
            ]);
            let answers = ["1", "2", " horse "].map(|answer| (question, Echo::Hidden, answer));
            let (mut session, printed) = session(script, Box::new(Answers::new(&answers)));
            assert!(ask_with(&mut session, begin).is_ok());
            assert_eq!(printed.text(), "No. Try again.\nNo. Try again.\n");
        }
    }

    #[test]
    fn three_wrong_ones_end_it_and_other_refusals_end_it_at_once() {
        for (refusals, reason) in [(3, Refusal::NotAccepted), (1, Refusal::Failed)] {
            let mut turns = vec![first(Refusal::PasswordRequired)];
            turns.extend((0..refusals).map(|_| -> Expected { (|_| true, refused(reason)) }));
            let answers = vec![(account::YOUR_PASSWORD, Echo::Hidden, "1"); refusals];
            let (mut session, _) = session(Script::user(turns), Box::new(Answers::new(&answers)));
            assert!(ask_with(&mut session, begin).unwrap_err().is(reason));
        }
    }

    #[test]
    fn a_pipe_has_one_line_and_keeps_the_rest() {
        let script = Script::user(vec![
            first(Refusal::InviteRequired),
            (|request| begins(request, Some("ABCD")), refused(Refusal::NotAccepted)),
        ]);
        let (mut session, _) = session(script, lines("ABCD\n123456\n"));
        assert!(ask_with(&mut session, begin).unwrap_err().is(Refusal::NotAccepted));
        assert_eq!(session.prompter.answer("", Echo::Shown).unwrap().expose(), "123456");
    }
}
