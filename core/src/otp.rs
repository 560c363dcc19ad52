//! Verification codes: TOTP (RFC 6238) over HOTP (RFC 4226), computed by totp-rs, and the address
//! that a QR code carries to the phone.
//!
//! The address is ours: totp-rs writes none of a device that counts.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use totp_rs::{Builder, Totp};

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
pub struct OtpParameters {
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

impl OtpParameters {
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
pub fn matching_steps(secret: &Secret, parameters: OtpParameters, code: &str, window: Window) -> Vec<Step> {
    if !parameters.are_possible() {
        return Vec::new();
    }
    let (device, typed) = (device(secret, parameters), Typed::new(code.to_owned()));
    let codes =
        (window.oldest.0..=window.newest.0).map(|step| (Step(step), code_of(&device, step))).collect::<Vec<_>>();
    codes.into_iter().filter(|(_, right)| *right == typed).map(|(step, _)| step).collect()
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
pub fn uri(secret: &Secret, parameters: OtpParameters, counter: Step, label: Label<'_>) -> Typed {
    let issuer = utf8_percent_encode(label.issuer, RESERVED);
    let account = utf8_percent_encode(label.account, RESERVED);
    let OtpParameters { algorithm, digits, factor } = parameters;
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

/// The code of a counter (RFC 4226 §5.3), which for TOTP is the step (RFC 6238 §4.2): with steps of one
/// second, both are the time.
fn code_of(device: &Totp, counter: u64) -> Typed {
    Typed::new(device.generate(counter).to_string())
}

/// The device that has this key; it wipes its copy. A key from another program may be shorter than the
/// 128 bits of RFC 4226 §4 R6, and its digits were checked: hence `build_noncompliant`.
fn device(secret: &Secret, parameters: OtpParameters) -> Totp {
    let algorithm = match parameters.algorithm {
        Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
        Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
        Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
    };
    let device = Builder::new().with_secret(secret.expose()).with_algorithm(algorithm).with_digits(parameters.digits);
    device.with_step_duration(1).build_noncompliant()
}

/// The code of a step, as a device shows it.
#[cfg(test)]
pub(crate) fn code_at(secret: &Secret, parameters: OtpParameters, step: u64) -> String {
    code_of(&device(secret, parameters), step).expose().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    const SHA1: OtpParameters =
        OtpParameters { algorithm: Algorithm::Sha1, digits: 6, factor: MovingFactor::Time { period: 30 } };

    /// RFC 4226 appendix D.
    #[test]
    fn hotp_vectors() {
        let secret = Secret::new(b"12345678901234567890".to_vec());
        let codes =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (counter, code) in codes.iter().enumerate() {
            let found = matching_steps(&secret, SHA1, code, Window::around(Step(5), 5, 5));
            assert_eq!(found, [Step(counter as u64)]);
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
                let parameters = OtpParameters { algorithm, digits: 8, factor: MovingFactor::Time { period: 30 } };
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
    fn at_the_end_of_a_counter_nothing_overflows() {
        let secret = Secret::new(vec![7; 10]);
        let window = Window::around(Step(u64::MAX), 1, 10);
        let code = code_at(&secret, SHA1, u64::MAX);
        assert_eq!(matching_steps(&secret, SHA1, &code, window), [Step(u64::MAX)]);
    }

    #[test]
    fn a_code_has_its_digits_and_nothing_else() {
        let secret = Secret::new(b"12345678901234567890".to_vec());
        let window = Window::around(Step(0), 0, 0);
        assert_eq!(matching_steps(&secret, SHA1, "755224", window), [Step(0)]);
        for code in ["0755224", "55224", "+55224", " 755224", "755224 ", "84755224", "７５５２２４", ""] {
            assert_eq!(matching_steps(&secret, SHA1, code, window), [], "{code}");
        }
    }

    #[test]
    fn impossible_parameters_have_no_codes() {
        let secret = Secret::new(vec![7; 20]);
        for digits in [0, 5, 9, 10, 255] {
            let parameters = OtpParameters { digits, ..SHA1 };
            assert_eq!(matching_steps(&secret, parameters, "0000000000", Window::around(Step(1), 1, 1)), []);
        }
    }

    #[test]
    fn the_uri_is_encoded() {
        let label = Label { issuer: "Näh & Co", account: "DOM\\al ice@host:1" };
        let secret = Secret::new(b"12345678901234567890".to_vec());
        let counting = OtpParameters { factor: MovingFactor::Counter, ..SHA1 };
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
