//! Addresses from which a second step was passed a short while ago.

use super::Attempt;
use crate::config::Config;
use crate::store::Store;
use crate::time::Uptime;

/// Longest name of a service that is remembered, in bytes.
const SERVICE: usize = 64;

/// Whether a second step of this user, from the same address to the same service, still holds. What
/// cannot be read is not remembered.
pub(super) fn holds(attempt: &Attempt, config: &Config, store: &impl Store, now: Uptime) -> bool {
    let Some(place) = place(attempt, config) else { return false };
    store.update(&attempt.person, |held| held.ledger.remembers(&place, now, config.policy.remember)).unwrap_or(false)
}

/// Remembers this address and service. What cannot be recorded is asked again.
pub(super) fn remember(attempt: &Attempt, config: &Config, store: &impl Store, now: Uptime) {
    let Some(place) = place(attempt, config) else { return };
    let _ = store.update(&attempt.person, |held| held.ledger.remember(place, now));
}

/// Where a login comes from and goes to, if that can be remembered: an address that is no proxy's.
fn place(attempt: &Attempt, config: &Config) -> Option<String> {
    let is_on = !config.policy.remember.is_zero();
    let is_short = attempt.service.len() <= SERVICE;
    let address = attempt.origin.address(&config.policy.proxies).filter(|_| is_on && is_short)?;
    Some(format!("{address} {}", attempt.service))
}
