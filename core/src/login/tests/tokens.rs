//! Devices that count (HOTP), devices with keys of their own, and new phones for old.

use super::*;
use crate::request::Device;
use crate::time::Step;

const COUNTING: OtpParameters = OtpParameters { algorithm: Algorithm::Sha1, digits: 6, factor: MovingFactor::Counter };
const KEY: &str = "3132333435363738393031323334353637383930";

fn token(counter: Option<u64>) -> Device {
    let secret = Some(Typed::new(KEY.into()));
    Device { kind: Kind::Hotp, secret, algorithm: None, digits: None, period: None, counter }
}

pub(super) fn shows(counter: u64) -> String {
    code_at(&Secret::new(b"12345678901234567890".to_vec()), COUNTING, counter)
}

fn typed(text: &str) -> Typed {
    Typed::new(text.to_owned())
}

impl World {
    /// A host whose user has a token that counts, confirmed by the code of this counter.
    pub(super) fn with_token(counter: u64) -> Self {
        let mut world = Self::new("[throttle]\nfailures = 100");
        let manager = world.manager(Authority::User);
        let device = Some(token(Some(counter)));
        let begun = manager.answer(Request::Begin { label: Some("token".into()), proof: None, permit: None, device });
        let Response::Pending(pending) = begun else { panic!("{begun:?}") };
        assert_eq!((pending.kind, pending.counter, pending.period), (Kind::Hotp, Some(counter), None));
        let Response::Confirmed { recovery_codes: Some(codes), .. } =
            manager.answer(Request::Confirm { code: typed(&shows(counter)), next: None })
        else {
            panic!()
        };
        world.codes = codes.iter().map(|code| code.expose().to_owned()).collect();
        world
    }

    fn next_counter(&self) -> u64 {
        let account = self.store().find(&alice()).unwrap().unwrap();
        let Progress::Counter { next } = account.authenticators[0].progress else { panic!() };
        next.0
    }
}

fn refusal(response: &Response) -> Option<Refusal> {
    match response {
        Response::Refused(Refused { reason, .. }) => Some(*reason),
        _ => None,
    }
}

#[test]
fn a_counter_counts_up_and_never_twice() {
    let world = World::with_token(0);
    assert_eq!(world.next_counter(), 1, "the code that confirmed it is spent");
    assert_eq!(reason(&world.login(&shows(0))), "spent-code");
    for (counter, next) in [(1, 2), (2, 3), (13, 14), (24, 25)] {
        assert_eq!(world.login(&shows(counter)).word(), "accepted", "{counter}");
        assert_eq!(world.next_counter(), next);
        assert_eq!(reason(&world.login(&shows(counter))), "spent-code", "{counter} again");
    }
    let verdict = world.login(&shows(25 + 11));
    assert_eq!(reason(&verdict), "wrong-counter");
    assert!(verdict.describe(crate::audit::Line::new("")).finish().contains("authenticator=token steps=11"));
    assert_eq!(reason(&world.login(&shows(25 + 101))), "wrong-code");
    assert_eq!(world.next_counter(), 25, "wrong guesses never advance it");
    for old in 0..24 {
        assert_ne!(world.login(&shows(old)).word(), "accepted", "{old}");
    }
}

#[test]
fn no_lost_ledger_and_no_old_account_opens_a_counter() {
    let world = World::with_token(5);
    let before = fs::read(world.account()).unwrap();
    assert_eq!(world.login(&shows(6)).word(), "accepted");
    fs::remove_file(world.ledger()).unwrap();
    assert_eq!(reason(&world.login(&shows(6))), "spent-code");
    assert_eq!(world.login(&shows(7)).word(), "accepted", "and nobody waits for a window");
    fs::write(world.account(), before).unwrap();
    assert_ne!(world.login(&shows(7)).word(), "accepted", "the ledger knows it too");
}

#[test]
fn two_codes_find_a_token_that_was_pressed_often() {
    let world = World::with_token(0);
    let answers =
        |first: u64, second| Request::Synchronize { first: typed(&shows(first)), second: typed(&shows(second)) };
    for (first, second) in [(102, 103), (50, 52), (51, 50), (0, 1)] {
        assert_eq!(refusal(&world.ask(answers(first, second))), Some(Refusal::NotAccepted), "{first} {second}");
        assert_eq!(world.next_counter(), 1);
    }
    let found = world.ask(answers(90, 91));
    assert!(matches!(found, Response::Synchronized { kind: Kind::Hotp, ahead: 90, .. }), "{found:?}");
    assert_eq!(world.next_counter(), 92);
    assert_eq!(world.login(&shows(92)).word(), "accepted");
}

#[test]
fn a_login_takes_two_codes_of_a_token_that_was_pressed_often() {
    let world = World::with_token(0);
    let (verdict, taken) = world.converse(&[shows(60), shows(62)], 5);
    assert_eq!((verdict.word(), taken, world.next_counter()), ("refused", 2, 1), "{verdict:?}");
    let (verdict, taken) = world.converse(&[shows(60), shows(61)], 5);
    assert_eq!((reason(&verdict), taken), ("wrong-counter", 1), "both were seen");
    let (verdict, taken) = world.converse(&[shows(70), shows(71)], 5);
    let line = verdict.describe(crate::audit::Line::new("")).finish();
    assert_eq!((line.as_str(), taken), (" factor=hotp authenticator=token resynchronized=70", 2));
    assert_eq!(world.next_counter(), 72);
    let account = world.store().find(&alice()).unwrap().unwrap();
    assert_eq!(account.history.last().map(|entry| entry.event.as_str()), Some("resynchronized"));
}

#[test]
fn the_clock_of_a_phone_is_put_right_outside_a_login() {
    let world = World::enrolled("");
    let pair = |world: &World, offset, apart| Request::Synchronize {
        first: typed(&world.code(offset)),
        second: typed(&world.code(offset + apart)),
    };
    for (offset, apart) in [(-21, 1), (-10, 0), (-10, 2), (20, 1)] {
        world.pass(3600);
        assert_eq!(refusal(&world.ask(pair(&world, offset, apart))), Some(Refusal::NotAccepted), "{offset} {apart}");
    }
    world.pass(3600);
    let request = pair(&world, -19, 1);
    assert!(matches!(world.ask(request), Response::Synchronized { kind: Kind::Totp, ahead: -18, .. }));
    let replayed = Request::Synchronize { first: typed(&world.code(-19)), second: typed(&world.code(-18)) };
    assert_eq!(refusal(&world.ask(replayed)), Some(Refusal::NotAccepted), "once");
    world.pass(60);
    assert!(world.gets_in(&world.code(-18)));
    assert!(
        world
            .log
            .0
            .borrow()
            .iter()
            .any(|line| line.starts_with("resynchronized user=alice") && line.contains("steps=-18"))
    );
    let off = World::enrolled("[totp]\nresync_range = \"0\"");
    off.pass(3600);
    assert_eq!(refusal(&off.ask(pair(&off, -5, 1))), Some(Refusal::Policy));
}

#[test]
fn a_device_brings_its_own_key() {
    let device = |secret: &str, algorithm: &str, digits, period| Device {
        kind: Kind::Totp,
        secret: Some(typed(secret)),
        algorithm: Some(algorithm.into()),
        digits: Some(digits),
        period: Some(period),
        counter: None,
    };
    let world = World::new("");
    let begin = |device| world.ask(Request::Begin { label: None, proof: None, permit: None, device: Some(device) });
    let long = KEY.repeat(2);
    for impossible in [
        device("GEZDGNBVGY3TQOJQ", "SHA1", 6, 30),
        device(KEY, "MD5", 6, 30),
        device(KEY, "SHA1", 5, 30),
        device(KEY, "SHA1", 6, 45),
        Device { kind: Kind::Hotp, ..device(KEY, "SHA1", 6, 30) },
        Device { counter: Some(1), ..device(KEY, "SHA1", 6, 30) },
        token(Some(u64::MAX)),
    ] {
        assert_eq!(refusal(&begin(impossible.clone())), Some(Refusal::BadRequest), "{impossible:?}");
    }
    assert!(matches!(begin(device(&long, "SHA256", 8, 60)), Response::Pending(_)));
    let factor = MovingFactor::Time { period: 60 };
    let parameters = OtpParameters { algorithm: Algorithm::Sha256, digits: 8, factor };
    let secret = Secret::new(b"12345678901234567890".repeat(2));
    let code = |offset: i64| typed(&code_at(&secret, parameters, world.clock.now().wall.step(60).shifted(offset).0));
    // Its clock is five minutes slow.
    let alone = world.ask(Request::Confirm { code: code(-5), next: None });
    assert_eq!(refusal(&alone), Some(Refusal::WrongClock));
    let apart = world.ask(Request::Confirm { code: code(-5), next: Some(code(-3)) });
    assert_eq!(refusal(&apart), Some(Refusal::WrongClock));
    let both = world.ask(Request::Confirm { code: code(-5), next: Some(code(-4)) });
    assert!(matches!(both, Response::Confirmed { .. }), "{both:?}");
    assert!(!world.gets_in(code(-4).expose()), "both are spent");
    world.pass(60);
    assert!(world.gets_in(code(-4).expose()));
}

#[test]
fn the_old_phone_works_until_the_new_one_is_confirmed() {
    for renew_codes in [false, true] {
        let world = World::enrolled("");
        let old = world.secret.clone();
        let proof = typed(&world.code(0));
        let begun = world.ask(Request::Replace { label: None, renew_codes, proof, device: None });
        let Response::Pending(pending) = begun else { panic!("{begun:?}") };
        assert_eq!(pending.label, "phone");
        world.pass(30);
        assert!(world.gets_in(&world.code(0)), "the old one still works");
        let new = Secret::new(data_encoding::BASE32_NOPAD.decode(pending.secret.expose().as_bytes()).unwrap());
        let code = |world: &World| code_at(&new, PARAMETERS, world.clock.now().wall.step(30).0);
        assert!(!world.gets_in(&code(&world)), "the new one does not yet");
        let confirmed = world.ask(Request::Confirm { code: typed(&code(&world)), next: None });
        let Response::Confirmed { recovery_codes, replaced, .. } = confirmed else { panic!("{confirmed:?}") };
        assert_eq!((replaced.as_deref(), recovery_codes.is_some()), (Some("phone"), renew_codes));
        world.pass(60);
        assert!(!world.gets_in(&code_at(&old, PARAMETERS, world.clock.now().wall.step(30).0)), "the old one is gone");
        assert!(world.gets_in(&code(&world)));
        assert_eq!(world.gets_in(&world.codes[0]), !renew_codes);
        let account = world.store().find(&alice()).unwrap().unwrap();
        assert_eq!(account.authenticators.len(), 1);
        assert!(account.history.iter().any(|entry| entry.event == "replaced"));
    }
}

#[test]
fn a_replacement_needs_a_proof_and_something_to_replace() {
    let world = World::enrolled("[totp]\nmax_authenticators = 1");
    let replace = |label: Option<&str>, proof: &str| {
        let (label, proof) = (label.map(str::to_owned), typed(proof));
        world.ask(Request::Replace { label, renew_codes: false, proof, device: None })
    };
    assert_eq!(refusal(&replace(None, "000000")), Some(Refusal::NotAccepted));
    assert_eq!(refusal(&replace(Some("tablet"), &world.code(0))), Some(Refusal::NoAuthenticator));
    assert!(matches!(replace(Some("phone"), &world.code(0)), Response::Pending(_)), "no room is needed");
    world.pass(60);
    let proof = typed(&world.code(0));
    let removed = world.manager(Authority::Administrator).answer(Request::Remove { label: None, proof });
    assert!(matches!(removed, Response::Removed { enrolled: false, .. }));
    let confirmed = world.ask(Request::Confirm { code: typed("123456"), next: None });
    assert_eq!(refusal(&confirmed), Some(Refusal::NothingPending), "it went with the last one");
}

#[test]
fn a_code_is_tried_against_all_devices() {
    let world = World::enrolled("");
    let request = Request::Begin {
        label: Some("token".into()),
        proof: Some(typed(&world.code(0))),
        permit: None,
        device: Some(token(None)),
    };
    assert!(matches!(world.ask(request), Response::Pending(_)));
    let confirmed = world.ask(Request::Confirm { code: typed(&shows(40)), next: None });
    assert!(matches!(confirmed, Response::Confirmed { .. }), "a token is looked for: {confirmed:?}");
    world.pass(60);
    let factor = |verdict: Verdict| verdict.describe(crate::audit::Line::new("")).finish();
    assert_eq!(factor(world.login(&shows(41))), " factor=hotp authenticator=token");
    assert_eq!(factor(world.login(&world.code(0))), " factor=totp authenticator=phone");
    let account = world.store().find(&alice()).unwrap().unwrap();
    assert_eq!(account.authenticators[1].progress, Progress::Counter { next: Step(42) });
}
