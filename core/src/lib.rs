//! The domain of Twostep and its store: what an account is, what a code proves, who must pass.
//!
//! Start with [`login`]: one login reads there from top to bottom, and everything else stands
//! below it. `docs/architecture.md` draws the floors.

#![forbid(unsafe_code)]

pub mod account;
pub mod app_password;
pub mod config;
pub mod crockford;
pub mod document;
pub mod enroll;
pub mod groups;
pub mod ledger;
pub mod login;
pub mod messages;
pub mod notices;
pub mod otp;
pub mod overview;
pub mod policy;
pub mod qr;
pub mod recovery;
pub mod refusals;
pub mod seal;
pub mod store;
pub mod throttle;
pub mod time;
pub mod username;
pub mod verdict;

use protocol::hex;
pub use protocol::{audit, options, request, secret};
