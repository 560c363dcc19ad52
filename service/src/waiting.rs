//! The connections of user.sock: so many in all and of one user, so that nobody takes the service from
//! the others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::caller::Caller;
use crate::threads::lock;

/// How many connections there are at most, those at work among them.
pub const ALL: usize = 64;
/// How many of one user.
pub const EACH: usize = 8;

/// The connections that wait for a worker.
#[derive(Debug)]
pub struct ConnectionQueue {
    room: usize,
    line: Mutex<Queue>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    first_come: VecDeque<Connection>,
    /// How many connections each user has, waiting or at work.
    open: BTreeMap<u32, usize>,
    /// Whose request a worker is at.
    served: BTreeSet<u32>,
}

/// A connection, and who is at its other end.
#[derive(Debug)]
pub struct Connection {
    /// It.
    pub stream: UnixStream,
    /// Who.
    pub caller: Caller,
    /// Given back when the connection ends.
    pub seat: Option<Seat>,
}

/// One of the places, taken by a user.
#[derive(Debug)]
pub struct Seat {
    of: Arc<ConnectionQueue>,
    uid: u32,
    is_served: bool,
}

impl ConnectionQueue {
    /// With so many places.
    #[must_use]
    pub fn new(room: usize) -> Arc<Self> {
        Arc::new(Self { room, line: Mutex::default(), filled: Condvar::new() })
    }

    /// Takes a connection in, or gives it back where there are too many. Root has no limit of its own.
    ///
    /// # Errors
    /// All places, or those of this user, are taken.
    pub fn take_in(self: &Arc<Self>, stream: UnixStream, caller: Caller) -> Result<(), UnixStream> {
        let uid = caller.uid();
        let mut line = lock(&self.line);
        let of_user = line.open.get(&uid).copied().unwrap_or_default();
        if line.open.values().sum::<usize>() >= self.room || (uid != 0 && of_user >= EACH) {
            return Err(stream);
        }
        line.open.insert(uid, of_user + 1);
        let seat = Some(Seat { of: Arc::clone(self), uid, is_served: false });
        line.first_come.push_back(Connection { stream, caller, seat });
        self.filled.notify_one();
        Ok(())
    }

    /// The next one, when there is one. A user has one worker at a time, so that one who is silent leaves
    /// the others to the others.
    pub fn next(&self) -> Connection {
        let mut line = lock(&self.line);
        loop {
            if let Some(next) = line.take() {
                return next;
            }
            line = self.filled.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Queue {
    fn take(&mut self) -> Option<Connection> {
        let is_free = |one: &Connection| one.caller.uid() == 0 || !self.served.contains(&one.caller.uid());
        let at = self.first_come.iter().position(is_free)?;
        let mut next = self.first_come.remove(at)?;
        self.served.insert(next.caller.uid());
        if let Some(seat) = &mut next.seat {
            seat.is_served = true;
        }
        Some(next)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut line = lock(&self.of.line);
        if self.is_served {
            line.served.remove(&self.uid);
            self.of.filled.notify_one();
        }
        match line.open.get_mut(&self.uid) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(line.open.remove(&self.uid)),
        }
    }
}

#[cfg(test)]
mod tests {
    use twostep_core::login::Peer;

    use super::*;

    fn come(waiting: &Arc<ConnectionQueue>, uid: u32) -> bool {
        let peer = if uid == 0 { Peer::Root } else { Peer::User(uid) };
        waiting.take_in(UnixStream::pair().unwrap().0, Caller { peer, pid: 1 }).is_ok()
    }

    #[test]
    fn one_user_gets_so_many_and_the_others_theirs() {
        let waiting = ConnectionQueue::new(ALL);
        let taken = |uid, count| (0..count).filter(|_| come(&waiting, uid)).count();
        assert_eq!(taken(1000, 100), EACH);
        assert_eq!(taken(1001, 3), 3);
        assert_eq!(taken(0, 20), 20);
        // One that is at work still counts, and one that has ended does not.
        let first = waiting.next();
        assert_eq!((first.caller.uid(), taken(1000, 1)), (1000, 0));
        drop(first);
        assert_eq!(taken(1000, 5), 1);
    }

    #[test]
    fn a_user_has_one_worker_at_a_time_and_root_as_many_as_there_are() {
        let waiting = ConnectionQueue::new(ALL);
        for uid in [1000, 1000, 1000, 1001, 0, 0] {
            assert!(come(&waiting, uid));
        }
        let next = || lock(&waiting.line).take();
        let taken: Vec<_> = std::iter::from_fn(next).collect();
        assert_eq!(taken.iter().map(|one| one.caller.uid()).collect::<Vec<_>>(), [1000, 1001, 0, 0]);
        drop(taken);
        assert_eq!(std::iter::from_fn(next).collect::<Vec<_>>().len(), 1);
    }

    #[test]
    fn all_of_them_together_get_so_many() {
        let waiting = ConnectionQueue::new(10);
        assert_eq!((1..=20).filter(|uid| come(&waiting, *uid)).count(), 10);
        assert!(!come(&waiting, 0));
        drop(waiting.next());
        assert!(come(&waiting, 0) && !come(&waiting, 99));
    }
}
