//! Password and code in one answer: what is cut off, what that costs, and what it spends.

use super::super::split::{Split, forget_peeks, split};
use super::*;
use crate::request::Device;

const EXEMPT: &str = "[policy]\nexempt_users = [\"alice\"]\n";

fn divided(world: &World, answer: &str, nullok: bool) -> Split {
    let attempt = attempt_at("imap", Origin::default(), false);
    split(&attempt, &Typed::new(answer.into()), nullok, (&world.config, &world.store(), &world.clock)).unwrap()
}

fn cut(world: &World, answer: &str) -> usize {
    divided(world, answer, false).cut
}

/// A second device of alice's, of eight digits, and what it shows now.
fn with_eight_digits(world: &World) -> impl Fn(&World) -> String + use<> {
    let device =
        Device { kind: Kind::Totp, secret: None, algorithm: None, digits: Some(8), period: None, counter: None };
    let proof = Some(Typed::new(world.code(0)));
    let begin = Request::Begin { label: Some("token".into()), proof, permit: None, device: Some(device) };
    let Response::Pending(pending) = world.ask(begin) else { panic!() };
    let secret = Secret::new(data_encoding::BASE32_NOPAD.decode(pending.secret.expose().as_bytes()).unwrap());
    let shows = move |world: &World| {
        code_at(&secret, OtpParameters { digits: 8, ..PARAMETERS }, world.clock.now().wall.step(30).0)
    };
    let code = Typed::new(shows(world));
    assert!(matches!(world.ask(Request::Confirm { code, next: None }), Response::Confirmed { .. }));
    world.pass(60);
    shows
}

#[test]
fn what_is_cut_off_is_neither_judged_nor_counted() {
    let world = World::enrolled("");
    let before = fs::read(world.ledger()).unwrap();
    for _ in 0..150 {
        assert_eq!((cut(&world, "secret000000"), cut(&world, "secret7"), cut(&world, "")), (6, 0, 0));
        assert_eq!(cut(&world, &format!("secret{}", world.codes[0])), 19);
    }
    assert_eq!(fs::read(world.ledger()).unwrap(), before);
    assert!(world.gets_in(&world.code(0)) && world.gets_in(&world.codes[0]));
}

#[test]
fn an_answer_that_is_a_code_alone_leaves_no_password() {
    let world = World::enrolled("");
    for code in [world.code(0), world.codes[0].clone()] {
        assert_eq!((divided(&world, &code, false).cut, divided(&world, &code, true).cut), (0, code.len()));
    }
}

#[test]
fn of_codes_of_several_lengths_the_right_one_is_cut_off_and_else_the_longest() {
    let world = World::enrolled("");
    let eight = with_eight_digits(&world);
    assert_eq!(cut(&world, &format!("secret{}", eight(&world))), 8);
    // Two digits of the password stand before the code.
    assert_eq!(cut(&world, &format!("secret99{}", world.code(0))), 6);
    assert_eq!(cut(&world, "secret00000000"), 8);
    assert_eq!(cut(&world, "secret99x000000"), 6);
}

#[test]
fn a_user_who_is_not_asked_has_a_right_code_cut_off_alone_and_it_is_not_spent() {
    let mut world = World::enrolled(EXEMPT);
    let (code, recovery) = (world.code(0), world.codes[0].clone());
    for _ in 0..2 {
        assert_eq!(cut(&world, &format!("secret{code}")), 6);
        assert_eq!(cut(&world, &format!("secret{recovery}")), 19);
    }
    assert_eq!((cut(&world, "secret000000"), cut(&world, "secret7")), (0, 0));
    world.config = Config::parse("version = 1").unwrap();
    assert!(world.gets_in(&recovery) && world.gets_in(&code));
    world.config = Config::parse(&format!("version = 1\n{EXEMPT}")).unwrap();
    assert_eq!((cut(&world, &format!("secret{code}")), cut(&world, &format!("secret{recovery}"))), (0, 0));
}

#[test]
fn whether_a_code_is_right_is_looked_up_ten_times_an_hour() {
    let world = World::enrolled(EXEMPT);
    let attempt = attempt_at("imap", Origin::default(), false);
    let right = || divided(&world, &format!("secret{}", world.code(0)), false);
    let (found, used_up) = (Split { cut: 6, peeks_used_up: false }, Split { cut: 0, peeks_used_up: true });
    for _ in 0..10 {
        assert_eq!(cut(&world, "secret000000"), 0);
    }
    assert_eq!(right(), used_up);
    // A plain password goes on as it is, and needs no look.
    assert_eq!(divided(&world, "secret7", false), Split::default());
    world.pass(359);
    assert_eq!(right(), used_up);
    world.pass(1);
    assert_eq!((right(), right()), (found, used_up));
    world.pass(3600);
    assert!((0..10).all(|_| right() == found));
    assert_eq!(right(), used_up);
    forget_peeks(&attempt, &world.store());
    assert_eq!(right(), found);
}

#[test]
fn a_right_code_behind_the_password_gives_the_looks_back() {
    let world = World::enrolled("");
    let eight = with_eight_digits(&world);
    let right = |world: &World| divided(world, &format!("secret99{}", world.code(0)), false);
    (0..10).for_each(|_| assert_eq!(cut(&world, "secret00000000"), 8));
    assert_eq!(right(&world), Split { cut: 8, peeks_used_up: true });
    let unproved = attempt_at("imap", Origin::default(), false);
    let proved = attempt_at("imap", Origin::default(), true);
    let enters = |world: &World, attempt, code: String| {
        let person = Scripted { answer: RefCell::new(Some(Typed::new(code))), meanwhile: &|| {} };
        matches!(second_step(attempt, &world.config, &world.store(), &world.clock, &person), Ok(Verdict::Accepted(_)))
    };
    assert!(enters(&world, &unproved, eight(&world)));
    assert!(right(&world).peeks_used_up);
    world.pass(30);
    assert!(enters(&world, &proved, eight(&world)));
    assert_eq!(right(&world), Split { cut: 6, peeks_used_up: false });
}

#[test]
fn nobody_without_a_second_step_has_anything_cut_off() {
    let mut world = World::enrolled("");
    fs::remove_file(world.account()).unwrap();
    for config in ["", "[policy]\nrequired = true\nsince = 2027-01-15T00:00:00Z\ngrace = \"0d\"\n", EXEMPT] {
        world.config = Config::parse(&format!("version = 1\n{config}")).unwrap();
        assert_eq!(divided(&world, "secret123456", true), Split::default());
    }
}

#[test]
fn looks_that_find_nothing_end_where_guesses_do() {
    let mut world = World::enrolled(&format!("[throttle]\ncap = 4\n{EXEMPT}"));
    let right = |world: &World| divided(world, &format!("secret{}", world.code(0)), false);
    for _ in 0..3 {
        assert_eq!((cut(&world, "secret000000"), right(&world).cut), (0, 6));
        world.pass(3600);
    }
    assert_eq!(cut(&world, "secret000000"), 0);
    world.pass(3600);
    assert_eq!(right(&world), Split { cut: 0, peeks_used_up: true });
    world.config = Config::parse("version = 1\n[throttle]\ncap = 4").unwrap();
    let attempt = attempt_at("imap", Origin::default(), true);
    let person = Scripted { answer: RefCell::new(Some(Typed::new(world.code(0)))), meanwhile: &|| {} };
    assert!(matches!(
        second_step(&attempt, &world.config, &world.store(), &world.clock, &person),
        Ok(Verdict::Accepted(_))
    ));
    world.config = Config::parse(&format!("version = 1\n[throttle]\ncap = 4\n{EXEMPT}")).unwrap();
    world.pass(30);
    assert_eq!(right(&world).cut, 6);
}

#[test]
fn a_listed_caller_hears_nothing_of_codes() {
    let claims = || Claims { service: "nginx".into(), origin: Origin::default(), first_step_passed: false };
    for (config, cut) in [("", 8), (EXEMPT, 0)] {
        let mut world = World::enrolled("");
        let eight = with_eight_digits(&world);
        world.config = Config::parse(&format!("version = 1\n{config}")).unwrap();
        let attempt = Attempt::from_caller(alice(), "www-data", claims());
        for answer in
            [format!("secret99{}", world.code(0)), format!("secret{}", eight(&world)), "secret00000000".into()]
        {
            let host = (&world.config, &world.store(), &world.clock);
            assert_eq!(split(&attempt, &Typed::new(answer), false, host).unwrap().cut, cut);
        }
    }
}
