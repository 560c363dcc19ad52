//! Enrollment inside a login: the account phase of someone who passed the first step, must have
//! enrolled, and has not.

use protocol::request::{Pending, Refusal, Refused, Response};
use protocol::secret::Typed;
use twostep_core::audit::Line;
use twostep_core::config::{AfterGrace, Enrollment};
use twostep_core::enroll::AccountManager;
use twostep_core::login;
use twostep_core::messages;
use twostep_core::qr::{self, ColorMode, Size};
use twostep_core::username::Person;

use super::hand_over::{Enrolling, HandOver, Passage};
use super::relation::Relation;
use super::{Came, Ended, Failed, LoginHost, Turn, unanswered};

/// How often a code may not fit.
const TRIES: usize = 3;

/// Whether a login of someone who must enroll does so in its account phase. The line must say that
/// the first step is passed before it: were there none, anyone could enroll. An invitation is for `twostep enroll`, a key is no password, and a process
/// that is not root makes no account.
pub fn is_offered<H: LoginHost>(turn: &Turn<'_, H>) -> bool {
    let policy = &turn.config.policy;
    let is_permitted = match policy.enrollment {
        Enrollment::Open => true,
        Enrollment::Password => !turn.login.key_accepted,
        Enrollment::Invite => false,
    };
    turn.options.enroll
        && policy.after_grace == AfterGrace::Enroll
        && is_permitted
        && turn.is_first_step_proved()
        && turn.relation == Relation::Root
}

/// Shows the new key, takes a code that it shows, and hands over the recovery codes: one step of it.
///
/// # Errors
/// None so far: what fails is a refusal.
pub fn enroll<H: LoginHost>(turn: &Turn<'_, H>, person: &Person, how_far: Enrolling) -> Result<Came, Failed> {
    if how_far == Enrolling::RecoveryCodes {
        // Who breaks off here is enrolled all the same, and can make new ones.
        return Ok(Ended::quiet(Passage::Accepted).into());
    }
    if turn.login.unanswered {
        return Ok(unanswered().into());
    }
    let Some(attempt) = turn.attempt(person) else { return Err(Failed::Unknown) };
    let (config, host) = (&turn.config, turn.host);
    let manager = AccountManager::for_login(&attempt, config, (host.store(config), host.clock()), Box::new(host.log()));
    let source = attempt.source(config);
    Ok(match (turn.login.answers.as_slice(), how_far) {
        ([], _) => match manager.offer(&source) {
            Ok(pending) => {
                let question = messages::enrollment::question(&drawn(turn, &pending), &pending.secret.in_groups(' '));
                asks(turn, question, Enrolling::Code)
            }
            Err(refused) => not_enrolled(&refused.text),
        },
        ([.., earlier, next], Enrolling::NextCode) => accepted(turn, manager.accept(&source, earlier, Some(next))),
        ([.., code], _) => accepted(turn, manager.accept(&source, code, None)),
    })
}

/// The key and the question for its code are one message: text that is sent before a question that
/// then fails could reach a client that proved less.
fn accepted<H: LoginHost>(turn: &Turn<'_, H>, confirmed: Result<Response, Refused>) -> Came {
    match confirmed {
        Ok(Response::Confirmed { label, recovery_codes, .. }) => {
            let line = Line::new("").with("factor", "enrollment").with("authenticator", label);
            let ended = Ended { pairs: Some(line.finish()), ..Ended::quiet(Passage::Accepted) };
            match recovery_codes.filter(|codes| !codes.is_empty()) {
                Some(codes) => {
                    turn.log_ended(&ended);
                    let prompt = messages::enrollment::keep_recovery_codes(&codes);
                    Came::Asks { prompt, echo: true, hand_over: left(turn, Enrolling::RecoveryCodes) }
                }
                None => ended.into(),
            }
        }
        Err(Refused { reason: Refusal::NotAccepted | Refusal::WrongClock, .. })
            if turn.login.answers.len() >= TRIES =>
        {
            refused("enrollment-not-confirmed", Some(messages::enrollment::NOT_CONFIRMED))
        }
        Err(Refused { reason: reason @ (Refusal::NotAccepted | Refusal::WrongClock), text }) => {
            // With the next one it tells where the phone's clock is.
            let next = if reason == Refusal::WrongClock { Enrolling::NextCode } else { Enrolling::Code };
            asks(turn, messages::enrollment::question_again(&text), next)
        }
        Err(Refused { text, .. }) => not_enrolled(&text),
        Ok(_) => refused("enrollment-refused", None),
    }
}

fn asks<H: LoginHost>(turn: &Turn<'_, H>, prompt: Typed, how_far: Enrolling) -> Came {
    Came::Asks { prompt, echo: turn.options.echo, hand_over: left(turn, how_far) }
}

fn left<H: LoginHost>(turn: &Turn<'_, H>, how_far: Enrolling) -> Option<HandOver> {
    turn.left(Passage::EnrollsNow(how_far))
}

fn drawn<H: LoginHost>(turn: &Turn<'_, H>, pending: &Pending) -> Typed {
    let drawing = qr::draw(pending.uri.expose(), turn.options.charset, ColorMode::Plain, Size::ENOUGH);
    // An address that no QR code holds can still be typed.
    Typed::new(drawing.unwrap_or_default())
}

fn not_enrolled(text: &str) -> Came {
    refused("enrollment-refused", Some(text))
}

fn refused(reason: &str, text: Option<&str>) -> Came {
    Ended::refused(Line::new("").with("reason", reason), text).into()
}

/// Whether this login may have its credentials: not if it was let through to enroll, and no account
/// phase saw to it, because the account line of the stack is missing or has no `enroll`. sshd sets
/// credentials in another process than it authenticates in, so there the account says it. Only root's
/// logins enroll.
///
/// # Errors
/// They are refused.
pub fn credentials<H: LoginHost>(turn: &Turn<'_, H>) -> Result<Came, Failed> {
    if turn.relation != Relation::Root {
        return Ok(Ended::quiet(Passage::Accepted).into());
    }
    let is_sshd = turn.login.tty.as_deref() == Some("ssh");
    let left = turn.login.hand_over.as_deref().and_then(HandOver::read);
    let is_owed = match (left, &turn.person) {
        // Also where the program has gone on to another user, as sudo has by now.
        (Some(left), _) => matches!(left.passage, Passage::EnrollsNow(_)),
        (None, Ok(Some(person))) if is_sshd && is_offered(turn) => turn
            .attempt(person)
            .is_none_or(|attempt| login::must_enroll(&attempt, &turn.config, &turn.store, &turn.clock).unwrap_or(true)),
        (None, _) => false,
    };
    if is_owed { Err(Failed::EnrollmentOwed) } else { Ok(Ended::quiet(Passage::Accepted).into()) }
}
