//! Logins against the store of files, a clock that the test turns and a scripted person.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

use super::*;
use crate::account::Progress;
use crate::audit::Audit;
use crate::config::Config;
use crate::enroll::{AccountManager, Authority};
use crate::notices::notices;
use crate::otp::{Algorithm, MovingFactor, OtpParameters, code_at};
use crate::request::{Kind, Refusal, Refused, Request, Response};
use crate::secret::Secret;
use crate::store::Keep;
use crate::store::files::FilesStore;
use crate::time::{Moment, Timestamp, Uptime};
use crate::username::Username;
use crate::verdict::Factor;

const PARAMETERS: OtpParameters =
    OtpParameters { algorithm: Algorithm::Sha1, digits: 6, factor: MovingFactor::Time { period: 30 } };
/// 2027-01-15, at the beginning of a step.
const START: i64 = 1_800_000_000;

/// What tests give as wrong codes.
const WRONG_CODES: [&str; 3] = ["000000", "000001", "123456"];

/// Steps to either side of an enrollment in which tests give codes.
const HOURS_AROUND: i64 = 150;

mod afterwards;
mod app_passwords;
mod changes;
mod charged;
mod clocks;
mod codes;
mod damage;
mod decisions;
mod exchanges;
mod failing;
mod helping;
mod histories;
mod imports;
mod learning;
mod overview;
mod peers;
mod sealing;
mod splitting;
mod tokens;
mod waiting;

/// A clock that only the test turns.
#[derive(Clone)]
struct Turned(Rc<Cell<Moment>>);

impl Clock for Turned {
    fn now(&self) -> Moment {
        self.0.get()
    }
}

/// The person, who answers one question after the other.
trait Conversation {
    fn ask(&self) -> Option<Typed>;

    /// What the person does when told why the next code is asked for.
    fn ask_next(&self, first: &Verdict, why: &str) -> Option<Typed>;
}

/// Takes a login of a person who answers through all of its exchanges.
fn second_step(
    attempt: &Attempt,
    config: &Config,
    store: &impl Store,
    clock: &impl Clock,
    person: &impl Conversation,
) -> Result<Verdict, LoginError> {
    Ok(converse(attempt, config, store, clock, person)?.expect("the person answers"))
}

/// Takes a login through its exchanges, as the module does, until nobody answers.
fn converse(
    attempt: &Attempt,
    config: &Config,
    store: &impl Store,
    clock: &impl Clock,
    person: &impl Conversation,
) -> Result<Option<Verdict>, LoginError> {
    let (id, mut answers) = (AttemptId::fresh().unwrap(), Vec::new());
    loop {
        let exchange = Exchange { id: &id, answers: &answers };
        let answer = match super::second_step(attempt, &exchange, config, store, clock)? {
            LoginStep::Done(verdict) => return Ok(Some(verdict)),
            LoginStep::Ask => person.ask(),
            LoginStep::AskNext { first, why } => person.ask_next(&first, &why),
        };
        let Some(answer) = answer else { return Ok(None) };
        answers.push(answer);
    }
}

/// A person who gives one answer, and may change the world before giving it.
struct Scripted<'a> {
    answer: RefCell<Option<Typed>>,
    meanwhile: &'a dyn Fn(),
}

impl Conversation for Scripted<'_> {
    fn ask(&self) -> Option<Typed> {
        (self.meanwhile)();
        self.answer.borrow_mut().take()
    }

    fn ask_next(&self, _: &Verdict, _: &str) -> Option<Typed> {
        self.answer.borrow_mut().take()
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

    fn manager(&self, authority: Authority) -> AccountManager<FilesStore<Turned>, Turned> {
        AccountManager::for_test(
            alice(),
            authority,
            self.config.clone(),
            (self.store(), self.clock.clone()),
            Box::new(self.log.clone()),
        )
    }

    /// What users are answered about their own account.
    fn ask(&self, request: Request) -> Response {
        self.manager(Authority::User).answer(request)
    }

    fn enroll(&mut self) {
        let manager = self.manager(Authority::User);
        loop {
            let Response::Pending(pending) =
                manager.answer(Request::Begin { label: None, proof: None, permit: None, device: None })
            else {
                panic!()
            };
            let secret = data_encoding::BASE32_NOPAD.decode(pending.secret.expose().as_bytes()).unwrap();
            self.secret = Secret::new(secret);
            if self.tells_codes_apart() {
                break;
            }
        }
        let code = Typed::new(self.code(0));
        let Response::Confirmed { recovery_codes: Some(codes), .. } =
            manager.answer(Request::Confirm { code, next: None })
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

    /// Whether all codes of the hours around differ, also from those that tests give as wrong ones.
    fn tells_codes_apart(&self) -> bool {
        let mut codes = BTreeSet::from(WRONG_CODES.map(str::to_owned));
        (-HOURS_AROUND..=HOURS_AROUND).all(|offset| codes.insert(self.code(offset)))
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
        let attempt = attempt_at("sshd", origin, false);
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

/// A login of alice's, in a process of root's.
fn attempt_at(service: &str, origin: Origin, first_step_passed: bool) -> Attempt {
    let claims = Claims { service: service.into(), origin, first_step_passed };
    Attempt::from_root(alice(), claims)
}

fn attempt_of(person: &Person) -> Attempt {
    Attempt { person: person.clone(), ..attempt_at("sshd", Origin::default(), false) }
}

fn reason(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Refused(refused) => refused.reason(),
        other => other.word(),
    }
}
