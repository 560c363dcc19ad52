//! One request on standard input, for a process of root's where the service does not answer.

use std::env;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::unistd::geteuid;
use protocol::client::ONCE;
use protocol::request::Refusal;
use twostep_core::messages::service as messages;
use twostep_core::store::ProcessKind;

use crate::answer::{Instance, answer, refused};
use crate::caller::{Caller, Endpoint};
use crate::leave;
use crate::passwords::PasswordProcess;
use crate::server::Server;
use crate::waiting::Connection;

/// Answers one call of the process at the other end of standard input.
///
/// # Errors
/// What to say to somebody who started this by hand.
pub fn run() -> Result<(), String> {
    let stream = root_input()?;
    let caller = Caller::of(Endpoint::Login, &stream).map_err(|_| messages::NOT_ROOT.to_owned())?;
    forget_environment();
    let obstacle = leave::leave().err();
    // As the service answers, with the same words to a caller who waits.
    let server = Server::new(move |caller, call| match obstacle {
        Some(obstacle) => refused(Refusal::Failed, obstacle.text()),
        None => answer(Instance { kind: ProcessKind::Once, passwords: PasswordProcess::Child }, caller, call),
    });
    server.serve(Endpoint::Login, Connection { stream, caller, seat: None });
    Ok(())
}

/// Standard input of a process of root's, which keeps no other descriptor that it inherited.
///
/// # Errors
/// It is not root's, or has no standard input.
pub fn root_input() -> Result<UnixStream, String> {
    if !geteuid().is_root() {
        return Err(messages::NOT_ROOT.to_owned());
    }
    sys::close_from(3);
    let input = std::io::stdin().as_fd().try_clone_to_owned().map_err(|error| error.to_string())?;
    Ok(UnixStream::from(input))
}

/// Starts again where there is an environment, which libraries may have read already. The module leaves
/// none.
fn forget_environment() {
    if env::vars_os().next().is_some()
        && let Ok(program) = env::current_exe()
    {
        // It returns only if it fails; then the caller, who is root, is believed.
        let _ = Command::new(program).arg0("twostepd").arg(ONCE).env_clear().exec();
    }
}
