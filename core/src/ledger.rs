//! The ledger: what one user has spent and failed since boot, in one small file of fixed size.
//!
//! It is written in place at each attempt, without fsync, and it is the lock of the account. What is
//! lost with the file (a reboot, a wiped `/run`) is made good by the epoch: see [`Ledger::epoch_time`].

use std::time::Duration;

use crate::hex;
use crate::request::Use;
use crate::secret::{NoRandomness, Secret};
use crate::throttle::{Class, SLOTS, Slot, Source, Sums, Throttle};
use crate::time::{Moment, Step, Timestamp, Uptime};

pub(crate) mod bytes;
mod exchange;
mod slots;

use bytes::{Reader, Writer};
pub(crate) use exchange::ExchangePlace;
use exchange::JudgedAnswer;
pub use slots::{HOLDER_AT, Newest, ROOM, SIZE, SLOT, SLOTS_AT, newest, slot_at};

/// Codes of another time that are remembered, of all authenticators.
const SHOWN: usize = 32;
/// Authenticators whose spent steps fit.
const SPENT: usize = 32;
/// Application passwords whose last use fits.
const USES: usize = 50;
/// Addresses and services that are remembered.
const REMEMBERED: usize = 8;
/// Sessions in which a second step was passed, and tickets for one.
const SESSIONS: usize = 8;
/// How long a second step counts as a proof, in seconds.
const FRESH: u64 = 120;
/// Looks at a code that does not spend it, of which so many may be outstanding.
const PEEKS: u64 = 10;
/// How long each is remembered, in seconds: as many as that an hour.
const PEEK: u64 = 360;
/// What is gone from the account and is remembered.
const GONE: usize = 64;
/// Stands for a second step that was never passed.
const NOT_PASSED: u64 = u64::MAX;
/// Stands for a user that is not known yet. No user has this id.
const NOBODY: u32 = u32::MAX;

/// One user's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Whose it is. A name may pass to another user.
    uid: u32,
    /// Nothing that was spent before this moment is recorded here.
    pub epoch: Uptime,
    /// The last spent step of each authenticator, by id.
    pub spent: Vec<(String, Step)>,
    /// The last steps of authenticators, by id, whose codes were given and refused, since they were
    /// not of now: whoever saw them can give them too.
    shown: Vec<(String, Step)>,
    /// The failures.
    pub throttle: Throttle,
    /// Wrong answers since the last accepted one.
    pub wrong: Wrong,
    /// Those before it, until a login has shown them.
    pub unnoticed: Wrong,
    /// When the last second step was passed.
    passed: Option<Uptime>,
    /// From where a second step was passed, and until when it holds there, the latest last.
    remembered: Vec<(String, Uptime)>,
    /// The last use of each application password, by id, the latest last.
    uses: Vec<(String, Use)>,
    /// What was used up in the account or taken out of it: an old version of the file brings none back.
    gone: Vec<String>,
    /// The last answers of logins that were judged.
    exchanges: Vec<JudgedAnswer>,
    /// When all looks at a code are forgotten.
    peeks: Uptime,
    /// Looks that found no right code, since the last right one behind a password.
    vain_peeks: u32,
    /// In which sessions a second step was passed, and when, the latest last.
    sessions: Vec<(String, Uptime)>,
}

/// Wrong answers, for the notice at the next login.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wrong {
    /// How many.
    pub count: u32,
    /// Where the last one came from.
    pub source: String,
}

impl Ledger {
    /// An empty ledger that knows nothing of what was spent before `epoch`.
    #[must_use]
    pub fn new(epoch: Uptime, failures: Sums) -> Self {
        Self {
            uid: NOBODY,
            epoch,
            spent: Vec::new(),
            shown: Vec::new(),
            throttle: Throttle { gone: failures, ..Throttle::default() },
            wrong: Wrong::default(),
            unnoticed: Wrong::default(),
            passed: None,
            remembered: Vec::new(),
            uses: Vec::new(),
            gone: Vec::new(),
            exchanges: Vec::new(),
            peeks: Uptime(0),
            vain_peeks: 0,
            sessions: Vec::new(),
        }
    }

    /// Makes it this user's, whose account has so many failures. What another user of the same name
    /// failed and passed says nothing about this one; what was spent stays so.
    pub fn belong_to(&mut self, uid: u32, failures: Sums) {
        if self.uid != uid {
            let earlier = std::mem::replace(self, Self::new(self.epoch, failures));
            (self.spent, self.shown, self.gone) = (earlier.spent, earlier.shown, earlier.gone);
            self.uid = uid;
        }
    }

    /// Whether it says something about this user.
    #[must_use]
    pub fn is_of(&self, uid: u32) -> bool {
        self.uid == uid || self.uid == NOBODY
    }

    /// The step recorded for an authenticator.
    #[must_use]
    pub fn spent(&self, id: &str) -> Option<Step> {
        self.spent.iter().find(|(spent, _)| spent == id).map(|(_, step)| *step)
    }

    /// Records a step as spent; a recorded step never goes down.
    pub fn spend(&mut self, id: &str, step: Step) {
        match self.spent.iter_mut().find(|(spent, _)| spent == id) {
            Some((_, spent)) => *spent = (*spent).max(step),
            None => {
                if self.spent.len() == SPENT {
                    self.spent.remove(0);
                }
                self.spent.push((id.to_owned(), step));
            }
        }
    }

    /// Whether the code of this step was given and refused.
    #[must_use]
    pub fn was_shown(&self, id: &str, step: Step) -> bool {
        self.shown.iter().any(|(known, shown)| known == id && *shown == step)
    }

    /// Records that the code of a step was given and refused.
    pub fn show(&mut self, id: &str, step: Step) {
        if self.was_shown(id, step) {
            return;
        }
        if self.shown.len() == SHOWN {
            self.shown.remove(0);
        }
        self.shown.push((id.to_owned(), step));
    }

    /// Charges a look at whether a code is right that does not spend it, if one is left: of those in an hour, and of
    /// the `cap` that may find nothing. More than all of an hour outstanding comes from another boot, whose ledger
    /// was not cleared.
    #[must_use]
    pub fn charge_peek(&mut self, now: Uptime, cap: u32) -> bool {
        let outstanding = Some(self.peeks.since(now)).filter(|left| *left <= PEEKS * PEEK).unwrap_or(0);
        let is_left = outstanding <= (PEEKS - 1) * PEEK && self.vain_peeks < cap;
        if is_left {
            self.vain_peeks = self.vain_peeks.saturating_add(1);
            self.peeks = Uptime(now.0.saturating_add(outstanding).saturating_add(PEEK));
        }
        is_left
    }

    /// The last look found a right code.
    pub fn peek_found(&mut self) {
        self.vain_peeks = self.vain_peeks.saturating_sub(1);
    }

    /// Forgets all of them: who has the password gave a right code.
    pub fn forget_peeks(&mut self) {
        self.peeks = Uptime(0);
        self.vain_peeks = 0;
    }

    /// Records that a second step was passed.
    pub fn pass(&mut self, now: Uptime) {
        self.passed = Some(now);
    }

    /// Whether a second step was passed within the last two minutes.
    #[must_use]
    pub fn passed_just_now(&self, now: Uptime) -> bool {
        self.passed.is_some_and(|passed| passed <= now && now.since(passed) <= FRESH)
    }

    /// Remembers that a second step was passed from a place, and when.
    pub fn remember(&mut self, place: String, passed: Uptime) {
        put(&mut self.remembered, REMEMBERED, (place, passed));
    }

    /// Whether a second step that was passed from a place holds still, for as long as policy says now.
    #[must_use]
    pub fn remembers(&self, place: &str, now: Uptime, time: Duration) -> bool {
        holds(&self.remembered, place, now, time)
    }

    /// Records that a second step was passed in a session, or for who shows a ticket, and when.
    pub fn pass_in(&mut self, session: String, passed: Uptime) {
        put(&mut self.sessions, SESSIONS, (session, passed));
    }

    /// Whether a second step was passed in a session within so much time.
    #[must_use]
    pub fn passed_in(&self, session: &str, now: Uptime, time: Duration) -> bool {
        holds(&self.sessions, session, now, time)
    }

    /// When a second step was passed for who shows a ticket. It is gone then.
    pub fn take_pass(&mut self, ticket: &str) -> Option<Uptime> {
        let index = self.sessions.iter().position(|(known, _)| known == ticket)?;
        Some(self.sessions.remove(index).1)
    }

    /// Forgets every login: what was passed there counts no more, and is told to nobody again.
    pub fn forget_logins(&mut self) {
        self.remembered.clear();
        self.sessions.clear();
        self.exchanges.clear();
    }

    /// Records a use of an application password.
    pub fn use_app_password(&mut self, id: &str, used: Use) {
        self.uses.retain(|(known, _)| known != id);
        if self.uses.len() == USES {
            self.uses.remove(0);
        }
        self.uses.push((id.to_owned(), used));
    }

    /// Remembers what is gone from the account.
    pub fn lose(&mut self, what: impl Iterator<Item = String>) {
        for one in what {
            self.gone.retain(|known| *known != one);
            if self.gone.len() == GONE {
                self.gone.remove(0);
            }
            self.gone.push(one);
        }
    }

    /// Whether this is gone from the account.
    #[must_use]
    pub fn has_lost(&self, what: &str) -> bool {
        self.gone.iter().any(|known| known == what)
    }

    /// Forgets what is gone, but for what was used up: an administrator brings it back.
    pub fn regain(&mut self, is_used_up: impl Fn(&str) -> bool) {
        self.gone.retain(|known| is_used_up(known));
    }

    /// The last use of an application password since boot.
    #[must_use]
    pub fn last_use(&self, id: &str) -> Option<&Use> {
        self.uses.iter().find(|(known, _)| known == id).map(|(_, used)| used)
    }

    /// The wall clock's moment before which a step may have been spent without being recorded here.
    /// It counts elapsed time since boot, so a wall clock that was wrong when this ledger was made
    /// does not matter.
    #[must_use]
    pub fn epoch_time(&self, now: Moment) -> Timestamp {
        now.wall.before(now.uptime.since(self.epoch))
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Writer::new(&[]);
        body.u64(self.uid.into());
        body.u64(self.epoch.0);
        for steps in [&self.spent, &self.shown] {
            body.u32(steps.len());
            for (id, step) in steps {
                body.text(id);
                body.u64(step.0);
            }
        }
        let Sums { strangers, known, anyone, callers } = self.throttle.gone;
        [strangers, known, anyone].into_iter().for_each(|sum| body.u64(sum.into()));
        body.u32(self.throttle.slots.len());
        for slot in &self.throttle.slots {
            body.text(&slot.source);
            body.u64(class_number(slot.class));
            body.u64(slot.failures.into());
            body.u64(slot.until.0);
        }
        for wrong in [&self.wrong, &self.unnoticed] {
            body.u64(wrong.count.into());
            body.text(&wrong.source);
        }
        body.u64(self.passed.map_or(NOT_PASSED, |passed| passed.0));
        write_places(&self.remembered, &mut body);
        body.u32(self.uses.len());
        for (id, used) in &self.uses {
            body.text(id);
            body.u64(used.at.cast_unsigned());
            body.text(&used.source);
        }
        body.u32(self.gone.len());
        self.gone.iter().for_each(|gone| body.text(gone));
        exchange::write(&self.exchanges, &mut body);
        // Behind all else, where the version before this one does not look.
        body.u64(callers.into());
        body.u64(self.peeks.0);
        body.u64(self.vain_peeks.into());
        write_places(&self.sessions, &mut body);
        body.finish()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let uid = reader.count()?;
        let epoch = Uptime(reader.u64()?);
        let spent = reader.many(SPENT, Self::step)?;
        let shown = reader.many(SHOWN, Self::step)?;
        let (strangers, known, anyone) = (reader.count()?, reader.count()?, reader.count()?);
        let slots = reader.many(SLOTS, Self::slot)?;
        let wrong = Wrong { count: reader.count()?, source: reader.text()? };
        let unnoticed = Wrong { count: reader.count()?, source: reader.text()? };
        let passed = Some(reader.u64()?).filter(|passed| *passed != NOT_PASSED).map(Uptime);
        let remembered = reader.many(REMEMBERED, Self::place)?;
        let uses = reader.many(USES, Self::last_use_of)?;
        let lost = reader.many(GONE, Reader::text)?;
        let exchanges = exchange::read(reader)?;
        let gone = Sums { strangers, known, anyone, callers: reader.count().unwrap_or_default() };
        let peeks = Uptime(reader.u64().unwrap_or_default());
        let vain_peeks = reader.count().unwrap_or_default();
        let sessions = reader.many(SESSIONS, Self::place).unwrap_or_default();
        let throttle = Throttle { slots, gone };
        Some(Self {
            uid,
            epoch,
            spent,
            shown,
            throttle,
            wrong,
            unnoticed,
            passed,
            remembered,
            uses,
            gone: lost,
            exchanges,
            peeks,
            vain_peeks,
            sessions,
        })
    }

    fn step(reader: &mut Reader<'_>) -> Option<(String, Step)> {
        Some((reader.text()?, Step(reader.u64()?)))
    }

    fn place(reader: &mut Reader<'_>) -> Option<(String, Uptime)> {
        Some((reader.text()?, Uptime(reader.u64()?)))
    }

    fn last_use_of(reader: &mut Reader<'_>) -> Option<(String, Use)> {
        Some((reader.text()?, Use { at: reader.u64()?.cast_signed(), source: reader.text()? }))
    }

    fn slot(reader: &mut Reader<'_>) -> Option<Slot> {
        let source = reader.text()?;
        let class = class_of(reader.u64()?, &source)?;
        Some(Slot { source, class, failures: reader.count()?, until: Uptime(reader.u64()?) })
    }
}

/// Puts a place where a second step was passed behind all others; the oldest makes room.
fn put(places: &mut Vec<(String, Uptime)>, most: usize, (place, passed): (String, Uptime)) {
    places.retain(|(known, _)| *known != place);
    if places.len() == most {
        places.remove(0);
    }
    places.push((place, passed));
}

fn holds(places: &[(String, Uptime)], place: &str, now: Uptime, time: Duration) -> bool {
    places.iter().any(|(known, passed)| known == place && now < passed.after(time))
}

fn write_places(places: &[(String, Uptime)], body: &mut Writer) {
    body.u32(places.len());
    for (place, passed) in places {
        body.text(place);
        body.u64(passed.0);
    }
}

fn class_number(class: Class) -> u64 {
    match class {
        Class::Stranger => 0,
        Class::Known => 1,
        // Told apart by its name, which the version before this one takes for anyone's.
        Class::Anyone | Class::Caller => 2,
    }
}

fn class_of(number: u64, source: &str) -> Option<Class> {
    let anyone = if Source::is_name_of_a_callers(source) { Class::Caller } else { Class::Anyone };
    [Class::Stranger, Class::Known, anyone].into_iter().find(|class| class_number(*class) == number)
}

impl Wrong {
    /// Adds one wrong answer.
    pub fn add(&mut self, source: &str) {
        self.count = self.count.saturating_add(1);
        source.clone_into(&mut self.source);
    }
}

/// An authenticator's id: 8 random bytes in hex.
///
/// # Errors
/// The kernel gave no random bytes.
pub(crate) fn random_id() -> Result<String, NoRandomness> {
    Ok(hex::encode(Secret::random(8)?.expose()))
}

#[cfg(test)]
mod tests;
