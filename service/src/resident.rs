//! The service as a program that stays: from its sockets to its end.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::{Mode, umask};
use sd_notify::NotifyState;
use twostep_core::store::ProcessKind;

use crate::answer::{Instance, answer};
use crate::caller::Endpoint;
use crate::log::Log;
use crate::passwords::PasswordProcess;
use crate::server::Server;
use crate::sockets::Sockets;
use crate::threads::start;

/// How many descriptors are asked for, and below how many user.sock could take those of the others.
const DESCRIPTORS: u64 = 1024;
/// How many requests at work take at most, and all connections of user.sock.
const NEEDED: u64 = 256;
/// How long a worker may be at one request before it counts as stuck.
const STUCK: Duration = Duration::from_secs(20);
/// How long requests at work are waited for at the end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves these sockets until SIGTERM or SIGINT; passwords are checked in this process of their own.
///
/// # Errors
/// What prevents it.
pub fn run(mut sockets: Sockets, passwords: PasswordProcess) -> Result<(), String> {
    let mut ends = SigSet::empty();
    ends.add(Signal::SIGTERM);
    ends.add(Signal::SIGINT);
    // Before the first thread, which inherits it.
    ends.thread_block().map_err(|errno| errno.to_string())?;
    settle();
    let server =
        Server::new(move |caller, call| answer(Instance { kind: ProcessKind::Service, passwords }, caller, call));
    for (door, listener) in sockets.take() {
        server.open(door, listener).map_err(|error| format!("cannot start a thread ({error}); raise TasksMax="))?;
    }
    tell(&[NotifyState::Ready]);
    keep_alive(&server).map_err(|error| error.to_string())?;
    while ends.wait().is_err() {}
    tell(&[NotifyState::Stopping]);
    sockets.remove();
    server.stop(PATIENCE);
    Ok(())
}

/// Makes the process what its unit would have made of it.
fn settle() {
    umask(Mode::from_bits_truncate(0o077));
    let _ = nix::unistd::chdir("/");
    // Its memory has seen codes.
    let _ = prctl::set_dumpable(false);
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let wanted = soft.max(DESCRIPTORS.min(hard));
        let _ = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard);
        if wanted < NEEDED {
            Log::own().error(format!("only {wanted} descriptors may be open; set LimitNOFILE={DESCRIPTORS}"));
        }
    }
}

/// Tells systemd that it is well, while at least one login can be served.
fn keep_alive(server: &Arc<Server>) -> io::Result<()> {
    let Some(limit) = sd_notify::watchdog_enabled() else { return Ok(()) };
    let server = Arc::clone(server);
    start("watchdog", move || {
        loop {
            if server.at_work.stuck(Endpoint::Login, STUCK) < Endpoint::Login.workers() {
                tell(&[NotifyState::Watchdog]);
            }
            thread::sleep(limit / 3);
        }
    })
}

/// Tells systemd, if it wants to know.
fn tell(state: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(state);
}
