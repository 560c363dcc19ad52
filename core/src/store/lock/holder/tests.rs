//! When a holder may be ended.

use super::*;

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
