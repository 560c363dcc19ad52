//! What a login or a command asks the service, and what it answers.
//!
//! One [`Call`] goes in, one [`Response`] comes out, as JSON ([`crate::frame`]). The service knows who
//! calls by the credentials of the socket alone.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::secret::Typed;

mod login;
mod parts;

pub use login::{Ask, AttemptId, Done, Login, Outcome, Phase, Shown};
pub use parts::{
    AppPasswordState, AppPasswordStatus, AuthenticatorStatus, ClockDoubt, Device, Kind, Pending, Preset,
    RecoveryStatus, SecondStep, Status, SuspensionStatus, Use,
};

/// The version of what is said here. A service that does not know it answers [`Response::Version`].
pub const VERSION: u32 = 1;

/// One request, and the version in which it is said.
#[derive(Debug, Serialize, Deserialize)]
pub struct Call<R = Request> {
    /// [`VERSION`] of the program that calls.
    pub version: u32,
    /// What it asks.
    pub request: R,
}

/// One request. All but [`Request::Login`] are about the caller's own account.
///
/// Variants are keys of a JSON object. A tag inside would have serde keep a copy of all values that
/// nobody wipes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// How the second step of the caller stands. Answered by [`Response::Status`].
    Status {},
    /// Make a new authenticator, inert until it is confirmed. Answered by [`Response::Pending`].
    Begin {
        /// The authenticator's name; the service chooses one when there is none.
        label: Option<String>,
        /// A current code or a recovery code; required once an authenticator is confirmed.
        proof: Option<Typed>,
        /// For the first authenticator, where the host asks for one: the password of the account,
        /// or the enrollment code of an administrator.
        #[serde(default)]
        permit: Option<Typed>,
        /// What the device is, if it is not a phone with a new key.
        #[serde(default)]
        device: Option<Device>,
    },
    /// Make a new authenticator that takes the place of another one when it is confirmed; until then
    /// the old one works. Answered by [`Response::Pending`].
    Replace {
        /// Which one; may be left out when there is only one.
        label: Option<String>,
        /// Whether the confirmation makes new recovery codes too.
        renew_codes: bool,
        /// A current code or a recovery code.
        proof: Typed,
        /// What the device is, if it is not a phone with a new key.
        #[serde(default)]
        device: Option<Device>,
    },
    /// Confirm the pending authenticator by a code it shows, or by two that follow each other if its
    /// clock is off. Answered by [`Response::Confirmed`].
    Confirm {
        /// The code as typed.
        code: Typed,
        /// The code after it.
        #[serde(default)]
        next: Option<Typed>,
    },
    /// Put an authenticator right by two codes that follow each other. They are the proof. Answered
    /// by [`Response::Synchronized`].
    Synchronize {
        /// A code.
        first: Typed,
        /// The code after it.
        second: Typed,
    },
    /// Replace all recovery codes. Answered by [`Response::RecoveryCodes`].
    RegenerateRecoveryCodes {
        /// A current code or a recovery code.
        proof: Typed,
    },
    /// Remove an authenticator; the last one takes the recovery codes with it. Answered by
    /// [`Response::Removed`].
    Remove {
        /// Which one; may be left out when there is only one.
        label: Option<String>,
        /// A current code or a recovery code.
        proof: Typed,
    },
    /// The application passwords, and the administrator's presets. Answered by
    /// [`Response::AppPasswords`].
    AppPasswords {},
    /// Make an application password. Answered by [`Response::AppPassword`].
    CreateAppPassword {
        /// The user's name for it, one that no other has.
        label: String,
        /// The PAM services that it opens; none that is interactive.
        services: Vec<String>,
        /// The networks that it may be used from; any when there is none.
        networks: Vec<String>,
        /// In how many seconds it expires; never when there is no number.
        expires_after: Option<u64>,
        /// A current code or a recovery code.
        proof: Typed,
    },
    /// Make the application password of a preset; one that the preset made before stops counting.
    /// Answered by [`Response::AppPassword`].
    EnsureAppPassword {
        /// The preset's name.
        name: String,
        /// A current code or a recovery code; not needed within two minutes of a second step.
        proof: Option<Typed>,
    },
    /// Revoke an application password, or all. Answered by [`Response::Revoked`].
    RevokeAppPasswords {
        /// Which one; all when there is none.
        label: Option<String>,
        /// A current code or a recovery code.
        proof: Typed,
    },
    /// One step of one login. Answered by [`Response::Ask`] or [`Response::Done`].
    Login(Login),
}

/// What the service answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// Answers [`Request::Status`].
    Status(Status),
    /// Answers [`Request::Begin`]: the one time that the secret leaves the store.
    Pending(Pending),
    /// Answers [`Request::Confirm`].
    Confirmed {
        /// The authenticator that counts from now on.
        label: String,
        /// The recovery codes, when this enrollment made them: with the first authenticator.
        recovery_codes: Option<Vec<Typed>>,
        /// The label of the one whose place it took.
        #[serde(default)]
        replaced: Option<String>,
    },
    /// Answers [`Request::Synchronize`].
    Synchronized {
        /// The authenticator.
        label: String,
        /// What its codes move with.
        kind: Kind,
        /// By how many steps, or codes, it turned out to be ahead of this host; behind if negative.
        ahead: i64,
    },
    /// Answers [`Request::RegenerateRecoveryCodes`].
    RecoveryCodes {
        /// The new set; every older code is void.
        recovery_codes: Vec<Typed>,
    },
    /// Answers [`Request::Remove`].
    Removed {
        /// The authenticator that is gone.
        label: String,
        /// Whether another one is left.
        enrolled: bool,
        /// The application passwords that went with the last one.
        app_passwords: Vec<String>,
    },
    /// Answers [`Request::AppPasswords`].
    AppPasswords {
        /// What there is, oldest first.
        app_passwords: Vec<AppPasswordStatus>,
        /// What the administrator wants every user to have.
        presets: Vec<Preset>,
        /// Services where people are asked for a code, so that none can be made for them.
        #[serde(default)]
        interactive_services: Vec<String>,
    },
    /// Answers [`Request::CreateAppPassword`] and [`Request::EnsureAppPassword`]: the one time that
    /// the password is shown.
    AppPassword {
        /// The password, in groups.
        password: Typed,
        /// What it is for.
        made: AppPasswordStatus,
    },
    /// Answers [`Request::RevokeAppPasswords`].
    Revoked {
        /// The labels of those that are gone.
        labels: Vec<String>,
    },
    /// Answers [`Request::Login`]: the person is asked.
    Ask(Ask),
    /// Answers [`Request::Login`]: this phase of it has ended.
    Done(Done),
    /// The service is at work, and will say so again or answer within so many seconds.
    Wait {
        /// How long.
        seconds: u64,
    },
    /// The service does not know this version of requests.
    Version {
        /// The one that it knows.
        knows: u32,
    },
    /// The service cannot serve this login of a process of root's now, which does without it.
    Unavailable {},
    /// The request was understood and refused, or could not be carried out.
    Refused(Refused),
}

/// Why a request was refused, or could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Why, for programs.
    pub reason: Refusal,
    /// One sentence on what happened and one on what to do.
    pub text: String,
}

impl Refused {
    /// A refusal with its sentences.
    #[must_use]
    pub fn new(reason: Refusal, text: &str) -> Self {
        Self { reason, text: text.to_owned() }
    }
}

/// What the module asks: one of [`Request`], without a copy of what was typed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginRequest<'a> {
    /// [`Request::Login`].
    Login(&'a Login),
}

/// What a login is answered: those of [`Response`] that [`Request::Login`] may get. The module knows no
/// others, which leaves a fifth of it out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginResponse {
    /// The person is asked.
    Ask(Ask),
    /// This phase has ended.
    Done(Done),
    /// The service is at work.
    Wait {
        /// For how long it may be.
        seconds: u64,
    },
    /// The service does not know this version.
    Version {},
    /// The service cannot serve this login now.
    Unavailable {},
    /// The request could not be carried out.
    Refused {
        /// One sentence on what happened and one on what to do.
        text: String,
    },
}

/// What comes back from the service.
pub trait Reply: DeserializeOwned {
    /// Whether it is the answer.
    fn stage(&self) -> Stage;
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The answer, or the next word that it is not there yet, comes within so many seconds.
    AtWork(u64),
    /// The service knows another version.
    OtherVersion,
    /// This is the answer.
    Answered,
}

impl Reply for Response {
    fn stage(&self) -> Stage {
        match self {
            Self::Wait { seconds } => Stage::AtWork(*seconds),
            Self::Version { .. } => Stage::OtherVersion,
            _ => Stage::Answered,
        }
    }
}

impl Reply for LoginResponse {
    fn stage(&self) -> Stage {
        match self {
            Self::Wait { seconds } => Stage::AtWork(*seconds),
            Self::Version {} => Stage::OtherVersion,
            Self::Ask(_) | Self::Done(_) | Self::Unavailable {} | Self::Refused { .. } => Stage::Answered,
        }
    }
}

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The request is not one, or says something impossible.
    BadRequest,
    /// The caller has no passwd entry, or may not ask this.
    BadCaller,
    /// A change to an enrolled account came without a proof.
    ProofRequired,
    /// A first enrollment came without the account's password, which this host asks for.
    PasswordRequired,
    /// A first enrollment came without an administrator's code, which this host asks for.
    InviteRequired,
    /// The proof or the confirmation code was judged and not accepted.
    NotAccepted,
    /// The confirmation code is right, but not now: the next one is wanted with it.
    WrongClock,
    /// There is nothing that this caller began and may confirm, or it took longer than 15 minutes.
    NothingPending,
    /// As many codes were tried as may be: the enrollment is gone.
    TriesUsedUp,
    /// The caller has no authenticator, or none of that name.
    NoAuthenticator,
    /// The caller has no application password of that name, or there is no such preset.
    NoAppPassword,
    /// The label is taken, or there are as many as the configuration allows.
    NoRoom,
    /// The policy of this host forbids it.
    Policy,
    /// Twostep is not set up on this host, or not completely.
    NotSetUp,
    /// The service has as many connections of this user, or of all, as it may have.
    Busy,
    /// Something failed; nothing was changed.
    Failed,
}

impl fmt::Display for Refusal {
    /// The reason as a log line says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadRequest => "bad-request",
            Self::BadCaller => "bad-caller",
            Self::ProofRequired => "proof-required",
            Self::PasswordRequired => "password-required",
            Self::InviteRequired => "invite-required",
            Self::NotAccepted => "not-accepted",
            Self::WrongClock => "wrong-clock",
            Self::NothingPending => "nothing-pending",
            Self::TriesUsedUp => "tries-used-up",
            Self::NoAuthenticator => "no-authenticator",
            Self::NoAppPassword => "no-app-password",
            Self::NoRoom => "no-room",
            Self::Policy => "policy",
            Self::NotSetUp => "not-set-up",
            Self::Busy => "busy",
            Self::Failed => "failed",
        })
    }
}
