//! Wrong clocks: what is recognised, what two codes put right, and what never gets in.

use super::*;
use crate::time::Step;
use crate::verdict::Misplaced;

/// A person who passed the first step, and gives one answer after the other. Before each but the
/// first, `pause` seconds pass.
struct InTurn<'a> {
    world: &'a World,
    answers: RefCell<Vec<String>>,
    pause: u64,
    /// What the log got when the second question was asked.
    first: RefCell<Option<Verdict>>,
}

impl Conversation for InTurn<'_> {
    fn ask(&self) -> Option<Typed> {
        let mut answers = self.answers.borrow_mut();
        if answers.is_empty() { None } else { Some(Typed::new(answers.remove(0))) }
    }

    fn ask_next(&self, first: &Verdict, why: &str) -> Option<Typed> {
        self.first.replace(Some(first.clone()));
        assert!(why.contains('"') && why.ends_with(": "), "{why}");
        self.world.pass(self.pause);
        self.ask()
    }
}

impl World {
    /// The code of the phone, its clock `ahead` seconds before the true time.
    pub(super) fn shown(&self, ahead: i64) -> String {
        self.code_of(Timestamp(self.clock.now().wall.0 + ahead).step(30))
    }

    pub(super) fn code_of(&self, step: Step) -> String {
        code_at(&self.secret, PARAMETERS, step.0)
    }

    /// A login of who passed the first step: how it ended, and how many answers were taken.
    pub(super) fn converse(&self, answers: &[String], pause: u64) -> (Verdict, usize) {
        let person = InTurn { world: self, answers: RefCell::new(answers.to_vec()), pause, first: RefCell::default() };
        let origin = Origin { rhost: Some("192.0.2.1".into()), ..Origin::default() };
        let attempt = attempt_at("sshd", origin, true);
        let verdict = converse(&attempt, &self.config, &self.store(), &self.clock, &person).unwrap();
        let verdict = verdict.unwrap_or_else(|| person.first.take().unwrap());
        let taken = answers.len() - person.answers.borrow().len();
        (verdict, taken)
    }

    /// The login of a phone whose clock is off: a code, and the next one half a minute later.
    fn two_codes(&self, ahead: i64) -> (Verdict, usize) {
        let step = Timestamp(self.clock.now().wall.0 + ahead).step(30);
        self.converse(&[self.code_of(step), self.code_of(step.shifted(1))], 30)
    }

    fn forget_drift(&self) {
        let forgotten = self.store().update(&alice(), |held| {
            let one = held.account.clone().unwrap().authenticators.remove(0);
            let Progress::Time { period, spent, resynchronized_at, .. } = one.progress else { panic!() };
            held.proceed(&one.id, Progress::Time { period, drift: 0, spent, resynchronized_at }, Keep::Account);
        });
        forgotten.unwrap();
    }

    pub(super) fn drift(&self) -> i32 {
        let account = self.store().find(&alice()).unwrap().unwrap();
        let Progress::Time { drift, .. } = account.authenticators[0].progress else { panic!() };
        drift
    }
}

fn corrected(verdict: &Verdict) -> Option<i64> {
    match verdict {
        Verdict::Accepted(Factor::Code { corrected, .. }) => *corrected,
        _ => None,
    }
}

pub(super) fn accepted(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Accepted(_))
}

fn misplaced(verdict: Verdict) -> Option<Misplaced> {
    match verdict {
        Verdict::Refused(Rejection::Misplaced { code, .. }) => Some(code),
        _ => None,
    }
}

#[test]
fn every_offset_is_accepted_recognised_or_wrong() {
    for (window, range, steps) in [(0, "10m", 20), (1, "10m", 20), (2, "10m", 20), (1, "30m", 60), (1, "0", 0)] {
        let world = World::enrolled(&format!(
            "[totp]\nwindow = {window}\nresync_range = \"{range}\"\n[throttle]\nfailures = 100"
        ));
        for offset in -70..=70_i64 {
            world.pass(7200);
            world.forget_drift();
            let code = world.code(offset);
            // Once in a while another step has the same code, and the nearest one counts.
            let steps = -i64::max(steps, window)..=i64::max(steps, window);
            let nearest = steps.filter(|other| world.code(*other) == code).min_by_key(|other| other.abs());
            let verdict = world.login(&code);
            let expected = match nearest {
                Some(near) if near.abs() <= window => (true, None),
                found => (false, found),
            };
            assert_eq!((accepted(&verdict), misplaced(verdict.clone()).map(|code| code.ahead)), expected, "{offset}");
            let line = verdict.describe(crate::audit::Line::new("")).finish();
            assert_eq!(
                line.contains("reason=wrong-clock authenticator=phone steps="),
                nearest.is_some_and(|near| near.abs() > window),
                "{offset}: {line}"
            );
        }
    }
}

#[test]
fn the_edges_of_a_step_are_sharp() {
    let world = World::enrolled("[totp]\nwindow = 0");
    for (second, enters) in [(0, true), (29, true), (30, false)] {
        world.pass(3600 - u64::try_from(world.clock.now().wall.0.rem_euclid(3600)).unwrap());
        let code = world.code(0);
        world.pass(second);
        assert_eq!(world.gets_in(&code), enters, "{second}");
    }
}

#[test]
fn two_codes_of_a_slow_or_fast_phone_get_in_and_put_it_right() {
    for ahead in [-600, -540, -61, 95, 570] {
        let world = World::enrolled("");
        world.pass(3600);
        let (verdict, taken) = world.two_codes(ahead);
        assert_eq!(taken, 2, "{ahead}: {verdict:?}");
        let steps = corrected(&verdict).unwrap();
        assert_eq!((steps, world.drift()), (ahead.div_euclid(30), i32::try_from(steps).unwrap()), "{ahead}");
        world.pass(60);
        assert!(world.gets_in(&world.shown(ahead)), "{ahead}: one code does now");
        world.pass(3600);
        let back = world.two_codes(0);
        assert_eq!((corrected(&back.0), world.drift()), (Some(0), 0), "{ahead}: the phone was set right");
        let notices = notices(&alice(), &world.store(), &world.clock).unwrap();
        assert!(!notices.iter().any(|line| line.contains("wrong code")), "{notices:?}");
        assert!(notices.iter().any(|line| line.contains("clock of \"phone\"")), "{notices:?}");
    }
}

#[test]
fn a_fast_phone_that_was_put_right_is_no_clock_set_back() {
    let world = World::enrolled("");
    world.pass(3600);
    assert!(accepted(&world.two_codes(570).0));
    let line = world.login("000000").describe(crate::audit::Line::new("")).finish();
    assert!(line.contains("reason=wrong-code") && !line.contains("host_clock"), "{line}");
}

/// The log tells an admin whether the phone is slow or the code was seen by somebody.
#[test]
fn the_code_after_the_spent_one_is_late_and_not_spent() {
    for (later, expected) in [(60, "spent-code"), (90, "wrong-clock")] {
        let world = World::enrolled("");
        world.pass(3600);
        assert!(world.gets_in(&world.code(0)));
        world.pass(later);
        assert_eq!(reason(&world.login(&world.code(-2))), expected, "{later} s later");
    }
}

/// Whoever saw two codes has no time to put them together.
#[test]
fn the_second_code_comes_at_the_pace_of_the_clock() {
    for (pause, counts) in [(0, true), (30, true), (60, true), (90, false), (240, false)] {
        let world = World::enrolled("");
        world.pass(3600);
        let step = Timestamp(world.clock.now().wall.0 - 540).step(30);
        let (verdict, taken) = world.converse(&[world.code_of(step), world.code_of(step.shifted(1))], pause);
        assert_eq!(taken, 2, "{pause}: {verdict:?}");
        assert_eq!(corrected(&verdict).is_some(), counts, "{pause}: {verdict:?}");
        assert_eq!(world.drift() != 0, counts, "{pause}");
    }
}

#[test]
fn what_a_stranger_gives_is_not_helped() {
    let world = World::enrolled("");
    world.pass(3600);
    let code = world.shown(-540);
    assert_eq!(misplaced(world.login(&code)).unwrap().ahead, -18);
    assert_eq!(world.drift(), 0);
}

#[test]
fn one_code_and_what_does_not_follow_it_move_nothing() {
    let world = World::enrolled("[throttle]\nfailures = 100");
    let first = |world: &World| Timestamp(world.clock.now().wall.0 - 540).step(30);
    for (next, pause) in [(0, 30), (2, 30), (-1, 30), (1, 120), (1, 3600)] {
        world.pass(3600);
        let step = first(&world);
        let (verdict, taken) = world.converse(&[world.code_of(step), world.code_of(step.shifted(next))], pause);
        assert_eq!((accepted(&verdict), taken, world.drift()), (false, 2, 0), "{next} after {pause} s");
    }
    world.pass(3600);
    let (verdict, taken) = world.converse(&[world.code_of(first(&world))], 30);
    assert_eq!((misplaced(verdict).unwrap().then, taken), (None, 1));
    let (verdict, _) = world.converse(&[world.code_of(first(&world).shifted(1)), "hunter2".into()], 30);
    assert_eq!(misplaced(verdict).unwrap().then.as_deref(), Some("not-a-code"));
}

#[test]
fn who_sets_the_phone_right_at_the_second_question_gets_in() {
    let world = World::enrolled("");
    world.pass(3600);
    let answers = [world.shown(-540), world.shown(30)];
    let (verdict, taken) = world.converse(&answers, 30);
    assert_eq!((accepted(&verdict), corrected(&verdict), taken, world.drift()), (true, None, 2, 0));
    world.pass(3600);
    let (verdict, _) = world.converse(&[world.shown(-540), world.codes[0].clone()], 30);
    assert!(matches!(verdict, Verdict::Accepted(Factor::Recovery { .. })));
}

#[test]
fn codes_that_were_shown_before_are_of_no_use_to_who_saw_them() {
    let world = World::enrolled("[throttle]\nfailures = 100");
    world.pass(3600);
    let step = Timestamp(world.clock.now().wall.0 - 540).step(30);
    let codes = [world.code_of(step), world.code_of(step.shifted(1)), world.code_of(step.shifted(2))];
    let is_seen = |verdict: &Verdict| verdict.describe(crate::audit::Line::new("")).finish().contains("fresh=no");
    // The user gives up after each: three codes were shown, none is used up.
    for code in &codes {
        let (verdict, _) = world.converse(std::slice::from_ref(code), 0);
        assert_eq!((accepted(&verdict), is_seen(&verdict)), (false, false), "{verdict:?}");
        world.pass(30);
    }
    assert!(is_seen(&world.login(&codes[2])));
    for pair in codes.windows(2) {
        for pause in [0, 30, 60] {
            let (verdict, taken) = world.converse(pair, pause);
            assert_eq!((accepted(&verdict), taken), (false, 1), "nothing is asked after a code that was seen");
        }
    }
    let (verdict, _) = world.two_codes(-540);
    assert!(accepted(&verdict), "whose phone goes on gets in: {verdict:?}");
}

#[test]
fn spent_codes_never_put_anything_right() {
    let world = World::enrolled("[throttle]\nfailures = 100");
    world.pass(3600);
    let mut seen = Vec::new();
    for _ in 0..20 {
        seen.push(world.code(0));
        assert!(world.gets_in(&world.code(0)));
        world.pass(30);
    }
    for pair in seen.windows(2) {
        for pause in [0, 30] {
            let (verdict, _) = world.converse(pair, pause);
            assert!(!accepted(&verdict), "{verdict:?}");
        }
    }
    assert_eq!(world.drift(), 0);
}

#[test]
fn another_login_between_two_codes_makes_them_useless() {
    let world = World::enrolled("");
    world.pass(3600);
    let step = Timestamp(world.clock.now().wall.0 - 540).step(30);
    struct Between<'a>(&'a World, Step);
    impl Conversation for Between<'_> {
        fn ask(&self) -> Option<Typed> {
            Some(Typed::new(self.0.code_of(self.1)))
        }
        fn ask_next(&self, _: &Verdict, _: &str) -> Option<Typed> {
            let (verdict, _) = self.0.converse(&[self.0.code_of(self.1.shifted(1))], 0);
            assert!(!accepted(&verdict));
            self.0.pass(30);
            Some(Typed::new(self.0.code_of(self.1.shifted(1))))
        }
    }
    let origin = Origin { rhost: Some("192.0.2.1".into()), ..Origin::default() };
    let attempt = attempt_at("sshd", origin, true);
    let verdict = second_step(&attempt, &world.config, &world.store(), &world.clock, &Between(&world, step)).unwrap();
    assert!(!accepted(&verdict), "{verdict:?}");
}

#[test]
fn a_full_disk_puts_nothing_right_and_says_so() {
    let world = World::enrolled("");
    world.pass(3600);
    let accounts = world.folder.path().join("state/accounts");
    fs::set_permissions(&accounts, std::os::unix::fs::PermissionsExt::from_mode(0o500)).unwrap();
    if fs::write(accounts.join("probe"), "").is_ok() {
        // Root writes everywhere; the end-to-end tests have a full disk.
        return;
    }
    let step = Timestamp(world.clock.now().wall.0 - 540).step(30);
    let person = InTurn {
        world: &world,
        answers: RefCell::new(vec![world.code_of(step), world.code_of(step.shifted(1))]),
        pause: 30,
        first: RefCell::default(),
    };
    let origin = Origin { rhost: Some("192.0.2.1".into()), ..Origin::default() };
    let attempt = attempt_at("sshd", origin, true);
    assert!(second_step(&attempt, &world.config, &world.store(), &world.clock, &person).is_err());
}

#[test]
fn far_dates_are_as_good_as_any() {
    for moment in [2_147_483_647_i64, 4_294_967_295, 4_102_444_800] {
        let world = World::enrolled("");
        world.set_wall(moment - 15);
        world.pass(1);
        assert!(world.gets_in(&world.code(0)), "{moment}");
        world.pass(60);
        assert!(world.gets_in(&world.code(0)), "{moment}");
        world.pass(3600);
        assert!(accepted(&world.two_codes(-540).0), "{moment}");
    }
}

#[test]
fn a_clock_that_was_set_back_is_named_and_a_recovery_code_works() {
    let world = World::enrolled("[throttle]\nfailures = 100");
    world.pass(86_400);
    assert!(world.gets_in(&world.code(0)));
    for (back, word) in [(300, "set-back"), (7200, "set-back"), (300_000_000, "before-release")] {
        world.set_wall(world.clock.now().wall.0 - back);
        let line = |verdict: Verdict| verdict.describe(crate::audit::Line::new("")).finish();
        let refused = line(world.login(&world.code(0)));
        let expected = if back > 1_000_000 { ["set-back", word] } else { [word, word] };
        assert!(expected.iter().any(|word| refused.contains(&format!("host_clock={word}"))), "{refused}");
        world.set_wall(world.clock.now().wall.0 + back);
    }
    world.set_wall(world.clock.now().wall.0 - 7200);
    let text = messages::text(&world.login(&world.code(0)), &world.config).unwrap();
    assert!(text.contains("host's clock is wrong"), "{text}");
    assert!(world.gets_in(&world.codes[0]));
}

#[test]
fn a_clock_was_set_back_when_it_stands_three_minutes_before_what_was_spent() {
    let world = World::enrolled("");
    world.pass(86_400);
    assert!(world.gets_in(&world.code(0)));
    let spent_until = world.store().update(&alice(), |held| held.spent_until).unwrap();
    for (before, is_named) in [(180, false), (181, true)] {
        world.set_wall(spent_until.0 - before);
        let line = world.login("000000").describe(crate::audit::Line::new("")).finish();
        assert_eq!(line.contains("host_clock=set-back"), is_named, "{before}: {line}");
    }
}

#[test]
fn a_clock_that_nothing_keeps_right_is_named() {
    struct Kept(Turned, bool);
    impl Clock for Kept {
        fn now(&self) -> Moment {
            self.0.now()
        }
        fn is_synchronized(&self) -> bool {
            self.1
        }
    }
    let world = World::enrolled("");
    for (code, is_kept) in [("000000".to_owned(), false), ("000001".to_owned(), true), (world.code(0), false)] {
        let is_right = code == world.code(0);
        let person = InTurn { world: &world, answers: RefCell::new(vec![code]), pause: 0, first: RefCell::default() };
        let origin = Origin { rhost: Some("192.0.2.1".into()), ..Origin::default() };
        let attempt = attempt_at("sshd", origin, false);
        let clock = Kept(world.clock.clone(), is_kept);
        let verdict = second_step(&attempt, &world.config, &world.store(), &clock, &person).unwrap();
        let line = verdict.describe(crate::audit::Line::new("")).finish();
        assert_eq!(line.contains("host_clock=unsynchronized"), !is_right && !is_kept, "{line}");
        assert_eq!(accepted(&verdict), is_right);
    }
}

#[test]
fn a_code_of_the_future_that_was_seen_is_of_no_use_when_its_time_comes() {
    let world = World::enrolled("");
    world.pass(3600);
    let code = world.shown(570);
    assert!(misplaced(world.converse(std::slice::from_ref(&code), 0).0).unwrap().may_be_followed());
    world.pass(570);
    assert_eq!(reason(&world.login(&code)), "spent-code");
    world.pass(30);
    assert!(world.gets_in(&world.code(0)), "the next one is as good as ever");
}

#[test]
fn a_spent_code_pushes_out_none_that_was_seen() {
    let world = World::enrolled("");
    world.pass(3600);
    let (spent, seen) = (world.code(0), world.code(3));
    assert!(world.gets_in(&spent));
    assert_eq!(reason(&world.login(&seen)), "wrong-clock");
    // With these the ledger is full, and the one that was seen is its oldest.
    world.store().update(&alice(), |held| (0..31).for_each(|step| held.ledger.show("another", Step(step)))).unwrap();
    assert_eq!(reason(&world.login(&spent)), "spent-code");
    world.pass(90);
    assert_eq!(reason(&world.login(&seen)), "spent-code");
}
