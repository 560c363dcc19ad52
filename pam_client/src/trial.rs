//! One try of a PAM stack that is not in force yet: `pam_start_confdir(3)` and `pam_authenticate(3)` with
//! somebody who does not know the password.

use std::cell::Cell;
use std::ffi::CString;
use std::ptr;

use crate::libpam::{Conversation, Libpam, Name, SUCCESS};
use crate::password::{Person, answer};

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

/// What `pam_authenticate` returns for this user and service, with the service files of this folder, where the
/// first question is answered so, and every other one fails. pam_unix logs a question without an answer as
/// critical.
///
/// Modules of the stack run in this process: have one that may end.
///
/// # Errors
/// There was no try.
pub fn trial(service: &str, user: &str, folder: &str, password: &[u8]) -> Result<i32, NoTrial> {
    let [service, user, folder] = [service, user, folder].map(|name| CString::new(name).map_err(|_| NoTrial::Name));
    let (service, user, folder) = (service?, user?, folder?);
    let library = Libpam::open().ok_or(NoTrial::NoLibrary)?;
    let start = library.start().ok_or(NoTrial::NoLibrary)?;
    let authenticate = library.act(Name::Authenticate).ok_or(NoTrial::NoLibrary)?;
    let end = library.act(Name::End).ok_or(NoTrial::NoLibrary)?;
    let person = Person { password, was_asked: Cell::new(false), was_asked_more: Cell::new(false) };
    let conversation = Conversation { converse: answer, data: (&raw const person).cast_mut().cast() };
    let mut handle = ptr::null_mut();
    // SAFETY: all that is passed lives until pam_end; libpam writes the handle if it returns 0.
    let begun =
        unsafe { start(service.as_ptr(), user.as_ptr(), &raw const conversation, folder.as_ptr(), &raw mut handle) };
    if begun != SUCCESS || handle.is_null() {
        return Err(NoTrial::NoStart(begun));
    }
    // SAFETY: the handle is that of pam_start_confdir, and is used by this thread alone.
    let outcome = unsafe { authenticate(handle, 0) };
    // SAFETY: as above; it is not used any more.
    unsafe { end(handle, outcome) };
    Ok(outcome)
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
            trial("t", "root", folder.to_str().unwrap(), b"wrong")
        };
        let permits = of("auth required pam_permit.so\n");
        let denies = of("auth required pam_deny.so\n");
        let missing = of("auth required pam_no_such_module.so\n");
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!((permits, denies, missing), (Ok(0), Ok(7), Ok(28)));
        assert_eq!(trial("a\0b", "root", "/", b"wrong"), Err(NoTrial::Name));
    }
}
