//! Every sentence of the command line, by the room where it is said. What the flags mean stands with
//! the flags ([`crate::arguments`]), from which help and manual pages come.
//!
//! A translation begins here, and in `twostep_core::messages`.

pub mod account;
pub mod admin;
pub mod app_password;
pub mod apply;
pub mod call;
pub mod check;
pub mod configuration;
pub mod general;
pub mod keys;
pub mod report;
pub mod transfer;
