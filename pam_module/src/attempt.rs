//! One login at one line of the PAM stack: what the program says of it, and what log and person are
//! told about it.

use std::fmt;

use twostep_core::audit::{Line, printable};
use twostep_core::config::{self, Config};
use twostep_core::store::files::FilesStore;
use twostep_core::throttle::Origin;
use twostep_core::username::{LookupError, Person};
use twostep_core::words;

use crate::ffi::{Host, Item, Priority, Style, process_users};
use crate::hand_over::Outcome;
use crate::options::Options;

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

/// How a phase ended for the person.
#[derive(Debug)]
pub struct Ended {
    /// What it comes to.
    pub outcome: Outcome,
    /// What the log says beside who and where from: `key=value` pairs.
    pub pairs: String,
    /// What the person is told, if the first step is proved in case of a refusal.
    pub text: Option<String>,
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

    /// Logs how it ended, and tells the person. Who has not proved the first step learns from a
    /// refusal only that it is one.
    pub fn report(&self, ended: &Ended) {
        let (word, priority, style) = match ended.outcome {
            Outcome::Accepted => ("accepted", Priority::Info, Style::Notice),
            Outcome::NotAsked => ("not-asked", Priority::Info, Style::Notice),
            Outcome::MustEnroll | Outcome::Refused => ("refused", Priority::Notice, Style::Error),
        };
        self.host.log(priority, &format!("{} {}", self.line(word).finish(), ended.pairs.trim()));
        let trusted = style == Style::Notice || self.is_first_step_proved();
        match &ended.text {
            Some(text) if trusted => self.host.tell(style, text),
            Some(_) => self.host.tell(style, words::GENERIC),
            None => {}
        }
        self.report_configuration(trusted);
    }

    /// Logs that something failed, and tells the person no more than that.
    pub fn report_failure(&self, reason: impl fmt::Display) {
        self.log_failure(reason);
        self.host.tell(Style::Error, &words::failed(&self.config));
        self.report_configuration(self.is_first_step_proved());
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

    fn is_first_step_proved(&self) -> bool {
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
