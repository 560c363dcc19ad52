//! How often refused application passwords are logged: a mail client with an old password tries
//! for days, and each try is worth no line of its own.
//!
//! The first ten of a source are logged; after these, one line a minute, with how many there were
//! since the last. A source that was quiet for an hour starts over, and when there are too many
//! sources, newcomers share one count. The count is in a small file beside the user's ledger, so
//! that no try takes the lock of the account.

use crate::audit::Line;
use crate::ledger::bytes::{Reader, Writer};
use crate::time::Uptime;

/// Sources that are told apart.
const SLOTS: usize = 32;
/// The source that newcomers share. It is no source's name.
const NEWCOMERS: &str = "*";
/// Refusals of one source that are logged each.
const EACH: u32 = 10;
/// Seconds between two lines after those.
const MINUTE: u64 = 60;
/// Seconds of quiet after which a source starts over.
const QUIET: u64 = 3600;
/// First bytes of every file of this form.
const MAGIC: &[u8; 8] = b"2refuse1";
/// Most bytes of a file.
pub const SIZE: usize = 4096;

/// Refused application passwords of one user, by source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusals {
    slots: Vec<Slot>,
    /// Not logged, of sources that started over since.
    forgotten: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Slot {
    source: String,
    count: u32,
    unlogged: u32,
    last: Uptime,
    logged: Uptime,
}

/// What the log gets of one refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// A line, with how many there were since the last one that it does not count.
    Line {
        /// How many were not logged.
        unlogged: u32,
    },
    /// Nothing: the next line counts it.
    Counted,
}

impl Told {
    /// A line about this refusal alone.
    pub const ALONE: Self = Self::Line { unlogged: 0 };

    /// The line about this refusal, if the log gets one.
    #[must_use]
    pub fn line(self, line: Line) -> Option<Line> {
        match self {
            Self::Counted => None,
            Self::Line { unlogged: 0 } => Some(line),
            Self::Line { unlogged } => Some(line.with("unlogged", unlogged)),
        }
    }
}

impl Refusals {
    /// Counts one more refusal of a source.
    pub fn count(&mut self, source: &str, now: Uptime) -> Told {
        let is_quiet = |slot: &Slot| slot.last > now || now.since(slot.last) >= QUIET;
        let quiet = self.slots.extract_if(.., |slot| is_quiet(slot)).map(|slot| slot.unlogged);
        self.forgotten = quiet.fold(self.forgotten, u32::saturating_add);
        let slot = self.slot_of(source, now);
        slot.count = slot.count.saturating_add(1);
        slot.last = now;
        let told = if slot.count <= EACH || now.since(slot.logged) >= MINUTE {
            slot.logged = now;
            Told::Line { unlogged: std::mem::take(&mut slot.unlogged) }
        } else {
            slot.unlogged = slot.unlogged.saturating_add(1);
            Told::Counted
        };
        match told {
            Told::Line { unlogged } => {
                Told::Line { unlogged: unlogged.saturating_add(std::mem::take(&mut self.forgotten)) }
            }
            Told::Counted => told,
        }
    }

    /// The count of a source; one that finds no room has that of all newcomers.
    fn slot_of(&mut self, source: &str, now: Uptime) -> &mut Slot {
        let find = |slots: &[Slot], source: &str| slots.iter().position(|slot| slot.source == source);
        let source = match find(&self.slots, source) {
            None if self.slots.len() + 1 >= SLOTS => NEWCOMERS,
            _ => source,
        };
        let index = find(&self.slots, source).unwrap_or_else(|| {
            self.slots.push(Slot { source: source.to_owned(), count: 0, unlogged: 0, last: now, logged: now });
            self.slots.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the index was found or pushed just above")]
        &mut self.slots[index]
    }

    /// The file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Writer::new(MAGIC);
        bytes.u64(self.forgotten.into());
        bytes.u32(self.slots.len());
        for slot in &self.slots {
            bytes.text(&slot.source);
            bytes.u64(slot.count.into());
            bytes.u64(slot.unlogged.into());
            bytes.u64(slot.last.0);
            bytes.u64(slot.logged.0);
        }
        bytes.finish()
    }

    /// Reads a file's bytes; what is no such file says nothing.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Reader::new(bytes, MAGIC).and_then(|mut reader| Self::read(&mut reader)).unwrap_or_default()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { forgotten: reader.count()?, slots: reader.many(SLOTS, Self::slot)? })
    }

    fn slot(reader: &mut Reader<'_>) -> Option<Slot> {
        Some(Slot {
            source: reader.text()?,
            count: reader.count()?,
            unlogged: reader.count()?,
            last: Uptime(reader.u64()?),
            logged: Uptime(reader.u64()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(refusals: &mut Refusals, now: u64) -> Told {
        refusals.count("192.0.2.1", Uptime(now))
    }

    #[test]
    fn ten_lines_and_then_one_a_minute() {
        let mut refusals = Refusals::default();
        for now in 100..110 {
            assert_eq!(told(&mut refusals, now), Told::ALONE);
        }
        for now in 110..169 {
            assert_eq!(told(&mut refusals, now), Told::Counted);
        }
        assert_eq!(refusals.count("192.0.2.2", Uptime(168)), Told::ALONE);
        assert_eq!(told(&mut refusals, 169), Told::Line { unlogged: 59 });
        assert_eq!(told(&mut refusals, 170), Told::Counted);
        assert_eq!(told(&mut refusals, 229), Told::Line { unlogged: 1 });
    }

    #[test]
    fn an_hour_of_quiet_is_a_new_beginning() {
        let mut refusals = Refusals::default();
        let lines = (0..25).filter(|_| told(&mut refusals, 100) == Told::ALONE).count();
        assert_eq!(lines, 10);
        assert_eq!(told(&mut refusals, 100 + QUIET), Told::Line { unlogged: 15 }, "none is lost");
        assert_eq!(told(&mut refusals, 100 + QUIET), Told::ALONE);
    }

    #[test]
    fn newcomers_share_one_count_when_there_are_too_many() {
        let mut refusals = Refusals::default();
        let lines = (0..1000).filter(|number| refusals.count(&number.to_string(), Uptime(5)) == Told::ALONE).count();
        assert_eq!(lines, SLOTS - 1 + 10);
        assert_eq!(refusals.slots.len(), SLOTS);
    }

    #[test]
    fn another_boot_is_a_new_beginning() {
        let mut refusals = Refusals::default();
        let lines = (0..10).filter(|_| told(&mut refusals, 1_000_000) == Told::ALONE).count();
        assert_eq!(lines, 10);
        assert_eq!(told(&mut refusals, 5), Told::ALONE);
    }

    #[test]
    fn what_is_written_is_read_and_fits() {
        let mut refusals = Refusals::default();
        for number in 0..50 {
            refusals.count(&format!("{number:069}"), Uptime(number));
        }
        let bytes = refusals.to_bytes();
        assert!(bytes.len() <= SIZE, "{}", bytes.len());
        assert_eq!(Refusals::from_bytes(&bytes), refusals);
        assert_eq!(refusals.slots.len(), SLOTS);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..100) {
            let _ = Refusals::from_bytes(&bytes);
            let mut refusals = Refusals::default();
            refusals.count("local", Uptime(1));
            let whole = refusals.to_bytes();
            let _ = Refusals::from_bytes(whole.get(..cut).unwrap_or_default());
        }
    }
}
