//! Who is asked for a second step, and by which rule.

use std::fmt;

use crate::account::Account;
use crate::audit::Line;
use crate::config::{Config, Policy};
use crate::groups::{Database, Groups};
use crate::throttle::Origin;
use crate::time::Timestamp;
use crate::username::{Person, Username};

/// The PAM service by which twostepd checks an account's password. It uses the stack that all services
/// share, and where that one asks for codes, none is asked there: it opens nothing.
pub const PASSWORD_SERVICE: &str = "twostep-password";

/// A login, as far as it matters for who is asked.
#[derive(Debug, Clone, Copy)]
pub struct LoginContext<'a> {
    /// Who.
    pub person: &'a Person,
    /// To which PAM service.
    pub service: &'a str,
    /// From where.
    pub origin: &'a Origin,
    /// When.
    pub now: Timestamp,
    /// A second step of before that still holds.
    pub earlier: Option<EarlierStep>,
}

/// Where a second step of before was passed that still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlierStep {
    /// From the same address to the same service (`remember`).
    SameAddress,
    /// In the same audit session (`recent=` on the PAM line).
    SameSession,
}

/// What a login must do.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// An administrator has switched the second step off for this user, for a time.
    Suspended,
    /// The user is exempt.
    ExemptUser,
    /// This group is exempt.
    ExemptGroup(String),
    /// The PAM service is exempt.
    ExemptService,
    /// The network that the login comes from is exempt.
    ExemptNetwork,
    /// A second step of the last hours still holds here.
    Remembered,
    /// A second step of the last minutes, in the same session, still holds.
    Recent,
    /// It will be required from this moment on.
    NotYet(Timestamp),
    /// It is required, and the user has until this moment to enroll.
    Grace(Timestamp),
    /// The user is not enrolled, and nothing requires it.
    NotEnrolled,
}

impl Config {
    /// Who is asked: the one decision, for every caller. The first rule that fits decides.
    ///
    /// `account` is what the store said. One that cannot be read is no reason to refuse users whom
    /// policy exempts: they are the ones to repair the store.
    ///
    /// # Errors
    /// The account's own error, where the decision depends on the account.
    pub fn decide<E>(
        &self,
        groups: &impl Groups,
        context: &LoginContext<'_>,
        account: Result<Option<&Account>, E>,
    ) -> Result<Requirement, E> {
        let suspension = account.as_ref().ok().and_then(|account| account.as_ref()?.suspension.as_ref());
        if suspension.is_some_and(|suspension| suspension.holds(context.now)) {
            return Ok(Requirement::NotAsked(Rule::Suspended));
        }
        if let Some(rule) = self.policy.exempts(groups, context) {
            return Ok(Requirement::NotAsked(rule));
        }
        Ok(self.policy.requirement(groups, context, account?))
    }

    /// Whether someone of whom nothing is known would be refused there for not having enrolled.
    #[must_use]
    pub fn refuses_newcomers(&self, service: &str, origin: &Origin, now: Timestamp) -> bool {
        let policy = &self.policy;
        policy.required && policy.exempts_place(service, origin).is_none() && policy.grace_until(None, now).is_none()
    }
}

impl Policy {
    /// Whether this user must pass a second step, sooner or later.
    #[must_use]
    pub fn requires(&self, person: &Person) -> bool {
        self.requires_by(&Database, person)
    }

    /// The same by groups that were looked up before. Where the user database does not say who is in
    /// a group, everyone is.
    #[must_use]
    pub fn requires_by(&self, groups: &impl Groups, person: &Person) -> bool {
        self.required || !matches!(groups.first_of(person, &self.required_groups), Ok(None))
    }

    /// Until when one of whom this is required may log in without having enrolled, if that ends.
    #[must_use]
    pub fn enroll_by(&self, requirement: &Requirement) -> Option<Timestamp> {
        match requirement {
            Requirement::NotAsked(Rule::NotYet(since)) => Some(since.after(self.grace)),
            Requirement::NotAsked(Rule::Grace(until)) => Some(*until),
            _ => None,
        }
    }

    /// What a login must do that nothing exempts.
    fn requirement(&self, groups: &impl Groups, context: &LoginContext<'_>, account: Option<&Account>) -> Requirement {
        if account.is_some_and(Account::is_enrolled) {
            return match context.earlier {
                Some(EarlierStep::SameAddress) if !self.remember.is_zero() => Requirement::NotAsked(Rule::Remembered),
                Some(EarlierStep::SameSession) => Requirement::NotAsked(Rule::Recent),
                Some(EarlierStep::SameAddress) | None => Requirement::Asked,
            };
        }
        if !self.requires_by(groups, context.person) {
            return Requirement::NotAsked(Rule::NotEnrolled);
        }
        let started = account.and_then(|account| account.grace_since);
        match self.grace_until(started, context.now) {
            Some(rule) => Requirement::NotAsked(rule),
            None => Requirement::MustEnroll,
        }
    }

    /// The rule that exempts a login. Where the user database does not say who is in a group,
    /// nobody is.
    fn exempts(&self, groups: &impl Groups, context: &LoginContext<'_>) -> Option<Rule> {
        let LoginContext { person, service, origin, .. } = context;
        let is_named = |name: &String| {
            let is_alias = |alias: Option<&Username>| alias.is_some_and(|alias| name == alias.as_str());
            *name == person.name.as_str() || person.alias().is_ok_and(is_alias)
        };
        if self.exempt_users.iter().any(is_named) {
            return Some(Rule::ExemptUser);
        }
        if let Ok(Some(group)) = groups.first_of(person, &self.exempt_groups) {
            return Some(Rule::ExemptGroup(group.to_owned()));
        }
        self.exempts_place(service, origin)
    }

    /// The rule that exempts whoever comes from there to this service.
    fn exempts_place(&self, service: &str, origin: &Origin) -> Option<Rule> {
        let mut exempt = self.exempt_services.iter().map(String::as_str).chain([PASSWORD_SERVICE]);
        if exempt.any(|exempt| exempt.eq_ignore_ascii_case(service)) {
            return Some(Rule::ExemptService);
        }
        let address = origin.address(&self.proxies)?;
        self.exempt_networks.iter().any(|network| network.contains(&address)).then_some(Rule::ExemptNetwork)
    }

    /// Until when a user may still log in who has not enrolled; `None` if the time is over.
    ///
    /// Everyone has `grace` from `since` on. Whose own time `started` after that, at a first login
    /// or by a reset, has as long from then: whoever logs in for the first time now is one.
    fn grace_until(&self, started: Option<Timestamp>, now: Timestamp) -> Option<Rule> {
        if let Some(since) = self.since.filter(|since| now < *since) {
            return Some(Rule::NotYet(since));
        }
        let general = self.since.map(|since| since.after(self.grace));
        // A clock that was set back starts nobody's time again.
        let started =
            started.filter(|started| *started <= now).or(self.since.map(|_| now).filter(|_| started.is_none()));
        let own = started.filter(|started| general.is_none_or(|general| *started > general));
        let until = own.map(|started| started.after(self.grace)).or(general)?;
        (now < until).then_some(Rule::Grace(until))
    }
}

impl Rule {
    /// Whether the configuration exempts the login, whatever the account says.
    #[must_use]
    pub fn is_exemption(&self) -> bool {
        match self {
            Self::ExemptUser | Self::ExemptGroup(_) | Self::ExemptService | Self::ExemptNetwork => true,
            Self::Suspended
            | Self::Remembered
            | Self::Recent
            | Self::NotYet(_)
            | Self::Grace(_)
            | Self::NotEnrolled => false,
        }
    }

    /// Adds the rule to a log line.
    #[must_use]
    pub fn describe(&self, line: Line) -> Line {
        let line = line.with("rule", self);
        match self {
            Self::ExemptGroup(group) => line.with("group", group),
            Self::NotYet(moment) => line.with("required_from", moment.0),
            Self::Grace(until) => line.with("until", until.0),
            _ => line,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Suspended => "suspended",
            Self::ExemptUser => "exempt-user",
            Self::ExemptGroup(_) => "exempt-group",
            Self::ExemptService => "exempt-service",
            Self::ExemptNetwork => "exempt-network",
            Self::Remembered => "remembered",
            Self::Recent => "recent",
            Self::NotYet(_) => "not-required-yet",
            Self::Grace(_) => "grace",
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
mod tests;
