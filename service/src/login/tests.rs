//! Logins as the service answers them, on a host below a temporary folder whose clock the test turns.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use protocol::options::CONFIG;
use protocol::request::AttemptId;
use twostep_core::enroll::AccountManager;
use twostep_core::ledger::Ledger;
use twostep_core::secret::Secret;
use twostep_core::store::files::FilesStore;
use twostep_core::throttle::Source;
use twostep_core::time::{Clock, Moment, Timestamp, Uptime};
use twostep_core::username::Username;

use super::hand_over::Enrolling;
use super::*;

mod enrolling;
mod peers;
mod phases;

/// 2027-01-15, at the beginning of a step.
const START: i64 = 1_800_000_000;

/// What tests give as wrong codes.
const WRONG_CODES: [&str; 2] = ["000000", "123456"];

/// Steps to either side of an enrollment in which tests give codes.
const HOURS_AROUND: i64 = 150;

const ALICE: u32 = 1000;
const BOB: u32 = 1001;
const CAROL: u32 = 1002;
const WWW_DATA: u32 = 33;
const DAEMON: u32 = 1;

/// A clock that only the test turns.
#[derive(Clone)]
struct Turned(Rc<Cell<Moment>>);

impl Clock for Turned {
    fn now(&self) -> Moment {
        self.0.get()
    }
}

/// A log that the test reads.
#[derive(Clone, Default)]
struct Lines(Rc<RefCell<Vec<String>>>);

impl Audit for Lines {
    fn record(&self, line: &str) {
        self.0.borrow_mut().push(line.to_owned());
    }
}

/// A host with alice, bob, carol and two system users.
struct World {
    folder: tempfile::TempDir,
    clock: Turned,
    log: Lines,
    config: Config,
    /// The name of this life of the machine.
    boot: &'static str,
    /// What the phones hold, by user.
    secrets: Vec<(&'static str, Secret)>,
}

impl LoginHost for World {
    type Store = FilesStore<Turned>;
    type Clock = Turned;
    type Log = Lines;

    fn config(&self, path: &Path) -> Loaded {
        // Any other file exempts alice.
        let other = || Config::parse("version = 1\n[policy]\nexempt_users = [\"alice\"]").unwrap();
        let config = if path == Path::new(CONFIG) { self.config.clone() } else { other() };
        Loaded { config, trouble: None }
    }

    fn store(&self, _: &Config) -> FilesStore<Turned> {
        FilesStore::below(self.folder.path(), self.clock.clone())
    }

    fn clock(&self) -> Turned {
        self.clock.clone()
    }

    fn log(&self) -> Lines {
        self.log.clone()
    }

    fn person(&self, name: &str) -> Result<Option<Person>, LookupError> {
        let users =
            [("alice", ALICE), ("bob", BOB), ("carol", CAROL), ("www-data", WWW_DATA), ("daemon", DAEMON), ("root", 0)];
        let known = users.into_iter().find(|(user, _)| *user == name);
        Ok(known.map(|(user, uid)| Person { name: Username::new(user), alias: None.into(), uid, gid: uid }))
    }

    fn person_of(&self, uid: u32) -> Result<Option<Person>, LookupError> {
        let names = ["alice", "bob", "carol", "www-data", "daemon", "root"];
        let known = names.map(|name| self.person(name)).into_iter();
        known.flatten().flatten().find(|person| person.uid == uid).map_or(Ok(None), |person| Ok(Some(person)))
    }

    fn stranger(&self, name: &str) -> Result<Option<Person>, LookupError> {
        self.person(name)
    }

    fn first_person(&self) -> u32 {
        1000
    }

    fn boot(&self) -> String {
        self.boot.to_owned()
    }
}

impl World {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir_in(shared_memory()).unwrap();
        for directory in ["state/accounts", "state/uids", "run/ledgers"] {
            fs::create_dir_all(folder.path().join(directory)).unwrap();
        }
        fs::write(folder.path().join("run/since"), "0\n").unwrap();
        let key = folder.path().join("seal.key");
        fs::write(&key, [7; 32]).unwrap();
        fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        let clock = Turned(Rc::new(Cell::new(Moment { wall: Timestamp(START), uptime: Uptime(5000) })));
        let config = Config::parse(&format!("version = 1\n{config}")).unwrap();
        Self { folder, clock, log: Lines::default(), config, boot: "first", secrets: Vec::new() }
    }

    /// A host on which alice has a phone.
    fn enrolled(config: &str) -> Self {
        let mut world = Self::new(config);
        world.enroll("alice");
        world
    }

    /// Another host that is the same to the byte.
    fn twin(&self) -> Self {
        let folder = tempfile::tempdir_in(shared_memory()).unwrap();
        let all = self.folder.path().join(".");
        let copied = Command::new("cp").arg("-a").args([all.as_path(), folder.path()]).status();
        assert!(copied.unwrap().success());
        let clock = Turned(Rc::new(Cell::new(self.clock.now())));
        let (config, secrets) = (self.config.clone(), self.secrets.clone());
        Self { folder, clock, log: Lines::default(), config, boot: self.boot, secrets }
    }

    /// By a login of root's, as the account phase does it. Says what the recovery codes are.
    fn enroll(&mut self, user: &'static str) -> Vec<Typed> {
        let claims = Claims { service: "sshd".into(), origin: Origin::default(), first_step_passed: true };
        let attempt = Attempt::from_root(self.person(user).unwrap().unwrap(), claims);
        let host = (self.store(&self.config), self.clock());
        let manager = AccountManager::for_login(&attempt, &self.config, host, Box::new(self.log()));
        // Each place is shown a key of its own.
        let shown_at = (0..).map(Source::of_user).find(|source| {
            self.secrets.retain(|(name, _)| *name != user);
            self.secrets.push((user, secret_of(manager.offer(source).unwrap().secret.expose())));
            self.tells_codes_apart(user)
        });
        let source = shown_at.unwrap();
        let code = Typed::new(self.code(user, 0));
        let Ok(Response::Confirmed { recovery_codes: Some(codes), .. }) = manager.accept(&source, &code, None) else {
            panic!()
        };
        self.pass(60);
        self.logged();
        codes
    }

    /// Both clocks go on.
    fn pass(&self, seconds: u64) {
        let Moment { wall, uptime } = self.clock.now();
        let wall = Timestamp(wall.0 + i64::try_from(seconds).unwrap());
        self.clock.0.set(Moment { wall, uptime: Uptime(uptime.0 + seconds) });
    }

    /// What the user's phone shows, so many steps from now.
    fn code(&self, user: &str, offset: i64) -> String {
        let (_, secret) = self.secrets.iter().find(|(name, _)| *name == user).unwrap();
        let device = totp_rs::Builder::new().with_secret(secret.expose()).with_step_duration(1).build_noncompliant();
        device.generate(self.clock.now().wall.step(30).shifted(offset).0).to_string()
    }

    /// Whether all codes of the hours around differ, also from those that tests give as wrong ones.
    fn tells_codes_apart(&self, user: &str) -> bool {
        let mut codes = BTreeSet::from(WRONG_CODES.map(str::to_owned));
        (-HOURS_AROUND..=HOURS_AROUND).all(|offset| codes.insert(self.code(user, offset)))
    }

    fn ask(&self, peer: &Peer, login: &Login) -> Response {
        answer(self, &Caller { peer: *peer, pid: 4711 }, login)
    }

    /// What a phase comes to.
    fn done(&self, peer: &Peer, login: &Login) -> Done {
        match self.ask(peer, login) {
            Response::Done(done) => done,
            other => panic!("{other:?}"),
        }
    }

    fn outcome(&self, peer: &Peer, login: &Login) -> Outcome {
        self.done(peer, login).outcome
    }

    fn account(&self, user: &str) -> String {
        fs::read_to_string(self.folder.path().join(format!("state/accounts/{user}.toml"))).unwrap_or_default()
    }

    fn ledger(&self, user: &str) -> Option<Ledger> {
        self.store(&self.config).peek(&self.person(user).unwrap().unwrap())
    }

    /// The lines that were logged since this was asked last.
    fn logged(&self) -> Vec<String> {
        self.log.0.take()
    }

    fn last_line(&self) -> String {
        self.logged().pop().unwrap_or_default()
    }
}

fn shared_memory() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

fn secret_of(base32: &str) -> Secret {
    Secret::new(data_encoding::BASE32_NOPAD.decode(base32.as_bytes()).unwrap())
}

/// A login of a user in its first exchange, with an id of its own.
fn login(user: &str, service: &str) -> Login {
    Login {
        phase: Phase::Auth,
        attempt: AttemptId::fresh().unwrap(),
        user: user.to_owned(),
        service: service.to_owned(),
        rhost: None,
        tty: None,
        real_uid: 0,
        options: Vec::new(),
        key_accepted: false,
        answers: Vec::new(),
        unanswered: false,
        holds_code: false,
        session: None,
        login_uid: None,
        ticket: None,
        hand_over: None,
    }
}

/// The same login, answered.
fn answered(login: &Login, answers: &[&str]) -> Login {
    Login { answers: answers.iter().map(|answer| Typed::new((*answer).to_owned())).collect(), ..login.clone() }
}

fn with_options(login: Login, options: &[&str]) -> Login {
    Login { options: options.iter().map(|option| (*option).to_owned()).collect(), ..login }
}

/// What an auth phase is said to have left.
fn left(user: &str, service: &str, passage: Passage) -> Option<String> {
    HandOver { user: user.to_owned(), service: service.to_owned(), passage }.to_text()
}

fn texts(done: &Done) -> Vec<&str> {
    done.show.iter().map(|(Shown::Notice(text) | Shown::Error(text))| text.as_str()).collect()
}
