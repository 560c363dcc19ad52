//! The temporary switch-off of one user's second step.

use serde::{Deserialize, Serialize};

use crate::request::SuspensionStatus;
use crate::time::Timestamp;

/// An administrator has switched the second step off. It ends by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Who did it.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Suspension {
    /// Whether it holds at this moment. A clock that was set back ends it rather than prolonging it.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// What people and programs are told about it.
    #[must_use]
    pub fn status(&self) -> SuspensionStatus {
        let Self { from, until, by, reason } = self.clone();
        SuspensionStatus { from: from.0, until: until.0, by, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_ends_it() {
        let suspension = Suspension { from: Timestamp(10), until: Timestamp(20), by: "root".into(), reason: "".into() };
        assert_eq!([9, 10, 19, 20].map(|now| suspension.holds(Timestamp(now))), [false, true, true, false]);
    }
}
