//! The process that waits, and undoes a change that nobody confirmed in time. It belongs to no
//! session: neither the end of the one that started it nor a hangup reaches it.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::unistd::setsid;
use twostep_core::audit::Audit;

use super::journal::{Change, Journal, State};
use super::undo::{Undone, undo};
use crate::error::Error;
use crate::messages;

/// Where systemd says that it rules this machine (sd_booted(3)).
const SYSTEMD: &str = "/run/systemd/system";

/// How often it looks: a wait by the clock of the machine's life, also through a sleep of it.
const PACE: Duration = Duration::from_secs(1);

/// How long it waits before it tries again what could not be undone.
const RESPITE: Duration = Duration::from_secs(30);

/// How long it waits before another process waits in the place of one that was ended.
const AGAIN: Duration = Duration::from_secs(1);

/// Longer than anybody needs who changes or undoes something, in seconds.
const LONGEST_WORK: u64 = 20;

/// What waits.
const UNCONFIRMED: [&str; 3] = ["admin", "revert", "--unconfirmed"];

/// Starts the process that waits for this change. When this returns, it is on its own.
pub fn start(change: u32) -> Result<(), Error> {
    let program = std::env::current_exe().map_err(|error| not_started(&error.to_string()))?;
    if Path::new(SYSTEMD).is_dir() {
        // A unit of its own: systemd may end every process of a session with it.
        let unit = format!("--unit=twostep-way-back-{change}");
        let run = Command::new("systemd-run")
            .args(["--quiet", "--collect", &unit, "--property=Restart=on-failure", "--property=RestartSec=5"])
            .arg(&program)
            .args(UNCONFIRMED)
            .stdin(Stdio::null())
            .output();
        if run.is_ok_and(|output| output.status.success()) {
            return Ok(());
        }
    }
    let child = Command::new(program)
        .args(UNCONFIRMED)
        .arg("--detached")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.map_err(|error| not_started(&error.to_string()))?;
    let mut said = String::new();
    let answered = child.stdout.take().map(|mut pipe| pipe.read_to_string(&mut said));
    match answered {
        Some(Ok(_)) if said.contains(READY) => Ok(()),
        _ => Err(not_started(messages::apply::ENDED_AT_ONCE)),
    }
}

/// What the process says when it is on its own.
const READY: &str = "ready";

fn not_started(why: &str) -> Error {
    Error::Failed("no_way_back", messages::apply::no_way_back(why))
}

/// Leaves the session of whoever started this process, and tells them; nothing is said afterwards.
pub fn detach() -> Result<(), Error> {
    setsid().map_err(|errno| not_started(errno.desc()))?;
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    std::io::Write::write_all(&mut std::io::stdout(), READY.as_bytes())?;
    std::io::Write::flush(&mut std::io::stdout())?;
    nix::unistd::dup2_stdout(&null).map_err(|errno| not_started(errno.desc()))
}

/// Has a process of its own wait, and starts another one should that be ended before its work is done.
pub fn guard(journal: &Journal, audit: &dyn Audit) -> Result<(), Error> {
    loop {
        let waits = std::env::current_exe().and_then(|program| {
            Command::new(program).args(UNCONFIRMED).stdin(Stdio::null()).stderr(Stdio::null()).status()
        });
        match waits {
            Ok(status) if status.success() => return Ok(()),
            Ok(_) => sleep(AGAIN),
            // The program is gone, an upgrade may have replaced it: then this process waits itself.
            Err(_) => return watch(journal, audit).map(drop),
        }
    }
}

/// Waits until no change is left that has to be confirmed, and undoes those that have to go back.
pub fn watch(journal: &Journal, audit: &dyn Audit) -> Result<Vec<Undone>, Error> {
    let mut all = Vec::new();
    loop {
        let waiting =
            journal.all()?.into_iter().filter(|change| change.state == State::Unconfirmed).collect::<Vec<_>>();
        if waiting.is_empty() {
            return Ok(all);
        }
        if waiting.iter().any(Change::has_to_go) {
            let undone = undo_what_has_to_go(journal, audit)?;
            let has_failed = undone.iter().any(|one| !one.failed.is_empty() || one.unrecorded.is_some());
            all.extend(undone);
            if has_failed {
                sleep(RESPITE);
            }
        }
        sleep(PACE);
    }
}

/// Undoes every such change, the newest first. While somebody holds the lock they may still be at work;
/// but one who stands still holds nothing up.
fn undo_what_has_to_go(journal: &Journal, audit: &dyn Audit) -> Result<Vec<Undone>, Error> {
    let alone = journal.try_lock()?;
    let going = journal.all()?.into_iter().rev().filter(|change| {
        if alone.is_some() { change.has_to_go() } else { change.is_overdue() && change.seconds_over() > LONGEST_WORK }
    });
    going
        .map(|change| {
            let why = if change.is_overdue() { "unconfirmed" } else { "unfinished" };
            undo(journal, &change, why, audit)
        })
        .collect()
}
