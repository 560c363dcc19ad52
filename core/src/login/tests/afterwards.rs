//! What the account phase records and says.

use super::*;

const DAY: u64 = 86_400;
/// In force since the start, with two weeks of time.
const REQUIRED: &str = "[policy]\nrequired = true\nsince = 2027-01-15T08:00:00Z\n";
const REMEMBERS: &str = "[policy]\nremember = \"1h\"\nproxies = [\"192.0.2.9\"]\n";

impl World {
    fn attempt(&self, service: &str, rhost: Option<&str>) -> Attempt {
        let origin = Origin { rhost: rhost.map(str::to_owned), tty: Some("tty1".into()), real_uid: 0 };
        Attempt { service: service.into(), origin, ..attempt_of(&alice()) }
    }

    fn after(&self, attempt: &Attempt, passed: Passed) -> Option<String> {
        afterwards(attempt, &self.config, &self.store(), &self.clock, passed).unwrap()
    }

    /// What a login is told and asked, and whether it got in without a code.
    fn without_code(&self) -> &'static str {
        let attempt = self.attempt("sshd", None);
        let person = Scripted { answer: RefCell::new(Some(Typed::new("x".into()))), meanwhile: &|| {} };
        let verdict = second_step(&attempt, &self.config, &self.store(), &self.clock, &person).unwrap();
        verdict.word()
    }

    fn is_asked(&self, service: &str, rhost: Option<&str>) -> bool {
        applies(&self.attempt(service, rhost), &self.config, &self.store(), &self.clock).unwrap()
    }
}

#[test]
fn only_the_account_phase_starts_a_users_time() {
    let world = World::new(REQUIRED);
    world.pass(30 * DAY);
    for _ in 0..3 {
        assert_eq!(world.without_code(), "not-asked");
        world.pass(30 * DAY);
    }
    let told = world.after(&world.attempt("sshd", None), Passed::NotAsked).unwrap();
    assert!(told.contains("you have 14 days left"), "{told}");
    world.pass(DAY + 1);
    let told = world.after(&world.attempt("sshd", None), Passed::NotAsked).unwrap();
    assert!(told.contains("you have 12 days left"), "{told}");
    world.pass(13 * DAY - 2);
    assert_eq!(world.without_code(), "not-asked");
    world.pass(1);
    assert_eq!(world.without_code(), "refused");
}

#[test]
fn nobody_is_reminded_who_is_not_in_grace() {
    let world = World::new("");
    assert_eq!(world.after(&world.attempt("sshd", None), Passed::NotAsked), None);
    assert!(!world.account().exists(), "and no account is made");
    let world = World::enrolled(REQUIRED);
    for passed in [Passed::Code, Passed::Otherwise] {
        assert_eq!(world.after(&world.attempt("sshd", None), passed), None);
    }
}

#[test]
fn a_reset_starts_a_new_time() {
    let world = World::enrolled(REQUIRED);
    world.pass(30 * DAY);
    let _ = world.manager(Authority::Administrator).reset_for_test();
    world.pass(14 * DAY - 1);
    assert_eq!(world.without_code(), "not-asked");
    world.pass(1);
    assert_eq!(world.without_code(), "refused");
}

#[test]
fn an_address_is_remembered_for_its_service_and_its_time() {
    let world = World::enrolled(REMEMBERS);
    let home = Some("2001:db8::7");
    world.after(&world.attempt("sshd", home), Passed::Code);
    assert!(!world.is_asked("sshd", home));
    for (service, rhost) in [("sudo", home), ("sshd", Some("2001:db8::8")), ("sshd", None)] {
        assert!(world.is_asked(service, rhost), "{service} {rhost:?}");
    }
    world.pass(3600);
    assert!(world.is_asked("sshd", home));
}

#[test]
fn no_terminal_no_proxy_and_no_other_step_is_remembered() {
    let world = World::enrolled(REMEMBERS);
    let home = Some("192.0.2.1");
    for (rhost, passed) in
        [(None, Passed::Code), (Some("192.0.2.9"), Passed::Code), (home, Passed::Otherwise), (home, Passed::NotAsked)]
    {
        world.after(&world.attempt("sshd", rhost), passed);
        assert!(world.is_asked("sshd", rhost), "{rhost:?} {passed:?}");
    }
    for rhost in ["127.0.0.1", "::1", " 192.0.2.1", "192.0.2.1%x.example"] {
        world.after(&world.attempt("sshd", Some(rhost)), Passed::Code);
        assert!(world.is_asked("sshd", Some(rhost)), "{rhost:?}");
    }
    let off = World::enrolled("");
    off.after(&off.attempt("sshd", home), Passed::Code);
    assert!(off.is_asked("sshd", home));
}

#[test]
fn a_remembered_address_is_forgotten_when_an_authenticator_goes() {
    let mut world = World::enrolled(REMEMBERS);
    let home = Some("192.0.2.1");
    world.after(&world.attempt("sshd", home), Passed::Code);
    let _ =
        world.manager(Authority::Administrator).answer(Request::Remove { label: None, proof: Typed::new("".into()) });
    world.pass(60);
    world.enroll();
    assert!(world.is_asked("sshd", home));
}

#[test]
fn a_users_time_begins_also_where_the_account_is_there_already() {
    let world = World::new(REQUIRED);
    world.pass(30 * DAY);
    let begun =
        world.manager(Authority::User).answer(Request::Begin { label: None, proof: None, permit: None, device: None });
    assert!(matches!(begun, Response::Pending(_)));
    world.after(&world.attempt("sshd", None), Passed::NotAsked);
    world.pass(14 * DAY);
    assert_eq!(world.without_code(), "refused");
}

#[test]
fn a_service_whose_name_is_too_long_to_keep_is_not_remembered() {
    let world = World::enrolled(REMEMBERS);
    let home = Some("192.0.2.1");
    for (length, is_asked) in [(64, false), (65, true)] {
        let service = "s".repeat(length);
        world.after(&world.attempt(&service, home), Passed::Code);
        assert_eq!(world.is_asked(&service, home), is_asked, "{length}");
    }
}

#[test]
fn who_is_exempt_gets_in_without_a_store_and_nobody_else_does() {
    for (policy, gets_in) in [
        ("exempt_users = [\"alice\"]", true),
        ("exempt_services = [\"sshd\"]", true),
        ("exempt_networks = [\"192.0.2.0/24\"]", true),
        ("exempt_users = [\"bob\"]", false),
        ("", false),
    ] {
        let world = World::new(&format!("[policy]\n{policy}\n"));
        fs::rename(world.folder.path().join("state"), world.folder.path().join("away")).unwrap();
        let attempt = world.attempt("sshd", Some("192.0.2.1"));
        assert_eq!(world.try_from("x", "192.0.2.1").is_ok(), gets_in, "{policy}");
        let after = afterwards(&attempt, &world.config, &world.store(), &world.clock, Passed::NotAsked);
        assert_eq!(after.is_ok(), gets_in, "{policy}");
        let applies = applies(&attempt, &world.config, &world.store(), &world.clock);
        assert_eq!(applies == Ok(false), gets_in, "{policy}");
    }
}

#[test]
fn a_shorter_time_to_remember_counts_at_once() {
    let mut world = World::enrolled(REMEMBERS);
    let home = Some("192.0.2.1");
    world.after(&world.attempt("sshd", home), Passed::Code);
    world.pass(600);
    world.config.policy.remember = std::time::Duration::from_secs(601);
    assert!(!world.is_asked("sshd", home));
    world.config.policy.remember = std::time::Duration::from_secs(600);
    assert!(world.is_asked("sshd", home));
}
