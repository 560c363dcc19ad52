//! A user with everything that an account may hold, for what is timed.

#![allow(dead_code, reason = "each program uses its part of it")]

use std::fs;

use nix::unistd::{getgid, getuid};
use tempfile::TempDir;
use twostep_core::account::{Account, Authenticator, Progress};
use twostep_core::app_password::{AppPasswords, NewAppPassword};
use twostep_core::ledger::Ledger;
use twostep_core::otp::Algorithm;
use twostep_core::recovery::RecoverySet;
use twostep_core::seal::SealKey;
use twostep_core::secret::{Secret, Typed};
use twostep_core::store::files::FilesStore;
use twostep_core::store::{Held, Keep};
use twostep_core::throttle::{Origin, Source, Sums};
use twostep_core::time::{Clock, Moment, Step, Timestamp, Uptime};
use twostep_core::username::{Person, Username};

/// A moment of RFC 6238's appendix B, and the last six digits of its code.
pub const NOW: Moment = Moment { wall: Timestamp(2_000_000_000), uptime: Uptime(5000) };
pub const RIGHT: &str = "279037";
pub const WRONG: &str = "000000";

/// A clock that stands.
pub struct Still;

impl Clock for Still {
    fn now(&self) -> Moment {
        NOW
    }
}

pub fn key() -> SealKey {
    SealKey::new(Secret::new(vec![7; 32])).unwrap()
}

pub fn source() -> Source {
    Source::of(&Origin { rhost: Some("198.51.100.7".to_owned()), ..Origin::default() }, &[])
}

/// This process's own user: files of others would be refused.
pub fn person() -> Person {
    Person { name: Username::new("alice"), alias: None.into(), uid: getuid().as_raw(), gid: getgid().as_raw() }
}

/// With so many authenticators, the last of which is RFC 6238's, and application passwords, the last
/// of which is given too.
pub fn account(authenticators: u8, passwords: usize) -> (Account, Vec<Typed>) {
    let person = person();
    let mut account = Account::new(&person.name, person.uid, NOW.wall);
    for number in (0..authenticators).rev() {
        let secret = if number == 0 { b"12345678901234567890".to_vec() } else { vec![number; 20] };
        account.authenticators.push(authenticator(number, &Secret::new(secret)));
    }
    account.recovery = Some(RecoverySet::generate(10, NOW.wall).unwrap().0);
    account.remember(source().as_str());
    let mut made = AppPasswords::new().unwrap();
    let words = (0..passwords).map(|number| made.add(wanted(number), NOW.wall).unwrap()).collect();
    account.app_passwords = Some(made).filter(|made| !made.list.is_empty());
    (account, words)
}

fn authenticator(number: u8, secret: &Secret) -> Authenticator {
    let mut one = Authenticator {
        id: format!("{number:016x}"),
        label: format!("phone {number}"),
        algorithm: Algorithm::Sha1,
        digits: 6,
        progress: Progress::Time { period: 30, drift: 0, spent: Step(1), resynchronized_at: None },
        added_at: NOW.wall,
        secret: String::new(),
    };
    one.secret = key().seal(secret, one.belongs("alice")).unwrap();
    one
}

fn wanted(number: usize) -> NewAppPassword {
    let (label, services) = (format!("client {number}"), vec!["imap".to_owned()]);
    NewAppPassword { label, services, networks: Vec::new(), expires: None, preset: false }
}

/// An account under its lock, with a ledger that nothing was written to since boot.
pub fn held(account: Account) -> Held {
    let Person { name, uid, .. } = person();
    let ledger = Ledger::new(Uptime(0), Sums::default());
    Held { name, uid, account: Some(account), ledger, spent_until: Timestamp(0), keep: Keep::Ledger }
}

/// Makes the folders of a store.
pub fn prepare(folder: &TempDir) {
    for name in ["state/accounts", "state/uids", "run/ledgers"] {
        fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("run/since"), "0\n").unwrap();
}

/// The store there, which has read nothing yet.
pub fn store(folder: &TempDir) -> FilesStore<Still> {
    FilesStore::below(folder.path(), Still)
}
