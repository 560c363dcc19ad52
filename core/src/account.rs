//! The account: what one user has enrolled, as it lies on the disk.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hex;
use crate::otp::{Algorithm, Parameters, Window};
use crate::recovery::RecoverySet;
use crate::request::{AuthenticatorStatus, RecoveryStatus, SecondStep};
use crate::seal::Belongs;
use crate::throttle::Sums;
use crate::time::{Step, Timestamp};
use crate::username::Username;

/// The form of the file that this program reads and writes.
pub const VERSION: u32 = 1;
/// Sources of successes that are remembered.
const KNOWN_SOURCES: usize = 8;
/// Entries of the history that are kept.
const HISTORY: usize = 50;

/// One user's durable enrollment. Without authenticators it means "not enrolled".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    version: u32,
    /// The user's name, as the file's name says it too.
    pub user: String,
    /// The user's id.
    pub uid: u32,
    /// Until when open_session has shown what there was to notice.
    pub noticed_until: Timestamp,
    /// The sources of the last successes, newest first.
    #[serde(default)]
    pub known_sources: Vec<String>,
    /// Uncleared failures, rounded down to tens: the floor for a ledger that is lost.
    pub failures: Failures,
    /// The day's first passed second step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_second_step: Option<SecondStep>,
    /// An authenticator that waits for its confirmation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingAuthenticator>,
    /// The recovery codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoverySet>,
    /// The confirmed authenticators, oldest first.
    #[serde(default, rename = "authenticator")]
    pub authenticators: Vec<Authenticator>,
    /// What happened to this account, oldest first.
    #[serde(default)]
    pub history: Vec<HistoryEntry>,
}

/// [`Sums`], as they are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failures {
    /// From sources from which this user never succeeded.
    pub strangers: u32,
    /// From sources from which this user has succeeded.
    pub known: u32,
}

/// One enrolled device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authenticator {
    /// Eight random bytes in hex.
    pub id: String,
    /// The user's name for it.
    pub label: String,
    /// The HMAC.
    pub algorithm: Algorithm,
    /// Digits of a code.
    pub digits: u8,
    /// Seconds of a step.
    pub period: u64,
    /// Steps by which the device's clock is ahead of ours.
    pub drift: i32,
    /// The step of the code that confirmed it.
    pub enrolled_step: Step,
    /// When it was confirmed.
    pub added_at: Timestamp,
    /// The secret, sealed.
    pub secret: String,
}

/// An authenticator before its confirmation: inert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingAuthenticator {
    /// When it was made.
    pub created_at: Timestamp,
    /// When it dies.
    pub expires_at: Timestamp,
    /// Whether an enrolled user proved the change, or an administrator made it.
    pub proved: bool,
    /// The authenticator that it becomes.
    pub authenticator: Authenticator,
}

/// One change of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryEntry {
    /// When, in seconds since 1970.
    pub at: i64,
    /// What happened, as the audit line says it.
    pub event: String,
    /// To what, or by whom.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Account {
    /// An account without authenticators.
    #[must_use]
    pub fn new(name: &Username, uid: u32, now: Timestamp) -> Self {
        Self {
            version: VERSION,
            user: name.as_str().to_owned(),
            uid,
            noticed_until: now,
            known_sources: Vec::new(),
            failures: Failures::default(),
            last_second_step: None,
            pending: None,
            recovery: None,
            authenticators: Vec::new(),
            history: Vec::new(),
        }
    }

    /// Reads an account file and holds it against whom it must belong to.
    ///
    /// # Errors
    /// It is no account of this form, or another user's.
    pub fn parse(text: &str, name: &Username, uid: u32) -> Result<Self, AccountError> {
        let text = whole(text).ok_or_else(|| Self::explain_unwhole(text))?;
        let account: Self = toml::from_str(text).map_err(|error| Self::explain(text, &error))?;
        if account.version != VERSION {
            return Err(AccountError::Version(account.version));
        }
        if account.user != name.as_str() || account.uid != uid {
            return Err(AccountError::Mismatch { user: account.user, uid: account.uid });
        }
        let pending = account.pending.iter().map(|pending| &pending.authenticator);
        match account.authenticators.iter().chain(pending).find(|one| !one.parameters().are_possible()) {
            Some(one) => Err(AccountError::Impossible(one.label.clone())),
            None => Ok(account),
        }
    }

    /// The account as the file holds it.
    ///
    /// # Errors
    /// A number does not fit into TOML.
    pub fn to_text(&self) -> Result<String, AccountError> {
        let text = toml::to_string(self).map_err(|_| AccountError::Unwritable)?;
        Ok(format!("{text}{}", last_line(&text)))
    }

    /// Whether at least one authenticator is confirmed.
    #[must_use]
    pub fn is_enrolled(&self) -> bool {
        !self.authenticators.is_empty()
    }

    /// Whether this user has succeeded from this source before.
    #[must_use]
    pub fn knows(&self, source: &str) -> bool {
        self.known_sources.iter().any(|known| known == source)
    }

    /// Remembers a source of a success.
    pub fn remember(&mut self, source: &str) {
        self.known_sources.retain(|known| known != source);
        self.known_sources.insert(0, source.to_owned());
        self.known_sources.truncate(KNOWN_SOURCES);
    }

    /// Adds to the history.
    pub fn record(&mut self, now: Timestamp, event: &str, detail: &str) {
        self.history.push(HistoryEntry { at: now.0, event: event.to_owned(), detail: detail.to_owned() });
        let surplus = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..surplus);
    }

    /// The confirmed authenticators without their secrets.
    #[must_use]
    pub fn authenticator_statuses(&self) -> Vec<AuthenticatorStatus> {
        let status = |one: &Authenticator| AuthenticatorStatus {
            label: one.label.clone(),
            algorithm: one.algorithm.to_string(),
            digits: one.digits,
            period: one.period,
            added_at: one.added_at.0,
        };
        self.authenticators.iter().map(status).collect()
    }

    /// The recovery codes without the codes.
    #[must_use]
    pub fn recovery_status(&self) -> Option<RecoveryStatus> {
        let set = self.recovery.as_ref()?;
        let (left, used) = (set.left(), set.used().collect::<Vec<_>>());
        Some(RecoveryStatus { left, total: left + used.len(), created_at: set.created_at.0, used })
    }

    /// Tells a newer form from a broken file. The parser's own text quotes the line, so it stays out.
    fn explain(text: &str, error: &toml::de::Error) -> AccountError {
        Self::newer(text).unwrap_or_else(|| AccountError::Broken {
            at: crate::config::position(text, error),
            message: error.message().to_owned(),
        })
    }

    /// A newer form may end in another way.
    fn explain_unwhole(text: &str) -> AccountError {
        Self::newer(text).unwrap_or(AccountError::NotWhole)
    }

    fn newer(text: &str) -> Option<AccountError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = toml::from_str(text).ok()?;
        (version > VERSION).then_some(AccountError::Version(version))
    }
}

/// The text without its last line, if that line says that the text is whole.
fn whole(text: &str) -> Option<&str> {
    let start = text.strip_suffix('\n')?.rfind('\n')? + 1;
    let (body, last) = text.split_at_checked(start)?;
    (last == last_line(body)).then_some(body)
}

/// What ends a whole file: a file cut at the end of a table would else read as another account.
fn last_line(body: &str) -> String {
    format!("# sha256 {}\n", hex::encode(&Sha256::digest(body.as_bytes())))
}

impl Authenticator {
    /// What its codes are computed by.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        Parameters { algorithm: self.algorithm, digits: self.digits, period: self.period }
    }

    /// What its sealed secret belongs to.
    #[must_use]
    pub fn belongs<'a>(&'a self, user: &'a str) -> Belongs<'a> {
        Belongs { user, id: &self.id, purpose: "totp" }
    }

    /// The steps of this device that count as now.
    #[must_use]
    pub fn window(&self, now: Timestamp, either_side: u8) -> Window {
        Window { now: now.step(self.period).shifted(self.drift.into()), either_side }
    }

    /// The wall clock's moment at which `step` of this device begins.
    #[must_use]
    pub fn host_time(&self, step: Step) -> Timestamp {
        step.shifted(-i64::from(self.drift)).begins(self.period)
    }
}

impl From<Failures> for Sums {
    fn from(stored: Failures) -> Self {
        Self { strangers: stored.strangers, known: stored.known }
    }
}

impl From<Sums> for Failures {
    /// Rounded down to tens, so that the account is written at each tenth failure only.
    fn from(sums: Sums) -> Self {
        Self { strangers: sums.strangers / 10 * 10, known: sums.known / 10 * 10 }
    }
}

/// Why a file is no account of this user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountError {
    /// It does not parse.
    Broken {
        /// Line and column, from 1.
        at: (usize, usize),
        /// What the parser expected; it quotes nothing.
        message: String,
    },
    /// It was cut short or changed.
    NotWhole,
    /// A newer Twostep wrote it.
    Version(u32),
    /// It belongs to someone else.
    Mismatch {
        /// Whose it says it is.
        user: String,
        /// That one's id.
        uid: u32,
    },
    /// The authenticator of this label has digits or a period that no code has.
    Impossible(String),
    /// It cannot be written as TOML.
    Unwritable,
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken { at: (line, column), message } => {
                write!(
                    f,
                    "it is broken at line {line}, column {column} ({message}); restore it from a backup or reset the user's account"
                )
            }
            Self::NotWhole => {
                f.write_str("it was cut short or changed; restore it from a backup or reset the user's account")
            }
            Self::Version(version) => {
                write!(
                    f,
                    "it has version {version} and this program knows {VERSION}; install the Twostep that wrote it"
                )
            }
            Self::Mismatch { user, uid } => {
                write!(
                    f,
                    "it belongs to the user {user} with uid {uid}; restore the right file or reset the user's account"
                )
            }
            Self::Impossible(label) => {
                write!(
                    f,
                    "its authenticator {label} has impossible digits or period; restore it from a backup or reset the user's account"
                )
            }
            Self::Unwritable => f.write_str("it cannot be written as TOML; report this as a defect"),
        }
    }
}

impl std::error::Error for AccountError {}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    pub(crate) fn authenticator() -> Authenticator {
        Authenticator {
            id: "00112233".into(),
            label: "my \"phone\"\n".into(),
            algorithm: Algorithm::Sha1,
            digits: 6,
            period: 30,
            drift: -3,
            enrolled_step: Step(7),
            added_at: Timestamp(9),
            secret: "c2VhbGVk".into(),
        }
    }

    fn alice() -> Account {
        let mut account = Account::new(&Username::new("alice"), 1000, Timestamp(5));
        let authenticator = authenticator();
        account.authenticators.push(authenticator.clone());
        account.pending = Some(PendingAuthenticator {
            created_at: Timestamp(1),
            expires_at: Timestamp(2),
            proved: true,
            authenticator,
        });
        account.recovery = Some(RecoverySet::generate(2, Timestamp(4)).unwrap().0);
        account.remember("192.0.2.1");
        account.record(Timestamp(3), "enrolled", "phone");
        account
    }

    /// An account file, written once: its recovery codes take a while.
    static TEXT: LazyLock<String> = LazyLock::new(|| alice().to_text().unwrap());

    /// Edits a written account and makes it whole again.
    fn edited(from: &str, to: &str) -> String {
        let text = TEXT.replace(from, to);
        let body = text.split_at(text.trim_end().rfind('\n').unwrap() + 1).0;
        format!("{body}{}", last_line(body))
    }

    fn parse(text: &str) -> Result<Account, AccountError> {
        Account::parse(text, &Username::new("alice"), 1000)
    }

    #[test]
    fn what_is_written_is_read() {
        let text = alice().to_text().unwrap();
        assert_eq!(parse(&text).unwrap(), alice_like(&text));
    }

    /// The same account, its random salt taken from the text.
    fn alice_like(text: &str) -> Account {
        let mut account = alice();
        account.recovery = parse(text).unwrap().recovery;
        account
    }

    #[test]
    fn another_users_file_is_refused() {
        let text = alice().to_text().unwrap();
        let bob = Account::parse(&text, &Username::new("bob"), 1000);
        assert_eq!(bob, Err(AccountError::Mismatch { user: "alice".into(), uid: 1000 }));
        assert!(matches!(Account::parse(&text, &Username::new("alice"), 1001), Err(AccountError::Mismatch { .. })));
    }

    #[test]
    fn a_newer_file_is_named_as_such() {
        assert_eq!(parse(&edited("version = 1", "version = 2\nnews = true")), Err(AccountError::Version(2)));
        assert_eq!(parse("version = 2\n"), Err(AccountError::Version(2)));
    }

    #[test]
    fn an_error_quotes_nothing() {
        let error = parse(&edited("uid = 1000", "uid = hunter2")).unwrap_err().to_string();
        assert!(error.contains("line 3") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn impossible_parameters_are_refused() {
        assert!(matches!(parse(&edited("period = 30", "period = 0")), Err(AccountError::Impossible(_))));
    }

    #[test]
    fn only_the_last_sources_and_events_stay() {
        let mut account = alice();
        for number in 0..60 {
            account.remember(&format!("192.0.2.{}", number % 20));
            account.record(Timestamp(number), "event", "");
        }
        assert_eq!((account.known_sources.len(), account.history.len()), (8, 50));
        assert!(account.knows("192.0.2.19") && !account.knows("192.0.2.1"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,200}") {
            prop_assert!(parse(&text).is_err());
        }

        #[test]
        fn a_truncated_file_is_refused(cut in 1_usize..2000) {
            let short = TEXT.get(..TEXT.len().saturating_sub(cut)).unwrap();
            prop_assert!(parse(short).is_err());
        }

        #[test]
        fn a_changed_file_is_refused(position in 0_usize..10_000) {
            let mut bytes = TEXT.clone().into_bytes();
            let position = position % bytes.len();
            bytes[position] = if bytes[position] == b'1' { b'2' } else { b'1' };
            prop_assert!(parse(std::str::from_utf8(&bytes).unwrap()).is_err());
        }
    }
}
