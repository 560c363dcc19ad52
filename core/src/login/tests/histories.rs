//! Random histories of codes, clocks, ledgers and boots.

use std::cell::Cell;
use std::fs;

use proptest::prelude::*;

use super::{PARAMETERS, World};
use crate::otp::code_at;
use crate::time::{Clock, Moment, Step, Timestamp, Uptime};
use crate::verdict::Verdict;

/// Each case writes many files, so these have fewer than others, and fewer still where
/// `PROPTEST_CASES` says so.
fn at_most(cases: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.min(cases), ..usual }
}

#[derive(Debug, Clone)]
enum Event {
    Pass(u64),
    Login(i64),
    Replay(prop::sample::Index),
    Reboot,
    WipeLedger,
    Garbage,
    SetWall(i64),
    SetRight,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0_u64..100).prop_map(Event::Pass),
        5 => (-2_i64..=2).prop_map(Event::Login),
        5 => any::<prop::sample::Index>().prop_map(Event::Replay),
        1 => Just(Event::Reboot),
        1 => Just(Event::WipeLedger),
        1 => Just(Event::Garbage),
        2 => (-20_000_i64..20_000).prop_map(Event::SetWall),
        1 => (-100_000_000_i64..100_000_000).prop_map(Event::SetWall),
        2 => Just(Event::SetRight),
    ];
    prop::collection::vec(event, 0..40)
}

proptest! {
    #![proptest_config(at_most(96))]

    /// Whatever happens to clocks, ledgers and boots: no step is granted twice or out of order, and
    /// once the clock is right a right code works within the window's time, or that and the next.
    #[test]
    fn no_step_is_ever_granted_twice(drift in -50_i32..=50, events in events()) {
        let world = World::enrolled("[totp]\nresync_range = \"30m\"\n[throttle]\nfailures = 100\n[recovery]\ncount = 1\n");
        world.drift_for_test(drift);
        // The true time; the host's clock may say something else.
        let truth = Cell::new(world.clock.now().wall.0);
        let (mut last, mut seen) = (None, Vec::new());
        let mut attempt = |step: Step| {
            let code = code_at(&world.secret, PARAMETERS, step.0);
            if matches!(world.try_from(&code, "192.0.2.1"), Ok(Verdict::Accepted(_))) {
                assert!(last.is_none_or(|last| step > last), "{step:?} after {last:?}");
                last = Some(step);
            }
        };
        for event in events {
            match event {
                Event::Pass(seconds) => {
                    world.pass(seconds);
                    truth.set(truth.get() + i64::try_from(seconds).unwrap());
                }
                Event::Login(offset) => {
                    let step = Timestamp(truth.get()).step(30).shifted(i64::from(drift) + offset.min(0));
                    seen.push(step);
                    attempt(step);
                }
                Event::Replay(index) if !seen.is_empty() => attempt(*index.get(&seen)),
                Event::Replay(_) => {}
                Event::Reboot => {
                    fs::remove_dir_all(world.folder.path().join("run/ledgers")).unwrap();
                    fs::create_dir(world.folder.path().join("run/ledgers")).unwrap();
                    fs::write(world.folder.path().join("run/since"), "1").unwrap();
                    world.clock.0.set(Moment { uptime: Uptime(2), ..world.clock.now() });
                }
                Event::WipeLedger => drop(fs::remove_file(world.ledger())),
                Event::Garbage => fs::write(world.ledger(), "garbage").unwrap(),
                Event::SetWall(offset) => world.set_wall(truth.get() + offset),
                Event::SetRight => world.set_wall(truth.get()),
            }
        }
        world.set_wall(truth.get());
        let _ = world.try_from(&world.codes[0], "192.0.2.1").unwrap();
        world.pass(90);
        // Codes that came late, or under a wrong clock, may have moved what is expected of the phone.
        let step = world.clock.now().wall.step(30).shifted(drift.into());
        let (verdict, _) = world.converse(&[world.code_of(step), world.code_of(step.shifted(1))], 30);
        prop_assert_eq!(verdict.word(), "accepted", "{:?}", verdict);
    }
}

#[derive(Debug, Clone)]
enum Act {
    Pass(u64),
    /// The phone's clock is set, this many seconds ahead of the true time. With what the host's is
    /// off it stays within reach: of codes beyond it nothing is known.
    SetPhone(i64),
    /// The owner logs in, and answers the second question after so many seconds.
    Login(u64),
    /// The owner gives one code, and walks away.
    GiveUp,
    /// Somebody gives two codes that were seen before, with a pause between.
    Replay(prop::sample::Index, prop::sample::Index, u64),
    Reboot,
    SetWall(i64),
    SetRight,
}

fn turns() -> impl Strategy<Value = Vec<Act>> {
    let turn = prop_oneof![
        4 => (0_u64..200).prop_map(Act::Pass),
        3 => (-480_i64..480).prop_map(Act::SetPhone),
        5 => (0_u64..45).prop_map(Act::Login),
        3 => Just(Act::GiveUp),
        6 => (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u64..90)
            .prop_map(|(first, second, pause)| Act::Replay(first, second, pause)),
        1 => Just(Act::Reboot),
        1 => (-100_i64..100).prop_map(Act::SetWall),
        2 => Just(Act::SetRight),
    ];
    prop::collection::vec(turn, 0..30)
}

proptest! {
    #![proptest_config(at_most(192))]

    /// Whatever the owner's phone shows and somebody else has seen: no step is granted twice or out
    /// of order, nothing that was typed before gets anybody in, and two fresh codes that follow each
    /// other let the owner in again.
    #[test]
    fn only_the_owner_gets_in(turns in turns()) {
        let world = World::enrolled("[throttle]\nfailures = 100\n[recovery]\ncount = 1\n");
        let (ahead, lie) = (Cell::new(0_i64), Cell::new(0_i64));
        let truth = |world: &World| world.clock.now().wall.0 - lie.get();
        let phone = |world: &World| Timestamp(truth(world) + ahead.get()).step(30);
        let (mut last, mut seen): (Option<Step>, Vec<Step>) = (None, Vec::new());
        for turn in turns {
            match turn {
                Act::Pass(seconds) => world.pass(seconds),
                Act::SetPhone(seconds) => ahead.set(seconds),
                Act::Login(pause) => {
                    let first = phone(&world);
                    // Whoever is asked for the next code waits until the phone shows it.
                    let answers = [world.code_of(first), world.code_of(first.shifted(1))];
                    let (verdict, taken) = world.converse(&answers, 30_u64.max(pause));
                    let given = [first, first.shifted(1)].into_iter().take(taken);
                    let newest = given.clone().next_back();
                    if matches!(verdict, Verdict::Accepted(_)) {
                        prop_assert!(newest.is_some_and(|step| last.is_none_or(|last| step > last)), "{newest:?} after {last:?}");
                        prop_assert!(newest.is_some_and(|step| !seen.contains(&step)), "{newest:?} was seen");
                        last = newest;
                    }
                    seen.extend(given);
                }
                Act::GiveUp => {
                    let step = phone(&world);
                    let (verdict, _) = world.converse(&[world.code_of(step)], 0);
                    if matches!(verdict, Verdict::Accepted(_)) {
                        prop_assert!(last.is_none_or(|last| step > last) && !seen.contains(&step));
                        last = Some(step);
                    }
                    seen.push(step);
                }
                Act::Replay(first, second, pause) if !seen.is_empty() => {
                    let answers = [first, second].map(|index| world.code_of(*index.get(&seen)));
                    let (verdict, _) = world.converse(&answers, pause);
                    // Once in ten thousand runs, a step that nobody has seen has the same code.
                    let here = world.clock.now().wall.step(30);
                    let mut near = (-21..=21).map(|offset| here.shifted(offset)).filter(|step| !seen.contains(step));
                    let is_chance = near.any(|step| answers.contains(&world.code_of(step)));
                    prop_assert!(is_chance || !matches!(verdict, Verdict::Accepted(_)), "{verdict:?}");
                }
                Act::Replay(..) => {}
                Act::Reboot => {
                    // It takes longer than the codes of a window live, and the ledger takes what it
                    // knew of refused codes with it: those of the time after it count again, also after a clock
                    // that was ahead then is set right.
                    world.pass(120);
                    let known = Timestamp(world.clock.now().wall.0.min(truth(&world)));
                    seen.retain(|step| *step <= known.step(30));
                    fs::remove_dir_all(world.folder.path().join("run/ledgers")).unwrap();
                    fs::create_dir(world.folder.path().join("run/ledgers")).unwrap();
                    fs::write(world.folder.path().join("run/since"), "1").unwrap();
                    world.clock.0.set(Moment { uptime: Uptime(2), ..world.clock.now() });
                }
                Act::SetWall(seconds) => {
                    let now = truth(&world);
                    lie.set(seconds);
                    world.set_wall(now + seconds);
                }
                Act::SetRight => {
                    let now = truth(&world);
                    lie.set(0);
                    world.set_wall(now);
                }
            }
        }
        let now = truth(&world);
        lie.set(0);
        world.set_wall(now);
        let _ = world.login(&world.codes[0]);
        // By then every code is newer than all that may be spent.
        world.pass(3600);
        let first = phone(&world);
        let (verdict, _) = world.converse(&[world.code_of(first), world.code_of(first.shifted(1))], 30);
        prop_assert!(matches!(verdict, Verdict::Accepted(_)), "{verdict:?} at {}", ahead.get());
    }
}
