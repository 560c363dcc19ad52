//! New recovery codes, and a new beginning.

use super::{AccountManager, no_randomness};
use crate::account::{Account, Failures};
use crate::messages::changes;
use crate::recovery::RecoverySet;
use crate::request::{Refusal, Refused, Response};
use crate::secret::Typed;
use crate::store::{Keep, Store};
use crate::time::Clock;

impl<S: Store, C: Clock> AccountManager<S, C> {
    /// Replaces all recovery codes.
    pub(super) fn regenerate(&self, proof: &Typed) -> Result<Response, Refused> {
        let proof = self.proof(Some(proof))?;
        let now = self.clock.now().wall;
        let (set, recovery_codes) = RecoverySet::generate(self.config.recovery.count, now).map_err(no_randomness)?;
        self.change_proved(&proof, |held, question| {
            if !held.account.as_ref().is_some_and(Account::is_enrolled) {
                return Err(Refused::new(Refusal::NoAuthenticator, changes::NO_CODES_WITHOUT_AUTHENTICATOR));
            }
            self.prove(held, &proof, question)?;
            held.keep(Keep::Account);
            if let Some(account) = held.account.as_mut() {
                account.recovery = Some(set.clone());
                account.record(now, "recovery-codes-regenerated", "");
            }
            self.record(self.event("recovery-codes-regenerated"));
            Ok(Response::RecoveryCodes { recovery_codes: recovery_codes.clone() })
        })
    }

    /// Takes everything that was enrolled out of the account; its history stays.
    pub(super) fn empty(&self, by: &str) -> Result<Response, Refused> {
        let now = self.clock.now().wall;
        self.change(|held| {
            let account = held.account.get_or_insert_with(|| Account::new(&held.name, held.uid, now));
            account.authenticators.clear();
            (account.pending, account.recovery) = (None, None);
            let revoked = account.app_passwords.take();
            (account.failures, account.known_sources) = (Failures::default(), Vec::new());
            account.grace_since = Some(now);
            account.record(now, "reset", &format!("by {by}"));
            held.ledger.throttle.clear();
            held.ledger.forget_peeks();
            held.ledger.forget_logins();
            held.keep(Keep::Account);
            self.record(self.event("reset").with("admin", by));
            for one in revoked.into_iter().flat_map(|all| all.list) {
                self.record(self.event("app-password-revoked").with("label", one.label));
            }
            Ok(Response::Removed { label: String::new(), enrolled: false, app_passwords: Vec::new() })
        })
    }
}
