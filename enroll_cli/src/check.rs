//! What is wrong with a host, or will be: each with what it means and what to do.
//!
//! Every check looks and changes nothing. Those of PAM stacks, sshd and sudo take the root folder of
//! a host, so that a change can be checked before it is made.

mod finding;
pub mod stacks;

pub use finding::{Finding, Severity};
