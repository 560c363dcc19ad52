//! `otpauth-migration://offline?data=...`: what the app Google Authenticator shows to move devices to
//! another phone. The data is base64 of a Protocol Buffers message (Aegis' google_auth.proto).
//!
//! The few fields are read here: a compiler of such messages and its runtime would be larger than
//! everything else that imports.

use data_encoding::BASE64;
use twostep_core::enroll::ImportedDevice;
use twostep_core::otp::Algorithm;
use twostep_core::time::Timestamp;

use super::uri::{Parameters, strip, user_of};
use super::{Entry, Mistake, Read, counting, unknown};
use crate::messages;

/// Reads addresses, one a line. An export of several pictures has to be whole.
pub fn read(text: &str, now: Timestamp) -> Vec<Read> {
    let mut all = Vec::new();
    let mut batches: Vec<(u64, u64, Vec<u64>)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let (at, line) = (format!("line {}", index + 1), line.trim());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match payload(line, &at, now) {
            Ok(payload) => {
                all.extend(payload.entries);
                match batches.iter_mut().find(|(id, ..)| *id == payload.batch) {
                    Some((.., seen)) => seen.push(payload.index),
                    None => batches.push((payload.batch, payload.size, vec![payload.index])),
                }
            }
            Err(why) => all.push(Err(Mistake::new(at, why))),
        }
    }
    for (_, size, seen) in batches {
        let missing = (0..size.min(100)).filter(|index| !seen.contains(index)).map(|index| (index + 1).to_string());
        let missing = missing.collect::<Vec<_>>();
        if !missing.is_empty() {
            let why = messages::mistakes::pictures_missing(size, &missing.join(", "));
            all.push(Err(Mistake::new("export", why)));
        }
    }
    all
}

struct Payload {
    entries: Vec<Read>,
    size: u64,
    index: u64,
    batch: u64,
}

fn payload(address: &str, at: &str, now: Timestamp) -> Result<Payload, String> {
    let rest = strip(address, "otpauth-migration://").ok_or(messages::mistakes::NO_EXPORT_ADDRESS)?;
    let query = rest.split_once('?').map(|(_, query)| query).ok_or(messages::mistakes::NO_DATA)?;
    let parameters = Parameters::read(query)?;
    // A plus sign may have become a space on the way, and padding may be missing.
    let text = parameters.value("data").ok_or(messages::mistakes::NO_DATA)?.replace(' ', "+");
    let text = text.trim_end_matches('=');
    let padded = format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4));
    let bytes = BASE64.decode(padded.as_bytes()).map_err(|_| messages::mistakes::NO_BASE64)?;
    let mut payload = Payload { entries: Vec::new(), size: 1, index: 0, batch: 0 };
    for field in fields(&bytes)? {
        match field {
            (1, Value::Bytes(inner)) => {
                let number = payload.entries.len() + 1;
                let at = format!("{at}, device {number}");
                payload.entries.push(device(inner, &at, now).map_err(|why| Mistake::new(at, why)));
            }
            (3, Value::Number(size)) => payload.size = size,
            (4, Value::Number(index)) => payload.index = index,
            (5, Value::Number(batch)) => payload.batch = batch,
            _ => {}
        }
    }
    Ok(payload)
}

fn device(bytes: &[u8], at: &str, now: Timestamp) -> Result<Entry, String> {
    let (mut key, mut name, mut algorithm, mut digits, mut kind, mut counter) = (Vec::new(), String::new(), 0, 0, 0, 0);
    for field in fields(bytes)? {
        match field {
            (1, Value::Bytes(bytes)) => key = bytes.to_vec(),
            (2, Value::Bytes(bytes)) => name = String::from_utf8_lossy(bytes).into_owned(),
            (4, Value::Number(number)) => algorithm = number,
            (5, Value::Number(number)) => digits = number,
            (6, Value::Number(number)) => kind = number,
            (7, Value::Number(number)) => counter = number,
            _ => {}
        }
    }
    let algorithm = match algorithm {
        0 | 1 => Algorithm::Sha1,
        2 => Algorithm::Sha256,
        3 => Algorithm::Sha512,
        4 => return Err(messages::mistakes::MD5.to_owned()),
        _ => return Err(messages::mistakes::UNKNOWN_ALGORITHM.to_owned()),
    };
    let digits = match digits {
        0 | 1 => 6,
        2 => 8,
        _ => return Err(messages::mistakes::UNKNOWN_DIGITS.to_owned()),
    };
    let progress = match kind {
        0 | 2 => unknown(30, now),
        1 => counting(counter)?,
        _ => return Err(messages::mistakes::NEITHER_TYPE.to_owned()),
    };
    let account = name.rsplit_once(':').map_or(name.as_str(), |(_, account)| account);
    let device =
        ImportedDevice { algorithm, digits, ..ImportedDevice::new(super::key(key)?, progress, "otpauth-migration") };
    Ok(Entry { at: at.to_owned(), user: user_of(account), device, hints: Vec::new() })
}

/// A field of a message.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, each with its number.
fn fields(mut bytes: &[u8]) -> Result<Vec<(u64, Value<'_>)>, &'static str> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let tag = number(&mut bytes).ok_or(messages::mistakes::CUT)?;
        let value = match tag & 7 {
            0 => Value::Number(number(&mut bytes).ok_or(messages::mistakes::CUT)?),
            2 => {
                let length = usize::try_from(number(&mut bytes).ok_or(messages::mistakes::CUT)?)
                    .map_err(|_| messages::mistakes::CUT)?;
                Value::Bytes(taken(&mut bytes, length).ok_or(messages::mistakes::CUT)?)
            }
            1 => Value::Bytes(taken(&mut bytes, 8).ok_or(messages::mistakes::CUT)?),
            5 => Value::Bytes(taken(&mut bytes, 4).ok_or(messages::mistakes::CUT)?),
            _ => return Err(messages::mistakes::NO_EXPORT),
        };
        all.push((tag >> 3, value));
    }
    Ok(all)
}

fn taken<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(head)
}

/// Seven bits a byte, the lowest first; the last byte has its highest bit clear.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *taken(bytes, 1)?.first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;
    use twostep_core::account::Progress;
    use twostep_core::time::Step;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000);
    const KEY: &[u8] = b"12345678901234567890";

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    fn device_of(name: &str, rest: &[u8]) -> Vec<u8> {
        field(1, &[field(1, KEY), field(2, name.as_bytes()), rest.to_vec()].concat())
    }

    fn address(message: &[u8]) -> String {
        let data = BASE64.encode(message);
        format!("otpauth-migration://offline?data={}", utf8_percent_encode(&data, NON_ALPHANUMERIC))
    }

    fn one(rest: &[u8]) -> Read {
        read(&address(&device_of("Example:alice@host", rest)), NOW).remove(0)
    }

    #[test]
    fn an_export_is_read_with_the_defaults_of_its_fields() {
        let entry = one(&[]).unwrap();
        assert_eq!((entry.user.as_deref(), entry.device.digits), (Some("alice"), 6));
        assert_eq!((entry.device.secret.expose(), entry.device.progress), (KEY, unknown(30, NOW)));
        let entry = one(&[0x20, 2, 0x28, 2, 0x30, 1, 0x38, 0x85, 1, 0x40, 9]).unwrap();
        assert_eq!((entry.device.algorithm, entry.device.digits), (Algorithm::Sha256, 8));
        assert_eq!(entry.device.progress, Progress::Counter { next: Step(133) });
    }

    #[test]
    fn what_the_way_did_to_the_data_is_put_right() {
        let data = BASE64.encode(&device_of("alice", &[]));
        let bare = format!("otpauth-migration://offline?data={}", data.trim_end_matches('=').replace('+', "%20"));
        assert!(read(&bare, NOW)[0].is_ok());
    }

    #[test]
    fn an_export_of_several_pictures_has_to_be_whole() {
        let part = |index: u8| address(&[device_of("alice", &[]), vec![0x18, 2, 0x20, index, 0x28, 7]].concat());
        assert!(read(&format!("{}\n{}\n", part(0), part(1)), NOW).iter().all(Result::is_ok));
        let half = read(&part(1), NOW);
        assert!(half[1].as_ref().unwrap_err().why.contains("of the 2 pictures of this export, 1 is missing"));
    }

    #[test]
    fn what_cannot_be_taken_over_is_told() {
        let why = |rest: &[u8]| one(rest).unwrap_err().why;
        assert!(why(&[0x20, 4]).contains("MD5") && why(&[0x20, 9]).contains("not known"));
        assert!(why(&[0x28, 9]).contains("digits") && why(&[0x30, 9]).contains("neither"));
        assert!(why(&[0x38]).contains("middle") && why(&[0x3b]).contains("no export"));
        let of = |address: &str| read(address, NOW).remove(0).unwrap_err().why;
        assert!(of("otpauth://totp/x").contains("no otpauth-migration"));
        assert!(of("otpauth-migration://offline?data=!!").contains("no base64"));
        assert!(of("otpauth-migration://offline").contains("no data"));
    }

    proptest! {
        #[test]
        fn no_message_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&address(&bytes), NOW);
            let _ = read(&address(&field(1, &bytes[..bytes.len().min(100)])), NOW);
        }
    }
}
