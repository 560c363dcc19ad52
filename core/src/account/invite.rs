//! A code from an administrator, by which a user enrolls once.

use crate::document::{Fields, Misfit, Record, Writer};
use crate::recovery::RecoverySet;
use crate::secret::{NoRandomness, Typed};
use crate::time::Timestamp;

/// An invitation to enroll.
#[derive(Debug, Clone, PartialEq, Eq)]
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

    pub(super) fn write(&self, to: &mut Writer) {
        to.table("invite");
        to.set("expires_at", self.expires_at);
        self.code.write("invite.code", to);
    }
}

impl Record for Invite {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        Ok(Self { expires_at: fields.need("expires_at")?, code: fields.need("code")? })
    }
}
