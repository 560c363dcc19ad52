//! The second step in a process that is not root and so cannot reach the account, a screen locker
//! for one: `twostep-helper` reaches it, for the process's own user alone.

use std::fmt;
use std::io;

use twostep_core::request::Asking;
use twostep_core::secret::Typed;
use twostep_core::verdict::Shape;

use crate::json::Object;

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
    let response = Answered::read(exchange(HELPER, &requirement_request(service))?.expose())?;
    Ok(Required { asking: response.asking()?, rule: response.words("rule")?, digits: response.digits()? })
}

/// Has the helper judge what the process's own user answered at a login to `service`.
///
/// # Errors
/// The helper is not there, refuses, or gives no answer that can be understood.
pub fn verify(service: &str, answer: &Typed, shape: Shape) -> Result<Passed, HelperError> {
    Answered::read(exchange(HELPER, &verify_request(service, answer, shape))?.expose())?.passed()
}

/// Has the helper judge the password that the process's own user gave to `service`.
///
/// # Errors
/// The helper is not there, refuses, or gives no answer that can be understood.
pub fn verify_app_password(service: &str, password: &Typed) -> Result<Passed, HelperError> {
    Answered::read(exchange(HELPER, &verify_app_password_request(service, password))?.expose())?.passed()
}

/// The core's `Request::Requirement`.
fn requirement_request(service: &str) -> [(&str, &str); 2] {
    [("do", "requirement"), ("service", service)]
}

/// The core's `Request::Verify`.
fn verify_request<'a>(service: &'a str, answer: &'a Typed, shape: Shape) -> [(&'a str, &'a str); 4] {
    let shape = match shape {
        Shape::Code => "code",
        Shape::PasswordAndCode => "password_and_code",
    };
    [("do", "verify"), ("service", service), ("answer", sent(answer)), ("shape", shape)]
}

/// The core's `Request::VerifyAppPassword`.
fn verify_app_password_request<'a>(service: &'a str, password: &'a Typed) -> [(&'a str, &'a str); 3] {
    [("do", "verify_app_password"), ("service", service), ("password", sent(password))]
}

/// What is sent of an answer. In the place of one that is too long stands one that is no better.
fn sent(answer: &Typed) -> &str {
    if answer.expose().len() <= MAX_ANSWER { answer.expose() } else { TOO_LONG }
}

/// Neither a code nor an application password, whatever their alphabets.
const TOO_LONG: &str = "(too long)";

/// A response that is no refusal, read by its fields. The module makes three of the core's requests
/// and meets three of its responses; these types would bring the code for all into every login.
#[derive(Debug)]
struct Answered(Object);

impl Answered {
    fn read(response: &[u8]) -> Result<Self, HelperError> {
        let answered = Self(Object::read(response).ok_or(HelperError::NotUnderstood)?);
        match answered.words("result")?.as_str() {
            "requirement" | "verdict" => Ok(answered),
            "refused" => Err(HelperError::Refused(answered.words("text")?)),
            _ => Err(HelperError::NotUnderstood),
        }
    }

    fn passed(&self) -> Result<Passed, HelperError> {
        match (self.words("result")?.as_str(), self.asking()) {
            ("verdict", _) => Ok(Passed::Judged(self.judged()?)),
            (_, Ok(Asking::NotAsked)) => Ok(Passed::On(self.words("rule")?)),
            _ => Err(HelperError::NotUnderstood),
        }
    }

    fn judged(&self) -> Result<Judged, HelperError> {
        let accepted = self.0.truth("accepted").ok_or(HelperError::NotUnderstood)?;
        let digits = self.0.number("digits").and_then(|digits| usize::try_from(digits).ok());
        let digits = digits.ok_or(HelperError::NotUnderstood)?;
        Ok(Judged { accepted, log: self.words("log")?, text: self.words("text")?, digits })
    }

    fn digits(&self) -> Result<Vec<usize>, HelperError> {
        let digits = self.0.numbers("digits").ok_or(HelperError::NotUnderstood)?;
        digits.iter().map(|digits| usize::try_from(*digits).map_err(|_| HelperError::NotUnderstood)).collect()
    }

    fn asking(&self) -> Result<Asking, HelperError> {
        match self.words("requirement")?.as_str() {
            "asked" => Ok(Asking::Asked),
            "not_asked" => Ok(Asking::NotAsked),
            "must_enroll" => Ok(Asking::MustEnroll),
            _ => Err(HelperError::NotUnderstood),
        }
    }

    fn words(&self, field: &str) -> Result<String, HelperError> {
        self.0.words(field).map(str::to_owned).ok_or(HelperError::NotUnderstood)
    }
}

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
    use twostep_core::request::{Refusal, Request, Response};

    use super::*;

    #[test]
    fn the_core_understands_what_is_asked() {
        let read = |pairs: &[(&str, &str)]| {
            serde_json::from_slice::<Request>(&crate::json::object(pairs, 4096).unwrap()).unwrap()
        };
        assert!(matches!(read(&requirement_request("su")), Request::Requirement { service } if service == "su"));
        let typed = Typed::new("p\"\\\u{e9}\n".into());
        for asked in [Shape::Code, Shape::PasswordAndCode] {
            let Request::Verify { service, answer, shape } = read(&verify_request("s", &typed, asked)) else {
                panic!()
            };
            assert_eq!((service.as_str(), answer == typed, shape), ("s", true, asked));
        }
        let Request::VerifyAppPassword { service, password } = read(&verify_app_password_request("s", &typed)) else {
            panic!()
        };
        assert_eq!((service.as_str(), password == typed), ("s", true));
    }

    #[test]
    fn what_the_core_says_is_understood() {
        let said = |response: &Response| Answered::read(&serde_json::to_vec(response).unwrap());
        for requirement in [Asking::Asked, Asking::NotAsked, Asking::MustEnroll] {
            let answered = said(&Response::Requirement { requirement, rule: "r".into(), digits: vec![6, 8] }).unwrap();
            assert_eq!((answered.asking().unwrap(), answered.words("rule").unwrap()), (requirement, "r".into()));
            assert_eq!(answered.digits().unwrap(), [6, 8]);
        }
        let (log, text) = ("a=b".to_owned(), "c".to_owned());
        let verdict = Response::Verdict { accepted: true, log: log.clone(), text: text.clone(), digits: 8 };
        let judged = Passed::Judged(Judged { accepted: true, log, text, digits: 8 });
        assert_eq!(said(&verdict).unwrap().passed().unwrap(), judged);
        let spared = |requirement| Response::Requirement { requirement, rule: "r".into(), digits: vec![] };
        assert_eq!(said(&spared(Asking::NotAsked)).unwrap().passed().unwrap(), Passed::On("r".into()));
        assert!(matches!(said(&spared(Asking::Asked)).unwrap().passed(), Err(HelperError::NotUnderstood)));
        let refused = said(&Response::Refused { reason: Refusal::Failed, text: "Not now.".into() });
        assert!(refused.unwrap_err().to_string().ends_with("refuses: Not now."));
        let other = said(&Response::Removed { label: "phone".into(), enrolled: false, app_passwords: vec![] });
        assert!(matches!(other, Err(HelperError::NotUnderstood)));
        for garbage in ["", "hello", "{}", r#"{"result":"refused"}"#] {
            assert!(matches!(Answered::read(garbage.as_bytes()), Err(HelperError::NotUnderstood)), "{garbage}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_cut_to_something_that_counts() {
        let typed = |words: String| Typed::new(words);
        assert_eq!(sent(&typed("123456".into())), "123456");
        assert_eq!(sent(&typed("1".repeat(MAX_ANSWER))).len(), MAX_ANSWER);
        assert_eq!(sent(&typed(format!("123456{}", " ".repeat(MAX_ANSWER)))), TOO_LONG);
    }
}
