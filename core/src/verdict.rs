//! What an answer proves.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::account::Failures;
use crate::app_password::Barred;
use crate::audit;
use crate::config::Config;
use crate::ledger::Wrong;
use crate::policy::Rule;
use crate::recovery::{HashedAnswer, RecoveryMatch};
use crate::request::{Kind, SecondStep};
use crate::seal::{SealError, SealKey};
use crate::store::{Held, Keep};
use crate::throttle::{Class, Gate, Source};
use crate::time::{ClockDoubt, Moment, Timestamp};

mod answer;
mod codes;
mod describe;

pub use answer::{Answer, NotACode, is_fake_of_sshd};
pub use codes::Misplaced;

/// Most characters of a PAM service that are remembered.
const SERVICE: usize = 64;
/// How much later than now something may be spent before the host's clock was set back: codes of a
/// window's steps to come are.
pub(crate) const SET_BACK: Duration = Duration::from_secs(180);

/// The question that an answer is held against.
#[derive(Debug)]
pub struct Question<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The sealing key, for verification codes.
    pub key: Result<SealKey, SealError>,
    /// The PAM service.
    pub service: &'a str,
    /// Where the answer comes from.
    pub source: &'a Source,
    /// When it came.
    pub now: Moment,
}

/// What becomes of a login.
///
/// The ledger keeps it for a repeat, if it came of an answer: as JSON, which nobody else reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub enum Verdict {
    /// The second step is passed.
    Accepted(Factor),
    /// There is no second step to pass.
    #[serde(skip)]
    NotAsked(Rule),
    /// A second step is required, and the user is not enrolled.
    MustEnroll,
    /// The answer does not pass.
    Refused(Rejection),
}

/// What the second step was passed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Factor {
    /// A verification code.
    Code {
        /// The authenticator's label.
        authenticator: String,
        /// What its codes move with.
        kind: Kind,
        /// Digits of its codes.
        digits: u8,
        /// If it took two codes to put the device right: the steps by which it is ahead.
        corrected: Option<i64>,
    },
    /// A recovery code.
    Recovery {
        /// How many are left.
        left: usize,
    },
    /// A recovery code that an administrator made.
    IssuedCode,
    /// An application password, in place of password and code.
    AppPassword {
        /// Its label.
        label: String,
    },
}

/// Why an answer does not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// It cannot be a code. Costs nothing.
    NotACode(NotACode),
    /// It is wrong. Costs one failure.
    Wrong {
        /// What is wrong with the host's own clock.
        host_clock: Option<ClockDoubt>,
    },
    /// It is a verification code of this step or an older one than the last that passed. Costs nothing.
    Spent {
        /// The authenticator's label.
        authenticator: String,
        /// What is wrong with the host's own clock.
        host_clock: Option<ClockDoubt>,
    },
    /// It would be right at another time. Costs one failure.
    Misplaced {
        /// Where it is right.
        code: Misplaced,
        /// What is wrong with the host's own clock.
        host_clock: Option<ClockDoubt>,
    },
    /// They are not two codes of one device that follow each other. Costs one failure.
    NotConsecutive {
        /// What is wrong with the host's own clock.
        host_clock: Option<ClockDoubt>,
    },
    /// It is a recovery code that was used. Costs nothing.
    RecoveryCodeUsed,
    /// It is a recovery code from an administrator, and its time is over. Costs nothing.
    RecoveryCodeExpired,
    /// Its source has to wait for so many seconds. It was not judged.
    Waiting(u64),
    /// Strangers have used up their guesses, and this source is one. It was not judged.
    ClosedToStrangers,
    /// Verification codes are closed until a recovery code opens them. It was not judged.
    Disabled,
    /// The enrollment vanished while the person typed.
    Vanished,
    /// It is no application password that counts here. Costs nothing.
    AppPassword(NoAppPassword),
}

/// Why a password is no application password that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoAppPassword {
    /// It has not the form of one: the account's password, or a code.
    NotOne,
    /// It is none of this user's.
    Wrong,
    /// It is one of this user's that does not count here and now.
    Barred {
        /// Why.
        barred: Barred,
        /// Its label.
        label: String,
    },
}

/// Records in `held` what an answer costs that is not right, if it is judged at all.
pub fn charge(held: &mut Held, answer: &Answer, question: &Question<'_>) {
    if at_the_gate(held, answer, question).is_none() {
        count_wrong(held, question);
    }
}

/// Judges an answer under the account's lock, and records in `held` what it costs and spends.
///
/// # Errors
/// A verification code could not be judged, since the secret does not open.
pub fn judge(held: &mut Held, answer: &Answer, question: &Question<'_>) -> Result<Verdict, SealError> {
    if let Some(refused) = at_the_gate(held, answer, question) {
        return Ok(Verdict::Refused(refused));
    }
    match answer {
        Answer::NotACode(why) => Ok(Verdict::Refused(Rejection::NotACode(*why))),
        Answer::Recovery(hashed) | Answer::ImportedRecovery(hashed) => Ok(judge_recovery(held, hashed, question)),
        Answer::Code(code) => codes::judge(held, code, question),
    }
}

/// Whether an answer is right now, and unused. It costs and spends nothing; what cannot be opened is not right.
#[must_use]
pub fn is_right(held: &Held, answer: &Answer, question: &Question<'_>) -> bool {
    let found = |hashed| held.account.as_ref()?.recovery.as_ref().map(|set| set.find(hashed));
    match answer {
        Answer::NotACode(_) => false,
        Answer::Code(code) => codes::is_right(held, code, question),
        Answer::Recovery(hashed) | Answer::ImportedRecovery(hashed) => match found(hashed) {
            Some(RecoveryMatch::Issued { expires_at }) => question.now.wall < expires_at,
            found => matches!(found, Some(RecoveryMatch::Unused(_))),
        },
    }
}

/// Judges the answer that follows a code of another time: the device's next code proves both, and
/// puts the device right (RFC 4226 §7.4, RFC 6238 §6). Anything else is judged as if it came alone.
///
/// # Errors
/// As [`judge`].
pub fn judge_next(
    held: &mut Held,
    first: &Misplaced,
    answer: &Answer,
    question: &Question<'_>,
) -> Result<Verdict, SealError> {
    if let Answer::Code(code) = answer
        && at_the_gate(held, answer, question).is_none()
    {
        // If it follows, the first code was the person's own, and no wrong one to be told of.
        let wrong = held.ledger.wrong.count;
        held.ledger.wrong.count = wrong.saturating_sub(1);
        if let Some(verdict) = codes::follows(held, first, code, question)? {
            return Ok(verdict);
        }
        held.ledger.wrong.count = wrong;
    }
    judge(held, answer, question)
}

/// Judges two codes that were given at once.
///
/// # Errors
/// As [`judge`].
pub fn judge_pair(
    held: &mut Held,
    first: &Answer,
    second: &Answer,
    question: &Question<'_>,
) -> Result<Verdict, SealError> {
    let refused = at_the_gate(held, first, question);
    match (refused, first, second) {
        (Some(refused), _, _) => Ok(Verdict::Refused(refused)),
        (None, Answer::Code(first), Answer::Code(second)) => codes::pair(held, (first, second), question),
        (None, Answer::NotACode(why), _) | (None, _, Answer::NotACode(why)) => {
            Ok(Verdict::Refused(Rejection::NotACode(*why)))
        }
        (None, _, _) => Ok(Verdict::Refused(Rejection::NotACode(NotACode::Length))),
    }
}

/// What keeps an answer from being judged at all.
fn at_the_gate(held: &Held, answer: &Answer, question: &Question<'_>) -> Option<Rejection> {
    let Some(account) = held.account.as_ref().filter(|account| account.is_enrolled()) else {
        return Some(Rejection::Vanished);
    };
    let class = account.class_of(question.source);
    let gate = held.ledger.throttle.gate(question.source, class, question.now.uptime, &question.config.limits());
    match (answer, gate) {
        (Answer::NotACode(why), _) => Some(Rejection::NotACode(*why)),
        (_, Gate::Wait(seconds)) => Some(Rejection::Waiting(seconds)),
        (Answer::Recovery(_), _) | (_, Gate::Open) => None,
        // What can be guessed is not judged where codes are not.
        (Answer::Code(_) | Answer::ImportedRecovery(_), Gate::ClosedToStrangers) => Some(Rejection::ClosedToStrangers),
        (Answer::Code(_) | Answer::ImportedRecovery(_), Gate::Disabled) => Some(Rejection::Disabled),
    }
}

fn judge_recovery(held: &mut Held, hashed: &HashedAnswer, question: &Question<'_>) -> Verdict {
    let set = held.account.as_mut().and_then(|account| account.recovery.as_mut());
    let found = set.as_ref().map_or(RecoveryMatch::None, |set| set.find(hashed));
    let (left, is_issued) = match (found, set) {
        (RecoveryMatch::Unused(index), Some(set)) => {
            set.spend(index, question.second_step());
            (set.left(), false)
        }
        (RecoveryMatch::Issued { expires_at }, Some(set)) if question.now.wall < expires_at => {
            set.spend_issued(question.second_step());
            (set.left(), true)
        }
        (RecoveryMatch::Issued { .. }, _) => return Verdict::Refused(Rejection::RecoveryCodeExpired),
        (RecoveryMatch::Used, _) => return Verdict::Refused(Rejection::RecoveryCodeUsed),
        _ => {
            count_wrong(held, question);
            // A clock does not matter to a recovery code.
            return Verdict::Refused(Rejection::Wrong { host_clock: None });
        }
    };
    held.ledger.throttle.clear();
    held.keep(Keep::Account);
    passed(held, question);
    Verdict::Accepted(if is_issued { Factor::IssuedCode } else { Factor::Recovery { left } })
}

/// Counts a wrong answer; every tenth one is durable.
fn count_wrong(held: &mut Held, question: &Question<'_>) {
    let class = held.account.as_ref().map_or(Class::Stranger, |account| account.class_of(question.source));
    held.ledger.throttle.fail(question.source, class, question.now.uptime, &question.config.limits());
    held.ledger.wrong.add(question.source.as_str());
    store_failures(held);
}

/// Remembers a success: the source, if it may become known, once a day the moment, and what a login has
/// to show.
fn passed(held: &mut Held, question: &Question<'_>) {
    let Wrong { count, source } = std::mem::take(&mut held.ledger.wrong);
    if count > 0 {
        held.ledger.unnoticed.count = held.ledger.unnoticed.count.saturating_add(count);
        held.ledger.unnoticed.source = source;
    }
    store_failures(held);
    if !question.source.is_callers() {
        held.ledger.pass(question.now.uptime);
    }
    let Some(account) = held.account.as_mut() else { return };
    let today = question.now.wall.day();
    let is_new_day = account.last_second_step.as_ref().is_none_or(|last| Timestamp(last.at).day() != today);
    let is_new_source = question.source.may_become_known() && account.class_of(question.source) == Class::Stranger;
    if is_new_day || is_new_source {
        account.last_second_step = Some(question.second_step());
        if is_new_source {
            account.remember(question.source.as_str());
        }
        held.keep(Keep::AccountIfPossible);
    }
}

fn store_failures(held: &mut Held) {
    let failures = Failures::from(held.ledger.throttle.sums());
    if let Some(account) = held.account.as_mut().filter(|account| account.failures != failures) {
        account.failures = failures;
        held.keep(Keep::AccountIfPossible);
    }
}

impl Question<'_> {
    /// How far off a device may be.
    fn range(&self) -> Duration {
        self.config.totp.resync_range
    }

    /// What is wrong with the host's clock, as far as time itself tells: a clock that stands before
    /// what was spent was set back.
    fn doubt(&self, held: &Held) -> Option<ClockDoubt> {
        let is_set_back = held.spent_until > self.now.wall.after(SET_BACK);
        is_set_back.then_some(ClockDoubt::SetBack).or(self.now.wall.doubt())
    }

    fn second_step(&self) -> SecondStep {
        let Self { service, source, now, .. } = self;
        let service = audit::printable(service).chars().take(SERVICE).collect();
        SecondStep { at: now.wall.0, service, source: source.as_str().to_owned() }
    }
}
