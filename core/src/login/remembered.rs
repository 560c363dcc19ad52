//! Second steps that were passed a short while ago, from the same address or in the same session.

use super::{Attempt, SessionUse, Standing, recent, standing};
use crate::config::Config;
use crate::ledger::Ledger;
use crate::policy::EarlierStep;
use crate::store::{Store, StoreError};
use crate::time::{Moment, Uptime};

/// Longest name of a service that is remembered, in bytes.
const SERVICE: usize = 64;

/// Which second step of this user still holds: from the same address to the same service, or in the same
/// session. What cannot be read does not.
pub(super) fn holds(attempt: &Attempt, config: &Config, store: &impl Store, now: Uptime) -> Option<EarlierStep> {
    let place = place(attempt, config);
    if place.is_none() && !matches!(attempt.session, Some(SessionUse::Recent(..))) {
        return None;
    }
    store.update(&attempt.person, |held| earlier(attempt, place.as_deref(), config, (&held.ledger, now))).ok().flatten()
}

fn earlier(
    attempt: &Attempt,
    place: Option<&str>,
    config: &Config,
    (ledger, now): (&Ledger, Uptime),
) -> Option<EarlierStep> {
    if place.is_some_and(|place| ledger.remembers(place, now, config.policy.remember)) {
        return Some(EarlierStep::SameAddress);
    }
    recent::holds(attempt, ledger, now).then_some(EarlierStep::SameSession)
}

/// What a login would have to do now, without waiting for a lock and without recording anything.
///
/// # Errors
/// As [`standing`].
pub fn rehearse(attempt: &Attempt, config: &Config, store: &impl Store, now: Moment) -> Result<Standing, StoreError> {
    let place = place(attempt, config);
    let ledger = store.peek(&attempt.person);
    let earlier = ledger.and_then(|ledger| earlier(attempt, place.as_deref(), config, (&ledger, now.uptime)));
    standing(&attempt.context(now.wall, earlier), config, store)
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
