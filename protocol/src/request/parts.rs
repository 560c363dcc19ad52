//! What requests and responses are made of.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::secret::Typed;

/// A device that is not a phone with a new key of the configured kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// What its codes move with.
    pub kind: Kind,
    /// Its own key in base32 or hexadecimal; a new one if there is none.
    pub secret: Option<Typed>,
    /// HMAC algorithm: `SHA1`, `SHA256` or `SHA512`.
    pub algorithm: Option<String>,
    /// Digits of a code, 6 to 8.
    pub digits: Option<u8>,
    /// Seconds of a step, 30 or 60, if it goes by a clock.
    pub period: Option<u64>,
    /// The counter of its next code, if it counts.
    pub counter: Option<u64>,
}

/// An authenticator that waits for its confirmation code.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pending {
    /// Its name.
    pub label: String,
    /// The `otpauth://totp/` address that a QR code carries.
    pub uri: Typed,
    /// The same secret to type: base32 (RFC 4648 §6) without padding.
    pub secret: Typed,
    /// Who issues it, as the phone shows it.
    pub issuer: String,
    /// For whom, as the phone shows it.
    pub account: String,
    /// What its codes move with.
    pub kind: Kind,
    /// Digits of a code.
    pub digits: u8,
    /// Seconds of a step, if it goes by a clock.
    pub period: Option<u64>,
    /// The counter of its next code, if it counts.
    pub counter: Option<u64>,
    /// HMAC algorithm: `SHA1`, `SHA256` or `SHA512`.
    pub algorithm: String,
    /// When it dies unconfirmed, in seconds since 1970-01-01T00:00:00Z.
    pub expires_at: i64,
}

/// How the second step of one user stands. It holds nothing that is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The account's user.
    pub user: String,
    /// Whether at least one authenticator is confirmed.
    pub enrolled: bool,
    /// Whether this host requires the second step of this user.
    pub required: bool,
    /// While the user may still log in without having enrolled: until when, in seconds since 1970.
    pub enroll_by: Option<i64>,
    /// Whether wrong codes have closed verification codes until a recovery code opens them.
    pub disabled: bool,
    /// What is wrong with this host's own clock.
    pub host_clock: Option<ClockDoubt>,
    /// The confirmed authenticators, oldest first.
    pub authenticators: Vec<AuthenticatorStatus>,
    /// The recovery codes, if there is a set.
    pub recovery_codes: Option<RecoveryStatus>,
    /// When and from where the second step was last passed.
    pub last_second_step: Option<SecondStep>,
    /// Until when an unconfirmed authenticator waits, in seconds since 1970.
    pub pending_until: Option<i64>,
    /// How many application passwords there are.
    pub app_passwords: usize,
    /// While an administrator has switched the second step off.
    pub suspension: Option<SuspensionStatus>,
}

/// A temporary switch-off of the second step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspensionStatus {
    /// From when, in seconds since 1970.
    pub from: i64,
    /// Until when, in seconds since 1970.
    pub until: i64,
    /// Who did it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// One application password, without the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppPasswordStatus {
    /// The user's name for it.
    pub label: String,
    /// Whether it still counts.
    pub state: AppPasswordState,
    /// The PAM services that it opens.
    pub services: Vec<String>,
    /// The networks that it may be used from; any when there is none.
    pub networks: Vec<String>,
    /// When it was made, in seconds since 1970.
    pub created_at: i64,
    /// When it expires, in seconds since 1970; never when there is no moment.
    pub expires_at: Option<i64>,
    /// Whether it was made automatically, from a preset.
    pub preset: bool,
    /// Its last use: exact since boot, before that the first use of the last day.
    pub last_use: Option<Use>,
}

/// Whether an application password still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppPasswordState {
    /// It opens its services.
    Active,
    /// Its time is over.
    Expired,
    /// It was not used for so long that it expired.
    Unused,
}

/// One use of an application password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// When, in seconds since 1970.
    pub at: i64,
    /// Where it came from, as the throttle names sources.
    pub source: String,
}

/// An application password that an administrator wants every user to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preset {
    /// Its name, which is the label and the file's name.
    pub name: String,
    /// The PAM services that it opens.
    pub services: Vec<String>,
    /// In how many seconds it expires; never when there is no number.
    pub expires_after: Option<u64>,
}

/// What the codes of an authenticator move with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The time (RFC 6238).
    Totp,
    /// A counter (RFC 4226).
    Hotp,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Totp => "totp",
            Self::Hotp => "hotp",
        })
    }
}

/// One authenticator without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticatorStatus {
    /// Its name.
    pub label: String,
    /// What its codes move with.
    pub kind: Kind,
    /// HMAC algorithm: `SHA1`, `SHA256` or `SHA512`.
    pub algorithm: String,
    /// Digits of a code.
    pub digits: u8,
    /// Seconds of a step, if it goes by a clock.
    pub period: Option<u64>,
    /// Seconds by which its clock is known to be ahead of this host's; behind it if negative.
    pub clock_ahead: Option<i64>,
    /// When it was confirmed, in seconds since 1970.
    pub added_at: i64,
}

/// The recovery codes of an account, without the codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryStatus {
    /// How many may still be used.
    pub left: usize,
    /// How many there were.
    pub total: usize,
    /// When the set was made, in seconds since 1970.
    pub created_at: i64,
    /// The used ones, oldest first.
    pub used: Vec<SecondStep>,
    /// Whether they are the codes of eight digits of another program.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub are_imported: bool,
}

/// One passed second step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondStep {
    /// When, in seconds since 1970.
    pub at: i64,
    /// The PAM service, or the command of `twostep` that asked for the proof.
    pub service: String,
    /// Where it came from, as the throttle names sources.
    pub source: String,
}

/// What is wrong with the host's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockDoubt {
    /// Nothing keeps it right: adjtimex(2) says that it is not synchronized.
    Unsynchronized,
    /// It stands before this program was released.
    BeforeRelease,
    /// It stands before something that happened.
    SetBack,
}

impl fmt::Display for ClockDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsynchronized => "unsynchronized",
            Self::BeforeRelease => "before-release",
            Self::SetBack => "set-back",
        })
    }
}
