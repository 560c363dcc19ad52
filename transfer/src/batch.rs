//! Our own format for batches: CSV (RFC 4180) with a head, or JSON.
//!
//! The columns, in any order: `user` and `secret` (base32, or hexadecimal behind `hex:`) or `uri`; and
//! where they differ from the usual `label`, `kind` (totp, hotp), `algorithm`, `digits`, `period`,
//! `counter` (of the next code).

use serde::Deserialize;
use serde_json::value::RawValue;
use twostep_core::account::Progress;
use twostep_core::enroll::ImportedDevice;
use twostep_core::time::Timestamp;

use super::{Entry, Mistake, Read, counting, key, unknown, uri};
use crate::messages;

/// One row.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Row {
    user: String,
    secret: Option<String>,
    uri: Option<String>,
    label: Option<String>,
    kind: Option<String>,
    algorithm: Option<String>,
    digits: Option<Number>,
    period: Option<Number>,
    counter: Option<Number>,
}

impl Row {
    /// An address is whole; only its user and its label may stand beside it.
    fn says_more_than_an_address(&self) -> bool {
        self.kind.is_some()
            || self.algorithm.is_some()
            || self.digits.is_some()
            || self.period.is_some()
            || self.counter.is_some()
    }
}

/// A number, written as one or as text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

impl Number {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// Reads a batch: JSON if it begins like that, else CSV.
pub fn read(text: &str, now: Timestamp) -> Vec<Read> {
    if text.trim_start().starts_with(['[', '{']) { json(text.trim_start(), now) } else { csv(text, now) }
}

/// A list of objects, or objects one after the other.
fn json(text: &str, now: Timestamp) -> Vec<Read> {
    // Each is read for itself, so that a wrong one hides none behind it.
    let entries: Vec<Result<&RawValue, serde_json::Error>> = if text.starts_with('[') {
        match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(entries) => entries.into_iter().map(Ok).collect(),
            Err(error) => return vec![Err(Mistake::new("the list", no_json(&error)))],
        }
    } else {
        serde_json::Deserializer::from_str(text).into_iter().collect()
    };
    let numbered = entries.into_iter().enumerate().map(|(index, json)| (format!("entry {}", index + 1), json));
    numbered
        .map(|(at, json)| match json.and_then(|json| serde_json::from_str::<Row>(json.get())) {
            Ok(row) => entry(&row, at, now),
            Err(error) if error.is_data() => Err(Mistake::new(at, no_entry(&error))),
            Err(error) => Err(Mistake::new(at, no_json(&error))),
        })
        .collect()
}

/// serde_json's own words may quote a value, which may be a secret.
fn no_json(error: &serde_json::Error) -> String {
    messages::mistakes::no_json(error.line(), error.column())
}

fn no_entry(error: &serde_json::Error) -> String {
    messages::mistakes::no_entry(error.line(), error.column())
}

fn csv(text: &str, now: Timestamp) -> Vec<Read> {
    let said = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    if said.flat_map(str::bytes).filter(|byte| *byte == b'"').count() % 2 == 1 {
        return vec![Err(Mistake::new("the table", messages::mistakes::OPEN_QUOTE))];
    }
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(text.as_bytes());
    let mut all = Vec::new();
    let head = match reader.headers() {
        Ok(head) => head.clone(),
        Err(_) => return vec![Err(Mistake::new("line 1", messages::mistakes::NO_HEAD))],
    };
    if let Some(twice) = head.iter().enumerate().find(|(index, name)| head.iter().take(*index).any(|one| one == *name))
    {
        let name = if COLUMNS.contains(&twice.1) { twice.1 } else { "of the same name" };
        return vec![Err(Mistake::new("line 1", messages::mistakes::column_twice(name)))];
    }
    if let Some(stranger) = head.iter().find(|name| !COLUMNS.contains(name)) {
        let shown = if stranger.len() <= 20 { stranger } else { "(a long one)" };
        return vec![Err(Mistake::new("line 1", messages::mistakes::no_column(shown, &COLUMNS.join(", "))))];
    }
    for record in reader.records() {
        all.push(match record {
            Ok(record) => {
                let at = format!("line {}", record.position().map_or(0, csv::Position::line));
                let cell = |name: &str| {
                    let column = head.iter().position(|known| known == name)?;
                    record.get(column).filter(|cell| !cell.is_empty()).map(str::to_owned)
                };
                let number = |name: &str| cell(name).map(Number::Text);
                let row = Row {
                    user: cell("user").unwrap_or_default(),
                    secret: cell("secret"),
                    uri: cell("uri"),
                    label: cell("label"),
                    kind: cell("kind"),
                    algorithm: cell("algorithm"),
                    digits: number("digits"),
                    period: number("period"),
                    counter: number("counter"),
                };
                entry(&row, at, now)
            }
            Err(error) => {
                let at = error.position().map_or_else(|| "a line".to_owned(), |place| format!("line {}", place.line()));
                Err(Mistake::new(at, messages::mistakes::CELLS))
            }
        });
    }
    all
}

/// What a row may say.
const COLUMNS: [&str; 9] = ["user", "secret", "uri", "label", "kind", "algorithm", "digits", "period", "counter"];

fn entry(row: &Row, at: String, now: Timestamp) -> Read {
    let user = (!row.user.is_empty()).then(|| row.user.clone());
    let device = device(row, &at, now).map(|entry| Entry { user: user.clone().or(entry.user), ..entry });
    match device {
        Ok(entry) if entry.user.is_none() => Err(Mistake::new(at, messages::mistakes::NAMES_NO_USER)),
        Ok(entry) => Ok(entry),
        Err(why) => Err(Mistake { at, user, why }),
    }
}

fn device(row: &Row, at: &str, now: Timestamp) -> Result<Entry, String> {
    let mut entry = match (&row.secret, &row.uri) {
        (Some(_), Some(_)) => return Err(messages::mistakes::TWO_SECRETS.to_owned()),
        (None, None) => return Err(messages::mistakes::NO_SECRET.to_owned()),
        (None, Some(_)) if row.says_more_than_an_address() => {
            return Err(messages::mistakes::ADDRESS_SAYS.to_owned());
        }
        (None, Some(address)) => uri::one(address, at, now)?,
        (Some(secret), None) => {
            let secret = match secret.strip_prefix("hex:") {
                Some(hex) => key::hexadecimal(hex)?,
                None => key::base32(secret, &[])?,
            };
            let digits = uri::digits(row.digits.as_ref().map(Number::text).as_deref())?;
            let (algorithm, progress) = (uri::algorithm(row.algorithm.as_deref())?, progress(row, now)?);
            let device = ImportedDevice { algorithm, digits, ..ImportedDevice::new(secret, progress, "batch") };
            Entry { at: at.to_owned(), user: None, device, hints: Vec::new() }
        }
    };
    if let Some(label) = &row.label {
        entry.device.label.clone_from(label);
    }
    Ok(entry)
}

fn progress(row: &Row, now: Timestamp) -> Result<Progress, String> {
    let number = |number: &Option<Number>, name| uri::number(number.as_ref().map(Number::text).as_deref(), name);
    match row.kind.as_deref().unwrap_or("totp") {
        "totp" if row.counter.is_some() => Err(messages::mistakes::COUNTER_OF_HOTP.to_owned()),
        "hotp" if row.period.is_some() => Err(messages::mistakes::NO_PERIOD.to_owned()),
        "totp" => match number(&row.period, "period")?.unwrap_or(30) {
            period @ (30 | 60) => Ok(unknown(period, now)),
            period => Err(messages::mistakes::other_period(period)),
        },
        "hotp" => counting(number(&row.counter, "counter")?.unwrap_or(0)),
        _ => Err(messages::mistakes::OTHER_KIND.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twostep_core::otp::Algorithm;
    use twostep_core::time::Step;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000);
    const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn a_table_is_read_by_its_head() {
        let text = format!(
            "secret,user,kind,counter,label\n{KEY},alice,,,\n\"{KEY}\",bob,hotp,7,\"green, token\"\n# not this\nhex:3132333435363738393031323334353637383930,carol,,,\n"
        );
        let read = read(&text, NOW).into_iter().map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(read.iter().map(|one| one.user.as_deref().unwrap()).collect::<Vec<_>>(), ["alice", "bob", "carol"]);
        assert_eq!(
            (read[1].device.label.as_str(), &read[1].device.progress),
            ("green, token", &Progress::Counter { next: Step(7) })
        );
        assert_eq!(read[2].device.secret, read[0].device.secret);
        assert_eq!(read[1].at, "line 3");
    }

    #[test]
    fn json_is_a_list_or_objects_one_after_the_other() {
        let one = format!(r#"{{"user":"alice","secret":"{KEY}","digits":8,"period":"60","algorithm":"SHA512"}}"#);
        for text in [format!("[{one}]"), format!("{one}\n{one}")] {
            let entry = read(&text, NOW).remove(0).unwrap();
            assert_eq!((entry.device.digits, entry.device.algorithm), (8, Algorithm::Sha512));
            assert_eq!(entry.device.progress, unknown(60, NOW));
        }
        let uri = format!(r#"[{{"user":"bob","uri":"otpauth://totp/alice?secret={KEY}"}}]"#);
        assert_eq!(read(&uri, NOW).remove(0).unwrap().user.as_deref(), Some("bob"));
    }

    #[test]
    fn what_cannot_be_taken_over_is_told_with_its_line_and_no_secret() {
        for (text, at, why) in [
            (format!("user,secrte\nalice,{KEY}"), "line 1", "no column secrte"),
            (format!("user,secret\nalice,{KEY},x"), "line 2", "cells"),
            ("user,secret\nalice,".to_owned(), "line 2", "no secret"),
            (format!("user,secret,period\nalice,{KEY},45"), "line 2", "period is 45"),
            (format!("user,secret,kind\nalice,{KEY},motp"), "line 2", "neither"),
            (format!("user,secret,uri\nalice,{KEY},otpauth://"), "line 2", "one of them"),
            (format!(r#"[{{"user":"a","secret":["{KEY}"]}}]"#), "entry 1", "not an entry"),
            (format!(r#"{{"user":"a","secrets":"{KEY}"}}"#), "entry 1", "not an entry"),
            ("[".to_owned(), "the list", "no JSON from line 1"),
            (format!(r#"{{"user":"a","secret":"{KEY}","secret":"{KEY}"}}"#), "entry 1", "not an entry"),
            (format!(r#"[{{"user":"a","secret":"{KEY}","secret":"{KEY}"}}]"#), "entry 1", "not an entry"),
            (format!(r#"[{{"user":"a","secret":"{KEY}","digits":8.5}}]"#), "entry 1", "not an entry"),
            (format!(r#"[{{"users":[{{"user":"a","secret":"{KEY}"}}]}}]"#), "entry 1", "not an entry"),
            (format!("user,secret,secret\nalice,{KEY},{KEY}"), "line 1", "secret stands there twice"),
            (format!("secret\n{KEY}"), "line 2", "names no user"),
            (format!("user,secret\nalice,\"{KEY}\nbob,{KEY}\n"), "the table", "not closed"),
            (format!("user,secret\nalice,\"{KEY}\nbob,\"{KEY}\n"), "line 2", "no base32"),
            (format!("\n\nuser,secret,period\nalice,{KEY},45"), "line 4", "period is 45"),
            (format!("user,secret,counter\nalice,{KEY},5"), "line 2", "kind hotp"),
            (format!("user,secret,kind,period\nalice,{KEY},hotp,30"), "line 2", "no period"),
            (format!("user,uri,digits\nalice,otpauth://totp/a?secret={KEY},8"), "line 2", "leave them out"),
        ] {
            let mistake = read(&text, NOW).remove(0).unwrap_err();
            assert!(mistake.at == at && mistake.why.contains(why) && !mistake.why.contains(KEY), "{text}: {mistake:?}");
        }
    }

    #[test]
    fn a_wrong_entry_hides_none_behind_it() {
        let one = |user: &str| format!(r#"{{"user":"{user}","secret":"{KEY}"}}"#);
        let (good, wrong) = (one("alice"), r#"{"user":"bob","secrets":7}"#);
        for text in [format!("[{good},{wrong},{good}]"), format!("{good}\n{wrong}\n{good}")] {
            assert_eq!(read(&text, NOW).iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true], "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_batch_makes_it_panic(text in "[\\[{]?[\"a-z,:0-9\n#éA-Z2-7{}\\]]{0,120}") {
            let _ = read(&text, NOW);
            let _ = read(&format!("user,secret\n{text}"), NOW);
        }
    }
}
