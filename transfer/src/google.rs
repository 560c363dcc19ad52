//! `~/.google_authenticator` of pam_google_authenticator (its FILEFORMAT).
//!
//! The key is in the first line, options behind `" `, scratch codes of eight digits at the end.

use std::collections::BTreeSet;

use twostep_core::account::Progress;
use twostep_core::enroll::ImportedDevice;
use twostep_core::otp::Algorithm;
use twostep_core::secret::Typed;
use twostep_core::time::Timestamp;

use super::{Entry, Mistake, Read, counting, key, known, unknown};
use crate::messages;

/// Most bytes of a file (its module reads no more).
pub const LONGEST: usize = 65_536;

/// Letters that its module takes for others.
const MISREAD: [(char, char); 3] = [('0', 'O'), ('1', 'L'), ('8', 'B')];

/// Steps that its module looks ahead at most: half of the widest window.
const AHEAD: u64 = 50;

/// Steps that its module finds a clock to be off at most.
const FARTHEST: i64 = 1500;

/// Most scratch codes of a file. Its program makes ten at most; each costs time to hash.
const MOST_CODES: usize = 100;

/// Reads a file. `at` is its name.
pub fn read(bytes: &[u8], at: &str, now: Timestamp) -> Read {
    let mistake = |why: &str| Mistake::new(at, why);
    if bytes.len() > LONGEST || bytes.contains(&0) {
        return Err(mistake(messages::mistakes::GOOGLE_FILE));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| mistake(messages::mistakes::NO_TEXT))?;
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    if first.contains('=') {
        return Err(mistake(messages::mistakes::GOOGLE_PADDING));
    }
    let secret = key::base32(first, &MISREAD).map_err(|why| mistake(&format!("line 1: {why}")))?;
    let options = Options::read(lines.clone()).map_err(|why| mistake(&why))?;
    let progress = options.progress(now).map_err(|why| mistake(&why))?;
    let device = ImportedDevice {
        algorithm: options.algorithm().map_err(|why| mistake(&why))?,
        digits: options.digits().map_err(|why| mistake(&why))?,
        scratch_codes: scratch_codes(lines).map_err(|why| mistake(&why))?,
        user_could_write: true,
        ..ImportedDevice::new(secret, progress, "google-authenticator")
    };
    Ok(Entry { at: at.to_owned(), user: None, device, hints: options.hints() })
}

/// The options, each with its line; the first one of a name counts.
struct Options<'a>(Vec<(usize, &'a str, &'a str)>);

impl<'a> Options<'a> {
    fn read(lines: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut options = Vec::new();
        for (index, line) in lines.enumerate() {
            let Some(option) = line.strip_prefix("\" ") else { continue };
            let (name, value) = option.split_once([' ', '\t']).unwrap_or((option, ""));
            options.push((index + 2, name.trim_end_matches('\r'), value.trim()));
        }
        Ok(Self(options))
    }

    fn value(&self, name: &str) -> Option<(usize, &'a str)> {
        self.0.iter().find(|(_, known, _)| *known == name).map(|(line, _, value)| (*line, *value))
    }

    fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let number =
            |(line, value): (usize, &str)| value.parse().map_err(|_| format!("line {line}: {name} is no number"));
        self.value(name).map(number).transpose()
    }

    /// A counter above zero goes before the clock, as in its module.
    fn progress(&self, now: Timestamp) -> Result<Progress, String> {
        if let Some(next) = self.number("HOTP_COUNTER")?.filter(|counter| *counter > 0) {
            return counting(next).map_err(|why| self.told("HOTP_COUNTER", &why));
        }
        if self.value("TOTP_AUTH").is_none() {
            return Err(messages::mistakes::GOOGLE_NEITHER.to_owned());
        }
        let period = self.number("STEP_SIZE")?.unwrap_or(30);
        if !matches!(period, 30 | 60) {
            let why = messages::mistakes::google_step_size(period);
            return Err(self.told("STEP_SIZE", &why));
        }
        let Some((_, used)) = self.value("DISALLOW_REUSE") else { return Ok(unknown(period, now)) };
        let used = used.split_whitespace().map(str::parse::<u64>).collect::<Result<Vec<_>, _>>();
        let used = used.map_err(|_| self.told("DISALLOW_REUSE", messages::mistakes::GOOGLE_REUSE))?;
        let newest = used.into_iter().max().unwrap_or(0);
        // Every code up to it counts as spent, so one of next year would lock the phone out until then.
        let last = now.step(period).0.saturating_add(AHEAD).saturating_add_signed(self.skew().clamp(0, FARTHEST));
        if newest > last {
            let why = messages::mistakes::GOOGLE_FUTURE;
            return Err(self.told("DISALLOW_REUSE", why));
        }
        Ok(known(period, newest))
    }

    /// Only one fork knows these two.
    fn digits(&self) -> Result<u8, String> {
        match self.number("DIGITS")?.unwrap_or(6) {
            digits @ 6..=8 => Ok(u8::try_from(digits).unwrap_or(6)),
            _ => Err(self.told("DIGITS", messages::mistakes::GOOGLE_DIGITS)),
        }
    }

    fn algorithm(&self) -> Result<Algorithm, String> {
        let name = self.value("ALGORITHM").map_or("SHA1".to_owned(), |(_, name)| name.to_ascii_uppercase());
        let none = || self.told("ALGORITHM", messages::mistakes::GOOGLE_ALGORITHM);
        Algorithm::named(&name).ok_or_else(none)
    }

    /// Steps that its module added to the time of the host.
    fn skew(&self) -> i64 {
        self.value("TIME_SKEW").and_then(|(_, skew)| skew.parse().ok()).unwrap_or(0)
    }

    /// What is wrong with an option, behind its line.
    fn told(&self, name: &str, why: &str) -> String {
        self.value(name).map_or_else(|| why.to_owned(), |(line, _)| format!("line {line}: {why}"))
    }

    fn hints(&self) -> Vec<String> {
        let mut hints = Vec::new();
        if self.value("RATE_LIMIT").is_some() {
            hints.push(messages::mistakes::GOOGLE_RATE_LIMIT.to_owned());
        }
        if self.value("WINDOW_SIZE").is_some() {
            hints.push(messages::mistakes::GOOGLE_WINDOW.to_owned());
        }
        if self.skew() != 0 {
            let skew = self.skew();
            hints.push(messages::mistakes::clock_was_off(skew));
        }
        hints
    }
}

/// Up to the first line that is neither one nor empty nor an option, as its module does. One that stands
/// there twice counts once.
fn scratch_codes<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Typed>, String> {
    let is_code =
        |line: &str| line.len() == 8 && !line.starts_with('0') && line.bytes().all(|byte| byte.is_ascii_digit());
    let lines = lines.map(|line| line.trim_end_matches('\r')).filter(|line| !line.is_empty() && !line.starts_with('"'));
    let codes = lines.take_while(|line| is_code(line)).collect::<BTreeSet<_>>();
    if codes.len() > MOST_CODES {
        return Err(messages::mistakes::many_scratch_codes(codes.len(), MOST_CODES));
    }
    Ok(codes.into_iter().map(|line| Typed::new(line.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twostep_core::time::Step;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000);
    const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY";

    fn of(text: &str) -> Read {
        read(text.as_bytes(), "f", NOW)
    }

    fn progress(text: &str) -> Progress {
        of(&format!("{KEY}\n{text}\n")).unwrap().device.progress
    }

    fn why(text: &str) -> String {
        of(text).unwrap_err().why
    }

    #[test]
    fn a_usual_file_is_read_with_what_is_spent() {
        let text = format!(
            "{KEY}\n\" RATE_LIMIT 3 30 1799999990\n\" WINDOW_SIZE 17\n\" DISALLOW_REUSE 59999998 59999999\n\" TOTP_AUTH\n12345678\n23456789\n"
        );
        let entry = of(&text).unwrap();
        assert_eq!(entry.device.secret.expose(), b"1234567890123456");
        assert_eq!(entry.device.progress, known(30, 59_999_999));
        let codes = entry.device.scratch_codes.iter().map(Typed::expose).collect::<Vec<_>>();
        assert_eq!(codes, ["12345678", "23456789"]);
        assert_eq!((entry.device.digits, entry.hints.len(), entry.is_weak()), (6, 2, false));
        assert!(of(&text.replace('\n', "\r\n")).unwrap().device.scratch_codes.len() == 2);
    }

    #[test]
    fn what_was_taken_is_unknown_where_nothing_noted_it() {
        assert_eq!(progress("\" TOTP_AUTH"), known(30, 60_000_001));
        assert_eq!(progress("\" DISALLOW_REUSE\n\" TOTP_AUTH"), known(30, 0));
        assert_eq!(progress("\" STEP_SIZE 60\n\" TOTP_AUTH"), known(60, 30_000_001));
    }

    #[test]
    fn a_counter_above_zero_goes_before_the_clock() {
        assert_eq!(progress("\" HOTP_COUNTER 7\n\" TOTP_AUTH"), Progress::Counter { next: Step(7) });
        assert_eq!(progress("\" HOTP_COUNTER 0\n\" TOTP_AUTH"), known(30, 60_000_001));
        assert_eq!(progress("\" HOTP_COUNTER 7\n\" HOTP_COUNTER 9"), Progress::Counter { next: Step(7) });
    }

    #[test]
    fn scratch_codes_end_where_its_own_module_stops() {
        let codes = |text: &str| of(&format!("{KEY}\n\" TOTP_AUTH\n{text}")).unwrap().device.scratch_codes.len();
        assert_eq!(codes("12345678\n\" DISALLOW_REUSE\n23456789\n"), 2);
        assert_eq!(codes("12345678\n02345678\n23456789\n"), 1);
        assert_eq!(codes("12345678\nhello\n23456789\n"), 1);
        assert_eq!(codes("123456789\n"), 0);
        assert_eq!(codes("12345678\n\n\r\n\"odd\n23456789\n"), 2);
        assert_eq!(codes("12345678\n12345678\n"), 1);
    }

    #[test]
    fn a_file_cannot_keep_the_host_busy_with_its_scratch_codes() {
        let codes = |count: u32| (0..count).map(|number| format!("{}\n", 10_000_000 + number)).collect::<String>();
        let file = |count| of(&format!("{KEY}\n\" TOTP_AUTH\n{}", codes(count)));
        assert_eq!(file(100).unwrap().device.scratch_codes.len(), 100);
        assert!(file(101).unwrap_err().why.contains("101 scratch codes"));
    }

    #[test]
    fn a_step_that_is_yet_to_come_locks_nobody_out() {
        let used = |step: u64, rest: &str| of(&format!("{KEY}\n\" DISALLOW_REUSE {step}\n\" TOTP_AUTH\n{rest}"));
        assert_eq!(used(60_000_050, "").unwrap().device.progress, known(30, 60_000_050));
        assert!(used(60_000_051, "").unwrap_err().why.starts_with("line 2: DISALLOW_REUSE holds a step that is yet"));
        assert_eq!(used(60_000_151, "\" TIME_SKEW 101").unwrap().device.progress, known(30, 60_000_151));
        assert!(used(60_000_151, "\" TIME_SKEW -101").is_err());
        assert!(used(60_001_550, "\" TIME_SKEW 9223372036854775807").is_ok());
        assert!(used(60_001_551, "\" TIME_SKEW 9223372036854775807").is_err());
    }

    #[test]
    fn what_cannot_be_taken_over_is_told_with_its_line() {
        assert!(why("").starts_with("line 1: the key is shorter"));
        assert!(why("not base 32 !\n\" TOTP_AUTH").starts_with("line 1: the key is no base32"));
        assert!(why(&format!("{KEY}==\n\" TOTP_AUTH")).contains("padding"));
        assert!(why(&format!("{KEY}\n12345678\n")).contains("neither TOTP_AUTH nor"));
        assert!(why(&format!("{KEY}\n\" HOTP_COUNTER 0\n")).contains("a HOTP_COUNTER above 0"));
        assert!(
            why(&format!("{KEY}\n\" HOTP_COUNTER 9223372036854775808\n")).starts_with("line 2: its counter is too")
        );
        assert!(why(&format!("{KEY}\n\" STEP_SIZE 45\n\" TOTP_AUTH")).starts_with("line 2: STEP_SIZE is 45"));
        assert!(why(&format!("{KEY}\n\" DIGITS 5\n\" TOTP_AUTH")).starts_with("line 2: DIGITS"));
        assert!(why(&format!("{KEY}\n\" ALGORITHM md5\n\" TOTP_AUTH")).starts_with("line 2: ALGORITHM"));
        assert!(why(&format!("{KEY}\n\" TOTP_AUTH\n\" STEP_SIZE x")).starts_with("line 3: STEP_SIZE is no number"));
        assert!(why(&format!("{KEY}\n\" DISALLOW_REUSE 1 x\n\" TOTP_AUTH")).starts_with("line 2: DISALLOW_REUSE"));
        assert!(why(&format!("{KEY}\0\n")).contains("NUL"));
        assert!(read(&vec![b'A'; LONGEST + 1], "f", NOW).is_err());
        assert!(read(b"\xff\xfe", "f", NOW).unwrap_err().why.contains("no text"));
    }

    #[test]
    fn a_short_key_is_weak() {
        assert!(of("GEZDGNBVGY3TQOJQ\n\" TOTP_AUTH").unwrap().is_weak());
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic_or_tell_a_secret(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[A-Z2-7\" \n0-9_]{0,200}") {
            let _ = read(&bytes, "f", NOW);
            if let Err(mistake) = of(&text) {
                prop_assert!(mistake.why.len() < 120);
            }
        }
    }
}
