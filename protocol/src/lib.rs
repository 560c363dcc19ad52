//! What a login, a command and the service say to each other, and how it travels.

#![forbid(unsafe_code)]

pub mod audit;
pub mod client;
pub mod frame;
pub mod hex;
pub mod options;
pub mod request;
pub mod secret;
