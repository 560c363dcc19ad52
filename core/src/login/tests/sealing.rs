//! Logins while the sealing key changes, and with an account file that somebody put back.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::enroll::{Resealed, reseal};
use crate::ledger::Ledger;
use crate::refusals::Told;
use crate::seal::SealKey;
use crate::store::{Held, StoreError};

const IMAP: &str = "dovecot";

impl World {
    fn keys(&self) -> SealKey {
        SealKey::new(Secret::new(fs::read(self.folder.path().join("seal.key")).unwrap())).unwrap()
    }

    fn set_keys(&self, keys: &SealKey) {
        let path = self.folder.path().join("seal.key");
        fs::write(&path, keys.to_bytes().expose()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    }

    /// The whole of a reseal.
    fn reseal(&self) {
        self.set_keys(&SealKey::fresh().unwrap().before(&self.keys()).unwrap());
        self.store().wait_for_holders().unwrap();
        assert_eq!(reseal(&self.store(), &alice()).ok(), Some(Resealed { changed: true, lost: Vec::new() }));
        self.set_keys(&self.keys().alone());
    }

    /// The warnings of the store of a login.
    fn warnings(&self, answer: &str) -> (bool, Vec<StoreError>) {
        let store = self.store();
        let person = Scripted { answer: RefCell::new(Some(Typed::new(answer.into()))), meanwhile: &|| {} };
        let verdict = second_step(&attempt_of(&alice()), &self.config, &store, &self.clock, &person).unwrap();
        (matches!(verdict, Verdict::Accepted(_)), store.warnings())
    }
}

/// A store in which a whole reseal happens right before each lock is taken.
struct Restless<'a>(&'a World, FilesStore<Turned>);

impl Store for Restless<'_> {
    fn find(&self, person: &Person) -> Result<Option<Account>, StoreError> {
        self.1.find(person)
    }

    fn update_charged<Q, T>(
        &self,
        person: &Person,
        charge: impl FnMut(&mut Held) -> Q,
        change: impl FnMut(&mut Held, &Q) -> T,
    ) -> Result<T, StoreError> {
        self.0.reseal();
        self.1.update_charged(person, charge, change)
    }

    fn count_refusal(&self, person: &Person, source: &Source, now: Uptime) -> Told {
        self.1.count_refusal(person, source, now)
    }

    fn peek(&self, person: &Person) -> Option<Ledger> {
        self.1.peek(person)
    }

    fn seal_key(&self) -> Result<SealKey, SealError> {
        self.1.seal_key()
    }

    fn warnings(&self) -> Vec<StoreError> {
        self.1.warnings()
    }
}

#[test]
fn a_login_whose_key_changes_before_its_lock_gets_in() {
    let world = World::enrolled("");
    let person = Scripted { answer: RefCell::new(Some(Typed::new(world.code(0)))), meanwhile: &|| {} };
    let store = Restless(&world, world.store());
    let verdict = second_step(&attempt_of(&alice()), &world.config, &store, &world.clock, &person);
    assert!(matches!(verdict, Ok(Verdict::Accepted(_))), "{verdict:?}");
}

#[test]
fn a_change_whose_key_changes_before_its_lock_is_sealed_by_the_new_one() {
    let mut world = World::enrolled("");
    let (begin, store) = (world.code(0), Restless(&world, world.store()));
    let manager = AccountManager::for_test(
        alice(),
        Authority::User,
        world.config.clone(),
        (store, world.clock.clone()),
        Box::new(world.log.clone()),
    );
    let answer = manager.answer(Request::Begin {
        label: Some("second".into()),
        proof: Some(Typed::new(begin)),
        permit: None,
        device: None,
    });
    let Response::Pending(pending) = answer else { panic!("{answer:?}") };
    // The pending one is sealed again with the rest, and can be confirmed after a whole reseal.
    world.pass(30);
    let old = std::mem::replace(
        &mut world.secret,
        Secret::new(data_encoding::BASE32_NOPAD.decode(pending.secret.expose().as_bytes()).unwrap()),
    );
    world.reseal();
    let code = Typed::new(world.code(0));
    assert!(matches!(world.ask(Request::Confirm { code, next: None }), Response::Confirmed { .. }));
    world.secret = old;
    assert!(world.gets_in(&world.code(0)));
}

#[test]
fn broken_off_anywhere_a_reseal_leaves_accounts_that_open() {
    let world = World::enrolled("");
    let old = world.keys();
    world.set_keys(&SealKey::fresh().unwrap().before(&old).unwrap());
    assert!(world.gets_in(&world.code(0)), "the key is there, the account is not sealed by it");
    world.pass(30);
    reseal(&world.store(), &alice()).unwrap();
    assert_eq!(reseal(&world.store(), &alice()).ok(), Some(Resealed { changed: false, lost: Vec::new() }));
    assert!(world.gets_in(&world.code(0)), "the account is sealed by it, the old key is still there");
    world.pass(30);
    world.set_keys(&world.keys().alone());
    assert!(world.gets_in(&world.code(0)));
    world.pass(30);
    world.set_keys(&old);
    let wrong = world.try_from(&world.code(0), "192.0.2.1");
    assert_eq!(wrong, Err(LoginError::Seal(SealError::DoesNotOpen)), "the old key opens nothing any more");
    assert!(world.gets_in(&world.codes[0]), "recovery codes need no key");
}

#[test]
fn what_no_key_opens_is_named_and_stays() {
    let world = World::enrolled("");
    world.set_keys(&SealKey::fresh().unwrap());
    let resealed = reseal(&world.store(), &alice()).ok();
    assert_eq!(resealed, Some(Resealed { changed: false, lost: vec!["phone".to_owned()] }));
}

#[test]
fn a_key_that_is_kept_elsewhere_and_was_not_given_is_told_so() {
    let world = World::enrolled("");
    let path = world.folder.path().join("seal.key");
    fs::rename(&path, path.with_extension("key.cred")).unwrap();
    assert!(matches!(world.store().seal_key(), Err(SealError::NotGiven { .. })));
    assert!(world.try_from(&world.code(0), "192.0.2.1").is_err());
    assert!(world.gets_in(&world.codes[0]));
}

#[test]
fn secrets_that_changed_places_do_not_open() {
    let world = World::enrolled("");
    world
        .store()
        .update(&alice(), |held| {
            let account = held.account.as_mut().unwrap();
            let other = crate::account::Authenticator {
                id: "00".into(),
                label: "tablet".into(),
                ..account.authenticators[0].clone()
            };
            account.authenticators.push(other);
            held.keep(Keep::Account);
        })
        .unwrap();
    world
        .store()
        .update(&alice(), |held| {
            held.account.as_mut().unwrap().authenticators.remove(0);
            held.keep(Keep::Account);
        })
        .unwrap();
    let told = world.try_from(&world.code(0), "192.0.2.1");
    assert_eq!(told, Err(LoginError::Seal(SealError::DoesNotOpen)));
}

/// Else a wrong answer would tell that it is wrong for nothing, again and again.
#[test]
fn a_guess_beside_a_secret_that_does_not_open_costs_a_failure() {
    let world = World::enrolled("");
    let added = world.store().update(&alice(), |held| {
        let account = held.account.as_mut().unwrap();
        let (id, label) = ("00".into(), "tablet".into());
        account.authenticators.push(crate::account::Authenticator { id, label, ..account.authenticators[0].clone() });
        held.keep(Keep::Account);
    });
    added.unwrap();
    for _ in 0..5 {
        assert_eq!(world.try_from("000000", "192.0.2.1"), Err(LoginError::Seal(SealError::DoesNotOpen)));
    }
    assert_eq!(reason(&world.login("000000")), "source-waits");
    assert!(matches!(world.try_from(&world.code(0), "192.0.2.2"), Ok(Verdict::Accepted(_))));
    let (first, second) = (Typed::new("000000".into()), Typed::new("000001".into()));
    let failures = || world.store().peek(&alice()).unwrap().throttle.sums().total();
    let before = failures();
    assert!(matches!(world.ask(Request::Synchronize { first, second }), Response::Refused(_)));
    assert_eq!(failures(), before + 1, "a pair is a guess too");
}

#[test]
fn an_old_file_brings_no_used_recovery_code_back_and_is_told_of_once() {
    let world = World::enrolled("");
    let old = fs::read(world.account()).unwrap();
    assert!(world.gets_in(&world.codes[0]));
    fs::write(world.account(), &old).unwrap();
    let (accepted, warnings) = world.warnings(&world.codes[0]);
    assert!(!accepted && matches!(warnings.as_slice(), [StoreError::Older { .. }]), "{warnings:?}");
    let (accepted, warnings) = world.warnings(&world.codes[1]);
    assert!(accepted && warnings.is_empty(), "{warnings:?}");
    let account = world.store().find(&alice()).unwrap().unwrap();
    assert!(account.history.iter().any(|entry| entry.event == "older-file"));
}

#[test]
fn an_old_file_brings_no_replaced_codes_and_no_removed_device_or_password_back() {
    let world = World::enrolled("");
    let proof = || {
        world.pass(30);
        Typed::new(world.code(0))
    };
    let services = vec![IMAP.to_owned()];
    let wish = Request::CreateAppPassword {
        label: "laptop".into(),
        services,
        networks: Vec::new(),
        expires_after: None,
        proof: proof(),
    };
    let Response::AppPassword { .. } = world.ask(wish) else { panic!() };
    let old = fs::read(world.account()).unwrap();
    assert!(matches!(world.ask(Request::RegenerateRecoveryCodes { proof: proof() }), Response::RecoveryCodes { .. }));
    let revoked = world.ask(Request::RevokeAppPasswords { label: None, proof: proof() });
    assert!(!matches!(revoked, Response::Refused(_)), "{revoked:?}");
    fs::write(world.account(), &old).unwrap();
    assert!(!world.gets_in(&world.codes[0]));
    let account = world.store().find(&alice()).unwrap().unwrap();
    assert!(account.recovery.is_none() && account.app_passwords.is_none_or(|all| all.list.is_empty()));
    let old = fs::read(world.account()).unwrap();
    assert!(matches!(world.ask(Request::Remove { label: None, proof: proof() }), Response::Removed { .. }));
    fs::write(world.account(), &old).unwrap();
    world.pass(30);
    assert_eq!(reason(&world.login(&world.code(0))), "enrollment-vanished");
}

#[test]
fn an_administrator_brings_back_what_was_removed_and_not_what_was_used() {
    let world = World::enrolled("");
    let key = SealKey::new(Secret::new(vec![3; 32])).unwrap();
    let backup = world.manager(Authority::Administrator).export(&key).unwrap().unwrap();
    assert!(world.gets_in(&world.codes[0]));
    assert!(matches!(world.manager(Authority::Administrator).reset_for_test(), Ok(Response::Removed { .. })));
    world.manager(Authority::Administrator).restore(&backup, &key).unwrap();
    world.pass(90);
    assert!(world.gets_in(&world.code(0)));
    assert!(!world.gets_in(&world.codes[0]) && world.gets_in(&world.codes[1]));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may have two processes' parts in two threads")]
fn who_makes_an_account_while_the_key_changes_is_waited_for() {
    let world = World::new("");
    let (root, old) = (world.folder.path().to_owned(), world.keys());
    let both = SealKey::fresh().unwrap().before(&old).unwrap();
    let (done, is_done) = std::sync::mpsc::channel();
    let moment = world.clock.now();
    let mut sealed = Some(move || {
        let clock = Turned(Rc::new(Cell::new(moment)));
        let store = FilesStore::below(&root, clock);
        fs::write(root.join("seal.key"), both.to_bytes().expose()).unwrap();
        store.wait_for_holders().unwrap();
        // An account that is not found now is never sealed again.
        if store.find(&alice()).unwrap().is_some() {
            reseal(&store, &alice()).unwrap();
        }
        fs::write(root.join("seal.key"), both.alone().to_bytes().expose()).unwrap();
        done.send(()).unwrap();
    });
    let mut resealing = None;
    let made = world.store().update(&alice(), |held| {
        resealing = sealed.take().map(std::thread::spawn);
        let _ = is_done.recv_timeout(std::time::Duration::from_millis(300));
        let one = crate::account::Authenticator {
            id: "00".into(),
            label: "phone".into(),
            algorithm: Algorithm::Sha1,
            digits: 6,
            progress: Progress::Counter { next: crate::time::Step(0) },
            added_at: moment.wall,
            secret: String::new(),
        };
        let secret = old.seal(&Secret::new(vec![5; 20]), one.belongs("alice")).unwrap();
        let mut account = Account::new(&held.name, held.uid, moment.wall);
        account.authenticators.push(crate::account::Authenticator { secret, ..one });
        held.account = Some(account);
        held.keep(Keep::Account);
    });
    made.unwrap();
    resealing.unwrap().join().unwrap();
    let account = world.store().find(&alice()).unwrap().unwrap();
    let one = &account.authenticators[0];
    assert!(world.keys().is_alone() && world.keys().open(&one.secret, one.belongs("alice")).is_ok());
}
