//! After a login was let through: what is recorded, and what the person is told.

use nix::errno::Errno;

use super::{Attempt, LoginError, Sender, Standing, remembered, standing};
use crate::account::Account;
use crate::config::Config;
use crate::messages;
use crate::policy::{Requirement, Rule};
use crate::store::{Keep, Store, StoreError};
use crate::time::{Clock, Timestamp};

/// How a login came by its second step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// By a verification code.
    Code,
    /// By something that holds for this login alone.
    Otherwise,
    /// It was not asked.
    NotAsked,
}

/// What the account phase does: all steps are proved by now, so no stranger can start a user's time
/// to enroll, or have an address remembered. Says what the person should know. Only root's processes
/// can tell that all steps are proved: for any other it does nothing.
///
/// # Errors
/// The account could not be read.
pub fn afterwards(
    attempt: &Attempt,
    config: &Config,
    store: &impl Store,
    clock: &impl Clock,
    passed: Passed,
) -> Result<Option<String>, LoginError> {
    if attempt.sender != Sender::Root {
        return Ok(None);
    }
    let now = clock.now();
    match passed {
        Passed::Otherwise => return Ok(None),
        Passed::Code => {
            remembered::remember(attempt, config, store, now.uptime);
            return Ok(None);
        }
        Passed::NotAsked => {}
    }
    let Standing { requirement, account } = standing(&attempt.context(now.wall, None), config, store)?;
    let Requirement::NotAsked(Rule::Grace(until)) = requirement else { return Ok(None) };
    if account.is_none_or(|account| account.grace_since.is_none()) {
        begin_grace(attempt, store, now.wall)?;
    }
    Ok(Some(messages::grace(until, now.wall, config)))
}

/// Begins a user's own time to enroll. On a disk that takes nothing it begins at a later login. Any
/// other failure refuses this one: a caller of su could else take from it what writing needs, and
/// the time would never begin.
fn begin_grace(attempt: &Attempt, store: &impl Store, now: Timestamp) -> Result<(), StoreError> {
    let begun = store.update(&attempt.person, |held| {
        let account = held.account.get_or_insert_with(|| Account::new(&held.name, held.uid, now));
        account.grace_since.get_or_insert(now);
        held.keep(Keep::Account);
    });
    match begun {
        Err(StoreError::Io { errno: Errno::ENOSPC | Errno::EROFS | Errno::EIO, .. }) => Ok(()),
        begun => begun,
    }
}
