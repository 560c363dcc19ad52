//! The files that Twostep writes, as a disk, a backup or an attacker may give them back; and the
//! administrator's.

use sha2::{Digest, Sha256};
use twostep_core::account::Account;
use twostep_core::config::Config;
use twostep_core::ledger::{Ledger, SIZE, SLOT, newest, slot_at};
use twostep_core::refusals::Refusals;
use twostep_core::throttle::Sums;
use twostep_core::time::{Moment, Timestamp, Uptime};
use twostep_core::username::Username;

use crate::phone::NOW;

/// An account that is read is written as one that reads the same. The line that says that it is whole is
/// added here, or nothing but that line would ever be tried.
pub fn account(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let alice = Username::new("alice");
    let parse = |text: &str| Account::parse(text, &alice, 1000);
    let _ = parse(text);
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let body = format!("{text}{end}");
    let whole = format!("{body}# sha256 {}\n", data_encoding::HEXLOWER.encode(&Sha256::digest(body.as_bytes())));
    match parse(&whole) {
        Ok(account) => {
            assert_eq!(parse(&account.to_text()).as_ref(), Ok(&account));
            for one in &account.authenticators {
                let (now, window) = (NOW.wall, one.window(NOW.wall, 2));
                assert!(window.oldest <= window.newest && window.newest.0 - window.oldest.0 <= 11);
                let _ = (one.expected(now), one.ahead(window.newest, now), one.host_time(window.oldest));
            }
            let _ = (account.authenticator_statuses(), account.recovery_status());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A ledger that is read is written as one that reads the same, and fits into its file. The head, which
/// holds the digest, is made here.
pub fn ledger(bytes: &[u8]) {
    let _ = Ledger::from_slot(bytes);
    let head = Ledger::new(Uptime(0), Sums::default()).to_slot(0);
    let body = bytes.get(..bytes.len().min(SLOT - 36)).unwrap_or_default();
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    let digest = Sha256::new().chain_update(0_u64.to_le_bytes()).chain_update(body).finalize();
    let parts = [head.get(..16), Some(length.as_slice()), digest.get(..16), Some(body)];
    let mut whole = parts.map(Option::unwrap_or_default).concat();
    whole.resize(SLOT, 0);
    let Some((_, ledger)) = Ledger::from_slot(&whole) else { return };
    assert_eq!(Ledger::from_slot(&ledger.to_slot(1)), Some((1, ledger.clone())));
    let _ = (ledger.epoch_time(NOW), ledger.epoch_time(Moment { wall: Timestamp(i64::MIN), uptime: Uptime(u64::MAX) }));
    let _ = (ledger.throttle.sums(), ledger.passed_just_now(NOW.uptime));
    let mut next = ledger.clone();
    next.belong_to(u32::MAX - 1, Sums::default());
    assert!(next.is_of(u32::MAX - 1) && next.epoch == ledger.epoch && next.spent == ledger.spent);
}

/// A ledger file, of which the last write was cut or something else changed bytes. The first byte says
/// which slot the bytes behind it go to, and what the two slots hold before.
pub fn slots(bytes: &[u8]) {
    let Some((how, rest)) = bytes.split_first() else { return };
    let mut file = vec![0; SIZE];
    for sequence in [u64::from(how & 1), u64::from(how & 1) + 1] {
        put(&mut file, slot_at(sequence), &Ledger::new(Uptime(sequence), Sums::default()).to_slot(sequence));
    }
    let changed = slot_at(u64::from(how >> 1 & 1));
    put(&mut file, changed, rest);
    let read = newest(|to, at| {
        let part = usize::try_from(at).ok().and_then(|at| file.get(at..at.checked_add(to.len())?));
        to.copy_from_slice(part.ok_or(std::io::ErrorKind::UnexpectedEof)?);
        Ok(())
    });
    // One slot was not touched: its ledger counts, or a newer one.
    let whole = u64::from(how & 1) + u64::from(slot_at(u64::from(how & 1)) == changed);
    let read = read.expect("one slot is whole");
    assert!(read.sequence >= whole, "{} of {whole}", read.sequence);
    if read.may_be_behind {
        assert_eq!((read.sequence, read.ledger.epoch), (whole, Uptime(whole)));
    }
}

fn put(file: &mut [u8], at: u64, bytes: &[u8]) {
    let room = usize::try_from(at).ok().and_then(|at| file.get_mut(at..)).unwrap_or_default();
    room.iter_mut().take(SLOT).zip(bytes).for_each(|(to, from)| *to = *from);
}

/// The counts of refused application passwords: read, counted up and written as ones that read the same.
pub fn refusals(bytes: &[u8]) {
    let mut refusals = Refusals::from_bytes(bytes);
    let _ = refusals.count("192.0.2.1", NOW.uptime);
    let _ = refusals.count("192.0.2.2", Uptime(u64::MAX));
    assert_eq!(Refusals::from_bytes(&refusals.to_bytes()), refusals);
}

/// The administrator's file: every bound of what was read holds, and every mistake has its place in it.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Config::parse(text) {
        Ok(config) => {
            assert!(config.parameters().are_possible() && config.totp.window <= 2);
            let limits = config.limits();
            assert!((1..=100).contains(&limits.cap) && (1..=100).contains(&limits.failures));
        }
        Err(error) => assert!(!error.to_string().is_empty() && !error.to_string().contains('\n')),
    }
}
