//! Who looks after this host, and must not be locked out of it.

use std::collections::BTreeSet;
use std::path::Path;

use nix::unistd::{Group, User};

use super::sudo::{Rules, SUDOERS};
use crate::host::{is_shell, members_of};

/// Groups whose members do.
const GROUPS: [&str; 3] = ["sudo", "wheel", "admin"];

/// The one who types, the members of the usual groups, and those whom sudo's rules let do anything,
/// if they can log in.
pub fn administrators(caller: &str) -> Vec<String> {
    let groups = GROUPS.iter().filter_map(|name| Group::from_name(name).ok().flatten());
    let mut names = groups.flat_map(|group| members_of(&group)).collect::<BTreeSet<_>>();
    if let Some(Ok(rules)) = Rules::read(Path::new(SUDOERS)) {
        let can_log_in = |name: &String| {
            let user = User::from_name(name).ok().flatten();
            user.is_some_and(|user| user.shell.to_str().is_some_and(is_shell))
        };
        names.extend(rules.administrators().into_iter().filter(can_log_in));
    }
    names.insert(caller.to_owned());
    names.into_iter().collect()
}
