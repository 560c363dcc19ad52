//! What a verification code proves: now, a while ago, or as the one that follows another.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::account::{Authenticator, Progress};
use crate::otp;
use crate::request::Kind;
use crate::seal::{SealError, SealKey};
use crate::secret::{Secret, Typed};
use crate::store::{Held, Keep};
use crate::time::{Step, Timestamp};

use super::{Factor, Question, Rejection, Verdict, count_wrong, passed};

/// Codes of a device that counts among which one is looked for that is not judged.
const PEEKED_PRESSES: u64 = 3;

/// A code that is right, though not now: the device's clock is off, or its button was pressed many
/// times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misplaced {
    /// The authenticator's label.
    pub authenticator: String,
    /// What its codes move with.
    pub kind: Kind,
    /// Steps from the host's clock, or from the counter: below zero if the code is of the past.
    pub ahead: i64,
    /// Seconds of a step; zero for a device that counts.
    pub period: u64,
    /// What became of the code that followed, if it was refused.
    pub then: Option<Cow<'static, str>>,
    /// Steps until the device shows a code that is newer than the last one spent.
    pub stale: u64,
    id: String,
    /// When it was given.
    at: Timestamp,
    /// The steps that it may be of, newer than all that were spent, and not given before.
    fresh: Vec<Step>,
}

impl Misplaced {
    /// The same, when what followed was refused for this reason.
    pub(super) fn followed_by(self, reason: &'static str) -> Self {
        Self { then: Some(reason.into()), ..self }
    }

    /// Whether the device's next code would prove it.
    #[must_use]
    pub fn may_be_followed(&self) -> bool {
        !self.fresh.is_empty()
    }
}

/// An authenticator whose codes have as many digits as the one that was typed, its secret opened.
struct Tried<'a> {
    one: &'a Authenticator,
    code: &'a Typed,
    secret: Secret,
}

impl<'a> Tried<'a> {
    fn open(one: &'a Authenticator, code: &'a Typed, held: &Held, key: &SealKey) -> Result<Option<Self>, SealError> {
        if code.expose().len() != usize::from(one.digits) {
            return Ok(None);
        }
        let secret = key.open(&one.secret, one.belongs(held.name.as_str()))?;
        Ok(Some(Self { one, code, secret }))
    }

    fn matches(&self, window: otp::Window) -> Vec<Step> {
        otp::matching_steps(&self.secret, self.one.parameters(), self.code.expose(), window)
    }

    /// Records that these were given: nobody gives them a second time. What was used is known anyway.
    fn note(&self, steps: &[Step], held: &mut Held) {
        let spent = held.ledger.spent(&self.one.id);
        let unknown = steps.iter().filter(|step| spent.is_none_or(|spent| **step > spent));
        unknown.for_each(|step| held.ledger.show(&self.one.id, *step));
    }

    /// Those newer than all that were spent, and not given before as codes of another time.
    fn unspent(&self, window: otp::Window, held: &Held, question: &Question<'_>) -> Vec<Step> {
        self.fresh(self.matches(window), held, question)
    }

    fn fresh(&self, matches: Vec<Step>, held: &Held, question: &Question<'_>) -> Vec<Step> {
        let first = held.first_fresh(self.one, question.now, question.config.totp.window);
        let is_fresh = |step: &Step| *step >= first && !held.ledger.was_shown(&self.one.id, *step);
        matches.into_iter().filter(is_fresh).collect()
    }
}

/// The authenticators that a code may be of. A secret that does not open hides none of the others.
struct Candidates<'a> {
    tried: Vec<Tried<'a>>,
    trouble: Option<SealError>,
}

impl<'a> Candidates<'a> {
    fn of(authenticators: &'a [Authenticator], code: &'a Typed, held: &Held, key: &SealKey) -> Self {
        let mut all = Self { tried: Vec::new(), trouble: None };
        for one in authenticators {
            match Tried::open(one, code, held, key) {
                Ok(tried) => all.tried.extend(tried),
                Err(error) => all.trouble = Some(error),
            }
        }
        all
    }

    /// Counts a wrong answer that was held against one of them at least, although another one's secret
    /// does not open: it was a guess all the same.
    fn count_guess(&self, held: &mut Held, question: &Question<'_>) {
        if !self.tried.is_empty() {
            count_wrong(held, question);
        }
    }
}

/// Every authenticator is tried, whichever matches.
pub(super) fn judge(held: &mut Held, code: &Typed, question: &Question<'_>) -> Result<Verdict, SealError> {
    let key = question.key.as_ref().map_err(Clone::clone)?;
    let authenticators = authenticators(held);
    let candidates = Candidates::of(&authenticators, code, held, key);
    let (mut fresh, mut spent) = (None, None);
    for tried in &candidates.tried {
        let (now, either_side) = (question.now.wall, question.config.totp.window);
        let first = held.first_fresh(tried.one, question.now, either_side);
        match tried.unspent(tried.one.window(now, either_side), held, question).last() {
            Some(step) => fresh = Some((tried.one, *step)),
            // One step more either side: what was learned may have moved the window.
            None => {
                let near = tried.matches(tried.one.window(now, either_side + 1));
                let is_used = |step: &Step| *step < first || held.ledger.was_shown(&tried.one.id, *step);
                if near.iter().any(is_used) {
                    tried.note(&near, held);
                    spent = Some(tried.one);
                }
            }
        }
    }
    match (fresh, spent, candidates.trouble.clone()) {
        (Some((one, step)), _, _) => {
            learn(held, one, step, question);
            held.spend(one, step);
            Ok(accept(held, one, None, question))
        }
        (None, Some(one), _) => {
            let (authenticator, host_clock) = (one.label.clone(), question.doubt(held));
            Ok(Verdict::Refused(Rejection::Spent { authenticator, host_clock }))
        }
        (None, None, Some(error)) => {
            candidates.count_guess(held, question);
            Err(error)
        }
        (None, None, None) => Ok(refuse(held, &candidates.tried, question)),
    }
}

/// Whether a code is right now, and unspent. Of a device that counts, the next three.
pub(super) fn is_right(held: &Held, code: &Typed, question: &Question<'_>) -> bool {
    let Ok(key) = question.key.as_ref() else { return false };
    let authenticators = authenticators(held);
    let candidates = Candidates::of(&authenticators, code, held, key);
    let window = |one: &Authenticator| match one.progress {
        Progress::Time { .. } => one.window(question.now.wall, question.config.totp.window),
        Progress::Counter { next } => otp::Window::around(next, 0, PEEKED_PRESSES - 1),
    };
    // Every authenticator is tried, whichever matches.
    let right = candidates.tried.iter().filter(|tried| !tried.unspent(window(tried.one), held, question).is_empty());
    right.count() > 0
}

/// Whether a code is the one that follows `first`: then both together pass, and put the device right.
/// `None` if it is not, or came too late or too early for that.
pub(super) fn follows(
    held: &mut Held,
    first: &Misplaced,
    code: &Typed,
    question: &Question<'_>,
) -> Result<Option<Verdict>, SealError> {
    let key = question.key.as_ref().map_err(Clone::clone)?;
    let authenticators = authenticators(held);
    let Some(one) = authenticators.iter().find(|one| one.id == first.id) else { return Ok(None) };
    let Some(tried) = Tried::open(one, code, held, key)? else { return Ok(None) };
    let found = first.fresh.iter().map(|step| step.shifted(1)).find(|next| {
        !tried.unspent(otp::Window::around(*next, 0, 0), held, question).is_empty()
            && keeps_pace(one, first.at, *next, question.now.wall)
    });
    let Some(step) = found else { return Ok(None) };
    let ahead = one.ahead(step, question.now.wall);
    if !put_right(held, one, step, question) {
        return Ok(None);
    }
    if let Some(account) = held.account.as_mut() {
        account.record(question.now.wall, "resynchronized", &one.label);
    }
    Ok(Some(accept(held, one, Some(ahead), question)))
}

/// Two codes at once: whether they follow each other, and so tell where the device is.
pub(super) fn pair(
    held: &mut Held,
    (first, second): (&Typed, &Typed),
    question: &Question<'_>,
) -> Result<Verdict, SealError> {
    let key = question.key.as_ref().map_err(Clone::clone)?;
    let authenticators = authenticators(held);
    let candidates = Candidates::of(&authenticators, first, held, key);
    for tried in &candidates.tried {
        let fresh = tried.unspent(tried.one.reach(question.now.wall, question.range()), held, question);
        let Some(newest) = fresh.last().copied() else { continue };
        let first = misplaced(tried.one, newest, fresh, 0, question);
        tried.note(&first.fresh, held);
        if let Some(verdict) = follows(held, &first, second, question)? {
            return Ok(verdict);
        }
    }
    if let Some(error) = candidates.trouble.clone() {
        candidates.count_guess(held, question);
        return Err(error);
    }
    count_wrong(held, question);
    Ok(Verdict::Refused(Rejection::NotConsecutive { host_clock: question.doubt(held) }))
}

/// Refuses a code that no window holds, and says where it is right if it is right anywhere near.
fn refuse(held: &mut Held, candidates: &[Tried<'_>], question: &Question<'_>) -> Verdict {
    let mut found: Option<Misplaced> = None;
    if !question.range().is_zero() {
        for tried in candidates {
            let reach = tried.one.reach(question.now.wall, question.range());
            let matches = tried.matches(reach);
            let fresh = tried.fresh(matches.clone(), held, question);
            tried.note(&matches, held);
            let distance = |step: &&Step| tried.one.ahead(**step, question.now.wall).unsigned_abs();
            let Some(nearest) = matches.iter().min_by_key(distance) else { continue };
            let first = held.first_fresh(tried.one, question.now, question.config.totp.window);
            let stale = first.0.saturating_sub(nearest.0);
            let this = misplaced(tried.one, *nearest, fresh, stale, question);
            found = found.filter(Misplaced::may_be_followed).or(Some(this));
        }
    }
    count_wrong(held, question);
    let host_clock = question.doubt(held);
    match found {
        None => Verdict::Refused(Rejection::Wrong { host_clock }),
        Some(found) => Verdict::Refused(Rejection::Misplaced { code: found, host_clock }),
    }
}

fn misplaced(one: &Authenticator, step: Step, fresh: Vec<Step>, stale: u64, question: &Question<'_>) -> Misplaced {
    let (kind, period) = match one.progress {
        Progress::Time { period, .. } => (Kind::Totp, period),
        Progress::Counter { .. } => (Kind::Hotp, 0),
    };
    let (id, authenticator) = (one.id.clone(), one.label.clone());
    let ahead = one.ahead(step, question.now.wall);
    Misplaced { authenticator, kind, ahead, period, then: None, stale, id, at: question.now.wall, fresh }
}

/// Whether the code that follows another came when the device showed it: its clock goes on as ours
/// does. One step of play is left for who types at the edge of a step.
fn keeps_pace(one: &Authenticator, first: Timestamp, next: Step, now: Timestamp) -> bool {
    match one.progress {
        Progress::Time { .. } => (one.ahead(next, now) - one.ahead(next, first) + 1).abs() <= 1,
        Progress::Counter { .. } => true,
    }
}

/// Records where the device is, with the step of the second code. Whether that is near enough.
fn put_right(held: &mut Held, one: &Authenticator, step: Step, question: &Question<'_>) -> bool {
    let now = question.now.wall;
    let Progress::Time { period, .. } = one.progress else {
        held.spend(one, step);
        return true;
    };
    let ahead = one.ahead(step, now);
    let is_near = ahead.unsigned_abs().saturating_mul(period) <= question.range().as_secs();
    let Some(drift) = i32::try_from(ahead).ok().filter(|_| is_near) else { return false };
    let progress = Progress::Time { period, drift, spent: step, resynchronized_at: Some(now) };
    let corrected = Authenticator { progress: progress.clone(), ..one.clone() };
    held.proceed(&one.id, progress, Keep::Account);
    held.spend(&corrected, step);
    true
}

/// Follows a device's clock by one step, when an accepted code is half a step or more from now, which
/// slow typing alone hardly explains. The step of this code is recorded as spent with it, so no spent
/// one is opened.
fn learn(held: &mut Held, one: &Authenticator, step: Step, question: &Question<'_>) {
    let Progress::Time { period, drift, resynchronized_at, .. } = one.progress else { return };
    let now = question.now.wall;
    let into = now.0.rem_euclid(period.cast_signed());
    let off = step.0.cast_signed() - one.expected(now).0.cast_signed();
    let far = period.cast_signed() / 2;
    let by = match off.signum() {
        -1 if into - (off + 1) * period.cast_signed() >= far => -1,
        1 if off * period.cast_signed() - into >= far => 1,
        _ => return,
    };
    let progress = Progress::Time { period, drift: drift.saturating_add(by), spent: step, resynchronized_at };
    held.proceed(&one.id, progress, Keep::AccountIfPossible);
}

fn accept(held: &mut Held, one: &Authenticator, corrected: Option<i64>, question: &Question<'_>) -> Verdict {
    held.ledger.throttle.succeed(question.source);
    passed(held, question);
    let kind = match one.progress {
        Progress::Time { .. } => Kind::Totp,
        Progress::Counter { .. } => Kind::Hotp,
    };
    Verdict::Accepted(Factor::Code { authenticator: one.label.clone(), kind, digits: one.digits, corrected })
}

fn authenticators(held: &Held) -> Vec<Authenticator> {
    held.account.as_ref().map_or_else(Vec::new, |account| account.authenticators.clone())
}
