//! What remains of a login by a process that is not root's: nothing becomes known or remembered, and a
//! listed caller has one budget over all users.

use super::*;
use crate::account::Account;
use crate::ledger::Ledger;
use crate::throttle::Source;
use crate::verdict::Rejection;

const POLICY: &str = "[policy]\nremember = \"1h\"\nrequired = true\nsince = 2027-01-15T00:00:00Z\ngrace = \"10d\"\n";
const HOME: &str = "192.0.2.1";

fn claims(rhost: &str) -> Claims {
    let origin = Origin { rhost: Some(rhost.into()), tty: None, real_uid: 0 };
    Claims { service: "nginx".into(), origin, first_step_passed: true }
}

fn by_user() -> Attempt {
    Attempt::from_user(alice(), claims(HOME))
}

fn by_caller(rhost: &str) -> Attempt {
    Attempt::from_caller(alice(), "www-data", claims(rhost))
}

/// The one answer of a login.
fn answer(world: &World, attempt: &Attempt, answer: &str) -> Verdict {
    let person = Scripted { answer: RefCell::new(Some(Typed::new(answer.into()))), meanwhile: &|| {} };
    second_step(attempt, &world.config, &world.store(), &world.clock, &person).unwrap()
}

fn passes(world: &World, attempt: &Attempt) -> bool {
    matches!(answer(world, attempt, &world.code(0)), Verdict::Accepted(_))
}

fn account(world: &World) -> Account {
    world.store().find(&alice()).unwrap().unwrap()
}

fn ledger(world: &World) -> Ledger {
    world.store().peek(&alice()).unwrap()
}

#[test]
fn what_no_process_of_roots_reports_becomes_neither_known_nor_remembered() {
    for attempt in [by_user(), by_caller(HOME)] {
        let world = World::enrolled(POLICY);
        let known = account(&world).known_sources;
        assert!(passes(&world, &attempt));
        let after = afterwards(&attempt, &world.config, &world.store(), &world.clock, Passed::Code);
        assert_eq!(after, Ok(None));
        assert_eq!(account(&world).known_sources, known, "{:?}", attempt.sender);
        world.pass(30);
        for later in [&attempt, &attempt_at("nginx", claims(HOME).origin, false)] {
            assert!(!matches!(answer(&world, later, "000000"), Verdict::NotAsked(_)), "{:?}", attempt.sender);
        }
    }
}

/// The same login by root, so that the test above can fail.
#[test]
fn what_roots_processes_report_becomes_known_and_remembered() {
    let world = World::enrolled(POLICY);
    let attempt = Attempt::from_root(alice(), claims(HOME));
    assert!(passes(&world, &attempt));
    let after = afterwards(&attempt, &world.config, &world.store(), &world.clock, Passed::Code);
    assert_eq!(after, Ok(None));
    assert!(account(&world).known_sources.iter().any(|known| known == HOME));
    let again = super::super::second_step(
        &attempt,
        &Exchange { id: &AttemptId::fresh().unwrap(), answers: &[] },
        &world.config,
        &world.store(),
        &world.clock,
    );
    assert!(matches!(again, Ok(LoginStep::Done(Verdict::NotAsked(crate::policy::Rule::Remembered)))), "{again:?}");
}

/// sudo tells of the same uid, and is root's.
#[test]
fn a_uid_becomes_known_by_sudo_and_not_by_a_process_of_the_user() {
    let world = World::enrolled("");
    let own = Source::of_user(1000);
    let is_known = |world: &World| account(world).known_sources.iter().any(|known| known == own.as_str());
    let own_process = Attempt::from_user(Person { uid: 1000, ..alice() }, claims(HOME));
    let own_process = Attempt { person: alice(), ..own_process };
    assert_eq!(own_process.source(&world.config), own);
    assert!(passes(&world, &own_process) && !is_known(&world));
    world.pass(30);
    assert!(passes(&world, &attempt_at("sudo", Origin { real_uid: 1000, ..Origin::default() }, true)));
    assert!(is_known(&world));
}

#[test]
fn nobodys_time_to_enroll_begins_by_a_process_that_is_not_roots() {
    for attempt in [by_user(), by_caller(HOME)] {
        let world = World::new(POLICY);
        let told = afterwards(&attempt, &world.config, &world.store(), &world.clock, Passed::NotAsked);
        assert_eq!((told, world.store().find(&alice()).unwrap()), (Ok(None), None));
    }
    let world = World::new(POLICY);
    let by_root = Attempt::from_root(alice(), claims(HOME));
    assert!(afterwards(&by_root, &world.config, &world.store(), &world.clock, Passed::NotAsked).unwrap().is_some());
    assert!(account(&world).grace_since.is_some());
}

/// A preset is made without a proof within two minutes of a second step, by any process of the user.
#[test]
fn a_login_by_a_listed_caller_proves_nothing_to_the_users_session() {
    let world = World::enrolled("");
    world.pass(600);
    assert!(passes(&world, &by_caller(HOME)) && !ledger(&world).passed_just_now(world.clock.now().uptime));
    world.pass(30);
    assert!(passes(&world, &attempt_at("sshd", claims(HOME).origin, true)));
    assert!(ledger(&world).passed_just_now(world.clock.now().uptime));
}

/// The hosts that a caller names are its word alone.
#[test]
fn wrong_codes_by_a_listed_caller_are_told_apart_by_host_and_close_nothing_for_others() {
    let world = World::enrolled("");
    assert!(passes(&world, &attempt_at("sshd", claims(HOME).origin, true)));
    for _ in 0..5 {
        assert_eq!(reason(&answer(&world, &by_caller("192.0.2.66"), "000000")), "wrong-code");
    }
    assert_eq!(reason(&answer(&world, &by_caller("192.0.2.66"), "000000")), "source-waits");
    assert_eq!(reason(&answer(&world, &by_caller("192.0.2.77"), "000000")), "wrong-code");
    let sums = ledger(&world).throttle.sums();
    assert_eq!((sums.strangers, sums.known, sums.anyone, sums.callers), (0, 0, 0, 6));
    for number in 0..110 {
        world.pass(1000);
        let _ = answer(&world, &by_caller(&format!("198.51.100.{number}")), "000000");
    }
    assert_eq!(reason(&answer(&world, &by_caller(HOME), &world.code(0))), "closed-to-strangers");
    for place in [Some("203.0.113.9"), Some("127.0.0.1"), Some("::1"), None] {
        world.pass(90);
        let origin = Origin { rhost: place.map(str::to_owned), ..Origin::default() };
        assert!(passes(&world, &attempt_at("sshd", origin, true)), "{place:?}");
    }
}

/// The ledger in which the budget is.
fn budget() -> (Person, Source) {
    let source = Source::of_caller("www-data", None);
    let uid = u32::MAX - 1;
    (Person { name: Username::new("caller:www-data"), alias: None.into(), uid, gid: uid }, source)
}

/// How many wrong answers of the caller's are still judged, for whichever user.
fn left(world: &World) -> usize {
    let (ledger, source) = budget();
    let (limits, now) = (world.config.limits(), world.clock.now().uptime);
    let left = world.store().update(&ledger, |held| {
        let mut tried = held.ledger.throttle.clone();
        (0..200).take_while(|_| tried.charge_budget(&source, now, &limits).is_ok()).count()
    });
    left.unwrap()
}

/// What other users' wrong answers through the caller have used up.
fn use_up(world: &World, answers: u32) {
    let (ledger, source) = budget();
    let (limits, now) = (world.config.limits(), world.clock.now().uptime);
    let used = world.store().update(&ledger, |held| {
        (0..answers).all(|_| held.ledger.throttle.charge_budget(&source, now, &limits).is_ok())
    });
    assert!(used.unwrap());
}

#[test]
fn a_listed_caller_has_one_budget_of_failures_over_all_users() {
    let world = World::enrolled("");
    use_up(&world, 99);
    assert_eq!(reason(&answer(&world, &by_caller(HOME), "000000")), "wrong-code");
    let closed = answer(&world, &by_caller("192.0.2.9"), &world.code(0));
    assert_eq!(closed, Verdict::Refused(Rejection::Waiting(864)));
    assert!(passes(&world, &attempt_at("sshd", claims(HOME).origin, true)), "others are not closed out by it");
    world.pass(864);
    assert!(passes(&world, &by_caller("192.0.2.9")), "one is forgotten by now");
}

#[test]
fn what_is_not_wrong_is_given_back_to_the_budget() {
    let world = World::enrolled("");
    let code = world.code(0);
    assert!(matches!(answer(&world, &by_caller(HOME), &code), Verdict::Accepted(_)));
    assert_eq!((reason(&answer(&world, &by_caller(HOME), &code)), left(&world)), ("spent-code", 100));
    for _ in 0..3 {
        assert_eq!(reason(&answer(&world, &by_caller(HOME), "000000")), "wrong-code");
    }
    assert_eq!(left(&world), 97);
    world.pass(30);
    assert!(passes(&world, &by_caller("192.0.2.9")));
    assert_eq!(left(&world), 97, "a right code from elsewhere forgives nothing here");
    world.pass(30);
    assert!(passes(&world, &by_caller(HOME)));
    assert_eq!(left(&world), 97, "nor does one from here: what it forgave would be guesses for others");
}

#[test]
fn a_repeated_answer_of_a_caller_is_charged_once() {
    let world = World::enrolled("");
    let (id, answers) = (AttemptId::fresh().unwrap(), [Typed::new("000000".into())]);
    for _ in 0..3 {
        let exchange = Exchange { id: &id, answers: &answers };
        let step = super::super::second_step(&by_caller(HOME), &exchange, &world.config, &world.store(), &world.clock);
        assert!(matches!(step, Ok(LoginStep::Done(verdict)) if reason(&verdict) == "wrong-code"));
    }
    assert_eq!((left(&world), ledger(&world).throttle.sums().total()), (99, 1));
}
