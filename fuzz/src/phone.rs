//! A phone, and whose it is.

use std::sync::LazyLock;

use totp_rs::{Builder, Totp};
use twostep_core::account::{Authenticator, Progress};
use twostep_core::otp::Algorithm;
use twostep_core::seal::SealKey;
use twostep_core::secret::Secret;
use twostep_core::time::{Moment, Step, Timestamp, Uptime};
use twostep_core::username::{Person, Username};

/// 2027-01-15, at the beginning of a step.
pub const WALL: Timestamp = Timestamp(1_800_000_000);
/// An hour after boot.
pub const NOW: Moment = Moment { wall: WALL, uptime: Uptime(3600) };
/// Seconds of a step.
pub const PERIOD: u64 = 30;

/// The host's key.
pub static KEY: LazyLock<SealKey> = LazyLock::new(|| SealKey::new(Secret::new(vec![7; 32])).expect("32 bytes"));

/// The one user.
pub fn alice() -> Person {
    Person { name: Username::new("alice"), alias: None.into(), uid: 1000, gid: 1000 }
}

/// A phone, or a token that counts.
pub struct Phone {
    digits: u8,
    progress: Progress,
    device: Totp,
}

impl Phone {
    /// One that goes by its clock.
    pub fn new(digits: u8) -> Self {
        let spent = WALL.step(PERIOD).shifted(-10);
        Self::with(digits, Progress::Time { period: PERIOD, drift: 0, spent, resynchronized_at: None })
    }

    /// One that counts.
    pub fn that_counts(digits: u8) -> Self {
        Self::with(digits, Progress::Counter { next: Step(5) })
    }

    fn with(digits: u8, progress: Progress) -> Self {
        let device = Builder::new().with_digits(digits).with_skew(0).with_step_duration(1);
        Self { digits, progress, device: device.with_secret(SECRET.as_slice()).build_noncompliant() }
    }

    /// The name that the ledger has for it.
    pub fn id(&self) -> String {
        format!("{:016x}", self.digits)
    }

    /// The code of a step.
    pub fn code(&self, step: Step) -> String {
        self.device.generate(step.0).to_string()
    }

    /// What the account holds of it.
    pub fn authenticator(&self) -> Authenticator {
        let plain = Authenticator {
            id: self.id(),
            label: format!("phone-{}", self.digits),
            algorithm: Algorithm::Sha1,
            digits: self.digits,
            progress: self.progress.clone(),
            added_at: WALL,
            secret: String::new(),
        };
        let secret = KEY.seal(&Secret::new(SECRET.to_vec()), plain.belongs("alice")).expect("random bytes");
        Authenticator { secret, ..plain }
    }
}

/// Its key.
const SECRET: [u8; 20] = *b"12345678901234567890";
