//! What one phase of a login leaves for the next. The module keeps it in the PAM handle, and gives it
//! back as it is.

use serde::{Deserialize, Serialize};
use twostep_core::audit::Line;
use twostep_core::verdict::{Factor, Verdict};

/// How a login came out of its second step, for one user of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// The user, as the user database spells the name.
    pub user: String,
    /// The PAM service.
    pub service: String,
    /// What it came to.
    pub passage: Passage,
}

/// What a second step comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Passage {
    /// It was passed, by a verification code.
    CodeAccepted,
    /// It was passed, by something that holds for this login alone.
    Accepted,
    /// It was not asked.
    NotAsked,
    /// It was not asked of a program that cannot ask: it has nobody to remind.
    NobodyAsked,
    /// The user must enroll first.
    MustEnroll,
    /// The user must enroll first, and does so in the account phase.
    EnrollsNow(Enrolling),
    /// It was not passed.
    Refused,
}

/// How far an enrollment inside a login has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enrolling {
    /// The next answer is a code of the new key.
    Code,
    /// The next answer is the code that follows the last one, of a device whose clock is off.
    NextCode,
    /// It is enrolled. The next answer says that the recovery codes were seen.
    RecoveryCodes,
}

/// Why what was left is not for this login: another module or the program changed it after the second
/// step.
#[derive(Debug, PartialEq, Eq)]
pub enum Foreign {
    /// It is for this user.
    User(String),
    /// It is for the same user of this service.
    Service(String),
    /// It is for nobody that this version can name.
    Unknown,
}

impl HandOver {
    /// As it travels.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// What was left, for whomever.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// What was left for this user of this service.
    ///
    /// # Errors
    /// It is not for them.
    pub fn read_for(text: &str, user: &str, service: &str) -> Result<Self, Foreign> {
        match Self::read(text).ok_or(Foreign::Unknown)? {
            found if found.user != user => Err(Foreign::User(found.user)),
            found if found.service != service => Err(Foreign::Service(found.service)),
            found => Ok(found),
        }
    }
}

impl From<&Verdict> for Passage {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Accepted(Factor::Code { .. }) => Self::CodeAccepted,
            Verdict::Accepted(_) => Self::Accepted,
            Verdict::NotAsked(_) => Self::NotAsked,
            Verdict::MustEnroll => Self::MustEnroll,
            Verdict::Refused(_) => Self::Refused,
        }
    }
}

impl Foreign {
    /// For the log.
    #[must_use]
    pub fn line(&self) -> Line {
        match self {
            Self::User(user) => Line::new("").with("reason", "user-changed").with("was", user),
            Self::Service(service) => Line::new("").with("reason", "service-changed").with("was", service),
            Self::Unknown => Line::new("").with("reason", "hand-over-unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_survives() {
        for passage in [Passage::Accepted, Passage::NotAsked, Passage::EnrollsNow(Enrolling::NextCode)] {
            for user in ["alice", "", "a\nb", "accepted\n\"root\"", "7 DOM\\al \u{e9}\r\n\u{2028}"] {
                let left = HandOver { user: user.into(), service: format!("{user}d"), passage };
                assert_eq!(HandOver::read(&left.to_text().unwrap()), Some(left));
            }
        }
    }

    #[test]
    fn what_is_left_counts_for_its_user_and_service_alone() {
        let left = HandOver { user: "alice".into(), service: "sshd".into(), passage: Passage::CodeAccepted };
        let text = left.to_text().unwrap();
        let read = |user, service| HandOver::read_for(&text, user, service);
        for (user, service) in [("bob", "sshd"), ("bob", "su"), ("alic", "esshd"), ("Alice", "sshd"), ("", "sshd")] {
            assert_eq!(read(user, service), Err(Foreign::User("alice".into())), "{user} {service}");
        }
        for service in ["su", "", "SSHD", "sshd "] {
            assert_eq!(read("alice", service), Err(Foreign::Service("sshd".into())), "{service}");
        }
        assert_eq!(read("alice", "sshd"), Ok(left));
        for text in ["", "{}", "accepted 5 alicesshd", &text.replace("code-accepted", "granted")] {
            assert_eq!(HandOver::read_for(text, "alice", "sshd"), Err(Foreign::Unknown), "{text}");
        }
    }
}
