//! Who is asked for a second step, and by which rule.

use std::fmt;

use crate::account::Account;
use crate::config::Config;
use crate::time::Timestamp;

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
    /// An administrator has switched the second step off for this user, for a time.
    Suspended,
    /// The user is not enrolled, and nothing requires it.
    NotEnrolled,
}

impl Config {
    /// What a login of the user with this account must do. The first rule that fits decides.
    pub fn requirement(&self, account: Option<&Account>, now: Timestamp) -> Requirement {
        match account {
            Some(Account { suspension: Some(suspension), .. }) if suspension.holds(now) => {
                Requirement::NotAsked(Rule::Suspended)
            }
            Some(account) if account.is_enrolled() => Requirement::Asked,
            _ if self.policy.required => Requirement::MustEnroll,
            _ => Requirement::NotAsked(Rule::NotEnrolled),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Suspended => "suspended",
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
    use crate::account::Suspension;
    use crate::username::Username;

    #[test]
    fn who_is_asked() {
        let open = Config::parse("version = 1").unwrap();
        let strict = Config::parse("version = 1\n[policy]\nrequired = true").unwrap();
        let mut empty = Account::new(&Username::new("alice"), 1000, Timestamp(0));
        let mut enrolled = empty.clone();
        enrolled.authenticators.push(crate::account::tests::authenticator());
        let now = Timestamp(15);
        for account in [None, Some(&empty)] {
            assert_eq!(open.requirement(account, now), Requirement::NotAsked(Rule::NotEnrolled));
            assert_eq!(strict.requirement(account, now), Requirement::MustEnroll);
        }
        assert_eq!(open.requirement(Some(&enrolled), now), Requirement::Asked);
        assert_eq!(strict.requirement(Some(&enrolled), now), Requirement::Asked);
        for account in [&mut empty, &mut enrolled] {
            let (from, until) = (Timestamp(10), Timestamp(20));
            account.suspension = Some(Suspension { from, until, by: "root".into(), reason: "phone lost".into() });
            assert_eq!(strict.requirement(Some(account), now), Requirement::NotAsked(Rule::Suspended));
            assert_ne!(strict.requirement(Some(account), until), Requirement::NotAsked(Rule::Suspended));
        }
    }
}
