//! How the second step stands for every user of the host: what an auditor asks for.

use serde::Serialize;

use crate::account::Account;
use crate::config::Config;
use crate::groups::Groups;
use crate::policy::{LoginContext, Requirement, Rule};
use crate::request::SecondStep;
use crate::store::Store;
use crate::throttle::{Origin, Sums};
use crate::time::Clock;
use crate::username::Person;

/// One user's line.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Row {
    /// The user.
    pub user: String,
    /// The user's id.
    pub uid: u32,
    /// Whether at least one authenticator is confirmed.
    pub enrolled: bool,
    /// The labels of the authenticators.
    pub authenticators: Vec<String>,
    /// When the oldest of them was confirmed, in seconds since 1970.
    pub enrolled_since: Option<i64>,
    /// The last second step, to the day.
    pub last_second_step: Option<SecondStep>,
    /// Recovery codes left, if there is a set.
    pub recovery_codes_left: Option<usize>,
    /// How many application passwords there are.
    pub app_passwords: usize,
    /// Whether policy requires a second step of this user, sooner or later.
    pub required: bool,
    /// Until when the user still logs in without having enrolled, in seconds since 1970.
    pub grace_until: Option<i64>,
    /// Whether the user must have enrolled and has not.
    pub overdue: bool,
    /// The rule that exempts the user from everything, if one does.
    pub exempt: Option<String>,
    /// Until when the second step is suspended, in seconds since 1970.
    pub suspended_until: Option<i64>,
    /// Who suspended it.
    pub suspended_by: Option<String>,
    /// Why.
    pub suspension_reason: Option<String>,
    /// Until when an administrator's enrollment code counts, in seconds since 1970.
    pub invited_until: Option<i64>,
    /// Whether wrong codes have closed verification codes.
    pub locked: bool,
    /// Why nothing can be said about this user.
    pub trouble: Option<String>,
}

/// What the rows are made from.
#[derive(Debug)]
pub struct Overview<'a, S, C, G> {
    /// The configuration.
    pub config: &'a Config,
    /// The store.
    pub store: &'a S,
    /// The clock.
    pub clock: &'a C,
    /// Who is in which group.
    pub groups: &'a G,
}

impl<S: Store, C: Clock, G: Groups> Overview<'_, S, C, G> {
    /// The line of one user. An account that cannot be read is a line too.
    #[must_use]
    pub fn row(&self, person: &Person) -> Row {
        let found = self.store.find(person);
        let account = found.as_ref().map(Option::as_ref);
        let now = self.clock.now().wall;
        let origin = Origin::default();
        let context = LoginContext { person, service: "", origin: &origin, now, earlier: None };
        let requirement = self.config.decide(self.groups, &context, account).ok();
        let trouble = found.as_ref().err().map(ToString::to_string);
        let account = account.ok().flatten();
        let suspension = account.and_then(|account| account.suspension.as_ref()).filter(|one| one.holds(now));
        let enrolled = account.is_some_and(Account::is_enrolled);
        Row {
            user: person.name.as_str().to_owned(),
            uid: person.uid,
            enrolled,
            authenticators: account.map_or_else(Vec::new, labels),
            enrolled_since: account.and_then(|one| one.authenticators.iter().map(|one| one.added_at.0).min()),
            last_second_step: account.and_then(|account| account.last_second_step.clone()),
            recovery_codes_left: account.and_then(|account| account.recovery.as_ref()).map(|set| set.left()),
            app_passwords: account.and_then(|one| one.app_passwords.as_ref()).map_or(0, |all| all.list.len()),
            required: self.config.policy.requires_by(self.groups, person),
            grace_until: requirement.as_ref().and_then(|one| self.config.policy.enroll_by(one)).map(|until| until.0),
            overdue: requirement == Some(Requirement::MustEnroll),
            exempt: requirement.as_ref().and_then(exempt),
            suspended_until: suspension.map(|suspension| suspension.until.0),
            suspended_by: suspension.map(|suspension| suspension.by.clone()),
            suspension_reason: suspension.map(|suspension| suspension.reason.clone()),
            invited_until: account.and_then(|one| one.invite.as_ref()?.open_until(now)).map(|until| until.0),
            locked: enrolled && self.sums(person, account).known >= self.config.throttle.cap,
            trouble,
        }
    }

    /// The ledger's, if there is one: a report takes no lock and makes nothing.
    fn sums(&self, person: &Person, account: Option<&Account>) -> Sums {
        match self.store.peek(person) {
            Some(ledger) => ledger.throttle.sums(),
            None => account.map_or_else(Sums::default, |account| account.failures.into()),
        }
    }
}

fn labels(account: &Account) -> Vec<String> {
    account.authenticators.iter().map(|one| one.label.clone()).collect()
}

fn exempt(requirement: &Requirement) -> Option<String> {
    match requirement {
        Requirement::NotAsked(Rule::ExemptGroup(group)) => Some(format!("exempt-group {group}")),
        Requirement::NotAsked(rule @ Rule::ExemptUser) => Some(rule.to_string()),
        _ => None,
    }
}
