//! A device whose clock drifts: the host follows it.

use super::clocks::accepted;
use super::*;

#[test]
fn a_phone_that_loses_a_second_a_day_works_for_years() {
    for rate in [-1_i64, 1] {
        let mut world = World::enrolled("");
        world.config = Config::parse("version = 1").unwrap();
        let mut seconds = 7_u64;
        for day in 0..730_i64 {
            // At any time of the day, typed within 5 to 18 seconds.
            seconds = seconds.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let pause = 86_400 - 43 + (seconds >> 33) % 86;
            world.pass(pause);
            let code = world.shown(rate * day);
            world.pass(5 + (seconds >> 40) % 14);
            let (verdict, _) = world.converse(&[code], 0);
            assert!(accepted(&verdict), "day {day} at {rate}: {verdict:?} with drift {}", world.drift());
        }
        assert!((world.drift().abs() - 24).abs() <= 1, "{}", world.drift());
    }
}

#[test]
fn a_code_half_a_step_or_more_from_now_moves_the_window() {
    for (offset, second, moves) in [
        (-2, 0, -1),
        (-2, 29, -1),
        (-1, 14, 0),
        (-1, 15, -1),
        (0, 29, 0),
        (1, 15, 1),
        (1, 16, 0),
        (2, 0, 1),
        (2, 29, 1),
    ] {
        let world = World::enrolled("[totp]\nwindow = 2");
        world.pass(3600);
        world.set_wall(START + 7200 + second);
        assert!(world.gets_in(&world.code(offset)));
        assert_eq!(world.drift(), moves, "{offset} steps off at second {second}");
    }
}

#[test]
fn learning_opens_no_spent_step() {
    let world = World::enrolled("");
    world.pass(3600);
    // Given 25 s into the next step: the phone is slow, and its window moves.
    let step = world.clock.now().wall.step(30);
    world.pass(30 - u64::try_from(world.clock.now().wall.0.rem_euclid(30)).unwrap() + 25);
    assert!(world.gets_in(&world.code_of(step)));
    assert_eq!(world.drift(), -1);
    fs::remove_file(world.ledger()).unwrap();
    for back in 0..4 {
        assert!(!world.gets_in(&world.code_of(step.shifted(-back))), "{back}");
    }
    world.pass(120);
    assert!(world.gets_in(&world.code(-1)));
}
