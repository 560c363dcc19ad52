//! Every sentence about the files of other programs and hosts.

pub mod backup;
pub mod mistakes;
