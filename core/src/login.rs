//! One login, from top to bottom.

use std::fmt;

use crate::account::Account;
use crate::config::Config;
use crate::groups::Database;
use crate::policy::{Requirement, Visit};
use crate::seal::SealError;
use crate::secret::Typed;
use crate::store::{Held, Store, StoreError};
use crate::throttle::{Origin, Source};
use crate::time::{Clock, Timestamp};
use crate::username::Person;
use crate::verdict::{self, Answer, Misplaced, Question, Refused, Shape, Verdict};
use crate::words;

mod afterwards;
mod app_password;
mod remembered;

pub use afterwards::{Passed, afterwards};
pub use app_password::{Judged, app_password};
pub use remembered::rehearse;

/// One try of one person to log in.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Who.
    pub person: Person,
    /// To which PAM service.
    pub service: String,
    /// From where.
    pub origin: Origin,
    /// How the answer is meant.
    pub shape: Shape,
    /// Whether the first step is known to be passed: then it is safe to say what is wrong with a
    /// code, and to ask for the next one.
    pub first_step_passed: bool,
}

/// The person, or what speaks for them.
pub trait Conversation {
    /// Asks the one question of a login.
    ///
    /// # Errors
    /// The application cannot ask, or the person broke off.
    fn ask(&self) -> Result<Typed, Silence>;

    /// Asks for the code that follows the first one, and says why. The first one's verdict is for the
    /// log, which may hear of nothing more: the person can break off here.
    ///
    /// # Errors
    /// As [`Conversation::ask`].
    fn ask_next(&self, first: &Verdict, why: &str) -> Result<Typed, Silence>;
}

/// Nobody answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence;

/// Takes one login through its second step.
///
/// No lock is held while the person types; the clock is read after the answer; the account is read
/// again under the lock, since it may have changed meanwhile; and the verdict comes back only when
/// what it spent is recorded, so two logins cannot both spend one code.
///
/// # Errors
/// Something failed. A caller refuses the login then.
pub fn second_step(
    attempt: &Attempt,
    config: &Config,
    store: &impl Store,
    clock: &impl Clock,
    ui: &impl Conversation,
) -> Result<Verdict, LoginError> {
    let now = clock.now();
    let is_remembered = remembered::holds(attempt, config, store, now.uptime);
    let Standing { requirement, account } = standing(&attempt.visit(now.wall, is_remembered), config, store)?;
    match (requirement, account) {
        (Requirement::NotAsked(rule), _) => Ok(Verdict::NotAsked(rule)),
        (Requirement::Asked, Some(account)) => {
            let login = Login { attempt, config, store, clock };
            let typed = ui.ask().map_err(|Silence| LoginError::Silence)?;
            match login.judge(&Answer::read(&typed, attempt.shape, &account), None)? {
                Verdict::Refused(Refused::Misplaced { code, host_clock })
                    if attempt.first_step_passed && code.may_be_followed() =>
                {
                    let why = words::next_code(&code);
                    let refused = Verdict::Refused(Refused::Misplaced { code: code.clone(), host_clock });
                    let typed = ui.ask_next(&refused, &why).map_err(|Silence| LoginError::Silence)?;
                    let next = login.judge(&Answer::read(&typed, Shape::Code, &account), Some(&code))?;
                    Ok(next.after(code, host_clock))
                }
                verdict => Ok(verdict),
            }
        }
        (Requirement::Asked | Requirement::MustEnroll, _) => Ok(Verdict::MustEnroll),
    }
}

/// Judges an answer to a question that was asked before, in an exchange of its own.
///
/// It is judged if the user is enrolled, whatever policy says by now: a suspension or a remembered
/// address that came meanwhile neither refuses nor saves an answer. Exempt users pass as ever.
///
/// # Errors
/// As [`second_step`].
pub fn judge_answer(
    attempt: &Attempt,
    config: &Config,
    store: &impl Store,
    clock: &impl Clock,
    typed: &Typed,
) -> Result<Verdict, LoginError> {
    let Standing { requirement, account } = standing(&attempt.visit(clock.now().wall, false), config, store)?;
    match (requirement, account) {
        (Requirement::NotAsked(rule), _) if rule.is_exemption() => Ok(Verdict::NotAsked(rule)),
        (_, Some(account)) if account.is_enrolled() => {
            Login { attempt, config, store, clock }.judge(&Answer::read(typed, attempt.shape, &account), None)
        }
        _ => Ok(Verdict::Refused(Refused::Vanished)),
    }
}

/// A login whose answers are judged.
struct Login<'a, S, C> {
    attempt: &'a Attempt,
    config: &'a Config,
    store: &'a S,
    clock: &'a C,
}

impl<S: Store, C: Clock> Login<'_, S, C> {
    /// Judges an answer, which may have to follow another one.
    fn judge(&self, answer: &Answer, first: Option<&Misplaced>) -> Result<Verdict, LoginError> {
        let Self { attempt, config, store, clock } = self;
        if let Answer::NotACode(why) = answer {
            return Ok(Verdict::Refused(Refused::NotACode(*why)));
        }
        let source = Source::of(&attempt.origin, &config.policy.proxies);
        let (service, source) = (attempt.service.as_str(), &source);
        let charge = |held: &mut Held| {
            let question = Question { config, key: store.seal_key(), service, source, now: clock.now() };
            verdict::charge(held, answer, &question);
            question
        };
        let judged = store.update_charged(&attempt.person, charge, |held, question| match first {
            None => verdict::judge(held, answer, question),
            Some(first) => verdict::judge_next(held, first, answer, question),
        })?;
        Ok(judged?.doubting(*clock))
    }
}

impl Attempt {
    fn visit(&self, now: Timestamp, is_remembered: bool) -> Visit<'_> {
        Visit { person: &self.person, service: &self.service, origin: &self.origin, now, is_remembered }
    }
}

/// What a login must do, and the account that this was decided by.
#[derive(Debug)]
pub struct Standing {
    /// What it must do.
    pub requirement: Requirement,
    /// The account, if there is one and it can be read.
    pub account: Option<Account>,
}

/// Reads the account and decides: every caller that asks for one user comes here.
///
/// # Errors
/// The account cannot be read, and nothing exempts the user.
pub fn standing(visit: &Visit<'_>, config: &Config, store: &impl Store) -> Result<Standing, StoreError> {
    let found = store.find(visit.person);
    let requirement = config.decide(&Database, visit, found.as_ref().map(Option::as_ref).map_err(Clone::clone))?;
    Ok(Standing { requirement, account: found.ok().flatten() })
}

/// Whether the second step applies to a user, for a session that never came by our authentication.
///
/// # Errors
/// The account could not be read.
pub fn applies(attempt: &Attempt, config: &Config, store: &impl Store, clock: &impl Clock) -> Result<bool, LoginError> {
    let now = clock.now();
    let visit = attempt.visit(now.wall, remembered::holds(attempt, config, store, now.uptime));
    Ok(!matches!(standing(&visit, config, store)?.requirement, Requirement::NotAsked(_)))
}

/// Whether a user must enroll before logging in like this.
///
/// # Errors
/// The account could not be read.
pub fn must_enroll(
    attempt: &Attempt,
    config: &Config,
    store: &impl Store,
    clock: &impl Clock,
) -> Result<bool, LoginError> {
    let visit = attempt.visit(clock.now().wall, false);
    Ok(standing(&visit, config, store)?.requirement == Requirement::MustEnroll)
}

/// Why a login could not be taken through its second step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginError {
    /// The store gave no answer, or could not record one.
    Store(StoreError),
    /// The secret could not be opened.
    Seal(SealError),
    /// Nobody answered.
    Silence,
}

impl From<StoreError> for LoginError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<SealError> for LoginError {
    fn from(error: SealError) -> Self {
        Self::Seal(error)
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Seal(error) => error.fmt(f),
            Self::Silence => f.write_str("nobody answered; the application cannot ask, or the person broke off"),
        }
    }
}

impl std::error::Error for LoginError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Seal(error) => Some(error),
            Self::Silence => None,
        }
    }
}

#[cfg(test)]
mod tests;
