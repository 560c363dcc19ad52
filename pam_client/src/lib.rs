//! The calls of libpam as a program makes them (pam_start(3)), in a crate of their own, so that the
//! command line and the service forbid unsafe code.
//!
//! libpam is opened when it is needed, not linked: the service stays small, and a host without libpam, or
//! with an old one, still has a command line.

mod libpam;
mod password;
mod trial;

pub use password::{Unclear, authenticate};
pub use trial::{NoTrial, Trial, trial};
