//! A new device is confirmed by a code that it shows.

use serde::Serialize;
use twostep_core::request::{Kind, Pending, Refusal, Request, Response};
use twostep_core::secret::Typed;

use crate::client;
use crate::error::CommandError;
use crate::messages::account;
use crate::prompter::Echo;
use crate::session::Session;

/// A confirmed authenticator, as programs read it.
#[derive(Debug, Serialize)]
pub struct Confirmed {
    pub label: String,
    /// None when the account keeps those that it has.
    pub recovery_codes: Option<Vec<Typed>>,
    /// The one whose place it took.
    pub replaced: Option<String>,
}

/// How often a wrong confirmation code may be given.
const TRIES: usize = 3;

/// Asks for the code. Where one is right at another time, the next one tells how far the clock of the
/// device is off.
pub fn confirm(session: &mut Session, pending: &Pending) -> Result<Confirmed, CommandError> {
    let first = if pending.kind == Kind::Totp { account::CODE_OF_APP } else { account::CODE_OF_TOKEN };
    let mut earlier = None;
    let mut left = TRIES;
    loop {
        left -= 1;
        let code = session.prompter.answer(if earlier.is_some() { account::NEXT_CODE } else { first }, Echo::Shown)?;
        let request = match earlier.take() {
            Some(earlier) => Request::Confirm { code: earlier, next: Some(code.clone()) },
            None => Request::Confirm { code: code.clone(), next: None },
        };
        match session.client.ask(request) {
            Ok(Response::Confirmed { label, recovery_codes, replaced }) => {
                return Ok(Confirmed { label, recovery_codes, replaced });
            }
            Ok(_) => return Err(client::broken("no confirmation")),
            Err(error) if is_about_the_code(&error) && left > 0 => {
                earlier = error.is(Refusal::WrongClock).then_some(code);
                session.output.complain(&error)?;
            }
            Err(error) => return Err(unfinished(error)),
        }
    }
}

fn is_about_the_code(error: &CommandError) -> bool {
    error.is(Refusal::NotAccepted) || error.is(Refusal::WrongClock)
}

fn unfinished(mut error: CommandError) -> CommandError {
    if is_about_the_code(&error) {
        error.message.push_str(account::BEGIN_AGAIN);
    }
    error
}
