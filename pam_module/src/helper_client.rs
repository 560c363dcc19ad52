//! The second step in a process that is not root and so cannot reach the account, a screen locker
//! for one: `twostep-helper` reaches it, for the process's own user alone.

use std::fmt;
use std::io;

use twostep_core::request::{Asking, AttemptId, Request, Response, Shape};
use twostep_core::secret::Typed;

mod exchange;

use exchange::exchange;

/// The helper of this installation.
const HELPER: &str = match option_env!("TWOSTEP_HELPER") {
    Some(path) => path,
    None => "/usr/libexec/twostep/twostep-helper",
};
/// How long the helper may take, in seconds: longer than it ever waits for a lock.
const PATIENCE: u64 = 40;
/// Longest answer that is sent, in bytes. What is longer is no code and no application password.
const MAX_ANSWER: usize = 256;

/// What the helper says about an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Judged {
    /// Whether the login may go on.
    pub accepted: bool,
    /// What was judged, as `key=value` pairs for the log.
    pub log: String,
    /// What a refusal tells the person.
    pub text: String,
    /// Digits of the code at the end of the answer that was accepted.
    pub digits: usize,
    /// What to ask the person, if the code that follows may be given too.
    pub next: Option<String>,
}

/// What the helper says about an answer or a password.
#[derive(Debug, PartialEq, Eq)]
pub enum Passed {
    /// It decides.
    Judged(Judged),
    /// The following lines decide, by this rule: a `key=value` pair for the log.
    On(String),
}

/// What a login of the process's own user must do.
#[derive(Debug, PartialEq, Eq)]
pub struct Required {
    /// Whether a code is asked.
    pub asking: Asking,
    /// The rule that decided, as a `key=value` pair for the log.
    pub rule: String,
    /// The numbers of digits that verification codes of this user have.
    pub digits: Vec<usize>,
}

/// Whether a login of the process's own user is asked for a code.
///
/// # Errors
/// The helper is not there, refuses, or gives no answer that can be understood.
pub fn requirement(service: &str) -> Result<Required, HelperError> {
    match ask(&Request::Requirement { service: service.to_owned() })? {
        Response::Requirement { requirement, rule, digits } => {
            Ok(Required { asking: requirement, rule, digits: digits.into_iter().map(usize::from).collect() })
        }
        _ => Err(HelperError::NotUnderstood),
    }
}

/// Has the helper judge the last of what the process's own user answered at one login to `service`.
///
/// # Errors
/// The helper is not there, refuses, or gives no answer that can be understood.
pub fn verify(service: &str, attempt: &AttemptId, shape: Shape, answers: &[Typed]) -> Result<Passed, HelperError> {
    let (service, attempt) = (service.to_owned(), Some(attempt.clone()));
    let answers = answers.iter().map(sent).collect();
    passed(ask(&Request::Verify { service, answers, shape: Some(shape), attempt })?)
}

/// Has the helper judge the password that the process's own user gave to `service`.
///
/// # Errors
/// The helper is not there, refuses, or gives no answer that can be understood.
pub fn verify_app_password(service: &str, password: &Typed) -> Result<Passed, HelperError> {
    passed(ask(&Request::VerifyAppPassword { service: service.to_owned(), password: sent(password) })?)
}

/// One request, and its response if that is no refusal.
fn ask(request: &Request) -> Result<Response, HelperError> {
    read(exchange(HELPER, request)?.expose())
}

fn read(response: &[u8]) -> Result<Response, HelperError> {
    match serde_json::from_slice(response).map_err(|_| HelperError::NotUnderstood)? {
        Response::Refused { text, .. } => Err(HelperError::Refused(text)),
        response => Ok(response),
    }
}

fn passed(response: Response) -> Result<Passed, HelperError> {
    match response {
        Response::Verdict { accepted, log, text, digits, next } => {
            let next = Some(next).filter(|next| !next.is_empty());
            Ok(Passed::Judged(Judged { accepted, log, text, digits: digits.into(), next }))
        }
        Response::Requirement { requirement: Asking::NotAsked, rule, .. } => Ok(Passed::On(rule)),
        _ => Err(HelperError::NotUnderstood),
    }
}

/// What is sent of an answer. In the place of one that is too long is one that is no better.
fn sent(answer: &Typed) -> Typed {
    if answer.expose().len() <= MAX_ANSWER { answer.clone() } else { Typed::new(TOO_LONG.to_owned()) }
}

/// Neither a code nor an application password, whatever their alphabets.
const TOO_LONG: &str = "(too long)";

/// Why the helper was of no help. Displayed, it says what happened and what to do.
#[derive(Debug)]
pub enum HelperError {
    /// It could not be started.
    NotStarted(io::Error),
    /// It did not answer in time.
    Silent,
    /// The request or the response is too long.
    TooLong,
    /// Its response is none that this version knows.
    NotUnderstood,
    /// It refused, with its reason.
    Refused(String),
}

impl fmt::Display for HelperError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(error) => {
                write!(f, "cannot run {HELPER} ({error}); install it again, or see why this process may not run it")
            }
            Self::Silent => write!(f, "{HELPER} did not answer within {PATIENCE} s; try again"),
            Self::TooLong => write!(f, "the exchange with {HELPER} is too long; check the name of the PAM service"),
            Self::NotUnderstood => {
                write!(f, "{HELPER} and this module do not understand each other; install both again")
            }
            Self::Refused(text) => write!(f, "{HELPER} refuses: {text}"),
        }
    }
}

impl std::error::Error for HelperError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotStarted(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use twostep_core::request::Refusal;

    use super::*;

    #[test]
    fn only_a_response_to_what_was_asked_is_understood() {
        let said = |response: &Response| read(&serde_json::to_vec(response).unwrap());
        let (log, text, next) = ("a=b".to_owned(), "c".to_owned(), "d".to_owned());
        let (accepted, digits) = (true, 8);
        let verdict = Response::Verdict { accepted, log: log.clone(), text: text.clone(), digits, next: next.clone() };
        let judged = Passed::Judged(Judged { accepted, log, text, digits: 8, next: Some(next) });
        assert_eq!(passed(said(&verdict).unwrap()).unwrap(), judged);
        let spared = |requirement| Response::Requirement { requirement, rule: "r".into(), digits: vec![] };
        assert_eq!(passed(said(&spared(Asking::NotAsked)).unwrap()).unwrap(), Passed::On("r".into()));
        assert!(matches!(passed(spared(Asking::Asked)), Err(HelperError::NotUnderstood)));
        let refused = said(&Response::Refused { reason: Refusal::Failed, text: "Not now.".into() });
        assert!(refused.unwrap_err().to_string().ends_with("refuses: Not now."));
        let other = Response::Removed { label: "phone".into(), enrolled: false, app_passwords: vec![] };
        assert!(matches!(passed(other), Err(HelperError::NotUnderstood)));
        for garbage in ["", "hello", "{}", r#"{"result":"refused"}"#] {
            assert!(matches!(read(garbage.as_bytes()), Err(HelperError::NotUnderstood)), "{garbage}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_cut_to_something_that_counts() {
        let sent = |words: String| sent(&Typed::new(words)).expose().to_owned();
        assert_eq!(sent("123456".into()), "123456");
        assert_eq!(sent("1".repeat(MAX_ANSWER)).len(), MAX_ANSWER);
        assert_eq!(sent(format!("123456{}", " ".repeat(MAX_ANSWER))), TOO_LONG);
    }
}
