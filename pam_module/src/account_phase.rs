//! The account phase: what the auth phase of the same login came to. It acts on nobody who merely
//! passes by, such as cron, su by root or sudo with a cached ticket.

use twostep_core::audit::Line;
use twostep_core::login::{self, Passed};
use twostep_core::request::Asking;
use twostep_core::time::SystemClock;
use twostep_core::username::Person;
use twostep_core::verdict::Verdict;
use twostep_core::words;

use crate::attempt::Attempt;
use crate::ended::Ended;
use crate::enrollment;
use crate::failed::Failed;
use crate::ffi::{Style, process_users};
use crate::hand_over::{HandOver, Outcome};
use crate::helper_client;
use twostep_core::options::Mode;

/// What the account phase comes to.
///
/// # Errors
/// Something failed. The login must be refused then.
pub fn account_phase(attempt: &Attempt<'_>) -> Result<Outcome, Failed> {
    let Some(person) = attempt.person.clone()? else {
        return unknown(attempt);
    };
    let left = match HandOver::find(attempt.host, person.name.as_str(), &attempt.service) {
        Ok(left) => left,
        Err(foreign) => return Ok(refused(attempt, foreign.line(), Some(words::LOGIN_CHANGED))),
    };
    match left {
        Some(HandOver { outcome: Outcome::MustEnroll, .. }) => {
            let text = words::text(&Verdict::MustEnroll, &attempt.config);
            Ok(refused(attempt, Line::new("").with("reason", "must-enroll"), text.as_deref()))
        }
        Some(HandOver { outcome: Outcome::EnrollsNow, .. }) if attempt.options.enroll => {
            enrollment::enroll(attempt, &person)
        }
        Some(HandOver { outcome: Outcome::EnrollsNow, .. }) => {
            let line = Line::new("").with("reason", "must-enroll").with("remedy", "give the account line enroll too");
            let text = words::text(&Verdict::MustEnroll, &attempt.config);
            Ok(refused(attempt, line, text.as_deref()))
        }
        None | Some(HandOver { outcome: Outcome::NobodyAsked, .. })
            if attempt.options.require_step && applies(attempt, &person)? =>
        {
            let line = Line::new("").with("reason", "no-second-step").with("option", "require_step");
            Ok(refused(attempt, line.with("remedy", REMEDY), Some(words::NO_SECOND_STEP)))
        }
        Some(HandOver { outcome, .. }) => {
            finish(attempt, &person, outcome)?;
            Ok(outcome)
        }
        None => {
            // For pam_setcred: this stack has an account line.
            attempt.hand_over(&person, Outcome::NobodyAsked)?;
            Ok(Outcome::NotAsked)
        }
    }
}

/// Nobody knows the user, or so it seems: where one source of the user database fails and the next one
/// does not know the name, the C library says just that. Whom the auth phase knew is known.
fn unknown(attempt: &Attempt<'_>) -> Result<Outcome, Failed> {
    if HandOver::is_there(attempt.host) || attempt.options.require_step {
        return Err(Failed::Unknown);
    }
    Ok(Outcome::NotAsked)
}

/// What is recorded of a login that goes on, and what the person is reminded of. A line for
/// programs has nobody to remind, and a process that is not root records nothing.
fn finish(attempt: &Attempt<'_>, person: &Person, outcome: Outcome) -> Result<(), Failed> {
    let passed = match outcome {
        Outcome::CodeAccepted => Passed::Code,
        Outcome::NotAsked => Passed::NotAsked,
        _ => Passed::Otherwise,
    };
    if attempt.options.mode != Mode::Code || process_users().1 != 0 {
        return Ok(());
    }
    let login = attempt.login(person);
    let reminder = login::afterwards(&login, &attempt.config, &attempt.store(), &SystemClock, passed)?;
    if let Some(text) = reminder {
        attempt.host.tell(Style::Notice, &text);
    }
    Ok(())
}

/// Whether a second step would have been asked of this person.
fn applies(attempt: &Attempt<'_>, person: &Person) -> Result<bool, Failed> {
    match process_users() {
        (_, 0) => Ok(login::applies(&attempt.login(person), &attempt.config, &attempt.store(), &SystemClock)?),
        (real, _) if real == person.uid => Ok(helper_client::requirement(&attempt.service)?.asking != Asking::NotAsked),
        _ => Ok(true),
    }
}

/// Where application passwords count, one would have helped in any case.
fn refused(attempt: &Attempt<'_>, line: Line, text: Option<&str>) -> Outcome {
    let text = if attempt.options.mode == Mode::AppPassword { Some(words::NO_APP_PASSWORD) } else { text };
    attempt.report(&Ended::refused(line, text));
    Outcome::Refused
}

const REMEDY: &str = "let the login go through the auth lines of this stack too; in sshd, \
                      AuthenticationMethods must not let a key be enough";
