//! How one account stands.

use std::convert::Infallible;

use serde::Serialize;

use super::{AccountManager, from_store};
use crate::account::{Account, HistoryEntry, Suspension};
use crate::groups::Database;
use crate::overview::{Overview, Row};
use crate::policy::LoginContext;
use crate::request::{Refused, Status};
use crate::store::Store;
use crate::throttle::{Origin, Sums};
use crate::time::{Clock, ClockDoubt, Timestamp};
use crate::verdict::SET_BACK;

/// Everything about one account that is not secret, for an administrator.
#[derive(Debug, Clone, Serialize)]
pub struct AccountReport {
    /// What the user sees too.
    pub status: Status,
    /// The user's id.
    pub uid: u32,
    /// Uncleared wrong answers.
    pub failures: u32,
    /// Whether the user must have enrolled and has not.
    pub overdue: bool,
    /// The rule that exempts the user from everything, if one does.
    pub exempt: Option<String>,
    /// Until when an enrollment code of an administrator counts, in seconds since 1970.
    pub invited_until: Option<i64>,
    /// What happened to the account, oldest first.
    pub history: Vec<HistoryEntry>,
}

impl<S: Store, C: Clock> AccountManager<S, C> {
    /// How the second step of this person stands.
    pub(super) fn status(&self) -> Result<Status, Refused> {
        let account = self.store.find(&self.person).map_err(|error| from_store(&error))?;
        Ok(self.status_of(account.as_ref()))
    }

    /// The whole account without its secrets.
    ///
    /// # Errors
    /// [`Refused`]: the account cannot be read.
    pub fn show(&self) -> Result<AccountReport, Refused> {
        let account = self.store.find(&self.person).map_err(|error| from_store(&error))?;
        let sums = self.sums(account.as_ref());
        let overview = Overview { config: &self.config, store: &self.store, clock: &self.clock, groups: &Database };
        let Row { uid, overdue, exempt, invited_until, .. } = overview.row(&self.person);
        Ok(AccountReport {
            status: self.status_of(account.as_ref()),
            uid,
            failures: sums.total(),
            overdue,
            exempt,
            invited_until,
            history: account.map_or_else(Vec::new, |account| account.history),
        })
    }

    fn status_of(&self, account: Option<&Account>) -> Status {
        let now = self.clock.now().wall;
        let pending = account.and_then(|account| account.pending.as_ref()).filter(|pending| now < pending.expires_at);
        let suspension = account.and_then(|account| account.suspension.as_ref());
        let suspension = suspension.filter(|suspension| suspension.holds(now));
        Status {
            user: self.person.name.as_str().to_owned(),
            enrolled: account.is_some_and(Account::is_enrolled),
            required: self.config.policy.requires(&self.person),
            enroll_by: self.enroll_by(account),
            disabled: self.sums(account).known >= self.config.throttle.cap,
            host_clock: self.doubt(account),
            authenticators: account.map_or_else(Vec::new, Account::authenticator_statuses),
            recovery_codes: account.and_then(Account::recovery_status),
            last_second_step: account.and_then(|account| account.last_second_step.clone()),
            pending_until: pending.map(|pending| pending.expires_at.0),
            app_passwords: account.and_then(|account| account.app_passwords.as_ref()).map_or(0, |all| all.list.len()),
            suspension: suspension.map(Suspension::status),
        }
    }

    /// What is wrong with the host's clock, as far as it shows without a code.
    fn doubt(&self, account: Option<&Account>) -> Option<ClockDoubt> {
        let now = self.clock.now().wall;
        let last = account.and_then(|account| account.last_second_step.as_ref());
        let is_set_back = last.is_some_and(|last| Timestamp(last.at) > now.after(SET_BACK));
        let is_adrift = || (!self.clock.is_synchronized()).then_some(ClockDoubt::Unsynchronized);
        is_set_back.then_some(ClockDoubt::SetBack).or(now.doubt()).or_else(is_adrift)
    }

    /// Until when this person still logs in without having enrolled.
    fn enroll_by(&self, account: Option<&Account>) -> Option<i64> {
        let (person, origin, now) = (&self.person, &Origin::default(), self.clock.now().wall);
        let context = LoginContext { person, service: "", origin, now, earlier: None };
        let decided = self.config.decide::<Infallible>(&Database, &context, Ok(account));
        let Ok(requirement) = decided;
        self.config.policy.enroll_by(&requirement).map(|until| until.0)
    }

    /// The uncleared failures: the ledger's, or what the account knows of them.
    fn sums(&self, account: Option<&Account>) -> Sums {
        let Some(account) = account else { return Sums::default() };
        let ledger = self.store.update(&self.person, |held| held.ledger.throttle.sums());
        ledger.unwrap_or_else(|_| account.failures.into())
    }
}
