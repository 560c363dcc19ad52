//! What an attempt costs is recorded before it is known, and a code that paid for a change is in the
//! account that the change wrote.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

/// The failures that a process would leave that was ended now.
fn failures(world: &World) -> u32 {
    let sums = world.store().peek(&alice()).unwrap().throttle.sums();
    sums.strangers + sums.known
}

fn charged<T>(world: &World, change: impl FnMut(&mut Held, &()) -> T) -> Result<T, StoreError> {
    let source = Source::of(&Origin { rhost: Some("192.0.2.1".into()), ..Origin::default() }, &[]);
    let charge = |held: &mut Held| {
        let (now, limits) = (world.clock.now().uptime, world.config.limits());
        held.ledger.throttle.fail(&source, crate::throttle::Class::Stranger, now, &limits);
    };
    world.store().update_charged(&alice(), charge, change)
}

#[test]
fn while_an_answer_is_judged_its_failure_is_on_record() {
    let world = World::enrolled("");
    let during = charged(&world, |held, ()| {
        let seen = held.ledger.throttle.sums();
        (failures(&world), seen.strangers + seen.known)
    });
    assert_eq!(during, Ok((1, 0)), "it is recorded, and the change does not see it");
    assert_eq!(failures(&world), 0, "what was not wrong costs nothing in the end");
}

#[test]
fn a_wrong_code_is_charged_once_and_a_right_one_not_at_all() {
    let world = World::enrolled("");
    let _ = world.login("000000");
    assert_eq!(failures(&world), 1);
    assert!(world.gets_in(&world.code(0)));
    assert_eq!(failures(&world), 0);
}

#[test]
fn what_is_not_judged_is_not_charged() {
    let world = World::enrolled("");
    for answer in ["", "hello"] {
        let _ = world.login(answer);
        assert_eq!(world.store().peek(&alice()).map_or(0, |ledger| ledger.wrong.count), 0, "{answer:?}");
    }
}

#[test]
fn a_panic_while_an_answer_is_judged_takes_the_charge_back() {
    let world = World::enrolled("");
    let panicked = catch_unwind(AssertUnwindSafe(|| charged(&world, |_, ()| panic!("a defect"))));
    assert!(panicked.is_err());
    assert_eq!(failures(&world), 0);
}

#[test]
fn an_account_that_cannot_be_written_takes_the_charge_back() {
    let world = World::enrolled("");
    let temporary = world.account().with_file_name("alice.toml.new");
    fs::create_dir_all(temporary.join("full")).unwrap();
    let failed = charged(&world, |held, ()| held.keep(Keep::Account));
    assert!(failed.is_err());
    assert_eq!(failures(&world), 0);
}

/// The account is written before the ledger: here the process ends in between.
#[test]
fn a_code_that_paid_for_a_change_pays_for_nothing_else_even_if_the_ledger_was_not_written() {
    let world = World::enrolled("");
    let ledger = fs::read(world.ledger()).unwrap();
    let proof = Typed::new(world.code(0));
    let made = world.ask(Request::RegenerateRecoveryCodes { proof: proof.clone() });
    assert!(matches!(made, Response::RecoveryCodes { .. }));
    fs::write(world.ledger(), &ledger).unwrap();
    let again = world.ask(Request::RegenerateRecoveryCodes { proof: proof.clone() });
    assert!(matches!(again, Response::Refused(Refused { reason: Refusal::NotAccepted, .. })), "{again:?}");
    assert_eq!(reason(&world.login(proof.expose())), "spent-code");
}

/// Each write of a ledger goes to the older slot: cut at any byte, it leaves the newer one.
#[test]
fn a_ledger_that_was_cut_while_it_was_written_is_the_one_before() {
    let world = World::enrolled("");
    let spent = world.code(0);
    assert!(world.gets_in(&spent));
    let before = fs::read(world.ledger()).unwrap();
    world.store().update(&alice(), |held| held.ledger.wrong.add(&"x".repeat(64))).unwrap();
    let after = fs::read(world.ledger()).unwrap();
    let changed: Vec<usize> = (8..before.len()).filter(|at| before[*at] != after[*at]).collect();
    let (first, last) = (changed[0], *changed.last().unwrap());
    for cut in (first..=last).step_by(7) {
        let mut torn = before.clone();
        torn[first..cut].copy_from_slice(&after[first..cut]);
        fs::write(world.ledger(), &torn).unwrap();
        assert_eq!(world.store().peek(&alice()).unwrap().wrong.count, 0, "cut at {cut}");
        assert_eq!(reason(&world.login(&spent)), "spent-code", "cut at {cut}");
    }
}

/// Not torn, but changed by something else: the slot before it knows nothing of the last code.
#[test]
fn a_damaged_slot_reopens_no_code_that_it_recorded() {
    let world = World::enrolled("");
    let earlier = world.code(0);
    assert!(world.gets_in(&earlier));
    world.pass(30);
    let spent = world.code(0);
    let before = fs::read(world.ledger()).unwrap();
    assert!(world.gets_in(&spent));
    let whole = fs::read(world.ledger()).unwrap();
    let changed = (8..before.len()).filter(|at| before[*at] != whole[*at]);
    for at in changed.step_by(5) {
        let mut flipped = whole.clone();
        flipped[at] ^= 4;
        fs::write(world.ledger(), &flipped).unwrap();
        assert_eq!(reason(&world.login(&spent)), "spent-code", "byte {at}");
        assert_eq!(reason(&world.login(&spent)), "spent-code", "byte {at}, once more");
    }
}
