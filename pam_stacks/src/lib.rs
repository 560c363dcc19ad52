//! PAM stacks: which lines a service runs, and what becomes of what its modules return.
//!
//! libpam itself can say neither without running them. So its reading of files (pam.conf(5)) and
//! its dispatch are modelled here, and tests hold the model against the real one.

#![forbid(unsafe_code)]

mod code;
mod control;
mod explore;
mod files;
mod messages;
mod module;
mod read;
mod stack;
mod text;
mod walk;

pub use code::Code;
pub use control::{Action, Control};
pub use explore::{End, explore};
pub use files::{Files, ONE_FILE};
pub use module::{Module, ModuleKind};
pub use read::counted_elsewhere;
pub use stack::{ManagementGroup, Place, Runs, Stack, StackLine};
pub use text::unseen;
pub use walk::Walk;
