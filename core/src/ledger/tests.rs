//! What a ledger keeps, and what is none.

use proptest::prelude::*;

use super::*;

/// As full as a ledger gets.
fn full() -> Ledger {
    let mut ledger = Ledger::new(Uptime(7), Sums::default());
    ledger.belong_to(1000, Sums { strangers: 3, known: 4, anyone: 5, callers: 6 });
    for number in 0..40 {
        ledger.spend(&format!("{number:016x}"), Step(number));
    }
    for number in 0..100 {
        ledger.show("0000000000000000", Step(number));
    }
    for number in 0..16 {
        let source = if number % 4 == 3 { format!("caller:{}", "x".repeat(63)) } else { "x".repeat(70) };
        let class = [Class::Stranger, Class::Known, Class::Anyone, Class::Caller][number as usize % 4];
        ledger.throttle.slots.push(Slot { source, class, failures: number, until: Uptime(9) });
    }
    ledger.wrong.add(&"y".repeat(70));
    ledger.unnoticed.add(&"z".repeat(70));
    ledger.pass(Uptime(77));
    for number in 0..60 {
        ledger.remember(format!("{number:045} {}", "s".repeat(64)), Uptime(number));
        ledger.use_app_password(&format!("{number:016x}"), Use { at: -1, source: "u".repeat(70) });
    }
    for ordinal in 0..20 {
        let place = ExchangePlace { attempt: "f".repeat(32), ordinal, peer: "p".repeat(160) };
        ledger.note_exchange(place, "v".repeat(512), Uptime(77));
    }
    ledger.lose((0..70).map(|number| format!("a{number:016x}")));
    ledger
}

#[test]
fn a_full_ledger_fits_and_comes_back() {
    let bytes = full().to_slot(77);
    assert!(bytes.len() <= SLOT, "{}", bytes.len());
    assert_eq!(Ledger::slot_length(&bytes), Some(bytes.len()));
    let (sequence, read) = Ledger::from_slot(&bytes).unwrap();
    assert_eq!(sequence, 77);
    assert_eq!((read.spent.len(), read.shown.len()), (SPENT, SHOWN));
    assert!(read.was_shown("0000000000000000", Step(99)) && !read.was_shown("0000000000000000", Step(3)));
    assert_eq!((read.throttle.slots.len(), read.remembered.len(), read.uses.len()), (16, REMEMBERED, USES));
    assert!(read.last_use("000000000000003b").is_some() && read.last_use("0000000000000000").is_none());
    assert!(read.has_lost("a0000000000000045") && !read.has_lost("a0000000000000000"));
    let place = |ordinal| ExchangePlace { attempt: "f".repeat(32), ordinal, peer: "p".repeat(160) };
    assert!(read.exchanged(&place(19), Uptime(80)).is_some() && read.exchanged(&place(3), Uptime(80)).is_none());
    assert_eq!(read.to_slot(77), bytes);
}

#[test]
fn what_is_used_up_stays_so_when_the_rest_is_regained() {
    let mut ledger = Ledger::new(Uptime(7), Sums::default());
    ledger.lose(["c1", "a2"].map(str::to_owned).into_iter());
    ledger.regain(|gone| gone.starts_with('c'));
    assert!(ledger.has_lost("c1") && !ledger.has_lost("a2"));
}

#[test]
fn any_flipped_bit_is_seen() {
    let bytes = full().to_slot(77);
    for position in 0..2000 {
        let mut torn = bytes.clone();
        torn[position] ^= 0x10;
        assert_eq!(Ledger::from_slot(&torn), None, "byte {position}");
    }
}

#[test]
fn two_writes_in_a_row_never_touch_the_same_slot() {
    let (even, odd) = (slot_at(6), slot_at(7));
    assert_eq!((even, odd), (slot_at(8), slot_at(9)));
    assert_eq!(even.abs_diff(odd), SLOT as u64);
    assert!(even >= HOLDER_AT + 32 && odd + SLOT as u64 <= SIZE as u64);
}

#[test]
fn a_spent_step_never_goes_down() {
    let mut ledger = Ledger::new(Uptime(0), Sums::default());
    ledger.spend("a", Step(9));
    ledger.spend("a", Step(8));
    assert_eq!(ledger.spent("a"), Some(Step(9)));
}

#[test]
fn another_user_of_the_name_starts_over_and_reopens_nothing() {
    let mut ledger = full();
    let before = ledger.clone();
    ledger.belong_to(1000, Sums::default());
    assert_eq!(ledger, before);
    let own = Sums { strangers: 1, ..Sums::default() };
    ledger.belong_to(1001, own);
    assert!(ledger.is_of(1001) && !ledger.is_of(1000));
    assert_eq!((&ledger.spent, &ledger.shown, &ledger.gone), (&before.spent, &before.shown, &before.gone));
    assert_eq!(ledger.epoch, before.epoch);
    let fresh = Ledger::new(Uptime(7), own);
    assert_eq!((&ledger.throttle, &ledger.wrong, &ledger.unnoticed), (&fresh.throttle, &fresh.wrong, &fresh.unnoticed));
    assert_eq!((ledger.passed, ledger.remembered.len(), ledger.uses.len()), (None, 0, 0));
    assert!(ledger.exchanges.is_empty());
}

/// The file of these two slots.
fn file(slots: [&[u8]; 2]) -> Vec<u8> {
    let mut bytes = vec![0; SIZE];
    for (number, slot) in slots.into_iter().enumerate() {
        let at = usize::try_from(slot_at(number as u64)).unwrap();
        bytes[at..at + slot.len()].copy_from_slice(slot);
    }
    bytes
}

fn newest_of(file: &[u8]) -> Option<Newest> {
    newest(|to, at| {
        let at = usize::try_from(at).unwrap();
        to.copy_from_slice(file.get(at..at + to.len()).ok_or(std::io::ErrorKind::UnexpectedEof)?);
        Ok(())
    })
}

#[test]
fn the_newer_whole_slot_counts_and_a_damaged_one_is_told() {
    let (old, new) = (Ledger::new(Uptime(1), Sums::default()), full());
    let of = |slots| newest_of(&file(slots)).map(|newest| (newest.sequence, newest.may_be_behind));
    let (old, new) = (old.to_slot(8), new.to_slot(9));
    assert!(new.len() > 4096);
    assert_eq!(of([&old, &new]), Some((9, false)));
    assert_eq!(of([&new, &old]), Some((9, false)));
    assert_eq!(of([&old, &[]]), Some((8, false)), "the other one was never written");
    assert_eq!(of([&old, &new[..new.len() / 2]]), Some((8, true)));
    assert_eq!(of([b"x", &new]), Some((9, true)));
    assert_eq!((of([&[], &[]]), of([b"x", b"y"])), (None, None));
    assert_eq!(newest_of(&file([&old, &new])[..SIZE - 1]).map(|newest| newest.sequence), Some(9));
    assert_eq!(newest_of(&[]), None);
}

#[test]
fn a_place_is_remembered_as_long_as_policy_says() {
    let mut ledger = Ledger::new(Uptime(0), Sums::default());
    ledger.remember("192.0.2.1 sshd".into(), Uptime(100));
    let holds = |place, now| ledger.remembers(place, Uptime(now), Duration::from_secs(60));
    assert!(holds("192.0.2.1 sshd", 159) && !holds("192.0.2.1 sshd", 160) && !holds("192.0.2.1 sudo", 101));
}

#[test]
fn a_judged_answer_is_remembered_for_five_minutes_and_for_its_sender_alone() {
    let mut ledger = Ledger::new(Uptime(0), Sums::default());
    let place =
        |attempt: &str, ordinal, peer: &str| ExchangePlace { attempt: attempt.into(), ordinal, peer: peer.into() };
    ledger.note_exchange(place("a", 1, "root sshd"), "wrong".into(), Uptime(100));
    let at = |now| ledger.exchanged(&place("a", 1, "root sshd"), Uptime(now)).is_some();
    assert_eq!([99, 100, 400, 401].map(at), [false, true, true, false]);
    for other in [place("b", 1, "root sshd"), place("a", 2, "root sshd"), place("a", 1, "uid:1000 sshd")] {
        assert_eq!(ledger.exchanged(&other, Uptime(100)), None, "{other:?}");
    }
}

#[test]
fn a_second_step_is_fresh_for_two_minutes() {
    let mut ledger = Ledger::new(Uptime(0), Sums::default());
    assert!(!ledger.passed_just_now(Uptime(0)));
    ledger.pass(Uptime(100));
    let fresh = [99, 100, 220, 221].map(|now| ledger.passed_just_now(Uptime(now)));
    assert_eq!(fresh, [false, true, true, false]);
}

#[test]
fn the_floor_follows_the_time_since_boot() {
    let ledger = Ledger::new(Uptime(100), Sums::default());
    let now = |wall, uptime| Moment { wall: Timestamp(wall), uptime: Uptime(uptime) };
    assert_eq!(ledger.epoch_time(now(5000, 160)), Timestamp(4940));
    assert_eq!(ledger.epoch_time(now(5000, 90)), Timestamp(5000));
}

proptest! {
    #[test]
    fn garbage_is_no_ledger(bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
        prop_assert_eq!(Ledger::from_slot(&bytes), None);
    }

    #[test]
    fn a_truncated_ledger_is_none(length in 0_usize..SLOT) {
        let bytes = full().to_slot(1);
        prop_assert_eq!(Ledger::from_slot(bytes.get(..length % bytes.len()).unwrap()), None);
    }
}
