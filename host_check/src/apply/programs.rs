//! sshd, told that its configuration is another one.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::check::sshd::{Daemon, Effective, Visitor};
use crate::messages;

/// Where systemd says that it rules this machine (sd_booted(3)).
const SYSTEMD: &str = "/run/systemd/system";

/// What became of sshd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sshd {
    /// It goes by its new configuration.
    Reloaded,
    /// None runs that could be found. One that each connection starts needs nothing.
    NotFound,
}

/// Has sshd read its configuration again. Connections that are open stay open.
///
/// # Errors
/// A sentence on what to do by hand.
pub fn reload_sshd() -> Result<Sshd, String> {
    if Path::new(SYSTEMD).is_dir() {
        return by_systemd();
    }
    by_signal()
}

/// Where sudo and sudo-rs keep what spares a user the next question.
const TICKETS: [&str; 2] = ["/run/sudo/ts", "/run/sudo-rs/ts"];

/// Has sudo ask everybody again: a run of sudo that asks nothing proves nothing about the new stack.
pub fn end_sudo_tickets() {
    let folders = TICKETS.iter().filter_map(|folder| fs::read_dir(folder).ok());
    for ticket in folders.flatten().flatten() {
        let _ = fs::remove_file(ticket.path());
    }
}

/// Debian calls it ssh, others sshd. Where neither runs, each connection starts sshd again, or none does.
fn by_systemd() -> Result<Sshd, String> {
    for unit in ["ssh.service", "sshd.service"] {
        let call = |verb: &str| Command::new("systemctl").args(["--quiet", verb, unit]).stdin(Stdio::null()).status();
        if call("is-active").is_ok_and(|status| status.success()) {
            return match call("reload") {
                Ok(status) if status.success() => Ok(Sshd::Reloaded),
                _ => Err(messages::apply::not_reloaded(unit)),
            };
        }
    }
    Ok(Sshd::NotFound)
}

/// The process that wrote its number down, if it is an sshd.
fn by_signal() -> Result<Sshd, String> {
    let file = match Effective::ask(&Daemon::default(), &Visitor::named("root")) {
        Some(Ok(effective)) => effective.value("pidfile").to_owned(),
        _ => "/run/sshd.pid".to_owned(),
    };
    let Some(id) = fs::read_to_string(file).ok().and_then(|text| text.trim().parse::<i32>().ok()) else {
        return Ok(Sshd::NotFound);
    };
    let is_sshd = fs::read_link(format!("/proc/{id}/exe"))
        .is_ok_and(|path| path.file_name().is_some_and(|name| name == "sshd" || name == "sshd (deleted)"));
    if !is_sshd {
        return Ok(Sshd::NotFound);
    }
    kill(Pid::from_raw(id), Signal::SIGHUP)
        .map(|()| Sshd::Reloaded)
        .map_err(|errno| messages::apply::not_signalled(errno.desc(), id))
}
