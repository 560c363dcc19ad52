//! The process that waits, and undoes a change that nobody confirmed in time. It belongs to no
//! session: neither the end of the one that started it nor a hangup reaches it.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::unistd::setsid;

use super::journal::{Change, Journal, State};
use super::undo::{Undone, undo};
use crate::trouble::Trouble;

/// Where systemd says that it rules this machine (sd_booted(3)).
const SYSTEMD: &str = "/run/systemd/system";

/// How often it looks: a wait by the clock of the machine's life, also through a sleep of it.
const PACE: Duration = Duration::from_secs(1);

/// How long it waits before it tries again what could not be undone.
const RESPITE: Duration = Duration::from_secs(30);

/// Starts the process that waits for this change. When this returns, it is on its own.
pub fn start(change: u32) -> Result<(), Trouble> {
    let program = std::env::current_exe().map_err(|error| not_started(&error.to_string()))?;
    let arguments = ["admin", "revert", "--unconfirmed"];
    if Path::new(SYSTEMD).is_dir() {
        // A unit of its own: systemd may end every process of a session with it.
        let unit = format!("--unit=twostep-way-back-{change}");
        let run = Command::new("systemd-run")
            .args(["--quiet", "--collect", &unit])
            .arg(&program)
            .args(arguments)
            .stdin(Stdio::null())
            .output();
        if run.is_ok_and(|output| output.status.success()) {
            return Ok(());
        }
    }
    let child = Command::new(program)
        .args(arguments)
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
        _ => Err(not_started("it ended at once")),
    }
}

/// What the process says when it is on its own.
const READY: &str = "ready";

fn not_started(why: &str) -> Trouble {
    Trouble::here(
        "no_way_back",
        format!("The process that would undo the change could not be started: {why}. Nothing was changed."),
    )
}

/// Leaves the session of whoever started this process, and tells them; nothing is said afterwards.
pub fn detach() -> Result<(), Trouble> {
    setsid().map_err(|errno| not_started(errno.desc()))?;
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    std::io::Write::write_all(&mut std::io::stdout(), READY.as_bytes())?;
    std::io::Write::flush(&mut std::io::stdout())?;
    nix::unistd::dup2_stdout(&null).map_err(|errno| not_started(errno.desc()))
}

/// Waits until no change is left that has to be confirmed, and undoes those that are overdue.
pub fn watch(journal: &Journal) -> Result<Vec<Undone>, Trouble> {
    let mut all = Vec::new();
    loop {
        let waiting =
            journal.all()?.into_iter().filter(|change| change.state == State::Unconfirmed).collect::<Vec<_>>();
        if waiting.is_empty() {
            return Ok(all);
        }
        if waiting.iter().any(Change::is_overdue) {
            let undone = undo_overdue(journal)?;
            let has_failed = undone.iter().any(|one| !one.failed.is_empty());
            all.extend(undone);
            if !has_failed {
                continue;
            }
            sleep(RESPITE);
        }
        sleep(PACE);
    }
}

/// Undoes every change that is overdue, the newest first.
pub fn undo_overdue(journal: &Journal) -> Result<Vec<Undone>, Trouble> {
    let _alone = journal.lock()?;
    let overdue = journal.all()?.into_iter().rev().filter(Change::is_overdue).collect::<Vec<_>>();
    overdue.iter().map(|change| undo(journal, change, "unconfirmed")).collect()
}
