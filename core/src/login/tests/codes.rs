//! What a code is worth, and who is asked for one.

use super::*;

#[test]
fn a_right_code_gets_in_once() {
    let world = World::enrolled("");
    let code = world.code(0);
    assert_eq!(
        world.login(&code),
        Verdict::Accepted(Factor::Code { authenticator: "phone".into(), kind: Kind::Totp, digits: 6, corrected: None })
    );
    assert_eq!(reason(&world.login(&code)), "spent-code");
}

#[test]
fn the_code_of_the_enrollment_is_spent() {
    let mut world = World::new("");
    world.enroll();
    assert_eq!(reason(&world.login(&world.code(0))), "spent-code");
    world.pass(30);
    assert!(world.gets_in(&world.code(0)));
}

#[test]
fn an_older_unused_code_after_a_newer_one_is_refused() {
    let world = World::enrolled("");
    assert!(world.gets_in(&world.code(1)));
    for offset in [-1, 0, 1] {
        assert_eq!(reason(&world.login(&world.code(offset))), "spent-code");
    }
}

#[test]
fn codes_outside_the_window_are_wrong() {
    for (window, accepted) in [(0, 0_i64), (1, 1), (2, 2)] {
        for offset in -3..=3_i64 {
            let world = World::enrolled(&format!("[totp]\nwindow = {window}\n"));
            world.pass(60);
            assert_eq!(
                world.gets_in(&world.code(offset)),
                offset.abs() <= accepted,
                "window {window}, offset {offset}"
            );
        }
    }
}

#[test]
fn forms_of_a_code() {
    let world = World::enrolled("");
    let code = world.code(0);
    for spoiled in ["", "12345", "1234567", "12345x", "１２３４５６", &"1".repeat(300), "1234\u{0}56"] {
        assert_eq!(reason(&world.login(spoiled)), "not-a-code", "{spoiled:?}");
    }
    assert!(world.gets_in(&format!(" {}-{} ", &code[..3], &code[3..])));
    world.pass(30);
    let code = world.code(0);
    assert!(world.gets_in(&format!("{} {}\r\n", &code[..3], &code[3..])));
}

#[test]
fn what_cannot_be_a_code_costs_nothing() {
    let world = World::enrolled("");
    for _ in 0..30 {
        assert_eq!(reason(&world.login("hunter2")), "not-a-code");
    }
    assert!(world.gets_in(&world.code(0)));
}

#[test]
fn the_account_is_read_again_after_the_answer() {
    let world = World::enrolled("");
    let code = world.code(0);
    let vanish = || drop(world.manager(Authority::Administrator).reset_for_test());
    assert_eq!(reason(&world.try_with(&code, "192.0.2.1", &vanish).unwrap()), "enrollment-vanished");
}

#[test]
fn the_clock_is_read_after_the_answer() {
    let world = World::enrolled("");
    let code = world.code(0);
    assert_eq!(reason(&world.try_with(&code, "192.0.2.1", &|| world.pass(90)).unwrap()), "wrong-clock");
}

#[test]
fn nobody_is_asked_who_is_not_enrolled_unless_it_is_required() {
    assert_eq!(World::new("").login("").word(), "not-asked");
    assert_eq!(World::new("[policy]\nrequired = true\n").login(""), Verdict::MustEnroll);
}

#[test]
fn an_alias_leads_to_the_same_account() {
    let world = World::enrolled("");
    let other = Person { name: Username::new("ALICE"), alias: Some(Username::new("alice")).into(), ..alice() };
    assert_eq!(applies(&attempt_of(&other), &world.config, &world.store(), &world.clock), Ok(true));
    let stranger = Person { name: Username::new("ALICE"), alias: None.into(), uid: alice().uid + 1, ..alice() };
    assert_eq!(applies(&attempt_of(&stranger), &world.config, &world.store(), &world.clock), Ok(false));
}

#[test]
fn a_user_with_another_name_is_not_taken_for_one_who_never_enrolled() {
    let mut world = World::enrolled("");
    let renamed = Person { name: Username::new("alison"), ..alice() };
    let Err(LoginError::Store(error)) = applies(&attempt_of(&renamed), &world.config, &world.store(), &world.clock)
    else {
        panic!()
    };
    assert!(error.to_string().contains("alice.toml") && error.to_string().contains("reset alison"), "{error}");
    let whole = fs::read(world.account()).unwrap();
    fs::write(world.account(), "broken").unwrap();
    assert!(
        applies(&attempt_of(&renamed), &world.config, &world.store(), &world.clock).is_err(),
        "it does not say whose it is"
    );
    fs::write(world.account(), whole).unwrap();
    world.store().set_aside(&renamed, world.clock.now().wall).unwrap();
    assert_eq!(applies(&attempt_of(&renamed), &world.config, &world.store(), &world.clock), Ok(false));
    // Its uid has become another user's, who has left the link.
    let other = Person { uid: alice().uid + 1, ..renamed };
    let link = world.folder.path().join(format!("state/uids/{}", other.uid));
    world.enroll();
    std::os::unix::fs::symlink("../accounts/alice.toml", link).unwrap();
    assert_eq!(applies(&attempt_of(&other), &world.config, &world.store(), &world.clock), Ok(false));
}
