//! What another program or another host knew of a user.

use super::*;
use crate::enroll::{Imported, ImportedDevice, Restored};
use crate::seal::SealKey;
use crate::time::Step;

const KEY: &[u8] = b"12345678901234567890";
const SCRATCH: [&str; 2] = ["12345678", "87654321"];

fn device(spent: u64) -> ImportedDevice {
    ImportedDevice {
        scratch_codes: SCRATCH.iter().map(|code| Typed::new((*code).to_owned())).collect(),
        ..ImportedDevice::new(
            Secret::new(KEY.to_vec()),
            Progress::Time { period: 30, drift: 0, spent: Step(spent), resynchronized_at: None },
            "google-authenticator",
        )
    }
}

impl World {
    /// A host whose user comes from another program.
    fn imported(config: &str, device: &ImportedDevice) -> Self {
        let mut world = Self::new(config);
        world.secret = Secret::new(KEY.to_vec());
        assert!(matches!(world.manager(Authority::Administrator).import(device), Ok(Imported::Taken { .. })));
        world
    }
}

#[test]
fn the_same_phone_logs_in_and_what_it_spent_before_stays_spent() {
    let ahead = u64::try_from(START / 30 + 3).unwrap();
    let world = World::imported("", &device(ahead));
    for _ in 0..3 {
        assert_eq!(reason(&world.login(&world.code(0))), "spent-code");
        world.pass(30);
    }
    assert_eq!(reason(&world.login(&world.code(0))), "spent-code", "the other program took this one");
    world.pass(30);
    assert!(world.gets_in(&world.code(0)));
    assert_eq!(reason(&world.login(&world.code(0))), "spent-code");
}

#[test]
fn a_scratch_code_counts_once_until_new_codes_are_made() {
    let world = World::imported("", &device(0));
    world.pass(60);
    assert!(world.gets_in("1234 5678"));
    assert_eq!(reason(&world.login(SCRATCH[0])), "used-recovery-code");
    assert_eq!(reason(&world.login("11111111")), "wrong-code");
    let proof = Typed::new(world.code(0));
    assert!(matches!(world.ask(Request::RegenerateRecoveryCodes { proof }), Response::RecoveryCodes { .. }));
    assert_eq!(reason(&world.login(SCRATCH[1])), "not-a-code");
}

#[test]
fn a_scratch_code_can_be_guessed_and_counts_only_where_codes_count() {
    let world = World::imported("[throttle]\nfailures = 100\ncap = 3", &device(0));
    world.pass(60);
    for _ in 0..3 {
        assert_eq!(reason(&world.login("000000")), "wrong-code");
    }
    assert_eq!(reason(&world.login(SCRATCH[0])), reason(&world.login(&world.code(0))));
    assert!(!world.gets_in(SCRATCH[0]));
}

#[test]
fn scratch_codes_do_not_replace_recovery_codes_and_stay_away_from_eight_digits() {
    let enrolled = World::enrolled("");
    let taken = |scratch_codes| Some(Imported::Taken { label: "phone 2".to_owned(), scratch_codes });
    assert_eq!(enrolled.manager(Authority::Administrator).import(&device(0)).ok(), taken(false));
    assert!(enrolled.gets_in(&enrolled.codes[0]));
    let world = World::new("");
    let long = ImportedDevice { digits: 8, ..device(0) };
    let taken = Some(Imported::Taken { label: "phone".to_owned(), scratch_codes: false });
    assert_eq!(world.manager(Authority::Administrator).import(&long).ok(), taken);
}

#[test]
fn the_same_key_is_not_taken_twice() {
    let world = World::imported("", &device(0));
    let again = world.manager(Authority::Administrator).import(&ImportedDevice { label: "other".into(), ..device(9) });
    assert_eq!(again.ok(), Some(Imported::AlreadyThere { label: "phone".to_owned() }));
    assert_eq!(world.store().find(&alice()).unwrap().unwrap().authenticators.len(), 1);
}

#[test]
fn what_would_become_of_a_device_is_known_before_and_changes_nothing() {
    let world = World::new("[totp]\nmax_authenticators = 1");
    let manager = world.manager(Authority::Administrator);
    let foreseen = manager.foresee(&device(0)).unwrap();
    assert_eq!(world.store().find(&alice()).unwrap(), None);
    assert_eq!(manager.import(&device(0)).unwrap(), foreseen);
    assert_eq!(manager.foresee(&device(0)).ok(), Some(Imported::AlreadyThere { label: "phone".to_owned() }));
    let other = ImportedDevice { secret: Secret::new(vec![9; 20]), ..device(0) };
    assert_eq!(manager.foresee(&other).ok(), manager.import(&other).ok());
    assert!(manager.foresee(&other).is_err());
}

#[test]
fn a_file_that_the_user_could_write_adds_nothing_to_an_enrolled_account() {
    let theirs = ImportedDevice { user_could_write: true, ..device(0) };
    let enrolled = World::enrolled("");
    let manager = enrolled.manager(Authority::Administrator);
    for answer in [manager.foresee(&theirs), manager.import(&theirs)] {
        assert!(matches!(answer, Err(Refused { reason: Refusal::ProofRequired, .. })), "{answer:?}");
    }
    assert_eq!(enrolled.store().find(&alice()).unwrap().unwrap().authenticators.len(), 1);
    assert!(matches!(manager.import(&device(0)), Ok(Imported::Taken { .. })), "root's own file is root's word");
    let world = World::imported("", &theirs);
    let again = world.manager(Authority::Administrator).import(&theirs);
    assert_eq!(again.ok(), Some(Imported::AlreadyThere { label: "phone".to_owned() }));
}

#[test]
fn what_this_host_cannot_check_is_refused_and_so_is_one_too_many() {
    let world = World::imported("[totp]\nmax_authenticators = 1", &device(0));
    let manager = world.manager(Authority::Administrator);
    let other = ImportedDevice { secret: Secret::new(vec![9; 20]), ..device(0) };
    assert!(manager.import(&other).is_err());
    let progress = Progress::Time { period: 45, drift: 0, spent: Step(0), resynchronized_at: None };
    assert!(
        World::new("").manager(Authority::Administrator).import(&ImportedDevice { progress, ..device(0) }).is_err()
    );
}

#[test]
fn an_account_comes_back_on_another_host_by_a_key_of_its_own() {
    let old = World::enrolled("");
    assert!(old.gets_in(&old.codes[0]));
    let key = SealKey::new(Secret::new(vec![3; 32])).unwrap();
    let account = old.manager(Authority::Administrator).export(&key).unwrap().unwrap();
    let mut new = World::new("");
    fs::write(new.folder.path().join("seal.key"), [8; 32]).unwrap();
    (new.secret, new.codes) = (old.secret.clone(), old.codes.clone());
    let wrong = SealKey::new(Secret::new(vec![4; 32])).unwrap();
    assert!(new.manager(Authority::Administrator).restore(&account, &wrong).is_err());
    let manager = new.manager(Authority::Administrator);
    assert_eq!(manager.foresee_restore(&account).ok(), Some(Restored::Taken));
    assert_eq!(new.store().find(&alice()).unwrap(), None);
    assert_eq!(manager.restore(&account, &key).ok(), Some(Restored::Taken));
    // The other host may have taken these a moment ago.
    assert_eq!([0, 1].map(|ahead| reason(&new.login(&new.code(ahead)))), ["spent-code", "spent-code"]);
    new.pass(60);
    assert!(new.gets_in(&new.code(0)));
    assert_eq!(reason(&new.login(&new.codes[0])), "used-recovery-code");
    assert!(new.gets_in(&new.codes[1]));
    assert_eq!(new.manager(Authority::Administrator).restore(&account, &key).ok(), Some(Restored::AlreadyThere));
    let enrolled_anew = World::enrolled("");
    assert!(enrolled_anew.manager(Authority::Administrator).foresee_restore(&account).is_err());
    assert!(enrolled_anew.manager(Authority::Administrator).restore(&account, &key).is_err());
}
