//! Owner and mode of a file, as they are and as they are told.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use nix::unistd::{Gid, Group};

/// The bits of a mode that count, and those of its kind.
pub const MODE: u32 = 0o7777;

/// What a file is, for a finding.
pub fn described(found: &Metadata) -> String {
    let kind = match found.file_type() {
        kind if kind.is_symlink() => "a link, ",
        kind if kind.is_dir() => "",
        kind if kind.is_file() => "",
        _ => "no file, ",
    };
    let group = Group::from_gid(Gid::from_raw(found.gid()))
        .ok()
        .flatten()
        .map_or_else(|| found.gid().to_string(), |group| group.name);
    let owner = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(found.uid())).ok().flatten();
    let owner = owner.map_or_else(|| found.uid().to_string(), |user| user.name);
    format!("{kind}{owner}:{group} {:04o}", found.mode() & MODE)
}
