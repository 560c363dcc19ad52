//! What a person reads after a login: what happened to the account since the last one.

use crate::account::{Account, Authenticator};
use crate::app_password::AppPassword;
use crate::login::LoginError;
use crate::messages::notices as messages;
use crate::recovery::RecoverySet;
use crate::request::SecondStep;
use crate::store::{Held, Keep, Store};
use crate::time::{Clock, Timestamp};
use crate::username::Person;

/// The lines for this login, most important first, and none when there is nothing to say. What was
/// shown once is not shown again.
///
/// # Errors
/// Account or ledger could not be read.
pub fn notices(person: &Person, store: &impl Store, clock: &impl Clock) -> Result<Vec<String>, LoginError> {
    if !store.find(person)?.is_some_and(|account| account.is_enrolled()) {
        return Ok(Vec::new());
    }
    Ok(store.update(person, |held| take(held, clock.now().wall))?)
}

fn take(held: &mut Held, now: Timestamp) -> Vec<String> {
    let wrong = std::mem::take(&mut held.ledger.unnoticed);
    let Some(account) = held.account.as_mut() else { return Vec::new() };
    let mut lines: Vec<String> = messages::wrong_codes(&wrong).into_iter().collect();
    lines.extend(suspended(account, now));
    lines.extend(added(account));
    lines.extend(resynchronized(account));
    lines.extend(app_passwords(account));
    let mut used = used(account);
    match (used.last_mut(), account.recovery.as_ref().map(RecoverySet::left)) {
        (Some(last), Some(left)) => *last = format!("{last} {}", messages::recovery_left(left)),
        (None, Some(left)) if left <= 3 => lines.push(messages::recovery_left(left)),
        _ => {}
    }
    lines.extend(used);
    let newest = newest(account);
    if newest > account.noticed_until {
        account.noticed_until = newest;
        held.keep(Keep::AccountIfPossible);
    }
    lines
}

fn added(account: &Account) -> Vec<String> {
    let is_new = |one: &&Authenticator| one.added_at > account.noticed_until;
    let line = |one: &Authenticator| messages::authenticator_added(&one.label, &date(one.added_at.0));
    account.authenticators.iter().filter(is_new).map(line).collect()
}

/// One line for each whose clock was put right by two codes.
fn resynchronized(account: &Account) -> Vec<String> {
    let line = |one: &Authenticator| {
        let at = one.resynchronized_at()?;
        (at > account.noticed_until).then(|| messages::clock_put_right(&one.label, &date(at.0)))
    };
    account.authenticators.iter().filter_map(line).collect()
}

fn suspended(account: &Account, now: Timestamp) -> Option<String> {
    let suspension = account.suspension.as_ref().filter(|suspension| suspension.holds(now))?;
    Some(messages::suspended(&date(suspension.until.0), &suspension.by))
}

/// One line for each that was made, and one for each that was used for the first time.
fn app_passwords(account: &Account) -> Vec<String> {
    let is_new = |at: i64| at > account.noticed_until.0;
    let lines = |one: &AppPassword| {
        let made =
            is_new(one.created_at.0).then(|| messages::app_password_created(&one.label, &date(one.created_at.0)));
        let used = one.first_use.as_ref().filter(|first| is_new(first.at));
        let used = used.map(|first| messages::app_password_used(&one.label, &date(first.at), first));
        made.into_iter().chain(used)
    };
    all_app_passwords(account).flat_map(lines).collect()
}

fn all_app_passwords(account: &Account) -> impl Iterator<Item = &AppPassword> {
    account.app_passwords.iter().flat_map(|passwords| &passwords.list)
}

fn used(account: &Account) -> Vec<String> {
    let is_new = |used: &SecondStep| used.at > account.noticed_until.0;
    let line = |used: SecondStep| messages::recovery_code_used(&date(used.at), &used);
    uses(account).filter(is_new).map(line).collect()
}

fn uses(account: &Account) -> impl Iterator<Item = SecondStep> {
    account.recovery.iter().flat_map(RecoverySet::used)
}

/// The moment of the last thing that there is to notice.
fn newest(account: &Account) -> Timestamp {
    let added = account.authenticators.iter().map(|one| one.added_at);
    let resynchronized = account.authenticators.iter().filter_map(Authenticator::resynchronized_at);
    let made = all_app_passwords(account).map(|one| one.created_at);
    let first_used = all_app_passwords(account).filter_map(|one| one.first_use.as_ref());
    let used = uses(account).map(|used| used.at).chain(first_used.map(|first| first.at)).map(Timestamp);
    added.chain(resynchronized).chain(made).chain(used).max().unwrap_or(account.noticed_until)
}

/// A moment to read; UTC, since a guest does not ask for its host's time zone.
fn date(at: i64) -> String {
    let Ok(at) = jiff::Timestamp::from_second(at) else { return "an unknown day".to_owned() };
    let at = jiff::tz::Offset::UTC.to_datetime(at);
    let (day, time) = (at.date(), at.time());
    format!("{}-{:02}-{:02} {:02}:{:02} UTC", day.year(), day.month(), day.day(), time.hour(), time.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_well() {
        assert_eq!(date(1_800_000_000), "2027-01-15 08:00 UTC");
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(i64::MAX), "an unknown day");
    }
}
