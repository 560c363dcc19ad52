//! `otpauth://` addresses, one a line (the Key Uri Format of google-authenticator's wiki).

use percent_encoding::percent_decode_str;
use twostep_core::account::Progress;
use twostep_core::enroll::ImportedDevice;
use twostep_core::otp::Algorithm;
use twostep_core::time::Timestamp;

use super::{Entry, Mistake, Read, counting, key, unknown};
use crate::messages;

/// How an address begins.
const SCHEME: &str = "otpauth://";

/// Reads lines of `address` or `user address`. Empty lines and those that begin with `#` say nothing.
pub fn read(text: &str, now: Timestamp) -> Vec<Read> {
    let lines = text.lines().enumerate().map(|(index, line)| (format!("line {}", index + 1), line.trim()));
    let said = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    said.map(|(at, line)| {
        // An address may hold spaces that nobody encoded; what stands before it is shown, so it is no address.
        let (user, address) = match line.split_once(char::is_whitespace) {
            Some((user, address)) if strip(line, SCHEME).is_none() => (Some(user.to_owned()), address.trim()),
            _ => (None, line),
        };
        one(address, &at, now)
            .map(|entry| Entry { user: user.clone().or(entry.user.clone()), ..entry })
            .map_err(|why| Mistake { at, user, why })
    })
    .collect()
}

/// Reads one address.
pub fn one(address: &str, at: &str, now: Timestamp) -> Result<Entry, String> {
    let rest = strip(address, SCHEME).ok_or(messages::mistakes::NO_ADDRESS)?;
    let (kind, rest) = rest.split_once('/').ok_or(messages::mistakes::NO_LABEL)?;
    let (label, query) = rest.split_once('?').ok_or(messages::mistakes::NO_PARAMETERS)?;
    let parameters = Parameters::read(query)?;
    let label = decoded(label)?;
    let (prefix, account) = match label.split_once(':') {
        Some((issuer, account)) => (Some(issuer.trim().to_owned()), account.trim().to_owned()),
        None => (None, label.trim().to_owned()),
    };
    let issuer = parameters.value("issuer").map(str::to_owned);
    let mut hints = Vec::new();
    if let (Some(prefix), Some(issuer)) = (&prefix, &issuer)
        && prefix != issuer
    {
        hints.push(messages::mistakes::ISSUERS_DIFFER.to_owned());
    }
    let secret = key::base32(parameters.value("secret").ok_or(messages::mistakes::NO_SECRET)?, &[])?;
    let device = ImportedDevice {
        algorithm: algorithm(parameters.value("algorithm"))?,
        digits: digits(parameters.value("digits"))?,
        ..ImportedDevice::new(secret, progress(kind, &parameters, now)?, "otpauth")
    };
    Ok(Entry { at: at.to_owned(), user: user_of(&account), device, hints })
}

/// The user that an account name means: what stands before an at sign.
pub fn user_of(account: &str) -> Option<String> {
    let name = account.split('@').next().unwrap_or_default().trim();
    (!name.is_empty()).then(|| name.to_owned())
}

fn progress(kind: &str, parameters: &Parameters, now: Timestamp) -> Result<Progress, String> {
    match kind.to_ascii_lowercase().as_str() {
        "totp" => {
            let period = number(parameters.value("period"), "period")?.unwrap_or(30);
            if matches!(period, 30 | 60) {
                Ok(unknown(period, now))
            } else {
                Err(messages::mistakes::other_period(period))
            }
        }
        "hotp" => counting(number(parameters.value("counter"), "counter")?.ok_or(messages::mistakes::NO_COUNTER)?),
        _ => Err(messages::mistakes::NEITHER_KIND.to_owned()),
    }
}

/// A name of an algorithm, however it is written.
pub fn algorithm(name: Option<&str>) -> Result<Algorithm, String> {
    let plain = name.unwrap_or("SHA1").to_ascii_uppercase().replace('-', "");
    let plain = plain.strip_prefix("HMAC").unwrap_or(&plain);
    Algorithm::named(plain).ok_or_else(|| messages::mistakes::OTHER_ALGORITHM.to_owned())
}

/// How many digits a code has.
pub fn digits(text: Option<&str>) -> Result<u8, String> {
    match number(text, "digits")?.unwrap_or(6) {
        digits @ 6..=8 => Ok(u8::try_from(digits).unwrap_or(6)),
        _ => Err(messages::mistakes::OTHER_DIGITS.to_owned()),
    }
}

/// A number, if there is one.
pub fn number(text: Option<&str>, name: &str) -> Result<Option<u64>, String> {
    text.filter(|text| !text.is_empty())
        .map(|text| text.trim().parse().map_err(|_| messages::mistakes::no_number(name)))
        .transpose()
}

/// The parameters of an address.
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads `name=value&...`; a secret or data that stands there twice is a mistake.
    pub fn read(query: &str) -> Result<Self, String> {
        let query = query.split('#').next().unwrap_or_default();
        let mut all = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name)?.to_ascii_lowercase();
            if all.iter().any(|(known, _)| *known == name) {
                return Err(messages::mistakes::twice(if name == "secret" { "secret" } else { "a parameter" }));
            }
            all.push((name, decoded(value)?));
        }
        Ok(Self(all))
    }

    /// The value of a parameter.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What stands behind a scheme, however it is written.
pub fn strip<'a>(address: &'a str, scheme: &str) -> Option<&'a str> {
    let head = address.get(..scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then(|| address.get(scheme.len()..)).flatten()
}

fn decoded(text: &str) -> Result<String, String> {
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| messages::mistakes::NO_UTF8.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use twostep_core::time::Step;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000);
    const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn of(address: &str) -> Result<Entry, String> {
        one(address, "line 1", NOW)
    }

    fn why(address: &str) -> String {
        of(address).unwrap_err()
    }

    #[test]
    fn an_address_is_read_with_its_defaults() {
        let entry =
            of(&format!("otpauth://totp/Example:alice%40example.org?secret={KEY}&issuer=Example&image=x")).unwrap();
        assert_eq!((entry.user.as_deref(), entry.device.digits, entry.hints.len()), (Some("alice"), 6, 0));
        assert_eq!(entry.device.progress, unknown(30, NOW));
        let entry = of(&format!(
            "OTPAUTH://HOTP/Other%3A%20bob?SECRET={}&counter=5&digits=8&algorithm=hmac-sha-256&issuer=X",
            KEY.to_lowercase()
        ))
        .unwrap();
        assert_eq!(
            (entry.user.as_deref(), entry.device.algorithm, entry.device.digits),
            (Some("bob"), Algorithm::Sha256, 8)
        );
        assert_eq!((entry.device.progress, entry.hints.len()), (Progress::Counter { next: Step(5) }, 1));
    }

    #[test]
    fn each_line_is_read_for_itself() {
        let text = format!(
            "# phones\n\nbob otpauth://totp/alice?secret={KEY}\nhttps://example.org\notpauth://totp/x?secret={KEY}\n"
        );
        let read = read(&text, NOW);
        assert_eq!(read[0].as_ref().unwrap().user.as_deref(), Some("bob"));
        assert_eq!(read[1].as_ref().unwrap_err().at, "line 4");
        assert_eq!((read[2].as_ref().unwrap().user.as_deref(), read.len()), (Some("x"), 3));
    }

    #[test]
    fn an_address_with_spaces_is_never_taken_for_a_user() {
        let text = format!("otpauth://totp/Big Co:alice?secret={KEY}\notpauth://totp/x?secret={KEY} &digits=9\n");
        let read = read(&text, NOW);
        assert_eq!(read[0].as_ref().unwrap().user.as_deref(), Some("alice"));
        assert_eq!(read[1].as_ref().unwrap_err().user, None);
    }

    #[test]
    fn what_cannot_be_taken_over_is_told() {
        for (rest, expected) in [
            ("totp/a?secret=GEZDGNBVGY3TQOJ1", "no base32"),
            ("totp/a?issuer=x", "no secret"),
            ("totp/a", "no parameters"),
            ("totp", "no label"),
            ("yaotp/a?secret=KEY", "neither totp nor hotp"),
            ("hotp/a?secret=KEY", "no counter"),
            ("hotp/a?secret=KEY&counter=999999999999999999", "too high"),
            ("totp/a?secret=KEY&period=45", "period is 45"),
            ("totp/a?secret=KEY&period=x", "period is no number"),
            ("totp/a?secret=KEY&digits=9", "digits"),
            ("totp/a?secret=KEY&algorithm=MD5", "algorithm"),
            ("totp/a?secret=KEY&secret=KEY", "secret stands there twice"),
            ("totp/%ff?secret=KEY", "no UTF-8"),
            ("totp/a?secret=GEZD", "shorter than 80 bits"),
        ] {
            let why = why(&format!("otpauth://{}", rest.replace("KEY", KEY)));
            assert!(why.contains(expected) && !why.contains(KEY), "{rest}: {why}");
        }
    }

    proptest! {
        #[test]
        fn no_address_makes_it_panic(text in "(otpauth://(totp|hotp)/)?[a-zA-Z0-9%&=?:/ é]{0,80}") {
            let _ = of(&text);
            let _ = read(&text, NOW);
        }
    }
}
