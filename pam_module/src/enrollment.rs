//! Enrollment inside a login: the account phase of someone who passed the first step, must have
//! enrolled, and has not.

use std::cell::RefCell;
use std::rc::Rc;

use twostep_core::audit::{Audit, Line};
use twostep_core::config::{AfterGrace, Enrollment};
use twostep_core::enroll::Desk;
use twostep_core::login;
use twostep_core::qr::{self, Paint, Room};
use twostep_core::request::{Pending, Refusal, Response};
use twostep_core::secret::Typed;
use twostep_core::throttle::Source;
use twostep_core::time::SystemClock;
use twostep_core::username::Person;
use twostep_core::words;

use crate::attempt::{Attempt, key_was_accepted};
use crate::ended::Ended;
use crate::failed::Failed;
use crate::ffi::{Host, Item, Priority, Style, process_users};
use crate::hand_over::{HandOver, Outcome};
use crate::question::words as text_of;
use twostep_core::options::Options;

/// How often a code may not fit.
const TRIES: usize = 3;

/// Whether a login of someone who must enroll does so in its account phase. The line must say that
/// the first step is passed before it, or bring the password itself: were there no first step,
/// anyone could enroll. An invitation is for `twostep enroll`, a key is no password, and a process
/// that is not root makes no account.
pub fn is_offered(attempt: &Attempt<'_>) -> bool {
    let policy = &attempt.config.policy;
    let is_permitted = match policy.enrollment {
        Enrollment::Open => true,
        Enrollment::Password => !key_was_accepted(attempt.host),
        Enrollment::Invite => false,
    };
    let has_first_step = attempt.is_first_step_proved() || attempt.options.brings_password();
    attempt.options.enroll
        && policy.after_grace == AfterGrace::Enroll
        && is_permitted
        && has_first_step
        && process_users().1 == 0
}

/// Shows the new key, takes a code that it shows, and hands over the recovery codes.
///
/// # Errors
/// The outcome could not be left in the handle.
pub fn enroll(attempt: &Attempt<'_>, person: &Person) -> Result<Outcome, Failed> {
    let login = attempt.login(person);
    let log = Lines::default();
    let desk = Desk::for_login(&login, &attempt.config, Box::new(log.clone()));
    let source = Source::of(&attempt.origin(), &attempt.config.policy.proxies);
    let ended = match desk.offer(&source) {
        Ok(pending) => confirm(attempt, &desk, &source, &pending),
        Err(response) => not_enrolled(&response),
    };
    log.0.take().iter().for_each(|line| attempt.host.log(Priority::Notice, line));
    attempt.report(&ended);
    attempt.hand_over(person, ended.outcome)?;
    Ok(ended.outcome)
}

/// The key and the question for its code are one message: text that is sent before a question that
/// then fails could reach a client that proved less.
fn confirm(attempt: &Attempt<'_>, desk: &Desk, source: &Source, pending: &Pending) -> Ended {
    let mut question = words::enrollment::question(&drawn(attempt, pending), &pending.secret.in_groups(' '));
    let mut earlier = None;
    for _ in 0..TRIES {
        let Ok(Some(answer)) = attempt.host.ask(Style::of_question(attempt.options.echo), question.expose()) else {
            return refused("no-answer", None);
        };
        let code = text_of(answer.expose());
        let response = match &earlier {
            Some(earlier) => desk.accept(source, earlier, Some(&code)),
            None => desk.accept(source, &code, None),
        };
        match response {
            Response::Confirmed { label, recovery_codes, .. } => {
                hand_codes_over(attempt, recovery_codes.unwrap_or_default());
                let line = Line::new("").with("factor", "enrollment").with("authenticator", label);
                return Ended { outcome: Outcome::Accepted, pairs: Some(line.finish()), text: None };
            }
            Response::Refused { reason: reason @ (Refusal::NotAccepted | Refusal::WrongClock), text } => {
                question = words::enrollment::question_again(&text);
                // With the next one it tells where the phone's clock is.
                earlier = (reason == Refusal::WrongClock).then_some(code);
            }
            response => return not_enrolled(&response),
        }
    }
    refused("enrollment-not-confirmed", Some(words::enrollment::NOT_CONFIRMED))
}

/// Who breaks off here is enrolled all the same, and can make new ones.
fn hand_codes_over(attempt: &Attempt<'_>, codes: Vec<Typed>) {
    if !codes.is_empty() {
        let _ = attempt.host.ask(Style::ShownQuestion, words::enrollment::keep_recovery_codes(&codes).expose());
    }
}

fn drawn(attempt: &Attempt<'_>, pending: &Pending) -> Typed {
    let drawing = qr::draw(pending.uri.expose(), attempt.options.letters, Paint::Plain, Room::ENOUGH);
    // An address that no QR code holds can still be typed.
    Typed::new(drawing.unwrap_or_default())
}

fn not_enrolled(response: &Response) -> Ended {
    match response {
        Response::Refused { text, .. } => refused("enrollment-refused", Some(text)),
        _ => refused("enrollment-refused", None),
    }
}

fn refused(reason: &str, text: Option<&str>) -> Ended {
    Ended::refused(Line::new("").with("reason", reason), text)
}

/// Whether this login was let through to enroll, and no account phase saw to it: the account line
/// of the stack is missing, or has no `enroll`. sshd sets credentials in another process than it
/// authenticates in, so there the account says it.
pub fn is_owed(host: &Host<'_>, options: &Options) -> bool {
    let Some(user) = host.item(Item::User) else { return false };
    let is_sshd = host.item(Item::Terminal).as_deref() == Some("ssh");
    let attempt = Attempt::new(host, options, user);
    let is_owed = match (HandOver::left(host), &attempt.person) {
        // Also where the program has gone on to another user, as sudo has by now.
        (Some(left), _) => left.outcome == Outcome::EnrollsNow,
        (None, Ok(Some(person))) if is_sshd && is_offered(&attempt) => {
            let login = attempt.login(person);
            login::must_enroll(&login, &attempt.config, &attempt.store(), &SystemClock).unwrap_or(true)
        }
        (None, _) => false,
    };
    if is_owed {
        attempt.report_failure("enrollment-owed: the account line of this stack is missing or has no enroll; add it");
    }
    is_owed
}

/// What the desk logs, until the program's log can be reached.
#[derive(Clone, Default)]
struct Lines(Rc<RefCell<Vec<String>>>);

impl Audit for Lines {
    fn record(&self, line: &str) {
        self.0.borrow_mut().push(line.to_owned());
    }
}
