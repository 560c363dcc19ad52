//! The configuration, `/etc/twostep/config.toml`: one file for module, helper and commands.
//!
//! Every key stands here with its default and its bounds. A file that cannot be read never locks
//! the host and never opens it: [`load`] falls back to the last good copy, and without one to
//! [`Config::strictest`].

use std::fmt;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use crate::otp::{Algorithm, Parameters};
use crate::throttle::Limits;

mod load;

pub use load::{Loaded, load};

/// Where the configuration is, unless the module's `config` option says otherwise.
pub const PATH: &str = "/etc/twostep/config.toml";

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    version: u32,
    /// What new authenticators are like, and how wide now is.
    #[serde(default)]
    pub totp: Totp,
    /// Who must pass.
    #[serde(default)]
    pub policy: Policy,
    /// How much guessing is borne.
    #[serde(default)]
    pub throttle: ThrottleKeys,
    /// Recovery codes.
    #[serde(default)]
    pub recovery: Recovery,
    /// The sealing key.
    #[serde(default)]
    pub seal: Seal,
}

/// `[totp]`: for new enrollments, but for `window`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
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
    /// Authenticators of one user, 1 to 20.
    pub max_authenticators: usize,
}

/// `[policy]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Whether everyone must pass a second step: a user without an authenticator is refused.
    pub required: bool,
    /// Who helps; shown where a login is refused.
    pub contact: Option<String>,
    /// Addresses that stand for many people; they count as no address.
    #[serde(deserialize_with = "networks")]
    pub proxies: Vec<IpNet>,
}

/// `[throttle]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThrottleKeys {
    /// Failures of one source after which it waits, 1 to 100.
    pub failures: u32,
    /// The first wait.
    #[serde(deserialize_with = "duration")]
    pub wait: Duration,
    /// The longest wait.
    #[serde(deserialize_with = "duration")]
    pub max_wait: Duration,
    /// Uncleared failures after which only known sources are judged, 1 to 100.
    pub cap: u32,
}

/// `[recovery]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recovery {
    /// Codes of a new set, 1 to 20.
    pub count: usize,
}

/// `[seal]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seal {
    /// The file of the sealing key.
    pub key_file: String,
}

impl Config {
    /// What counts when there is no configuration to go by: everyone must pass a code.
    #[must_use]
    pub fn strictest() -> Self {
        let policy = Policy { required: true, ..Policy::default() };
        let (totp, throttle, recovery, seal) = <(Totp, ThrottleKeys, Recovery, Seal)>::default();
        Self { version: 1, totp, policy, throttle, recovery, seal }
    }

    /// Reads a configuration and checks every bound.
    ///
    /// # Errors
    /// It does not parse, a key is unknown, or a value is out of bounds.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)
            .map_err(|error| ConfigError { at: Some(position(text, &error)), message: error.message().to_owned() })?;
        match config.out_of_bounds() {
            None => Ok(config),
            Some((key, message)) => Err(ConfigError { at: place_of(text, key), message: format!("{key} {message}") }),
        }
    }

    /// What a new authenticator is like.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        Parameters { algorithm: self.totp.algorithm, digits: self.totp.digits, period: self.totp.period }
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
        let contact = self.policy.contact.as_deref();
        let is_label = |text: &str| {
            !text.is_empty() && text.len() <= 64 && !text.contains(':') && !text.contains(char::is_control)
        };
        let checks = [
            (self.version == 1, "version", "must be 1"),
            (issuer.is_none_or(is_label), "issuer", "must be 1 to 64 bytes without a colon"),
            ((6..=8).contains(&self.totp.digits), "digits", "must be 6, 7 or 8"),
            (matches!(self.totp.period, 30 | 60), "period", "must be 30 or 60"),
            (self.totp.window <= 2, "window", "must be 0, 1 or 2"),
            ((1..=20).contains(&self.totp.max_authenticators), "max_authenticators", "must be 1 to 20"),
            (
                contact.is_none_or(|text| !text.contains(char::is_control) && text.len() <= 200),
                "contact",
                "must be one line of at most 200 bytes",
            ),
            ((1..=100).contains(&self.throttle.failures), "failures", "must be 1 to 100"),
            ((1..=86_400).contains(&self.throttle.wait.as_secs()), "wait", "must be 1s to 24h"),
            ((1..=86_400).contains(&self.throttle.max_wait.as_secs()), "max_wait", "must be 1s to 24h"),
            ((1..=100).contains(&self.throttle.cap), "cap", "must be 1 to 100"),
            ((1..=20).contains(&self.recovery.count), "count", "must be 1 to 20"),
            (self.seal.key_file.starts_with('/'), "key_file", "must be an absolute path"),
        ];
        checks.into_iter().find(|(holds, ..)| !holds).map(|(_, key, message)| (key, message))
    }
}

impl Default for Totp {
    fn default() -> Self {
        Self { issuer: None, algorithm: Algorithm::Sha1, digits: 6, period: 30, window: 1, max_authenticators: 5 }
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

/// Line and column, from 1, of what a parser stumbled over.
pub(crate) fn position(text: &str, error: &toml::de::Error) -> (usize, usize) {
    line_and_column(text, error.span().map_or(0, |span| span.start))
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (line, column)
}

/// Where a key stands, for a value that parsed but is out of bounds.
fn place_of(text: &str, key: &str) -> Option<(usize, usize)> {
    let is_key =
        |line: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    let (index, line) = text.lines().enumerate().find(|(_, line)| is_key(line))?;
    Some((index + 1, line.len() - line.trim_start().len() + 1))
}

/// `90s`, `5m`, `12h` or `14d`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).unwrap_or(("", ""));
    let scale = match unit {
        "s" => Some(1_u64),
        "m" => Some(60),
        "h" => Some(3600),
        "d" => Some(86_400),
        _ => None,
    };
    let number = number.parse::<u64>().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()));
    number
        .zip(scale)
        .and_then(|(number, scale)| number.checked_mul(scale))
        .map(Duration::from_secs)
        .ok_or_else(|| serde::de::Error::custom("expected a duration such as \"90s\", \"5m\", \"12h\" or \"14d\""))
}

/// Addresses and networks; a bare address is a network of one.
fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let network = |text: &String| {
        let bare = text.parse::<std::net::IpAddr>().map(|address| IpNet::from(address.to_canonical()));
        bare.or_else(|_| text.parse::<IpNet>().map(canonical)).map_err(|_| {
            serde::de::Error::custom("expected an address such as \"192.0.2.1\" or a network such as \"192.0.2.0/24\"")
        })
    };
    texts.iter().map(network).collect()
}

/// A network of IPv4-mapped addresses as the IPv4 network that it means.
fn canonical(network: IpNet) -> IpNet {
    let mapped = match network {
        IpNet::V6(network) => network.addr().to_ipv4_mapped().zip(network.prefix_len().checked_sub(96)),
        IpNet::V4(_) => None,
    };
    mapped.and_then(|(address, prefix)| IpNet::new(address.into(), prefix).ok()).unwrap_or(network)
}

/// Why a configuration does not count.
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
            Some((line, column)) => write!(f, "line {line}, column {column}: {}", self.message.replace('\n', " ")),
            None => f.write_str(&self.message.replace('\n', " ")),
        }
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
             [throttle]\nfailures = 3\nwait = \"1m\"\nmax_wait = \"12h\"\ncap = 50\n[recovery]\ncount = 8\n\
             [seal]\nkey_file = \"/k\"\n",
        )
        .unwrap();
        assert_eq!(config.parameters(), Parameters { algorithm: Algorithm::Sha512, digits: 8, period: 60 });
        assert_eq!((config.totp.issuer.as_deref(), config.totp.window), (Some("Example"), 2));
        assert_eq!(config.totp.max_authenticators, 2);
        assert!(config.policy.required);
        let proxies: Vec<String> = config.policy.proxies.iter().map(ToString::to_string).collect();
        assert_eq!(proxies, ["10.0.0.0/8", "192.0.2.0/24"]);
        assert_eq!(config.policy.contact.as_deref(), Some("help"));
        let wait = Duration::from_secs(60);
        assert_eq!(config.limits(), Limits { failures: 3, wait, max_wait: wait * 720, cap: 50 });
        assert_eq!((config.recovery.count, config.seal.key_file.as_str()), (8, "/k"));
    }

    #[test]
    fn an_error_names_line_and_column() {
        assert!(
            refused("version = 1\n[policy]\nrequierd = true\n")
                .starts_with("line 3, column 1: unknown field `requierd`")
        );
        assert!(refused("version = 1\n[totp\n").starts_with("line 2, column "));
        assert_eq!(refused("version = 1\n[totp]\n  digits = 9\n"), "line 3, column 3: digits must be 6, 7 or 8");
        assert!(refused("version = 1\n[throttle]\nwait = \"5\"\n").contains("expected a duration"));
        assert!(refused("version = 1\n[policy]\nproxies = [\"x\"]\n").contains("expected an address"));
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
            ("seal", "key_file = \"seal.key\""),
        ] {
            assert!(refused(&format!("version = 1\n[{table}]\n{line}\n")).starts_with("line 3, column "), "{line}");
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
