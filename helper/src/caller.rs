//! Whether the process that asks is one that this program may serve.

use nix::sys::prctl;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{Gid, Group, getegid, getresuid};
use twostep_core::request::Refusal;

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
    let ids = getresuid().map_err(|_| refused(Refusal::BadCaller, UNKNOWN_CALLER))?;
    if ids.real.is_root() {
        return Err(refused(Refusal::BadCaller, ROOT));
    }
    if ids.real != ids.effective || ids.real != ids.saved {
        return Err(refused(Refusal::BadCaller, TWO_USERS));
    }
    runs_with(store_group()?)
}

fn store_group() -> Result<Gid, Refused> {
    match Group::from_name(STORE_GROUP) {
        Ok(Some(group)) => Ok(group.gid),
        Ok(None) | Err(_) => Err(refused(Refusal::NotSetUp, NO_GROUP)),
    }
}

fn runs_with(group: Gid) -> Result<(), Refused> {
    if getegid() == group {
        return Ok(());
    }
    if prctl::get_no_new_privs().unwrap_or(false) {
        return Err(refused(Refusal::BadCaller, NO_NEW_PRIVILEGES));
    }
    if statvfs(MYSELF).is_ok_and(|mount| mount.flags().contains(FsFlags::ST_NOSUID)) {
        return Err(refused(Refusal::NotSetUp, MOUNTED_NOSUID));
    }
    if installed_setgid(group) {
        return Err(refused(Refusal::BadCaller, CONFINED));
    }
    Err(refused(Refusal::NotSetUp, NOT_SETGID))
}

fn installed_setgid(group: Gid) -> bool {
    nix::sys::stat::stat(MYSELF).is_ok_and(|file| {
        let setgid = nix::sys::stat::Mode::S_ISGID | nix::sys::stat::Mode::S_IXGRP;
        nix::sys::stat::Mode::from_bits_truncate(file.st_mode).contains(setgid) && file.st_gid == group.as_raw()
    })
}

const UNKNOWN_CALLER: &str = "The kernel did not say who is asking. Nothing was changed.";

const ROOT: &str = "Root does not use twostep-helper. Use `twostep enroll --user USER` or \
                    `twostep admin` instead.";

const TWO_USERS: &str = "The program that asks runs with the rights of two users at once, so it is \
                         not clear whose account is meant. Ask from a program that runs as the \
                         user alone, or as root.";

const NO_GROUP: &str = "The group twostep does not exist on this host. Ask the administrator to \
                        install Twostep completely.";

const NO_NEW_PRIVILEGES: &str = "This program was started under no_new_privs, where a user's \
                                 account cannot be reached. Start it outside of the sandbox or \
                                 service that sets this (NoNewPrivileges= of systemd).";

const MOUNTED_NOSUID: &str = "twostep-helper lies on a file system that is mounted nosuid, so it \
                              cannot reach the accounts. Ask the administrator to mount it without \
                              nosuid.";

const CONFINED: &str = "twostep-helper was started without its group, as happens under a debugger \
                        or in a user namespace. Start it in an ordinary session.";

const NOT_SETGID: &str = "twostep-helper is not installed with its group. Ask the administrator to \
                          run: chown root:twostep on it, then chmod 2755.";
