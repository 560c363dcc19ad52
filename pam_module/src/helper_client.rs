//! The second step in a process that is not root and so cannot reach the account, a screen locker
//! for one: `twostep-helper` reaches it, for the process's own user alone.
//!
//! The module is a guest here too. The request is in the pipe before the helper starts, so that a
//! helper that dies early raises no SIGPIPE in the program; and the helper is waited for without
//! touching SIGCHLD, whatever the program does with it.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use twostep_core::request::{Asking, Request};
use twostep_core::secret::{Secret, Typed};
use twostep_core::time::{Clock, SystemClock};

/// The helper of this installation.
const HELPER: &str = match option_env!("TWOSTEP_HELPER") {
    Some(path) => path,
    None => "/usr/libexec/twostep/twostep-helper",
};
/// How long the helper may take, in seconds: longer than it ever waits for a lock.
const PATIENCE: u64 = 40;
/// Largest request: what the smallest pipe takes at once, PIPE_BUF of pipe(7).
const MAX_REQUEST: usize = 4096;
/// Largest response that is read.
const MAX_RESPONSE: usize = 16 * 1024;
/// How much of an answer is sent, in bytes. What is longer cannot be a code, and is cut to
/// something that still cannot.
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
}

/// What the helper says about a password.
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
    /// Digits of a verification code.
    pub digits: usize,
}

/// Whether a login of the process's own user is asked for a code.
///
/// # Errors
/// The helper is not there, refuses, or gives no answer that can be understood.
pub fn requirement(service: &str) -> Result<Required, HelperError> {
    let response = exchange(HELPER, &Request::Requirement { service: service.to_owned() })?;
    let digits = response.0.get("digits").and_then(Value::as_u64).and_then(|digits| usize::try_from(digits).ok());
    Ok(Required {
        asking: response.asking()?,
        rule: response.text("rule")?,
        digits: digits.ok_or(HelperError::NotUnderstood)?,
    })
}

/// Has the helper judge what the process's own user answered at a login to `service`.
///
/// # Errors
/// The helper is not there, refuses, or gives no answer that can be understood.
pub fn verify(service: &str, answer: &Typed) -> Result<Judged, HelperError> {
    let answer = Typed::new(beginning(answer.expose()).to_owned());
    exchange(HELPER, &Request::Verify { service: service.to_owned(), answer })?.judged()
}

/// Has the helper judge the password that the process's own user gave to `service`.
///
/// # Errors
/// The helper is not there, refuses, or gives no answer that can be understood.
pub fn verify_app_password(service: &str, password: &Typed) -> Result<Passed, HelperError> {
    let password = Typed::new(beginning(password.expose()).to_owned());
    let response = exchange(HELPER, &Request::VerifyAppPassword { service: service.to_owned(), password })?;
    match (response.text("result")?.as_str(), response.asking()) {
        ("verdict", _) => Ok(Passed::Judged(response.judged()?)),
        (_, Ok(Asking::NotAsked)) => Ok(Passed::On(response.text("rule")?)),
        _ => Err(HelperError::NotUnderstood),
    }
}

/// A response that is no refusal, read by its fields. The module meets three of the core's
/// `Response`s; reading them as that type would bring the code for all of them into every login.
#[derive(Debug)]
struct Answered(Value);

impl Answered {
    fn read(response: &[u8]) -> Result<Self, HelperError> {
        let answered = Self(serde_json::from_slice(response).map_err(|_| HelperError::NotUnderstood)?);
        match answered.text("result")?.as_str() {
            "requirement" | "verdict" => Ok(answered),
            "refused" => Err(HelperError::Refused(answered.text("text")?)),
            _ => Err(HelperError::NotUnderstood),
        }
    }

    fn judged(&self) -> Result<Judged, HelperError> {
        let accepted = self.0.get("accepted").and_then(Value::as_bool).ok_or(HelperError::NotUnderstood)?;
        Ok(Judged { accepted, log: self.text("log")?, text: self.text("text")? })
    }

    fn asking(&self) -> Result<Asking, HelperError> {
        match self.text("requirement")?.as_str() {
            "asked" => Ok(Asking::Asked),
            "not_asked" => Ok(Asking::NotAsked),
            "must_enroll" => Ok(Asking::MustEnroll),
            _ => Err(HelperError::NotUnderstood),
        }
    }

    fn text(&self, field: &str) -> Result<String, HelperError> {
        self.0.get(field).and_then(Value::as_str).map(str::to_owned).ok_or(HelperError::NotUnderstood)
    }
}

/// One request, one response, one short-lived helper.
fn exchange(helper: &str, request: &Request) -> Result<Answered, HelperError> {
    let (mut ours, theirs) = UnixStream::pair().map_err(HelperError::NotStarted)?;
    let mut child = start(helper, request, theirs)?;
    let read = read_all(&mut ours);
    if read.is_err() {
        // It still holds its end of the socket, so it lives and the id is still its own.
        let _ = child.kill();
    }
    reap(&mut child);
    Answered::read(read?.expose())
}

fn start(helper: &str, request: &Request, answers: UnixStream) -> Result<Child, HelperError> {
    let question = filled_pipe(request)?;
    Command::new(helper)
        .env_clear()
        .stdin(question)
        .stdout(OwnedFd::from(answers))
        .stderr(Stdio::null())
        .spawn()
        .map_err(HelperError::NotStarted)
}

/// A pipe that holds the request and then ends.
fn filled_pipe(request: &Request) -> Result<Stdio, HelperError> {
    // Made in its full size: growing would leave a copy of the answer behind that nobody wipes.
    let mut words = Vec::with_capacity(MAX_REQUEST);
    let written = serde_json::to_writer(&mut words, request);
    let words = Secret::new(words);
    if written.is_err() || words.expose().len() > MAX_REQUEST {
        return Err(HelperError::TooLong);
    }
    let (reader, mut writer) = io::pipe().map_err(HelperError::NotStarted)?;
    writer.write_all(words.expose()).map_err(HelperError::NotStarted)?;
    Ok(Stdio::from(reader))
}

/// Reads to the end of the response, within time and size.
fn read_all(from: &mut UnixStream) -> Result<Secret, HelperError> {
    let deadline = SystemClock.now().uptime.after(Duration::from_secs(PATIENCE));
    let mut response = Vec::with_capacity(MAX_RESPONSE);
    let mut piece = [0; 1024];
    loop {
        let left = deadline.since(SystemClock.now().uptime);
        if left == 0 {
            return Err(HelperError::Silent);
        }
        from.set_read_timeout(Some(Duration::from_secs(left))).map_err(HelperError::NotStarted)?;
        match from.read(&mut piece) {
            Ok(0) => return Ok(Secret::new(response)),
            Ok(count) => response.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(HelperError::Silent),
        }
        if response.len() > MAX_RESPONSE {
            return Err(HelperError::TooLong);
        }
    }
}

/// Takes the ended helper out of the process table. A program that ignores SIGCHLD, or reaps what
/// it did not start, has done so already (ECHILD): the response counts, not the exit status.
fn reap(child: &mut Child) {
    let _ = child.wait();
}

/// At most the first [`MAX_ANSWER`] bytes, in whole characters.
fn beginning(answer: &str) -> &str {
    let mut end = answer.len().min(MAX_ANSWER);
    while !answer.is_char_boundary(end) {
        end -= 1;
    }
    answer.get(..end).unwrap_or_default()
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
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use twostep_core::request::{Refusal, Response};

    use super::*;

    /// A helper that does what the shell says.
    fn with_helper(script: &str) -> Result<Answered, HelperError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("helper");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        exchange(path.to_str().unwrap(), &Request::Requirement { service: "su".into() })
    }

    #[test]
    fn the_request_arrives_and_the_response_comes_back() {
        let echo = r#"read -r request; printf '%s' '{"result":"requirement","requirement":"asked","rule":'
                      printf '"%s"}' "$(printf '%s' "$request" | tr -d '"{}')""#;
        assert_eq!(with_helper(echo).unwrap().text("rule").unwrap(), "do:requirement,service:su");
    }

    #[test]
    fn the_helper_sees_no_environment() {
        let tell = r#"printf '{"result":"requirement","requirement":"asked","rule":"%s"}' "$(env | grep -vc '^\(PWD\|_\|SHLVL\|OLDPWD\)=')""#;
        assert_eq!(with_helper(tell).unwrap().text("rule").unwrap(), "0");
    }

    #[test]
    fn what_the_core_says_is_understood() {
        let said = |response: &Response| Answered::read(&serde_json::to_vec(response).unwrap());
        for (requirement, word) in
            [(Asking::Asked, "asked"), (Asking::NotAsked, "not_asked"), (Asking::MustEnroll, "must_enroll")]
        {
            let answered = said(&Response::Requirement { requirement, rule: "r".into(), digits: 6 }).unwrap();
            assert_eq!(
                (answered.text("requirement").unwrap(), answered.text("rule").unwrap()),
                (word.into(), "r".into())
            );
        }
        let verdict = Response::Verdict { accepted: true, log: "a=b".into(), text: "c".into() };
        let Answered(fields) = said(&verdict).unwrap();
        assert_eq!((&fields["accepted"], &fields["log"], &fields["text"]), (&true.into(), &"a=b".into(), &"c".into()));
        let refused = said(&Response::Refused { reason: Refusal::Failed, text: "Not now.".into() });
        assert!(matches!(refused, Err(HelperError::Refused(text)) if text == "Not now."));
        let other = said(&Response::Removed { label: "phone".into(), enrolled: false, app_passwords: vec![] });
        assert!(matches!(other, Err(HelperError::NotUnderstood)));
    }

    #[test]
    fn a_program_that_ignores_its_children_gets_the_answer() {
        let itself = std::env::current_exe().unwrap();
        let test = "helper_client::tests::the_request_arrives_and_the_response_comes_back";
        let ignoring = ["-c", "trap '' CHLD; exec \"$@\"", "sh", itself.to_str().unwrap(), "--exact", test];
        let output = Command::new("sh").args(ignoring).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
    }

    #[test]
    fn a_helper_that_dies_early_is_no_answer() {
        assert!(matches!(with_helper("exit 0"), Err(HelperError::NotUnderstood)));
        assert!(matches!(with_helper("kill -KILL $$"), Err(HelperError::NotUnderstood)));
        assert!(matches!(with_helper("exec <&-; exec >&-"), Err(HelperError::NotUnderstood)));
    }

    #[test]
    fn garbage_and_floods_are_no_answer() {
        assert!(matches!(with_helper("echo hello"), Err(HelperError::NotUnderstood)));
        assert!(matches!(with_helper("exec yes"), Err(HelperError::TooLong)));
    }

    #[test]
    fn a_missing_helper_is_named() {
        let error = exchange("/nonexistent/helper", &Request::Status {}).unwrap_err();
        assert!(matches!(error, HelperError::NotStarted(_)));
        assert!(error.to_string().contains("twostep-helper"));
    }

    #[test]
    fn a_refusal_keeps_its_reason() {
        let refuse = r#"echo '{"result":"refused","reason":"bad_caller","text":"Not you."}'"#;
        let error = with_helper(refuse).unwrap_err();
        assert!(error.to_string().ends_with("refuses: Not you."));
    }

    #[test]
    fn long_answers_are_cut_but_stay_long() {
        assert_eq!(beginning("123456"), "123456");
        assert_eq!(beginning(&"1".repeat(5000)).len(), MAX_ANSWER);
        assert_eq!(beginning(&"\u{20ac}".repeat(100)).len(), 255);
        let longest = Request::Verify { service: "x".repeat(2000), answer: Typed::new("\u{1}".repeat(MAX_ANSWER)) };
        assert!(filled_pipe(&longest).is_ok());
        let too_long = Request::Verify { service: "x".repeat(5000), answer: Typed::new(String::new()) };
        assert!(matches!(filled_pipe(&too_long), Err(HelperError::TooLong)));
    }
}
