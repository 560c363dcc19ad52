//! Time as the rules need it: the wall clock, the time since boot, and the steps of a device.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
pub use protocol::request::ClockDoubt;
use serde::{Deserialize, Serialize};

/// 2026-11-24T00:00:00Z: no right clock stood earlier when a program of this release ran.
const RELEASE: Timestamp = Timestamp(1_795_478_400);

/// A moment of the wall clock: whole seconds since 1970-01-01T00:00:00Z. It can be wrong, and it
/// can jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

/// Whole seconds since boot, sleep included (`CLOCK_BOOTTIME`). It never jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uptime(pub u64);

/// A device's counter value: for TOTP the number of whole periods since 1970 (RFC 6238 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Step(pub u64);

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock.
    pub wall: Timestamp,
    /// The time since boot.
    pub uptime: Uptime,
}

/// Where the time comes from.
pub trait Clock {
    /// Reads both clocks.
    fn now(&self) -> Moment;

    /// Whether something keeps the wall clock right, as far as the kernel knows.
    fn is_synchronized(&self) -> bool {
        true
    }
}

/// The kernel's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        // A kernel without these clocks does not exist; zero would refuse codes, not accept them.
        let seconds = |id| clock_gettime(id).map_or(0, |time| time.tv_sec());
        Moment {
            wall: Timestamp(seconds(ClockId::CLOCK_REALTIME)),
            uptime: Uptime(u64::try_from(seconds(ClockId::CLOCK_BOOTTIME)).unwrap_or(0)),
        }
    }

    fn is_synchronized(&self) -> bool {
        sys::clock_is_synchronized()
    }
}

impl Timestamp {
    /// What the moment itself tells of the clock that it was read from.
    #[must_use]
    pub fn doubt(self) -> Option<ClockDoubt> {
        (self < RELEASE).then_some(ClockDoubt::BeforeRelease)
    }

    /// The step of a period of `period` seconds that holds this moment; before 1970 it is 0.
    #[must_use]
    pub fn step(self, period: u64) -> Step {
        Step(u64::try_from(self.0).unwrap_or(0).checked_div(period).unwrap_or(0))
    }

    /// The number of the UTC day that holds this moment, from 1970-01-01 on.
    #[must_use]
    pub fn day(self) -> i64 {
        self.0.div_euclid(86_400)
    }

    /// This moment moved back by `seconds`.
    #[must_use]
    pub fn before(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(i64::try_from(seconds).unwrap_or(i64::MAX)))
    }

    /// This moment moved on by `duration`.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)))
    }
}

impl Uptime {
    /// Seconds from `earlier` to this moment; 0 if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This moment moved on by `duration`.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }
}

impl Step {
    /// This step moved by `steps`, never below 0.
    #[must_use]
    pub fn shifted(self, steps: i64) -> Self {
        Self(self.0.saturating_add_signed(steps))
    }

    /// The wall clock's moment at which this step of `period` seconds begins.
    #[must_use]
    pub fn begins(self, period: u64) -> Timestamp {
        Timestamp(i64::try_from(self.0.saturating_mul(period)).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_the_wall_clock() {
        assert_eq!(Timestamp(59).step(30), Step(1));
        assert_eq!(Timestamp(60).step(30), Step(2));
        assert_eq!(Timestamp(-1).step(30), Step(0));
        assert_eq!(Timestamp(20_000_000_000).step(30), Step(666_666_666));
        assert_eq!(Step(2).begins(30), Timestamp(60));
    }

    #[test]
    fn days_of_the_wall_clock() {
        assert_eq!([-1, 0, 86_399, 86_400].map(|at| Timestamp(at).day()), [-1, 0, 0, 1]);
    }

    #[test]
    fn nothing_overflows() {
        assert_eq!(Step(0).shifted(-5), Step(0));
        assert_eq!(Step(u64::MAX).begins(60), Timestamp(i64::MAX));
        assert_eq!(Timestamp(i64::MIN).before(u64::MAX), Timestamp(i64::MIN));
        assert_eq!(Uptime(3).since(Uptime(9)), 0);
    }
}
