//! A lock on a whole file, which the kernel releases when its holder dies.

use std::fs::File;
use std::ops::Deref;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::fcntl::FlockArg;

/// A file that this process alone has locked.
#[derive(Debug)]
pub(super) struct Exclusive(File);

impl Exclusive {
    /// Locks a file without waiting.
    ///
    /// # Errors
    /// Somebody else has it (`EWOULDBLOCK`), or it cannot be locked; the file comes back.
    pub(super) fn lock(file: File) -> Result<Self, (File, Errno)> {
        match flock(&file, FlockArg::LockExclusiveNonblock) {
            Ok(()) => Ok(Self(file)),
            Err(errno) => Err((file, errno)),
        }
    }
}

impl Deref for Exclusive {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Exclusive {
    /// At once also where a child has the file too. Where that fails, closing the file unlocks it.
    fn drop(&mut self) {
        let _ = flock(&self.0, FlockArg::Unlock);
    }
}

#[expect(deprecated, reason = "the guard that is meant to replace it panics where the kernel does not unlock")]
fn flock(file: &File, how: FlockArg) -> Result<(), Errno> {
    nix::fcntl::flock(file.as_raw_fd(), how)
}
