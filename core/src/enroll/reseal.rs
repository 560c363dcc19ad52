//! One account, sealed by the host's newest key.

use super::{from_seal, from_store};
use crate::request::Refused;
use crate::store::{Keep, Store};
use crate::username::Person;

/// What became of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resealed {
    /// Whether something in it was sealed by an earlier key.
    pub changed: bool,
    /// The labels of the authenticators that no key of the host opens.
    pub lost: Vec<String>,
}

/// Seals by the newest key what an earlier one sealed, under the account's lock. Whoever comes after
/// it finds the account sealed so, and before it the earlier keys are there still.
///
/// # Errors
/// [`Refused`]: the account is invalid, or could not be written. Then it is as it was.
pub fn reseal(store: &impl Store, person: &Person) -> Result<Resealed, Refused> {
    let done = store.update(person, |held| {
        let key = store.seal_key()?;
        let Some(account) = &mut held.account else { return Ok((false, Vec::new())) };
        let done = account.reseal(&key)?;
        if done.0 {
            held.keep(Keep::Account);
        }
        Ok(done)
    });
    let (changed, lost) = done.map_err(|error| from_store(&error))?.map_err(|error| from_seal(&error))?;
    Ok(Resealed { changed, lost })
}
