//! Whole logins: an owner with a phone or a token, somebody who has seen codes, clocks that jump, and a store that
//! fails. Whatever happens, no code is taken twice, and nobody is let in without a record of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::LazyLock;

use twostep_core::account::Account;
use twostep_core::config::Config;
use twostep_core::login::{self, Attempt, Claims, Exchange, LoginError, second_step};
use twostep_core::recovery::RecoverySet;
use twostep_core::request::AttemptId;
use twostep_core::secret::Typed;
use twostep_core::store::Store;
use twostep_core::throttle::Origin;
use twostep_core::time::{Clock, Moment, Step, Timestamp, Uptime};
use twostep_core::verdict::{Factor, Verdict};

use crate::disk::Disk;
use crate::phone::{NOW, PERIOD, Phone, WALL, alice};
use crate::store::{Fragile, Shaky, Turned};

/// Most turns of one history: its recovery codes cost time.
const TURNS: usize = 40;
/// Most recovery codes that are tried in one history.
const RECOVERIES: usize = 4;

/// Seconds after which nothing that was spent is in the way of the next code.
const WAIT: u64 = 600;

/// So that wrong codes do not end every history.
const TEXT: &str = "version = 1\n[throttle]\nfailures = 100\n";
static CONFIG: LazyLock<Config> = LazyLock::new(|| Config::parse(TEXT).expect("a configuration"));
static RECOVERY: LazyLock<(RecoverySet, Vec<Typed>)> =
    LazyLock::new(|| RecoverySet::generate(2, WALL).expect("random bytes"));

/// Two bytes a turn: what happens, and how much of it.
pub fn login(bytes: &[u8]) {
    let _ = memory_history(bytes);
}

/// The same with the store of the product, on a disk whose calls fail. Only root has one: others try nothing here.
pub fn disk(bytes: &[u8]) {
    if nix::unistd::geteuid().is_root() {
        let _ = disk_history(bytes);
    }
}

/// What let somebody in, on a store in memory.
#[must_use]
pub fn memory_history(bytes: &[u8]) -> Vec<Given> {
    history(bytes, |account, _| Shaky::with(account))
}

/// What let somebody in, on a disk.
#[must_use]
pub fn disk_history(bytes: &[u8]) -> Vec<Given> {
    history(bytes, |account, clock| Disk::with(&account, clock))
}

fn history<S: Fragile>(bytes: &[u8], store: impl FnOnce(Account, Turned) -> S) -> Vec<Given> {
    let mut world = World::new(store);
    for turn in bytes.chunks_exact(2).take(TURNS) {
        if let [what, much] = *turn {
            world.turn(what, much);
        }
    }
    let taken = world.taken.clone();
    world.end();
    taken
}

/// A code of a device, or a recovery code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// Of the phone, for this step.
    Phone(Step),
    /// Of the token, for this count.
    Token(Step),
    /// The first or the second recovery code.
    Recovery(usize),
}

struct World<S> {
    store: S,
    clock: Turned,
    phone: Phone,
    token: Phone,
    /// The next code of the token.
    presses: u64,
    /// By how much the phone is ahead of the host, in seconds.
    ahead: i64,
    fails: bool,
    /// Whether the clocks of phone and host go together.
    clocks_agree: bool,
    given: Vec<Given>,
    taken: Vec<Given>,
    recoveries: usize,
}

impl<S: Fragile> World<S> {
    fn new(store: impl FnOnce(Account, Turned) -> S) -> Self {
        let (phone, token) = (Phone::new(8), Phone::that_counts(7));
        let mut account = Account::new(&alice().name, alice().uid, WALL);
        account.authenticators.extend([phone.authenticator(), token.authenticator()]);
        account.recovery = Some(RECOVERY.0.clone());
        let clock = Turned(Rc::new(Cell::new(NOW)));
        let store = store(account, clock.clone());
        let (given, taken) = (Vec::new(), Vec::new());
        Self {
            store,
            clock,
            phone,
            token,
            presses: 5,
            ahead: 0,
            fails: false,
            clocks_agree: true,
            given,
            taken,
            recoveries: 0,
        }
    }

    fn turn(&mut self, what: u8, much: u8) {
        let much_signed = i64::from(much.cast_signed());
        self.clocks_agree &= !matches!(what % 12, 1..=3);
        match what % 12 {
            0 => self.pass(u64::from(much)),
            1 => self.clock.jump(much_signed),
            2 => self.clock.jump(much_signed * 100_000),
            3 => self.ahead = much_signed * 5,
            4 => self.fail(Some(much)),
            5 => self.fail(None),
            6 if much.is_multiple_of(2) => self.store.lose_ledger(self.clock.now().uptime),
            6 => self.reboot(),
            7 => self.replay(much),
            8 => self.press(much),
            9 => self.recover(much),
            _ => self.log_in(much),
        }
    }

    /// Whatever happened: when nothing fails any more, the owner gets in, by the second code at the latest. The first
    /// one may make a ledger, which knows of nothing before it.
    fn end(&mut self) {
        if self.clocks_agree {
            self.fail(None);
            let before = self.taken.len();
            for _ in 0..2 {
                self.pass(WAIT);
                self.log_in(0);
            }
            assert!(self.taken.len() > before, "the owner is locked out");
        }
    }

    fn fail(&mut self, how: Option<u8>) {
        self.fails = how.is_some();
        self.store.fail(how);
    }

    fn pass(&self, seconds: u64) {
        let Moment { uptime, .. } = self.clock.now();
        self.clock.jump(i64::try_from(seconds).unwrap_or(0));
        self.clock.0.set(Moment { uptime: Uptime(uptime.0 + seconds), ..self.clock.now() });
    }

    fn reboot(&self) {
        self.store.lose_ledger(Uptime(1));
        self.clock.0.set(Moment { uptime: Uptime(2), ..self.clock.now() });
    }

    /// The owner, and the code after it if it is asked for.
    fn log_in(&mut self, pause: u8) {
        let shown = Timestamp(self.clock.now().wall.0 + self.ahead).step(PERIOD);
        self.attempt(&[Given::Phone(shown), Given::Phone(shown.shifted(1))], pause);
    }

    /// The owner with the token, whose button was pressed some times since.
    fn press(&mut self, times: u8) {
        let first = Step(self.presses + u64::from(times % 16));
        self.presses = first.0 + 1;
        self.attempt(&[Given::Token(first), Given::Token(first.shifted(1))], 0);
    }

    fn recover(&mut self, which: u8) {
        if self.recoveries < RECOVERIES {
            self.recoveries += 1;
            self.attempt(&[Given::Recovery(usize::from(which % 2))], 0);
        }
    }

    /// Somebody who has seen all codes that were given.
    fn replay(&mut self, which: u8) {
        let known = self.given.clone();
        let at = |index: usize| known.get(index % known.len().max(1)).copied();
        if let (Some(first), Some(second)) = (at(which.into()), at(usize::from(which) + 1)) {
            self.attempt(&[first, second], which);
        }
    }

    fn attempt(&mut self, answers: &[Given], pause: u8) {
        let codes = answers.iter().map(|given| self.code(*given)).collect();
        let person = Typist { codes: RefCell::new(codes), pause: pause.into() };
        let origin = Origin { rhost: Some("192.0.2.1".to_owned()), ..Origin::default() };
        let service = "sshd".to_owned();
        let claims = Claims { service, origin, first_step_passed: true };
        let attempt = Attempt::from_root(alice(), claims);
        let verdict = self.store.run(|| converse(&attempt, &self.store.open(), &self.clock, &person));
        let asked = answers.len() - person.codes.borrow().len();
        self.given.extend(answers.iter().take(asked).filter(|given| !matches!(given, Given::Recovery(_))));
        match verdict {
            Ok(Some(Verdict::Accepted(factor))) => {
                let passed = answers[..asked].last().copied().expect("nobody is accepted who gave nothing");
                self.accepted(passed, &factor);
            }
            Ok(Some(Verdict::NotAsked(_) | Verdict::MustEnroll)) => panic!("this user is always asked"),
            Ok(Some(Verdict::Refused(_)) | None) => {}
            Err(error) => assert!(self.fails, "nothing failed, and yet: {error}"),
        }
    }

    /// Whether what passed was new, and is recorded so that it never passes again.
    fn accepted(&mut self, passed: Given, factor: &Factor) {
        let (account, ledger) = self.store.kept();
        let steps = |id: &str| ledger.spent(id);
        match (passed, factor) {
            (Given::Phone(step), Factor::Code { .. }) => assert!(steps(&self.phone.id()) >= Some(step), "not spent"),
            (Given::Token(step), Factor::Code { .. }) => assert!(steps(&self.token.id()) >= Some(step), "not spent"),
            (Given::Recovery(_), Factor::Recovery { .. }) => {
                let is_recovery = |before: &&Given| matches!(before, Given::Recovery(_));
                let used = 1 + self.taken.iter().filter(is_recovery).count();
                assert!(account.recovery.is_some_and(|set| set.used().count() >= used), "not used up");
            }
            _ => panic!("{passed:?} is no {factor:?}"),
        }
        let is_older = |before: &Given| match (*before, passed) {
            (Given::Phone(before), Given::Phone(now)) | (Given::Token(before), Given::Token(now)) => before >= now,
            (before, now) => before == now,
        };
        assert!(!self.taken.iter().any(is_older), "{passed:?} after {:?}", self.taken);
        self.taken.push(passed);
    }

    fn code(&self, given: Given) -> Typed {
        match given {
            Given::Phone(step) => Typed::new(self.phone.code(step)),
            Given::Token(step) => Typed::new(self.token.code(step)),
            Given::Recovery(which) => RECOVERY.1[which].clone(),
        }
    }
}

impl Turned {
    fn jump(&self, seconds: i64) {
        let Moment { wall, uptime } = self.0.get();
        self.0.set(Moment { wall: Timestamp(wall.0 + seconds), uptime });
    }
}

/// Gives one code after the other, and may take its time.
struct Typist {
    codes: RefCell<Vec<Typed>>,
    pause: i64,
}

impl Typist {
    fn answer(&self) -> Option<Typed> {
        let mut codes = self.codes.borrow_mut();
        if codes.is_empty() { None } else { Some(codes.remove(0)) }
    }
}

/// One exchange after the other; `None` when the person has no more answers.
fn converse(
    attempt: &Attempt,
    store: &impl Store,
    clock: &Turned,
    person: &Typist,
) -> Result<Option<Verdict>, LoginError> {
    // Of random bytes the kernel never has too few here.
    let (id, mut answers) = (AttemptId::fresh().expect("random bytes"), Vec::new());
    loop {
        let exchange = Exchange { id: &id, answers: &answers };
        let answer = match second_step(attempt, &exchange, &CONFIG, store, clock)? {
            login::LoginStep::Done(verdict) => return Ok(Some(verdict)),
            login::LoginStep::Ask => person.answer(),
            login::LoginStep::AskNext { .. } => {
                clock.jump(person.pause);
                person.answer()
            }
        };
        let Some(answer) = answer else { return Ok(None) };
        answers.push(answer);
    }
}
