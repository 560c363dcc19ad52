//! What a program undoes of the process that it was started in: calls that no crate makes safely. What the kernel refuses stays as it was.

use std::mem::MaybeUninit;

use libc::{c_int, c_uint};

/// The highest signal (signal(7)).
const LAST_SIGNAL: c_int = 64;
/// How many descriptors are closed one by one where the kernel cannot close a range.
const DESCRIPTORS: c_int = 65_536;

/// Closes all descriptors from this one on. For the first lines of a program, which owns none of them.
pub fn close_from(first: c_uint) {
    // SAFETY: close_range(2) takes three numbers and touches no memory; the caller owns no descriptor there.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, c_uint::MAX, 0) };
    if closed == 0 {
        return;
    }
    // Before Linux 5.9, and behind filters that do not know it.
    for descriptor in c_int::try_from(first).unwrap_or(c_int::MAX)..DESCRIPTORS {
        // SAFETY: as above, with close(2).
        unsafe { libc::close(descriptor) };
    }
}

/// Gives every signal its default effect, but SIGPIPE, which Rust's runtime ignores.
pub fn default_signals() {
    for signal in (1..=LAST_SIGNAL).filter(|signal| *signal != libc::SIGPIPE) {
        // SAFETY: SIG_DFL is no function that could be called (signal(2)); libc refuses its own signals.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Stops the timers that execve(2) lets run on, alarm(2) among them.
pub fn stop_timers() {
    for which in [libc::ITIMER_REAL, libc::ITIMER_VIRTUAL, libc::ITIMER_PROF] {
        // SAFETY: zero bytes are an `itimerval` that stops a timer.
        let stopped = unsafe { MaybeUninit::<libc::itimerval>::zeroed().assume_init() };
        // SAFETY: the kernel reads one `itimerval`, which lives for the call, and writes none (setitimer(2)).
        unsafe { libc::setitimer(which, &raw const stopped, std::ptr::null_mut()) };
    }
}

/// The scheduling of an ordinary process for the thread that calls this: SCHED_OTHER, nice 0, and the I/O priority that follows it.
pub fn ordinary_schedule() {
    let ordinary = libc::sched_param { sched_priority: 0 };
    // SAFETY: the kernel reads one `sched_param`, which lives for the call (sched_setscheduler(2)).
    unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const ordinary) };
    // SAFETY: setpriority(2) takes numbers and touches no memory.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 0) };
    // SAFETY: ioprio_set(2) takes numbers: this process (1, 0), no class of its own (0).
    unsafe { libc::syscall(libc::SYS_ioprio_set, 1, 0, 0) };
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use super::*;

    /// Runs this test alone in a process of its own, behind words of a shell.
    fn alone(name: &str, shell: &str) -> std::process::ExitStatus {
        let program = std::env::current_exe().unwrap();
        let line =
            format!("{shell} '{}' --exact inherited::tests::{name} --ignored --test-threads 1", program.display());
        Command::new("sh").args(["-c", &line]).status().unwrap()
    }

    #[test]
    fn what_was_inherited_is_undone() {
        assert!(alone("undoes_all", "trap '' HUP USR1 ALRM; exec nice -n 7").success());
    }

    #[test]
    #[ignore = "changes its process; what_was_inherited_is_undone starts it in one of its own"]
    fn undoes_all() {
        let ignored = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
            u64::from_str_radix(mask.trim(), 16).unwrap()
        };
        let nice = || std::fs::read_to_string("/proc/thread-self/stat").unwrap().split(' ').nth(18).unwrap().to_owned();
        assert!(ignored() & 0b10_0000_0000_0001 != 0 && nice() == "7");
        let file = std::fs::File::open("/dev/null").unwrap();
        let fd = file.as_raw_fd();
        std::mem::forget(file);

        default_signals();
        ordinary_schedule();
        stop_timers();
        close_from(fd.cast_unsigned());

        // 32 and 33 are libc's own.
        assert_eq!(ignored() & !(1 << (libc::SIGPIPE - 1)) & !(0b11 << 31), 0);
        assert!(!std::path::Path::new(&format!("/proc/self/fd/{fd}")).exists());
        // Without the right to it the priority stays.
        assert!(nice() == "0" || !nix::unistd::geteuid().is_root());
    }

    #[test]
    fn a_timer_that_was_inherited_does_not_go_off() {
        assert!(alone("stops_its_timer", "exec").success());
        assert_eq!(alone("keeps_its_timer", "exec").signal(), Some(libc::SIGALRM));
    }

    #[test]
    #[ignore = "a_timer_that_was_inherited_does_not_go_off starts it"]
    fn stops_its_timer() {
        nix::unistd::alarm::set(1);
        stop_timers();
        std::thread::sleep(std::time::Duration::from_millis(1300));
    }

    #[test]
    #[ignore = "a_timer_that_was_inherited_does_not_go_off starts it"]
    fn keeps_its_timer() {
        nix::unistd::alarm::set(1);
        std::thread::sleep(std::time::Duration::from_millis(1300));
    }
}
