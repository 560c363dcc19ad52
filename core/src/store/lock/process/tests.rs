//! Who may be ended.

use std::process::{Child, Command};

use super::*;

const MINUTE: &str = "60";

fn sleep() -> Child {
    Command::new("sleep").arg(MINUTE).spawn().unwrap()
}

#[test]
fn a_process_knows_itself() {
    let this = Process::this(ProcessKind::Once);
    let facts = Facts::of(this.pid).unwrap();
    assert!(this.is_this() && this.started != 0 && this.program != (0, 0));
    assert_eq!(facts.started, this.started);
    let user = (nix::unistd::getuid().as_raw(), nix::unistd::geteuid().as_raw());
    assert_eq!((facts.real_uid, facts.effective_uid), user);
    assert!(!this.end_for(&this), "a process does not end itself");
}

#[test]
fn only_the_recorded_process_of_root_may_be_ended() {
    let recorded = Process::this(ProcessKind::Command);
    let own = Facts::of(recorded.pid).unwrap();
    assert!(own.allow_end(&recorded));
    let others = [
        Facts { started: own.started + 1, ..own },
        Facts { real_uid: 65_534, ..own },
        Facts { effective_uid: 65_534, ..own },
    ];
    for other in others {
        assert!(!other.allow_end(&recorded), "{other:?}");
    }
}

/// The pid is right and so is the start time, but another program runs there.
#[test]
fn a_process_of_another_program_is_left_alone() {
    let mut other = sleep();
    let started = started(&other.id().to_string()).unwrap();
    let this = Process::this(ProcessKind::Command);
    let (device, inode) = this.program;
    for program in [(device, inode + 1), (device + 1, inode)] {
        assert!(!Process { pid: other.id(), started, program, ..this }.end_for(&this));
        assert_eq!(other.try_wait().unwrap(), None);
    }
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(!Process { pid: other.id(), started, ..this }.end_for(&this), "it has ended");
}
