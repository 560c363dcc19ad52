//! The auth phase: asks for the code and has the answer judged.

use twostep_core::audit::Line;
use twostep_core::login::{self, LoginError};
use twostep_core::refusals::Told;
use twostep_core::request::Asking;
use twostep_core::time::{Clock, SystemClock};
use twostep_core::username::Person;
use twostep_core::verdict::Verdict;
use twostep_core::words;

use crate::attempt::Attempt;
use crate::ended::Ended;
use crate::enrollment;
use crate::failed::Failed;
use crate::ffi::process_users;
use crate::hand_over::Outcome;
use crate::helper_client::{self, Passed, Required};
use crate::question::Question;

/// Takes a login through its second step, and leaves the outcome to the account phase.
///
/// # Errors
/// Something failed. The login must be refused then.
pub fn second_step(attempt: &Attempt<'_>) -> Result<Ended, Failed> {
    let question = Question::new(attempt);
    if attempt.options.brings_password() && question.answer().is_err() {
        // Everyone types a password here, also who is not asked for a code.
        return Ok(unanswered());
    }
    let Some(person) = attempt.person.clone()? else {
        return Ok(stranger(attempt, &question));
    };
    let (ended, digits) = match process_users() {
        (_, 0) => judge(attempt, &person, &question)?,
        (real, _) if real == person.uid => have_judged(attempt, &question)?,
        _ => (Ended::refused(not_the_owner(), Some(words::CANNOT_CHECK_FOR_ANOTHER)), 0),
    };
    question.pass_on(digits).map_err(Failed::Pam)?;
    attempt.hand_over(&person, ended.outcome)?;
    Ok(ended)
}

/// As root, who reaches the account. Says also how many digits of the answer were the code.
fn judge(attempt: &Attempt<'_>, person: &Person, question: &Question<'_>) -> Result<(Ended, usize), Failed> {
    let login = attempt.login(person);
    let store = attempt.store();
    let verdict = login::second_step(&login, &attempt.config, &store, &SystemClock, question);
    attempt.log_strange(&store);
    let verdict = match verdict {
        Err(LoginError::Silence) => return Ok((unanswered(), 0)),
        verdict => verdict.map_err(Failed::Login)?,
    };
    let digits = verdict.digits(&attempt.config).into();
    if verdict == Verdict::MustEnroll && enrollment::is_offered(attempt) {
        return Ok((enrolls_now(), digits));
    }
    Ok((judged(attempt, &verdict), digits))
}

/// As the user, by the helper. The helper judges a code; a password does not concern it.
fn have_judged(attempt: &Attempt<'_>, question: &Question<'_>) -> Result<(Ended, usize), Failed> {
    let Required { asking, rule, digits } = helper_client::requirement(&attempt.service)?;
    match asking {
        Asking::NotAsked => Ok((Ended::not_asked(rule), 0)),
        Asking::MustEnroll => Ok((judged(attempt, &Verdict::MustEnroll), 0)),
        Asking::Asked => {
            let Ok(code) = question.code(&digits) else { return Ok((unanswered(), 0)) };
            match helper_client::verify(&attempt.service, &code, attempt.options.shape)? {
                Passed::On(rule) => Ok((Ended::not_asked(rule), 0)),
                Passed::Judged(judged) => {
                    let digits = if judged.accepted { judged.digits } else { code.expose().len() };
                    Ok((Ended::with_helpers(judged), digits))
                }
            }
        }
    }
}

/// Let through to the account phase, which comes only after every first step is passed.
fn enrolls_now() -> Ended {
    let line = Line::new("").with("rule", "must-enroll").with("next", "enrollment");
    Ended { outcome: Outcome::EnrollsNow, pairs: Some(line.finish()), text: None }
}

fn judged(attempt: &Attempt<'_>, verdict: &Verdict) -> Ended {
    Ended::with(verdict, Told::ALONE, words::text(verdict, &attempt.config))
}

/// Who is unknown is asked when one who is not enrolled would be refused, so that the question does
/// not tell who exists.
fn stranger(attempt: &Attempt<'_>, question: &Question<'_>) -> Ended {
    let (service, origin) = (&attempt.service, attempt.origin());
    let refuses = attempt.config.refuses_newcomers(service, &origin, SystemClock.now().wall);
    let asked = refuses && question.answer().is_ok();
    Ended::refused(unknown_user(), Some(words::GENERIC).filter(|_| asked))
}

/// The log's pair for a user whom the user database does not know.
pub fn unknown_user() -> Line {
    Line::new("").with("reason", "unknown-user")
}

/// The log's pair for a login in a process of somebody else's who is not root.
pub fn not_the_owner() -> Line {
    Line::new("").with("reason", "not-the-process-owner")
}

/// The program could not ask, or the person broke off: there is nobody left to tell.
fn unanswered() -> Ended {
    Ended::refused(Line::new("").with("reason", "no-answer").with("remedy", CANNOT_ASK), None)
}

const CANNOT_ASK: &str = "an application that cannot ask for a code needs keyboard-interactive \
                          authentication, or a stack with forward_pass";
