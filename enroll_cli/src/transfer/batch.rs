//! Our own format for batches: CSV (RFC 4180) with a head, or JSON.
//!
//! The columns, in any order: `user` and `secret` (base32, or hexadecimal behind `hex:`) or `uri`; and
//! where they differ from the usual `label`, `kind` (totp, hotp), `algorithm`, `digits`, `period`,
//! `counter` (of the next code).

use serde::Deserialize;
use twostep_core::account::Progress;
use twostep_core::enroll::Import;
use twostep_core::time::{Step, Timestamp};

use super::{Entry, Mistake, Read, key, unknown, uri};

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
    let begin = text.trim_start_matches('\u{feff}').trim_start();
    if begin.starts_with(['[', '{']) { json(begin, now) } else { csv(begin, now) }
}

/// A list of objects, or objects one after the other.
fn json(text: &str, now: Timestamp) -> Vec<Read> {
    let rows: Vec<Result<Row, serde_json::Error>> = if text.starts_with('[') {
        match serde_json::from_str::<Vec<serde_json::Value>>(text) {
            Ok(values) => values.into_iter().map(serde_json::from_value).collect(),
            Err(error) => vec![Err(error)],
        }
    } else {
        serde_json::Deserializer::from_str(text).into_iter().collect()
    };
    let numbered = rows.into_iter().enumerate().map(|(index, row)| (format!("entry {}", index + 1), row));
    // serde_json's own words may quote a value, which may be a secret.
    numbered
        .map(|(at, row)| match row {
            Ok(row) => entry(&row, at, now),
            Err(error) => Err(Mistake::new(
                at,
                format!("it is not an entry of a batch, at line {} column {}", error.line(), error.column()),
            )),
        })
        .collect()
}

fn csv(text: &str, now: Timestamp) -> Vec<Read> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(text.as_bytes());
    let mut all = Vec::new();
    let head = match reader.headers() {
        Ok(head) => head.clone(),
        Err(_) => return vec![Err(Mistake::new("line 1", "it is no head of a table"))],
    };
    if let Some(stranger) = head.iter().find(|name| !COLUMNS.contains(name)) {
        let shown = if stranger.len() <= 20 { stranger } else { "(a long one)" };
        return vec![Err(Mistake::new(
            "line 1",
            format!("there is no column {shown}; there are {}", COLUMNS.join(", ")),
        ))];
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
                Err(Mistake::new(at, "it has not as many cells as the head"))
            }
        });
    }
    all
}

/// What a row may say.
const COLUMNS: [&str; 9] = ["user", "secret", "uri", "label", "kind", "algorithm", "digits", "period", "counter"];

fn entry(row: &Row, at: String, now: Timestamp) -> Read {
    let user = (!row.user.is_empty()).then(|| row.user.clone());
    match device(row, &at, now) {
        Ok(entry) => Ok(Entry { user: user.or(entry.user), ..entry }),
        Err(why) => Err(Mistake { at, user, why }),
    }
}

fn device(row: &Row, at: &str, now: Timestamp) -> Result<Entry, String> {
    let mut entry = match (&row.secret, &row.uri) {
        (Some(_), Some(_)) => return Err("it has a secret and an address: one of them".to_owned()),
        (None, None) => return Err("it has no secret".to_owned()),
        (None, Some(address)) => uri::one(address, at, now)?,
        (Some(secret), None) => {
            let secret = match secret.strip_prefix("hex:") {
                Some(hex) => key::hexadecimal(hex)?,
                None => key::base32(secret, &[])?,
            };
            let digits = uri::digits(row.digits.as_ref().map(Number::text).as_deref())?;
            let (algorithm, progress) = (uri::algorithm(row.algorithm.as_deref())?, progress(row, now)?);
            let (label, from) = ("phone".to_owned(), "batch");
            let device = Import { label, secret, algorithm, digits, progress, scratch_codes: Vec::new(), from };
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
        "totp" => match number(&row.period, "period")?.unwrap_or(30) {
            period @ (30 | 60) => Ok(unknown(period, now)),
            period => Err(format!("its period is {period}, and this host knows 30 and 60 seconds")),
        },
        "hotp" => match number(&row.counter, "counter")?.unwrap_or(0) {
            next if next <= 1 << 48 => Ok(Progress::Counter { next: Step(next) }),
            _ => Err("its counter is too high".to_owned()),
        },
        _ => Err("its kind is neither totp nor hotp".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twostep_core::otp::Algorithm;

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
            ("[".to_owned(), "entry 1", "not an entry"),
        ] {
            let mistake = read(&text, NOW).remove(0).unwrap_err();
            assert!(mistake.at == at && mistake.why.contains(why) && !mistake.why.contains(KEY), "{text}: {mistake:?}");
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
