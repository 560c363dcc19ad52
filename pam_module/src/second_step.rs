//! The auth phase: asks for the code and has the answer judged.

use twostep_core::audit::Line;
use twostep_core::login::{self, Exchange, LoginError, Step};
use twostep_core::refusals::Told;
use twostep_core::request::{Asking, AttemptId};
use twostep_core::secret::Typed;
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
use crate::helper_client::{self, Judged, Passed, Required};
use crate::question::{Question, Silence};

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
    let Some(verdict) = answered(attempt, person, question)? else { return Ok((unanswered(), 0)) };
    let digits = verdict.digits(&attempt.config).into();
    if verdict == Verdict::MustEnroll && enrollment::is_offered(attempt) {
        return Ok((enrolls_now(), digits));
    }
    Ok((judged(attempt, &verdict), digits))
}

/// One exchange after the other, until there is a verdict; `None` if nobody answers.
fn answered(attempt: &Attempt<'_>, person: &Person, question: &Question<'_>) -> Result<Option<Verdict>, Failed> {
    let (login, store, id) = (attempt.login(person), attempt.store(), new_attempt()?);
    let mut answers = Vec::new();
    loop {
        let exchange = Exchange { id: &id, answers: &answers };
        let step = login::second_step(&login, &exchange, &attempt.config, &store, &SystemClock);
        attempt.log_strange(&store);
        let answer = match step? {
            Step::Done(verdict) => return Ok(Some(verdict)),
            Step::Ask => question.ask(),
            Step::AskNext { first, why } => {
                attempt.report(&Ended::with(&first, Told::ALONE, None));
                question.ask_next(&why)
            }
        };
        match answer {
            Ok(answer) => answers.push(answer),
            Err(Silence) => return Ok(None),
        }
    }
}

fn new_attempt() -> Result<AttemptId, Failed> {
    Ok(AttemptId::fresh().map_err(|error| LoginError::Store(error.into()))?)
}

/// As the user, by the helper. The helper judges a code; a password does not concern it.
fn have_judged(attempt: &Attempt<'_>, question: &Question<'_>) -> Result<(Ended, usize), Failed> {
    let Required { asking, rule, digits } = helper_client::requirement(&attempt.service)?;
    match asking {
        Asking::NotAsked => Ok((Ended::not_asked(rule), 0)),
        Asking::MustEnroll => Ok((judged(attempt, &Verdict::MustEnroll), 0)),
        Asking::Asked => {
            let Ok(code) = question.code(&digits) else { return Ok((unanswered(), 0)) };
            let length = code.expose().len();
            match verified(attempt, question, code)? {
                None => Ok((unanswered(), 0)),
                Some(Passed::On(rule)) => Ok((Ended::not_asked(rule), 0)),
                Some(Passed::Judged(judged)) => {
                    let digits = if judged.accepted { judged.digits } else { length };
                    Ok((Ended::with_helpers(judged), digits))
                }
            }
        }
    }
}

/// Has the helper judge a code, and the next one where it asks for that; `None` if nobody answers.
fn verified(attempt: &Attempt<'_>, question: &Question<'_>, code: Typed) -> Result<Option<Passed>, Failed> {
    let (id, mut answers) = (new_attempt()?, vec![code]);
    loop {
        match helper_client::verify(&attempt.service, &id, attempt.options.shape, &answers)? {
            Passed::Judged(Judged { next: Some(next), log, .. }) => {
                attempt.report(&Ended { outcome: Outcome::Refused, pairs: Some(log), text: None });
                let Ok(answer) = question.ask_next(&next) else { return Ok(None) };
                answers.push(answer);
            }
            passed => return Ok(Some(passed)),
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
