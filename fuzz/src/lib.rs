//! What is foreign to Twostep, fed to it: one function of bytes for each kind. Each panics where a
//! promise is broken; that nothing else may panic, wait or overflow, the fuzzer sees by itself.
//!
//! `targets/` gives them to libFuzzer. `tests/replay.rs` gives them all that was ever worth keeping.

mod answers;
mod calls;
mod disk;
mod documents;
mod login;
pub mod phone;
mod stacks;
mod store;
mod transfers;

pub use answers::{answer, call, options, request, response};
pub use documents::{account, config, ledger, refusals, slots};
pub use login::{Given, disk, disk_history, login, memory_history};
pub use stacks::stack;
pub use transfers::{backup, batch, google, migration, oath, uri};

/// A function of bytes that panics where a promise is broken.
pub type Target = fn(&[u8]);

/// Each, by the name of its fuzzer and of its corpus.
pub const TARGETS: [(&str, Target); 19] = [
    ("account", account),
    ("answer", answer),
    ("backup", backup),
    ("batch", batch),
    ("call", call),
    ("config", config),
    ("disk", disk),
    ("google", google),
    ("response", response),
    ("ledger", ledger),
    ("login", login),
    ("migration", migration),
    ("oath", oath),
    ("options", options),
    ("refusals", refusals),
    ("request", request),
    ("slots", slots),
    ("stack", stack),
    ("uri", uri),
];
