//! The account: what one user has enrolled, as it lies on the disk.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::app_password::AppPasswords;
use crate::otp::{Algorithm, MovingFactor, OtpParameters, Window};
use crate::recovery::RecoverySet;
use crate::request::{AuthenticatorStatus, Kind, RecoveryStatus, SecondStep};
use crate::seal::{Belongs, SealError, SealKey};
use crate::throttle::{Class, Source, Sums};
use crate::time::{Step, Timestamp};
use crate::username::Username;

mod file;
mod invite;
mod suspension;
mod tombstones;

pub use file::AccountError;
pub use invite::Invite;
pub use suspension::Suspension;

/// The form of the file that this program reads and writes.
pub const VERSION: u32 = 1;
/// Sources of successes that are remembered.
const KNOWN_SOURCES: usize = 8;
/// Entries of the history that are kept.
const HISTORY: usize = 50;
/// Codes after the next one that count of a device that counts.
const LOOK_AHEAD: u64 = 10;
/// Codes after the next one among which two that follow each other are looked for.
const LOST_PRESSES: u64 = 100;

/// One user's durable enrollment. Without authenticators it means "not enrolled".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    version: u32,
    /// The user's name, as the file's name says it too.
    pub user: String,
    /// The user's id.
    pub uid: u32,
    /// Until when open_session has shown what there was to notice.
    pub noticed_until: Timestamp,
    /// When the user's own time to enroll began: at the first login after it was required, or at a
    /// reset.
    pub grace_since: Option<Timestamp>,
    /// The sources of the last successes, newest first.
    #[serde(default)]
    pub known_sources: Vec<String>,
    /// Uncleared failures, rounded down to tens: the floor for a ledger that is lost.
    pub failures: Failures,
    /// The day's first passed second step.
    pub last_second_step: Option<SecondStep>,
    /// An authenticator that waits for its confirmation.
    pub pending: Option<PendingAuthenticator>,
    /// The recovery codes.
    pub recovery: Option<RecoverySet>,
    /// The confirmed authenticators, oldest first.
    #[serde(default, rename = "authenticator", skip_serializing_if = "Vec::is_empty")]
    pub authenticators: Vec<Authenticator>,
    /// The application passwords.
    pub app_passwords: Option<AppPasswords>,
    /// An invitation to enroll.
    pub invite: Option<Invite>,
    /// While an administrator has switched the second step off.
    pub suspension: Option<Suspension>,
    /// What happened to this account, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryEntry>,
}

/// [`Sums`], as they are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// From sources from which this user never succeeded.
    pub strangers: u32,
    /// From sources from which this user has succeeded.
    pub known: u32,
    /// From sources that may be anyone.
    #[serde(default)]
    pub anyone: u32,
    /// From those of listed callers.
    #[serde(default)]
    pub callers: u32,
}

/// One enrolled device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authenticator {
    /// Eight random bytes in hex.
    pub id: String,
    /// The user's name for it.
    pub label: String,
    /// The HMAC.
    pub algorithm: Algorithm,
    /// Digits of a code.
    pub digits: u8,
    /// How far the device has come.
    #[serde(flatten)]
    pub progress: Progress,
    /// When it was confirmed.
    pub added_at: Timestamp,
    /// The secret, sealed.
    pub secret: String,
}

/// How far a device has come, as far as the disk knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a device with next_counter, or with period, drift and spent_step")]
pub enum Progress {
    /// By the codes that it has shown: HOTP.
    Counter {
        /// The counter of the next code that counts.
        #[serde(rename = "next_counter")]
        next: Step,
    },
    /// By its clock: TOTP.
    Time {
        /// Seconds of a step.
        period: u64,
        /// Steps by which the device's clock is ahead of ours.
        drift: i32,
        /// A step that is used up, and all before it: the one that confirmed the device, or the one by
        /// which the drift was last corrected.
        #[serde(rename = "spent_step")]
        spent: Step,
        /// When two codes last put the drift right.
        resynchronized_at: Option<Timestamp>,
    },
}

impl Progress {
    /// What changes from code to code.
    #[must_use]
    pub fn factor(&self) -> MovingFactor {
        match self {
            Self::Time { period, .. } => MovingFactor::Time { period: *period },
            Self::Counter { .. } => MovingFactor::Counter,
        }
    }
}

/// An authenticator before its confirmation: inert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingAuthenticator {
    /// When it was made.
    pub created_at: Timestamp,
    /// When it dies.
    pub expires_at: Timestamp,
    /// Whether an enrolled user proved the change, or an administrator made it.
    pub proved: bool,
    /// Who began it, and nobody else confirms it: `user`, `administrator`, or `login` with the source of
    /// the login, which is shown it again.
    pub begun_by: String,
    /// How many codes were given to confirm it.
    pub tries: u32,
    /// The id of the authenticator that goes when this one is confirmed.
    pub replaces: Option<String>,
    /// Whether its confirmation makes new recovery codes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub renews_codes: bool,
    /// The authenticator that it becomes.
    pub authenticator: Authenticator,
}

/// One change of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
            grace_since: None,
            known_sources: Vec::new(),
            failures: Failures::default(),
            last_second_step: None,
            pending: None,
            recovery: None,
            authenticators: Vec::new(),
            app_passwords: None,
            invite: None,
            suspension: None,
            history: Vec::new(),
        }
    }

    /// The same account, sealed by another key. What waits for its confirmation is left out.
    ///
    /// # Errors
    /// A secret does not open by `from`, or the kernel gave no random bytes.
    pub fn resealed(&self, from: &SealKey, to: &SealKey) -> Result<Self, SealError> {
        let mut account = Self { pending: None, ..self.clone() };
        for one in &mut account.authenticators {
            let secret = from.open(&one.secret, one.belongs(&self.user))?;
            one.secret = to.seal(&secret, one.belongs(&self.user))?;
        }
        Ok(account)
    }

    /// Seals by the newest key what an earlier one sealed. Whether anything was, and the labels of what
    /// no key opens.
    ///
    /// # Errors
    /// The kernel gave no random bytes.
    pub fn reseal(&mut self, key: &SealKey) -> Result<(bool, Vec<String>), SealError> {
        let (mut changed, mut lost) = (false, Vec::new());
        let pending = self.pending.iter_mut().map(|pending| &mut pending.authenticator);
        for one in self.authenticators.iter_mut().chain(pending) {
            match key.reseal(&one.secret, one.belongs(&self.user)) {
                Ok(None) => {}
                Ok(Some(secret)) => (one.secret, changed) = (secret, true),
                Err(SealError::DoesNotOpen) => lost.push(one.label.clone()),
                Err(error) => return Err(error),
            }
        }
        Ok((changed, lost))
    }

    /// Whether at least one authenticator is confirmed.
    #[must_use]
    pub fn is_enrolled(&self) -> bool {
        !self.authenticators.is_empty()
    }

    /// The numbers of digits that codes of this user's devices have, fewest first.
    #[must_use]
    pub fn digits(&self) -> Vec<u8> {
        let mut digits: Vec<u8> = self.authenticators.iter().map(|one| one.digits).collect();
        digits.sort_unstable();
        digits.dedup();
        digits
    }

    /// What this source is to this user.
    #[must_use]
    pub fn class_of(&self, source: &Source) -> Class {
        if source.is_callers() {
            Class::Caller
        } else if source.is_anyone() {
            Class::Anyone
        } else if self.known_sources.iter().any(|known| known == source.as_str()) {
            Class::Known
        } else {
            Class::Stranger
        }
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
        self.authenticators.iter().map(Authenticator::status).collect()
    }

    /// The recovery codes without the codes.
    #[must_use]
    pub fn recovery_status(&self) -> Option<RecoveryStatus> {
        let set = self.recovery.as_ref()?;
        let (left, used) = (set.left(), set.used().collect::<Vec<_>>());
        let are_imported = set.are_imported();
        Some(RecoveryStatus { left, total: left + used.len(), created_at: set.created_at.0, used, are_imported })
    }
}

impl Authenticator {
    /// What its codes are computed by.
    #[must_use]
    pub fn parameters(&self) -> OtpParameters {
        OtpParameters { algorithm: self.algorithm, digits: self.digits, factor: self.progress.factor() }
    }

    /// What its sealed secret belongs to.
    #[must_use]
    pub fn belongs<'a>(&'a self, user: &'a str) -> Belongs<'a> {
        Belongs { user, id: &self.id, purpose: "totp" }
    }

    /// The steps of this device that count as now. For one that counts: the code before the next
    /// one, which is known as spent, the next one and [`LOOK_AHEAD`] more (RFC 4226 §7.4).
    #[must_use]
    pub fn window(&self, now: Timestamp, either_side: u8) -> Window {
        match self.progress {
            Progress::Time { .. } => Window::around(self.expected(now), either_side.into(), either_side.into()),
            Progress::Counter { next } => Window::around(next, 1, LOOK_AHEAD),
        }
    }

    /// The steps among which a code is looked for that does not count as now: those within `range`
    /// of the host's own clock, or the next [`LOST_PRESSES`] of a device that counts.
    #[must_use]
    pub fn reach(&self, now: Timestamp, range: Duration) -> Window {
        match self.progress {
            Progress::Time { period, .. } => {
                let either_side = range.as_secs().checked_div(period).unwrap_or(0);
                Window::around(now.step(period), either_side, either_side)
            }
            Progress::Counter { next } => Window::around(next, 0, LOST_PRESSES),
        }
    }

    /// The step that this device should be at.
    #[must_use]
    pub fn expected(&self, now: Timestamp) -> Step {
        match self.progress {
            Progress::Time { period, drift, .. } => now.step(period).shifted(drift.into()),
            Progress::Counter { next } => next,
        }
    }

    /// Steps by which a step of this device is ahead of the host's own clock, or of the counter.
    #[must_use]
    pub fn ahead(&self, step: Step, now: Timestamp) -> i64 {
        let here = match self.progress {
            Progress::Time { period, .. } => now.step(period),
            Progress::Counter { next } => next,
        };
        step.0.cast_signed().saturating_sub(here.0.cast_signed())
    }

    /// The wall clock's moment at which `step` of this device begins, if it goes by a clock.
    #[must_use]
    pub fn host_time(&self, step: Step) -> Option<Timestamp> {
        match self.progress {
            Progress::Time { period, drift, .. } => Some(step.shifted(-i64::from(drift)).begins(period)),
            Progress::Counter { .. } => None,
        }
    }

    /// When two codes last put its clock right.
    #[must_use]
    pub fn resynchronized_at(&self) -> Option<Timestamp> {
        match self.progress {
            Progress::Time { resynchronized_at, .. } => resynchronized_at,
            Progress::Counter { .. } => None,
        }
    }

    fn status(&self) -> AuthenticatorStatus {
        let (kind, period, clock_ahead) = match self.progress {
            Progress::Time { period, drift, .. } => {
                (Kind::Totp, Some(period), Some(i64::from(drift) * period.cast_signed()))
            }
            Progress::Counter { .. } => (Kind::Hotp, None, None),
        };
        AuthenticatorStatus {
            label: self.label.clone(),
            kind,
            algorithm: self.algorithm.to_string(),
            digits: self.digits,
            period,
            clock_ahead,
            added_at: self.added_at.0,
        }
    }
}

impl From<Failures> for Sums {
    fn from(stored: Failures) -> Self {
        let Failures { strangers, known, anyone, callers } = stored;
        Self { strangers, known, anyone, callers }
    }
}

impl From<Sums> for Failures {
    /// Rounded down to tens, so that the account is written at each tenth failure only.
    fn from(sums: Sums) -> Self {
        let tens = |sum: u32| sum / 10 * 10;
        Self {
            strangers: tens(sums.strangers),
            known: tens(sums.known),
            anyone: tens(sums.anyone),
            callers: tens(sums.callers),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn authenticator() -> Authenticator {
        Authenticator {
            id: "00112233".into(),
            label: "my \"phone\"\n".into(),
            algorithm: Algorithm::Sha1,
            digits: 6,
            progress: Progress::Time { period: 30, drift: -3, spent: Step(7), resynchronized_at: Some(Timestamp(8)) },
            added_at: Timestamp(9),
            secret: "c2VhbGVk".into(),
        }
    }

    pub(crate) fn alice() -> Account {
        let mut account = Account::new(&Username::new("alice"), 1000, Timestamp(5));
        let authenticator = authenticator();
        account.authenticators.push(authenticator.clone());
        account.pending = Some(PendingAuthenticator {
            created_at: Timestamp(1),
            expires_at: Timestamp(2),
            proved: true,
            begun_by: "login 192.0.2.1".into(),
            tries: 3,
            replaces: Some("00112233".into()),
            renews_codes: true,
            authenticator,
        });
        account.recovery = Some(RecoverySet::generate(2, Timestamp(4)).unwrap().0);
        account.remember("192.0.2.1");
        account.record(Timestamp(3), "enrolled", "phone");
        account
    }

    #[test]
    fn only_the_last_sources_and_events_stay() {
        let mut account = alice();
        for number in 0..60 {
            account.remember(&format!("192.0.2.{}", number % 20));
            account.record(Timestamp(number), "event", "");
        }
        assert_eq!((account.known_sources.len(), account.history.len()), (8, 50));
        let knows = |source: &str| account.known_sources.iter().any(|known| known == source);
        assert!(knows("192.0.2.19") && !knows("192.0.2.1"));
    }
}
