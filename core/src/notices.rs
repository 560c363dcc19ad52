//! What a person reads after a login: what happened to the account since the last one.

use crate::account::Account;
use crate::ledger::Wrong;
use crate::login::LoginError;
use crate::store::{Held, Keep, Store};
use crate::time::{Clock, Timestamp};
use crate::username::Person;
use crate::words::recovery_left;

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
    let news = news(account);
    let left = account.recovery.as_ref().map(|set| set.left());
    let mut lines = wrong_codes(&wrong);
    let has_news = !news.is_empty();
    lines.extend(news);
    lines.extend(left.filter(|left| *left <= 3).map(recovery_left));
    if has_news {
        account.noticed_until = now;
        held.keep(Keep::AccountIfPossible);
    }
    lines
}

/// What was added and used since the last notice.
fn news(account: &Account) -> Vec<String> {
    let is_new = |at: i64| at > account.noticed_until.0;
    let added = account.authenticators.iter().filter(|one| is_new(one.added_at.0)).map(|one| {
        format!(
            "The authenticator \"{}\" was added on {}. If that was not you, tell your administrator.",
            one.label,
            date(one.added_at.0)
        )
    });
    let codes = account.recovery.iter().flat_map(|set| &set.codes);
    let used = codes.filter_map(|code| code.used.as_ref()).filter(|used| is_new(used.at)).map(|used| {
        format!("A recovery code was used on {} for {} from {}.", date(used.at), used.service, used.source)
    });
    added.chain(used).collect()
}

fn wrong_codes(wrong: &Wrong) -> Vec<String> {
    match wrong.count {
        0 => Vec::new(),
        1 => vec![format!("1 wrong code was given for you since your last login, from {}.", wrong.source)],
        count => vec![format!(
            "{count} wrong codes were given for you since your last login, the last one from {}.",
            wrong.source
        )],
    }
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
