//! A code from an administrator, by which a user enrolls once.

use serde::{Deserialize, Serialize};

use crate::recovery::RecoverySet;
use crate::secret::{NoRandomness, Typed};
use crate::time::Timestamp;

/// An invitation to enroll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// Until when it counts.
    pub expires_at: Timestamp,
    /// Its one code, kept as recovery codes are.
    pub code: RecoverySet,
}

impl Invite {
    /// A new one, and its code as it is shown, this once.
    ///
    /// # Errors
    /// The kernel gave no random bytes.
    pub fn new(now: Timestamp, expires_at: Timestamp) -> Result<(Self, Typed), NoRandomness> {
        let (code, mut shown) = RecoverySet::generate(1, now)?;
        Ok((Self { expires_at, code }, shown.pop().ok_or(NoRandomness)?))
    }

    /// When it was made.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.code.created_at
    }

    /// Until when its code counts, if it does now. A clock that was set back ends it.
    #[must_use]
    pub fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        (self.created_at() <= now && now < self.expires_at).then_some(self.expires_at)
    }
}
