//! Files that are broken, gone, or under a take-over.

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

#[test]
fn an_answer_under_a_takeover_counts_for_nothing() {
    let world = World::enrolled("");
    let code = Typed::new(world.code(0));
    let store = world.store();
    let stalled = store.update(&alice(), |held| {
        // Someone else finds the lock held for too long while this process stands still.
        assert!(world.gets_in(code.expose()));
        held.keep(Keep::Account);
        if let Some(account) = held.account.as_mut() {
            account.authenticators.clear();
        }
    });
    assert_eq!(stalled, Err(StoreError::Superseded));
    assert_eq!(reason(&world.login(code.expose())), "spent-code");
    assert_eq!(fs::read_dir(world.folder.path().join("state/accounts")).unwrap().count(), 1);
    assert_eq!(fs::read_dir(world.folder.path().join("run/ledgers")).unwrap().count(), 1);
}

/// The one who takes over reads the slot before it, which knows nothing of the last code.
#[test]
fn a_takeover_of_a_damaged_ledger_reopens_no_code_either() {
    let world = World::enrolled("");
    assert!(world.gets_in(&world.code(0)));
    world.pass(30);
    let spent = world.code(0);
    let before = fs::read(world.ledger()).unwrap();
    assert!(world.gets_in(&spent));
    let mut damaged = fs::read(world.ledger()).unwrap();
    let newest = [crate::ledger::slot_at(0), crate::ledger::slot_at(1)].map(|at| usize::try_from(at).unwrap() + 8);
    let number = |at: &usize| u64::from_le_bytes(damaged[*at..*at + 8].try_into().unwrap());
    let newest = newest.into_iter().max_by_key(number).unwrap();
    assert_ne!(damaged[newest..newest + 40], before[newest..newest + 40]);
    damaged[newest + 20] ^= 4;
    let stalled = world.store().update(&alice(), |_| {
        fs::write(world.ledger(), &damaged).unwrap();
        assert_eq!(reason(&world.login(&spent)), "spent-code");
    });
    assert_eq!(stalled, Err(StoreError::Superseded));
    assert_eq!(reason(&world.login(&spent)), "spent-code");
}
