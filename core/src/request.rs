//! What the user's programs ask the helper, and what it answers.
//!
//! One [`Request`] goes in, one [`Response`] comes out. The types say what can be said; how they
//! travel (one JSON object each way) is for the two ends. The helper knows its caller by the real
//! uid alone, so no request names a user.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::secret::Typed;

mod parts;

pub use parts::{
    AppPasswordState, AppPasswordStatus, AttemptId, AuthenticatorStatus, Device, Kind, Pending, Preset, RecoveryStatus,
    SecondStep, Shape, Status, SuspensionStatus, Use,
};

/// Most bytes of a request that the helper reads.
pub const MAX_REQUEST: usize = 16 * 1024;

/// One request to the helper, about the caller's own account.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// How the second step of the caller stands. Answered by [`Response::Status`].
    Status {},
    /// Make a new authenticator, inert until it is confirmed. Answered by [`Response::Pending`].
    Begin {
        /// The authenticator's name; the helper chooses one when there is none.
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
    /// Would a login be asked for a code? Answered by [`Response::Requirement`].
    Requirement {
        /// The PAM service.
        service: String,
    },
    /// Judge the answer given at a login: if the user is enrolled, whatever policy says by now.
    /// Answered by [`Response::Verdict`], or by [`Response::Requirement`] for exempt users.
    Verify {
        /// The PAM service.
        service: String,
        /// The answers as typed: one, or two if the response to the first asked for the next.
        answers: Vec<Typed>,
        /// What the first answer is; a code if nothing is said.
        #[serde(default)]
        shape: Option<Shape>,
        /// Names the login; needed where a second answer may follow.
        #[serde(default)]
        attempt: Option<AttemptId>,
    },
    /// Judge the password given at a login to a service that takes application passwords.
    /// Answered by [`Response::Verdict`], or by [`Response::Requirement`] when it is left to the
    /// following modules.
    VerifyAppPassword {
        /// The PAM service.
        service: String,
        /// The password as typed.
        password: Typed,
    },
}

/// What the helper answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
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
    /// Answers [`Request::Requirement`].
    Requirement {
        /// What this login must do.
        requirement: Asking,
        /// The rule that decided, for the log: a `key=value` pair.
        rule: String,
        /// The numbers of digits that this user's verification codes have, for an answer that holds a
        /// password too. Empty where no code is asked.
        digits: Vec<u8>,
    },
    /// Answers [`Request::Verify`].
    Verdict {
        /// Whether the login may go on.
        accepted: bool,
        /// What was judged, for the log: `key=value` pairs.
        log: String,
        /// For a refusal: what happened and what to do, for a person who proved the first step.
        text: String,
        /// Digits of the code at the end of an answer that holds a password too; zero if there is none.
        digits: u8,
        /// Not empty if the code that follows may be given too: what to ask the person then.
        #[serde(default)]
        next: String,
    },
    /// The request was understood and refused, or could not be carried out.
    Refused {
        /// Why, for programs.
        reason: Refusal,
        /// One sentence on what happened and one on what to do.
        text: String,
    },
}

/// What a login must do, as the helper says it to a module that cannot read the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asking {
    /// A code is asked.
    Asked,
    /// No code is asked.
    NotAsked,
    /// The user must enroll first.
    MustEnroll,
}

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The request is not one, or says something impossible.
    BadRequest,
    /// The caller has no passwd entry, or may not use the helper.
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
            Self::Failed => "failed",
        })
    }
}
