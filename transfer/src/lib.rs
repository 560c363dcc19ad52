//! What other programs and other hosts know of users, read from their files. Nothing here touches an
//! account: each format is a function of a text.

#![forbid(unsafe_code)]

pub mod backup;
pub mod batch;
pub mod google;
mod key;
mod messages;
pub mod migration;
pub mod oath;
pub mod uri;

use twostep_core::account::Progress;
use twostep_core::enroll::ImportedDevice;
use twostep_core::secret::Secret;
use twostep_core::time::{Step, Timestamp};

/// Fewest bits of a key that is not weak (RFC 4226 §4, R6).
pub const BITS: usize = 128;
/// The highest counter of a device.
const MOST_PRESSES: u64 = 1 << 48;

/// A device of a user.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where it was read: a line, or a file.
    pub at: String,
    /// Whose it is, where the format says it.
    pub user: Option<String>,
    /// The device.
    pub device: ImportedDevice,
    /// What does not carry over, a sentence each.
    pub hints: Vec<String>,
}

/// Something that is no device, or none of this host's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where it was read.
    pub at: String,
    /// Whose it is, as far as it says it.
    pub user: Option<String>,
    /// What is wrong with it. It never holds a secret.
    pub why: String,
}

/// One of them.
pub type Read = Result<Entry, Mistake>;

impl Entry {
    /// Whether its key is shorter than it should be.
    pub fn is_weak(&self) -> bool {
        self.device.secret.expose().len() * 8 < BITS
    }
}

impl Mistake {
    /// What is wrong there.
    pub fn new(at: impl ToString, why: impl Into<String>) -> Self {
        Self { at: at.to_string(), user: None, why: why.into() }
    }
}

/// How far a device is whose codes were taken elsewhere until now, nobody knows which: none of those
/// that could have been is taken again.
fn unknown(period: u64, now: Timestamp) -> Progress {
    Progress::Time { period, drift: 0, spent: now.step(period).shifted(1), resynchronized_at: None }
}

/// How far a device is whose last code is known.
fn known(period: u64, spent: u64) -> Progress {
    Progress::Time { period, drift: 0, spent: Step(spent), resynchronized_at: None }
}

/// How far a device is that counts. No button was pressed more often than [`MOST_PRESSES`].
fn counting(next: u64) -> Result<Progress, String> {
    if next <= MOST_PRESSES {
        Ok(Progress::Counter { next: Step(next) })
    } else {
        Err(messages::mistakes::COUNTER_HIGH.to_owned())
    }
}

/// A key, if it can be one at all.
fn key(bytes: Vec<u8>) -> Result<Secret, &'static str> {
    match bytes.len() {
        0..10 => Err(messages::mistakes::KEY_SHORT),
        10..=128 => Ok(Secret::new(bytes)),
        _ => Err(messages::mistakes::KEY_LONG),
    }
}
