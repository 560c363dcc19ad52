//! An administrator helps, and a first enrollment takes what the host asks for.

use std::time::Duration;

use super::*;
use crate::enroll::Passwords;
use crate::throttle::Source;

const DAY: u64 = 86_400;

/// A host where every account's password is the same.
struct Sesame;

impl Passwords for Sesame {
    fn is_right(&self, user: &str, password: &Typed) -> Result<bool, String> {
        assert_eq!(user, "alice");
        Ok(password.expose() == "open sesame")
    }
}

impl World {
    fn begin(&self, permit: Option<&str>) -> Response {
        let manager = self.manager(Authority::User).with_passwords(Box::new(Sesame));
        let permit = permit.map(|permit| Typed::new(permit.into()));
        manager.answer(Request::Begin { label: None, proof: None, permit, device: None })
    }

    fn confirm(&self, pending: &Response) -> Response {
        self.confirm_as(Authority::User, self.shown_by(pending))
    }

    fn confirm_as(&self, authority: Authority, code: Typed) -> Response {
        self.manager(authority).answer(Request::Confirm { code, next: None })
    }

    fn shown_by(&self, pending: &Response) -> Typed {
        let Response::Pending(pending) = pending else { panic!("{pending:?}") };
        let secret = data_encoding::BASE32_NOPAD.decode(pending.secret.expose().as_bytes()).unwrap();
        Typed::new(code_at(&Secret::new(secret), PARAMETERS, self.clock.now().wall.step(30).0))
    }

    fn administrator(&self) -> AccountManager<FilesStore<Turned>, Turned> {
        self.manager(Authority::Administrator)
    }

    fn logged(&self) -> String {
        self.log.0.borrow().join("\n")
    }
}

fn refusal(response: &Response) -> Refusal {
    match response {
        Response::Refused(Refused { reason, .. }) => *reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stolen_session_cannot_enroll_where_the_password_is_asked() {
    let world = World::new("[policy]\nenrollment = \"password\"\n");
    assert_eq!(refusal(&world.begin(None)), Refusal::PasswordRequired);
    assert_eq!(refusal(&world.begin(Some("guess"))), Refusal::NotAccepted);
    assert!(world.logged().contains("enrollment-password-refused"), "{}", world.logged());
    let pending = world.begin(Some("open sesame"));
    assert!(matches!(world.confirm(&pending), Response::Confirmed { .. }));
    assert_eq!(refusal(&world.begin(Some("open sesame"))), Refusal::ProofRequired, "a second one takes a proof");
}

#[test]
fn an_invitation_enrolls_once_within_its_time() {
    let world = World::new("[policy]\nenrollment = \"invite\"\n");
    assert_eq!(refusal(&world.begin(None)), Refusal::InviteRequired);
    assert_eq!(refusal(&world.begin(Some("0000-0000-0000-0000"))), Refusal::NotAccepted);
    let administrator = world.administrator();
    let old = administrator.invite(Duration::from_secs(DAY), "root").unwrap().code;
    let invited = administrator.invite(Duration::from_secs(DAY), "root").unwrap();
    assert_eq!(refusal(&world.begin(Some(old.expose()))), Refusal::NotAccepted, "only the newest counts");
    world.pass(DAY);
    assert_eq!(refusal(&world.begin(Some(invited.code.expose()))), Refusal::NotAccepted);
    let code = administrator.invite(Duration::from_secs(DAY), "root").unwrap().code;
    let pending = world.begin(Some(&code.expose().to_lowercase()));
    assert!(matches!(world.confirm(&pending), Response::Confirmed { .. }));
    let _ = administrator.reset_for_test();
    assert_eq!(refusal(&world.begin(Some(code.expose()))), Refusal::NotAccepted, "it is used up");
    assert!(!world.logged().contains(code.expose()));
}

#[test]
fn who_has_enrolled_is_not_invited_and_no_code_lives_for_ever() {
    let world = World::enrolled("");
    assert_eq!(world.administrator().invite(Duration::from_secs(DAY), "root").unwrap_err().reason, Refusal::NoRoom);
    for time in [0, 31 * DAY] {
        let invited = World::new("").administrator().invite(Duration::from_secs(time), "root");
        assert_eq!(invited.unwrap_err().reason, Refusal::BadRequest);
    }
}

#[test]
fn an_administrator_needs_no_permit() {
    let world = World::new("[policy]\nenrollment = \"invite\"\n");
    let begun = world.administrator().answer(Request::Begin { label: None, proof: None, permit: None, device: None });
    assert!(matches!(begun, Response::Pending(_)));
}

#[test]
fn a_code_that_is_read_out_counts_once_within_a_day() {
    let world = World::enrolled("");
    let issued = world.administrator().issue_recovery_code("root").unwrap();
    assert_eq!(issued.expires_at.0, world.clock.now().wall.0 + 86_400);
    assert_eq!(world.login(issued.code.expose()), Verdict::Accepted(Factor::IssuedCode));
    assert_eq!(reason(&world.login(issued.code.expose())), "used-recovery-code");
    assert!(world.gets_in(&world.codes[0]), "the user's own codes stay");
    let issued = world.administrator().issue_recovery_code("root").unwrap();
    world.pass(DAY);
    assert_eq!(reason(&world.login(issued.code.expose())), "expired-recovery-code");
    let none = World::new("").administrator().issue_recovery_code("root").unwrap_err();
    assert_eq!(none.reason, Refusal::NoAuthenticator);
}

#[test]
fn unlocking_lets_codes_count_again() {
    let world = World::enrolled("[throttle]\ncap = 5\nwait = \"1s\"\nmax_wait = \"1s\"\n");
    assert!(world.gets_in(&world.code(0)));
    for _ in 0..5 {
        assert_eq!(reason(&world.login("000000")), "wrong-code");
        world.pass(2);
    }
    world.pass(30);
    assert_eq!(reason(&world.login(&world.code(0))), "codes-disabled");
    world.administrator().unlock("root").unwrap();
    assert!(world.gets_in(&world.code(0)));
    assert!(world.logged().contains("unlocked user=alice by=administrator admin=root"), "{}", world.logged());
}

#[test]
fn unlocking_outlives_the_ledger() {
    let world = World::enrolled("[throttle]\ncap = 10\nwait = \"1s\"\nmax_wait = \"1s\"\n");
    assert!(world.gets_in(&world.code(0)));
    for _ in 0..10 {
        assert_eq!(reason(&world.login("000000")), "wrong-code");
        world.pass(2);
    }
    world.administrator().unlock("root").unwrap();
    fs::remove_file(world.ledger()).unwrap();
    world.pass(90);
    assert!(world.gets_in(&world.code(0)));
}

#[test]
fn an_invitation_from_a_clock_that_was_ahead_does_not_count_yet() {
    let world = World::new("[policy]\nenrollment = \"invite\"\n");
    let now = world.clock.now().wall.0;
    let code = world.administrator().invite(Duration::from_secs(DAY), "root").unwrap().code;
    world.set_wall(now - 1);
    assert_eq!(refusal(&world.begin(Some(code.expose()))), Refusal::NotAccepted);
    world.set_wall(now);
    assert!(matches!(world.begin(Some(code.expose())), Response::Pending(_)));
}

#[test]
fn a_refused_permit_is_logged() {
    for (enrollment, event) in [("invite", "enrollment-code-refused"), ("password", "enrollment-password-refused")] {
        let world = World::new(&format!("[policy]\nenrollment = \"{enrollment}\"\n"));
        assert_eq!(refusal(&world.begin(Some("guess"))), Refusal::NotAccepted);
        assert_eq!(world.logged(), format!("{event} user=alice by=user"));
    }
}

#[test]
fn help_that_is_refused_is_logged() {
    let world = World::enrolled("");
    let administrator = world.administrator();
    let is_logged = |answer: Result<(), Refused>, count: usize| {
        let refused = answer.unwrap_err().reason;
        let logged = world.logged();
        let lines = logged.lines().filter(|line| line.starts_with("refused user=alice by=administrator reason="));
        let last = logged.lines().last().unwrap();
        assert!(lines.count() == count && last.contains(&format!("reason={refused} ")), "{logged}");
    };
    is_logged(administrator.invite(Duration::from_secs(DAY), "root").map(|_| ()), 1);
    is_logged(administrator.resume("root"), 2);
    is_logged(administrator.suspend(Duration::ZERO, "root", "").map(|_| ()), 3);
    fs::write(world.account(), "garbage").unwrap();
    is_logged(administrator.unlock("root"), 4);
    is_logged(administrator.issue_recovery_code("root").map(|_| ()), 5);
}

#[test]
fn a_reset_forgets_wrong_codes() {
    let mut world = World::enrolled("[throttle]\ncap = 5\nwait = \"1s\"\nmax_wait = \"1s\"\n");
    assert!(world.gets_in(&world.code(0)));
    for _ in 0..5 {
        assert_eq!(reason(&world.login("000000")), "wrong-code");
        world.pass(2);
    }
    let _ = world.administrator().reset_for_test();
    world.enroll();
    world.pass(90);
    assert!(world.gets_in(&world.code(0)));
}

fn home() -> Source {
    let origin = Origin { rhost: Some("192.0.2.1".into()), ..Origin::default() };
    Source::of(&origin, &[])
}

#[test]
fn who_comes_back_is_shown_the_same_secret_and_nobody_else_is() {
    let world = World::new("");
    let manager = world.manager(Authority::Login);
    let first = manager.offer(&home()).unwrap();
    world.pass(14 * 60);
    assert_eq!(manager.offer(&home()).unwrap().secret, first.secret);
    let elsewhere = Source::of(&Origin { rhost: Some("192.0.2.2".into()), ..Origin::default() }, &[]);
    let other = manager.offer(&elsewhere).unwrap();
    assert_ne!(other.secret, first.secret);
    assert_ne!(manager.offer(&home()).unwrap().secret, first.secret, "the one from elsewhere took its place");
    let anyone = Source::of(&Origin::default(), &[]);
    assert_ne!(manager.offer(&anyone).unwrap().secret, manager.offer(&anyone).unwrap().secret);
    let late = manager.offer(&home()).unwrap();
    world.pass(15 * 60);
    assert_ne!(manager.offer(&home()).unwrap().secret, late.secret);
}

#[test]
fn a_secret_that_a_session_has_seen_is_not_offered_in_a_login() {
    let world = World::new("");
    let Response::Pending(seen) = world.begin(None) else { panic!() };
    assert_ne!(world.manager(Authority::Login).offer(&home()).unwrap().secret, seen.secret);
}

#[test]
fn a_login_enrolls_by_a_right_code_only_and_only_who_has_not_enrolled() {
    let world = World::new("");
    let manager = world.manager(Authority::Login);
    let offered = Response::Pending(manager.offer(&home()).unwrap());
    for _ in 0..3 {
        assert_eq!(manager.accept(&home(), &wrong(), None).unwrap_err().reason, Refusal::NotAccepted);
    }
    assert!(!world.store().find(&alice()).unwrap().unwrap().is_enrolled());
    let right = manager.accept(&home(), &world.shown_by(&offered), None);
    assert!(matches!(right, Ok(Response::Confirmed { recovery_codes: Some(_), .. })));
    assert_eq!(manager.offer(&home()).map(|_| panic!()).unwrap_err().reason, Refusal::NoRoom);
}

/// No code of a device here, but for one time in a million.
fn wrong() -> Typed {
    Typed::new("000000".into())
}

#[test]
fn only_who_began_an_enrollment_confirms_it() {
    let world = World::new("");
    let elsewhere = Source::of(&Origin { rhost: Some("192.0.2.2".into()), ..Origin::default() }, &[]);
    let confirm = |by: &str, code: Typed| match by {
        "user" => world.confirm_as(Authority::User, code),
        "root" => world.confirm_as(Authority::Administrator, code),
        "login here" => world.manager(Authority::Login).accept(&home(), &code, None).unwrap_or_else(Response::Refused),
        _ => world.manager(Authority::Login).accept(&elsewhere, &code, None).unwrap_or_else(Response::Refused),
    };
    let begin = |by: &str| match by {
        "user" => world.begin(None),
        "root" => world.administrator().answer(Request::Begin { label: None, proof: None, permit: None, device: None }),
        _ => Response::Pending(world.manager(Authority::Login).offer(&home()).unwrap()),
    };
    for begun_by in ["user", "root", "login here"] {
        let pending = begin(begun_by);
        for other in ["user", "root", "login here", "login elsewhere"].into_iter().filter(|other| *other != begun_by) {
            for _ in 0..20 {
                assert_eq!(refusal(&confirm(other, world.shown_by(&pending))), Refusal::NothingPending, "{other}");
            }
        }
        assert!(matches!(confirm(begun_by, world.shown_by(&pending)), Response::Confirmed { .. }), "{begun_by}");
        let _ = world.administrator().reset_for_test();
        world.pass(60);
    }
}

#[test]
fn ten_codes_end_an_enrollment() {
    let world = World::new("");
    let pending = world.begin(None);
    for _ in 0..9 {
        assert_eq!(refusal(&world.confirm_as(Authority::User, wrong())), Refusal::NotAccepted);
    }
    let last = world.confirm_as(Authority::User, wrong());
    let Response::Refused(Refused { reason: Refusal::TriesUsedUp, text }) = &last else { panic!("{last:?}") };
    assert!(text.starts_with("Ten codes did not fit"), "{text}");
    assert!(world.logged().contains("refused user=alice by=user reason=tries-used-up"), "{}", world.logged());
    assert_eq!(world.store().find(&alice()).unwrap().unwrap().pending, None);
    assert_eq!(refusal(&world.confirm(&pending)), Refusal::NothingPending);
    // The tenth one may be right.
    let pending = world.begin(None);
    for _ in 0..9 {
        let _ = world.confirm_as(Authority::User, wrong());
    }
    assert!(matches!(world.confirm(&pending), Response::Confirmed { recovery_codes: Some(_), .. }));
}

#[test]
fn logins_from_one_place_have_ten_codes_together_and_then_another_key() {
    let world = World::new("");
    let first = world.manager(Authority::Login).offer(&home()).unwrap();
    for _ in 0..9 {
        let manager = world.manager(Authority::Login);
        assert_eq!(manager.offer(&home()).unwrap().secret, first.secret);
        assert_eq!(manager.accept(&home(), &wrong(), None).unwrap_err().reason, Refusal::NotAccepted);
    }
    let manager = world.manager(Authority::Login);
    let last = manager.accept(&home(), &wrong(), None).unwrap_err();
    let Refused { reason: Refusal::TriesUsedUp, text } = &last else { panic!("{last:?}") };
    assert!(text.contains("Log in again"), "{text}");
    assert_ne!(manager.offer(&home()).unwrap().secret, first.secret);
}

/// A process that was killed after its tenth try was counted, before the verdict.
#[test]
fn a_try_that_was_counted_is_one_whatever_became_of_it() {
    let world = World::new("");
    let pending = world.begin(None);
    let counted = world.store().update(&alice(), |held| {
        held.account.as_mut().unwrap().pending.as_mut().unwrap().tries = 10;
        held.keep(Keep::Account);
    });
    counted.unwrap();
    assert_eq!(refusal(&world.confirm(&pending)), Refusal::TriesUsedUp);
    assert_eq!(world.store().find(&alice()).unwrap().unwrap().pending, None);
}

#[test]
fn a_secret_from_a_clock_that_was_ahead_is_not_shown_again() {
    let world = World::new("");
    let first = world.manager(Authority::Login).offer(&home()).unwrap();
    world.set_wall(world.clock.now().wall.0 - 60);
    assert_ne!(world.manager(Authority::Login).offer(&home()).unwrap().secret, first.secret);
}

#[test]
fn an_enrollment_in_a_login_is_told_at_the_session_and_logged() {
    let world = World::new("");
    let manager = world.manager(Authority::Login);
    let nothing = manager.accept(&home(), &wrong(), None);
    assert_eq!(nothing.unwrap_err().reason, Refusal::NothingPending);
    assert!(world.logged().contains("refused user=alice by=login reason=nothing-pending"), "{}", world.logged());
    let offered = Response::Pending(manager.offer(&home()).unwrap());
    assert!(world.logged().contains("enrollment-begun user=alice by=login authenticator=phone"), "{}", world.logged());
    assert!(matches!(manager.accept(&home(), &world.shown_by(&offered), None), Ok(Response::Confirmed { .. })));
    let told = notices(&alice(), &world.store(), &world.clock).unwrap();
    assert!(told.iter().any(|line| line.contains("\"phone\" was added")), "{told:?}");
    assert_eq!(manager.offer(&home()).unwrap_err().reason, Refusal::NoRoom);
    assert!(world.logged().contains("refused user=alice by=login reason=no-room"), "{}", world.logged());
}

#[test]
fn a_reason_is_one_line_of_at_most_200_bytes_and_the_longest_time_counts() {
    let world = World::enrolled("[policy]\nmax_suspension = \"1h\"\n");
    let administrator = world.administrator();
    let hour = Duration::from_secs(3600);
    for reason in ["x".repeat(201), "two\nlines".into(), "\u{202e}".into()] {
        assert_eq!(administrator.suspend(hour, "root", &reason).unwrap_err().reason, Refusal::BadRequest, "{reason:?}");
    }
    for time in [Duration::ZERO, hour + Duration::from_secs(1)] {
        assert_eq!(administrator.suspend(time, "root", "").unwrap_err().reason, Refusal::Policy, "{time:?}");
    }
    assert!(administrator.suspend(hour, "root", &"x".repeat(200)).is_ok());
}

#[test]
fn only_the_last_authenticator_stays_and_an_administrator_removes_it_all_the_same() {
    let world = World::enrolled("[policy]\nrequired = true\n");
    let manager = world.manager(Authority::User);
    let proof = Some(Typed::new(world.code(0)));
    let pending = manager.answer(Request::Begin { label: Some("tablet".into()), proof, permit: None, device: None });
    world.pass(30);
    assert!(matches!(world.confirm(&pending), Response::Confirmed { .. }));
    let tablet = Request::Remove { label: Some("tablet".into()), proof: Typed::new(world.code(0)) };
    assert!(matches!(manager.answer(tablet), Response::Removed { enrolled: true, .. }));
    let last = Request::Remove { label: None, proof: Typed::new("".into()) };
    assert!(matches!(world.administrator().answer(last), Response::Removed { enrolled: false, .. }));
}

#[test]
fn a_new_invitation_ends_what_an_earlier_one_began() {
    let world = World::new("[policy]\nenrollment = \"invite\"\n");
    let administrator = world.administrator();
    let leaked = administrator.invite(Duration::from_secs(DAY), "root").unwrap().code;
    let pending = world.begin(Some(leaked.expose()));
    administrator.invite(Duration::from_secs(DAY), "root").unwrap();
    assert_eq!(refusal(&world.confirm(&pending)), Refusal::NothingPending);
}
