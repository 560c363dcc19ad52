//! Logins of programs that cannot ask, and how their passwords are made.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::*;
use crate::login::{Judged, app_password};
use crate::refusals::Told;
use crate::request::{AppPasswordState, AppPasswordStatus};

const PRESETS: &str = "[[app_password.auto]]\nname = \"mail\"\nservices = [\"Dovecot\"]\nexpires = \"10d\"\n";
const DAY: u64 = 86_400;

/// A login of a mail program.
#[derive(Clone, Copy)]
struct Mail<'a> {
    service: &'a str,
    rhost: &'a str,
}

const IMAP: Mail<'_> = Mail { service: "dovecot", rhost: "192.0.2.1" };

impl World {
    fn mail_with(&self, mail: Mail<'_>, password: &str, meanwhile: &dyn Fn()) -> Judged {
        let origin = Origin { rhost: Some(mail.rhost.into()), ..Origin::default() };
        let attempt = attempt_at(mail.service, origin, false);
        let password = Typed::new(password.into());
        meanwhile();
        app_password(&attempt, &self.config, &self.store(), &self.clock, &password).unwrap()
    }

    fn mail(&self, mail: Mail<'_>, password: &str) -> &'static str {
        reason(&self.mail_with(mail, password, &|| {}).verdict)
    }

    /// A proof, from a step that nobody used.
    fn proof(&self) -> Typed {
        self.pass(30);
        Typed::new(self.code(0))
    }

    pub(super) fn create(&self, label: &str, networks: &[&str], expires_after: Option<u64>) -> String {
        match self.ask(self.wish(label, &["dovecot", "smtp"], networks, expires_after)) {
            Response::AppPassword { password, .. } => password.expose().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    fn wish(&self, label: &str, services: &[&str], networks: &[&str], expires_after: Option<u64>) -> Request {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Request::CreateAppPassword {
            label: label.into(),
            services: owned(services),
            networks: owned(networks),
            expires_after,
            proof: self.proof(),
        }
    }

    fn listed(&self) -> Vec<AppPasswordStatus> {
        match self.ask(Request::AppPasswords {}) {
            Response::AppPasswords { app_passwords, .. } => app_passwords,
            other => panic!("{other:?}"),
        }
    }

    fn revoke(&self, label: Option<&str>) -> Response {
        self.ask(Request::RevokeAppPasswords { label: label.map(str::to_owned), proof: self.proof() })
    }
}

fn refusal(response: &Response) -> Refusal {
    match response {
        Response::Refused(Refused { reason, .. }) => *reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_application_password_opens_its_services_only_and_however_often() {
    let world = World::enrolled("");
    let password = world.create("laptop", &[], None);
    for typed in [password.clone(), password.to_lowercase(), password.replace('-', " ")] {
        let factor = Factor::AppPassword { label: "laptop".into() };
        assert_eq!(world.mail_with(IMAP, &typed, &|| {}).verdict, Verdict::Accepted(factor));
    }
    assert_eq!(world.mail(Mail { service: "SMTP", ..IMAP }, &password), "accepted");
    for service in ["sshd", "vsftpd", "imap"] {
        assert_eq!(world.mail(Mail { service, ..IMAP }, &password), "app-password-other-service", "{service}");
    }
    assert_eq!(reason(&world.login(&password)), "not-a-code");
}

#[test]
fn nothing_else_opens_them() {
    let world = World::enrolled("");
    assert_eq!(world.mail(IMAP, "0123-4567-89AB-CDEF-GHJK-MNPQ"), "wrong-app-password");
    world.create("laptop", &[], None);
    world.pass(30);
    for typed in ["hunter2", "", world.code(0).as_str(), world.codes[0].as_str(), &"x".repeat(1000)] {
        assert_eq!(world.mail(IMAP, typed), "not-an-app-password", "{typed}");
    }
    assert_eq!(world.mail(IMAP, "0123-4567-89AB-CDEF-GHJK-MNPQ"), "wrong-app-password");
    assert!(world.gets_in(&world.code(0)), "the code was not spent by the mail program");
}

#[test]
fn the_network_is_that_of_the_client() {
    let world = World::enrolled("[policy]\nproxies = [\"192.0.2.99\"]\n");
    let password = world.create("laptop", &["192.0.2.0/24", "2001:db8::/32"], None);
    let from = |rhost| world.mail(Mail { rhost, ..IMAP }, &password);
    for inside in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"] {
        assert_eq!(from(inside), "accepted", "{inside}");
    }
    for outside in ["192.0.3.7", "::ffff:198.51.100.1", "2001:db9::1", "", "host.example", "192.0.2.99", " 192.0.2.8"] {
        assert_eq!(from(outside), "app-password-other-network", "{outside}");
    }
}

#[test]
fn it_ends_when_it_expires_or_lies_unused() {
    let world = World::enrolled("[app_password]\nunused = \"20d\"\n");
    let (short, long) = (world.create("short", &[], Some(10 * DAY)), world.create("long", &[], None));
    world.pass(10 * DAY - 100);
    assert_eq!((world.mail(IMAP, &short), world.mail(IMAP, &long)), ("accepted", "accepted"));
    world.pass(101);
    assert_eq!(world.mail(IMAP, &short), "app-password-expired");
    world.pass(20 * DAY - 102);
    assert_eq!(world.mail(IMAP, &long), "accepted");
    world.pass(20 * DAY);
    assert_eq!(world.mail(IMAP, &long), "app-password-unused");
    let states: Vec<AppPasswordState> = world.listed().iter().map(|one| one.state).collect();
    assert_eq!(states, [AppPasswordState::Expired, AppPasswordState::Unused]);
}

#[test]
fn a_service_that_became_interactive_is_closed() {
    let mut world = World::enrolled("");
    let password = world.create("laptop", &[], None);
    world.config = Config::parse("version = 1\n[app_password]\ninteractive_services = [\"Dovecot\"]\n").unwrap();
    assert_eq!(world.mail(IMAP, &password), "app-password-other-service");
}

#[test]
fn a_password_that_is_revoked_while_it_is_typed_does_not_count() {
    let world = World::enrolled("");
    let password = world.create("laptop", &[], None);
    let judged = world.mail_with(IMAP, &password, &|| drop(world.revoke(Some("laptop"))));
    assert_eq!(reason(&judged.verdict), "wrong-app-password");
}

#[test]
fn who_is_not_enrolled_is_left_to_the_next_module_unless_policy_requires() {
    let world = World::new("");
    assert_eq!(world.mail_with(IMAP, "hunter2", &|| {}).verdict.word(), "not-asked");
    let strict = World::new("[policy]\nrequired = true\n");
    assert_eq!(strict.mail_with(IMAP, "hunter2", &|| {}).verdict, Verdict::MustEnroll);
}

#[test]
fn both_passwords_work_while_the_second_step_is_suspended() {
    let world = World::enrolled("");
    let password = world.create("laptop", &[], None);
    let administrator = world.manager(Authority::Administrator);
    administrator.suspend(std::time::Duration::from_secs(DAY), "root", "phone lost").unwrap();
    assert_eq!(world.mail(IMAP, &password), "accepted");
    assert_eq!(world.mail(IMAP, "hunter2"), "not-asked");
    assert_eq!(world.login("any").word(), "not-asked");
    administrator.resume("root").unwrap();
    assert_eq!(world.mail(IMAP, "hunter2"), "not-an-app-password");
    assert_eq!(administrator.resume("root").unwrap_err().reason, Refusal::BadRequest);
    let long = administrator.suspend(std::time::Duration::from_secs(8 * DAY), "root", "").unwrap_err();
    assert_eq!(long.reason, Refusal::Policy);
}

#[test]
fn the_last_use_is_exact_and_the_account_is_written_once_a_day() {
    let world = World::enrolled("");
    let password = world.create("laptop", &[], None);
    assert_eq!(world.listed()[0].last_use, None);
    assert_eq!(world.mail(IMAP, &password), "accepted");
    let written = fs::metadata(world.account()).unwrap().ino();
    for _ in 0..3 {
        world.pass(60);
        assert_eq!(world.mail(Mail { rhost: "2001:db8::7", ..IMAP }, &password), "accepted");
    }
    assert_eq!(fs::metadata(world.account()).unwrap().ino(), written, "no second write on one day");
    let used = world.listed()[0].last_use.clone().unwrap();
    assert_eq!((used.at, used.source.as_str()), (world.clock.now().wall.0, "2001:db8::/64"));
    world.pass(DAY);
    assert_eq!(world.mail(IMAP, &password), "accepted");
    assert_ne!(fs::metadata(world.account()).unwrap().ino(), written);
    let used_at = world.clock.now().wall.0;
    world.pass(60);
    assert_eq!(world.mail(IMAP, &password), "accepted");
    fs::remove_file(world.ledger()).unwrap();
    assert_eq!(world.listed()[0].last_use.as_ref().unwrap().at, used_at, "the day's first use outlives the ledger");
}

#[test]
fn wrong_ones_leave_codes_and_the_lock_alone_and_are_counted() {
    let world = World::enrolled("");
    world.create("laptop", &[], None);
    world.pass(30);
    let wrong = "0123-4567-89AB-CDEF-GHJK-MNPQ";
    let lines = world.store().update(&alice(), |_| {
        // While the account is locked, as a stalled login would keep it.
        let told = |_| world.mail_with(IMAP, wrong, &|| {}).told;
        (0..200).map(told).filter(|told| *told == Told::ALONE).count()
    });
    assert_eq!(lines.unwrap(), 10);
    world.pass(60);
    assert_eq!(world.mail_with(IMAP, "hunter2", &|| {}).told, Told::Line { unlogged: 190 });
    assert_eq!(world.mail_with(Mail { rhost: "192.0.2.2", ..IMAP }, wrong, &|| {}).told, Told::ALONE);
    assert!(world.gets_in(&world.code(0)));
    assert!(!notices(&alice(), &world.store(), &world.clock).unwrap().iter().any(|line| line.contains("wrong code")));
}

#[test]
fn where_refusals_cannot_be_counted_each_is_logged() {
    let world = World::enrolled("");
    let tally = world.ledger().with_file_name("alice.refusals");
    fs::create_dir(&tally).unwrap();
    for _ in 0..30 {
        assert_eq!(world.mail_with(IMAP, "hunter2", &|| {}).told, Told::ALONE);
    }
}

#[test]
fn a_new_one_must_be_possible() {
    let world = World::enrolled("");
    for (wish, expected) in [
        (world.wish("", &["dovecot"], &[], None), Refusal::BadRequest),
        (world.wish("a\nb", &["dovecot"], &[], None), Refusal::BadRequest),
        (world.wish("a", &[], &[], None), Refusal::BadRequest),
        (world.wish("a", &["no service"], &[], None), Refusal::BadRequest),
        (world.wish("a", &["dovecot", "SUDO"], &[], None), Refusal::BadRequest),
        (world.wish("a", &["dovecot"], &["192.0.2.0/33"], None), Refusal::BadRequest),
        (world.wish("a", &["dovecot"], &["192.0.2.1"; 17], None), Refusal::BadRequest),
        (world.wish(" ", &["dovecot"], &[], None), Refusal::BadRequest),
        (world.wish("a\u{a0}", &["dovecot"], &[], None), Refusal::BadRequest),
        (world.wish("a", &["dovecot"], &[], Some(0)), Refusal::BadRequest),
        (world.wish("a", &["dovecot"], &[], Some(u64::MAX)), Refusal::BadRequest),
    ] {
        assert_eq!(refusal(&world.ask(wish)), expected);
    }
    assert!(world.gets_in(&world.code(0)), "no proof was spent on what is impossible");
    world.ask(world.wish("a", &["dovecot", "Dovecot", "imap"], &[], None));
    assert_eq!(world.listed()[0].services, ["dovecot", "imap"]);
    assert_eq!(refusal(&world.ask(world.wish("a", &["dovecot"], &[], None))), Refusal::NoRoom);
    let Request::CreateAppPassword { label, services, networks, expires_after, .. } =
        world.wish("b", &["dovecot"], &[], None)
    else {
        panic!()
    };
    let unproved =
        Request::CreateAppPassword { label, services, networks, expires_after, proof: Typed::new("000000".into()) };
    assert_eq!(refusal(&world.ask(unproved)), Refusal::NotAccepted);
    assert_eq!(world.listed().len(), 1);
}

#[test]
fn only_an_enrolled_user_makes_one_and_no_administrator() {
    let world = World::new("");
    assert_eq!(refusal(&world.ask(world.wish("a", &["dovecot"], &[], None))), Refusal::NoAuthenticator);
    let world = World::enrolled(PRESETS);
    let administrator = world.manager(Authority::Administrator);
    assert_eq!(refusal(&administrator.answer(world.wish("a", &["dovecot"], &[], None))), Refusal::Policy);
    let ensure = Request::EnsureAppPassword { name: "mail".into(), proof: None };
    assert_eq!(refusal(&administrator.answer(ensure)), Refusal::Policy);
    assert!(world.listed().is_empty());
}

#[test]
fn the_list_has_an_end_and_what_has_expired_makes_room() {
    let world = World::enrolled("[app_password]\nmax = 2\n");
    let old = world.create("old", &[], Some(1000));
    world.create("new", &[], None);
    assert_eq!(refusal(&world.ask(world.wish("third", &["dovecot"], &[], None))), Refusal::NoRoom);
    world.pass(1000);
    world.create("third", &[], None);
    let labels: Vec<String> = world.listed().into_iter().map(|one| one.label).collect();
    assert_eq!(labels, ["new", "third"]);
    assert_eq!(world.mail(IMAP, &old), "wrong-app-password");
}

#[test]
fn a_revoked_one_is_gone_at_once_and_for_good() {
    let world = World::enrolled("");
    let (one, other) = (world.create("one", &[], None), world.create("other", &[], None));
    let unproved = Request::RevokeAppPasswords { label: Some("one".into()), proof: Typed::new("1".into()) };
    assert_eq!(refusal(&world.ask(unproved)), Refusal::NotAccepted);
    assert_eq!(world.mail(IMAP, &one), "accepted");
    assert!(matches!(world.revoke(Some("one")), Response::Revoked { labels } if labels == ["one"]));
    assert_eq!((world.mail(IMAP, &one), world.mail(IMAP, &other)), ("wrong-app-password", "accepted"));
    assert_eq!(refusal(&world.revoke(Some("one"))), Refusal::NoAppPassword);
    world.create("third", &[], None);
    let all = Request::RevokeAppPasswords { label: None, proof: Typed::new(String::new()) };
    let Response::Revoked { labels } = world.manager(Authority::Administrator).answer(all) else { panic!() };
    assert_eq!(labels, ["other", "third"]);
    assert_eq!(world.mail(IMAP, &other), "wrong-app-password");
}

#[test]
fn they_go_with_the_last_authenticator_and_with_a_reset() {
    let world = World::enrolled("");
    let password = world.create("laptop", &[], None);
    let removed = world.ask(Request::Remove { label: None, proof: world.proof() });
    assert!(matches!(removed, Response::Removed { app_passwords, .. } if app_passwords == ["laptop"]));
    assert_eq!(world.mail(IMAP, &password), "not-asked");
    let mut world = World::enrolled("");
    let password = world.create("laptop", &[], None);
    let _ = world.manager(Authority::Administrator).reset_for_test();
    world.pass(60);
    world.enroll();
    assert_eq!(world.mail(IMAP, &password), "wrong-app-password");
}

#[test]
fn a_preset_needs_no_proof_within_two_minutes_of_a_second_step() {
    let world = World::enrolled(PRESETS);
    let ensure = |proof| world.ask(Request::EnsureAppPassword { name: "mail".into(), proof });
    world.pass(61);
    assert_eq!(refusal(&ensure(None)), Refusal::ProofRequired);
    assert!(!world.log.0.borrow().join("\n").contains("proof-required"), "a session start that asks is no event");
    assert!(world.gets_in(&world.code(0)));
    world.pass(120);
    let Response::AppPassword { password, made } = ensure(None) else { panic!() };
    assert_eq!((made.label.as_str(), made.services, made.preset), ("mail", vec!["dovecot".to_owned()], true));
    assert_eq!(made.expires_at, Some(world.clock.now().wall.0 + 10 * 86_400));
    assert_eq!(world.mail(IMAP, password.expose()), "accepted");
    world.pass(1);
    assert_eq!(refusal(&ensure(None)), Refusal::ProofRequired);
    assert_eq!(refusal(&ensure(Some(Typed::new("000000".into())))), Refusal::NotAccepted);
    assert_eq!(world.mail(IMAP, password.expose()), "accepted", "a refused one replaces nothing");
    world.pass(30);
    assert!(world.gets_in(&world.code(0)));
    assert_eq!(refusal(&ensure(None)), Refusal::ProofRequired, "one that still counts is not replaced without a proof");
    assert_eq!(refusal(&ensure(Some(Typed::new("000000".into())))), Refusal::NotAccepted, "a wrong proof is none");
    assert_eq!(world.mail(IMAP, password.expose()), "accepted");
    let Response::AppPassword { password: second, .. } = ensure(Some(world.proof())) else { panic!() };
    assert_eq!(world.mail(IMAP, password.expose()), "wrong-app-password", "the earlier one of the preset is replaced");
    assert_eq!((world.mail(IMAP, second.expose()), world.listed().len()), ("accepted", 1));
    let revoked =
        world.log.0.borrow().iter().any(|line| line.starts_with("app-password-revoked") && line.ends_with("mail"));
    assert!(revoked, "what made room is logged");
    world.pass(10 * DAY);
    assert!(world.gets_in(&world.code(0)));
    assert!(matches!(ensure(None), Response::AppPassword { .. }), "an expired one is");
}

#[test]
fn no_number_of_wrong_proofs_takes_one_away() {
    let world = World::enrolled(&format!("[app_password]\nmax = 1\n{PRESETS}[throttle]\nfailures = 100\n"));
    let Response::AppPassword { password, .. } =
        world.ask(Request::EnsureAppPassword { name: "mail".into(), proof: Some(world.proof()) })
    else {
        panic!()
    };
    for _ in 0..20 {
        let proof = Some(Typed::new("000000".into()));
        assert_eq!(
            refusal(&world.ask(Request::EnsureAppPassword { name: "mail".into(), proof })),
            Refusal::NotAccepted
        );
    }
    assert_eq!(world.mail(IMAP, password.expose()), "accepted");
}

#[test]
fn a_boot_with_a_clock_long_ago_retires_nothing() {
    let world = World::enrolled("");
    let password = world.create("laptop", &[], None);
    for _ in 0..14 {
        world.pass(30 * DAY);
        assert_eq!(world.mail(IMAP, &password), "accepted");
    }
    let right = world.clock.now().wall.0;
    world.set_wall(100);
    fs::remove_file(world.ledger()).unwrap();
    assert_eq!(world.mail(IMAP, &password), "accepted");
    world.set_wall(right + 60);
    assert_eq!(world.mail(IMAP, &password), "accepted");
}

#[test]
fn a_suspension_is_said_at_each_login_while_it_holds() {
    let world = World::enrolled("");
    let lines = || notices(&alice(), &world.store(), &world.clock).unwrap().join("\n");
    world.manager(Authority::Administrator).suspend(std::time::Duration::from_secs(DAY), "carol", "").unwrap();
    lines();
    for _ in 0..2 {
        assert!(lines().contains("switched off until 2027-01-16") && lines().contains("by carol"), "{}", lines());
    }
    world.pass(DAY);
    assert_eq!(lines(), "");
}

#[test]
fn a_count_that_is_not_the_users_is_made_anew() {
    let world = World::enrolled("");
    let tally = world.ledger().with_file_name("alice.refusals");
    let elsewhere = world.folder.path().join("elsewhere");
    fs::write(&elsewhere, "mine").unwrap();
    fs::hard_link(&elsewhere, &tally).unwrap();
    let lines = (0..30).filter(|_| world.mail_with(IMAP, "hunter2", &|| {}).told == Told::ALONE).count();
    assert_eq!((lines, fs::read_to_string(&elsewhere).unwrap().as_str()), (10, "mine"));
}

#[test]
fn only_the_administrators_presets_are_made_so() {
    let world = World::enrolled(PRESETS);
    assert!(world.gets_in(&world.code(0)));
    let other = Request::EnsureAppPassword { name: "calendar".into(), proof: None };
    assert_eq!(refusal(&world.ask(other)), Refusal::NoAppPassword);
    world.create("mail", &[], None);
    let taken = Request::EnsureAppPassword { name: "mail".into(), proof: None };
    assert_eq!(refusal(&world.ask(taken)), Refusal::NoRoom, "what the user made by hand is not replaced");
}

#[test]
fn a_wrong_code_is_no_second_step_and_a_reboot_forgets_the_right_one() {
    let world = World::enrolled(PRESETS);
    let ensure = || world.ask(Request::EnsureAppPassword { name: "mail".into(), proof: None });
    world.pass(61);
    assert_eq!(reason(&world.login("000000")), "wrong-code");
    assert_eq!(refusal(&ensure()), Refusal::ProofRequired);
    assert!(world.gets_in(&world.code(0)));
    fs::remove_file(world.ledger()).unwrap();
    assert_eq!(refusal(&ensure()), Refusal::ProofRequired);
}

#[test]
fn the_next_login_tells_of_a_new_one_and_of_its_first_use_once() {
    let world = World::enrolled("");
    let lines = || notices(&alice(), &world.store(), &world.clock).unwrap();
    let password = world.create("laptop", &[], None);
    let told = lines().join("\n");
    assert!(told.contains("The application password \"laptop\" was created on 2027-01-15"), "{told}");
    assert!(lines().is_empty());
    world.pass(60);
    for _ in 0..2 {
        assert_eq!(world.mail(IMAP, &password), "accepted");
    }
    let told = lines().join("\n");
    assert!(told.contains("\"laptop\" was first used on") && told.contains("for dovecot from 192.0.2.1"), "{told}");
    world.pass(DAY);
    assert_eq!(world.mail(IMAP, &password), "accepted");
    assert!(lines().is_empty());
}

#[test]
fn a_user_for_root_is_reported_without_its_secrets() {
    let world = World::enrolled("");
    let password = world.create("laptop", &["192.0.2.0/24"], None);
    let listed = format!("{:?}", world.ask(Request::AppPasswords {}));
    let hash = fs::read_to_string(world.account()).unwrap();
    let hash = hash.split("hash = \"").nth(1).unwrap().get(..64).unwrap();
    assert!(listed.contains("laptop") && listed.contains("192.0.2.0/24") && listed.contains("\"sshd\""));
    assert!(!listed.contains(hash) && !hash.contains(&password.replace('-', "")));
    let log = world.log.0.borrow().join("\n");
    assert!(
        log.contains(
            "app-password-created user=alice by=user label=laptop services=dovecot,smtp networks=192.0.2.0/24"
        ),
        "{log}"
    );
    assert!(!log.contains(&password));
}
