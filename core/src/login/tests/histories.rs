//! Random histories of codes, clocks, ledgers and boots.

use std::cell::Cell;
use std::fs;

use proptest::prelude::*;

use super::{PARAMETERS, World};
use crate::otp::code_at;
use crate::time::{Clock, Moment, Step, Timestamp, Uptime};
use crate::verdict::Verdict;

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
        2 => Just(Event::SetRight),
    ];
    prop::collection::vec(event, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever happens to clocks, ledgers and boots: no step is granted twice or out of order, and
    /// once the clock is right a right code works within the window's time.
    #[test]
    fn no_step_is_ever_granted_twice(drift in -60_i32..=60, events in events()) {
        let world = World::enrolled("[throttle]\nfailures = 100\n[recovery]\ncount = 1\n");
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
        let step = world.clock.now().wall.step(30).shifted(drift.into());
        let code = code_at(&world.secret, PARAMETERS, step.0);
        prop_assert_eq!(world.login(&code).word(), "accepted");
    }
}
