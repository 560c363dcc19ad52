//! One login at one line of the PAM stack: asks the service, asks the person what the service wants to
//! know, and does what it says.

use std::ffi::{CStr, CString, c_int};
use std::fs::File;
use std::io::Read;

use pamsm::PamError;
use protocol::options::{Mode, Options};
use protocol::request::{Ask, AttemptId, Done, Login, LoginResponse, Outcome, Phase, Shown};
use protocol::secret::{Secret, Typed};

use crate::ffi::{Item, MessageStyle, PamCall, Priority, process_users};
use crate::{key_was_accepted, messages, service, unsaid};

/// What the service gave to be kept between the phases of a login. It stays text, so that another copy
/// of this module in the same stack can pass it on.
const HAND_OVER: &CStr = c"pam_twostep_verdict";
/// Where a line with `forward_pass` keeps the code.
const FORWARDED: &CStr = c"pam_twostep_code";
/// The name in the PAM environment by which the session knows the attempt that opened it. sshd hands the
/// environment from the process that authenticates to the one that opens the session.
const TICKET: &CStr = c"TWOSTEP_TICKET";
/// More questions than any login has.
const MOST_ANSWERS: usize = 16;
/// Longest answer that is sent, in bytes. What is longer is no code and no password of ours.
const LONGEST_ANSWER: usize = 1024;
/// libpam stores nothing more.
const OUT_OF_MEMORY: &str = "libpam cannot store what this login needs; the process may be out of memory";
/// Neither a code nor an application password, whatever their alphabets.
const TOO_LONG: &str = "(too long)";

/// A line of the PAM stack.
pub struct PamLine {
    /// Its arguments, understood.
    pub options: Options,
    /// Its arguments, as written.
    pub arguments: Vec<String>,
}

/// Forgets what an earlier run left in this handle.
///
/// # Errors
/// libpam's code.
pub fn forget(host: &PamCall<'_>) -> Result<(), c_int> {
    host.remember(HAND_OVER, None)
}

/// Whether the auth phase left anything, for whomever.
pub fn is_begun(host: &PamCall<'_>) -> bool {
    host.remembered(HAND_OVER).is_some()
}

/// Whether the auth phase left a ticket for the session.
pub fn has_ticket(host: &PamCall<'_>) -> bool {
    host.environment(TICKET).is_some()
}

/// Takes it out of the environment, which the user gets.
pub fn forget_ticket(host: &PamCall<'_>) {
    host.set_environment(TICKET);
}

/// Leaves one, where this process has no session yet. A session without it is asked again.
fn leave_ticket(host: &PamCall<'_>, login: &Login) {
    if let (None, Ok(name)) = (login.session, TICKET.to_str())
        && let Ok(variable) = CString::new(format!("{name}={}", login.attempt.as_str()))
    {
        host.set_environment(&variable);
    }
}

/// A number that the kernel's audit keeps of this process; it says 4294967295 where there is none.
fn of_this_process(path: &str) -> Option<u32> {
    let mut digits = [0; 16];
    let length = File::open(path).ok()?.read(&mut digits).ok()?;
    let number = str::from_utf8(digits.get(..length)?).ok()?.parse().ok()?;
    (number != u32::MAX).then_some(number)
}

/// Whether a line with `forward_pass` kept a code that no line behind it took.
pub fn owes_code(host: &PamCall<'_>) -> bool {
    host.remembered(FORWARDED).is_some()
}

/// Takes a login through one phase.
pub fn run(host: &PamCall<'_>, line: &PamLine, phase: Phase, user: String) -> Outcome {
    let Ok(attempt) = AttemptId::fresh() else {
        return fail(host, "the kernel gave no random bytes; try again");
    };
    let mut login = Login {
        phase,
        attempt,
        user,
        service: host.item(Item::Service).unwrap_or_default(),
        rhost: host.item(Item::RemoteHost),
        tty: host.item(Item::Terminal),
        real_uid: process_users().0,
        options: line.arguments.clone(),
        key_accepted: key_was_accepted(host),
        answers: Vec::new(),
        unanswered: false,
        holds_code: false,
        session: of_this_process("/proc/self/sessionid"),
        login_uid: of_this_process("/proc/self/loginuid"),
        ticket: host.environment(TICKET),
        hand_over: host.remembered(HAND_OVER),
    };
    // Everyone types a password here, also who is not asked for a code.
    let mut password = None;
    if phase == Phase::Auth && line.options.brings_password() {
        password = host.password().or_else(|| asked_password(host, line));
        login.unanswered = password.is_none();
    }
    login.answers.extend(password.as_ref().map(|password| sent(password.expose())));
    // The service says first whether a code is asked of this user.
    let forwarded = match (phase, line.options.mode) {
        (Phase::Auth, Mode::Code) => taken_code(host, &login),
        _ => Ok(None),
    };
    let Ok(forwarded) = forwarded else { return fail(host, OUT_OF_MEMORY) };
    login.holds_code = forwarded.is_some();
    let done = match converse(host, &mut login, forwarded) {
        Ok(done) => done,
        Err(outcome) => return outcome,
    };
    let outcome = finish(host, &login, password.as_ref().map(|password| (password, line.options.mode)), done);
    let is_accepted = (phase, line.options.mode, outcome) == (Phase::Auth, Mode::Code, Outcome::Accepted);
    if is_accepted && line.options.recent.is_none() {
        leave_ticket(host, &login);
    }
    outcome
}

/// The code that a line with `forward_pass` kept, once, if it is for this user of this service.
fn taken_code(host: &PamCall<'_>, login: &Login) -> Result<Option<Typed>, c_int> {
    let Some(kept) = host.remembered(FORWARDED).map(Typed::new) else { return Ok(None) };
    host.remember(FORWARDED, None)?;
    let code = kept.expose().strip_prefix(&before_code(login)).filter(|code| !code.is_empty());
    Ok(code.map(|code| Typed::new(code.to_owned())))
}

/// What stands before a code that is kept: the user and the service that it is for, told apart by their lengths.
fn before_code(login: &Login) -> String {
    let Login { user, service, .. } = login;
    format!("{} {} {user}{service} ", user.len(), service.len())
}

/// One exchange after the other, until the phase has ended. What was typed already answers the first question.
fn converse(host: &PamCall<'_>, login: &mut Login, mut typed: Option<Typed>) -> Result<Done, Outcome> {
    while login.answers.len() < MOST_ANSWERS {
        match service::ask(host, login) {
            Ok(LoginResponse::Done(done)) => return Ok(done),
            Ok(LoginResponse::Ask(question)) => match typed.take() {
                Some(answer) => login.answers.push(answer),
                None => ask(host, login, question),
            },
            Ok(LoginResponse::Refused { text }) => {
                tell_error(host, &login.user, &text);
                return Err(Outcome::Failed);
            }
            // It has said why to the log.
            Ok(LoginResponse::Unavailable {}) => {
                tell_error(host, &login.user, messages::UNREACHABLE);
                return Err(Outcome::Failed);
            }
            Ok(_) => return Err(fail(host, "the service answered something else; restart it")),
            Err(error) => {
                tell_error(host, &login.user, messages::UNREACHABLE);
                return Err(fail(host, &error.to_string()));
            }
        }
    }
    Err(fail(host, "the service asks without end; restart it"))
}

/// Asks the person. A reply without a text is an empty answer to the first question, and is judged as
/// one.
fn ask(host: &PamCall<'_>, login: &mut Login, question: Ask) {
    let prompt = unsaid::before(host, &login.user, question.prompt.expose());
    login.hand_over = question.hand_over.or(login.hand_over.take());
    match host.ask(MessageStyle::of_question(question.echo), prompt.expose()) {
        Ok(Some(answer)) => login.answers.push(sent(answer.expose())),
        Ok(None) if login.answers.is_empty() => login.answers.push(Typed::new(String::new())),
        Ok(None) | Err(_) => login.unanswered = true,
    }
}

/// Does what the service says of the phase that has ended.
fn finish(host: &PamCall<'_>, login: &Login, typed: Option<(&Secret, Mode)>, done: Done) -> Outcome {
    for shown in &done.show {
        match shown {
            Shown::Notice(text) => host.tell(MessageStyle::Notice, text),
            Shown::Error(text) => tell_error(host, &login.user, text),
        }
    }
    let left = match &done.hand_over {
        Some(text) => CString::new(text.as_str()).map(|text| host.remember(HAND_OVER, Some(&text))).unwrap_or(Ok(())),
        None => Ok(()),
    };
    let passed_on = match typed {
        Some((answer, Mode::ForwardPass)) => forward(host, login, answer, done.cut),
        Some((password, _)) => host.set_password(password),
        None => Ok(()),
    };
    match left.and(passed_on) {
        Ok(()) => done.outcome,
        Err(_) => fail(host, OUT_OF_MEMORY),
    }
}

/// The password that the person types. A reply without a text is none; in an answer that also holds a
/// code it is judged as one.
fn asked_password(host: &PamCall<'_>, line: &PamLine) -> Option<Secret> {
    match host.ask(MessageStyle::of_question(line.options.echo), line.options.question()) {
        Ok(Some(answer)) => Some(answer),
        Ok(None) if line.options.mode == Mode::ForwardPass => Some(Secret::new(Vec::new())),
        Ok(None) | Err(_) => None,
    }
}

/// Leaves the password in an answer to the following lines, and keeps the code behind it, its last `cut`
/// bytes, for the one that asks for it. It keeps that there was none, too: some line must ask.
fn forward(host: &PamCall<'_>, login: &Login, answer: &Secret, cut: usize) -> Result<(), c_int> {
    let (password, code) = divided(answer.expose(), cut);
    // In its full size with the end that C wants: a text that grows leaves copies behind that nobody wipes.
    let (before, code) = (before_code(login), code.unwrap_or_default());
    let mut kept = String::with_capacity(before.len() + code.len() + 1);
    kept.push_str(&before);
    kept.push_str(code);
    let kept = CString::new(kept).map_err(|_| PamError::SERVICE_ERR as c_int)?;
    let remembered = host.remember(FORWARDED, Some(&kept));
    drop(Secret::new(kept.into_bytes()));
    remembered?;
    host.set_password(&Secret::new(password.to_vec()))
}

/// The password and the code. Where the last `cut` bytes are none, all of it is password.
fn divided(answer: &[u8], cut: usize) -> (&[u8], Option<&str>) {
    let is_code =
        |code: &str| !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let divided = answer.len().checked_sub(cut).and_then(|length| answer.split_at_checked(length));
    match divided.map(|(password, code)| (password, str::from_utf8(code))) {
        Some((password, Ok(code))) if is_code(code) => (password, Some(code)),
        _ => (answer, None),
    }
}

/// What is sent of an answer: text of the same length, made without a second copy in memory. Each byte
/// that is not UTF-8 becomes a `?`, which no code has; in the place of one that is too long is one that
/// is no better.
fn sent(answer: &[u8]) -> Typed {
    if answer.len() > LONGEST_ANSWER {
        return Typed::new(TOO_LONG.to_owned());
    }
    let mut words = String::with_capacity(answer.len());
    for piece in answer.utf8_chunks() {
        words.push_str(piece.valid());
        piece.invalid().iter().for_each(|_| words.push('?'));
    }
    Typed::new(words)
}

/// Tells the person why a login is refused, or keeps it for the next question.
fn tell_error(host: &PamCall<'_>, user: &str, text: &str) {
    if host.is_silent() {
        unsaid::keep(host, user, text);
    } else {
        host.tell(MessageStyle::Error, text);
    }
}

fn fail(host: &PamCall<'_>, reason: &str) -> Outcome {
    let service = host.item(Item::Service).unwrap_or_default();
    let line = protocol::audit::Line::new("error").with("service", service).with("reason", reason);
    host.log(Priority::Error, &line.finish());
    Outcome::Failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_is_the_code() {
        assert_eq!(divided(b"secret7123456", 6), (&b"secret7"[..], Some("123456")));
        assert_eq!(divided(b"123456", 6), (&b""[..], Some("123456")));
        assert_eq!(divided(b"p\xe4ss12345678", 8), (&b"p\xe4ss"[..], Some("12345678")));
        assert_eq!(divided(b"hunterabcd-EFGH-0000-1111", 19), (&b"hunter"[..], Some("abcd-EFGH-0000-1111")));
        for (all_password, cut) in
            [(&b"secret"[..], 0), (b"", 6), (b"12345", 6), (b"secret 12345", 6), (b"p\xe4ss1", 4)]
        {
            assert_eq!(divided(all_password, cut), (all_password, None));
        }
    }

    #[test]
    fn an_answer_keeps_its_length_and_its_end() {
        assert_eq!(sent(b"123456").expose(), "123456");
        assert_eq!(sent("\u{661}23".as_bytes()).expose(), "\u{661}23");
        assert_eq!(sent(b"p\xff\xe4ss123456").expose(), "p??ss123456");
    }

    #[test]
    fn what_is_too_long_is_not_cut_to_something_that_counts() {
        assert_eq!(sent(&b"1".repeat(LONGEST_ANSWER)).expose().len(), LONGEST_ANSWER);
        let padded = format!("123456{}", " ".repeat(LONGEST_ANSWER));
        assert_eq!(sent(padded.as_bytes()).expose(), TOO_LONG);
    }
}
