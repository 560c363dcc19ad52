//! One answer that holds the password and, right behind it, a code: where the code begins.
//!
//! Nothing is judged here, since nothing is proved yet: the password module behind decides on the password,
//! and only then a line that asks for the code judges what was cut off.

use super::{Attempt, LoginError, Sender, Standing, rehearse};
use crate::account::Account;
use crate::config::Config;
use crate::policy::Requirement;
use crate::recovery;
use crate::secret::Typed;
use crate::store::Store;
use crate::time::{Clock, Moment};
use crate::verdict::{self, Answer, Question};

/// Where an answer is divided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Split {
    /// How many bytes at its end are the code.
    pub cut: usize,
    /// Whether a look at a code would have been needed, and none was left.
    pub peeks_used_up: bool,
}

/// Divides an answer.
///
/// The code is a recovery code written as it is shown, or else digits, as many as a device of the user's has.
/// Where several fit, it is the one that is right now, or else the longest that a device has. Users who are not asked
/// now have nothing cut off but a code that is right, which is not spent: they may type one as they are used to.
///
/// This must not become an oracle. At most ten answers an hour are looked up, and at most [`Limits::cap`] in which no
/// code is right; for a listed caller, which may tell anyone, none is.
///
/// [`Limits::cap`]: crate::throttle::Limits::cap
///
/// An answer that is a code and nothing else is divided with `nullok` alone: it leaves no password.
///
/// # Errors
/// The account cannot be read, and nothing exempts the user.
pub fn split(
    attempt: &Attempt,
    answer: &Typed,
    nullok: bool,
    (config, store, clock): (&Config, &impl Store, &impl Clock),
) -> Result<Split, LoginError> {
    let now = clock.now();
    let Standing { requirement, account } = rehearse(attempt, config, store, now)?;
    let Some(account) = account.filter(Account::is_enrolled) else { return Ok(Split::default()) };
    let fitting: Vec<&str> =
        fitting(answer.expose(), &account).filter(|code| nullok || code.len() < answer.expose().len()).collect();
    let is_asked = !matches!(requirement, Requirement::NotAsked(_));
    let otherwise = if is_asked { likely(&fitting, &account) } else { 0 };
    if fitting.is_empty() || (is_asked && fitting.len() == 1) || matches!(attempt.sender, Sender::Caller(_)) {
        return Ok(Split { cut: otherwise, peeks_used_up: false });
    }
    Ok(match right_one(attempt, &fitting, (&account, now), (config, store)) {
        Peeked::Right(length) => Split { cut: length, peeks_used_up: false },
        Peeked::None => Split { cut: otherwise, peeks_used_up: false },
        Peeked::UsedUp => Split { cut: otherwise, peeks_used_up: true },
    })
}

/// Whether an answer may end with a recovery code, which takes long to look up. This does not depend on the user.
#[must_use]
pub fn looks_slow(answer: &Typed) -> bool {
    let tail = |length: usize| answer.expose().len().checked_sub(length).and_then(|start| answer.expose().get(start..));
    tail(recovery::SHOWN).is_some_and(recovery::is_as_shown)
        || tail(recovery::IMPORTED_DIGITS).is_some_and(|tail| tail.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Forgets the looks at codes of a user who is not asked: the password behind one that was right was right too.
pub fn forget_peeks(attempt: &Attempt, store: &impl Store) {
    // What cannot be forgotten is forgotten in time.
    let _ = store.update(&attempt.person, |held| held.ledger.forget_peeks());
}

/// The length of what is most likely the code: that of a device goes before that of another program's recovery code,
/// which is used once in years.
fn likely(fitting: &[&str], account: &Account) -> usize {
    let is_of_device = |code: &&&str| account.digits().iter().any(|digits| usize::from(*digits) == code.len());
    fitting.iter().rfind(is_of_device).or(fitting.last()).map_or(0, |code| code.len())
}

/// What a look at codes says.
enum Peeked {
    /// The one of this length is right now.
    Right(usize),
    /// None is, or it cannot be found out.
    None,
    /// No look was left.
    UsedUp,
}

/// The look is charged before anything is computed, and kept when the process ends in between.
fn right_one(
    attempt: &Attempt,
    fitting: &[&str],
    (account, now): (&Account, Moment),
    (config, store): (&Config, &impl Store),
) -> Peeked {
    let charged = store.update(&attempt.person, |held| held.ledger.charge_peek(now.uptime, config.limits().cap));
    match charged {
        Ok(true) => {}
        Ok(false) => return Peeked::UsedUp,
        Err(_) => return Peeked::None,
    }
    let answers: Vec<_> = fitting.iter().map(|code| Answer::read(&Typed::new((*code).to_owned()), account)).collect();
    let source = attempt.source(config);
    let found = store.update(&attempt.person, |held| {
        let question = Question { config, key: store.seal_key(), service: &attempt.service, source: &source, now };
        let right = answers.iter().position(|answer| verdict::is_right(held, answer, &question));
        if right.is_some() {
            held.ledger.peek_found();
        }
        right
    });
    let right = found.ok().flatten().and_then(|index| fitting.get(index));
    right.map_or(Peeked::None, |code| Peeked::Right(code.len()))
}

/// What at the end of an answer has the form of one of the user's codes, the shortest first.
fn fitting<'a>(answer: &'a str, account: &Account) -> impl Iterator<Item = &'a str> {
    let recovery = account.recovery.as_ref();
    let imported = recovery.filter(|set| set.are_imported()).map(|_| recovery::IMPORTED_DIGITS);
    let mut lengths: Vec<usize> = account.digits().into_iter().map(usize::from).chain(imported).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let tail = |length: usize| answer.len().checked_sub(length).and_then(|start| answer.get(start..));
    let digits = lengths.into_iter().filter_map(tail).filter(|tail| tail.bytes().all(|byte| byte.is_ascii_digit()));
    // It ends with four characters behind a dash, so that no digits fit beside it.
    let shown = recovery.and_then(|_| tail(recovery::SHOWN)).filter(|tail| recovery::is_as_shown(tail));
    shown.into_iter().chain(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Authenticator;
    use crate::account::tests::authenticator;
    use crate::recovery::RecoverySet;
    use crate::time::Timestamp;
    use crate::username::Username;

    fn account(digits: &[u8], recovery: Option<RecoverySet>) -> Account {
        let mut account = Account::new(&Username::new("alice"), 1000, Timestamp(0));
        account.authenticators.extend(digits.iter().map(|digits| Authenticator { digits: *digits, ..authenticator() }));
        account.recovery = recovery;
        account
    }

    #[test]
    fn the_code_is_what_stands_at_the_end_in_the_form_of_one_of_the_users() {
        let own = || RecoverySet::generate(1, Timestamp(0)).ok().map(|(set, _)| set);
        let (six, both) = (account(&[6], own()), account(&[6, 8], own()));
        let scratch = account(&[6], RecoverySet::imported(&[Typed::new("12345678".into())], Timestamp(0)).ok());
        let seen = |answer, account| fitting(answer, account).collect::<Vec<_>>();
        for (answer, account, expected) in [
            ("secret7123456", &six, vec!["123456"]),
            ("secret12345678", &both, vec!["345678", "12345678"]),
            ("secret12345678", &scratch, vec!["345678", "12345678"]),
            ("p\u{e4}ss123456", &six, vec!["123456"]),
            ("123456", &six, vec!["123456"]),
            ("hunter2abcd-efgh-jkmn-pq12", &six, vec!["abcd-efgh-jkmn-pq12"]),
            ("hunter2ABCD-EFGH-JKMN-PQ12", &six, vec!["ABCD-EFGH-JKMN-PQ12"]),
        ] {
            assert_eq!(seen(answer, account), expected, "{answer}");
        }
        let no_set = account(&[6], None);
        for (answer, account) in [
            ("secret", &six),
            ("", &six),
            ("12345", &six),
            ("secret123456x", &six),
            ("secret\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}", &six),
            // Ordinary passwords look like that.
            ("hunter2abcdefghjkmnpq12", &six),
            ("hunter2abcd-efgh-jkmn-pq1", &six),
            ("hunter2abcd-efgh-jkmn-pq1!", &six),
            ("hunter2abcd-efgh-jkmn-pq12", &no_set),
        ] {
            assert!(seen(answer, account).is_empty(), "{answer}");
        }
    }

    #[test]
    fn a_code_of_a_device_is_more_likely_than_one_of_another_program() {
        let scratch = account(&[6], RecoverySet::imported(&[Typed::new("12345678".into())], Timestamp(0)).ok());
        assert_eq!(likely(&["345678", "12345678"], &scratch), 6);
        assert_eq!(likely(&["345678", "12345678"], &account(&[6, 8], None)), 8);
        assert_eq!((likely(&["abcd-efgh-jkmn-pq12"], &scratch), likely(&[], &scratch)), (19, 0));
    }
}
