//! Who is asked for a second step, and by which rule.

use std::fmt;

use crate::account::Account;
use crate::config::Config;

/// What a login must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Requirement {
    /// A code is asked.
    Asked,
    /// No code is asked.
    NotAsked(Rule),
    /// A second step is required, and the user has nothing to pass it with.
    MustEnroll,
}

/// The rule that spared a login the second step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The user is not enrolled, and nothing requires it.
    NotEnrolled,
}

impl Config {
    /// What a login of the user with this account must do. The first rule that fits decides.
    pub fn requirement(&self, account: Option<&Account>) -> Requirement {
        match account {
            Some(account) if account.is_enrolled() => Requirement::Asked,
            _ if self.policy.required => Requirement::MustEnroll,
            _ => Requirement::NotAsked(Rule::NotEnrolled),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotEnrolled => "not-enrolled",
        })
    }
}

impl fmt::Display for Requirement {
    /// The rule that decided, as the log says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("enrolled"),
            Self::NotAsked(rule) => rule.fmt(f),
            Self::MustEnroll => f.write_str("required"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use crate::username::Username;

    #[test]
    fn who_is_asked() {
        let open = Config::parse("version = 1").unwrap();
        let strict = Config::parse("version = 1\n[policy]\nrequired = true").unwrap();
        let empty = Account::new(&Username::new("alice"), 1000, Timestamp(0));
        let mut enrolled = empty.clone();
        enrolled.authenticators.push(crate::account::tests::authenticator());
        for account in [None, Some(&empty)] {
            assert_eq!(open.requirement(account), Requirement::NotAsked(Rule::NotEnrolled));
            assert_eq!(strict.requirement(account), Requirement::MustEnroll);
        }
        assert_eq!(open.requirement(Some(&enrolled)), Requirement::Asked);
        assert_eq!(strict.requirement(Some(&enrolled)), Requirement::Asked);
    }
}
