//! What the auth phase leaves for the account phase of the same login, in libpam's own handle.
//!
//! It is kept as text, so that another copy of this module in the same stack, of another version
//! even, can read it without trusting the layout of its memory.

use std::ffi::{CStr, CString, c_int};

use twostep_core::audit::Line;

use crate::ffi::Host;

const KEY: &CStr = c"pam_twostep_verdict";

/// How the auth phase ended for one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// The user, as the user database spells the name.
    pub user: String,
    /// The PAM service.
    pub service: String,
    /// What it came to.
    pub outcome: Outcome,
}

/// What a second step comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The second step was passed, by a verification code.
    CodeAccepted,
    /// The second step was passed, by something that holds for this login alone.
    Accepted,
    /// No second step was asked.
    NotAsked,
    /// No second step was asked of a program that cannot ask: it has nobody to remind.
    NobodyAsked,
    /// The user must enroll first.
    MustEnroll,
    /// The user must enroll first, and does so in the account phase.
    EnrollsNow,
    /// The second step was not passed.
    Refused,
}

/// What the auth phase left, when it is not for this login: another module or the program changed the
/// login after the second step.
#[derive(Debug, PartialEq, Eq)]
pub enum Foreign {
    /// For this user.
    User(String),
    /// For the same user of this service.
    Service(String),
    /// For nobody that this version can name.
    Unknown,
}

impl Foreign {
    /// For the log.
    pub fn line(&self) -> Line {
        match self {
            Self::User(user) => Line::new("").with("reason", "user-changed").with("was", user),
            Self::Service(service) => Line::new("").with("reason", "service-changed").with("was", service),
            Self::Unknown => Line::new("").with("reason", "hand-over-unknown"),
        }
    }
}

impl HandOver {
    /// Forgets what an earlier run left in this handle.
    ///
    /// # Errors
    /// libpam's code.
    pub fn clear(host: &Host<'_>) -> Result<(), c_int> {
        host.remember(KEY, None)
    }

    /// Leaves this in the handle.
    ///
    /// # Errors
    /// libpam's code.
    pub fn leave(&self, host: &Host<'_>) -> Result<(), c_int> {
        host.remember(KEY, Some(&self.to_words()))
    }

    /// Whether the auth phase left anything, for whomever.
    pub fn is_there(host: &Host<'_>) -> bool {
        host.remembered(KEY).is_some()
    }

    /// What the auth phase left, for whomever.
    pub fn left(host: &Host<'_>) -> Option<Self> {
        host.remembered(KEY).as_deref().and_then(Self::from_words)
    }

    /// What the auth phase left for this user of this service.
    ///
    /// # Errors
    /// It left something that is not for them.
    pub fn find(host: &Host<'_>, user: &str, service: &str) -> Result<Option<Self>, Foreign> {
        host.remembered(KEY).map(|words| Self::read(&words, user, service)).transpose()
    }

    fn read(words: &str, user: &str, service: &str) -> Result<Self, Foreign> {
        match Self::from_words(words).ok_or(Foreign::Unknown)? {
            found if found.user != user => Err(Foreign::User(found.user)),
            found if found.service != service => Err(Foreign::Service(found.service)),
            found => Ok(found),
        }
    }

    /// The outcome, the length of the user's name, then both names. No name holds a NUL byte; were
    /// there one, nothing would be found, and nothing granted.
    fn to_words(&self) -> CString {
        let word = match self.outcome {
            Outcome::CodeAccepted => "code-accepted",
            Outcome::Accepted => "accepted",
            Outcome::NotAsked => "not-asked",
            Outcome::NobodyAsked => "nobody-asked",
            Outcome::MustEnroll => "must-enroll",
            Outcome::EnrollsNow => "enrolls-now",
            Outcome::Refused => "refused",
        };
        CString::new(format!("{word} {} {}{}", self.user.len(), self.user, self.service)).unwrap_or_default()
    }

    fn from_words(words: &str) -> Option<Self> {
        let (outcome, rest) = words.split_once(' ')?;
        let outcome = match outcome {
            "code-accepted" => Outcome::CodeAccepted,
            "accepted" => Outcome::Accepted,
            "not-asked" => Outcome::NotAsked,
            "nobody-asked" => Outcome::NobodyAsked,
            "must-enroll" => Outcome::MustEnroll,
            "enrolls-now" => Outcome::EnrollsNow,
            "refused" => Outcome::Refused,
            _ => return None,
        };
        let (length, names) = rest.split_once(' ')?;
        let (user, service) = names.split_at_checked(length.parse().ok()?)?;
        Some(Self { user: user.to_owned(), service: service.to_owned(), outcome })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_survives() {
        for outcome in [Outcome::Accepted, Outcome::NotAsked, Outcome::NobodyAsked, Outcome::MustEnroll] {
            for user in ["alice", "", "a\nb", "accepted\n\"root\"", "7 DOM\\al \u{e9}\r\n\u{2028}"] {
                let left = HandOver { user: user.into(), service: format!("{user}d"), outcome };
                let found = HandOver::from_words(left.to_words().to_str().unwrap());
                assert_eq!(found, Some(left));
            }
        }
    }

    #[test]
    fn what_is_left_counts_for_its_user_and_service_alone() {
        let left = HandOver { user: "alice".into(), service: "sshd".into(), outcome: Outcome::CodeAccepted };
        let words = left.to_words().into_string().unwrap();
        let read = |user, service| HandOver::read(&words, user, service);
        for (user, service) in [("bob", "sshd"), ("bob", "su"), ("alic", "esshd"), ("Alice", "sshd"), ("", "sshd")] {
            assert_eq!(read(user, service), Err(Foreign::User("alice".into())), "{user} {service}");
        }
        for service in ["su", "", "SSHD", "sshd "] {
            assert_eq!(read("alice", service), Err(Foreign::Service("sshd".into())), "{service}");
        }
        assert_eq!(HandOver::read("granted 5 alicesshd", "alice", "sshd"), Err(Foreign::Unknown));
        assert_eq!(read("alice", "sshd"), Ok(left));
    }

    #[test]
    fn what_is_not_ours_is_nothing() {
        for words in [
            "",
            "accepted",
            "accepted 5",
            "accepted alice sshd",
            "accepted 6 alice",
            "granted 1 ab",
            "accepted 1 \u{e9}",
        ] {
            assert_eq!(HandOver::from_words(words), None, "{words}");
        }
    }
}
