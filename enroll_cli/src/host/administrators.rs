//! Who looks after this host, and must not be locked out of it.

use std::collections::BTreeSet;
use std::path::Path;

use nix::unistd::{Group, User};

use super::users::is_shell;
use crate::check::sudo::{Rules, SUDOERS};

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

/// The members of a group: those in its list, and those whose own group it is.
pub fn members_of(group: &Group) -> BTreeSet<String> {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    group.mem.iter().cloned().chain(whose_own(&passwd, group.gid.as_raw())).collect()
}

/// The users of a passwd(5) text whose own group this is.
fn whose_own(passwd: &str, gid: u32) -> Vec<String> {
    let gid = gid.to_string();
    let own = passwd.lines().filter(|line| line.split(':').nth(3) == Some(&gid));
    own.filter_map(|line| Some(line.split(':').next()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_also_of_those_whose_own_it_is() {
        let passwd = "bob:x:1001:997::/:/bin/sh\neve:x:997:1002::/:/bin/sh\n";
        assert_eq!(whose_own(passwd, 997), ["bob"]);
        let root = Group::from_gid(0.into()).unwrap().unwrap();
        assert!(members_of(&root).contains("root"));
    }
}
