//! One try of a PAM stack that is not in force yet: `pam_start_confdir(3)` and `pam_authenticate(3)` with
//! somebody who does not know the password.

use std::cell::Cell;
use std::ffi::CString;
use std::ptr;

use crate::libpam::{Conversation, Libpam, Name, RHOST, SUCCESS};
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

/// One phase of a service whose file is in a folder of its own.
#[derive(Debug, Clone, Copy)]
pub struct Trial<'a> {
    /// The service.
    pub service: &'a str,
    /// Where its file is.
    pub folder: &'a str,
    /// Who logs in.
    pub user: &'a str,
    /// From where (`PAM_RHOST`).
    pub rhost: Option<&'a str>,
    /// Whether it is the account phase; else it is the auth phase.
    pub is_account: bool,
    /// What answers the first question; every other one fails. pam_unix logs a question without an answer as critical.
    pub password: &'a [u8],
}

/// What `pam_authenticate` or `pam_acct_mgmt` returns.
///
/// Modules of the stack run in this process: have one that may end.
///
/// # Errors
/// There was no try.
pub fn trial(trial: &Trial<'_>) -> Result<i32, NoTrial> {
    let c_text = |text: &str| CString::new(text).map_err(|_| NoTrial::Name);
    let (service, user, folder) = (c_text(trial.service)?, c_text(trial.user)?, c_text(trial.folder)?);
    let rhost = trial.rhost.map(c_text).transpose()?;
    let library = Libpam::open().ok_or(NoTrial::NoLibrary)?;
    let start = library.start().ok_or(NoTrial::NoLibrary)?;
    let set_item = library.set_item().ok_or(NoTrial::NoLibrary)?;
    let phase = if trial.is_account { Name::Account } else { Name::Authenticate };
    let act = library.act(phase).ok_or(NoTrial::NoLibrary)?;
    let end = library.act(Name::End).ok_or(NoTrial::NoLibrary)?;
    let person = Person { password: trial.password, was_asked: Cell::new(false), was_asked_more: Cell::new(false) };
    let conversation = Conversation { converse: answer, data: (&raw const person).cast_mut().cast() };
    let mut handle = ptr::null_mut();
    // SAFETY: all that is passed lives until pam_end; libpam writes the handle if it returns 0.
    let begun =
        unsafe { start(service.as_ptr(), user.as_ptr(), &raw const conversation, folder.as_ptr(), &raw mut handle) };
    if begun != SUCCESS || handle.is_null() {
        return Err(NoTrial::NoStart(begun));
    }
    if let Some(rhost) = &rhost {
        // SAFETY: the handle is that of pam_start_confdir, and libpam copies the text.
        unsafe { set_item(handle, RHOST, rhost.as_ptr().cast()) };
    }
    // SAFETY: as above; it is used by this thread alone.
    let outcome = unsafe { act(handle, 0) };
    // SAFETY: as above; it is not used any more.
    unsafe { end(handle, outcome) };
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY_ROOT: Trial<'_> =
        Trial { service: "t", folder: "/", user: "root", rhost: None, is_account: false, password: b"wrong" };

    #[test]
    fn libpam_tells_what_a_stack_that_is_not_in_force_does() {
        let folder = std::env::temp_dir().join(format!("pam-trial-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let of = |text: &str| {
            std::fs::write(folder.join("t"), text).unwrap();
            trial(&Trial { folder: folder.to_str().unwrap(), ..BY_ROOT })
        };
        let permits = of("auth required pam_permit.so\n");
        let denies = of("auth required pam_deny.so\n");
        let missing = of("auth required pam_no_such_module.so\n");
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!((permits, denies, missing), (Ok(0), Ok(7), Ok(28)));
        assert_eq!(trial(&Trial { service: "a\0b", ..BY_ROOT }), Err(NoTrial::Name));
    }
}
