//! Addresses from which a second step was passed a short while ago.

use super::{Attempt, Standing, standing};
use crate::config::Config;
use crate::store::{Store, StoreError};
use crate::time::{Moment, Uptime};

/// Longest name of a service that is remembered, in bytes.
const SERVICE: usize = 64;

/// Whether a second step of this user, from the same address to the same service, still holds. What
/// cannot be read is not remembered.
pub(super) fn holds(attempt: &Attempt, config: &Config, store: &impl Store, now: Uptime) -> bool {
    let Some(place) = place(attempt, config) else { return false };
    store.update(&attempt.person, |held| held.ledger.remembers(&place, now, config.policy.remember)).unwrap_or(false)
}

/// What a login would have to do now, without waiting for a lock and without recording anything.
///
/// # Errors
/// As [`standing`].
pub fn rehearse(attempt: &Attempt, config: &Config, store: &impl Store, now: Moment) -> Result<Standing, StoreError> {
    let is_remembered = place(attempt, config).is_some_and(|place| {
        let ledger = store.peek(&attempt.person);
        ledger.is_some_and(|ledger| ledger.remembers(&place, now.uptime, config.policy.remember))
    });
    standing(&attempt.context(now.wall, is_remembered), config, store)
}

/// Remembers this address and service. What cannot be recorded is asked again.
pub(super) fn remember(attempt: &Attempt, config: &Config, store: &impl Store, now: Uptime) {
    let Some(place) = place(attempt, config) else { return };
    let _ = store.update(&attempt.person, |held| held.ledger.remember(place.clone(), now));
}

/// Where a login comes from and goes to, if that can be remembered: an address that is neither a proxy's
/// nor this host's own.
fn place(attempt: &Attempt, config: &Config) -> Option<String> {
    let Attempt { service, origin, .. } = attempt;
    let is_on = !config.policy.remember.is_zero();
    let address = origin
        .address(&config.policy.proxies)
        .filter(|address| is_on && service.len() <= SERVICE && !address.is_loopback())?;
    Some(format!("{address} {service}"))
}
