//! The threads behind the sockets: a fixed number for each, so that none can use up what another needs.

use std::any::Any;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use protocol::frame::{self, AtOnce, LONGEST_RESPONSE, Until, now};
use protocol::request::{Call, Refusal, Response};
use twostep_core::messages::service as messages;

use crate::answer::refused;
use crate::at_work::{AtWork, Responder};
use crate::caller::{Caller, Endpoint};
use crate::log::Log;
use crate::threads::{lock, start};
use crate::waiting::{Connection, ConnectionQueue};
use crate::{broken, waiting};

/// How long a whole request may take to come in.
const RECEIVE: Duration = Duration::from_secs(2);
/// How long a socket that gives no connection is left alone.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the log says at most that a socket gives none, or that there are too many.
const COMPLAINT: Duration = Duration::from_secs(60);
/// What a call comes to.
pub type Handler = dyn Fn(&Caller, Call) -> Response + Send + Sync;

/// The service, whatever it answers.
pub struct Server {
    answer: Box<Handler>,
    /// The requests that are answered now.
    pub at_work: AtWork,
    is_stopping: AtomicBool,
    complained: Mutex<Option<Instant>>,
}

impl Server {
    /// One that answers like this, and tells callers to wait.
    #[must_use]
    pub fn new(answer: impl Fn(&Caller, Call) -> Response + Send + Sync + 'static) -> Arc<Self> {
        let server = Arc::new(Self {
            answer: Box::new(answer),
            at_work: AtWork::default(),
            is_stopping: AtomicBool::new(false),
            complained: Mutex::default(),
        });
        let watched = Arc::clone(&server);
        if let Err(error) = start("watcher", move || watched.at_work.watch()) {
            // Callers are answered all the same, if it does not take long.
            Log::own().error(error);
        }
        server
    }

    /// Serves a socket.
    ///
    /// # Errors
    /// No more threads can be started.
    pub fn open(self: &Arc<Self>, door: Endpoint, listener: UnixListener) -> io::Result<()> {
        let listener = Arc::new(listener);
        if door == Endpoint::User {
            return self.open_for_users(&listener);
        }
        for _ in 0..door.workers() {
            let (server, listener) = (Arc::clone(self), Arc::clone(&listener));
            start(door.name(), move || {
                while let Some(connection) = server.accept(door, &listener) {
                    server.serve(door, connection);
                }
            })?;
        }
        Ok(())
    }

    /// Users get in one by one, as far as there is room.
    fn open_for_users(self: &Arc<Self>, listener: &Arc<UnixListener>) -> io::Result<()> {
        let line = ConnectionQueue::new(waiting::ALL);
        for _ in 0..Endpoint::User.workers() {
            let (server, line) = (Arc::clone(self), Arc::clone(&line));
            start(Endpoint::User.name(), move || {
                loop {
                    server.serve(Endpoint::User, line.next());
                }
            })?;
        }
        let (server, listener) = (Arc::clone(self), Arc::clone(listener));
        start("user-accept", move || {
            while let Some(Connection { stream, caller, .. }) = server.accept(Endpoint::User, &listener) {
                if let Err(stream) = line.take_in(stream, caller) {
                    server.complain("user.sock has as many connections as it may have");
                    turn_away(&stream, Refusal::Busy, messages::BUSY);
                }
            }
        })
    }

    /// The next connection of somebody who may use this socket; `None` when the service stops.
    fn accept(&self, door: Endpoint, listener: &UnixListener) -> Option<Connection> {
        while !self.is_stopping.load(Ordering::Acquire) {
            match listener.accept() {
                Ok((stream, _)) => match Caller::of(door, &stream) {
                    Ok(caller) => return Some(Connection { stream, caller, seat: None }),
                    Err(text) => turn_away(&stream, Refusal::BadCaller, text),
                },
                Err(error) if is_passing(&error) => {}
                Err(error) => {
                    self.complain(&format!("{}.sock gives no connection: {error}", door.name()));
                    thread::sleep(PAUSE);
                }
            }
        }
        None
    }

    /// Answers one request.
    pub fn serve(&self, door: Endpoint, connection: Connection) {
        let Connection { stream, caller, seat: _seat } = connection;
        let reply = Arc::new(Responder::new(stream));
        let received = frame::receive_call(Until { stream: reply.stream(), limit: now() + RECEIVE });
        let _working = self.at_work.begin(door, &reply);
        let response = match received {
            Ok(call) => self.answered(&caller, call),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                refused(Refusal::BadRequest, messages::NOT_A_REQUEST)
            }
            // Nobody asked, or not in time.
            Err(_) => return,
        };
        if let Err(error) = reply.respond(&response)
            && error.kind() == io::ErrorKind::InvalidInput
        {
            Log::of(caller.pid).error("a response is longer than a frame; report it");
            let _ = reply.respond(&refused(Refusal::Failed, messages::BROKEN));
        }
    }

    /// The answer, also where a panic prevents it.
    fn answered(&self, caller: &Caller, call: Call) -> Response {
        // What a panic leaves behind is the request's own, and ends with it.
        let answered = catch_unwind(AssertUnwindSafe(|| (self.answer)(caller, call)));
        answered.unwrap_or_else(|panic: Box<dyn Any + Send>| {
            // What it says may hold what was typed.
            drop(panic);
            Log::of(caller.pid).error(broken::place());
            refused(Refusal::Failed, messages::BROKEN)
        })
    }

    /// Takes no more connections, and waits until all requests are answered, but no longer than this.
    pub fn stop(&self, patience: Duration) {
        self.is_stopping.store(true, Ordering::Release);
        let end = now() + patience;
        // One that was accepted just now is not at work yet.
        thread::sleep(PAUSE);
        while !self.at_work.is_empty() && now() < end {
            thread::sleep(PAUSE / 4);
        }
    }

    /// Logs what may happen a thousand times a second.
    fn complain(&self, reason: &str) {
        let mut complained = lock(&self.complained);
        if complained.is_none_or(|at| now().duration_since(at) >= COMPLAINT) {
            *complained = Some(now());
            Log::own().error(reason);
        }
    }
}

/// Whether the next connection may be there already.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted)
}

/// Refuses without reading, if that needs no waiting.
fn turn_away(stream: &UnixStream, reason: Refusal, text: &str) {
    let _ = frame::send(AtOnce(stream), &refused(reason, text), LONGEST_RESPONSE);
}

#[cfg(test)]
#[path = "server/tests.rs"]
mod tests;
