//! The ledger: what one user has spent and failed since boot, in one small file of fixed size.
//!
//! It is written in place at each attempt, without fsync, and it is the lock of the account. Its
//! file has two [slots](SLOT); each write goes to the older one, so a process that dies while it
//! writes leaves the other one whole. What is lost with the file (a reboot, a wiped `/run`) is made
//! good by the floor: see [`Ledger::floor`].

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::hex;
use crate::request::Use;
use crate::secret::{NoRandomness, Secret};
use crate::throttle::{Class, SLOTS, Slot, Sums, Throttle};
use crate::time::{Moment, Step, Timestamp, Uptime};

pub(crate) mod bytes;
mod exchange;

use bytes::{Reader, Writer};
use exchange::Exchange;
pub(crate) use exchange::ExchangePlace;

/// Bytes of a slot.
pub const SLOT: usize = 24_576 - SLOTS_AT;
/// Bytes at the beginning of a slot that have room on the disk from the beginning.
pub const ROOM: usize = 4096;
/// Bytes of a ledger file: the count of takings of the lock, and two slots.
pub const SIZE: usize = SLOTS_AT + 2 * SLOT;
/// Where the count of takings is.
pub const TAKINGS_AT: u64 = 0;
/// Where the first slot begins.
const SLOTS_AT: usize = 64;
/// Codes of another time that are remembered, of all authenticators.
const SHOWN: usize = 32;
/// Authenticators whose spent steps fit.
const SPENT: usize = 32;
/// Application passwords whose last use fits.
const USES: usize = 50;
/// Addresses and services that are remembered.
const REMEMBERED: usize = 8;
/// How long a second step stands in for a proof, in seconds.
const FRESH: u64 = 120;
/// What is gone from the account and is remembered.
const GONE: usize = 64;
/// Superseded incarnations that are remembered by name.
const SUPERSEDED: usize = 100;
/// Stands for a second step that was never passed.
const NOT_PASSED: u64 = u64::MAX;
/// Stands for all that are too many to remember. No incarnation has this number.
pub const ANY_OTHER: u64 = 0;
/// First bytes of every slot of this form.
const MAGIC: &[u8; 8] = b"2step-05";
/// Magic, sequence number, length, digest.
const HEADER: usize = 8 + 8 + 4 + 16;

/// One user's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Names this incarnation; a taken-over ledger gets another one.
    pub generation: u64,
    /// Incarnations whose holders stood still and may still have a file to put in place.
    pub superseded: Vec<u64>,
    /// Nothing that was spent before this moment is recorded here.
    pub floor: Uptime,
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
    exchanges: Vec<Exchange>,
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
    /// An empty ledger that knows nothing of what was spent before `floor`.
    ///
    /// # Errors
    /// The kernel gave no random bytes.
    pub fn new(floor: Uptime, failures: Sums) -> Result<Self, NoRandomness> {
        Ok(Self {
            generation: random_generation()?,
            superseded: Vec::new(),
            floor,
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
        })
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
        self.remembered.retain(|(known, _)| *known != place);
        if self.remembered.len() == REMEMBERED {
            self.remembered.remove(0);
        }
        self.remembered.push((place, passed));
    }

    /// Whether a second step that was passed from a place holds still, for as long as policy says now.
    #[must_use]
    pub fn remembers(&self, place: &str, now: Uptime, time: Duration) -> bool {
        self.remembered.iter().any(|(known, passed)| known == place && now < passed.after(time))
    }

    /// Forgets every place: whatever was passed there counts no more.
    pub fn forget_places(&mut self) {
        self.remembered.clear();
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
    pub fn floor(&self, now: Moment) -> Timestamp {
        now.wall.before(now.uptime.since(self.floor))
    }

    /// Takes over what another incarnation recorded; it is superseded by this one.
    pub fn merge(&mut self, other: &Self) {
        for generation in other.superseded.iter().chain([&other.generation]) {
            if !self.superseded.contains(generation) {
                self.superseded.push(*generation);
            }
        }
        if self.superseded.len() > SUPERSEDED || self.superseded.contains(&ANY_OTHER) {
            self.superseded = vec![ANY_OTHER];
        }
        for (id, step) in &other.spent {
            self.spend(id, *step);
        }
        for (id, step) in &other.shown {
            self.show(id, *step);
        }
        self.floor = other.floor;
        self.throttle = other.throttle.clone();
        self.wrong = other.wrong.clone();
        self.unnoticed = other.unnoticed.clone();
        self.passed = other.passed;
        self.remembered.clone_from(&other.remembered);
        self.uses.clone_from(&other.uses);
        self.lose(other.gone.iter().cloned());
        self.exchanges.clone_from(&other.exchanges);
    }

    /// The bytes of a slot that count. What is behind them in the slot does not.
    #[must_use]
    pub fn to_slot(&self, sequence: u64) -> Vec<u8> {
        let body = self.body();
        let mut bytes = Vec::with_capacity(HEADER + body.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&sequence.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&digest(sequence, &body));
        bytes.extend_from_slice(&body);
        bytes
    }

    /// How many bytes of a slot count, by its first ones.
    #[must_use]
    pub fn slot_length(first: &[u8]) -> Option<usize> {
        let mut header = Reader::new(first.get(..HEADER)?, MAGIC)?;
        header.take(8)?;
        let length = HEADER.checked_add(usize::try_from(header.u32()?).ok()?)?;
        Some(length).filter(|length| *length <= SLOT)
    }

    /// Reads a slot's bytes, with its sequence number; `None` if they are anything but a whole ledger.
    #[must_use]
    pub fn from_slot(bytes: &[u8]) -> Option<(u64, Self)> {
        let body = bytes.get(HEADER..Self::slot_length(bytes)?)?;
        let mut header = Reader::new(bytes.get(..HEADER)?, MAGIC)?;
        let sequence = header.u64()?;
        header.take(4)?;
        if header.take(16)? != digest(sequence, body) {
            return None;
        }
        Some((sequence, Self::read(&mut Reader::new(body, &[])?)?))
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Writer::new(&[]);
        body.u64(self.generation);
        body.u32(self.superseded.len());
        self.superseded.iter().for_each(|generation| body.u64(*generation));
        body.u64(self.floor.0);
        for steps in [&self.spent, &self.shown] {
            body.u32(steps.len());
            for (id, step) in steps {
                body.text(id);
                body.u64(step.0);
            }
        }
        body.u64(self.throttle.gone.strangers.into());
        body.u64(self.throttle.gone.known.into());
        body.u64(self.throttle.gone.anyone.into());
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
        body.u32(self.remembered.len());
        for (place, passed) in &self.remembered {
            body.text(place);
            body.u64(passed.0);
        }
        body.u32(self.uses.len());
        for (id, used) in &self.uses {
            body.text(id);
            body.u64(used.at.cast_unsigned());
            body.text(&used.source);
        }
        body.u32(self.gone.len());
        self.gone.iter().for_each(|gone| body.text(gone));
        exchange::write(&self.exchanges, &mut body);
        body.finish()
    }
}

impl Ledger {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let generation = reader.u64()?;
        let superseded = reader.many(SUPERSEDED, Reader::u64)?;
        let floor = Uptime(reader.u64()?);
        let spent = reader.many(SPENT, Self::step)?;
        let shown = reader.many(SHOWN, Self::step)?;
        let gone = Sums { strangers: reader.count()?, known: reader.count()?, anyone: reader.count()? };
        let slots = reader.many(SLOTS, Self::slot)?;
        let wrong = Wrong { count: reader.count()?, source: reader.text()? };
        let unnoticed = Wrong { count: reader.count()?, source: reader.text()? };
        let passed = Some(reader.u64()?).filter(|passed| *passed != NOT_PASSED).map(Uptime);
        let remembered = reader.many(REMEMBERED, |reader| Some((reader.text()?, Uptime(reader.u64()?))))?;
        let uses = reader.many(USES, Self::last_use_of)?;
        let throttle = Throttle { slots, gone };
        let gone = reader.many(GONE, Reader::text)?;
        let exchanges = exchange::read(reader)?;
        Some(Self {
            generation,
            superseded,
            floor,
            spent,
            shown,
            throttle,
            wrong,
            unnoticed,
            passed,
            remembered,
            uses,
            gone,
            exchanges,
        })
    }

    fn step(reader: &mut Reader<'_>) -> Option<(String, Step)> {
        Some((reader.text()?, Step(reader.u64()?)))
    }

    fn last_use_of(reader: &mut Reader<'_>) -> Option<(String, Use)> {
        Some((reader.text()?, Use { at: reader.u64()?.cast_signed(), source: reader.text()? }))
    }

    fn slot(reader: &mut Reader<'_>) -> Option<Slot> {
        let source = reader.text()?;
        let class = class_of(reader.u64()?)?;
        Some(Slot { source, class, failures: reader.count()?, until: Uptime(reader.u64()?) })
    }
}

fn class_number(class: Class) -> u64 {
    match class {
        Class::Stranger => 0,
        Class::Known => 1,
        Class::Anyone => 2,
    }
}

fn class_of(number: u64) -> Option<Class> {
    [Class::Stranger, Class::Known, Class::Anyone].into_iter().find(|class| class_number(*class) == number)
}

impl Wrong {
    /// Adds one wrong answer.
    pub fn add(&mut self, source: &str) {
        self.count = self.count.saturating_add(1);
        source.clone_into(&mut self.source);
    }
}

/// A number that no other incarnation has.
fn random_generation() -> Result<u64, NoRandomness> {
    let random = Secret::random(8)?;
    let number = random.expose().iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    Ok(number.max(ANY_OTHER + 1))
}

/// Where the slot of this sequence number begins: the two take turns.
#[must_use]
pub fn slot_at(sequence: u64) -> u64 {
    (SLOTS_AT + if sequence.is_multiple_of(2) { 0 } else { SLOT }) as u64
}

/// The first half of SHA-256: it tells a torn or foreign slot, not an attacker, who cannot write it.
fn digest(sequence: u64, body: &[u8]) -> [u8; 16] {
    let whole = Sha256::new().chain_update(sequence.to_le_bytes()).chain_update(body).finalize();
    let mut half = [0; 16];
    half.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    half
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
