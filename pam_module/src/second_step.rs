//! The auth phase: asks for the code and has the answer judged.

use std::ffi::c_int;
use std::fmt;

use twostep_core::audit::Line;
use twostep_core::login::{self, LoginError, Silence};
use twostep_core::request::Asking;
use twostep_core::time::SystemClock;
use twostep_core::username::{LookupError, Person};
use twostep_core::verdict::{Factor, Shape, Verdict};
use twostep_core::words;

use crate::attempt::{Attempt, Ended};
use crate::ffi::process_users;
use crate::hand_over::{HandOver, Outcome};
use crate::helper_client::{self, HelperError, Required};
use crate::question::Question;

/// Takes a login through its second step, and leaves the outcome to the account phase.
///
/// # Errors
/// Something failed. The login must be refused then.
pub fn second_step(attempt: &Attempt<'_>) -> Result<Ended, Failed> {
    let question = Question::new(attempt.host, attempt.options);
    let brings_password = attempt.options.shape == Shape::PasswordAndCode;
    if brings_password && question.answer().is_err() {
        // Everyone types a password here, also who is not asked for a code.
        return Ok(unanswered());
    }
    let Some(person) = attempt.person.clone()? else {
        return Ok(stranger(attempt, &question));
    };
    let (ended, digits) = match process_users() {
        (_, 0) => judge(attempt, &person, &question)?,
        (real, _) if real == person.uid => have_judged(attempt, &question)?,
        _ => (refused("not-the-process-owner", NOT_THE_OWNER), 0),
    };
    if brings_password {
        question.pass_on(digits).map_err(Failed::Pam)?;
    }
    hand_over(attempt, &person, ended.outcome)?;
    Ok(ended)
}

/// As root, who reaches the account. Says also how many digits of the answer were the code.
fn judge(attempt: &Attempt<'_>, person: &Person, question: &Question<'_>) -> Result<(Ended, usize), Failed> {
    let login = login::Attempt {
        person: person.clone(),
        service: attempt.service.clone(),
        origin: attempt.origin(),
        shape: attempt.options.shape,
    };
    let verdict = match login::second_step(&login, &attempt.config, &attempt.store(), &SystemClock, question) {
        Err(LoginError::Silence) => return Ok((unanswered(), 0)),
        verdict => verdict.map_err(Failed::Login)?,
    };
    let digits = match &verdict {
        Verdict::Accepted(Factor::Code { digits, .. }) => (*digits).into(),
        Verdict::Refused(_) => attempt.config.totp.digits.into(),
        Verdict::Accepted(Factor::Recovery { .. } | Factor::AppPassword { .. })
        | Verdict::NotAsked(_)
        | Verdict::MustEnroll => 0,
    };
    Ok((judged(attempt, &verdict), digits))
}

/// As the user, by the helper. The helper judges a code; a password does not concern it.
fn have_judged(attempt: &Attempt<'_>, question: &Question<'_>) -> Result<(Ended, usize), Failed> {
    let Required { asking, rule, digits } = helper_client::requirement()?;
    match asking {
        Asking::NotAsked => Ok((Ended { outcome: Outcome::NotAsked, pairs: rule, text: None }, 0)),
        Asking::MustEnroll => Ok((judged(attempt, &Verdict::MustEnroll), 0)),
        Asking::Asked => match question.code(digits) {
            Err(Silence) => Ok((unanswered(), 0)),
            Ok(code) => {
                let judged = helper_client::verify(&attempt.service, &code)?;
                let outcome = if judged.accepted { Outcome::Accepted } else { Outcome::Refused };
                let text = Some(judged.text).filter(|text| !text.is_empty());
                Ok((Ended { outcome, pairs: judged.log, text }, digits))
            }
        },
    }
}

fn judged(attempt: &Attempt<'_>, verdict: &Verdict) -> Ended {
    let outcome = match verdict {
        Verdict::Accepted(_) => Outcome::Accepted,
        Verdict::NotAsked(_) => Outcome::NotAsked,
        Verdict::MustEnroll => Outcome::MustEnroll,
        Verdict::Refused(_) => Outcome::Refused,
    };
    let pairs = verdict.describe(Line::new("")).finish();
    Ended { outcome, pairs, text: words::text(verdict, &attempt.config) }
}

/// Who is unknown is asked when one who is not enrolled would be refused, so that the question does
/// not tell who exists.
fn stranger(attempt: &Attempt<'_>, question: &Question<'_>) -> Ended {
    let asked = attempt.config.policy.required && question.answer().is_ok();
    let ended = refused("unknown-user", words::GENERIC);
    Ended { text: ended.text.filter(|_| asked), ..ended }
}

/// The program could not ask, or the person broke off: there is nobody left to tell.
pub fn unanswered() -> Ended {
    let pairs = Line::new("").with("reason", "no-answer").with("remedy", CANNOT_ASK).finish();
    Ended { outcome: Outcome::Refused, pairs, text: None }
}

fn refused(reason: &str, text: &str) -> Ended {
    let pairs = Line::new("").with("reason", reason).finish();
    Ended { outcome: Outcome::Refused, pairs, text: Some(text.to_owned()) }
}

/// Leaves an outcome to the account phase. A refusal leaves nothing, as if we had not been asked.
fn hand_over(attempt: &Attempt<'_>, person: &Person, outcome: Outcome) -> Result<(), Failed> {
    if outcome == Outcome::Refused {
        return Ok(());
    }
    let user = person.name.as_str().to_owned();
    HandOver { user, service: attempt.service.clone(), outcome }.leave(attempt.host).map_err(Failed::Pam)
}

const NOT_THE_OWNER: &str = "This program runs as another user and cannot check your code. \
                             Use a program that runs as you, or as root.";
const CANNOT_ASK: &str = "an application that cannot ask for a code needs keyboard-interactive \
                          authentication, or a stack with forward_pass";

/// Why a second step could not be taken.
#[derive(Debug)]
pub enum Failed {
    /// The user database gave no answer.
    Lookup(LookupError),
    /// Store or seal.
    Login(LoginError),
    /// The helper.
    Helper(HelperError),
    /// libpam, with this result.
    Pam(c_int),
}

impl From<LookupError> for Failed {
    fn from(error: LookupError) -> Self {
        Self::Lookup(error)
    }
}

impl From<LoginError> for Failed {
    fn from(error: LoginError) -> Self {
        Self::Login(error)
    }
}

impl From<HelperError> for Failed {
    fn from(error: HelperError) -> Self {
        Self::Helper(error)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(error) => error.fmt(f),
            Self::Login(error) => error.fmt(f),
            Self::Helper(error) => error.fmt(f),
            Self::Pam(code) => write!(f, "libpam refuses with its code {code}; the process may be out of memory"),
        }
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Lookup(error) => Some(error),
            Self::Login(error) => Some(error),
            Self::Helper(error) => Some(error),
            Self::Pam(_) => None,
        }
    }
}
