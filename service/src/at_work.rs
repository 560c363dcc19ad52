//! Who waits for an answer: a request that takes longer is told to wait, and a worker that does not come
//! back is seen.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use protocol::frame::{self, AtOnce, LONGEST_RESPONSE, Until, now};
use protocol::request::Response;

use crate::caller::Endpoint;
use crate::threads::lock;

/// After how long a caller is told that its request is at work. It waits 1 s for that.
const FIRST: Duration = Duration::from_millis(500);
/// How often it is told again.
const AGAIN: Duration = Duration::from_secs(2);
/// How long it is told to wait: until it is told again, and some time beyond.
const SECONDS: u64 = 3;
/// How often the watcher looks.
const TICK: Duration = Duration::from_millis(250);
/// After how many looks at an empty table it sleeps until there is a request.
const QUIET: u32 = 40;
/// How long a caller may take to read its answer.
const SEND: Duration = Duration::from_secs(2);

/// The requests that workers are at.
#[derive(Debug, Default)]
pub struct AtWork {
    table: Mutex<Table>,
    begun: Condvar,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    requests: Vec<Request>,
    /// Whether the watcher sleeps until it is called.
    is_asleep: bool,
}

#[derive(Debug)]
struct Request {
    number: u64,
    door: Endpoint,
    since: Instant,
    /// When its caller is told to wait.
    due: Instant,
    reply: Arc<Responder>,
}

impl AtWork {
    /// Puts a request on the table, for as long as what it returns lives.
    #[must_use]
    pub fn begin(&self, door: Endpoint, reply: &Arc<Responder>) -> Working<'_> {
        let since = now();
        let mut table = lock(&self.table);
        table.last += 1;
        let number = table.last;
        table.requests.push(Request { number, door, since, due: since + FIRST, reply: Arc::clone(reply) });
        if table.is_asleep {
            table.is_asleep = false;
            self.begun.notify_one();
        }
        Working { at: self, number }
    }

    /// Whether no worker is at a request.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        lock(&self.table).requests.is_empty()
    }

    /// How many requests of this socket have been at work for so long.
    #[must_use]
    pub fn stuck(&self, door: Endpoint, long: Duration) -> usize {
        let now = now();
        let is_stuck = |one: &&Request| one.door == door && now.duration_since(one.since) >= long;
        lock(&self.table).requests.iter().filter(is_stuck).count()
    }

    /// Tells callers to wait, for ever.
    pub fn watch(&self) {
        let mut quiet = 0;
        loop {
            quiet = if self.tell() { 0 } else { quiet + 1 };
            if quiet < QUIET {
                thread::sleep(TICK);
                continue;
            }
            let mut table = lock(&self.table);
            table.is_asleep = table.requests.is_empty();
            while table.is_asleep {
                table = self.begun.wait(table).unwrap_or_else(PoisonError::into_inner);
            }
            quiet = 0;
        }
    }

    /// Tells those who have waited long enough; says whether anybody waits.
    fn tell(&self) -> bool {
        let now = now();
        let mut table = lock(&self.table);
        for request in table.requests.iter_mut().filter(|request| request.due <= now) {
            request.due = now + AGAIN;
            request.reply.wait();
        }
        !table.requests.is_empty()
    }
}

/// A request that a worker is at.
#[derive(Debug)]
pub struct Working<'a> {
    at: &'a AtWork,
    number: u64,
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        lock(&self.at.table).requests.retain(|request| request.number != self.number);
    }
}

/// The way back to a caller. Frames never mix, and nothing comes after the response.
#[derive(Debug)]
pub struct Responder {
    stream: UnixStream,
    is_answered: Mutex<bool>,
}

impl Responder {
    /// To who is at the other end.
    #[must_use]
    pub fn new(stream: UnixStream) -> Self {
        Self { stream, is_answered: Mutex::new(false) }
    }

    /// The connection, for what comes in.
    #[must_use]
    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Answers.
    ///
    /// # Errors
    /// Nobody takes it (in time), or it is too long for a frame (`InvalidInput`).
    pub fn respond(&self, response: &Response) -> io::Result<()> {
        let mut is_answered = lock(&self.is_answered);
        *is_answered = true;
        frame::send(Until { stream: &self.stream, limit: now() + SEND }, response, LONGEST_RESPONSE)
    }

    /// Says that an answer will come. A caller that does not read what it is told is not waited for: a
    /// frame as short as this one goes whole or not at all.
    fn wait(&self) {
        if let Ok(is_answered) = self.is_answered.try_lock()
            && !*is_answered
        {
            let _ = frame::send(AtOnce(&self.stream), &Response::Wait { seconds: SECONDS }, LONGEST_RESPONSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (UnixStream, Arc<Responder>) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        (theirs, Arc::new(Responder::new(ours)))
    }

    /// Makes all requests as old as this.
    fn age(at_work: &AtWork, by: Duration) {
        for request in &mut lock(&at_work.table).requests {
            request.since -= by;
            request.due -= by;
        }
    }

    #[test]
    fn who_waits_is_told_in_time_and_again_and_never_after_the_answer() {
        let at_work = AtWork::default();
        let (theirs, reply) = pair();
        let working = at_work.begin(Endpoint::Login, &reply);
        assert!(at_work.tell());
        assert!(frame::receive::<Response>(&theirs, LONGEST_RESPONSE).is_err());
        for late in [FIRST, AGAIN, AGAIN] {
            age(&at_work, late);
            at_work.tell();
            at_work.tell();
            assert!(matches!(frame::receive(&theirs, LONGEST_RESPONSE), Ok(Response::Wait { seconds: SECONDS })));
            assert!(frame::receive::<Response>(&theirs, LONGEST_RESPONSE).is_err());
        }
        reply.respond(&Response::Revoked { labels: vec![] }).unwrap();
        age(&at_work, AGAIN);
        at_work.tell();
        assert!(matches!(frame::receive(&theirs, LONGEST_RESPONSE), Ok(Response::Revoked { .. })));
        assert!(frame::receive::<Response>(&theirs, LONGEST_RESPONSE).is_err());
        drop(working);
        assert!(at_work.is_empty() && !at_work.tell());
    }

    #[test]
    fn who_does_not_read_holds_nobody_up() {
        let at_work = AtWork::default();
        let (theirs, reply) = pair();
        let _working = at_work.begin(Endpoint::Login, &reply);
        let began = now();
        for _ in 0..20_000 {
            age(&at_work, AGAIN);
            at_work.tell();
        }
        assert!(now() - began < Duration::from_secs(10));
        // What came is whole frames.
        let mut frames = 0;
        while let Ok(Response::Wait { .. }) = frame::receive(&theirs, LONGEST_RESPONSE) {
            frames += 1;
        }
        assert!(frames > 10 && frames < 20_000, "{frames}");
    }

    #[test]
    fn stuck_ones_are_counted_for_each_socket() {
        let at_work = AtWork::default();
        let (_theirs, reply) = pair();
        let _one = at_work.begin(Endpoint::Login, &reply);
        let _other = at_work.begin(Endpoint::User, &reply);
        let long = Duration::from_secs(20);
        assert_eq!(at_work.stuck(Endpoint::Login, long), 0);
        age(&at_work, long);
        let _third = at_work.begin(Endpoint::Login, &reply);
        assert_eq!(at_work.stuck(Endpoint::Login, long), 1);
    }

    #[test]
    fn a_watcher_that_sleeps_is_called() {
        let at_work: &'static AtWork = Box::leak(Box::default());
        lock(&at_work.table).is_asleep = true;
        let watcher = thread::Builder::new().spawn(|| {
            let mut table = lock(&at_work.table);
            while table.is_asleep {
                table = at_work.begun.wait(table).unwrap();
            }
        });
        let (_theirs, reply) = pair();
        let _working = at_work.begin(Endpoint::Admin, &reply);
        watcher.unwrap().join().unwrap();
    }
}
