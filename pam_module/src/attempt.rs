//! One login at one line of the PAM stack: what the program says of it, and what log and person are
//! told about it.

use std::fmt;

use twostep_core::audit::{Line, printable};
use twostep_core::config::{self, Config};
use twostep_core::login::{self, Claims, LoginError};
use twostep_core::store::Store;
use twostep_core::store::files::FilesStore;
use twostep_core::throttle::Origin;
use twostep_core::username::{LookupError, Person};
use twostep_core::words;

use crate::ended::Ended;
use crate::failed::Failed;
use crate::ffi::{Host, Item, Priority, Style, process_users};
use crate::hand_over::{HandOver, Outcome};
use crate::unsaid;
use twostep_core::options::{Mode, Options};

/// One login at one line of the PAM stack.
pub struct Attempt<'a> {
    /// The program, through libpam.
    pub host: &'a Host<'a>,
    /// The line.
    pub options: &'a Options,
    /// The configuration that counts.
    pub config: Config,
    /// Who logs in, as the user database knows them; `None` if it does not.
    pub person: Result<Option<Person>, LookupError>,
    /// To which PAM service.
    pub service: String,
    trouble: Option<String>,
    user: String,
    rhost: Option<String>,
    tty: Option<String>,
}

impl<'a> Attempt<'a> {
    /// Gathers what the program says, and reads the configuration.
    pub fn new(host: &'a Host<'a>, options: &'a Options, user: String) -> Self {
        let loaded = config::load(&options.config);
        Self {
            host,
            options,
            config: loaded.config,
            trouble: loaded.trouble,
            person: Person::lookup(&user),
            service: host.item(Item::Service).unwrap_or_default(),
            user,
            rhost: host.item(Item::RemoteHost),
            tty: host.item(Item::Terminal),
        }
    }

    /// Where the login comes from, for the throttle.
    pub fn origin(&self) -> Origin {
        Origin { rhost: self.rhost.clone(), tty: self.tty.clone(), real_uid: process_users().0 }
    }

    /// The store of this host.
    pub fn store(&self) -> FilesStore {
        FilesStore::new(&self.config.seal.key_file)
    }

    /// This login, for the judges.
    pub fn login(&self, person: &Person) -> login::Attempt {
        let claims = Claims {
            service: self.service.clone(),
            origin: self.origin(),
            shape: self.options.shape,
            first_step_passed: self.is_first_step_proved(),
        };
        login::Attempt::from_root(person.clone(), claims)
    }

    /// Leaves an outcome to the account phase. A refused code leaves nothing, as if we had not been
    /// asked; a line for programs stands where a stack may let the next module overrule it.
    ///
    /// # Errors
    /// libpam has no memory for it.
    pub fn hand_over(&self, person: &Person, outcome: Outcome) -> Result<(), Failed> {
        if outcome == Outcome::Refused && self.options.mode != Mode::AppPassword {
            return Ok(());
        }
        let user = person.name.as_str().to_owned();
        HandOver { user, service: self.service.clone(), outcome }.leave(self.host).map_err(Failed::Pam)
    }

    /// Logs how it ended, and tells the person. What is not worth a line of its own is no occasion to
    /// complain about the configuration either.
    pub fn report(&self, ended: &Ended) {
        let (word, priority, style) = match ended.outcome {
            Outcome::CodeAccepted | Outcome::Accepted => ("accepted", Priority::Info, Style::Notice),
            Outcome::NotAsked | Outcome::NobodyAsked | Outcome::EnrollsNow => {
                ("not-asked", Priority::Info, Style::Notice)
            }
            Outcome::MustEnroll | Outcome::Refused => ("refused", Priority::Notice, Style::Error),
        };
        if let Some(pairs) = &ended.pairs {
            self.host.log(priority, &format!("{} {}", self.line(word).finish(), pairs.trim()));
        }
        if let Some(text) = &ended.text {
            self.tell(style, if self.may_hear(ended.outcome) { text } else { words::GENERIC });
        }
        if ended.pairs.is_some() {
            self.report_configuration(self.is_trusted(ended.outcome));
        }
    }

    /// Tells the person something, or keeps what a refusal says for the next question.
    fn tell(&self, style: Style, text: &str) {
        if self.host.is_silent() && style == Style::Error {
            unsaid::keep(self.host, &self.user, text);
        } else {
            self.host.tell(style, text);
        }
    }

    /// The question. One for a password stays as programs know it.
    pub fn question(&self) -> String {
        let question = self.options.question();
        if self.options.brings_password() {
            return question.to_owned();
        }
        unsaid::before(self.host, &self.user, question)
    }

    /// Who has not proved the first step learns from a refusal only that it is one. Texts about
    /// application passwords are safe already: the exact ones are for who has the password.
    fn may_hear(&self, outcome: Outcome) -> bool {
        self.options.mode == Mode::AppPassword || self.is_trusted(outcome)
    }

    /// Whether this is the person: a line for application passwords stands before the first step,
    /// so that it knows by the password alone.
    fn is_trusted(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::CodeAccepted | Outcome::Accepted => true,
            Outcome::NobodyAsked => false,
            Outcome::NotAsked => true,
            Outcome::MustEnroll | Outcome::EnrollsNow | Outcome::Refused => self.is_first_step_proved(),
        }
    }

    /// Logs why there is no verdict, and tells the person no more than what works meanwhile.
    pub fn report_failed(&self, failed: Failed) {
        match failed {
            Failed::Login(LoginError::Seal(error)) => self.tell_failure(&error, &words::sealed(&self.config)),
            failed => self.report_failure(failed),
        }
    }

    /// Logs that something failed, and tells the person no more than that.
    pub fn report_failure(&self, reason: impl fmt::Display) {
        self.tell_failure(reason, &words::failed(&self.config));
    }

    fn tell_failure(&self, reason: impl fmt::Display, text: &str) {
        self.log_failure(reason);
        self.tell(Style::Error, text);
        self.report_configuration(self.is_first_step_proved());
    }

    /// Logs what the store found strange. No login fails for it.
    pub fn log_strange(&self, store: &impl Store) {
        for strange in store.strange() {
            self.host.log(Priority::Error, &self.line("strange").with("reason", strange).finish());
        }
    }

    /// Logs that something failed.
    pub fn log_failure(&self, reason: impl fmt::Display) {
        self.host.log(Priority::Error, &self.line("error").with("reason", reason).finish());
    }

    /// Logs why the configuration file does not count, and says so to those who are trusted. In a
    /// process that is not root, the helper has its own configuration and logs what is wrong.
    fn report_configuration(&self, trusted: bool) {
        let Some(trouble) = self.trouble.as_ref().filter(|_| process_users().1 == 0) else { return };
        self.host.log(Priority::Error, &Line::new("configuration").with("trouble", trouble).finish());
        if trusted {
            self.host.tell(Style::Notice, &printable(trouble));
        }
    }

    fn line(&self, word: &str) -> Line {
        let user = match &self.person {
            Ok(Some(person)) => person.name.as_str(),
            _ => &self.user,
        };
        Line::new(word).with("user", user).with("service", &self.service).with_some("rhost", self.rhost.as_ref())
    }

    pub fn is_first_step_proved(&self) -> bool {
        self.options.after_first_step || key_was_accepted(self.host)
    }
}

/// Whether sshd has accepted a key for this login: it says so in the PAM environment, one line for
/// each method that succeeded.
pub fn key_was_accepted(host: &Host<'_>) -> bool {
    host.environment(c"SSH_AUTH_INFO_0").is_some_and(|methods| names_a_key(&methods))
}

fn names_a_key(methods: &str) -> bool {
    methods.lines().any(|line| line.starts_with("publickey "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_of_its_own_names_a_key() {
        assert!(names_a_key("publickey ssh-ed25519 AAAAC3Nz"));
        assert!(names_a_key("password\npublickey ssh-rsa AAAAB3Nz\n"));
        for methods in ["", "password", "publickey", "keyboard-interactive publickey ", "hostbased\n publickey x"] {
            assert!(!names_a_key(methods), "{methods}");
        }
    }
}
