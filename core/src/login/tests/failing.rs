//! A store that fails at its n-th operation: before it does anything, before it records anything, and
//! after it has recorded all.

use std::cell::Cell;

use nix::errno::Errno;

use super::*;
use crate::account::Account;
use crate::ledger::Ledger;
use crate::login::app_password;
use crate::refusals::Told;
use crate::seal::SealKey;
use crate::store::Held;
use crate::throttle::Source;

/// When an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fails {
    AtOnce,
    BeforeRecording,
    AfterRecording,
}

/// The store of files, with one operation that fails.
struct Failing<'a> {
    store: &'a FilesStore<Turned>,
    fails: Fails,
    left: Cell<i32>,
}

impl Failing<'_> {
    /// Whether this operation is the one.
    fn is_now(&self) -> bool {
        self.left.set(self.left.get() - 1);
        self.left.get() == 0
    }

    fn error() -> StoreError {
        StoreError::Io { doing: "use", path: "a broken disk".to_owned(), errno: Errno::EIO }
    }
}

impl Store for Failing<'_> {
    fn find(&self, person: &Person) -> Result<Option<Account>, StoreError> {
        if self.is_now() { Err(Self::error()) } else { self.store.find(person) }
    }

    fn update_charged<Q, T>(
        &self,
        person: &Person,
        charge: impl FnMut(&mut Held) -> Q,
        mut change: impl FnMut(&mut Held, &Q) -> T,
    ) -> Result<T, StoreError> {
        let fails = Some(self.fails).filter(|_| self.is_now());
        let value = match fails {
            None => return self.store.update_charged(person, charge, change),
            Some(Fails::AtOnce) => return Err(Self::error()),
            Some(Fails::AfterRecording) => self.store.update_charged(person, charge, change)?,
            Some(Fails::BeforeRecording) => {
                self.store.update_charged(person, charge, |held, found_out| change(&mut held.clone(), found_out))?
            }
        };
        drop(value);
        Err(Self::error())
    }

    fn count_refusal(&self, person: &Person, source: &Source, now: Uptime) -> Told {
        self.store.count_refusal(person, source, now)
    }

    /// A place that is remembered spares the question: what is not read spares none.
    fn peek(&self, person: &Person) -> Option<Ledger> {
        if self.is_now() { None } else { self.store.peek(person) }
    }

    fn seal_key(&self) -> Result<SealKey, SealError> {
        if self.is_now() { Err(SealError::KeyLength) } else { self.store.seal_key() }
    }

    fn warnings(&self) -> Vec<StoreError> {
        self.store.warnings()
    }
}

/// Answers that are right, one after the other.
struct Right(RefCell<Vec<String>>);

impl Conversation for Right {
    fn ask(&self) -> Option<Typed> {
        self.0.borrow_mut().pop().map(Typed::new)
    }

    fn ask_next(&self, _: &Verdict, _: &str) -> Option<Typed> {
        self.ask()
    }
}

/// What opens the account, each on a host of its own: the answers, the last one first.
type Way = fn() -> (World, Vec<String>);

const WAYS: [Way; 4] = [
    || answered(World::enrolled(FEW), |world| vec![world.code(0)]),
    || answered(World::enrolled(FEW), |world| vec![world.codes[0].clone()]),
    || answered(World::enrolled(FEW), |world| vec![world.code(7), world.code(6)]),
    || answered(World::with_token(0), |_| vec![super::tokens::shows(1)]),
];

const FEW: &str = "[recovery]\ncount = 1\n";

fn answered(world: World, answers: fn(&World) -> Vec<String>) -> (World, Vec<String>) {
    let answers = answers(&world);
    (world, answers)
}

fn attempt_here() -> Attempt {
    let origin = Origin { rhost: Some("192.0.2.1".into()), ..Origin::default() };
    attempt_at("dovecot", origin, true)
}

#[test]
fn a_store_that_fails_at_any_operation_lets_nobody_in() {
    for (way, made) in WAYS.iter().enumerate() {
        for fails in [Fails::AtOnce, Fails::BeforeRecording, Fails::AfterRecording] {
            let failed = (1..).take_while(|&at| {
                let (world, answers) = made();
                let (store, person) = (world.store(), Right(RefCell::new(answers)));
                let store = Failing { store: &store, fails, left: Cell::new(at) };
                let verdict = second_step(&attempt_here(), &world.config, &store, &world.clock, &person);
                let has_failed = store.left.get() <= 0;
                let got_in = matches!(verdict, Ok(Verdict::Accepted(_)));
                // Without its key a recovery code still decides, and reads none.
                let needs_no_key = way == 1 && at == KEY_OF_RECOVERY;
                assert_eq!(got_in, !has_failed || needs_no_key, "way {way}, {fails:?} {at}: {verdict:?}");
                has_failed
            });
            assert!(failed.count() >= 3, "way {way}: it is found, opened and changed");
        }
    }
}

/// Which operation of a login by recovery code asks for the key.
const KEY_OF_RECOVERY: i32 = 4;

#[test]
fn an_application_password_opens_nothing_where_its_use_is_not_recorded() {
    for fails in [Fails::AtOnce, Fails::BeforeRecording, Fails::AfterRecording] {
        for at in 1..=3 {
            let world = World::enrolled(FEW);
            let (password, store) = (world.create("laptop", &[], None), world.store());
            let store = Failing { store: &store, fails, left: Cell::new(at) };
            let password = Typed::new(password);
            let judged = app_password(&attempt_here(), &world.config, &store, &world.clock, &password);
            let got_in = matches!(judged.map(|judged| judged.verdict), Ok(Verdict::Accepted(_)));
            assert_eq!(got_in, at > 2, "{fails:?} {at}");
        }
    }
}

#[test]
fn what_was_recorded_before_a_failure_is_spent() {
    for (way, made) in WAYS.iter().enumerate() {
        let (world, answers) = made();
        let store = world.store();
        let gives = |answers: &[String], at| {
            let (store, person) = (
                Failing { store: &store, fails: Fails::AfterRecording, left: Cell::new(at) },
                Right(RefCell::new(answers.to_vec())),
            );
            second_step(&attempt_here(), &world.config, &store, &world.clock, &person)
        };
        // A login by two codes records twice.
        let last = if answers.len() == 1 { 3 } else { 6 };
        assert!(gives(&answers, last).is_err(), "way {way}");
        let verdict = gives(&answers, 0);
        assert!(!matches!(verdict, Ok(Verdict::Accepted(_))), "way {way}: {verdict:?}");
    }
}

/// Confirms as the user over this store, and says why it was refused.
fn confirm(world: &World, store: &Failing<'_>, code: &str) -> Option<Refusal> {
    let host = (Failing { store: store.store, fails: store.fails, left: store.left.clone() }, world.clock.clone());
    let manager =
        AccountManager::for_test(alice(), Authority::User, world.config.clone(), host, Box::new(world.log.clone()));
    match manager.answer(Request::Confirm { code: Typed::new(code.into()), next: None }) {
        Response::Refused(Refused { reason, .. }) => Some(reason),
        Response::Confirmed { .. } => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_try_to_confirm_is_on_the_disk_before_its_code_is_looked_at() {
    let mut world = World::new("");
    let begun = world.ask(Request::Begin { label: None, proof: None, permit: None, device: None });
    let Response::Pending(pending) = begun else { panic!() };
    world.secret = Secret::new(data_encoding::BASE32_NOPAD.decode(pending.secret.expose().as_bytes()).unwrap());
    let store = world.store();
    let tries = || store.find(&alice()).unwrap().unwrap().pending.unwrap().tries;
    // What counts the try fails: a right code and a wrong one are refused alike.
    for (fails, counted) in [(Fails::AtOnce, 0), (Fails::BeforeRecording, 0), (Fails::AfterRecording, 2)] {
        let failing = Failing { store: &store, fails, left: Cell::new(1) };
        for code in [world.code(0).as_str(), "000000"] {
            assert_eq!(confirm(&world, &failing, code), Some(Refusal::Failed), "{fails:?}");
        }
        assert_eq!(tries(), counted, "{fails:?}");
    }
    // The third operation, after the reading of the key, records the verdict: the try stays counted, of a right code too.
    let failing = Failing { store: &store, fails: Fails::BeforeRecording, left: Cell::new(3) };
    assert_eq!(confirm(&world, &failing, &world.code(0)), Some(Refusal::Failed));
    assert_eq!(tries(), 3);
    assert_eq!(confirm(&world, &failing, "000000"), Some(Refusal::NotAccepted));
    assert_eq!(tries(), 4);
    let whole = Failing { store: &store, fails: Fails::AtOnce, left: Cell::new(0) };
    assert_eq!(confirm(&world, &whole, &world.code(0)), None);
}
