//! The file systems that the store and the helper lie on.

use std::path::Path;

use nix::sys::statvfs::{FsFlags, Statvfs, statvfs};

use crate::check::Finding;

/// Less than any account needs when it is written anew.
const LITTLE: u64 = 1024 * 1024;

/// A helper that is not run, or not as its group.
pub fn of_helper(helper: &Path) -> Option<Finding> {
    let path = helper.display();
    let flags = statvfs(helper).ok()?.flags();
    if flags.contains(FsFlags::ST_NOEXEC) {
        let what = format!("{path} lies on a file system that is mounted noexec, so it cannot be started.");
        return Some(Finding::error("helper-noexec", path, what, "Mount it without noexec."));
    }
    flags.contains(FsFlags::ST_NOSUID).then(|| {
        let what = format!("{path} lies on a file system that is mounted nosuid, so it cannot reach any account.");
        Finding::error("helper-nosuid", path, what, "Mount it without nosuid.")
    })
}

/// A store that takes no writes: verification codes count there all the same.
pub fn of_store(state: &Path) -> Option<Finding> {
    let system = statvfs(state).ok()?;
    let path = state.display();
    let so = "nobody can enroll, and recovery codes are refused; verification codes still count";
    if system.flags().contains(FsFlags::ST_RDONLY) {
        let what = format!("{path} is read-only: {so}.");
        return Some(Finding::warning(
            "store-read-only",
            path,
            what,
            "Mount it for writing; `dmesg` says if its disk failed.",
        ));
    }
    is_full(&system).then(|| {
        Finding::warning(
            "store-full",
            state.display(),
            format!("The disk of {path} is full: {so}."),
            "Make room: df shows how much there is.",
        )
    })
}

fn is_full(system: &Statvfs) -> bool {
    let room = system.blocks_free().saturating_mul(system.fragment_size());
    // Some file systems count no files.
    room < LITTLE || system.files() > 0 && system.files_free() == 0
}
