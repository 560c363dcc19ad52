//! A process that can be ended without a race for its pid: pidfd_open(2), pidfd_send_signal(2).

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// A handle of one process. It never means another one, even when the pid is given away again.
#[derive(Debug)]
pub struct Process(OwnedFd);

impl Process {
    /// The process that has this pid now.
    ///
    /// # Errors
    /// There is none, or the kernel is older than Linux 5.3.
    pub fn open(pid: u32) -> io::Result<Self> {
        let pid = libc::pid_t::try_from(pid).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
        // SAFETY: pidfd_open(2) takes two numbers, and touches no memory of this process.
        let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let fd = RawFd::try_from(opened).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)?;
        // SAFETY: the kernel has just made this descriptor (close-on-exec), and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Ends the process with SIGKILL.
    ///
    /// # Errors
    /// It has ended already, or this process may not end it.
    pub fn kill(&self) -> io::Result<()> {
        let (fd, information) = (self.0.as_raw_fd(), std::ptr::null::<libc::siginfo_t>());
        // SAFETY: the descriptor is open as long as `self`, and a null `siginfo_t` asks the kernel to
        // fill one in as kill(2) does (pidfd_send_signal(2)).
        let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, libc::SIGKILL, information, 0) };
        if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_ended_and_can_be_ended_once() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let handle = Process::open(child.id()).unwrap();
        handle.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
        assert_eq!(handle.kill().unwrap_err().raw_os_error(), Some(libc::ESRCH));
        assert!(Process::open(u32::MAX).is_err());
    }
}
