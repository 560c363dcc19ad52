//! The account phase: what the auth phase of the same login came to. It acts on nobody who merely
//! passes by, such as cron, su by root or sudo with a cached ticket.

use twostep_core::audit::Line;
use twostep_core::login;
use twostep_core::request::Asking;
use twostep_core::time::SystemClock;
use twostep_core::username::Person;
use twostep_core::verdict::Verdict;
use twostep_core::words;

use crate::attempt::{Attempt, Ended};
use crate::ffi::process_users;
use crate::hand_over::{HandOver, Outcome};
use crate::helper_client;
use crate::second_step::Failed;

/// What the account phase comes to.
///
/// # Errors
/// Something failed. The login must be refused then.
pub fn account_phase(attempt: &Attempt<'_>) -> Result<Outcome, Failed> {
    let Some(person) = attempt.person.clone()? else {
        return Ok(Outcome::NotAsked);
    };
    match HandOver::find(attempt.host, person.name.as_str()) {
        Some(HandOver { outcome: Outcome::MustEnroll, .. }) => {
            let text = words::text(&Verdict::MustEnroll, &attempt.config);
            Ok(refused(attempt, Line::new("").with("reason", "must-enroll"), text))
        }
        Some(HandOver { outcome, .. }) => Ok(outcome),
        None if attempt.options.require_step && applies(attempt, &person)? => {
            let line = Line::new("").with("reason", "no-second-step").with("option", "require_step");
            Ok(refused(attempt, line.with("remedy", REMEDY), Some(NO_SECOND_STEP.to_owned())))
        }
        None => Ok(Outcome::NotAsked),
    }
}

/// Whether a second step would have been asked of this person.
fn applies(attempt: &Attempt<'_>, person: &Person) -> Result<bool, Failed> {
    match process_users() {
        (_, 0) => Ok(login::applies(person, &attempt.config, &attempt.store(), &SystemClock)?),
        (real, _) if real == person.uid => Ok(helper_client::requirement()?.asking != Asking::NotAsked),
        _ => Ok(true),
    }
}

fn refused(attempt: &Attempt<'_>, line: Line, text: Option<String>) -> Outcome {
    let outcome = Outcome::Refused;
    attempt.report(&Ended { outcome, pairs: line.finish(), text });
    outcome
}

const NO_SECOND_STEP: &str = "This login needs a verification code, and none was asked. \
                              Log in by a method that asks for one.";
const REMEDY: &str = "let the login go through a stack that asks, for sshd by \
                      AuthenticationMethods publickey,keyboard-interactive";
