//! Reaches the service: the resident one, or for a process of root's the same program started for one
//! request.

use std::ffi::{CStr, CString};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use protocol::audit::Line;
use protocol::client::{self, CallError, LOGIN_SOCKET, ONCE, PROGRAM, USER_SOCKET};
use protocol::request::{Login, LoginRequest, LoginResponse};

use crate::ffi::{PamCall, Priority, Started, process_users};

/// Says that this handle asks the resident service no more: what it remembers is the same either way,
/// and a login waits for it once.
const FELL_BACK: &CStr = c"pam_twostep_once";

/// Has one step of a login answered.
///
/// # Errors
/// Neither answers.
pub fn ask(host: &PamCall<'_>, login: &Login) -> Result<LoginResponse, CallError> {
    if process_users().1 != 0 {
        return client::call(USER_SOCKET, &LoginRequest::Login(login));
    }
    if host.remembered(FELL_BACK).is_none() {
        match client::call(LOGIN_SOCKET, &LoginRequest::Login(login)) {
            // It has said why.
            Ok(LoginResponse::Unavailable {}) => {}
            Ok(response) => return Ok(response),
            // By design on hosts where nothing resides.
            Err(CallError::NotThere { .. }) => {}
            Err(error) => host.log(Priority::Error, &Line::new("fallback").with("reason", error).finish()),
        }
        // Without memory for it the next step only tries again.
        let _ = host.remember(FELL_BACK, Some(c"yes"));
    }
    once(login)
}

/// By the program itself.
fn once(login: &Login) -> Result<LoginResponse, CallError> {
    let not_there = |error| CallError::NotThere { path: PROGRAM.to_owned(), error };
    let (ours, theirs) = UnixStream::pair().map_err(not_there)?;
    let program = CString::new(PROGRAM).unwrap_or_default();
    let option = CString::new(ONCE).unwrap_or_default();
    let started = Started::with(&program, &option, theirs.as_fd()).map_err(not_there)?;
    drop(theirs);
    let response = client::call_once(&ours, &LoginRequest::Login(login));
    started.end(!matches!(response, Err(CallError::Silent)));
    response
}
