//! Who holds a lock, as the kernel says: for the moments in which the ledger does not name its holder,
//! just after the lock was taken and just before it is released.

use std::fs;

use nix::sys::stat::{major, minor};

use super::process::{Process, ProcessKind, started};
use crate::store::open::Identity;

const LOCKS: &str = "/proc/locks";

/// The process that holds the flock of this file, if it is one that a waiter like `own` may end.
pub(super) fn holder(file: Identity, own: &Process) -> Option<Process> {
    let pid = pid_in(&fs::read_to_string(LOCKS).ok()?, file)?;
    let process = pid.to_string();
    // It is known by its name: a process with fewer rights could not ask which file it runs. Only root
    // can have opened a ledger.
    let kind = kind(&fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?)?;
    Some(Process { pid, started: started(&process)?, program: own.program, kind })
}

/// Finds who has locked a file among lines such as
/// `1: FLOCK  ADVISORY  WRITE 708 00:1a:131139 0 EOF` (proc_locks(5)). One that waits has `->` behind
/// the number; one in another PID namespace has the pid 0.
fn pid_in(locks: &str, file: Identity) -> Option<u32> {
    let place = format!("{:02x}:{:02x}:{}", major(file.device), minor(file.device), file.inode);
    locks.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (kind, mut rest) = (fields.next()?, fields.skip(2));
        let pid = rest.next()?.parse().ok().filter(|pid| *pid != 0)?;
        (kind == "FLOCK" && rest.next()? == place).then_some(pid)
    })
}

/// What kind of process has this command line (`/proc/PID/cmdline`), if a waiter may end it. The service may not
/// be ended.
fn kind(command_line: &str) -> Option<ProcessKind> {
    let mut words = command_line.split('\0');
    let program = words.next()?.rsplit('/').next()?;
    match (program, words.next()) {
        ("twostep", _) => Some(ProcessKind::Command),
        ("twostepd", Some("--once")) => Some(ProcessKind::Once),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::stat::fstat;

    use super::*;

    #[test]
    fn the_kernel_names_who_has_locked_a_file() {
        // Ledgers are on a tmpfs too. Some other file systems show another device to fstat(2).
        let file = tempfile::tempfile_in("/dev/shm").unwrap();
        let identity = Identity::of(&fstat(&file).unwrap());
        let named = || pid_in(&fs::read_to_string(LOCKS).unwrap(), identity);
        assert_eq!(named(), None);
        let file = super::super::Exclusive::lock(file).unwrap();
        assert_eq!(named(), Some(std::process::id()));
        // It is no program of Twostep's.
        assert_eq!(holder(identity, &Process::this(ProcessKind::Once)), None);
        drop(file);
        assert_eq!(holder(identity, &Process::this(ProcessKind::Once)), None);
    }

    #[test]
    fn lines_of_other_locks_name_nobody() {
        let file = Identity { device: 0x1a, inode: 131_139 };
        let lines = [
            ("1: FLOCK  ADVISORY  WRITE 708 00:1a:131139 0 EOF", Some(708)),
            ("1: -> FLOCK  ADVISORY  WRITE 708 00:1a:131139 0 EOF", None),
            ("1: POSIX  ADVISORY  WRITE 708 00:1a:131139 0 EOF", None),
            ("1: FLOCK  ADVISORY  WRITE 0 00:1a:131139 0 EOF", None),
            ("1: FLOCK  ADVISORY  WRITE 708 00:1b:131139 0 EOF", None),
            ("1: FLOCK  ADVISORY  WRITE 708 00:1a:1311390 0 EOF", None),
            ("1: FLOCK", None),
        ];
        for (line, expected) in lines {
            assert_eq!(pid_in(line, file), expected, "{line}");
        }
    }

    #[test]
    fn a_waiter_may_end_a_command_and_a_judge_of_one_request() {
        assert_eq!(kind("twostepd\0--once\0"), Some(ProcessKind::Once));
        assert_eq!(kind("/usr/bin/twostep\0admin\0reset\0"), Some(ProcessKind::Command));
        for other in ["", "/usr/libexec/twostep/twostepd\0", "twostepd\0--listen\0", "flock\0--once\0", "twostep-x\0"] {
            assert_eq!(kind(other), None, "{other:?}");
        }
    }
}
