//! Logins in exchanges: nothing is held in between, and an answer that comes twice counts once.

use super::*;

/// A login of the person who passed the first step.
struct Visitor<'a> {
    world: &'a World,
    id: AttemptId,
    sender: Sender,
    service: &'static str,
}

impl<'a> Visitor<'a> {
    fn new(world: &'a World) -> Self {
        Self { world, id: AttemptId::fresh().unwrap(), sender: Sender::Root, service: "sshd" }
    }

    /// Each exchange has a store of its own, as one process after the other would.
    fn sends(&self, answers: &[&str]) -> LoginStep {
        let whole = attempt_at(self.service, Origin { rhost: Some("192.0.2.1".into()), ..Origin::default() }, true);
        let attempt = Attempt { sender: self.sender.clone(), ..whole };
        let answers: Vec<Typed> = answers.iter().map(|answer| Typed::new((*answer).to_owned())).collect();
        let exchange = Exchange { id: &self.id, answers: &answers };
        super::super::second_step(&attempt, &exchange, &self.world.config, &self.world.store(), &self.world.clock)
            .unwrap()
    }
}

fn failures(world: &World) -> u32 {
    world.store().peek(&alice()).map_or(0, |ledger| ledger.throttle.sums().total())
}

fn is_accepted(step: &LoginStep) -> bool {
    matches!(step, LoginStep::Done(Verdict::Accepted(_)))
}

fn why(step: &LoginStep) -> &'static str {
    match step {
        LoginStep::Done(verdict) => reason(verdict),
        LoginStep::Ask => "ask",
        LoginStep::AskNext { .. } => "ask-next",
    }
}

#[test]
fn a_login_is_not_accepted_again_once_its_account_was_emptied() {
    let world = World::enrolled("");
    let (visitor, code) = (Visitor::new(&world), world.code(0));
    assert!(is_accepted(&visitor.sends(&[&code])) && is_accepted(&visitor.sends(&[&code])));
    let _ = world.manager(Authority::Administrator).reset_for_test();
    assert!(!is_accepted(&visitor.sends(&[&code])));
}

#[test]
fn a_repeated_answer_gets_the_same_verdict_and_costs_nothing_more() {
    let world = World::enrolled("");
    let visitor = Visitor::new(&world);
    assert_eq!(visitor.sends(&[]), LoginStep::Ask);
    let wrong = visitor.sends(&["000000"]);
    assert_eq!((why(&wrong), failures(&world)), ("wrong-code", 1));
    assert_eq!((visitor.sends(&["000000"]), failures(&world)), (wrong, 1));
    let (visitor, code) = (Visitor::new(&world), world.code(0));
    let accepted = visitor.sends(&[&code]);
    assert!(is_accepted(&accepted));
    assert_eq!(visitor.sends(&[&code]), accepted, "the response was lost, and the login goes on");
}

#[test]
fn a_verdict_is_repeated_to_the_login_that_it_was_made_for_alone() {
    let world = World::enrolled("");
    let (visitor, code) = (Visitor::new(&world), world.code(0));
    assert!(is_accepted(&visitor.sends(&[&code])));
    let others = [
        Visitor::new(&world),
        Visitor { sender: Sender::Own(1000), id: visitor.id.clone(), ..Visitor::new(&world) },
        Visitor { service: "su", id: visitor.id.clone(), ..Visitor::new(&world) },
    ];
    for other in &others {
        assert_eq!(why(&other.sends(&[&code])), "spent-code");
    }
    world.pass(301);
    assert_ne!(why(&visitor.sends(&[&code])), "accepted", "five minutes are over");
}

/// A client that changes its answer in a repeat learns and gains nothing.
#[test]
fn another_answer_in_a_repeat_is_not_judged() {
    let world = World::enrolled("");
    let visitor = Visitor::new(&world);
    assert_eq!(why(&visitor.sends(&["000000"])), "wrong-code");
    assert_eq!(why(&visitor.sends(&[&world.code(0)])), "wrong-code");
    assert!(world.gets_in(&world.code(0)), "the right code was not looked at");
}

#[test]
fn two_codes_put_a_device_right_with_nothing_held_in_between() {
    let world = World::enrolled("");
    world.pass(3600);
    let (first, next) = (world.code(18), world.code(19));
    let visitor = Visitor::new(&world);
    assert_eq!(why(&visitor.sends(&[&first])), "ask-next");
    assert_eq!(why(&visitor.sends(&[&first])), "ask-next", "a repeat asks the same");
    world.pass(30);
    assert!(is_accepted(&visitor.sends(&[&first, &next])));
    assert_eq!((world.drift(), failures(&world)), (18, 0));
}

#[test]
fn the_second_code_without_the_first_of_the_same_login_puts_nothing_right() {
    let world = World::enrolled("");
    world.pass(3600);
    let (first, next) = (world.code(18), world.code(19));
    assert_eq!(why(&Visitor::new(&world).sends(&[&first])), "ask-next");
    world.pass(30);
    let stranger = Visitor::new(&world);
    assert_eq!(why(&stranger.sends(&[&first, &next])), "wrong-clock");
    assert_eq!((world.drift(), failures(&world)), (0, 2));
}

/// A source that waits may ask as often as it likes: that must not make a login forget its first code.
#[test]
fn answers_that_are_not_judged_push_out_none_that_was() {
    let world = World::enrolled("");
    world.pass(3600);
    let (first, next) = (world.code(18), world.code(19));
    let visitor = Visitor::new(&world);
    assert_eq!(why(&visitor.sends(&[&first])), "ask-next");
    let refused: Vec<_> = (0..25).map(|_| reason(&world.try_from("000000", "198.51.100.1").unwrap())).collect();
    assert_eq!((refused[4], refused[5], refused[24]), ("wrong-code", "source-waits", "source-waits"));
    world.pass(30);
    assert!(is_accepted(&visitor.sends(&[&first, &next])));
}

/// A process of the user chooses the id, and may send it again and again: the log must be able to tell.
#[test]
fn a_verdict_that_is_repeated_is_known_as_such() {
    let world = World::enrolled("");
    let claims = Claims { service: "i3lock".into(), origin: Origin::default(), first_step_passed: true };
    let attempt = Attempt::from_user(alice(), claims);
    let send = |code: &[Typed], id: &AttemptId| {
        let exchange = Exchange { id, answers: code };
        let (store, clock) = (world.store(), &world.clock);
        let is_repeated = is_repeated(&attempt, &exchange, &store, clock);
        let step = super::super::second_step(&attempt, &exchange, &world.config, &store, clock).unwrap();
        (why(&step), is_repeated)
    };
    let code = [Typed::new(world.code(0))];
    let (id, other) = (AttemptId::fresh().unwrap(), AttemptId::fresh().unwrap());
    assert_eq!([0; 3].map(|_| send(&code, &id)), [("accepted", false), ("accepted", true), ("accepted", true)]);
    let spent = [("spent-code", false), ("spent-code", true), ("spent-code", true)];
    assert_eq!([0; 3].map(|_| send(&code, &other)), spent);
}

#[test]
fn an_id_is_thirty_two_hexadecimal_digits() {
    assert_eq!(AttemptId::fresh().unwrap().as_str().len(), 32);
    assert_ne!(AttemptId::fresh(), AttemptId::fresh());
    for wrong in ["", "0123", "0123456789abcdef0123456789ABCDEF", "0123456789abcdef0123456789abcde\n"] {
        assert!(AttemptId::try_from(wrong.to_owned()).is_err(), "{wrong:?}");
    }
}
