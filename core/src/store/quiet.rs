//! Writing under a file size limit that the caller of su may have set to nothing.

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// While this lives, a write past the limit of the file size fails with EFBIG and does not kill
/// the process: SIGXFSZ is blocked for this thread, and taken back before the mask is restored.
pub(super) struct WithoutSigxfsz(Option<SigSet>);

impl WithoutSigxfsz {
    /// Without a limit there is nothing to do.
    pub(super) fn new() -> Self {
        if getrlimit(Resource::RLIMIT_FSIZE).is_ok_and(|(soft, _)| soft == RLIM_INFINITY) {
            return Self(None);
        }
        let mut before = SigSet::empty();
        let blocked = pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&sigxfsz()), Some(&mut before));
        Self(blocked.is_ok().then_some(before))
    }
}

impl Drop for WithoutSigxfsz {
    fn drop(&mut self) {
        let Some(before) = self.0.take() else { return };
        if !before.contains(Signal::SIGXFSZ) {
            take_pending();
        }
        // The mask was valid before; setting it again cannot fail.
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None);
    }
}

fn sigxfsz() -> SigSet {
    let mut set = SigSet::empty();
    set.add(Signal::SIGXFSZ);
    set
}

/// The signal that a failed write left for this thread.
fn take_pending() {
    if let Ok(pending) = SignalFd::with_flags(&sigxfsz(), SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC) {
        while let Ok(Some(_)) = pending.read_signal() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_is_as_before() {
        let before = SigSet::thread_get_mask().unwrap();
        drop(WithoutSigxfsz::new());
        assert_eq!(SigSet::thread_get_mask().unwrap(), before);
    }
}
