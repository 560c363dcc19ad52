//! What a new authenticator is: a phone with a new key, or a device that brings its own.

use data_encoding::{BASE32_NOPAD, HEXUPPER};

use super::{AccountManager, no_randomness};
use crate::account::Progress;
use crate::messages::changes;
use crate::otp::{Algorithm, MovingFactor, OtpParameters};
use crate::request::{Device, Kind, Refusal, Refused};
use crate::secret::{Secret, Typed};
use crate::time::Step;

/// Fewest bytes of a key (RFC 4226 §4, R6).
const SHORTEST: usize = 16;
/// Most bytes of a key: the block of SHA-512, beyond which HMAC hashes it first.
const LONGEST: usize = 128;
/// Highest counter that a device may begin with.
const LAST_COUNTER: u64 = 1 << 48;

/// A key, and what its codes are computed by.
pub(super) struct NewKey {
    pub secret: Secret,
    pub algorithm: Algorithm,
    pub digits: u8,
    pub progress: Progress,
}

impl<S, C> AccountManager<S, C> {
    /// The key of a device, a new one if it does not bring its own; what it does not say is as the
    /// configuration has it.
    pub(super) fn new_key(&self, device: Option<&Device>) -> Result<NewKey, Refused> {
        let OtpParameters { algorithm, digits, factor } = self.config.parameters();
        let algorithm = match device.and_then(|device| device.algorithm.as_deref()) {
            Some(name) => Algorithm::named(name).ok_or_else(impossible)?,
            None => algorithm,
        };
        let digits = device.and_then(|device| device.digits).unwrap_or(digits);
        let factor = match (device.map(|device| device.kind), device.and_then(|device| device.period)) {
            (Some(Kind::Hotp), None) => MovingFactor::Counter,
            (Some(Kind::Hotp), Some(_)) => return Err(impossible()),
            (_, Some(period)) => MovingFactor::Time { period },
            (_, None) => factor,
        };
        let counter = device.and_then(|device| device.counter);
        if !(OtpParameters { algorithm, digits, factor }).are_possible()
            || counter.is_some_and(|counter| counter > LAST_COUNTER || factor != MovingFactor::Counter)
        {
            return Err(impossible());
        }
        let progress = match factor {
            MovingFactor::Time { period } => {
                Progress::Time { period, drift: 0, spent: Step(0), resynchronized_at: None }
            }
            MovingFactor::Counter => Progress::Counter { next: Step(counter.unwrap_or(0)) },
        };
        let secret = match device.and_then(|device| device.secret.as_ref()) {
            Some(typed) => read_key(typed)?,
            None => Secret::random(algorithm.secret_bytes()).map_err(no_randomness)?,
        };
        Ok(NewKey { secret, algorithm, digits, progress })
    }
}

/// A key as text: base32 (RFC 4648 §6) or hexadecimal. What could be both is hexadecimal: one in
/// ten thousand of these keys could, and hardly any in base32.
fn read_key(typed: &Typed) -> Result<Secret, Refused> {
    let mut letters = String::with_capacity(typed.expose().len());
    letters.extend(typed.expose().chars().filter(|letter| !letter.is_whitespace() && !matches!(letter, '-' | ':')));
    letters.make_ascii_uppercase();
    let letters = Typed::new(letters);
    let hex = letters.expose().strip_prefix("0X").unwrap_or(letters.expose());
    let bytes = match HEXUPPER.decode(hex.as_bytes()) {
        Ok(bytes) => Some(bytes),
        Err(_) => BASE32_NOPAD.decode(letters.expose().trim_end_matches('=').as_bytes()).ok(),
    };
    let Some(secret) = bytes.map(Secret::new) else {
        return Err(Refused::new(Refusal::BadRequest, changes::NO_KEY));
    };
    match secret.expose().len() {
        ..SHORTEST => Err(Refused::new(Refusal::BadRequest, changes::SHORT_KEY)),
        SHORTEST..=LONGEST => Ok(secret),
        _ => Err(Refused::new(Refusal::BadRequest, changes::LONG_KEY)),
    }
}

fn impossible() -> Refused {
    Refused::new(Refusal::BadRequest, changes::NO_DEVICE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Option<Vec<u8>> {
        read_key(&Typed::new(text.to_owned())).ok().map(|secret| secret.expose().to_vec())
    }

    #[test]
    fn keys_are_read_as_their_makers_write_them() {
        let bytes = b"12345678901234567890".to_vec();
        for text in [
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
            "gezd gnbv gy3t qojq gezd gnbv gy3t qojq\n",
            "3132333435363738393031323334353637383930",
            "0x31:32:33:34:35:36:37:38:39:30:31:32:33:34:35:36:37:38:39:30",
        ] {
            assert_eq!(key(text), Some(bytes.clone()), "{text}");
        }
        assert_eq!(key("GEZDGNBVGY3TQOJQGEZDGNBVGY======"), Some(b"1234567890123456".to_vec()));
    }

    #[test]
    fn what_is_no_safe_key_is_refused() {
        for text in
            ["", "GEZDGNBVGY3TQOJQ", "313233343536373839303132333435", "hello!", "3132333435363738393031323334353637"]
        {
            let is_read = key(text).is_some();
            assert_eq!(is_read, text.len() == 34, "{text}");
        }
        assert_eq!(key(&"31".repeat(128)).map(|key| key.len()), Some(128));
        assert_eq!(key(&"31".repeat(129)), None);
    }
}
