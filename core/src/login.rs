//! One login, from top to bottom.

use std::fmt;

use crate::account::Account;
use crate::config::Config;
use crate::groups::Database;
use crate::ledger::{ExchangePlace, Ledger};
use crate::messages;
use crate::policy::{EarlierStep, LoginContext, Requirement};
use crate::request::AttemptId;
use crate::seal::SealError;
use crate::secret::Typed;
use crate::store::{Held, Store, StoreError};
use crate::throttle::{Origin, Source};
use crate::time::{Clock, ClockDoubt, Timestamp, Uptime};
use crate::username::Person;
use crate::verdict::{self, Answer, Misplaced, Question, Rejection, Verdict};

mod afterwards;
mod app_password;
mod budget;
mod peer;
mod recent;
mod remembered;
mod split;

pub use afterwards::{Passed, afterwards};
pub use app_password::{Judged, app_password};
pub(crate) use peer::{CallerOrigin, Sender};
pub use peer::{Claims, Peer};
pub use recent::{AuditSession, SessionUse, opened};
pub use remembered::rehearse;
pub use split::{Split, forget_peeks, looks_slow, split};

/// Most characters of a PAM service that tell two exchanges apart.
const SERVICE: usize = 64;

/// One try of one person to log in. [`Attempt::from_root`], [`Attempt::from_user`] and
/// [`Attempt::from_caller`] make it from what a peer claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub(crate) person: Person,
    pub(crate) sender: Sender,
    pub(crate) service: String,
    pub(crate) origin: Origin,
    /// The audit session, where it matters.
    pub(crate) session: Option<SessionUse>,
    /// Then it is safe to say what is wrong with a code, and to ask for the next one.
    pub(crate) first_step_passed: bool,
}

/// What a login has been answered so far.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The login.
    pub id: &'a AttemptId,
    /// The answers, in order. All but the last were judged in exchanges before this one.
    pub answers: &'a [Typed],
}

/// What a login comes to for now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum LoginStep {
    /// The person is asked for a code.
    Ask,
    /// The person is told why, and asked for the code that follows the one that was given. What
    /// became of that one is for the log, which may hear of nothing more: the person can break off.
    AskNext {
        /// The verdict on the code that was given.
        first: Verdict,
        /// What the person is told.
        why: String,
    },
    /// It has ended.
    Done(Verdict),
}

/// Takes one login a step further through its second step: to the first question, or from an answer
/// to its verdict or to the next question.
///
/// Nothing is held while the person types: what must be remembered in between is in the ledger. The
/// clock is read after the answer; the account is read again under the lock, since it may have changed
/// meanwhile; and the verdict comes back only when what it spent is recorded, so two logins cannot
/// both spend one code. An answer that comes twice gets the same verdict, and costs nothing more.
///
/// An answer is judged if the user is enrolled, whatever policy says by then: a suspension or a
/// remembered address that came meanwhile neither refuses nor saves an answer. Exempt users pass.
///
/// # Errors
/// Something failed. A caller refuses the login then.
pub fn second_step(
    attempt: &Attempt,
    exchange: &Exchange<'_>,
    config: &Config,
    store: &impl Store,
    clock: &impl Clock,
) -> Result<LoginStep, LoginError> {
    let now = clock.now();
    let Some(answer) = exchange.answers.last() else {
        let earlier = remembered::holds(attempt, config, store, now.uptime);
        let standing = standing(&attempt.context(now.wall, earlier), config, store)?;
        return Ok(match (standing.requirement, standing.account) {
            (Requirement::NotAsked(rule), _) => LoginStep::Done(Verdict::NotAsked(rule)),
            (Requirement::Asked, Some(_)) => LoginStep::Ask,
            (Requirement::Asked | Requirement::MustEnroll, _) => LoginStep::Done(Verdict::MustEnroll),
        });
    };
    let Standing { requirement, account } = standing(&attempt.context(now.wall, None), config, store)?;
    match (requirement, account) {
        (Requirement::NotAsked(rule), _) if rule.is_exemption() => Ok(LoginStep::Done(Verdict::NotAsked(rule))),
        (_, Some(account)) if account.is_enrolled() => {
            let login = CodeLogin { attempt, exchange, config, store, clock };
            login.judge(&Answer::read(answer, &account))
        }
        _ => Ok(LoginStep::Done(Verdict::Refused(Rejection::Vanished))),
    }
}

/// Whether the last answer was judged before: then its verdict is only repeated, and the log says so.
#[must_use]
pub fn is_repeated(attempt: &Attempt, exchange: &Exchange<'_>, store: &impl Store, clock: &impl Clock) -> bool {
    let place = exchange.place(attempt, exchange.ordinal());
    store.peek(&attempt.person).is_some_and(|ledger| ledger.exchanged(&place, clock.now().uptime).is_some())
}

/// A login whose last answer is judged.
struct CodeLogin<'a, S, C> {
    attempt: &'a Attempt,
    exchange: &'a Exchange<'a>,
    config: &'a Config,
    store: &'a S,
    clock: &'a C,
}

/// What is found of an answer under the lock, before it is judged.
enum Before<'a> {
    /// It was judged already.
    Repeated(Verdict),
    /// It is judged now; as one that follows a code of another time, if there was one.
    New(Question<'a>, Option<(Misplaced, Option<ClockDoubt>)>),
}

impl<S: Store, C: Clock> CodeLogin<'_, S, C> {
    fn judge(&self, answer: &Answer) -> Result<LoginStep, LoginError> {
        if let Answer::NotACode(why) = answer {
            let refused = Verdict::Refused(Rejection::NotACode(*why));
            return Ok(self.step(match self.peek_first() {
                Some((first, host_clock)) => refused.after(first, host_clock),
                None => refused,
            }));
        }
        let source = self.attempt.source(self.config);
        let judge = || {
            let judged = self.store.update_charged(
                &self.attempt.person,
                |held| self.before(held, answer, &source),
                |held, before| self.judge_under_lock(held, answer, before),
            )?;
            Ok::<_, LoginError>(judged?)
        };
        let verdict = match &self.attempt.sender {
            Sender::Caller(caller) if !self.is_repeated() => budget::within(self, caller, judge),
            _ => judge(),
        };
        Ok(self.step(verdict?))
    }

    fn is_repeated(&self) -> bool {
        is_repeated(self.attempt, self.exchange, self.store, self.clock)
    }

    /// Finds out what the answer is, and charges it if it is judged now.
    fn before<'q>(&'q self, held: &mut Held, answer: &Answer, source: &'q Source) -> Before<'q> {
        let now = self.clock.now();
        if let Some(verdict) = self.recorded(&held.ledger, self.ordinal(), now.uptime) {
            return Before::Repeated(verdict);
        }
        let (config, key, service) = (self.config, self.store.seal_key(), self.attempt.service.as_str());
        let question = Question { config, key, service, source, now };
        verdict::charge(held, answer, &question);
        Before::New(question, self.first(&held.ledger, now.uptime))
    }

    fn judge_under_lock(&self, held: &mut Held, answer: &Answer, before: &Before<'_>) -> Result<Verdict, SealError> {
        let (question, first) = match before {
            Before::Repeated(verdict) => return Ok(verdict.clone()),
            Before::New(question, first) => (question, first),
        };
        let judged = match first {
            None => verdict::judge(held, answer, question)?,
            Some((first, host_clock)) => {
                verdict::judge_next(held, first, answer, question)?.after(first.clone(), *host_clock)
            }
        };
        if matches!(judged, Verdict::Accepted(_)) {
            recent::record(self.attempt, &mut held.ledger, question.now.uptime);
            if self.attempt.first_step_passed {
                held.ledger.forget_peeks();
            }
        }
        let judged = judged.doubting(self.clock);
        // What was not judged costs nothing, and must not push out what was. Where it cannot be written, a
        // repeat is judged once more.
        if judged.was_judged()
            && let Ok(verdict) = serde_json::to_string(&judged)
        {
            held.ledger.note_exchange(self.place(self.ordinal()), verdict, question.now.uptime);
        }
        Ok(judged)
    }

    /// Whether the person may go on with the next code.
    fn step(&self, verdict: Verdict) -> LoginStep {
        match &verdict {
            Verdict::Refused(Rejection::Misplaced { code, .. })
                if self.ordinal() == 1 && self.attempt.first_step_passed && code.may_be_followed() =>
            {
                let why = messages::next_code(code);
                LoginStep::AskNext { first: verdict, why }
            }
            _ => LoginStep::Done(verdict),
        }
    }

    /// The code of another time that this answer is to follow.
    fn first(&self, ledger: &Ledger, now: Uptime) -> Option<(Misplaced, Option<ClockDoubt>)> {
        let first = self.ordinal().checked_sub(1).filter(|earlier| *earlier > 0)?;
        match self.recorded(ledger, first, now)? {
            Verdict::Refused(Rejection::Misplaced { code, host_clock }) => Some((code, host_clock)),
            _ => None,
        }
    }

    fn peek_first(&self) -> Option<(Misplaced, Option<ClockDoubt>)> {
        self.first(&self.store.peek(&self.attempt.person)?, self.clock.now().uptime)
    }

    fn recorded(&self, ledger: &Ledger, ordinal: u32, now: Uptime) -> Option<Verdict> {
        serde_json::from_str(ledger.exchanged(&self.place(ordinal), now)?).ok()
    }

    fn place(&self, ordinal: u32) -> ExchangePlace {
        self.exchange.place(self.attempt, ordinal)
    }

    fn ordinal(&self) -> u32 {
        self.exchange.ordinal()
    }
}

impl Exchange<'_> {
    fn place(&self, attempt: &Attempt, ordinal: u32) -> ExchangePlace {
        let service: String = attempt.service.chars().take(SERVICE).collect();
        ExchangePlace { attempt: self.id.as_str().to_owned(), ordinal, peer: format!("{} {service}", attempt.sender) }
    }

    fn ordinal(&self) -> u32 {
        u32::try_from(self.answers.len()).unwrap_or(u32::MAX)
    }
}

impl Attempt {
    fn context(&self, now: Timestamp, earlier: Option<EarlierStep>) -> LoginContext<'_> {
        LoginContext { person: &self.person, service: &self.service, origin: &self.origin, now, earlier }
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
pub fn standing(context: &LoginContext<'_>, config: &Config, store: &impl Store) -> Result<Standing, StoreError> {
    let found = store.find(context.person);
    let requirement = config.decide(&Database, context, found.as_ref().map(Option::as_ref).map_err(Clone::clone))?;
    Ok(Standing { requirement, account: found.ok().flatten() })
}

/// Whether the second step applies to a user, for a session that never came by our authentication.
///
/// # Errors
/// The account could not be read.
pub fn applies(attempt: &Attempt, config: &Config, store: &impl Store, clock: &impl Clock) -> Result<bool, LoginError> {
    let now = clock.now();
    let context = attempt.context(now.wall, remembered::holds(attempt, config, store, now.uptime));
    Ok(!matches!(standing(&context, config, store)?.requirement, Requirement::NotAsked(_)))
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
    let context = attempt.context(clock.now().wall, None);
    Ok(standing(&context, config, store)?.requirement == Requirement::MustEnroll)
}

/// Why a login could not be taken through its second step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginError {
    /// The store gave no answer, or could not record one.
    Store(StoreError),
    /// The secret could not be opened.
    Seal(SealError),
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
        }
    }
}

impl std::error::Error for LoginError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Seal(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests;
