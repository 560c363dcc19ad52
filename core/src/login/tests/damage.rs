//! Files that are broken, gone, or taken away while they are used.

use super::*;

#[test]
fn broken_files_never_let_anyone_in_and_are_never_lost() {
    type Break = fn(&World);
    let breaks: [Break; 6] = [
        |world| fs::write(world.account(), "").unwrap(),
        |world| fs::write(world.account(), "version = 9\n").unwrap(),
        |world| fs::hard_link(world.account(), world.folder.path().join("state/accounts/x")).unwrap(),
        |world| fs::set_permissions(world.account(), std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap(),
        |world| {
            fs::rename(world.account(), world.folder.path().join("elsewhere")).unwrap();
            std::os::unix::fs::symlink(world.folder.path().join("elsewhere"), world.account()).unwrap();
        },
        |world| fs::rename(world.folder.path().join("state/accounts"), world.folder.path().join("gone")).unwrap(),
    ];
    for (number, broken) in breaks.iter().enumerate() {
        let world = World::enrolled("");
        broken(&world);
        let before = fs::read(world.account()).ok();
        for answer in [world.code(0), world.codes[0].clone()] {
            let Err(LoginError::Store(error)) = world.try_from(&answer, "192.0.2.1") else { panic!("break {number}") };
            assert!(error.to_string().contains("; "), "{error}");
        }
        assert_eq!(fs::read(world.account()).ok(), before, "break {number}");
    }
}

#[test]
fn a_ledger_of_garbage_costs_the_windows_time_and_reopens_nothing() {
    for garbage in [&b""[..], &b"x"[..], &[0_u8; 4096][..]] {
        let world = World::enrolled("");
        let code = world.code(1);
        assert!(world.gets_in(&code));
        fs::write(world.ledger(), garbage).unwrap();
        assert!(!world.gets_in(&code));
        world.pass(90);
        assert!(world.gets_in(&world.code(0)));
    }
}

#[test]
fn a_wiped_ledger_reopens_nothing() {
    let world = World::enrolled("");
    let code = world.code(1);
    assert!(world.gets_in(&code));
    fs::remove_file(world.ledger()).unwrap();
    assert_eq!(reason(&world.login(&code)), "spent-code");
}

#[test]
fn where_the_disk_kept_nothing_the_birth_of_the_ledgers_counts() {
    let world = World::enrolled("");
    let code = world.code(1);
    assert!(world.gets_in(&code));
    fs::File::open(world.account()).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    fs::remove_file(world.ledger()).unwrap();
    fs::write(world.folder.path().join("run/since"), format!("{}\n", world.clock.now().uptime.0)).unwrap();
    assert_eq!(reason(&world.login(&code)), "spent-code");
    world.pass(90);
    assert!(world.gets_in(&world.code(0)));
}

/// A process whose ledger is taken away records nothing, and lets nobody in.
#[test]
fn an_answer_whose_ledger_is_taken_away_counts_for_nothing() {
    type TakeAway = fn(&World);
    let ways: [TakeAway; 4] = [
        |world| fs::remove_file(world.ledger()).unwrap(),
        |world| fs::remove_dir_all(world.folder.path().join("run")).unwrap(),
        |world| fs::rename(world.folder.path().join("run"), world.folder.path().join("old-run")).unwrap(),
        |world| {
            let copy = fs::read(world.ledger()).unwrap();
            fs::remove_file(world.ledger()).unwrap();
            fs::write(world.ledger(), copy).unwrap();
        },
    ];
    for (number, take_away) in ways.iter().enumerate() {
        let world = World::enrolled("");
        let code = world.code(0);
        let judged = world.store().update(&alice(), |held| {
            take_away(&world);
            held.keep(Keep::Account);
            if let Some(account) = held.account.as_mut() {
                account.authenticators.clear();
            }
        });
        assert_eq!(judged, Err(StoreError::Replaced { path: world.ledger().display().to_string() }), "{number}");
        assert_eq!(fs::read_dir(world.folder.path().join("state/accounts")).unwrap().count(), 1, "{number}");
        // Where a new ledger is born now, right codes wait for the window's time.
        world.store().update(&alice(), |_| ()).unwrap();
        world.pass(if number == 0 { 0 } else { 90 });
        assert!(world.gets_in(&if number == 0 { code } else { world.code(0) }), "{number}: the account is as it was");
    }
}

/// The other one recorded a later code, which this one must not move back.
#[test]
fn a_process_whose_ledger_is_taken_away_moves_no_time_of_change_back() {
    let world = World::enrolled("");
    let store = world.store();
    let later = Timestamp(world.clock.now().wall.0 + 1000);
    let judged = store.update(&alice(), |held| {
        fs::remove_file(world.ledger()).unwrap();
        let other = world.store().update(&alice(), |held| held.spent_until = later);
        other.unwrap();
        held.spent_until = Timestamp(later.0 - 500);
    });
    assert!(matches!(judged, Err(StoreError::Replaced { .. })));
    assert_eq!(world.store().update(&alice(), |held| held.spent_until), Ok(later));
}

/// The name was another user's before, who is gone without a trace but for the ledger.
#[test]
fn a_next_user_of_a_name_starts_over_and_is_not_locked_out() {
    let mut world = World::enrolled("");
    for _ in 0..5 {
        assert_eq!(reason(&world.login("000000")), "wrong-code");
    }
    assert_eq!(reason(&world.login(&world.code(0))), "source-waits");
    let next = Person { uid: alice().uid + 1, ..alice() };
    let earlier = world.store().peek(&alice()).unwrap();
    fs::remove_file(world.account()).unwrap();
    assert_eq!(world.store().peek(&next), None);
    let ledger = world.store().update(&next, |held| held.ledger.clone()).unwrap();
    assert_eq!((ledger.throttle.sums().total(), ledger.wrong.count), (0, 0));
    assert_eq!((&ledger.spent, ledger.epoch), (&earlier.spent, earlier.epoch));
    world.enroll();
    world.pass(60);
    assert!(world.gets_in(&world.code(0)));
}
