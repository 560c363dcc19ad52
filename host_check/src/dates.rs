//! Points in time as people read them, in their own time zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Day of a point in time, given in seconds since 1970.
pub fn day(at: i64) -> String {
    shown(at, "%Y-%m-%d")
}

/// Day, minute and time zone of a point in time, given in seconds since 1970: who reads it out may
/// speak to somebody far away.
pub fn minute(at: i64) -> String {
    shown(at, "%Y-%m-%d %H:%M %Z")
}

/// The minute of today, with the time zone.
pub fn hour(at: i64) -> String {
    shown(at, "%H:%M %Z")
}

/// A point in time as in ISO 8601, in UTC.
pub fn utc(at: i64) -> String {
    in_zone(at, "%Y-%m-%dT%H:%M:%SZ", TimeZone::UTC)
}

/// Day and minute of now.
pub fn now() -> String {
    minute(Timestamp::now().as_second())
}

fn shown(at: i64, format: &str) -> String {
    let zone = TimeZone::system();
    in_zone(at, format, if zone.is_unknown() { TimeZone::UTC } else { zone })
}

fn in_zone(at: i64, format: &str, zone: TimeZone) -> String {
    match Timestamp::from_second(at) {
        Ok(moment) => moment.to_zoned(zone).strftime(format).to_string(),
        Err(_) => format!("{at} s since 1970"),
    }
}

/// A length of time, in its largest unit that says it whole.
pub fn duration(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0 => (0, "second"),
        _ if seconds.is_multiple_of(3600) => (seconds / 3600, "hour"),
        _ if seconds.is_multiple_of(60) => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_in_its_zone() {
        let east = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(in_zone(1_800_000_000, "%Y-%m-%d %H:%M", east), "2027-01-15 10:00");
        assert_eq!(in_zone(0, "%H:%M %Z", TimeZone::UTC), "00:00 UTC");
    }

    #[test]
    fn a_moment_that_no_calendar_has_is_still_shown() {
        assert_eq!(minute(i64::MAX), format!("{} s since 1970", i64::MAX));
    }
}
