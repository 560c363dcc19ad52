//! An administrator switches the second step off for one user, for a time.

use std::time::Duration;

use super::AccountManager;
use crate::account::{Account, Suspension};
use crate::audit::printable;
use crate::messages::changes;
use crate::request::{Refusal, Refused, SuspensionStatus};
use crate::store::{Keep, Store};
use crate::time::Clock;

/// Longest reason, in bytes.
const REASON: usize = 200;

impl<S: Store, C: Clock> AccountManager<S, C> {
    /// Switches the second step off for `time`, from now on. `by` is the administrator's name.
    ///
    /// # Errors
    /// [`Refused`]: the time is too long, the reason is no line of text, or the account
    /// cannot be changed.
    pub fn suspend(&self, time: Duration, by: &str, reason: &str) -> Result<SuspensionStatus, Refused> {
        let suspended = self.suspension(time, by, reason).and_then(|suspension| {
            self.change(|held| {
                let now = suspension.from;
                let account = held.account.get_or_insert_with(|| Account::new(&held.name, held.uid, now));
                account.record(now, "suspended", format!("by {by}: {reason}").trim_end_matches(": "));
                account.suspension = Some(suspension.clone());
                held.keep(Keep::Account);
                let line = self.event("suspended").with("admin", by).with("until", suspension.until.0);
                self.record(line.with("reason", reason));
                Ok(suspension.status())
            })
        });
        suspended.inspect_err(|refused| self.log_refusal(refused))
    }

    /// Switches the second step on again.
    ///
    /// # Errors
    /// [`Refused`]: it is not off, or the account cannot be changed.
    pub fn resume(&self, by: &str) -> Result<(), Refused> {
        let now = self.clock.now().wall;
        let resumed = self.change(|held| {
            let account = held.account.as_mut().filter(|account| account.suspension.is_some());
            let Some(account) = account else {
                return Err(Refused::new(Refusal::BadRequest, changes::NOT_SUSPENDED));
            };
            account.suspension = None;
            account.record(now, "resumed", &format!("by {by}"));
            held.keep(Keep::Account);
            self.record(self.event("resumed").with("admin", by));
            Ok(())
        });
        resumed.inspect_err(|refused| self.log_refusal(refused))
    }

    fn suspension(&self, time: Duration, by: &str, reason: &str) -> Result<Suspension, Refused> {
        if time.is_zero() || time > self.config.policy.max_suspension {
            return Err(Refused::new(Refusal::Policy, &changes::suspended_too_long(&self.config)));
        }
        if reason.len() > REASON || printable(reason) != reason {
            return Err(Refused::new(Refusal::BadRequest, changes::NO_REASON));
        }
        let from = self.clock.now().wall;
        Ok(Suspension { from, until: from.after(time), by: by.to_owned(), reason: reason.to_owned() })
    }
}
