//! One login at one line of a PAM stack, from what the module says of it to what libpam gets.

use std::fmt;

use nix::errno::Errno;
use protocol::audit::{Audit, Line, printable};
use protocol::options::{Mode, Options};
use protocol::request::{Ask, Done, Login, Outcome, Phase, Response, Shown};
use protocol::secret::Typed;
use twostep_core::config::{Config, Loaded};
use twostep_core::login::{Attempt, AuditSession, Claims, LoginError, Peer, SessionUse};
use twostep_core::messages;
use twostep_core::refusals::Told;
use twostep_core::store::Store;
use twostep_core::throttle::Origin;
use twostep_core::username::{LookupError, Person};
use twostep_core::verdict::Verdict;

use crate::caller::Caller;

mod account;
mod app_password;
mod auth;
mod config_cache;
mod enrollment;
mod forward;
mod hand_over;
mod host;
mod relation;
mod session;

use hand_over::{HandOver, Passage};
pub use host::{LoginHost, ThisHost};
use relation::Relation;

/// Most characters of a name or address in the log, more than any that is one has.
const LONGEST_LOGGED: usize = 128;

/// One step of one login.
pub struct Turn<'a, H: LoginHost> {
    login: &'a Login,
    host: &'a H,
    log: H::Log,
    clock: H::Clock,
    store: H::Store,
    options: Options,
    config: Config,
    /// Why the configuration file is invalid.
    trouble: Option<String>,
    /// Who logs in, as the user database knows them; `None` if it does not.
    person: Result<Option<Person>, LookupError>,
    /// What the peer is to them.
    relation: Relation,
}

/// What one step of a login comes to.
enum Came {
    /// The person is asked.
    Asks {
        prompt: Typed,
        echo: bool,
        /// To be kept meanwhile.
        hand_over: Option<HandOver>,
    },
    /// This phase has ended.
    Ended(Ended),
}

/// How a phase ended.
struct Ended {
    /// What it comes to.
    passage: Passage,
    /// What the log says beside who and where from: `key=value` pairs. Nothing is logged without.
    pairs: Option<String>,
    /// What the person is told.
    text: Option<String>,
    /// How many bytes at the end of the answer are the code.
    cut: usize,
}

/// Why a step of a login cannot be looked at.
enum Unready {
    /// The options of its PAM line are not understood.
    Options,
    /// The user database does not answer.
    UserDatabase,
}

/// Answers one step of a login.
#[must_use]
pub fn answer(host: &impl LoginHost, caller: &Caller, login: &Login) -> Response {
    match Turn::new(host, caller, login) {
        Ok(turn) => turn.answer(),
        Err(Unready::Options) => {
            Response::Done(Done { outcome: Outcome::Failed, show: Vec::new(), hand_over: None, cut: 0 })
        }
        Err(Unready::UserDatabase) => Response::Unavailable {},
    }
}

impl<'a, H: LoginHost> Turn<'a, H> {
    fn new(host: &'a H, caller: &Caller, login: &'a Login) -> Result<Self, Unready> {
        let log = host.log();
        let arguments: Vec<Vec<u8>> = login.options.iter().map(|option| option.clone().into_bytes()).collect();
        let options = Options::parse(&arguments).map_err(|error| {
            log.record(&Line::new("error").with("service", shortened(&login.service)).with("reason", error).finish());
            Unready::Options
        })?;
        let options = match caller.peer {
            Peer::Root => options,
            Peer::User(_) => options.of_user(),
        };
        let Loaded { config, trouble } = host.config(&options.config);
        let (relation, person) = match caller.peer {
            Peer::Root => (Relation::Root, host.person(&login.user)),
            Peer::User(uid) => Relation::of_user(uid, login, (host, &config)),
        };
        if caller.peer == Peer::Root && matches!(person, Err(LookupError::Database(Errno::ETIMEDOUT))) {
            log.record(
                &Line::new("error")
                    .with("service", &login.service)
                    .with("reason", messages::service::DIRECTORY)
                    .finish(),
            );
            return Err(Unready::UserDatabase);
        }
        let (clock, store) = (host.clock(), host.store(&config));
        Ok(Self { login, host, log, clock, store, options, config, trouble, person, relation })
    }

    fn answer(&self) -> Response {
        let came = match self.login.phase {
            Phase::Auth if self.options.mode == Mode::AppPassword => app_password::app_password(self),
            Phase::Auth if self.options.mode == Mode::ForwardPass => forward::forward_pass(self),
            Phase::Auth => auth::second_step(self),
            Phase::Account => account::account_phase(self),
            Phase::Credentials => enrollment::credentials(self),
            Phase::Session | Phase::UnreadSession => return session::opened(self),
        };
        match came {
            Ok(Came::Asks { prompt, echo, hand_over }) => {
                Response::Ask(Ask { prompt, echo, hand_over: hand_over.and_then(|left| left.to_text()) })
            }
            Ok(Came::Ended(ended)) => Response::Done(self.done(&ended)),
            Err(error) => Response::Done(self.failed(&error)),
        }
    }

    /// Logs how a phase ended, and says it to the module. What is not worth a line of its own is no
    /// occasion to complain about the configuration either.
    fn done(&self, ended: &Ended) -> Done {
        self.log_ended(ended);
        let mut show = Vec::new();
        let is_refused = matches!(ended.passage, Passage::MustEnroll | Passage::Refused);
        if let Some(text) = &ended.text {
            let text = if self.may_hear(ended.passage) { text.clone() } else { messages::GENERIC.to_owned() };
            show.push(if is_refused { Shown::Error(text) } else { Shown::Notice(text) });
        }
        if ended.pairs.is_some() {
            show.extend(self.report_configuration(self.is_trusted(ended.passage)));
        }
        let outcome = match ended.passage {
            Passage::CodeAccepted | Passage::Accepted => Outcome::Accepted,
            // Who enrolls now succeeds in the auth phase, so that pam_setcred can still refuse: libpam
            // drops what a line returns there that was ignored in the auth phase.
            Passage::EnrollsNow(_) if self.login.phase == Phase::Auth => Outcome::Accepted,
            Passage::NotAsked | Passage::NobodyAsked => Outcome::NotAsked,
            Passage::EnrollsNow(_) | Passage::MustEnroll | Passage::Refused => Outcome::Refused,
        };
        Done { outcome, show, hand_over: self.left(ended.passage).and_then(|left| left.to_text()), cut: ended.cut }
    }

    fn log_ended(&self, ended: &Ended) {
        let word = match ended.passage {
            Passage::CodeAccepted | Passage::Accepted => "accepted",
            Passage::NotAsked | Passage::NobodyAsked | Passage::EnrollsNow(_) => "not-asked",
            Passage::MustEnroll | Passage::Refused => "refused",
        };
        if let Some(pairs) = &ended.pairs {
            self.log.record(&format!("{} {}", self.line(word).finish(), pairs.trim()));
        }
    }

    /// What a phase leaves for the next. A refused code leaves nothing, as if it had not been asked; a
    /// line for programs stands where a stack may let the next module overrule it. Nor does a line that judges
    /// nothing.
    fn left(&self, passage: Passage) -> Option<HandOver> {
        let Ok(Some(person)) = &self.person else { return None };
        let leaves_nothing = passage == Passage::Refused && self.options.mode != Mode::AppPassword;
        let is_forward = self.options.mode == Mode::ForwardPass && self.login.phase == Phase::Auth;
        if leaves_nothing || is_forward || matches!(self.relation, Relation::Stranger(_)) {
            return None;
        }
        Some(HandOver { user: person.name.as_str().to_owned(), service: self.login.service.clone(), passage })
    }

    /// Logs why there is no verdict, and tells the person no more than what works meanwhile.
    fn failed(&self, error: &Failed) -> Done {
        self.log_failure(error);
        let text = match error {
            Failed::Login(LoginError::Seal(_)) => messages::sealed(&self.config),
            _ => messages::failed(&self.config),
        };
        let mut show = vec![Shown::Error(text)];
        show.extend(self.report_configuration(self.is_first_step_proved()));
        Done { outcome: Outcome::Failed, show, hand_over: None, cut: 0 }
    }

    fn log_failure(&self, reason: impl fmt::Display) {
        self.log.record(&self.line("error").with("reason", reason).finish());
    }

    /// Logs the warnings of the store. No login fails for it.
    fn log_strange(&self) {
        for warning in self.store.warnings() {
            self.log.record(&self.line("warning").with("reason", warning).finish());
        }
    }

    /// Logs why the configuration file is invalid, and says so to those who are trusted.
    fn report_configuration(&self, is_trusted: bool) -> Option<Shown> {
        let trouble = self.trouble.as_ref()?;
        self.log.record(&Line::new("configuration").with("error", trouble).finish());
        (is_trusted && self.relation == Relation::Root).then(|| Shown::Notice(printable(trouble)))
    }

    /// Who has not proved the first step learns from a refusal only that it is one. Texts about
    /// application passwords are safe already: the exact ones are for who has the password.
    fn may_hear(&self, passage: Passage) -> bool {
        self.options.mode == Mode::AppPassword || self.is_trusted(passage)
    }

    /// Whether this is the person: a line for application passwords stands before the first step,
    /// so that it knows by the password alone.
    fn is_trusted(&self, passage: Passage) -> bool {
        match passage {
            Passage::CodeAccepted | Passage::Accepted | Passage::NotAsked => true,
            Passage::NobodyAsked => false,
            Passage::MustEnroll | Passage::EnrollsNow(_) | Passage::Refused => self.is_first_step_proved(),
        }
    }

    /// Whether the first step is passed. No program comes to a later phase before. What a user may hear,
    /// a process of the user may; a listed caller passes on what it hears to anyone; and what others hear
    /// tells nothing.
    fn is_first_step_proved(&self) -> bool {
        let Login { key_accepted, phase, .. } = self.login;
        match self.relation {
            Relation::Root => self.options.after_first_step || *key_accepted || *phase != Phase::Auth,
            Relation::Caller(_) => false,
            Relation::Own | Relation::System(_) | Relation::Stranger(_) => true,
        }
    }

    fn line(&self, word: &str) -> Line {
        let user = match &self.person {
            Ok(Some(person)) => person.name.as_str(),
            _ => &self.login.user,
        };
        let rhost = self.login.rhost.as_deref().map(shortened);
        let line = Line::new(word).with("user", shortened(user)).with("service", shortened(&self.login.service));
        match &self.relation {
            Relation::Root => line.with_some("rhost", rhost).with_some("rhost_is", self.name_in_vain()),
            Relation::Caller(name) => line.with("caller", name).with_some("rhost", rhost),
            Relation::Own | Relation::System(_) | Relation::Stranger(_) => line,
        }
    }

    /// What the log says where networks matter, and the program gives a name for an address.
    fn name_in_vain(&self) -> Option<&'static str> {
        let policy = &self.config.policy;
        let origin = Origin { rhost: self.login.rhost.clone(), ..Origin::default() };
        let matters = !policy.exempt_networks.is_empty() || !policy.remember.is_zero();
        (matters && origin.is_a_name()).then_some("name")
    }

    /// What this login has to do with audit sessions. A daemon has none: the login opens one.
    fn session_use(&self) -> Option<SessionUse> {
        if self.options.mode != Mode::Code || self.login.phase != Phase::Auth {
            return None;
        }
        match (self.options.recent, self.audit_session()) {
            (Some(time), Some(session)) => Some(SessionUse::Recent(session, time)),
            (None, None) => Some(SessionUse::Opens(self.login.attempt.as_str().to_owned())),
            _ => None,
        }
    }

    /// The audit session of the process, if it is one of the person who opened it: sshd may have been started in
    /// somebody's session, and where no pam_loginuid runs its logins would share that one.
    fn audit_session(&self) -> Option<AuditSession> {
        let Login { session, login_uid, real_uid, phase, .. } = self.login;
        let opened_by = match phase {
            Phase::Session | Phase::UnreadSession => self.person.as_ref().ok()?.as_ref()?.uid,
            _ => *real_uid,
        };
        AuditSession::new(session.filter(|_| *login_uid == Some(opened_by)), &self.host.boot())
    }

    /// This login, for the judges. `None` if the peer may not ask for this user.
    fn attempt(&self, person: &Person) -> Option<Attempt> {
        let Login { service, rhost, tty, real_uid, .. } = self.login;
        let claims = Claims {
            service: service.clone(),
            origin: Origin { rhost: rhost.clone(), tty: tty.clone(), real_uid: *real_uid },
            first_step_passed: self.is_first_step_proved(),
        };
        match &self.relation {
            Relation::Root => Some(Attempt::from_root(person.clone(), claims).using(self.session_use())),
            Relation::Own => Some(Attempt::from_user(person.clone(), claims)),
            Relation::Caller(name) => Some(Attempt::from_caller(person.clone(), name, claims)),
            Relation::System(_) | Relation::Stranger(_) => None,
        }
    }
}

impl Ended {
    fn with(verdict: &Verdict, told: Told, text: Option<String>) -> Self {
        let pairs = told.line(verdict.describe(Line::new(""))).map(Line::finish);
        Self { passage: verdict.into(), pairs, text, cut: 0 }
    }

    /// A refusal that no verdict led to.
    fn refused(line: Line, text: Option<&str>) -> Self {
        Self { passage: Passage::Refused, pairs: Some(line.finish()), text: text.map(str::to_owned), cut: 0 }
    }

    /// A phase that is passed without a line of its own.
    fn quiet(passage: Passage) -> Self {
        Self { passage, pairs: None, text: None, cut: 0 }
    }
}

impl From<Ended> for Came {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

/// What the log gets of a text that somebody else chose: a log daemon cuts long lines, at their end.
fn shortened(text: &str) -> &str {
    text.char_indices().nth(LONGEST_LOGGED).map_or(text, |(end, _)| text.split_at(end).0)
}

/// The log's pair for a user whom the user database does not know.
fn unknown_user() -> Line {
    Line::new("").with("reason", "unknown-user")
}

/// The log's pairs for a person who broke off, or a program that cannot ask.
fn unanswered() -> Ended {
    Ended::refused(Line::new("").with("reason", "no-answer").with("remedy", CANNOT_ASK), None)
}

const CANNOT_ASK: &str = "an application that cannot ask for a code needs keyboard-interactive \
                          authentication, or a stack with forward_pass";

/// Why a login came to no verdict. It is refused then.
#[derive(Debug)]
enum Failed {
    /// The user database gave no answer.
    Lookup(LookupError),
    /// The user database does not know a user who has come this far.
    Unknown,
    /// Store or seal.
    Login(LoginError),
    /// The account line that should have enrolled the user is not there.
    EnrollmentOwed,
}

impl From<LookupError> for Failed {
    fn from(error: LookupError) -> Self {
        Self::Lookup(error)
    }
}

impl From<LoginError> for Failed {
    fn from(error: LoginError) -> Self {
        Self::Login(error)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(error) => error.fmt(f),
            Self::Unknown => f.write_str(
                "the user database does not know this user now; check nsswitch.conf and its services, and the limits of this process",
            ),
            Self::Login(error) => error.fmt(f),
            Self::EnrollmentOwed => {
                f.write_str("enrollment-owed: the account line of this stack is missing or has no enroll; add it")
            }
        }
    }
}

impl std::error::Error for Failed {}

#[cfg(test)]
mod tests;
