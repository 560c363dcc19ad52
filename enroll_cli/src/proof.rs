//! The proof that a change needs: a current code, or a recovery code.

use twostep_core::request::{Refusal, Request, Response};
use twostep_core::secret::Typed;

use crate::error::CommandError;
use crate::messages::account;
use crate::prompter::Echo;
use crate::session::Session;

/// How often a person at a terminal may try.
const TRIES: usize = 3;

/// Most digits of a verification code; a recovery code is longer.
const MOST_DIGITS: usize = 8;

/// What a proof was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofUsed {
    /// None: root needs none.
    NotNeeded,
    /// A verification code, which is used up now.
    Code,
    /// A recovery code, which is used up now.
    RecoveryCode,
}

/// Has a request answered that needs a proof, and says what the proof was.
pub fn ask_with(
    session: &mut Session,
    request: impl Fn(Typed) -> Request,
) -> Result<(Response, ProofUsed), CommandError> {
    if !session.client.needs_proof() {
        let response = session.client.ask(request(Typed::new(String::new())))?;
        return Ok((response, ProofUsed::NotNeeded));
    }
    let mut left = if session.prompter.sees_questions() { TRIES } else { 1 };
    loop {
        left -= 1;
        let answer = session.prompter.answer(account::PROOF, Echo::Hidden)?;
        let kind = kind(&answer);
        match session.client.ask(request(answer)) {
            Ok(response) => return Ok((response, kind)),
            Err(error) if error.is(Refusal::NotAccepted) && left > 0 => {
                session.output.complain(&error)?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Says what an accepted proof means for the next login.
pub fn tell_spent(session: &mut Session, proof: ProofUsed) -> Result<(), CommandError> {
    match proof {
        ProofUsed::NotNeeded => Ok(()),
        ProofUsed::Code => session.output.say(account::CODE_SPENT),
        ProofUsed::RecoveryCode => session.output.say(account::RECOVERY_CODE_USED_UP),
    }
}

fn kind(answer: &Typed) -> ProofUsed {
    let letters = answer.expose().chars().filter(|letter| !" -\t".contains(*letter)).count();
    if letters <= MOST_DIGITS { ProofUsed::Code } else { ProofUsed::RecoveryCode }
}

#[cfg(test)]
mod tests {
    use twostep_core::request::Refused;

    use super::*;
    use crate::client::scripted::Script;
    use crate::prompter::scripted::{Answers, lines};
    use crate::session::scripted::session;

    fn refused() -> Response {
        Response::Refused(Refused::new(Refusal::NotAccepted, "Wrong. Try again."))
    }

    fn removed() -> Response {
        Response::Removed { label: "phone".into(), enrolled: false, app_passwords: vec![] }
    }

    fn remove(proof: Typed) -> Request {
        Request::Remove { label: None, proof }
    }

    fn gives(request: &Request, code: &str) -> bool {
        matches!(request, Request::Remove { proof, .. } if proof.expose() == code)
    }

    #[test]
    fn a_person_has_three_tries_and_is_not_watched() {
        let script = Script::user(vec![
            (|request| gives(request, "1"), refused()),
            (|request| gives(request, "2"), refused()),
            (|request| gives(request, "123 456"), removed()),
        ]);
        let prompter = Answers::new(&[
            (account::PROOF, Echo::Hidden, "1"),
            (account::PROOF, Echo::Hidden, "2"),
            (account::PROOF, Echo::Hidden, "123 456"),
        ]);
        let (mut session, printed) = session(script, Box::new(prompter));
        let (_, proof) = ask_with(&mut session, remove).unwrap();
        assert_eq!(proof, ProofUsed::Code);
        assert_eq!(printed.text(), "Wrong. Try again.\nWrong. Try again.\n");
    }

    #[test]
    fn three_wrong_proofs_end_the_command() {
        let script = Script::user(vec![(|_| true, refused()), (|_| true, refused()), (|_| true, refused())]);
        let prompter = Answers::new(&[(account::PROOF, Echo::Hidden, "1"); 3]);
        let (mut session, _) = session(script, Box::new(prompter));
        assert!(ask_with(&mut session, remove).unwrap_err().is(Refusal::NotAccepted));
    }

    #[test]
    fn a_pipe_has_one_line() {
        let script = Script::user(vec![(|_| true, refused())]);
        let (mut session, _) = session(script, lines("1\n2\n"));
        assert!(ask_with(&mut session, remove).unwrap_err().is(Refusal::NotAccepted));
    }

    #[test]
    fn root_is_not_asked() {
        let script = Script::root(vec![(|request| gives(request, ""), removed())]);
        let (mut session, _) = session(script, Box::new(Answers::new(&[])));
        assert_eq!(ask_with(&mut session, remove).unwrap().1, ProofUsed::NotNeeded);
    }

    #[test]
    fn the_person_learns_what_the_proof_cost() {
        assert_eq!(kind(&Typed::new("1234-5678".into())), ProofUsed::Code);
        assert_eq!(kind(&Typed::new("0123-4567-89AB-CDEF".into())), ProofUsed::RecoveryCode);
    }
}
