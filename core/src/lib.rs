//! The domain of Twostep and its store: what an account is, what a code proves, who must pass.
//!
//! Start with [`login`]: one login reads there from top to bottom, and everything else stands
//! below it. `docs/architecture.md` draws the floors.

#![forbid(unsafe_code)]

pub mod request;
pub mod secret;
