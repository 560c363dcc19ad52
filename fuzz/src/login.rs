//! Whole logins: an owner with a phone or a token, somebody who has seen codes, clocks that jump, and a store that
//! fails. Whatever happens, no code is taken twice, and nobody is let in without a record of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::LazyLock;

use twostep_core::account::Account;
use twostep_core::config::Config;
use twostep_core::login::{Attempt, Conversation, LoginError, Silence, second_step};
use twostep_core::recovery::RecoverySet;
use twostep_core::secret::Typed;
use twostep_core::throttle::Origin;
use twostep_core::time::{Clock, Moment, Step, Timestamp, Uptime};
use twostep_core::verdict::{Factor, Shape, Verdict};

use crate::phone::{NOW, PERIOD, Phone, WALL, alice};
use crate::store::{Shaky, Turned};

/// Most turns of one history: its recovery codes cost time.
const TURNS: usize = 40;
/// Most recovery codes that are tried in one history.
const RECOVERIES: usize = 4;

/// So that wrong codes do not end every history.
const TEXT: &str = "version = 1\n[throttle]\nfailures = 100\n";
static CONFIG: LazyLock<Config> = LazyLock::new(|| Config::parse(TEXT).expect("a configuration"));
static RECOVERY: LazyLock<(RecoverySet, Vec<Typed>)> =
    LazyLock::new(|| RecoverySet::generate(2, WALL).expect("random bytes"));

/// Two bytes a turn: what happens, and how much of it.
pub fn login(bytes: &[u8]) {
    let mut world = World::new();
    for turn in bytes.chunks_exact(2).take(TURNS) {
        if let [what, much] = *turn {
            world.turn(what, much);
        }
    }
}

/// A code of a device, or a recovery code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Phone(Step),
    Token(Step),
    Recovery(usize),
}

struct World {
    store: Shaky,
    clock: Turned,
    phone: Phone,
    token: Phone,
    /// The next code of the token.
    presses: u64,
    /// By how much the phone is ahead of the host, in seconds.
    ahead: i64,
    given: Vec<Given>,
    taken: Vec<Given>,
    recoveries: usize,
}

impl World {
    fn new() -> Self {
        let (phone, token) = (Phone::new(8), Phone::that_counts(7));
        let mut account = Account::new(&alice().name, alice().uid, WALL);
        account.authenticators.extend([phone.authenticator(), token.authenticator()]);
        account.recovery = Some(RECOVERY.0.clone());
        let clock = Turned(Rc::new(Cell::new(NOW)));
        let (given, taken) = (Vec::new(), Vec::new());
        Self { store: Shaky::with(account), clock, phone, token, presses: 5, ahead: 0, given, taken, recoveries: 0 }
    }

    fn turn(&mut self, what: u8, much: u8) {
        let much_signed = i64::from(much.cast_signed());
        match what % 12 {
            0 => self.pass(u64::from(much)),
            1 => self.clock.jump(much_signed),
            2 => self.clock.jump(much_signed * 100_000),
            3 => self.ahead = much_signed * 5,
            4 => self.store.faults.set(much),
            5 => self.store.faults.set(0),
            6 if much.is_multiple_of(2) => self.store.lose_ledger(self.clock.now().uptime),
            6 => self.reboot(),
            7 => self.replay(much),
            8 => self.press(much),
            9 => self.recover(much),
            _ => self.log_in(much),
        }
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
        let person = Person { codes: RefCell::new(codes), clock: self.clock.clone(), pause: pause.into() };
        let origin = Origin { rhost: Some("192.0.2.1".to_owned()), ..Origin::default() };
        let service = "sshd".to_owned();
        let attempt = Attempt { person: alice(), service, origin, shape: Shape::Code, first_step_passed: true };
        let recorded = self.store.recorded.get();
        let verdict = second_step(&attempt, &CONFIG, &self.store, &self.clock, &person);
        let asked = answers.len() - person.codes.borrow().len();
        self.given.extend(answers.iter().take(asked).filter(|given| !matches!(given, Given::Recovery(_))));
        match verdict {
            Ok(Verdict::Accepted(factor)) => {
                assert!(self.store.recorded.get() > recorded, "accepted, and nothing recorded");
                let passed = answers[..asked].last().copied().expect("nobody is accepted who gave nothing");
                self.accepted(passed, &factor);
            }
            Ok(Verdict::NotAsked(_) | Verdict::MustEnroll) => panic!("this user is always asked"),
            Ok(Verdict::Refused(_)) => {}
            Err(LoginError::Silence) => {}
            Err(_) => assert_ne!(self.store.faults.get() & 63, 0, "nothing failed"),
        }
    }

    /// Whether what passed was new, and is recorded so that it never passes again.
    fn accepted(&mut self, passed: Given, factor: &Factor) {
        let steps = |id: &str| self.store.ledger.borrow().spent(id);
        match (passed, factor) {
            (Given::Phone(step), Factor::Code { .. }) => assert!(steps(&self.phone.id()) >= Some(step), "not spent"),
            (Given::Token(step), Factor::Code { .. }) => assert!(steps(&self.token.id()) >= Some(step), "not spent"),
            (Given::Recovery(_), Factor::Recovery { .. }) => {}
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
struct Person {
    codes: RefCell<Vec<Typed>>,
    clock: Turned,
    pause: i64,
}

impl Conversation for Person {
    fn ask(&self) -> Result<Typed, Silence> {
        let mut codes = self.codes.borrow_mut();
        if codes.is_empty() { Err(Silence) } else { Ok(codes.remove(0)) }
    }

    fn ask_next(&self, _: &Verdict, _: &str) -> Result<Typed, Silence> {
        self.clock.jump(self.pause);
        self.ask()
    }
}
