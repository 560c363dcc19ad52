//! The file systems that the store and the service's program are on.

use std::path::Path;

use nix::sys::statvfs::{FsFlags, Statvfs, statvfs};

use crate::finding::Finding;
use crate::messages;

/// Less than any account needs when it is written again.
const LITTLE: u64 = 1024 * 1024;

/// A program that is not run.
pub fn of_program(program: &Path) -> Option<Finding> {
    statvfs(program).ok()?.flags().contains(FsFlags::ST_NOEXEC).then(|| {
        let what = messages::check_installation::service_noexec(program.display());
        Finding::error("service-noexec", program.display(), what, messages::check_installation::MOUNT_EXEC)
    })
}

/// A store that takes no writes: verification codes count there all the same.
pub fn of_store(state: &Path) -> Option<Finding> {
    let system = statvfs(state).ok()?;
    let path = state.display();
    if system.flags().contains(FsFlags::ST_RDONLY) {
        let what = messages::check_host::read_only(&path);
        return Some(Finding::error("store-read-only", path, what, messages::check_host::MOUNT_WRITABLE));
    }
    is_full(&system).then(|| {
        Finding::error(
            "store-full",
            state.display(),
            messages::check_host::full(&path),
            messages::check_host::MAKE_ROOM,
        )
    })
}

fn is_full(system: &Statvfs) -> bool {
    let room = system.blocks_free().saturating_mul(system.fragment_size());
    // Some file systems count no files.
    room < LITTLE || system.files() > 0 && system.files_free() == 0
}
