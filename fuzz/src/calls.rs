//! The calls of libc by which a store reaches its files, made to fail. The linker takes these functions before
//! libc's, for the whole program; in a thread that plans no failure they only hand the call to the kernel.

use std::cell::Cell;

use nix::errno::Errno;
use nix::libc::{
    AT_FDCWD, SYS_fchmod, SYS_fchown, SYS_flock, SYS_fstat, SYS_fsync, SYS_mkdirat, SYS_newfstatat, SYS_openat,
    SYS_pread64, SYS_pwrite64, SYS_read, SYS_readlinkat, SYS_renameat2, SYS_symlinkat, SYS_unlinkat, SYS_utimensat,
    SYS_write, c_char, c_int, c_long, c_uint, c_void, mode_t, off_t, size_t, ssize_t, stat, syscall, timespec,
};

/// Which call fails, and how.
#[derive(Debug, Clone, Copy, Default)]
pub struct FailurePlan {
    /// Calls that succeed before.
    pub after: u8,
    /// Whether all later ones fail too, as if the process had died.
    pub lasts: bool,
    /// The error; none: less is read or written than was asked for.
    pub errno: Option<Errno>,
}

thread_local! {
    static PLAN: Cell<Option<FailurePlan>> = const { Cell::new(None) };
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

/// Runs `what` with calls that fail as planned; says how many it made.
pub fn with<T>(plan: Option<FailurePlan>, what: impl FnOnce() -> T) -> (T, u32) {
    CALLS.set(0);
    PLAN.set(plan);
    let value = what();
    PLAN.set(None);
    (value, CALLS.get())
}

/// Standard error.
const STDERR: c_long = 2;

/// What becomes of the next call.
enum Fate {
    Made,
    Failed(Errno),
    Halved,
}

fn fate() -> Fate {
    CALLS.set(CALLS.get().wrapping_add(1));
    let Some(plan) = PLAN.get() else { return Fate::Made };
    if plan.after > 0 {
        PLAN.set(Some(FailurePlan { after: plan.after - 1, ..plan }));
        return Fate::Made;
    }
    if !plan.lasts {
        PLAN.set(None);
    }
    plan.errno.map_or(Fate::Halved, Fate::Failed)
}

fn kernel(number: c_long, arguments: [c_long; 5]) -> c_long {
    let [first, second, third, fourth, fifth] = arguments;
    match fate() {
        Fate::Failed(errno) => {
            errno.set();
            -1
        }
        // SAFETY: the arguments are those that the caller gave to libc for this very call; the kernel checks them.
        _ => unsafe { syscall(number, first, second, third, fourth, fifth) },
    }
}

/// The same for a call that moves `count` bytes, which stand third.
fn moved(number: c_long, [fd, buffer, count, offset]: [c_long; 4]) -> ssize_t {
    // What a panic says is to be read.
    let count = match if fd == STDERR { Fate::Made } else { fate() } {
        Fate::Made => count,
        Fate::Halved => count - count / 2,
        Fate::Failed(errno) => {
            errno.set();
            return -1;
        }
    };
    // SAFETY: as above, and never more bytes than the caller's buffer has.
    (unsafe { syscall(number, fd, buffer, count, offset) }) as ssize_t
}

/// Functions of libc, each the call of the kernel that it is.
macro_rules! calls {
    ($($name:ident($($argument:ident: $type:ty),*) = $by:ident($number:ident, [$($value:expr),*]) -> $result:ty;)*) => {
        $(
            // SAFETY: it has the arguments of libc's function of this name, and does what that does.
            #[unsafe(no_mangle)]
            extern "C" fn $name($($argument: $type),*) -> $result {
                $by($number, [$($value as c_long),*]) as $result
            }
        )*
    };
}

calls! {
    open(path: *const c_char, flags: c_int, mode: mode_t) = kernel(SYS_openat, [AT_FDCWD, path, flags, mode, 0]) -> c_int;
    open64(path: *const c_char, flags: c_int, mode: mode_t) = kernel(SYS_openat, [AT_FDCWD, path, flags, mode, 0]) -> c_int;
    openat(at: c_int, path: *const c_char, flags: c_int, mode: mode_t) = kernel(SYS_openat, [at, path, flags, mode, 0]) -> c_int;
    openat64(at: c_int, path: *const c_char, flags: c_int, mode: mode_t) = kernel(SYS_openat, [at, path, flags, mode, 0]) -> c_int;
    fstat(fd: c_int, to: *mut stat) = kernel(SYS_fstat, [fd, to, 0, 0, 0]) -> c_int;
    fstat64(fd: c_int, to: *mut stat) = kernel(SYS_fstat, [fd, to, 0, 0, 0]) -> c_int;
    fstatat(at: c_int, path: *const c_char, to: *mut stat, flags: c_int) = kernel(SYS_newfstatat, [at, path, to, flags, 0]) -> c_int;
    fstatat64(at: c_int, path: *const c_char, to: *mut stat, flags: c_int) = kernel(SYS_newfstatat, [at, path, to, flags, 0]) -> c_int;
    flock(fd: c_int, how: c_int) = kernel(SYS_flock, [fd, how, 0, 0, 0]) -> c_int;
    fsync(fd: c_int) = kernel(SYS_fsync, [fd, 0, 0, 0, 0]) -> c_int;
    fchown(fd: c_int, user: c_uint, group: c_uint) = kernel(SYS_fchown, [fd, user, group, 0, 0]) -> c_int;
    fchmod(fd: c_int, mode: mode_t) = kernel(SYS_fchmod, [fd, mode, 0, 0, 0]) -> c_int;
    futimens(fd: c_int, times: *const timespec) = kernel(SYS_utimensat, [fd, 0, times, 0, 0]) -> c_int;
    mkdirat(at: c_int, path: *const c_char, mode: mode_t) = kernel(SYS_mkdirat, [at, path, mode, 0, 0]) -> c_int;
    renameat(from: c_int, old: *const c_char, to: c_int, new: *const c_char) = kernel(SYS_renameat2, [from, old, to, new, 0]) -> c_int;
    renameat2(from: c_int, old: *const c_char, to: c_int, new: *const c_char, flags: c_uint) = kernel(SYS_renameat2, [from, old, to, new, flags]) -> c_int;
    unlinkat(at: c_int, path: *const c_char, flags: c_int) = kernel(SYS_unlinkat, [at, path, flags, 0, 0]) -> c_int;
    symlinkat(text: *const c_char, at: c_int, path: *const c_char) = kernel(SYS_symlinkat, [text, at, path, 0, 0]) -> c_int;
    readlinkat(at: c_int, path: *const c_char, to: *mut c_char, size: size_t) = kernel(SYS_readlinkat, [at, path, to, size, 0]) -> ssize_t;
    read(fd: c_int, to: *mut c_void, count: size_t) = moved(SYS_read, [fd, to, count, 0]) -> ssize_t;
    write(fd: c_int, from: *const c_void, count: size_t) = moved(SYS_write, [fd, from, count, 0]) -> ssize_t;
    pread64(fd: c_int, to: *mut c_void, count: size_t, at: off_t) = moved(SYS_pread64, [fd, to, count, at]) -> ssize_t;
    pwrite64(fd: c_int, from: *const c_void, count: size_t, at: off_t) = moved(SYS_pwrite64, [fd, from, count, at]) -> ssize_t;
}
