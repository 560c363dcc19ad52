//! Wrong codes, those who wait for them, and recovery codes.

use super::*;

#[test]
fn a_source_waits_and_its_wait_is_not_lengthened() {
    let world = World::enrolled("");
    for _ in 0..5 {
        assert_eq!(reason(&world.login("000000")), "wrong-code");
    }
    for _ in 0..10 {
        assert_eq!(reason(&world.login(&world.code(0))), "source-waits");
    }
    let elsewhere = world.try_from(&world.code(-1), "198.51.100.1").unwrap();
    assert_eq!(elsewhere.word(), "accepted");
    world.pass(5);
    assert!(world.gets_in(&world.code(0)));
}

#[test]
fn strangers_cannot_lock_a_known_source_out() {
    let world = World::enrolled("");
    assert!(world.gets_in(&world.code(0)));
    for host in 0..100 {
        assert_eq!(reason(&world.try_from("000000", &format!("203.0.113.{host}")).unwrap()), "wrong-code");
    }
    world.pass(30);
    let code = world.code(0);
    assert_eq!(reason(&world.try_from(&code, "198.51.100.9").unwrap()), "closed-to-strangers");
    assert_eq!(
        world.try_from(&world.codes[0], "198.51.100.9").unwrap(),
        Verdict::Accepted(Factor::Recovery { left: 9 })
    );
    assert!(world.gets_in(&code));
}

#[test]
fn a_hundred_wrong_codes_from_this_host_close_nothing_for_other_addresses() {
    let world = World::enrolled("[throttle]\nwait = \"1s\"\nmax_wait = \"1s\"\n");
    let get_in = |rhost: &str| {
        world.pass(30);
        world.try_from(&world.code(0), rhost).unwrap()
    };
    assert_eq!(get_in("127.0.0.1").word(), "accepted");
    assert_eq!(get_in("192.0.2.1").word(), "accepted");
    assert_eq!(world.store().find(&alice()).unwrap().unwrap().known_sources, ["192.0.2.1"]);
    for host in 0..100 {
        assert_eq!(reason(&world.try_from("000000", &format!("127.0.0.{host}")).unwrap()), "wrong-code");
        world.pass(2);
    }
    for rhost in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(reason(&get_in(rhost)), "closed-to-strangers");
    }
    assert_eq!(get_in("192.0.2.1").word(), "accepted");
    assert_eq!(get_in("198.51.100.9").word(), "accepted", "from where it never came before");
    fs::remove_dir_all(world.folder.path().join("run/ledgers")).unwrap();
    fs::create_dir(world.folder.path().join("run/ledgers")).unwrap();
    world.pass(3600);
    assert_eq!(reason(&get_in("127.0.0.1")), "closed-to-strangers");
    assert_eq!(get_in("198.51.100.10").word(), "accepted");
}

#[test]
fn the_sum_of_failures_outlives_the_ledger() {
    let world = World::enrolled("");
    for host in 0..100 {
        let _ = world.try_from("000000", &format!("203.0.113.{host}")).unwrap();
    }
    fs::remove_dir_all(world.folder.path().join("run/ledgers")).unwrap();
    fs::create_dir(world.folder.path().join("run/ledgers")).unwrap();
    world.pass(3600);
    assert_eq!(reason(&world.login(&world.code(0))), "closed-to-strangers");
}

/// A store that lives as long as the service does has read an account that others have written since.
#[test]
fn a_new_ledger_has_the_failures_that_the_account_has_under_the_lock() {
    let world = World::enrolled("");
    let store = world.store();
    // A file that changed a moment ago is not remembered.
    std::thread::sleep(std::time::Duration::from_millis(40));
    assert_eq!(store.find(&alice()).unwrap().unwrap().failures.strangers, 0);
    for host in 0..20 {
        let _ = world.try_from("000000", &format!("203.0.113.{host}")).unwrap();
    }
    fs::remove_file(world.ledger()).unwrap();
    let known = world.store().find(&alice()).unwrap().unwrap().failures.strangers;
    assert!(known >= 10);
    let sums = store.update(&alice(), |held| held.ledger.throttle.sums()).unwrap();
    assert_eq!(sums.strangers, known);
}

#[test]
fn a_hundred_failures_of_known_sources_close_codes_until_a_recovery_code() {
    let world = World::enrolled("[throttle]\ncap = 10\nfailures = 100\n");
    assert!(world.gets_in(&world.code(0)));
    for _ in 0..10 {
        assert_eq!(reason(&world.login("000000")), "wrong-code");
    }
    world.pass(30);
    assert_eq!(reason(&world.login(&world.code(0))), "codes-disabled");
    assert_eq!(world.login(&world.codes[3].to_lowercase()).word(), "accepted");
    assert!(world.gets_in(&world.code(0)));
}

#[test]
fn a_recovery_code_gets_in_once_and_stays_listed() {
    let world = World::enrolled("");
    assert_eq!(world.login(&world.codes[4]), Verdict::Accepted(Factor::Recovery { left: 9 }));
    assert_eq!(reason(&world.login(&world.codes[4])), "used-recovery-code");
    let Response::Status(status) = world.manager(Authority::User).answer(Request::Status {}) else { panic!() };
    let used = &status.recovery_codes.unwrap().used;
    assert_eq!((used.len(), used[0].service.as_str(), used[0].source.as_str()), (1, "sshd", "192.0.2.1"));
}

#[test]
fn a_recovery_code_decides_without_the_sealing_key() {
    let world = World::enrolled("");
    fs::remove_file(world.folder.path().join("seal.key")).unwrap();
    assert!(matches!(world.try_from(&world.code(0), "192.0.2.1"), Err(LoginError::Seal(SealError::NoKey { .. }))));
    assert!(world.gets_in(&world.codes[0]));
}

#[test]
fn a_login_tells_once_what_happened_since_the_last_one() {
    let world = World::enrolled("");
    let told = || notices(&alice(), &world.store(), &world.clock).unwrap();
    assert!(matches!(&told()[..], [line] if line.contains("authenticator \"phone\" was added")));
    assert_eq!(told(), Vec::<String>::new());
    assert_eq!(reason(&world.try_from("000000", "203.0.113.9").unwrap()), "wrong-code");
    assert!(world.gets_in(&world.code(0)) && world.gets_in(&world.codes[0]));
    let lines = told();
    assert!(
        matches!(&lines[..], [wrong, used] if wrong.contains("1 wrong code") && wrong.contains("203.0.113.9")
        && used.contains("for sshd from 192.0.2.1. You have 9 recovery codes left.")),
        "{lines:?}"
    );
    assert_eq!(told(), Vec::<String>::new());
    for code in &world.codes[1..7] {
        world.pass(1);
        assert!(world.gets_in(code));
    }
    assert!(told().last().unwrap().contains("ONLY 3"));
    assert!(matches!(&told()[..], [line] if line.contains("ONLY 3")));
}
