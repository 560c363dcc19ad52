//! Whether the process that asks is one that this program may serve.

use nix::sys::prctl;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{Gid, Group, getegid, getresuid};
use twostep_core::request::Refusal;
use twostep_core::words::helper as words;

use crate::reply::{Refused, refused};

/// The group of the store. It has no members: only this program runs with it.
const STORE_GROUP: &str = "twostep";

/// This program's own file.
const MYSELF: &str = "/proc/self/exe";

/// An ordinary user, served by a program that really runs with the store's group.
///
/// # Errors
/// The refusal to print.
pub fn may_ask() -> Result<(), Refused> {
    let ids = getresuid().map_err(|_| refused(Refusal::BadCaller, words::UNKNOWN_CALLER))?;
    if ids.real.is_root() {
        return Err(refused(Refusal::BadCaller, words::ROOT));
    }
    if ids.real != ids.effective || ids.real != ids.saved {
        return Err(refused(Refusal::BadCaller, words::TWO_USERS));
    }
    runs_with(store_group()?)
}

fn store_group() -> Result<Gid, Refused> {
    match Group::from_name(STORE_GROUP) {
        Ok(Some(group)) => Ok(group.gid),
        Ok(None) | Err(_) => Err(refused(Refusal::NotSetUp, words::NO_GROUP)),
    }
}

fn runs_with(group: Gid) -> Result<(), Refused> {
    if getegid() == group {
        return Ok(());
    }
    if prctl::get_no_new_privs().unwrap_or(false) {
        return Err(refused(Refusal::BadCaller, words::NO_NEW_PRIVILEGES));
    }
    if statvfs(MYSELF).is_ok_and(|mount| mount.flags().contains(FsFlags::ST_NOSUID)) {
        return Err(refused(Refusal::NotSetUp, words::MOUNTED_NOSUID));
    }
    if installed_setgid(group) {
        return Err(refused(Refusal::BadCaller, words::CONFINED));
    }
    Err(refused(Refusal::NotSetUp, words::NOT_SETGID))
}

fn installed_setgid(group: Gid) -> bool {
    nix::sys::stat::stat(MYSELF).is_ok_and(|file| {
        let setgid = nix::sys::stat::Mode::S_ISGID | nix::sys::stat::Mode::S_IXGRP;
        nix::sys::stat::Mode::from_bits_truncate(file.st_mode).contains(setgid) && file.st_gid == group.as_raw()
    })
}
