//! `[policy]`: who must pass a second step, from when, and who is spared.

use std::time::Duration;

use ipnet::IpNet;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use toml::value::Datetime;

use super::app_password::services;
use crate::document;
use crate::time::Timestamp;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// `[policy]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Whether everyone must pass a second step.
    pub required: bool,
    /// The groups whose members must.
    pub required_groups: Vec<String>,
    /// From when on; from always when there is no moment.
    #[serde(deserialize_with = "since")]
    pub since: Option<Timestamp>,
    /// How long a user may still log in without having enrolled: from `since`, or from a newer
    /// user's first login after it.
    #[serde(deserialize_with = "document::one")]
    pub grace: Duration,
    /// What becomes of who has not enrolled by then.
    pub after_grace: AfterGrace,
    /// Who helps; shown where a login is refused.
    pub contact: Option<String>,
    /// Users who are not asked.
    pub exempt_users: Vec<String>,
    /// Groups whose members are not asked.
    pub exempt_groups: Vec<String>,
    /// PAM services at which nobody is asked.
    #[serde(deserialize_with = "services")]
    pub exempt_services: Vec<String>,
    /// Networks from which nobody is asked.
    #[serde(deserialize_with = "document::list")]
    pub exempt_networks: Vec<IpNet>,
    /// Addresses that stand for many people; they count as no address.
    #[serde(deserialize_with = "document::list")]
    pub proxies: Vec<IpNet>,
    /// How long a second step holds for further logins from the same address to the same service.
    #[serde(deserialize_with = "document::one")]
    pub remember: Duration,
    /// The longest time for which the second step may be switched off for one user.
    #[serde(deserialize_with = "document::one")]
    pub max_suspension: Duration,
    /// What an enrollment takes.
    pub enrollment: Enrollment,
}

/// What becomes of who must have enrolled and has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AfterGrace {
    /// The login is refused.
    Deny,
    /// The login enrolls, where the PAM service allows it.
    Enroll,
}

/// What the first enrollment of a user takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Enrollment {
    /// Nothing: whoever has the user's session may enroll.
    Open,
    /// The password of the account.
    Password,
    /// A code from an administrator.
    Invite,
}

impl Policy {
    /// Each bound: whether it holds, of which key, and what the key may be.
    pub(super) fn checks(&self) -> [(bool, &'static str, &'static str); 4] {
        let contact = self.contact.as_deref();
        let seconds = |duration: Duration| duration.as_secs();
        [
            (
                contact.is_none_or(|text| !text.contains(char::is_control) && text.len() <= 200),
                "contact",
                "must be one line of at most 200 bytes",
            ),
            ((1..=30 * DAY).contains(&seconds(self.max_suspension)), "max_suspension", "must be 1s to 30d"),
            (seconds(self.grace) <= 366 * DAY, "grace", "must be at most 366d"),
            (seconds(self.remember) <= DAY, "remember", "must be at most 24h"),
        ]
    }
}

impl Default for Policy {
    fn default() -> Self {
        let (required_groups, exempt_users, exempt_groups, exempt_services) = Default::default();
        let (since, contact, exempt_networks, proxies) = Default::default();
        Self {
            required: false,
            required_groups,
            since,
            grace: Duration::from_secs(14 * DAY),
            after_grace: AfterGrace::Deny,
            contact,
            exempt_users,
            exempt_groups,
            exempt_services,
            exempt_networks,
            proxies,
            remember: Duration::ZERO,
            max_suspension: Duration::from_secs(7 * DAY),
            enrollment: Enrollment::Open,
        }
    }
}

/// A date and time with an offset, as seconds since 1970 (RFC 3339 §5.6).
fn since<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let moment = Datetime::deserialize(from).ok().and_then(|moment| seconds(&moment));
    moment.map(Some).ok_or_else(|| D::Error::custom("expected a moment with its offset, such as 2026-12-01T00:00:00Z"))
}

fn seconds(moment: &Datetime) -> Option<Timestamp> {
    // TOML has leap seconds, and this calendar has none.
    let is_leap = moment.time.is_some_and(|time| time.second == Some(60));
    let moment = moment.to_string().parse::<jiff::Timestamp>().ok().filter(|_| !is_leap)?;
    Some(Timestamp(moment.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn policy(keys: &str) -> Result<Policy, String> {
        let config = Config::parse(&format!("version = 1\n[policy]\n{keys}\n"));
        config.map(|config| config.policy).map_err(|error| error.to_string())
    }

    #[test]
    fn a_moment_has_an_offset() {
        for since in ["2026-12-01T00:00:00Z", "2026-12-01 01:00:00+01:00"] {
            assert_eq!(policy(&format!("since = {since}")).unwrap().since, Some(Timestamp(1_796_083_200)), "{since}");
        }
        let nearly = ["2026-12-01", "2026-12-01T00:00:00", "\"2026-12-01T00:00:00Z\"", "2026-13-01T00:00:00Z"];
        for since in nearly.into_iter().chain(["2026-12-31T23:59:60Z"]) {
            assert!(policy(&format!("since = {since}")).unwrap_err().starts_with("line 3, column "), "{since}");
        }
    }

    #[test]
    fn every_key_is_read() {
        let read = policy(
            "required = true\nrequired_groups = [\"staff\"]\ngrace = \"1d\"\nafter_grace = \"enroll\"\n\
             exempt_users = [\"backup\"]\nexempt_groups = [\"robots\"]\nexempt_services = [\"CRON\"]\n\
             exempt_networks = [\"10.0.0.0/8\"]\nremember = \"12h\"\nenrollment = \"invite\"",
        )
        .unwrap();
        let one = |text: &str| vec![text.to_owned()];
        assert_eq!((read.required, read.required_groups), (true, one("staff")));
        assert_eq!((read.grace, read.after_grace), (Duration::from_secs(DAY), AfterGrace::Enroll));
        assert_eq!((read.exempt_users, read.exempt_groups), (one("backup"), one("robots")));
        assert_eq!((read.exempt_services, read.exempt_networks.len()), (one("cron"), 1));
        assert_eq!((read.remember.as_secs(), read.enrollment), (DAY / 2, Enrollment::Invite));
    }

    #[test]
    fn every_bound_holds() {
        for key in ["contact = \"a\\nb\"", "max_suspension = \"31d\"", "grace = \"367d\"", "remember = \"25h\""] {
            assert!(policy(key).unwrap_err().starts_with("line 3, column 1"), "{key}");
        }
        for key in ["after_grace = \"x\"", "enrollment = \"x\"", "required = 1", "exempt_networks = [\"x\"]"] {
            assert!(policy(key).is_err(), "{key}");
        }
    }
}
