//! One login at one line of a PAM stack, as the module describes it and as the service answers.

use serde::{Deserialize, Serialize};

use crate::hex;
use crate::secret::{NoRandomness, Secret, Typed};

/// One step of one login. What of it counts depends on who sends it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Login {
    /// Where in the PAM stack it is.
    pub phase: Phase,
    /// Names the login, so that an answer that comes twice is judged once.
    pub attempt: AttemptId,
    /// Who logs in (`PAM_USER`).
    pub user: String,
    /// To which PAM service (`PAM_SERVICE`).
    pub service: String,
    /// From which host (`PAM_RHOST`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rhost: Option<String>,
    /// At which terminal (`PAM_TTY`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    /// The real uid of the process.
    #[serde(default)]
    pub real_uid: u32,
    /// The arguments of the line in the PAM stack.
    #[serde(default)]
    pub options: Vec<String>,
    /// Whether sshd has accepted a key.
    #[serde(default)]
    pub key_accepted: bool,
    /// What the person answered so far in this phase, in order.
    #[serde(default)]
    pub answers: Vec<Typed>,
    /// Whether nobody answered the last question: the program cannot ask, or the person broke off.
    #[serde(default)]
    pub unanswered: bool,
    /// Whether a line with `forward_pass` took a code off the password, which answers the first question.
    #[serde(default)]
    pub holds_code: bool,
    /// The audit session of the process (`/proc/self/sessionid`), if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<u32>,
    /// Whose session that is (`/proc/self/loginuid`): the uid that pam_loginuid set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// What the auth phase left in the PAM environment for the session that it opens: the name of that attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// What the service gave to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_over: Option<String>,
}

/// An entry point of the module that asks the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// `pam_sm_authenticate`.
    Auth,
    /// `pam_sm_acct_mgmt`.
    Account,
    /// `pam_sm_setcred`.
    Credentials,
    /// `pam_sm_open_session`.
    Session,
    /// The same, where nobody reads what a session says.
    UnreadSession,
}

/// What to ask the person. The next request has the answer, and what was given to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// The question.
    pub prompt: Typed,
    /// Whether the answer is shown while it is typed.
    pub echo: bool,
    /// To be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_over: Option<String>,
}

/// How a phase ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// For libpam.
    pub outcome: Outcome,
    /// What the person is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub show: Vec<Shown>,
    /// To be kept for the next phase of the same login. Without it nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_over: Option<String>,
    /// How many bytes at the end of an answer to a line with `forward_pass` are the code.
    #[serde(default)]
    pub cut: usize,
}

/// What a phase comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum Outcome {
    /// It is passed.
    Accepted,
    /// It takes no part.
    NotAsked,
    /// The login is refused.
    Refused,
    /// Something failed, and the login is refused for it.
    Failed,
}

/// A text that the person is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Something to know.
    Notice(String),
    /// Something went wrong.
    Error(String),
}

/// Names one login, for as long as it takes: 128 random bits. It serves one login, and is never
/// logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttemptId(String);

impl AttemptId {
    /// A new one.
    ///
    /// # Errors
    /// The kernel gave no random bytes.
    pub fn fresh() -> Result<Self, NoRandomness> {
        Ok(Self(hex::encode(Secret::random(16)?.expose())))
    }

    /// The id as it travels: 32 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AttemptId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() == 32 && is_hex { Ok(Self(text)) } else { Err("must be 32 hexadecimal digits") }
    }
}

impl From<AttemptId> for String {
    fn from(id: AttemptId) -> Self {
        id.0
    }
}
