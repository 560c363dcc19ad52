//! `users.oath` of pam_oath and mod_authn_otp (liboath's usersfile).

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use twostep_core::enroll::ImportedDevice;
use twostep_core::otp::{Algorithm, MovingFactor, OtpParameters, Window, matching_steps};
use twostep_core::time::Timestamp;

use super::{Entry, Mistake, Read, counting, key, known, unknown};
use crate::messages;

/// Steps around its time in which a code that was used is looked for.
const AROUND: u64 = 20;

/// Reads the lines that liboath reads. Those of a type that it does not know it leaves out; whoever
/// they are of is told, unless they are comments.
pub fn read(text: &str, now: Timestamp) -> Vec<Read> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.split_whitespace().collect::<Vec<_>>()));
    let said = lines.filter(|(_, fields)| fields.first().is_some_and(|first| !first.starts_with('#')));
    said.map(|(number, fields)| {
        let at = format!("line {number}");
        let user = fields.get(1).map(|user| (*user).to_owned());
        let kind = fields.first().and_then(|first| kind(first)).ok_or_else(|| NO_TYPE.to_owned());
        kind.and_then(|kind| line(kind, &fields, &at, now)).map_err(|why| Mistake { at, user, why })
    })
    .collect()
}

/// What is wrong with a line that liboath leaves out.
const NO_TYPE: &str = messages::mistakes::OATH_TYPE;

/// What the first field says, if liboath knows it: the moving factor and the digits.
fn kind(field: &str) -> Option<(MovingFactor, u8)> {
    let mut parts = field.split('/');
    let (Some("HOTP"), factor, digits, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let factor = match factor {
        None | Some("E") => MovingFactor::Counter,
        Some("T30") => MovingFactor::Time { period: 30 },
        Some("T60") => MovingFactor::Time { period: 60 },
        Some(_) => return None,
    };
    match digits {
        None => Some((factor, 6)),
        Some("6") => Some((factor, 6)),
        Some("7") => Some((factor, 7)),
        Some("8") => Some((factor, 8)),
        Some(_) => None,
    }
}

fn line((factor, digits): (MovingFactor, u8), fields: &[&str], at: &str, now: Timestamp) -> Result<Entry, String> {
    let (Some(user), Some(password), Some(hex)) = (fields.get(1), fields.get(2), fields.get(3)) else {
        return Err(messages::mistakes::OATH_FIELDS.to_owned());
    };
    if hex.len() > 64 {
        return Err(messages::mistakes::OATH_KEY_LONG.to_owned());
    }
    let secret = key::hexadecimal(hex)?;
    let parameters = OtpParameters { algorithm: Algorithm::Sha1, digits, factor };
    let last = fields.get(5).filter(|code| **code != "-");
    if last.is_some_and(|code| !code.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(messages::mistakes::OATH_LAST_CODE.to_owned());
    }
    let progress = match factor {
        // The counter is that of the last code that was used, if one was.
        MovingFactor::Counter => counting(counter(fields)?.saturating_add(u64::from(last.is_some())))?,
        MovingFactor::Time { period } => {
            let step = last.zip(fields.get(6)).and_then(|(code, time)| spent(&secret, parameters, period, code, time));
            // A time that is yet to come is of a clock that was wrong.
            let step = step.filter(|step| *step <= now.step(period).0.saturating_add(AROUND));
            step.map_or_else(
                || if last.is_some() { unknown(period, now) } else { known(period, 0) },
                |step| known(period, step),
            )
        }
    };
    let mut hints = Vec::new();
    if !matches!(*password, "-" | "+") {
        hints.push(messages::mistakes::OATH_PASSWORD.to_owned());
    }
    if let (MovingFactor::Time { .. }, Some(offset)) = (factor, fields.get(4).filter(|offset| **offset != "0")) {
        let offset = offset.parse::<i64>().map_err(|_| messages::mistakes::COUNTER_NO_NUMBER)?;
        hints.push(messages::mistakes::clock_was_off(offset));
    }
    let device = ImportedDevice { label: "token".to_owned(), digits, ..ImportedDevice::new(secret, progress, "oath") };
    Ok(Entry { at: at.to_owned(), user: Some((*user).to_owned()), device, hints })
}

fn counter(fields: &[&str]) -> Result<u64, String> {
    fields.get(4).map_or(Ok(0), |text| text.parse().map_err(|_| messages::mistakes::COUNTER_NO_NUMBER.to_owned()))
}

/// The step of the code that was used last, around the time that stands beside it: local time, so it
/// is looked for in both hours of a change of clocks.
fn spent(
    secret: &twostep_core::secret::Secret,
    parameters: OtpParameters,
    period: u64,
    code: &str,
    time: &str,
) -> Option<u64> {
    let time = time.strip_suffix('L')?.parse::<DateTime>().ok()?;
    let at = TimeZone::system().to_ambiguous_timestamp(time).compatible().ok()?.as_second();
    let around = |moment: i64| {
        let step = Timestamp(moment).step(period);
        matching_steps(secret, parameters, code, Window::around(step, AROUND, AROUND))
    };
    [at, at - 3600, at + 3600].into_iter().find_map(|moment| around(moment).last().map(|step| step.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twostep_core::account::Progress;
    use twostep_core::time::Step;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000);
    const KEY: &str = "3132333435363738393031323334353637383930";

    fn progress(line: &str) -> Progress {
        read(line, NOW).remove(0).unwrap().device.progress
    }

    fn why(line: &str) -> String {
        read(line, NOW).remove(0).unwrap_err().why
    }

    #[test]
    fn each_type_that_liboath_knows_is_read() {
        for (kind, digits, is_time) in [
            ("HOTP", 6, false),
            ("HOTP/E", 6, false),
            ("HOTP/E/8", 8, false),
            ("HOTP/T30", 6, true),
            ("HOTP/T60/7", 7, true),
        ] {
            let entry = read(&format!("  {kind}\talice - {KEY}\r\n"), NOW).remove(0).unwrap();
            assert_eq!((entry.user.as_deref(), entry.device.digits), (Some("alice"), digits), "{kind}");
            assert_eq!(matches!(entry.device.progress, Progress::Time { .. }), is_time, "{kind}");
        }
        assert!(read("# HOTP\n\n#HOTP alice - 00\n", NOW).is_empty());
        for line in ["MOTP alice - 00", "HOTP/T45 alice - 00", "HOTP/E/9 alice - 00", "hotp alice - 00"] {
            assert!(why(line).contains("its type is none"), "{line}");
        }
    }

    #[test]
    fn a_counter_goes_on_behind_the_code_that_was_used() {
        assert_eq!(progress(&format!("HOTP alice - {KEY}")), Progress::Counter { next: Step(0) });
        assert_eq!(progress(&format!("HOTP alice - {KEY} 5")), Progress::Counter { next: Step(5) });
        assert_eq!(
            progress(&format!("HOTP alice - {KEY} 5 254676 2026-12-09T00:20:21L")),
            Progress::Counter { next: Step(6) }
        );
    }

    #[test]
    fn the_step_of_the_last_code_is_found_around_its_time() {
        // RFC 6238's key shows 287082 in its second step, which is of 1970-01-01T00:00:59Z.
        let time = |seconds| {
            jiff::Timestamp::from_second(seconds)
                .unwrap()
                .to_zoned(TimeZone::system())
                .strftime("%Y-%m-%dT%H:%M:%SL")
                .to_string()
        };
        assert_eq!(progress(&format!("HOTP/T30 alice - {KEY} 0 287082 {}", time(59))), known(30, 1));
        assert_eq!(progress(&format!("HOTP/T30 alice - {KEY} 0 287082 {}", time(3700))), known(30, 1));
        assert_eq!(progress(&format!("HOTP/T30 alice - {KEY} 0 000000 {}", time(59))), unknown(30, NOW));
        assert_eq!(progress(&format!("HOTP/T30 alice - {KEY}")), known(30, 0));
        assert_eq!(progress(&format!("HOTP/T30 alice - {KEY} 0 - - 192.0.2.1")), known(30, 0));
    }

    #[test]
    fn a_last_code_of_a_time_to_come_locks_nobody_out() {
        // RFC 6238, appendix B: 07081804 is the code of this moment.
        let used = jiff::Timestamp::from_second(1_111_111_109).unwrap().to_zoned(TimeZone::system());
        let line = format!("HOTP/T30/8 alice - {KEY} 0 07081804 {}", used.strftime("%Y-%m-%dT%H:%M:%SL"));
        let progress = |now| read(&line, Timestamp(now)).remove(0).unwrap().device.progress;
        assert_eq!(progress(1_111_111_200), known(30, 1_111_111_109 / 30));
        assert_eq!(progress(1_111_000_000), unknown(30, Timestamp(1_111_000_000)));
    }

    #[test]
    fn an_offset_of_mod_authn_otp_is_told_and_not_believed() {
        let entry = read(&format!("HOTP/T30 alice - {KEY} -3"), NOW).remove(0).unwrap();
        assert_eq!(entry.device.progress, known(30, 0));
        assert!(entry.hints[0].contains("-3 steps"));
    }

    #[test]
    fn what_cannot_be_taken_over_is_told() {
        assert!(why("HOTP alice -").contains("fields"));
        assert!(why("HOTP alice - xyz").contains("no hexadecimal"));
        assert!(why(&format!("HOTP alice - {KEY}{KEY}")).contains("longer"));
        assert!(why(&format!("HOTP alice - {KEY} x")).contains("counter"));
        assert!(why(&format!("HOTP alice - {KEY} 18446744073709551615 1 x")).contains("too high"));
        assert!(why(&format!("HOTP/T30 alice - {KEY} 0 12345x")).contains("last code"));
        let pin = read(&format!("HOTP alice secret {KEY}"), NOW).remove(0).unwrap();
        assert!(pin.hints[0].contains("password") && !pin.hints[0].contains("secret "));
        let two = read(&format!("HOTP alice - {KEY}\nHOTP/T30 alice - {KEY}00"), NOW);
        assert!(two.len() == 2 && two.iter().all(Result::is_ok));
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(text in "(HOTP(/[ET][0-9]{0,2})?(/[0-9])?) [a-z]{1,4} [-+x] [0-9a-fg]{0,40} ?[0-9]{0,30} ?[0-9]{0,9} ?[0-9TL:-]{0,20}") {
            let _ = read(&text, NOW);
        }
    }
}
