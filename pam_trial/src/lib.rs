//! One try of a PAM stack that is not in force yet: `pam_start_confdir(3)` and `pam_authenticate(3)`
//! with nobody at the keyboard. A crate of its own, so that the command line forbids unsafe.
//!
//! libpam is opened when it is needed, not linked: a host whose libpam has no `pam_start_confdir` still
//! has a command line.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;

/// Why there was no try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTrial {
    /// libpam is missing, or older than 1.4.
    NoLibrary,
    /// A name holds a NUL byte.
    Name,
    /// libpam does not begin; its code.
    NoStart(i32),
}

/// A message and its answer as libpam's `pam_conv` has them (`_pam_types.h`).
#[repr(C)]
struct PamResponse {
    text: *mut c_char,
    code: c_int,
}

type Converse = extern "C" fn(c_int, *const *const c_void, *mut *mut PamResponse, *mut c_void) -> c_int;

#[repr(C)]
struct Conversation {
    converse: Converse,
    data: *mut c_void,
}

type Start =
    unsafe extern "C" fn(*const c_char, *const c_char, *const Conversation, *const c_char, *mut *mut c_void) -> c_int;
type Act = unsafe extern "C" fn(*mut c_void, c_int) -> c_int;

/// `PAM_CONV_ERR`: nobody answers.
const NOBODY: c_int = 19;

extern "C" fn nobody(_: c_int, _: *const *const c_void, _: *mut *mut PamResponse, _: *mut c_void) -> c_int {
    NOBODY
}

/// What `pam_authenticate` returns for this user and service, with the service files of this folder,
/// where every question stays unanswered.
///
/// Modules of the stack run in this process: have one that may end.
///
/// # Errors
/// There was no try.
pub fn authenticate(service: &str, user: &str, folder: &str) -> Result<i32, NoTrial> {
    let [service, user, folder] = [service, user, folder].map(|name| CString::new(name).map_err(|_| NoTrial::Name));
    let (service, user, folder) = (service?, user?, folder?);
    let library = open(c"libpam.so.0").ok_or(NoTrial::NoLibrary)?;
    let start = symbol(library, c"pam_start_confdir").ok_or(NoTrial::NoLibrary)?;
    let try_it = symbol(library, c"pam_authenticate").ok_or(NoTrial::NoLibrary)?;
    let end = symbol(library, c"pam_end").ok_or(NoTrial::NoLibrary)?;
    // SAFETY: the symbol of this name has this type (security/pam_appl.h).
    let start = unsafe { std::mem::transmute::<*mut c_void, Start>(start) };
    // SAFETY: the symbol of this name has this type (security/pam_appl.h).
    let try_it = unsafe { std::mem::transmute::<*mut c_void, Act>(try_it) };
    // SAFETY: the symbol of this name has this type (security/pam_appl.h).
    let end = unsafe { std::mem::transmute::<*mut c_void, Act>(end) };
    let conversation = Conversation { converse: nobody, data: ptr::null_mut() };
    let mut handle = ptr::null_mut();
    // SAFETY: all five live until pam_end; libpam writes the handle if it returns 0.
    let begun =
        unsafe { start(service.as_ptr(), user.as_ptr(), &raw const conversation, folder.as_ptr(), &raw mut handle) };
    if begun != 0 || handle.is_null() {
        return Err(NoTrial::NoStart(begun));
    }
    // SAFETY: the handle is that of pam_start_confdir, and is used by this thread alone.
    let outcome = unsafe { try_it(handle, 0) };
    // SAFETY: as above; it is not used any more.
    unsafe { end(handle, outcome) };
    Ok(outcome)
}

fn open(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the name ends with NUL; the library stays loaded.
    let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) };
    (!library.is_null()).then_some(library)
}

fn symbol(library: *mut c_void, name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the library is one that dlopen gave; the name ends with NUL.
    let symbol = unsafe { libc::dlsym(library, name.as_ptr()) };
    (!symbol.is_null()).then_some(symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libpam_tells_what_a_stack_that_is_not_in_force_does() {
        let folder = std::env::temp_dir().join(format!("pam-trial-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let of = |text: &str| {
            std::fs::write(folder.join("t"), text).unwrap();
            authenticate("t", "root", folder.to_str().unwrap())
        };
        let permits = of("auth required pam_permit.so\n");
        let denies = of("auth required pam_deny.so\n");
        let missing = of("auth required pam_no_such_module.so\n");
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!((permits, denies, missing), (Ok(0), Ok(7), Ok(28)));
        assert_eq!(authenticate("a\0b", "root", "/"), Err(NoTrial::Name));
    }
}
