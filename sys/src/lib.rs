//! The few system calls that no crate in use wraps safely. They have a crate of their own, so that
//! all others can forbid unsafe code.

mod clock;
mod inherited;
mod process;

pub use clock::clock_is_synchronized;
pub use inherited::{close_from, default_signals, ordinary_schedule, stop_timers};
pub use process::Process;
