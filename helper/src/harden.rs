//! What a caller hands down to a process that it starts, put right.

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{alarm, chdir, close};
use twostep_core::request::Refusal;
use twostep_core::words::helper as words;

use crate::reply::{Refused, refused};

/// A file of an account is far smaller; a caller who allows less wants a write to fail halfway.
const LEAST_FILE_SIZE: rlim_t = 1024 * 1024;

/// Standard input, output and errors, and the few files that one request opens.
const LEAST_OPEN_FILES: rlim_t = 32;

/// Where the kernel lists the open files of the process that looks.
const OPEN_FILES: &str = "/proc/self/fd";

/// Makes this process independent of the one that started it.
///
/// # Errors
/// The refusal to print, when something cannot be put right.
pub fn process() -> Result<(), Refused> {
    hold_signals()?;
    keep_secrets_in_memory()?;
    raise_limits()?;
    close_inherited_files()?;
    umask(Mode::from_bits_truncate(0o077));
    chdir("/").map_err(|errno| failed("enter the root folder", errno))
}

/// No core dump and no debugger: the kernel keeps both from a setgid program already, but not from
/// one that someone installed wrongly.
fn keep_secrets_in_memory() -> Result<(), Refused> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(|errno| failed("forbid core dumps", errno))?;
    prctl::set_dumpable(false).map_err(|errno| failed("forbid core dumps", errno))
}

/// What a fault of this program raises, which is not to be held.
const FAULTS: [Signal; 7] =
    [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGILL, Signal::SIGFPE, Signal::SIGABRT, Signal::SIGTRAP, Signal::SIGSYS];

/// A signal meant for the caller's job does not stop us between two writes, a timer that it left
/// running does not either, and a write beyond a limit returns an error instead of SIGXFSZ. Our
/// own deadlines are short, so nobody needs a signal to end us but SIGKILL.
fn hold_signals() -> Result<(), Refused> {
    alarm::cancel();
    let mut held = SigSet::all();
    FAULTS.into_iter().for_each(|fault| held.remove(fault));
    held.thread_set_mask().map_err(|errno| failed("hold signals", errno))
}

/// The caller chooses the soft limits; the hard ones are as far as we can go.
fn raise_limits() -> Result<(), Refused> {
    let hard = |resource| {
        let (soft, hard) = getrlimit(resource).map_err(|errno| failed("read the limits", errno))?;
        if soft < hard {
            setrlimit(resource, hard, hard).map_err(|errno| failed("raise a limit", errno))?;
        }
        Ok(hard)
    };
    for resource in [Resource::RLIMIT_CPU, Resource::RLIMIT_AS, Resource::RLIMIT_DATA] {
        hard(resource)?;
    }
    if hard(Resource::RLIMIT_FSIZE)? < LEAST_FILE_SIZE {
        return Err(limited("ulimit -f", "the size of files"));
    }
    if hard(Resource::RLIMIT_NOFILE)? < LEAST_OPEN_FILES {
        return Err(limited("ulimit -n", "the number of open files"));
    }
    Ok(())
}

fn close_inherited_files() -> Result<(), Refused> {
    let listed = std::fs::read_dir(OPEN_FILES)
        .map_err(|_| refused(Refusal::Failed, words::NO_PROC))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|fd| *fd > 2)
        .collect::<Vec<_>>();
    for fd in listed {
        // The one through which the list was read is closed by now: EBADF.
        match close(fd) {
            Ok(()) | Err(Errno::EBADF | Errno::EINTR | Errno::EIO) => {}
            Err(errno) => return Err(failed("close an inherited file", errno)),
        }
    }
    Ok(())
}

fn limited(command: &str, what: &str) -> Refused {
    refused(Refusal::Failed, &words::limited(command, what))
}

fn failed(what: &str, errno: Errno) -> Refused {
    refused(Refusal::Failed, &words::could_not(what, errno.desc()))
}
