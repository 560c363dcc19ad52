//! Changes of accounts: what the service does for its caller, and what root's commands do for anyone.
//!
//! Once an authenticator is confirmed, a user's every change needs a proof in the same request, so
//! that a process of the user cannot weaken the second step behind the user's back.

use std::cell::RefCell;

use crate::account::Account;
use crate::audit::{Audit, Line};
use crate::config::{self, Config};
use crate::messages::{self, changes};
use crate::request::{Refusal, Refused, Request, Response};
use crate::seal::SealError;
use crate::secret::{NoRandomness, Typed};
use crate::store::files::FilesStore;
use crate::store::{Held, ProcessKind, Store, StoreError};
use crate::throttle::{Origin, Source};
use crate::time::{Clock, SystemClock};
use crate::username::{LookupError, Person};
use crate::verdict::{self, Answer, Question, Verdict};

mod app_password;
mod authenticator;
mod confirm;
mod device;
mod help;
mod import;
mod in_login;
mod permit;
mod recovery;
mod report;
mod reseal;
mod suspension;
mod synchronize;

use app_password::AppPasswordWish;
pub use help::Issued;
pub use import::{Imported, ImportedDevice, Restored};
pub use permit::Passwords;
pub use report::AccountReport;
pub use reseal::{Resealed, reseal};

/// The service that a proof is recorded under.
const SERVICE: &str = "twostep";

/// Reads and changes one account, for whoever has the [`Authority`].
pub struct AccountManager<S = FilesStore, C = SystemClock> {
    person: Person,
    authority: Authority,
    config: Config,
    store: S,
    clock: C,
    audit: Box<dyn Audit>,
    passwords: Option<Box<dyn Passwords>>,
    /// What is to be logged once the change is recorded.
    lines: RefCell<Vec<String>>,
}

/// Who changes an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// The user: a change of an enrolled account needs a proof.
    User,
    /// Root: needs none.
    Administrator,
    /// A login that passed its first step, of a user who must enroll now.
    Login,
}

impl Authority {
    fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Administrator => "administrator",
            Self::Login => "login",
        }
    }
}

/// A proof that was read and hashed before the lock.
struct HashedProof {
    answer: Option<Answer>,
    source: Source,
}

impl AccountManager {
    /// For a user's own account, in the service.
    ///
    /// # Errors
    /// [`Refused`]: there is no such user, or it is root.
    pub fn for_person(
        person: Result<Option<Person>, LookupError>,
        audit: Box<dyn Audit>,
        passwords: Box<dyn Passwords>,
    ) -> Result<Self, Refused> {
        if matches!(&person, Ok(Some(person)) if person.uid == 0) {
            return Err(Refused::new(Refusal::BadCaller, changes::NOT_FOR_ROOT));
        }
        let manager = Self::open(person, Authority::User, audit)?;
        Ok(Self { passwords: Some(passwords), store: manager.store.opened_by(ProcessKind::Service), ..manager })
    }

    /// For an administrator, to the account of a user.
    ///
    /// # Errors
    /// [`Refused`]: there is no such user.
    pub fn for_administrator(user: &str, audit: Box<dyn Audit>) -> Result<Self, Refused> {
        let person = Person::lookup(user);
        if matches!(person, Ok(None)) {
            let text = changes::no_user(user);
            return Err(Refused::new(Refusal::BadCaller, &text));
        }
        Self::open(person, Authority::Administrator, audit)
    }

    fn open(
        person: Result<Option<Person>, LookupError>,
        authority: Authority,
        audit: Box<dyn Audit>,
    ) -> Result<Self, Refused> {
        let person = person
            .map_err(|error| failed(&error.to_string()))?
            .ok_or_else(|| Refused::new(Refusal::BadCaller, changes::NOBODY))?;
        let loaded = config::load(std::path::Path::new(config::PATH));
        if let Some(trouble) = &loaded.trouble {
            audit.record(&Line::new("configuration").with("error", trouble).finish());
        }
        let store = FilesStore::new(&loaded.config.seal.key_file);
        Ok(Self {
            person,
            authority,
            config: loaded.config,
            store,
            clock: SystemClock,
            audit,
            passwords: None,
            lines: RefCell::default(),
        })
    }

    /// Empties the account of a user who starts over. A file that is invalid is set aside.
    ///
    /// # Errors
    /// [`Refused`]: the account cannot be changed.
    pub fn reset(&self, by: &str) -> Result<Response, Refused> {
        let response = match self.set_broken_aside() {
            Ok(()) => self.empty(by),
            Err(error) => Err(from_store(&error)),
        };
        response.inspect_err(|refused| self.log_refusal(refused))
    }

    fn set_broken_aside(&self) -> Result<(), StoreError> {
        match self.store.find(&self.person) {
            Err(StoreError::Account { .. } | StoreError::Unsafe { .. }) => {
                self.store.set_aside(&self.person, self.clock.now().wall)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
impl<S: Store, C: Clock> AccountManager<S, C> {
    pub(crate) fn for_test(
        person: Person,
        authority: Authority,
        config: Config,
        host: (S, C),
        audit: Box<dyn Audit>,
    ) -> Self {
        let (store, clock) = host;
        Self { person, authority, config, store, clock, audit, passwords: None, lines: RefCell::default() }
    }

    pub(crate) fn with_passwords(self, passwords: Box<dyn Passwords>) -> Self {
        Self { passwords: Some(passwords), ..self }
    }

    pub(crate) fn reset_for_test(&self) -> Result<Response, Refused> {
        self.empty("root")
    }
}

impl<S: Store, C: Clock> AccountManager<S, C> {
    /// Answers one request.
    #[must_use]
    pub fn answer(&self, request: Request) -> Response {
        // A session start asks for this without knowing whether a second step was passed just now.
        let only_asks = matches!(&request, Request::EnsureAppPassword { proof: None, .. });
        let answered = match request {
            Request::Status {} => self.status().map(Response::Status),
            Request::Begin { label, proof, permit, device } => {
                self.begin(label, proof.as_ref(), permit.as_ref(), device.as_ref())
            }
            Request::Replace { label, renew_codes, proof, device } => {
                self.replace(label.as_deref(), renew_codes, &proof, device.as_ref())
            }
            Request::Confirm { code, next } => self.confirm(self.authority.word(), &code, next.as_ref()),
            Request::Synchronize { first, second } => self.synchronize(&first, &second),
            Request::RegenerateRecoveryCodes { proof } => self.regenerate(&proof),
            Request::Remove { label, proof } => self.remove(label.as_deref(), &proof),
            Request::AppPasswords {} => self.app_passwords(),
            Request::CreateAppPassword { label, services, networks, expires_after, proof } => {
                self.create_app_password(AppPasswordWish { label, services, networks, expires_after }, &proof)
            }
            Request::EnsureAppPassword { name, proof } => self.ensure_app_password(&name, proof.as_ref()),
            Request::RevokeAppPasswords { label, proof } => self.revoke_app_passwords(label.as_deref(), &proof),
            Request::Login(_) => Err(Refused::new(Refusal::BadRequest, changes::NOT_ABOUT_AN_ACCOUNT)),
        };
        answered.unwrap_or_else(|refused| {
            if !(only_asks && refused.reason == Refusal::ProofRequired) {
                self.log_refusal(&refused);
            }
            Response::Refused(refused)
        })
    }

    /// Logs why a request was refused. A code that was not accepted has its own line already.
    fn log_refusal(&self, refused: &Refused) {
        let Refused { reason, text } = refused;
        if *reason != Refusal::NotAccepted {
            self.audit.record(&self.event("refused").with("reason", reason).with("detail", text).finish());
        }
    }

    /// Reads a proof for this person, before the lock.
    fn proof(&self, typed: Option<&Typed>) -> Result<HashedProof, Refused> {
        let account = self.store.find(&self.person).map_err(|error| from_store(&error))?;
        let answer = match (typed, account) {
            (Some(typed), Some(account)) => Some(Answer::read(typed, &account)),
            _ => None,
        };
        Ok(HashedProof { answer, source: self.source() })
    }

    /// Holds a proof against the account under its lock. An administrator needs none, and neither
    /// does an account without authenticators.
    fn prove(&self, held: &mut Held, proof: &HashedProof, question: &Question<'_>) -> Result<(), Refused> {
        if !self.needs_proof(held) {
            return Ok(());
        }
        let Some(answer) = &proof.answer else {
            return Err(Refused::new(Refusal::ProofRequired, changes::PROOF_REQUIRED));
        };
        let verdict = verdict::judge(held, answer, question).map_err(|error| from_seal(&error))?.doubting(&self.clock);
        self.record(
            verdict.describe(Line::new(verdict.word()).with("user", &self.person.name).with("service", SERVICE)),
        );
        match &verdict {
            Verdict::Accepted(_) => Ok(()),
            _ => Err(Refused::new(Refusal::NotAccepted, &messages::text(&verdict, &self.config).unwrap_or_default())),
        }
    }

    fn needs_proof(&self, held: &Held) -> bool {
        self.authority != Authority::Administrator && held.account.as_ref().is_some_and(Account::is_enrolled)
    }

    /// Changes the account without a proof.
    fn change<T>(&self, mut change: impl FnMut(&mut Held) -> Result<T, Refused>) -> Result<T, Refused> {
        self.recorded(self.store.update(&self.person, |held| {
            self.lines.take();
            change(held)
        }))
    }

    /// Changes the account, in one step with the proof: see [`AccountManager::prove`].
    fn change_proved<T>(
        &self,
        proof: &HashedProof,
        mut change: impl FnMut(&mut Held, &Question<'_>) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let charge = |held: &mut Held| {
            let (key, source, now) = (self.store.seal_key(), &proof.source, self.clock.now());
            let question = Question { config: &self.config, key, service: SERVICE, source, now };
            if let Some(answer) = proof.answer.as_ref().filter(|_| self.needs_proof(held)) {
                verdict::charge(held, answer, &question);
            }
            question
        };
        self.recorded(self.store.update_charged(&self.person, charge, |held, question| {
            self.lines.take();
            change(held, question)
        }))
    }

    /// Logs what a change came to.
    fn recorded<T>(&self, changed: Result<Result<T, Refused>, StoreError>) -> Result<T, Refused> {
        for warning in self.store.warnings() {
            self.audit.record(&self.event("warning").with("reason", warning).finish());
        }
        let lines = self.lines.take();
        match changed {
            Ok(answer) => {
                lines.iter().for_each(|line| self.audit.record(line));
                answer
            }
            Err(error) => Err(from_store(&error)),
        }
    }

    /// Logs a line when the change that it tells of is recorded, and not under the lock.
    fn record(&self, line: Line) {
        self.lines.borrow_mut().push(line.finish());
    }

    /// Where a change comes from: users by their uid, and root.
    fn source(&self) -> Source {
        match self.authority {
            Authority::Administrator => Source::of(&Origin::default(), &self.config.policy.proxies),
            Authority::User | Authority::Login => Source::of_user(self.person.uid),
        }
    }

    /// An audit line about this person's account.
    fn event(&self, word: &str) -> Line {
        Line::new(word).with("user", &self.person.name).with("by", self.authority.word())
    }
}

fn failed(what: &str) -> Refused {
    Refused::new(Refusal::Failed, &sentence(what))
}

fn no_randomness(error: NoRandomness) -> Refused {
    failed(&error.to_string())
}

fn from_store(error: &StoreError) -> Refused {
    let reason = if error.is_not_set_up() { Refusal::NotSetUp } else { Refusal::Failed };
    Refused::new(reason, &sentence(&error.to_string()))
}

fn from_seal(error: &SealError) -> Refused {
    let reason = if matches!(error, SealError::NoKey { .. }) { Refusal::NotSetUp } else { Refusal::Failed };
    Refused::new(reason, &sentence(&error.to_string()))
}

/// "what is wrong; what to do" as two sentences for a person.
fn sentence(text: &str) -> String {
    let text = text.trim_end_matches('.');
    match text.rsplit_once("; ") {
        Some((what, remedy)) => format!("{}. {}.", capital(what), capital(remedy)),
        None => format!("{}.", capital(text)),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
