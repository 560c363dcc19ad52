//! Answers of a listed caller, within its budget over all users.

use super::{CallerOrigin, CodeLogin, LoginError};
use crate::store::Store;
use crate::throttle::Source;
use crate::time::Clock;
use crate::username::{Person, Username};
use crate::verdict::{Rejection, Verdict};

/// No user's: (uid_t) -1 is invalid, and the one before it is left to nobody.
const NOBODYS: u32 = u32::MAX - 1;

/// Has an answer judged, if the caller's budget allows one more wrong one.
///
/// As for the user, what a wrong answer costs is recorded before the verdict is known. It is given back if
/// the answer was not wrong. A caller who dies in between has paid.
///
/// # Errors
/// As `judge`; or the budget cannot be charged.
pub(super) fn within<S: Store, C: Clock>(
    login: &CodeLogin<'_, S, C>,
    caller: &CallerOrigin,
    judge: impl FnOnce() -> Result<Verdict, LoginError>,
) -> Result<Verdict, LoginError> {
    let CodeLogin { config, store, clock, .. } = login;
    let (budget, limits) = (Source::of_caller(&caller.name, None), config.limits());
    let ledger = ledger_of(&budget);
    let charged =
        store.update(&ledger, |held| held.ledger.throttle.charge_budget(&budget, clock.now().uptime, &limits))?;
    if let Err(seconds) = charged {
        return Ok(Verdict::Refused(Rejection::Waiting(seconds)));
    }
    let judged = judge();
    // Where nothing could be judged, nothing was guessed.
    if !judged.as_ref().is_ok_and(Verdict::was_wrong) {
        // What cannot be given back is forgotten in time.
        let _ = store.update(&ledger, |held| {
            held.ledger.throttle.give_back(&budget, clock.now().uptime, &limits);
        });
    }
    judged
}

/// Whose ledger holds the budget: the name of no user, since a colon ends one in passwd(5).
fn ledger_of(budget: &Source) -> Person {
    Person { name: Username::new(budget.as_str()), alias: None.into(), uid: NOBODYS, gid: NOBODYS }
}
