//! The setgid program through which users reach their own account.
//!
//! One JSON request on stdin, one JSON response on stdout, then it ends. It knows its caller by the
//! real uid alone. Whatever else the caller controls (arguments, environment, folder, open files,
//! limits, umask, signals) is put right before the first byte is read, or refused.

#![forbid(unsafe_code)]

mod audit;
mod caller;
mod harden;
mod intake;
mod passwords;
mod reply;

use std::os::fd::AsFd;
use std::process::ExitCode;

use twostep_core::enroll::Desk;
use twostep_core::request::Response;

use crate::reply::Refused;

fn main() -> ExitCode {
    if std::env::args_os().len() > 1 {
        return reply::usage();
    }
    reply::send(reply::without_panic(answer))
}

fn answer() -> Result<Response, Refused> {
    harden::process()?;
    let request = intake::request(std::io::stdin().as_fd())?;
    reply::can_be_read()?;
    caller::may_ask()?;
    Ok(match Desk::for_caller(Box::new(audit::Syslog), Box::new(passwords::LocalPasswords)) {
        Ok(desk) => desk.answer(request),
        Err(refusal) => refusal,
    })
}
