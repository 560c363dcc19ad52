//! Whether the kernel's wall clock is kept right: adjtimex(2).

use std::mem::MaybeUninit;

/// Whether something keeps the wall clock right. A kernel that does not say so counts as one that
/// does: this explains a refusal and decides nothing.
#[must_use]
pub fn clock_is_synchronized() -> bool {
    let mut state = MaybeUninit::<libc::timex>::zeroed();
    // SAFETY: zero bytes are a `timex` that asks for no change (`modes` is 0), and the kernel fills
    // it for the length of the call (adjtimex(2)).
    let clock = unsafe { libc::adjtimex(state.as_mut_ptr()) };
    clock != libc::TIME_ERROR
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_kernel_answers_the_same_twice() {
        assert_eq!(super::clock_is_synchronized(), super::clock_is_synchronized());
    }
}
