//! A new device is confirmed by a code that it shows.

use serde::Serialize;
use twostep_core::request::{Kind, Pending, Refusal, Request, Response};
use twostep_core::secret::Typed;

use crate::messages::account;
use crate::person::Echo;
use crate::reach;
use crate::session::Session;
use crate::trouble::Trouble;

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
pub fn confirm(session: &mut Session, pending: &Pending) -> Result<Confirmed, Trouble> {
    let first = if pending.kind == Kind::Totp { account::CODE_OF_APP } else { account::CODE_OF_TOKEN };
    let mut earlier = None;
    let mut left = TRIES;
    loop {
        left -= 1;
        let code = session.person.answer(if earlier.is_some() { account::NEXT_CODE } else { first }, Echo::Shown)?;
        let request = match earlier.take() {
            Some(earlier) => Request::Confirm { code: earlier, next: Some(code.clone()) },
            None => Request::Confirm { code: code.clone(), next: None },
        };
        match session.reach.ask(request) {
            Ok(Response::Confirmed { label, recovery_codes, replaced }) => {
                return Ok(Confirmed { label, recovery_codes, replaced });
            }
            Ok(_) => return Err(reach::broken("no confirmation")),
            Err(trouble) if is_about_the_code(&trouble) && left > 0 => {
                earlier = trouble.is(Refusal::WrongClock).then_some(code);
                session.page.complain(&trouble)?;
            }
            Err(trouble) => return Err(unfinished(trouble)),
        }
    }
}

fn is_about_the_code(trouble: &Trouble) -> bool {
    trouble.is(Refusal::NotAccepted) || trouble.is(Refusal::WrongClock)
}

fn unfinished(mut trouble: Trouble) -> Trouble {
    if is_about_the_code(&trouble) {
        trouble.message.push_str(account::BEGIN_AGAIN);
    }
    trouble
}
