//! Who may be ended, and when.

use std::process::{Child, Command};

use super::*;

const MINUTE: &str = "60";

fn sleep() -> Child {
    Command::new("sleep").arg(MINUTE).spawn().unwrap()
}

fn record(process: Option<Process>) -> Holder {
    Holder { taking: 7, process, is_syncing: false }
}

#[test]
fn a_record_comes_back_and_nothing_else_is_one() {
    for kind in ProcessKind::ALL {
        for is_syncing in [false, true] {
            let process = Some(Process { pid: 17, started: 99, program: (1, 2), kind });
            let holder = Holder { taking: 3, process, is_syncing };
            assert_eq!(Holder::from_bytes(&holder.to_bytes()), Some(holder));
        }
    }
    let released = record(None);
    assert_eq!(Holder::from_bytes(&released.to_bytes()), Some(released));
    assert_eq!(Holder::from_bytes(&[0; SLOTS_AT]).unwrap().process, None);
    assert_eq!(Holder::from_bytes(&[0xff; SLOTS_AT]), None);
    assert!(released.to_bytes().len() <= SLOTS_AT);
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

#[test]
fn a_holder_is_due_when_it_was_the_same_for_two_seconds_or_fifteen_for_a_disk() {
    let process = Some(Process { pid: 17, started: 99, program: (1, 2), kind: ProcessKind::Command });
    for (is_syncing, patience) in [(false, 2000), (true, 15_000)] {
        let holder = Holder { is_syncing, ..record(process) };
        let mut waiting = Waiter::default();
        let mut due = |holder, slept| {
            waiting.slept = Duration::from_millis(slept);
            waiting.is_due(holder)
        };
        assert!(!due(holder, 100));
        assert!(!due(holder, 100 + patience - 1));
        assert!(due(holder, 100 + patience));
        let next = Holder { taking: 8, ..holder };
        assert!(!due(next, 110 + patience), "it has taken the lock once more");
        assert!(!due(next, 110 + 2 * patience - 1));
        assert!(due(next, 110 + 2 * patience));
    }
}

#[test]
fn a_process_waits_for_half_a_minute_at_most() {
    let mut waiting = Waiter { slept: LONGEST - PAUSE, ..Waiter::default() };
    assert_eq!(waiting.sleep(), Ok(()));
    assert_eq!(waiting.sleep(), Err(StoreError::Busy));
}
