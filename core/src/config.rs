//! The configuration, `/etc/twostep/config.toml`: one file for module, helper and commands.
//!
//! Every key stands here with its default and its bounds. A file that cannot be read never locks
//! the host and never opens it: [`load`] falls back to the last good copy, and without one to
//! [`Config::strictest`].

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::app_password::is_service;
use crate::document::{self, Fault};
use crate::otp::{Algorithm, MovingFactor, OtpParameters};
use crate::throttle::Limits;

mod app_password;
mod callers;
mod load;
mod policy;

pub use app_password::{AppPasswordConfig, Auto};
pub use callers::ListedCaller;
pub use load::{Loaded, load};
pub use policy::{AfterGrace, Enrollment, Policy};

/// Where the configuration is, unless the module's `config` option says otherwise.
pub use protocol::options::CONFIG as PATH;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    version: u32,
    /// What new authenticators are like, and how wide now is.
    #[serde(default, deserialize_with = "document::table")]
    pub totp: Totp,
    /// Who must pass.
    #[serde(default, deserialize_with = "document::table")]
    pub policy: Policy,
    /// How much guessing is borne.
    #[serde(default, deserialize_with = "document::table")]
    pub throttle: ThrottleKeys,
    /// Recovery codes.
    #[serde(default, deserialize_with = "document::table")]
    pub recovery: Recovery,
    /// Application passwords.
    #[serde(default, deserialize_with = "document::table")]
    pub app_password: AppPasswordConfig,
    /// System users whose programs may log in others.
    #[serde(default, deserialize_with = "document::tables")]
    pub callers: Vec<ListedCaller>,
    /// The sealing key.
    #[serde(default, deserialize_with = "document::table")]
    pub seal: Seal,
}

/// `[totp]`: for new enrollments, but for `window`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Totp {
    /// Who issues the secret, as the phone shows it; the host name when it is not given.
    pub issuer: Option<String>,
    /// The HMAC.
    pub algorithm: Algorithm,
    /// Digits of a code, 6 to 8.
    pub digits: u8,
    /// Seconds of a step, 30 or 60.
    pub period: u64,
    /// Steps accepted either side of now, 0 to 2, for every authenticator.
    pub window: u8,
    /// How far off a device's clock is recognised, either side, and put right by two codes; at most
    /// 30 minutes, and zero turns both off.
    #[serde(deserialize_with = "document::one")]
    pub resync_range: Duration,
    /// Authenticators of one user, 1 to 20.
    pub max_authenticators: usize,
}

/// `[throttle]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThrottleKeys {
    /// Failures of one source after which it waits, 1 to 100.
    pub failures: u32,
    /// The first wait.
    #[serde(deserialize_with = "document::one")]
    pub wait: Duration,
    /// The longest wait.
    #[serde(deserialize_with = "document::one")]
    pub max_wait: Duration,
    /// Uncleared failures after which only known sources are judged, 1 to 100.
    pub cap: u32,
}

/// `[recovery]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recovery {
    /// Codes of a new set, 1 to 20.
    pub count: usize,
}

/// `[seal]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seal {
    /// The file of the sealing key.
    pub key_file: String,
}

impl Config {
    /// What counts when there is no configuration to go by: everyone must pass a code.
    #[must_use]
    pub fn strictest() -> Self {
        let policy = Policy { required: true, ..Policy::default() };
        let (totp, throttle, recovery, app_password, callers, seal) = Default::default();
        Self { version: 1, totp, policy, throttle, recovery, app_password, callers, seal }
    }

    /// Reads a configuration and checks every bound.
    ///
    /// # Errors
    /// It does not parse, a key is unknown, or a value is out of bounds.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = document::read(text)?;
        match config.out_of_bounds() {
            None => Ok(config),
            Some((key, message)) => Err(ConfigError { at: place_of(text, key), message: format!("{key} {message}") }),
        }
    }

    /// What a new authenticator is like.
    #[must_use]
    pub fn parameters(&self) -> OtpParameters {
        let Totp { algorithm, digits, period, .. } = self.totp;
        OtpParameters { algorithm, digits, factor: MovingFactor::Time { period } }
    }

    /// How much guessing is borne.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let ThrottleKeys { failures, wait, max_wait, cap } = self.throttle;
        Limits { failures, wait, max_wait, cap }
    }

    /// The first key whose value is impossible, and what it may be.
    fn out_of_bounds(&self) -> Option<(&'static str, &'static str)> {
        let issuer = self.totp.issuer.as_deref();
        let is_label = |text: &str| {
            !text.is_empty() && text.len() <= 64 && !text.contains(':') && !text.contains(char::is_control)
        };
        let checks = [
            (self.version == 1, "version", "must be 1"),
            (issuer.is_none_or(is_label), "issuer", "must be 1 to 64 bytes without a colon"),
            ((6..=8).contains(&self.totp.digits), "digits", "must be 6, 7 or 8"),
            (matches!(self.totp.period, 30 | 60), "period", "must be 30 or 60"),
            (self.totp.window <= 2, "window", "must be 0, 1 or 2"),
            (self.totp.resync_range.as_secs() <= 1800, "resync_range", "must be 0 to 30m"),
            ((1..=20).contains(&self.totp.max_authenticators), "max_authenticators", "must be 1 to 20"),
            ((1..=100).contains(&self.throttle.failures), "failures", "must be 1 to 100"),
            ((1..=86_400).contains(&self.throttle.wait.as_secs()), "wait", "must be 1s to 24h"),
            ((1..=86_400).contains(&self.throttle.max_wait.as_secs()), "max_wait", "must be 1s to 24h"),
            ((1..=100).contains(&self.throttle.cap), "cap", "must be 1 to 100"),
            ((1..=20).contains(&self.recovery.count), "count", "must be 1 to 20"),
            (
                self.app_password.interactive_services.iter().all(|name| is_service(name)),
                "interactive_services",
                "must be names of PAM services",
            ),
            ((1..=50).contains(&self.app_password.max), "max", "must be 1 to 50"),
            (self.app_password.unused.as_secs() > 0, "unused", "must be at least 1s"),
            (self.app_password.presets_differ(), "name", "must be another one for each preset"),
            (self.app_password.presets_are_for_programs(), "services", "must not be interactive"),
            (callers::differ(&self.callers), "user", "must be another one for each of callers"),
            (self.seal.key_file.starts_with('/'), "key_file", "must be an absolute path"),
        ];
        let mut checks = self.policy.checks().into_iter().chain(checks);
        checks.find(|(holds, ..)| !holds).map(|(_, key, message)| (key, message))
    }
}

impl Default for Totp {
    fn default() -> Self {
        Self {
            issuer: None,
            algorithm: Algorithm::Sha1,
            digits: 6,
            period: 30,
            window: 1,
            resync_range: Duration::from_secs(600),
            max_authenticators: 5,
        }
    }
}

impl Default for ThrottleKeys {
    fn default() -> Self {
        Self { failures: 5, wait: Duration::from_secs(5), max_wait: Duration::from_secs(3600), cap: 100 }
    }
}

impl Default for Recovery {
    fn default() -> Self {
        Self { count: 10 }
    }
}

impl Default for Seal {
    fn default() -> Self {
        Self { key_file: "/etc/twostep/seal.key".into() }
    }
}

/// Where a key stands, for a value that parsed but is out of bounds.
fn place_of(text: &str, key: &str) -> Option<(usize, usize)> {
    let is_key =
        |line: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    let (index, line) = text.lines().enumerate().find(|(_, line)| is_key(line))?;
    Some((index + 1, line.len() - line.trim_start().len() + 1))
}

/// Why a configuration is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Line and column, from 1, where there is a place.
    pub at: Option<(usize, usize)>,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "line {line}, column {column}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl From<Fault> for ConfigError {
    fn from(Fault { at, message }: Fault) -> Self {
        Self { at: Some(at), message }
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> String {
        Config::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_smallest_configuration_has_the_defaults() {
        let config = Config::parse("version = 1").unwrap();
        assert_eq!(config, Config { policy: Policy::default(), ..Config::strictest() });
        assert_eq!((config.totp.digits, config.totp.window, config.recovery.count), (6, 1, 10));
        assert_eq!(config.limits().max_wait, Duration::from_secs(3600));
    }

    #[test]
    fn every_key_is_read() {
        let config = Config::parse(
            "version = 1\n[totp]\nissuer = \"Example\"\nalgorithm = \"SHA512\"\ndigits = 8\nperiod = 60\nwindow = 2\n\
             max_authenticators = 2\n[policy]\nrequired = true\ncontact = \"help\"\nproxies = [\"10.0.0.0/8\", \"::ffff:192.0.2.0/120\"]\n\
             max_suspension = \"2d\"\n\
             [app_password]\ninteractive_services = [\"Sudo\"]\nmax = 9\nunused = \"30d\"\n\
             [[app_password.auto]]\nname = \"mail\"\nservices = [\"Dovecot\"]\nexpires = \"1d\"\n\
             [throttle]\nfailures = 3\nwait = \"1m\"\nmax_wait = \"12h\"\ncap = 50\n[recovery]\ncount = 8\n\
             [seal]\nkey_file = \"/k\"\n",
        )
        .unwrap();
        assert_eq!(
            config.parameters(),
            OtpParameters { algorithm: Algorithm::Sha512, digits: 8, factor: MovingFactor::Time { period: 60 } }
        );
        assert_eq!((config.totp.issuer.as_deref(), config.totp.window), (Some("Example"), 2));
        assert_eq!(config.totp.max_authenticators, 2);
        assert!(config.policy.required);
        let proxies: Vec<String> = config.policy.proxies.iter().map(ToString::to_string).collect();
        assert_eq!(proxies, ["10.0.0.0/8", "192.0.2.0/24"]);
        assert_eq!(config.policy.contact.as_deref(), Some("help"));
        let wait = Duration::from_secs(60);
        assert_eq!(config.limits(), Limits { failures: 3, wait, max_wait: wait * 720, cap: 50 });
        assert_eq!(config.policy.max_suspension, wait * 60 * 48);
        let AppPasswordConfig { interactive_services, max, unused, auto } = config.app_password;
        assert_eq!((interactive_services, max, unused), (vec!["sudo".to_owned()], 9, wait * 60 * 24 * 30));
        let mail = Auto { name: "mail".into(), services: vec!["dovecot".into()], expires: Some(wait * 60 * 24) };
        assert_eq!(auto, [mail]);
        assert_eq!((config.recovery.count, config.seal.key_file.as_str()), (8, "/k"));
    }

    /// As lists they would read as the defaults, which require nothing.
    #[test]
    fn a_list_is_no_table() {
        for name in ["totp", "policy", "throttle", "recovery", "app_password", "seal"] {
            let said = refused(&format!("version = 1\n{name} = []\n"));
            assert!(said.starts_with("line 2, ") && said.contains("a table"), "{said}");
        }
        let said = refused("version = 1\n[app_password]\nauto = [[\"mail\", [\"dovecot\"]]]\n");
        assert!(said.starts_with("line 3, ") && said.contains("a table"), "{said}");
    }

    #[test]
    fn an_error_names_line_and_column() {
        assert!(
            refused("version = 1\n[policy]\nrequierd = true\n")
                .starts_with("line 3, column 1: unknown field `requierd`")
        );
        assert!(refused("version = 1\n[totp\n").starts_with("line 2, column "));
        assert_eq!(refused("version = 1\n[totp]\n  digits = 9\n"), "line 3, column 3: digits must be 6, 7 or 8");
        assert!(refused("version = 1\n[throttle]\nwait = \"5\"\n").contains("throttle.wait must be a duration"));
        assert!(refused("version = 1\n[policy]\nproxies = [\"x\"]\n").contains("policy.proxies must be an address"));
        assert!(refused("").contains("missing field `version`"));
    }

    #[test]
    fn every_bound_holds() {
        for (table, line) in [
            ("totp", "issuer = \"a:b\""),
            ("totp", "issuer = \"\""),
            ("totp", "digits = 5"),
            ("totp", "period = 31"),
            ("totp", "window = 3"),
            ("totp", "max_authenticators = 0"),
            ("totp", "algorithm = \"MD5\""),
            ("policy", "contact = \"a\\nb\""),
            ("throttle", "failures = 0"),
            ("throttle", "wait = \"0s\""),
            ("throttle", "max_wait = \"2d\""),
            ("throttle", "cap = 101"),
            ("recovery", "count = 0"),
            ("policy", "max_suspension = \"31d\""),
            ("app_password", "interactive_services = [\"a b\"]"),
            ("app_password", "max = 51"),
            ("app_password", "unused = \"0s\""),
            ("seal", "key_file = \"seal.key\""),
        ] {
            assert!(refused(&format!("version = 1\n[{table}]\n{line}\n")).starts_with("line 3, column "), "{line}");
        }
        for preset in [
            "name = \"\"\nservices = [\"dovecot\"]",
            "name = \"../a\"\nservices = [\"dovecot\"]",
            "name = \".a\"\nservices = [\"dovecot\"]",
            "name = \"a\"\nservices = []",
            "name = \"a\"",
            "name = \"a\"\nservices = [\"sshd\"]",
            "name = \"a\"\nservices = [\"dovecot\"]\nexpires = \"0d\"",
            "name = \"a\"\nservices = [\"dovecot\"]\n[[app_password.auto]]\nname = \"a\"\nservices = [\"smtp\"]",
        ] {
            refused(&format!("version = 1\n[[app_password.auto]]\n{preset}\n"));
        }
        assert_eq!(refused("version = 2"), "line 1, column 1: version must be 1");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,200}") {
            let _ = Config::parse(&text);
        }
    }
}
