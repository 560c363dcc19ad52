//! The phases of a login by root, what one leaves for the next, and what goes wrong.

use super::*;

const POLICY: &str = "[policy]\nrequired = true\nexempt_users = [\"bob\"]\n";

fn ssh() -> Login {
    Login { rhost: Some("192.0.2.1".into()), tty: Some("ssh".into()), ..login("alice", "sshd") }
}

fn account(hand_over: Option<String>) -> Login {
    Login { phase: Phase::Account, hand_over, ..ssh() }
}

#[test]
fn a_login_goes_from_the_question_through_its_phases() {
    let world = World::enrolled(POLICY);
    let Response::Ask(ask) = world.ask(&Peer::Root, &ssh()) else { panic!() };
    assert_eq!((ask.prompt.expose(), ask.echo, ask.hand_over), ("Verification code: ", false, None));
    assert_eq!(world.logged(), [""; 0]);
    let done = world.done(&Peer::Root, &answered(&ssh(), &[&world.code("alice", 0)]));
    assert_eq!((done.outcome, done.show, done.cut), (Outcome::Accepted, vec![], 0));
    let line = world.last_line();
    assert_eq!(line, "accepted user=alice service=sshd rhost=192.0.2.1 factor=totp authenticator=phone");
    let later = world.done(&Peer::Root, &account(done.hand_over));
    assert_eq!((later.outcome, later.show), (Outcome::Accepted, vec![]));
    for phase in [Phase::Credentials, Phase::Session] {
        let login = Login { phase, hand_over: later.hand_over.clone(), ..ssh() };
        assert_eq!(world.outcome(&Peer::Root, &login), Outcome::Accepted, "{phase:?}");
    }
    assert_eq!(world.logged(), [""; 0]);
}

#[test]
fn a_second_step_that_is_not_asked_leaves_that_and_a_refused_code_leaves_nothing() {
    let world = World::enrolled(POLICY);
    let spared = world.done(&Peer::Root, &login("bob", "sshd"));
    assert_eq!((spared.outcome, spared.hand_over), (Outcome::NotAsked, left("bob", "sshd", Passage::NotAsked)));
    let refused = world.done(&Peer::Root, &answered(&ssh(), &["000000"]));
    assert_eq!((refused.outcome, texts(&refused)), (Outcome::Refused, vec![messages::GENERIC]));
    assert_eq!(refused.hand_over, None);
    let must = world.done(&Peer::Root, &login("carol", "sshd"));
    assert_eq!((must.outcome, must.hand_over), (Outcome::Refused, left("carol", "sshd", Passage::MustEnroll)));
}

#[test]
fn what_was_left_for_another_user_or_service_refuses() {
    let world = World::enrolled(POLICY);
    for (user, service, reason) in [("bob", "sshd", "user-changed was=bob"), ("alice", "su", "service-changed was=su")]
    {
        let done = world.done(&Peer::Root, &account(left(user, service, Passage::CodeAccepted)));
        assert_eq!((done.outcome, texts(&done)), (Outcome::Refused, vec![messages::LOGIN_CHANGED]), "{user} {service}");
        assert_eq!(done.hand_over, None);
        assert!(world.last_line().ends_with(&format!("reason={reason}")), "{user} {service}");
    }
    for text in ["", "{}", "accepted", "{\"user\":\"alice\",\"service\":\"sshd\",\"passage\":\"granted\"}"] {
        assert_eq!(world.outcome(&Peer::Root, &account(Some(text.into()))), Outcome::Refused, "{text}");
        assert!(world.last_line().ends_with("reason=hand-over-unknown"), "{text}");
    }
}

#[test]
fn require_step_refuses_a_login_without_a_second_step_that_should_have_one() {
    let world = World::enrolled(POLICY);
    let strict = |user: &str, hand_over| {
        let login = Login { phase: Phase::Account, hand_over, ..login(user, "sshd") };
        world.done(&Peer::Root, &with_options(login, &["require_step"]))
    };
    let refused = strict("alice", None);
    assert_eq!((refused.outcome, texts(&refused)), (Outcome::Refused, vec![messages::NO_SECOND_STEP]));
    assert!(world.last_line().contains("reason=no-second-step option=require_step"));
    assert_eq!(strict("bob", None).outcome, Outcome::NotAsked);
    assert_eq!(strict("alice", left("alice", "sshd", Passage::CodeAccepted)).outcome, Outcome::Accepted);
    assert_eq!(strict("nobody-here", None).outcome, Outcome::Failed);
    assert_eq!(world.outcome(&Peer::Root, &account(None)), Outcome::NotAsked, "cron passes by without it");
}

#[test]
fn a_repeated_exchange_says_the_same_and_the_log_says_that_it_was_repeated() {
    let world = World::enrolled(POLICY);
    for peer in [Peer::Root, Peer::User(ALICE)] {
        let wrong = answered(&ssh(), &["000000"]);
        let first = world.done(&peer, &wrong);
        assert_eq!(first.outcome, Outcome::Refused);
        assert!(!world.last_line().contains("repeated"));
        assert_eq!(world.done(&peer, &wrong), first);
        assert!(world.last_line().ends_with("reason=wrong-code repeated=yes"));
    }
    let right = answered(&ssh(), &[&world.code("alice", 0)]);
    let accepted = world.done(&Peer::Root, &right);
    assert_eq!((accepted.outcome, &world.done(&Peer::Root, &right)), (Outcome::Accepted, &accepted));
    let lines = world.logged();
    assert!(lines[0].starts_with("accepted ") && lines[1].ends_with(" repeated=yes"), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains(right.attempt.as_str())), "no id is logged");
    // The verdict is another peer's.
    assert_eq!(world.outcome(&Peer::User(ALICE), &right), Outcome::Refused);
}

#[test]
fn two_codes_put_a_device_right_where_the_first_step_is_proved() {
    let world = World::enrolled(POLICY);
    let ssh = Login { key_accepted: true, ..ssh() };
    let (first, next) = (world.code("alice", 18), world.code("alice", 19));
    let Response::Ask(ask) = world.ask(&Peer::Root, &answered(&ssh, &[&first])) else { panic!() };
    assert!(ask.prompt.expose().contains("next code"), "{}", ask.prompt.expose());
    assert!(world.last_line().contains("reason=wrong-clock"));
    world.pass(30);
    assert_eq!(world.outcome(&Peer::Root, &answered(&ssh, &[&first, &next])), Outcome::Accepted);
    assert!(world.last_line().contains("resynchronized=18"));
}

#[test]
fn a_login_that_nobody_answers_is_refused_and_costs_nothing() {
    let world = World::enrolled(POLICY);
    for options in [&[][..], &["mode=app_password"]] {
        let broken_off = Login { unanswered: true, ..with_options(ssh(), options) };
        let done = world.done(&Peer::Root, &broken_off);
        assert_eq!((done.outcome, done.show), (Outcome::Refused, vec![]), "{options:?}");
        assert!(world.last_line().contains(" reason=no-answer"), "{options:?}");
    }
    assert_eq!(world.ledger("alice").map(|ledger| ledger.throttle.sums().total()), Some(0));
}

/// The question does not tell who exists.
#[test]
fn unknown_users_are_asked_where_one_who_is_not_enrolled_would_be_refused() {
    let unknown = login("nobody-here", "sshd");
    let strict = World::new("[policy]\nrequired = true\n");
    assert!(matches!(strict.ask(&Peer::Root, &unknown), Response::Ask(_)));
    let refused = strict.done(&Peer::Root, &answered(&unknown, &["123456"]));
    assert_eq!((refused.outcome, texts(&refused)), (Outcome::Refused, vec![messages::GENERIC]));
    assert!(strict.last_line().ends_with("reason=unknown-user"));
    let in_grace = "[policy]\nrequired = true\nsince = 2027-01-14T00:00:00Z\ngrace = \"10d\"\n";
    for lenient in ["", in_grace] {
        let refused = World::new(lenient).done(&Peer::Root, &unknown);
        assert_eq!((refused.outcome, refused.show), (Outcome::Refused, vec![]));
    }
    // An account phase alone has nothing to say of them.
    let passing = strict.done(&Peer::Root, &Login { phase: Phase::Account, ..unknown });
    assert_eq!((passing.outcome, passing.hand_over), (Outcome::NotAsked, None));
}

#[test]
fn a_key_that_does_not_fit_fails_codes_alone() {
    let mut world = World::new(POLICY);
    let recovery_codes = world.enroll("alice");
    fs::write(world.folder.path().join("seal.key"), [8; 32]).unwrap();
    let sealed = world.done(&Peer::Root, &answered(&ssh(), &[&world.code("alice", 0)]));
    assert_eq!((sealed.outcome, sealed.hand_over.as_deref()), (Outcome::Failed, None));
    assert_eq!(texts(&sealed), [messages::sealed(&world.config)]);
    assert!(world.last_line().starts_with("error user=alice service=sshd rhost=192.0.2.1 reason="));
    let recovered = answered(&ssh(), &[recovery_codes[0].expose()]);
    assert_eq!(world.outcome(&Peer::Root, &recovered), Outcome::Accepted);
}

#[test]
fn what_fails_is_told_as_such_and_never_accepted() {
    let unreadable = World::enrolled("");
    fs::write(unreadable.folder.path().join("state/accounts/alice.toml"), "garbage").unwrap();
    let missing = World::enrolled("");
    fs::rename(missing.folder.path().join("state"), missing.folder.path().join("gone")).unwrap();
    for world in [unreadable, missing] {
        for answers in [&[][..], &["123456"]] {
            let failed = world.done(&Peer::Root, &answered(&ssh(), answers));
            assert_eq!((failed.outcome, failed.hand_over.as_deref()), (Outcome::Failed, None));
            assert_eq!(texts(&failed), [messages::failed(&world.config)]);
            assert!(world.last_line().starts_with("error user=alice "));
        }
        let password = answered(&with_options(ssh(), &["mode=app_password"]), &["secret"]);
        let strict = with_options(account(None), &["require_step"]);
        for login in [password, strict] {
            assert_eq!(world.outcome(&Peer::Root, &login), Outcome::Failed);
        }
        // No session ends for it.
        let session = Login { phase: Phase::Session, ..ssh() };
        assert_eq!(world.outcome(&Peer::Root, &session), Outcome::Accepted);
    }
    let misspelled = World::enrolled("");
    assert_eq!(misspelled.outcome(&Peer::Root, &with_options(ssh(), &["requirestep"])), Outcome::Failed);
    assert!(misspelled.last_line().contains("unknown option requirestep"));
}

#[test]
fn a_session_shows_once_what_happened_and_to_root_alone() {
    let world = World::enrolled("");
    assert_eq!(world.outcome(&Peer::Root, &answered(&ssh(), &["000000"])), Outcome::Refused);
    assert_eq!(world.outcome(&Peer::Root, &answered(&ssh(), &[&world.code("alice", 0)])), Outcome::Accepted);
    let session = Login { phase: Phase::Session, ..ssh() };
    assert_eq!(world.done(&Peer::User(ALICE), &session).show, []);
    let is_told = |done: &Done| texts(done).iter().any(|text| text.contains("wrong"));
    assert!(is_told(&world.done(&Peer::Root, &session)));
    assert!(!is_told(&world.done(&Peer::Root, &session)));
}

#[test]
fn a_line_that_forwards_the_password_says_where_it_ends_and_leaves_nothing() {
    let world = World::enrolled(POLICY);
    let forward = with_options(ssh(), &["forward_pass"]);
    let both = format!("secret{}", world.code("alice", 0));
    for (user, answer, cut) in
        [("alice", both.as_str(), 6), ("alice", "secret000000", 6), ("alice", "secret", 0), ("bob", "secret123456", 0)]
    {
        let done = world.done(&Peer::Root, &answered(&Login { user: user.into(), ..forward.clone() }, &[answer]));
        assert_eq!((done.outcome, done.cut, done.hand_over), (Outcome::NotAsked, cut, None), "{user} {answer}");
    }
    assert!(world.logged().is_empty());
    assert_eq!(world.outcome(&Peer::Root, &answered(&ssh(), &[&world.code("alice", 0)])), Outcome::Accepted);
}

#[test]
fn looks_at_codes_are_given_back_to_root_alone_and_behind_the_password() {
    let world = World::enrolled("[policy]\nexempt_users = [\"alice\"]\n");
    let forward = with_options(ssh(), &["forward_pass"]);
    let both = format!("secret{}", world.code("alice", 0));
    let cut = || world.done(&Peer::Root, &answered(&forward, &[&both])).cut;
    (0..10).for_each(|_| assert_eq!(cut(), 6));
    assert_eq!(cut(), 0);
    assert!(world.last_line().contains("reason=peeks-used-up"));
    let held = Login { holds_code: true, ..ssh() };
    let behind = with_options(held.clone(), &["after_first_step"]);
    for (peer, login, given_back) in
        [(Peer::User(ALICE), &behind, false), (Peer::Root, &held, false), (Peer::Root, &behind, true)]
    {
        assert_eq!(world.outcome(&peer, login), Outcome::NotAsked);
        assert_eq!(cut() == 6, given_back, "{peer:?}");
    }
}

/// A login in the audit session with this number.
fn in_session(session: Option<u32>, options: &[&str]) -> Login {
    Login { session, login_uid: Some(ALICE), real_uid: ALICE, ..with_options(login("alice", "sudo"), options) }
}

#[test]
fn a_second_step_counts_in_its_session_for_its_time_and_on_a_line_that_says_so() {
    let mut world = World::enrolled(POLICY);
    let line = ["after_first_step", "recent=10m"];
    let spared = |world: &World, peer: &Peer, login: &Login| match world.ask(peer, login) {
        Response::Done(done) => done.outcome == Outcome::NotAsked,
        _ => false,
    };
    let here = in_session(Some(7), &line);
    assert!(!spared(&world, &Peer::Root, &here));
    assert_eq!(world.outcome(&Peer::Root, &answered(&here, &[&world.code("alice", 0)])), Outcome::Accepted);
    world.logged();
    let here = || in_session(Some(7), &line);
    assert!(spared(&world, &Peer::Root, &here()));
    assert!(world.last_line().contains("not-asked user=alice service=sudo rule=recent"));
    world.enroll("carol");
    world.pass(300);
    for (what, peer, login) in [
        ("another session", Peer::Root, in_session(Some(8), &line)),
        ("no session", Peer::Root, in_session(None, &line)),
        ("a session that the kernel does not know", Peer::Root, in_session(Some(u32::MAX), &line)),
        ("a line without it", Peer::Root, in_session(Some(7), &line[..1])),
        ("a process of the user", Peer::User(ALICE), here()),
        ("a session of another login", Peer::Root, Login { login_uid: Some(BOB), ..here() }),
        ("a session of nobody", Peer::Root, Login { login_uid: None, ..here() }),
        ("another account", Peer::Root, Login { user: "carol".into(), ..here() }),
    ] {
        assert!(!spared(&world, &peer, &login), "{what}");
    }
    world.boot = "second";
    assert!(!spared(&world, &Peer::Root, &here()), "another boot");
    world.boot = "first";
    assert!(spared(&world, &Peer::Root, &here()));
    world.pass(240);
    assert!(!spared(&world, &Peer::Root, &here()), "ten minutes are over");
}

#[test]
fn a_login_of_a_daemon_counts_in_the_session_that_shows_its_ticket_once_and_soon() {
    let world = World::enrolled(POLICY);
    let line = ["after_first_step", "recent=10m"];
    let spared = |session| matches!(world.ask(&Peer::Root, &in_session(Some(session), &line)), Response::Done(_));
    let ticket = || {
        world.pass(60);
        let login = ssh();
        assert_eq!(world.outcome(&Peer::Root, &answered(&login, &[&world.code("alice", 0)])), Outcome::Accepted);
        Some(login.attempt.as_str().to_owned())
    };
    let opens = |peer: Peer, session, ticket: &Option<String>| {
        let login =
            Login { phase: Phase::UnreadSession, session, login_uid: Some(ALICE), ticket: ticket.clone(), ..ssh() };
        assert_eq!(world.outcome(&peer, &login), Outcome::Accepted);
    };
    let first = ticket();
    opens(Peer::User(ALICE), Some(9), &first);
    opens(Peer::Root, None, &first);
    opens(Peer::Root, Some(9), &Some("0".repeat(32)));
    assert!(!spared(9));
    opens(Peer::Root, Some(9), &first);
    opens(Peer::Root, Some(10), &first);
    assert!(spared(9) && !spared(10));
    let late = ticket();
    world.pass(120);
    opens(Peer::Root, Some(11), &late);
    assert!(!spared(11));
}

#[test]
fn a_name_in_place_of_an_address_is_told_where_networks_matter() {
    let lines = |policy: &str, rhost: &str| {
        let world = World::enrolled(policy);
        let login = Login { rhost: Some(rhost.into()), ..ssh() };
        assert_eq!(world.outcome(&Peer::Root, &answered(&login, &["000000"])), Outcome::Refused);
        world.last_line().contains(" rhost_is=name ")
    };
    let networks = "[policy]\nexempt_networks = [\"198.51.100.0/24\"]\n";
    assert!(lines(networks, "client.example.org") && lines("[policy]\nremember = \"1h\"\n", "10.0.0.1%x.example"));
    assert!(!lines("", "client.example.org") && !lines(networks, "192.0.2.1") && !lines(networks, ""));
}
