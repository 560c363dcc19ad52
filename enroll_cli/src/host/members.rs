//! Who is in a group, asked for very many users.
//!
//! A login asks the user database for all groups of its user. For all users of a host that takes
//! too long where the groups lie in a file, which is then read anew for each; there the group's own
//! list of members says the same.

use std::collections::HashSet;
use std::path::Path;

use nix::unistd::Group;
use twostep_core::groups;
use twostep_core::username::Person;

/// Where the C library is told whom to ask (nsswitch.conf(5)).
const SOURCES: &str = "/etc/nsswitch.conf";
/// Uids of users whom systemd may put into groups on its own (systemd's UIDS-GIDS).
const OF_SYSTEMD: std::ops::RangeInclusive<u32> = 60_001..=65_519;

/// The members of some groups.
#[derive(Debug)]
pub struct Members {
    names: Vec<String>,
    /// The groups' own lists, where they say all.
    lists: Option<Vec<List>>,
}

#[derive(Debug)]
struct List {
    gid: u32,
    users: HashSet<String>,
}

impl Members {
    /// The members of these groups.
    pub fn of(names: &[String]) -> Self {
        let lists = if lists_say_all(Path::new(SOURCES)) { lists(names) } else { None };
        Self { names: names.to_owned(), lists }
    }

    /// The first of the groups that a user is in; `None` if it is none, or if nobody can say.
    pub fn first_of(&self, person: &Person) -> Result<Option<&str>, nix::errno::Errno> {
        let Some(lists) = self.lists.as_ref().filter(|_| !OF_SYSTEMD.contains(&person.uid)) else {
            return groups::first_of(person, &self.names);
        };
        let is_in = |list: &List| list.gid == person.gid || list.users.contains(person.name.as_str());
        Ok(self.names.iter().zip(lists).find(|(_, list)| is_in(list)).map(|(name, _)| name.as_str()))
    }
}

/// The groups' lists; a name that no group has is nobody's.
fn lists(names: &[String]) -> Option<Vec<List>> {
    let list = |name: &String| {
        let group = Group::from_name(name).ok()?;
        // No user has the last gid, which chown(2) takes for "none".
        let (gid, users) = group.map_or((u32::MAX, Vec::new()), |group| (group.gid.as_raw(), group.mem));
        Some(List { gid, users: users.into_iter().collect() })
    };
    names.iter().map(list).collect()
}

/// Whether nobody but files, and systemd for its own users, says who is in a group.
fn lists_say_all(sources: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(sources) else { return false };
    let mut found = false;
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let Some((database, sources)) = line.split_once(':') else { continue };
        match database.trim() {
            "initgroups" => return false,
            "group" => {
                found = sources.split_whitespace().all(|source| matches!(source, "files" | "systemd"));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_say_the_same_of_every_user() {
        let names = ["no-such-group", "adm", "daemon", "root", "users"].map(str::to_owned);
        let (quick, slow) =
            (Members { names: names.to_vec(), lists: lists(&names) }, Members { names: names.to_vec(), lists: None });
        let mut users = super::super::users::Users::list().unwrap();
        let mut members = 0;
        while let Some(listed) = users.next().unwrap() {
            let found = quick.first_of(&listed.person);
            assert_eq!(found, slow.first_of(&listed.person), "{:?}", listed.person);
            members += usize::from(found != Ok(None));
        }
        assert!(members >= 2);
    }

    #[test]
    fn lists_say_all_only_where_nobody_else_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("nsswitch.conf");
        for (text, expected) in [
            ("passwd: sss\ngroup:  files systemd # sss\n", true),
            ("group: files\n", true),
            ("group: files sss\n", false),
            ("group: files [SUCCESS=merge] systemd\n", false),
            ("group: files\ninitgroups: sss\n", false),
            ("#group: files\n", false),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(lists_say_all(&file), expected, "{text}");
        }
        assert!(!lists_say_all(Path::new("/nonexistent")));
    }
}
