//! A line with `forward_pass`: says where in one answer the password ends and a code begins.

use std::thread;
use std::time::Duration;

use protocol::frame::now;
use twostep_core::audit::Line;
use twostep_core::login::{self, Split};
use twostep_core::refusals::Told;
use twostep_core::verdict::{NotACode, Rejection, Verdict, is_fake_of_sshd};

use super::hand_over::Passage;
use super::{Came, Ended, Failed, LoginHost, Turn, auth, relation, unanswered};

/// How long the answer takes at least, so that its time does not tell who is enrolled: several times what it
/// costs to read an account and to compute the codes of its devices.
const EQUAL_TIME: Duration = Duration::from_millis(5);

/// The same where it may end with a recovery code, whose hash is slow to compute.
const EQUAL_TIME_OF_HASHES: Duration = Duration::from_millis(60);

/// Divides the answer. Whoever it is of, the outcome is that the line takes no part.
///
/// # Errors
/// The account cannot be read. The login must be refused then.
pub fn forward_pass<H: LoginHost>(turn: &Turn<'_, H>) -> Result<Came, Failed> {
    if turn.login.unanswered {
        return Ok(unanswered().into());
    }
    if let Some(ended) = relation::turned_away(turn)? {
        return Ok(ended.into());
    }
    let Some(answer) = turn.login.answers.last() else { return Ok(auth::asks(turn, turn.options.question())) };
    let due = now() + if login::looks_slow(answer) { EQUAL_TIME_OF_HASHES } else { EQUAL_TIME };
    if is_fake_of_sshd(answer) {
        // The password module refuses it, as it would refuse any.
        let verdict = Verdict::Refused(Rejection::NotACode(NotACode::FakeOfSshd));
        turn.log_ended(&Ended::with(&verdict, Told::ALONE, None));
    }
    let attempt = turn.person.clone()?.and_then(|person| turn.attempt(&person));
    let split = attempt.map_or(Ok(Split::default()), |attempt| {
        login::split(&attempt, answer, turn.options.nullok, (&turn.config, &turn.store, &turn.clock))
    });
    turn.log_strange();
    let Split { cut, peeks_used_up } = split?;
    let pairs = peeks_used_up.then(|| Line::new("").with("reason", "peeks-used-up").with("remedy", REMEDY).finish());
    thread::sleep(due.saturating_duration_since(now()));
    Ok(Ended { cut, pairs, ..Ended::quiet(Passage::NotAsked) }.into())
}

const REMEDY: &str = "type the password without a code, and wait up to an hour or have an administrator run \
                      twostep admin unlock: no more answers of this user are searched for a code";
