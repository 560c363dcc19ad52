//! The limit of the file size, which the caller of su may have set.

use nix::sys::resource::{Resource, getrlimit, rlim_t};

/// More than any file of ours has.
const ENOUGH: rlim_t = 1024 * 1024;

/// Whether every write of ours can be whole. Under a smaller limit a write may be cut short, which
/// would tear a ledger, or end the process with SIGXFSZ: then nothing may be written at all.
pub(crate) fn allows_whole_files() -> bool {
    getrlimit(Resource::RLIMIT_FSIZE).is_ok_and(|(soft, _)| soft >= ENOUGH)
}
