//! A ledger as bytes. Its file begins with a record of who holds the lock, and has two slots, each
//! with a sequence number and a digest. A write goes to the older slot and a reader takes the newer
//! whole one, so a process that ends while it writes leaves the state before.

use std::io;

use sha2::{Digest, Sha256};

use super::Ledger;
use super::bytes::Reader;

/// Bytes of a slot.
pub const SLOT: usize = 24_576 - SLOTS_AT;
/// Bytes at the beginning of a slot that have room on the disk from the beginning.
pub const ROOM: usize = 4096;
/// Bytes of a ledger file: the record of its holder, and two slots.
pub const SIZE: usize = SLOTS_AT + 2 * SLOT;
/// Where the record of the lock's holder is.
pub const HOLDER_AT: u64 = 0;
/// Bytes of that record, and where the first slot begins.
pub const SLOTS_AT: usize = 64;
/// Bytes of a slot that most ledgers fit in.
const MOSTLY: usize = 1024;
/// First bytes of every slot of this form.
const MAGIC: &[u8; 8] = b"2step-06";
/// Magic, sequence number, length, digest.
const HEADER: usize = 8 + 8 + 4 + 16;

/// What a ledger file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// The number of the newer slot.
    pub sequence: u64,
    /// The ledger there.
    pub ledger: Box<Ledger>,
    /// Whether the other slot is damaged: it may have held what was recorded last.
    pub may_be_behind: bool,
}

/// A slot, as it was read.
enum SlotState {
    Whole(u64, Box<Ledger>),
    /// Nothing was written to it yet.
    Unused,
    /// Its writer ended too early, or something else changed it.
    Damaged,
}

/// The newer of the two slots, if one is whole. `read` fills the bytes with those from this place on.
pub fn newest(read: impl Fn(&mut [u8], u64) -> io::Result<()>) -> Option<Newest> {
    let newest = |sequence, ledger, may_be_behind| Some(Newest { sequence, ledger, may_be_behind });
    match (slot(&read, slot_at(0)), slot(&read, slot_at(1))) {
        (SlotState::Whole(one, _), SlotState::Whole(other, ledger)) if other > one => newest(other, ledger, false),
        (SlotState::Whole(sequence, ledger), other) | (other, SlotState::Whole(sequence, ledger)) => {
            newest(sequence, ledger, matches!(other, SlotState::Damaged))
        }
        _ => None,
    }
}

/// The slot that begins here. Of most slots it is the first few bytes that count.
fn slot(read: impl Fn(&mut [u8], u64) -> io::Result<()>, at: u64) -> SlotState {
    let mut bytes = vec![0; MOSTLY];
    if read(&mut bytes, at).is_err() {
        return SlotState::Damaged;
    }
    if bytes.iter().all(|byte| *byte == 0) {
        return SlotState::Unused;
    }
    if let Some(length) = Ledger::slot_length(&bytes).filter(|length| *length > MOSTLY) {
        bytes.resize(length, 0);
        let rest = bytes.get_mut(MOSTLY..).unwrap_or_default();
        if read(rest, at + MOSTLY as u64).is_err() {
            return SlotState::Damaged;
        }
    }
    Ledger::from_slot(&bytes)
        .map_or(SlotState::Damaged, |(sequence, ledger)| SlotState::Whole(sequence, Box::new(ledger)))
}

/// Where the slot of this sequence number begins: the two take turns.
#[must_use]
pub fn slot_at(sequence: u64) -> u64 {
    (SLOTS_AT + if sequence.is_multiple_of(2) { 0 } else { SLOT }) as u64
}

impl Ledger {
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
}

/// The first half of SHA-256: it tells a torn or foreign slot, not an attacker, who cannot write it.
fn digest(sequence: u64, body: &[u8]) -> [u8; 16] {
    let whole = Sha256::new().chain_update(sequence.to_le_bytes()).chain_update(body).finalize();
    let mut half = [0; 16];
    half.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    half
}
