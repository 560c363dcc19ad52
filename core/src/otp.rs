//! Verification codes: TOTP (RFC 6238) over HOTP (RFC 4226), and the address that a QR code
//! carries to the phone.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use toml::de::DeValue;
use totp_rs::{Builder, Totp};

use crate::document::{Misfit, Value};
use crate::secret::{Secret, Typed};
use crate::time::Step;

/// All but the unreserved characters of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The HMAC of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC-SHA-1, the default, which every app knows.
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

/// What a device computes its codes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// The HMAC.
    pub algorithm: Algorithm,
    /// Digits of a code, 6 to 8.
    pub digits: u8,
    /// Seconds of a step, 30 or 60.
    pub period: u64,
}

impl Algorithm {
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

impl Value for Algorithm {
    const EXPECTED: &'static str = "\"SHA1\", \"SHA256\" or \"SHA512\"";

    fn read(value: DeValue<'_>, at: usize) -> Result<Self, Misfit> {
        match value.as_str() {
            Some("SHA1") => Ok(Self::Sha1),
            Some("SHA256") => Ok(Self::Sha256),
            Some("SHA512") => Ok(Self::Sha512),
            _ => Err(Misfit::unexpected::<Self>(at)),
        }
    }
}

impl Parameters {
    /// Digits within RFC 4226's 6 to 8, and a step of 30 or 60 seconds.
    #[must_use]
    pub fn are_possible(&self) -> bool {
        (6..=8).contains(&self.digits) && matches!(self.period, 30 | 60)
    }
}

/// The newest step of `now - window ..= now + window` whose code is `code`, if any.
///
/// Every step of the window is computed and compared in constant time, whatever matches. `now` is
/// the device's step: the drift is in it already.
#[must_use]
pub fn matching_step(secret: &Secret, parameters: Parameters, code: &str, window: Window) -> Option<Step> {
    let device = hotp(secret, parameters);
    let mut matched = None;
    for step in window.oldest().0..=window.newest().0 {
        if device.check(code, step).is_some() {
            matched = Some(Step(step));
        }
    }
    matched
}

/// The steps that count as now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The device's current step.
    pub now: Step,
    /// Steps accepted either side of it.
    pub either_side: u8,
}

impl Window {
    fn oldest(self) -> Step {
        self.now.shifted(-i64::from(self.either_side))
    }

    /// The last step that counts as now.
    #[must_use]
    pub fn newest(self) -> Step {
        self.now.shifted(i64::from(self.either_side))
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

/// The `otpauth://totp/` address of a secret, every parameter spelled out for apps that do not
/// know the defaults.
#[must_use]
pub fn uri(secret: &Secret, parameters: Parameters, label: Label<'_>) -> Typed {
    let issuer = utf8_percent_encode(label.issuer, RESERVED);
    let account = utf8_percent_encode(label.account, RESERVED);
    let Parameters { algorithm, digits, period } = parameters;
    let key = base32(secret);
    Typed::new(format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm={algorithm}&digits={digits}&period={period}",
        key.expose()
    ))
}

/// The secret to type: base32 without padding (RFC 4648 §6).
#[must_use]
pub fn base32(secret: &Secret) -> Typed {
    Typed::new(BASE32_NOPAD.encode(secret.expose()))
}

/// A generator whose "time" is the step itself: with a step of one second and no skew, TOTP is HOTP.
fn hotp(secret: &Secret, parameters: Parameters) -> Totp {
    let algorithm = match parameters.algorithm {
        Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
        Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
        Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
    };
    Builder::new()
        .with_algorithm(algorithm)
        .with_digits(parameters.digits)
        .with_skew(0)
        .with_step_duration(1)
        .with_secret(secret.expose())
        .build_noncompliant()
}

/// The code of a step, as a device shows it.
#[cfg(test)]
pub(crate) fn code_at(secret: &Secret, parameters: Parameters, step: u64) -> String {
    hotp(secret, parameters).generate(step).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    const SHA1: Parameters = Parameters { algorithm: Algorithm::Sha1, digits: 6, period: 30 };

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
                let parameters = Parameters { algorithm, digits: 8, period: 30 };
                let window = Window { now: Timestamp(time).step(30), either_side: 0 };
                let secret = seed(algorithm.secret_bytes());
                assert_eq!(matching_step(&secret, parameters, code, window), Some(window.now), "{algorithm} at {time}");
            }
        }
    }

    #[test]
    fn the_window_is_as_wide_as_said() {
        let secret = Secret::new(vec![7; 20]);
        for either_side in 0..=2_u8 {
            let window = Window { now: Step(1000), either_side };
            for offset in -4_i64..=4 {
                let step = Step(1000).shifted(offset);
                let found = matching_step(&secret, SHA1, &code_at(&secret, SHA1, step.0), window);
                assert_eq!(found.is_some(), offset.unsigned_abs() <= u64::from(either_side), "offset {offset}");
            }
        }
    }

    #[test]
    fn at_the_beginning_of_time_nothing_overflows() {
        let secret = Secret::new(vec![7; 20]);
        let window = Window { now: Step(0), either_side: 2 };
        assert_eq!(matching_step(&secret, SHA1, &code_at(&secret, SHA1, 0), window), Some(Step(0)));
    }

    #[test]
    fn the_uri_is_encoded() {
        let label = Label { issuer: "Näh & Co", account: "DOM\\al ice@host:1" };
        let uri = uri(&Secret::new(b"12345678901234567890".to_vec()), SHA1, label);
        assert_eq!(
            uri.expose(),
            "otpauth://totp/N%C3%A4h%20%26%20Co:DOM%5Cal%20ice%40host%3A1?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=N%C3%A4h%20%26%20Co&algorithm=SHA1&digits=6&period=30"
        );
    }
}
