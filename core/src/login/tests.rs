//! Logins against the store of files, a clock that the test turns and a scripted person.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

use super::*;
use crate::account::Progress;
use crate::audit::Audit;
use crate::config::Config;
use crate::enroll::{Authority, Desk};
use crate::notices::notices;
use crate::otp::{Algorithm, MovingFactor, Parameters, code_at};
use crate::request::{Kind, Refusal, Request, Response};
use crate::secret::Secret;
use crate::store::Keep;
use crate::store::files::FilesStore;
use crate::time::{Moment, Timestamp, Uptime};
use crate::username::Username;
use crate::verdict::Factor;

const PARAMETERS: Parameters =
    Parameters { algorithm: Algorithm::Sha1, digits: 6, factor: MovingFactor::Time { period: 30 } };
/// 2027-01-15, at the beginning of a step.
const START: i64 = 1_800_000_000;

mod afterwards;
mod app_passwords;
mod clocks;
mod failing;
mod helping;
mod histories;
mod imports;
mod learning;
mod overview;
mod sealing;
mod tokens;

/// A clock that only the test turns.
#[derive(Clone)]
struct Turned(Rc<Cell<Moment>>);

impl Clock for Turned {
    fn now(&self) -> Moment {
        self.0.get()
    }
}

/// A person who gives one answer, and may change the world before giving it.
struct Scripted<'a> {
    answer: RefCell<Option<Typed>>,
    meanwhile: &'a dyn Fn(),
}

impl Conversation for Scripted<'_> {
    fn ask(&self) -> Result<Typed, Silence> {
        (self.meanwhile)();
        self.answer.borrow_mut().take().ok_or(Silence)
    }

    fn ask_next(&self, _: &Verdict, _: &str) -> Result<Typed, Silence> {
        self.answer.borrow_mut().take().ok_or(Silence)
    }
}

/// A log that the test reads.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Audit for Log {
    fn record(&self, line: &str) {
        self.0.borrow_mut().push(line.to_owned());
    }
}

/// A host with one user, alice, who may have a phone.
struct World {
    folder: tempfile::TempDir,
    clock: Turned,
    config: Config,
    secret: Secret,
    codes: Vec<String>,
    log: Log,
}

impl World {
    fn new(config: &str) -> Self {
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let key = folder.path().join("seal.key");
        fs::create_dir_all(folder.path().join("state/accounts")).unwrap();
        fs::create_dir_all(folder.path().join("state/uids")).unwrap();
        fs::create_dir_all(folder.path().join("run/ledgers")).unwrap();
        fs::write(folder.path().join("run/since"), "0\n").unwrap();
        fs::write(&key, [7; 32]).unwrap();
        fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        let clock = Turned(Rc::new(Cell::new(Moment { wall: Timestamp(START), uptime: Uptime(5000) })));
        let config = Config::parse(&format!("version = 1\n{config}")).unwrap();
        Self { folder, clock, config, secret: Secret::new(Vec::new()), codes: Vec::new(), log: Log::default() }
    }

    fn enrolled(config: &str) -> Self {
        let mut world = Self::new(config);
        world.enroll();
        world.pass(60);
        world
    }

    fn store(&self) -> FilesStore<Turned> {
        FilesStore::below(self.folder.path(), self.clock.clone())
    }

    fn desk(&self, authority: Authority) -> Desk<FilesStore<Turned>, Turned> {
        Desk::for_test(
            alice(),
            authority,
            self.config.clone(),
            (self.store(), self.clock.clone()),
            Box::new(self.log.clone()),
        )
    }

    /// What the user's own desk answers.
    fn ask(&self, request: Request) -> Response {
        self.desk(Authority::User).answer(request)
    }

    fn enroll(&mut self) {
        let desk = self.desk(Authority::User);
        let Response::Pending(pending) =
            desk.answer(Request::Begin { label: None, proof: None, permit: None, device: None })
        else {
            panic!()
        };
        let secret = data_encoding::BASE32_NOPAD.decode(pending.secret.expose().as_bytes()).unwrap();
        self.secret = Secret::new(secret);
        let code = Typed::new(self.code(0));
        let Response::Confirmed { recovery_codes: Some(codes), .. } =
            desk.answer(Request::Confirm { code, next: None })
        else {
            panic!()
        };
        self.codes = codes.iter().map(|code| code.expose().to_owned()).collect();
    }

    /// Both clocks go on.
    fn pass(&self, seconds: u64) {
        let Moment { wall, uptime } = self.clock.now();
        let step = i64::try_from(seconds).unwrap();
        self.clock.0.set(Moment { wall: Timestamp(wall.0 + step), uptime: Uptime(uptime.0 + seconds) });
    }

    /// The wall clock alone jumps.
    fn set_wall(&self, wall: i64) {
        self.clock.0.set(Moment { wall: Timestamp(wall), ..self.clock.now() });
    }

    /// What the phone shows, `offset` steps from the host's now.
    fn code(&self, offset: i64) -> String {
        code_at(&self.secret, PARAMETERS, self.clock.now().wall.step(30).shifted(offset).0)
    }

    /// The phone's clock is off by so many steps, and the host has learned it.
    fn drift_for_test(&self, drift: i32) {
        let learned = self.store().update(&alice(), |held| {
            held.keep(Keep::Account);
            let account = held.account.as_mut().unwrap();
            let one = &mut account.authenticators[0];
            let Progress::Time { period, spent, .. } = one.progress else { panic!() };
            let spent = spent.shifted(drift.into());
            one.progress = Progress::Time { period, drift, spent, resynchronized_at: None };
            let one = one.clone();
            held.ledger.spent.clear();
            held.spend(&one, spent);
        });
        learned.unwrap();
    }

    fn ledger(&self) -> PathBuf {
        self.folder.path().join("run/ledgers/alice")
    }

    fn account(&self) -> PathBuf {
        self.folder.path().join("state/accounts/alice.toml")
    }

    fn try_from(&self, answer: &str, rhost: &str) -> Result<Verdict, LoginError> {
        self.try_with(answer, rhost, &|| {})
    }

    fn try_with(&self, answer: &str, rhost: &str, meanwhile: &dyn Fn()) -> Result<Verdict, LoginError> {
        let origin = Origin { rhost: Some(rhost.into()), ..Origin::default() };
        let attempt =
            Attempt { person: alice(), service: "sshd".into(), origin, shape: Shape::Code, first_step_passed: false };
        let person = Scripted { answer: RefCell::new(Some(Typed::new(answer.into()))), meanwhile };
        let verdict = second_step(&attempt, &self.config, &self.store(), &self.clock, &person);
        if let Ok(verdict) = &verdict {
            let was_asked = !matches!(verdict, Verdict::NotAsked(_) | Verdict::MustEnroll);
            assert_eq!(
                was_asked,
                person.answer.borrow().is_none(),
                "the script is used up exactly when the person was asked"
            );
        }
        verdict
    }

    fn login(&self, answer: &str) -> Verdict {
        self.try_from(answer, "192.0.2.1").unwrap()
    }

    fn gets_in(&self, answer: &str) -> bool {
        matches!(self.login(answer), Verdict::Accepted(_))
    }
}

fn alice() -> Person {
    let uid = nix::unistd::geteuid().as_raw();
    Person { name: Username::new("alice"), alias: None.into(), uid, gid: nix::unistd::getegid().as_raw() }
}

fn attempt_of(person: &Person) -> Attempt {
    Attempt {
        person: person.clone(),
        service: "sshd".into(),
        origin: Origin::default(),
        shape: Shape::Code,
        first_step_passed: false,
    }
}

fn reason(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Refused(refused) => refused.reason(),
        other => other.word(),
    }
}

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
    for spoiled in
        ["", "12345", "1234567", "12345x", "１２３４５６", "\u{8}\n\r\u{7f}INCORRECT", &"1".repeat(300), "1234\u{0}56"]
    {
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
    let Response::Status(status) = world.desk(Authority::User).answer(Request::Status {}) else { panic!() };
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

#[test]
fn the_account_is_read_again_after_the_answer() {
    let world = World::enrolled("");
    let code = world.code(0);
    let vanish = || drop(world.desk(Authority::Administrator).reset_for_test());
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
fn a_change_of_an_enrolled_account_needs_a_proof() {
    let world = World::enrolled("");
    let desk = world.desk(Authority::User);
    let refusal = |request| match desk.answer(request) {
        Response::Refused { reason, .. } => Some(reason),
        _ => None,
    };
    assert_eq!(
        refusal(Request::Begin { label: None, proof: None, permit: None, device: None }),
        Some(Refusal::ProofRequired)
    );
    let logged = |words: &str| world.log.0.borrow().iter().any(|line| line.starts_with(words));
    assert!(logged("refused user=alice by=user reason=proof-required detail="));
    let wrong = || Typed::new("000000".into());
    assert_eq!(
        refusal(Request::Begin { label: None, proof: Some(wrong()), permit: None, device: None }),
        Some(Refusal::NotAccepted)
    );
    assert_eq!(refusal(Request::Remove { label: None, proof: wrong() }), Some(Refusal::NotAccepted));
    assert_eq!(refusal(Request::RegenerateRecoveryCodes { proof: wrong() }), Some(Refusal::NotAccepted));
    let proof = Typed::new(world.code(0));
    assert_eq!(refusal(Request::RegenerateRecoveryCodes { proof: proof.clone() }), None);
    assert_eq!(refusal(Request::Remove { label: None, proof }), Some(Refusal::NotAccepted));
    assert_eq!(reason(&world.login(&world.codes[0])), "wrong-code");
}

#[test]
fn only_a_change_that_is_recorded_is_logged() {
    let world = World::enrolled("");
    let remove = || Request::Remove { label: None, proof: Typed::new(world.codes[0].clone()) };
    let removed = || world.log.0.borrow().iter().any(|line| line.starts_with("removed user=alice"));
    // A directory has the name that the account's next version is to be written under.
    let generation = world.store().update(&alice(), |held| held.ledger.generation).unwrap();
    let temporary = world.account().with_file_name(format!("alice.toml.{generation:016x}"));
    fs::create_dir_all(temporary.join("full")).unwrap();
    assert!(matches!(world.desk(Authority::User).answer(remove()), Response::Refused { reason: Refusal::Failed, .. }));
    assert!(!removed());
    assert!(world.log.0.borrow().iter().any(|line| line.starts_with("refused user=alice by=user reason=failed")));
    fs::remove_dir_all(&temporary).unwrap();
    assert!(matches!(world.desk(Authority::User).answer(remove()), Response::Removed { .. }));
    assert!(removed());
}

#[test]
fn a_pending_enrollment_dies_and_cannot_be_slipped_in() {
    let world = World::new("");
    let desk = world.desk(Authority::User);
    let Response::Pending(pending) =
        desk.answer(Request::Begin { label: None, proof: None, permit: None, device: None })
    else {
        panic!()
    };
    let secret = Secret::new(data_encoding::BASE32_NOPAD.decode(pending.secret.expose().as_bytes()).unwrap());
    world.pass(15 * 60);
    let code = Typed::new(code_at(&secret, PARAMETERS, world.clock.now().wall.step(30).0));
    assert!(matches!(
        desk.answer(Request::Confirm { code, next: None }),
        Response::Refused { reason: Refusal::NothingPending, .. }
    ));
    assert_eq!(world.login("").word(), "not-asked");
}

#[test]
fn the_last_authenticator_stays_where_one_is_required() {
    let world = World::enrolled("[policy]\nrequired = true\n");
    let request = Request::Remove { label: None, proof: Typed::new(world.code(0)) };
    let answered = world.desk(Authority::User).answer(request);
    assert!(matches!(answered, Response::Refused { reason: Refusal::Policy, .. }));
    assert!(world.gets_in(&world.code(0)));
}

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
    let world = World::enrolled("");
    let renamed = Person { name: Username::new("alison"), ..alice() };
    let Err(LoginError::Store(error)) = applies(&attempt_of(&renamed), &world.config, &world.store(), &world.clock)
    else {
        panic!()
    };
    assert!(error.to_string().contains("alice.toml") && error.to_string().contains("reset alison"), "{error}");
    world.store().set_aside(&renamed, world.clock.now().wall).unwrap();
    assert_eq!(applies(&attempt_of(&renamed), &world.config, &world.store(), &world.clock), Ok(false));
    let other = Person { uid: alice().uid + 1, ..renamed };
    assert_eq!(applies(&attempt_of(&other), &world.config, &world.store(), &world.clock), Ok(false));
}
