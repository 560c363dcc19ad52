//! Threads of the service, and what they share.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// Starts a thread of the service. Nobody waits for its end.
///
/// # Errors
/// There can be no more.
pub fn start(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

/// A lock, also of what a panic left: it is never left half changed.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
