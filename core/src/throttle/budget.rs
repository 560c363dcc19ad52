//! The budget of a listed caller: how many wrong answers it may send for all users together.
//!
//! A program that others control would guess for one user after the other, and say of each guess that
//! it comes from elsewhere. [`Limits::cap`] wrong answers may be outstanding; they are forgotten one by
//! one, as many as that in a day. So a caller whose users mistype now and then never waits, and one that
//! guesses has `cap` guesses a day over all users.

use super::{Class, Limits, Slot, Source, Throttle};
use crate::time::Uptime;

/// Seconds in which a budget that is used up is whole again.
const DAY: u64 = 86_400;

/// It is in the throttle of a ledger of the caller's own, as the one slot there: [`Slot::until`] is when
/// all of it is forgotten.
impl Throttle {
    /// Charges one wrong answer, unless the budget is used up.
    ///
    /// # Errors
    /// The seconds until the next one may be judged. Nothing was charged then.
    pub fn charge_budget(&mut self, caller: &Source, now: Uptime, limits: &Limits) -> Result<(), u64> {
        let each = seconds_of_one(limits);
        let slot = self.budget(caller);
        let left = slot.outstanding(now, each * u64::from(limits.cap));
        let room = (each * u64::from(limits.cap)).saturating_sub(left);
        if room < each {
            return Err(each - room);
        }
        slot.failures = slot.failures.saturating_add(1);
        slot.until = Uptime(now.0.saturating_add(left).saturating_add(each));
        Ok(())
    }

    /// Gives back what was charged for one answer.
    pub fn give_back(&mut self, caller: &Source, now: Uptime, limits: &Limits) {
        let each = seconds_of_one(limits);
        let slot = self.budget(caller);
        let left = slot.outstanding(now, each * u64::from(limits.cap)).saturating_sub(each);
        slot.failures = slot.failures.saturating_sub(1);
        slot.until = Uptime(now.0.saturating_add(left));
    }

    fn budget(&mut self, caller: &Source) -> &mut Slot {
        self.slot(caller, Class::Caller)
    }
}

impl Slot {
    /// The seconds until all is forgotten. More than a whole budget comes from another boot, whose ledger
    /// was not cleared.
    fn outstanding(&self, now: Uptime, whole: u64) -> u64 {
        Some(self.until.since(now)).filter(|left| *left <= whole).unwrap_or(0)
    }
}

/// How long one wrong answer is remembered.
fn seconds_of_one(limits: &Limits) -> u64 {
    DAY.checked_div(limits.cap.into()).unwrap_or(DAY)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: Limits =
        Limits { failures: 5, wait: Duration::from_secs(5), max_wait: Duration::from_secs(3600), cap: 100 };
    const EACH: u64 = 864;

    fn caller() -> Source {
        Source::of_caller("www-data", None)
    }

    fn used_up(now: u64) -> Throttle {
        let mut throttle = Throttle::default();
        for _ in 0..100 {
            assert_eq!(throttle.charge_budget(&caller(), Uptime(now), &LIMITS), Ok(()));
        }
        throttle
    }

    #[test]
    fn a_hundred_are_judged_and_then_one_after_the_other() {
        let mut throttle = used_up(1000);
        let mut charge = |now| throttle.charge_budget(&caller(), Uptime(now), &LIMITS);
        assert_eq!((charge(1000), charge(1863)), (Err(EACH), Err(1)));
        assert_eq!((charge(1864), charge(1864)), (Ok(()), Err(EACH)));
        // A day later it is whole again.
        assert!((0..100).all(|_| charge(1864 + DAY) == Ok(())));
        assert_eq!(charge(1864 + DAY), Err(EACH));
    }

    #[test]
    fn what_is_given_back_can_be_used_again_and_no_more_than_that() {
        let mut throttle = used_up(1000);
        (0..3).for_each(|_| throttle.give_back(&caller(), Uptime(1000), &LIMITS));
        let judged = (0..10).filter(|_| throttle.charge_budget(&caller(), Uptime(1000), &LIMITS).is_ok()).count();
        assert_eq!(judged, 3);
        let mut fresh = Throttle::default();
        (0..50).for_each(|_| fresh.give_back(&caller(), Uptime(1000), &LIMITS));
        let judged = (0..200).filter(|_| fresh.charge_budget(&caller(), Uptime(1000), &LIMITS).is_ok()).count();
        assert_eq!(judged, 100);
    }

    #[test]
    fn a_ledger_of_another_boot_closes_nothing() {
        let mut throttle = used_up(10_000_000);
        assert_eq!(throttle.charge_budget(&caller(), Uptime(5), &LIMITS), Ok(()));
    }

    #[test]
    fn a_caller_is_anyone_and_its_word_names_a_place_of_its_own() {
        let name = |rhost| Source::of_caller("www-data", rhost).to_string();
        assert_eq!(name(None), "caller:www-data");
        assert_eq!(name(Some(" ")), "caller:www-data");
        assert_eq!(name(Some("192.0.2.7")), "caller:www-data/192.0.2.7");
        assert_eq!(name(Some("2001:db8::1")), "caller:www-data/2001:db8::/64");
        assert_eq!(name(Some("127.0.0.1")), "caller:www-data/127.0.0.1");
        assert!(name(Some(&"x".repeat(300))).len() <= 64 + "caller:".len());
        let lying = Source::of_caller("www-data", Some("192.0.2.7"));
        assert!(lying.is_anyone() && lying.is_callers() && !lying.may_become_known());
    }
}
