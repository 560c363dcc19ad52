//! Who looks after this host, and must not be locked out of it.

use nix::unistd::Group;

/// Groups whose members do.
const GROUPS: [&str; 3] = ["sudo", "wheel", "admin"];

/// The one who types, and the members of the usual groups.
pub fn administrators(caller: &str) -> Vec<String> {
    let members = GROUPS.iter().filter_map(|name| Group::from_name(name).ok().flatten()).flat_map(|group| group.mem);
    let mut names = std::iter::once(caller.to_owned()).chain(members).collect::<Vec<_>>();
    names.sort_unstable();
    names.dedup();
    names
}
