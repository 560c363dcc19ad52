//! What an answer proves.

use crate::account::{Authenticator, Failures};
use crate::app_password::Barred;
use crate::audit::{self, Line};
use crate::config::Config;
use crate::ledger::Wrong;
use crate::otp;
use crate::policy::Rule;
use crate::recovery::{Found, HashedAnswer};
use crate::request::SecondStep;
use crate::seal::{SealError, SealKey};
use crate::secret::Typed;
use crate::store::{Held, Keep};
use crate::throttle::{Gate, Source};
use crate::time::{Moment, Step, Timestamp};

mod answer;

pub use answer::{Answer, NotACode, Shape};

/// Most characters of a PAM service that are remembered.
const SERVICE: usize = 64;

/// The question that an answer is held against.
#[derive(Debug)]
pub struct Question<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The sealing key, for verification codes.
    pub key: &'a Result<SealKey, SealError>,
    /// The PAM service.
    pub service: &'a str,
    /// Where the answer comes from.
    pub source: &'a Source,
    /// When it came.
    pub now: Moment,
}

/// What becomes of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The second step is passed.
    Accepted(Factor),
    /// There is no second step to pass.
    NotAsked(Rule),
    /// A second step is required, and the user is not enrolled.
    MustEnroll,
    /// The answer does not pass.
    Refused(Refused),
}

/// What the second step was passed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Factor {
    /// A verification code.
    Code {
        /// The authenticator's label.
        authenticator: String,
        /// Digits of its codes.
        digits: u8,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It cannot be a code. Costs nothing.
    NotACode(NotACode),
    /// It is wrong. Costs one failure.
    Wrong,
    /// It is a verification code of this step or an older one than the last that passed. Costs nothing.
    Spent {
        /// The authenticator's label.
        authenticator: String,
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
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// Judges an answer under the account's lock, and records in `held` what it costs and spends.
///
/// # Errors
/// A verification code could not be judged, since the secret does not open.
pub fn judge(held: &mut Held, answer: &Answer, question: &Question<'_>) -> Result<Verdict, SealError> {
    let Some(account) = held.account.as_ref().filter(|account| account.is_enrolled()) else {
        return Ok(Verdict::Refused(Refused::Vanished));
    };
    let known = account.knows(question.source.as_str());
    let gate = held.ledger.throttle.gate(question.source, known, question.now.uptime, &question.config.limits());
    match (answer, gate) {
        (Answer::NotACode(why), _) => Ok(Verdict::Refused(Refused::NotACode(*why))),
        (_, Gate::Wait(seconds)) => Ok(Verdict::Refused(Refused::Waiting(seconds))),
        (Answer::Recovery(hashed), _) => Ok(judge_recovery(held, hashed, question)),
        (Answer::Codes(codes), Gate::Open) => judge_codes(held, codes, question),
        (Answer::Codes(_), Gate::ClosedToStrangers) => Ok(Verdict::Refused(Refused::ClosedToStrangers)),
        (Answer::Codes(_), Gate::Disabled) => Ok(Verdict::Refused(Refused::Disabled)),
    }
}

/// Every authenticator is tried, whichever matches.
fn judge_codes(held: &mut Held, codes: &[Typed], question: &Question<'_>) -> Result<Verdict, SealError> {
    let key = question.key.as_ref().map_err(Clone::clone)?;
    let authenticators = held.account.as_ref().map_or_else(Vec::new, |account| account.authenticators.clone());
    let (mut fresh, mut spent, mut trouble) = (None, None, None);
    for one in &authenticators {
        match matching_step(held, one, codes, question, key) {
            Ok(Some(step)) if step > held.last_spent(one, question.now, question.config.totp.window) => {
                fresh = Some((one, step))
            }
            Ok(Some(_)) => spent = Some(one),
            Ok(None) => {}
            Err(error) => trouble = Some(error),
        }
    }
    match (fresh, spent, trouble) {
        (Some((one, step)), _, _) => {
            held.spend(one, step);
            held.ledger.throttle.succeed(question.source);
            accepted(held, question);
            Ok(Verdict::Accepted(Factor::Code { authenticator: one.label.clone(), digits: one.digits }))
        }
        (None, Some(one), _) => Ok(Verdict::Refused(Refused::Spent { authenticator: one.label.clone() })),
        (None, None, Some(error)) => Err(error),
        (None, None, None) => Ok(wrong(held, question)),
    }
}

fn matching_step(
    held: &Held,
    one: &Authenticator,
    codes: &[Typed],
    question: &Question<'_>,
    key: &SealKey,
) -> Result<Option<Step>, SealError> {
    let Some(code) = codes.iter().find(|code| code.expose().len() == usize::from(one.digits)) else {
        return Ok(None);
    };
    let secret = key.open(&one.secret, one.belongs(held.name.as_str()))?;
    let window = one.window(question.now.wall, question.config.totp.window);
    Ok(otp::matching_step(&secret, one.parameters(), code.expose(), window))
}

fn judge_recovery(held: &mut Held, hashed: &HashedAnswer, question: &Question<'_>) -> Verdict {
    let set = held.account.as_mut().and_then(|account| account.recovery.as_mut());
    let found = set.as_ref().map_or(Found::None, |set| set.find(hashed));
    let (left, is_issued) = match (found, set) {
        (Found::Unused(index), Some(set)) => {
            set.spend(index, question.second_step());
            (set.left(), false)
        }
        (Found::Issued { expires_at }, Some(set)) if question.now.wall < expires_at => {
            set.spend_issued(question.second_step());
            (set.left(), true)
        }
        (Found::Issued { .. }, _) => return Verdict::Refused(Refused::RecoveryCodeExpired),
        (Found::Used, _) => return Verdict::Refused(Refused::RecoveryCodeUsed),
        _ => return wrong(held, question),
    };
    held.ledger.throttle.clear();
    held.keep(Keep::Account);
    accepted(held, question);
    Verdict::Accepted(if is_issued { Factor::IssuedCode } else { Factor::Recovery { left } })
}

/// Counts a wrong answer; every tenth one is durable.
fn wrong(held: &mut Held, question: &Question<'_>) -> Verdict {
    let known = held.account.as_ref().is_some_and(|account| account.knows(question.source.as_str()));
    held.ledger.throttle.fail(question.source, known, question.now.uptime, &question.config.limits());
    held.ledger.wrong.add(question.source.as_str());
    store_failures(held);
    Verdict::Refused(Refused::Wrong)
}

/// Remembers a success: the source, once a day the moment, and what a login has to show.
fn accepted(held: &mut Held, question: &Question<'_>) {
    let Wrong { count, source } = std::mem::take(&mut held.ledger.wrong);
    if count > 0 {
        held.ledger.unnoticed.count = held.ledger.unnoticed.count.saturating_add(count);
        held.ledger.unnoticed.source = source;
    }
    store_failures(held);
    held.ledger.pass(question.now.uptime);
    let Some(account) = held.account.as_mut() else { return };
    let today = question.now.wall.day();
    let is_new_day = account.last_second_step.as_ref().is_none_or(|last| Timestamp(last.at).day() != today);
    let is_new_source = !question.source.is_anyone() && !account.knows(question.source.as_str());
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
    fn second_step(&self) -> SecondStep {
        let Self { service, source, now, .. } = self;
        let service = audit::printable(service).chars().take(SERVICE).collect();
        SecondStep { at: now.wall.0, service, source: source.as_str().to_owned() }
    }
}

impl Verdict {
    /// Adds the verdict to a log line.
    #[must_use]
    pub fn describe(&self, line: Line) -> Line {
        match self {
            Self::Accepted(Factor::Code { authenticator, .. }) => {
                line.with("factor", "totp").with("authenticator", authenticator)
            }
            Self::Accepted(Factor::Recovery { left }) => line.with("factor", "recovery-code").with("left", left),
            Self::Accepted(Factor::IssuedCode) => line.with("factor", "issued-recovery-code"),
            Self::Accepted(Factor::AppPassword { label }) => line.with("factor", "app-password").with("label", label),
            Self::NotAsked(rule) => rule.describe(line),
            Self::MustEnroll => line
                .with("reason", "must-enroll")
                .with("remedy", "the user enrolls with twostep enroll, or an administrator with twostep enroll --user"),
            Self::Refused(refused) => refused.describe(line),
        }
    }

    /// The word that a log line of this verdict begins with.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::NotAsked(_) => "not-asked",
            Self::MustEnroll | Self::Refused(_) => "refused",
        }
    }
}

impl Refused {
    fn describe(&self, line: Line) -> Line {
        let line = line.with("reason", self.reason());
        match self {
            Self::NotACode(why) => line
                .with("detail", why)
                .with("remedy", "an application that cannot ask for a code needs keyboard-interactive authentication, or a stack with forward_pass"),
            Self::Spent { authenticator } => line.with("authenticator", authenticator),
            Self::Waiting(seconds) => line.with("seconds", seconds),
            Self::AppPassword(NoAppPassword::NotOne) => line.with(
                "remedy",
                "this service takes an application password: twostep app-password create LABEL --service SERVICE",
            ),
            Self::AppPassword(NoAppPassword::Barred { label, .. }) => line.with("label", label),
            _ => line,
        }
    }

    /// The reason, one word.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotACode(_) => "not-a-code",
            Self::Wrong => "wrong-code",
            Self::Spent { .. } => "spent-code",
            Self::RecoveryCodeUsed => "used-recovery-code",
            Self::RecoveryCodeExpired => "expired-recovery-code",
            Self::Waiting(_) => "source-waits",
            Self::ClosedToStrangers => "closed-to-strangers",
            Self::Disabled => "codes-disabled",
            Self::Vanished => "enrollment-vanished",
            Self::AppPassword(NoAppPassword::NotOne) => "not-an-app-password",
            Self::AppPassword(NoAppPassword::Wrong) => "wrong-app-password",
            Self::AppPassword(NoAppPassword::Barred { barred, .. }) => barred.reason(),
        }
    }
}
