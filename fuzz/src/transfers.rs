//! Files of other programs and of other hosts. What is read has a key that may be one, and a device that
//! this host can have; what is not read says why, without the key.

use transfer::{self, Entry, Read};
use twostep_core::otp::{Label, OtpParameters, uri as written};
use twostep_core::secret::Typed;
use twostep_core::time::Step;

use crate::phone::WALL;

/// `~/.google_authenticator`.
pub fn google(bytes: &[u8]) {
    judge(&transfer::google::read(bytes, "file", WALL));
}

/// `users.oath`.
pub fn oath(bytes: &[u8]) {
    each(bytes, |text| transfer::oath::read(text, WALL));
}

/// `otpauth-migration://`.
pub fn migration(bytes: &[u8]) {
    each(bytes, |text| transfer::migration::read(text, WALL));
}

/// CSV or JSON.
pub fn batch(bytes: &[u8]) {
    each(bytes, |text| transfer::batch::read(text, WALL));
}

/// `otpauth://`. An address that is read is written as one that reads the same.
pub fn uri(bytes: &[u8]) {
    each(bytes, |text| transfer::uri::read(text, WALL));
    let Ok(Ok(entry)) = std::str::from_utf8(bytes).map(|text| transfer::uri::one(text, "address", WALL)) else {
        return;
    };
    let Entry { user: Some(user), device, .. } = entry else { return };
    let counter = match device.progress {
        twostep_core::account::Progress::Counter { next } => next,
        _ => Step(0),
    };
    let parameters =
        OtpParameters { algorithm: device.algorithm, digits: device.digits, factor: device.progress.factor() };
    let address = written(&device.secret, parameters, counter, Label { issuer: "example.org", account: &user });
    let again = transfer::uri::one(address.expose(), "address", WALL).expect("what is written is read");
    assert!(again.device.secret == device.secret && again.user == Some(user));
    assert_eq!((again.device.progress, again.device.digits), (device.progress, device.digits));
}

/// What stands before the accounts of a backup: nobody's file may ask for more than a host gives. What
/// it may cost is tried here only where it costs little.
pub fn backup(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let cost =
        |name: &str| text.split([' ', '\n']).filter_map(|word| word.strip_prefix(name)?.parse::<u64>().ok()).max();
    let is_cheap = cost("m=").is_none_or(|memory| memory <= 64 || memory > 1 << 20);
    if is_cheap && cost("t=").is_none_or(|passes| passes <= 2 || passes > 16) {
        let read = transfer::backup::read(text, &Typed::new("passphrase".to_owned()));
        assert!(read.is_err(), "nobody writes a backup by chance");
    }
}

fn each(bytes: &[u8], read: impl Fn(&str) -> Vec<Read>) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        read(text).iter().for_each(judge);
    }
}

fn judge(read: &Read) {
    match read {
        Ok(Entry { device, .. }) => {
            let factor = device.progress.factor();
            assert!((OtpParameters { algorithm: device.algorithm, digits: device.digits, factor }).are_possible());
            assert!((10..=128).contains(&device.secret.expose().len()));
            assert!(device.scratch_codes.iter().all(|code| code.expose().len() == 8));
        }
        Err(mistake) => assert!(!mistake.why.is_empty() && !mistake.at.is_empty()),
    }
}
