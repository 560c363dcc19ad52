//! The logins of a host: what is wrong with them, and changes that can be undone.
//!
//! Nothing here prints or asks. The command line shows what is found, and asks before it changes anything.

#![forbid(unsafe_code)]

pub mod apply;
pub mod change;
pub mod check;
pub mod dates;
mod error;
mod finding;
pub mod host;
mod messages;
pub mod shell;

pub use error::Error;
pub use finding::{Finding, Severity};
