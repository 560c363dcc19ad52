//! Addresses from which a second step was passed a short while ago.

use super::Attempt;
use crate::config::Config;
use crate::policy::Visit;
use crate::store::Store;
use crate::throttle::Origin;
use crate::time::Uptime;

/// Longest name of a service that is remembered, in bytes.
const SERVICE: usize = 64;

/// Whether a second step of this user, from the same address to the same service, still holds. What
/// cannot be read is not remembered.
pub(super) fn holds(attempt: &Attempt, config: &Config, store: &impl Store, now: Uptime) -> bool {
    let Some(place) = place(attempt, config) else { return false };
    store.update(&attempt.person, |held| held.ledger.remembers(&place, now, config.policy.remember)).unwrap_or(false)
}

/// Whether it would hold for somebody who came now, without waiting for anyone or recording that they
/// did: for those who ask what a login would do.
#[must_use]
pub fn would_hold(visit: &Visit<'_>, config: &Config, store: &impl Store, now: Uptime) -> bool {
    let Some(place) = place_of(visit.service, visit.origin, config) else { return false };
    let ledger = store.peek(visit.person);
    ledger.is_some_and(|ledger| ledger.remembers(&place, now, config.policy.remember))
}

/// Remembers this address and service. What cannot be recorded is asked again.
pub(super) fn remember(attempt: &Attempt, config: &Config, store: &impl Store, now: Uptime) {
    let Some(place) = place(attempt, config) else { return };
    let _ = store.update(&attempt.person, |held| held.ledger.remember(place.clone(), now));
}

/// Where a login comes from and goes to, if that can be remembered: an address that is no proxy's.
fn place(attempt: &Attempt, config: &Config) -> Option<String> {
    place_of(&attempt.service, &attempt.origin, config)
}

fn place_of(service: &str, origin: &Origin, config: &Config) -> Option<String> {
    let is_on = !config.policy.remember.is_zero();
    let address = origin.address(&config.policy.proxies).filter(|_| is_on && service.len() <= SERVICE)?;
    Some(format!("{address} {service}"))
}
