//! Verification codes: TOTP (RFC 6238) over HOTP (RFC 4226), and the address that a QR code
//! carries to the phone.

use std::fmt;
use std::ops::RangeInclusive;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

use crate::secret::{Secret, Typed};
use crate::time::Step;

/// All but the unreserved characters of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The HMAC of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    /// HMAC-SHA-1, the default, which every app knows.
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

/// What changes from code to code, the moving factor (RFC 4226 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MovingFactor {
    /// The time, in steps of so many seconds, 30 or 60: TOTP (RFC 6238).
    Time {
        /// Seconds of a step.
        period: u64,
    },
    /// A counter: HOTP (RFC 4226).
    Counter,
}

/// What a device computes its codes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// The HMAC.
    pub algorithm: Algorithm,
    /// Digits of a code, 6 to 8.
    pub digits: u8,
    /// What changes from code to code.
    pub factor: MovingFactor,
}

impl Algorithm {
    /// The one of this name: `SHA1`, `SHA256` or `SHA512`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Sha1, Self::Sha256, Self::Sha512].into_iter().find(|algorithm| algorithm.to_string() == name)
    }

    /// Bytes of a new secret: the output of the HMAC (RFC 6238 §3 R6).
    #[must_use]
    pub fn secret_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        })
    }
}

impl Parameters {
    /// Digits within RFC 4226's 6 to 8, and a step of 30 or 60 seconds.
    #[must_use]
    pub fn are_possible(&self) -> bool {
        (6..=8).contains(&self.digits)
            && matches!(self.factor, MovingFactor::Counter | MovingFactor::Time { period: 30 | 60 })
    }
}

/// The steps of a window whose code is `code`, oldest first; mostly there is at most one.
///
/// Every step of the window is computed and compared in constant time, whatever matches.
#[must_use]
pub fn matching_steps(secret: &Secret, parameters: Parameters, code: &str, window: Window) -> Vec<Step> {
    let steps = window.oldest.0..=window.newest.0;
    let Some(code) = number(code, parameters.digits) else { return Vec::new() };
    let codes = match parameters.algorithm {
        Algorithm::Sha1 => codes::<Hmac<Sha1>>(secret, parameters.digits, steps),
        Algorithm::Sha256 => codes::<Hmac<Sha256>>(secret, parameters.digits, steps),
        Algorithm::Sha512 => codes::<Hmac<Sha512>>(secret, parameters.digits, steps),
    };
    codes.into_iter().filter(|(_, right)| bool::from(right.ct_eq(&code))).map(|(step, _)| step).collect()
}

/// Steps of a device, the first and the last one included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first.
    pub oldest: Step,
    /// The last.
    pub newest: Step,
}

impl Window {
    /// The steps from `before` ahead of this one to `after` behind it.
    #[must_use]
    pub fn around(step: Step, before: u64, after: u64) -> Self {
        Self { oldest: Step(step.0.saturating_sub(before)), newest: Step(step.0.saturating_add(after)) }
    }
}

/// Where a phone files a secret.
#[derive(Debug, Clone, Copy)]
pub struct Label<'a> {
    /// Who issues it.
    pub issuer: &'a str,
    /// For whom.
    pub account: &'a str,
}

/// The `otpauth://` address of a secret, every parameter spelled out for apps that do not know the
/// defaults. A device that counts begins with `counter`.
#[must_use]
pub fn uri(secret: &Secret, parameters: Parameters, counter: Step, label: Label<'_>) -> Typed {
    let issuer = utf8_percent_encode(label.issuer, RESERVED);
    let account = utf8_percent_encode(label.account, RESERVED);
    let Parameters { algorithm, digits, factor } = parameters;
    let key = base32(secret);
    let (kind, moves) = match factor {
        MovingFactor::Time { period } => ("totp", format!("period={period}")),
        MovingFactor::Counter => ("hotp", format!("counter={}", counter.0)),
    };
    Typed::new(format!(
        "otpauth://{kind}/{issuer}:{account}?secret={}&issuer={issuer}&algorithm={algorithm}&digits={digits}&{moves}",
        key.expose()
    ))
}

/// The secret to type: base32 without padding (RFC 4648 §6).
#[must_use]
pub fn base32(secret: &Secret) -> Typed {
    Typed::new(BASE32_NOPAD.encode(secret.expose()))
}

/// The codes of steps. The key is hashed once for all of them.
fn codes<M: Mac + KeyInit + Clone>(secret: &Secret, digits: u8, steps: RangeInclusive<u64>) -> Vec<(Step, u32)> {
    // HMAC takes keys of any length.
    let Ok(keyed) = M::new_from_slice(secret.expose()) else { return Vec::new() };
    let code = |step: u64| {
        let mut keyed = keyed.clone();
        keyed.update(&step.to_be_bytes());
        Some((Step(step), truncated(&keyed.finalize().into_bytes())? % 10_u32.pow(digits.into())))
    };
    steps.filter_map(code).collect()
}

/// The 31 bits that the last four bits of an HMAC point at (RFC 4226 §5.3).
fn truncated(hmac: &[u8]) -> Option<u32> {
    let offset = usize::from(hmac.last()? & 0xf);
    let bytes = hmac.get(offset..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes) & 0x7fff_ffff)
}

/// A code as the number that it shows, if it has so many digits.
fn number(code: &str, digits: u8) -> Option<u32> {
    let is_code = code.len() == usize::from(digits) && code.bytes().all(|byte| byte.is_ascii_digit());
    code.parse().ok().filter(|_| is_code)
}

/// The code of a step, as a device shows it: by another implementation.
#[cfg(test)]
pub(crate) fn code_at(secret: &Secret, parameters: Parameters, step: u64) -> String {
    let algorithm = match parameters.algorithm {
        Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
        Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
        Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
    };
    // With a step of one second and no skew, TOTP is HOTP.
    let device = totp_rs::Builder::new().with_algorithm(algorithm).with_digits(parameters.digits).with_skew(0);
    device.with_step_duration(1).with_secret(secret.expose()).build_noncompliant().generate(step).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    const SHA1: Parameters =
        Parameters { algorithm: Algorithm::Sha1, digits: 6, factor: MovingFactor::Time { period: 30 } };

    /// RFC 4226 appendix D.
    #[test]
    fn hotp_vectors() {
        let secret = Secret::new(b"12345678901234567890".to_vec());
        let codes =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (counter, code) in codes.iter().enumerate() {
            assert_eq!(code_at(&secret, SHA1, counter as u64), *code);
        }
    }

    /// RFC 6238 appendix B; its secrets are the digits repeated to the length of the HMAC.
    #[test]
    fn totp_vectors() {
        let seed = |bytes| Secret::new(b"1234567890".iter().copied().cycle().take(bytes).collect());
        for (time, sha1, sha256, sha512) in [
            (59, "94287082", "46119246", "90693936"),
            (1_111_111_109, "07081804", "68084774", "25091201"),
            (1_111_111_111, "14050471", "67062674", "99943326"),
            (1_234_567_890, "89005924", "91819424", "93441116"),
            (2_000_000_000, "69279037", "90698825", "38618901"),
            (20_000_000_000, "65353130", "77737706", "47863826"),
        ] {
            for (algorithm, code) in [(Algorithm::Sha1, sha1), (Algorithm::Sha256, sha256), (Algorithm::Sha512, sha512)]
            {
                let parameters = Parameters { algorithm, digits: 8, factor: MovingFactor::Time { period: 30 } };
                let now = Timestamp(time).step(30);
                let secret = seed(algorithm.secret_bytes());
                let found = matching_steps(&secret, parameters, code, Window::around(now, 0, 0));
                assert_eq!(found, [now], "{algorithm} at {time}");
            }
        }
    }

    #[test]
    fn the_window_is_as_wide_as_said() {
        let secret = Secret::new(vec![7; 20]);
        for (before, after) in [(0, 0), (1, 1), (2, 2), (1, 10)] {
            let window = Window::around(Step(1000), before, after);
            for step in 985..=1015 {
                let found = matching_steps(&secret, SHA1, &code_at(&secret, SHA1, step), window);
                assert_eq!(found.contains(&Step(step)), (1000 - before..=1000 + after).contains(&step), "step {step}");
            }
        }
    }

    #[test]
    fn at_the_beginning_of_time_nothing_overflows() {
        let secret = Secret::new(vec![7; 20]);
        let window = Window::around(Step(0), 2, 2);
        assert_eq!(matching_steps(&secret, SHA1, &code_at(&secret, SHA1, 0), window), [Step(0)]);
    }

    #[test]
    fn a_code_has_its_digits_and_nothing_else() {
        for code in ["12345", "1234567", "+12345", " 12345", "12345a", "१२", ""] {
            assert_eq!(number(code, 6), None, "{code}");
        }
        assert_eq!((number("012345", 6), number("00012345", 8)), (Some(12_345), Some(12_345)));
    }

    #[test]
    fn the_uri_is_encoded() {
        let label = Label { issuer: "Näh & Co", account: "DOM\\al ice@host:1" };
        let secret = Secret::new(b"12345678901234567890".to_vec());
        let counting = Parameters { factor: MovingFactor::Counter, ..SHA1 };
        assert!(uri(&secret, counting, Step(7), label).expose().starts_with("otpauth://hotp/N%C3%A4h"));
        assert!(uri(&secret, counting, Step(7), label).expose().ends_with("&digits=6&counter=7"));
        let uri = uri(&secret, SHA1, Step(0), label);
        assert_eq!(
            uri.expose(),
            "otpauth://totp/N%C3%A4h%20%26%20Co:DOM%5Cal%20ice%40host%3A1?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=N%C3%A4h%20%26%20Co&algorithm=SHA1&digits=6&period=30"
        );
    }
}
