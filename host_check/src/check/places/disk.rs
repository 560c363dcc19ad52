//! The file systems that the store and the helper lie on.

use std::path::Path;

use nix::sys::statvfs::{FsFlags, Statvfs, statvfs};

use crate::finding::Finding;
use crate::words;

/// Less than any account needs when it is written anew.
const LITTLE: u64 = 1024 * 1024;

/// A helper that is not run, or not as its group.
pub fn of_helper(helper: &Path) -> Option<Finding> {
    let path = helper.display();
    let flags = statvfs(helper).ok()?.flags();
    if flags.contains(FsFlags::ST_NOEXEC) {
        let what = words::check_host::helper_noexec(&path);
        return Some(Finding::error("helper-noexec", path, what, words::check_host::MOUNT_EXEC));
    }
    flags.contains(FsFlags::ST_NOSUID).then(|| {
        let what = words::check_host::helper_nosuid(&path);
        Finding::error("helper-nosuid", path, what, words::check_host::MOUNT_SUID)
    })
}

/// A store that takes no writes: verification codes count there all the same.
pub fn of_store(state: &Path) -> Option<Finding> {
    let system = statvfs(state).ok()?;
    let path = state.display();
    if system.flags().contains(FsFlags::ST_RDONLY) {
        let what = words::check_host::read_only(&path);
        return Some(Finding::warning("store-read-only", path, what, words::check_host::MOUNT_WRITABLE));
    }
    is_full(&system).then(|| {
        Finding::warning("store-full", state.display(), words::check_host::full(&path), words::check_host::MAKE_ROOM)
    })
}

fn is_full(system: &Statvfs) -> bool {
    let room = system.blocks_free().saturating_mul(system.fragment_size());
    // Some file systems count no files.
    room < LITTLE || system.files() > 0 && system.files_free() == 0
}
