//! An administrator helps one user: without ever seeing a secret of theirs.

use std::time::Duration;

use super::{AccountManager, no_randomness};
use crate::account::{Account, Failures, Invite};
use crate::messages::changes;
use crate::request::{Refusal, Refused};
use crate::secret::Typed;
use crate::store::{Keep, Store};
use crate::time::{Clock, Timestamp};

/// How long a recovery code that an administrator reads out counts.
const ISSUED: Duration = Duration::from_secs(24 * 3600);
/// The longest time to live of an enrollment code.
const LONGEST_INVITE: Duration = Duration::from_secs(30 * 86_400);

/// A code for one user, shown this once.
#[derive(Debug)]
pub struct Issued {
    /// The code, in groups.
    pub code: Typed,
    /// Until when it counts.
    pub expires_at: Timestamp,
}

impl<S: Store, C: Clock> AccountManager<S, C> {
    /// Forgets every wrong code, so that nobody has to wait and codes count again.
    ///
    /// # Errors
    /// [`Refused`]: the account cannot be changed.
    pub fn unlock(&self, by: &str) -> Result<(), Refused> {
        let now = self.clock.now().wall;
        let unlocked = self.change(|held| {
            held.ledger.throttle.clear();
            held.ledger.forget_peeks();
            if let Some(account) = held.account.as_mut() {
                account.failures = Failures::default();
                account.record(now, "unlocked", &format!("by {by}"));
                held.keep(Keep::Account);
            }
            self.record(self.event("unlocked").with("admin", by));
            Ok(())
        });
        unlocked.inspect_err(|refused| self.log_refusal(refused))
    }

    /// Makes one more recovery code, to be read out; an earlier one of this kind is void.
    ///
    /// # Errors
    /// [`Refused`]: the user is not enrolled, or the account cannot be changed.
    pub fn issue_recovery_code(&self, by: &str) -> Result<Issued, Refused> {
        let now = self.clock.now().wall;
        let expires_at = now.after(ISSUED);
        let issued = self.change(|held| {
            let account = held.account.as_mut().filter(|account| account.is_enrolled());
            let Some((account, set)) = account.and_then(|account| account.recovery.take().map(|set| (account, set)))
            else {
                return Err(Refused::new(Refusal::NoAuthenticator, changes::USER_NOT_ENROLLED));
            };
            let mut set = set;
            let code = set.issue(expires_at).map_err(no_randomness)?;
            account.recovery = Some(set);
            account.record(now, "recovery-code-issued", &format!("by {by}"));
            held.keep(Keep::Account);
            self.record(self.event("recovery-code-issued").with("admin", by).with("until", expires_at.0));
            Ok(Issued { code, expires_at })
        });
        issued.inspect_err(|refused| self.log_refusal(refused))
    }

    /// Makes a code by which the user enrolls once; an earlier one is void.
    ///
    /// # Errors
    /// [`Refused`]: the time is impossible, the user has enrolled, or the account cannot
    /// be changed.
    pub fn invite(&self, time: Duration, by: &str) -> Result<Issued, Refused> {
        let invited = if time.is_zero() || time > LONGEST_INVITE {
            Err(Refused::new(Refusal::BadRequest, changes::INVITE_TIME))
        } else {
            self.make_invite(time, by)
        };
        invited.inspect_err(|refused| self.log_refusal(refused))
    }

    fn make_invite(&self, time: Duration, by: &str) -> Result<Issued, Refused> {
        let now = self.clock.now().wall;
        let expires_at = now.after(time);
        let (invite, code) = Invite::new(now, expires_at).map_err(no_randomness)?;
        self.change(|held| {
            if held.account.as_ref().is_some_and(Account::is_enrolled) {
                return Err(Refused::new(Refusal::NoRoom, changes::ENROLLED_ALREADY));
            }
            let account = held.account.get_or_insert_with(|| Account::new(&held.name, held.uid, now));
            // What was begun by an earlier code is void with it.
            (account.invite, account.pending) = (Some(invite.clone()), None);
            account.record(now, "invited", &format!("by {by}"));
            held.keep(Keep::Account);
            self.record(self.event("invited").with("admin", by).with("until", expires_at.0));
            Ok(Issued { code: code.clone(), expires_at })
        })
    }
}
