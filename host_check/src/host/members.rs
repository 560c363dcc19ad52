//! Who is in a group, asked for very many users.
//!
//! A login asks the user database for all groups of its user. For all users of a host that takes
//! too long where the groups lie in a file, which is then read again for each; there the group's own
//! list of members says the same.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::Group;
use twostep_core::groups::{self, Database, Groups};
use twostep_core::username::Person;

/// Where the C library is told whom to ask (nsswitch.conf(5)).
const SOURCES: &str = "/etc/nsswitch.conf";
/// Uids of users whom systemd may put into groups on its own (systemd's UIDS-GIDS).
const OF_SYSTEMD: std::ops::RangeInclusive<u32> = 60_001..=65_519;

/// The members of some groups.
#[derive(Debug)]
pub struct Members {
    /// Each group's own list by its name, where the lists say all.
    lists: Option<HashMap<String, List>>,
}

#[derive(Debug)]
struct List {
    gid: u32,
    users: HashSet<String>,
}

impl Members {
    /// The members of these groups.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a String>) -> Self {
        Self { lists: if lists_say_all(Path::new(SOURCES)) { lists(names) } else { None } }
    }
}

impl Groups for Members {
    /// A group that was not looked up before is asked for as a login does.
    fn first_of<'a>(&self, person: &Person, names: &'a [String]) -> Result<Option<&'a str>, Errno> {
        let lists = self.lists.as_ref().filter(|_| !OF_SYSTEMD.contains(&person.uid));
        let Some(lists) = lists.filter(|lists| names.iter().all(|name| lists.contains_key(name))) else {
            return Database.first_of(person, names);
        };
        let has = |list: &List| list.gid == person.gid || list.users.contains(person.name.as_str());
        Ok(names.iter().find(|name| lists.get(*name).is_some_and(has)).map(String::as_str))
    }
}

/// The groups' lists; a name that no group has is nobody's. None where the user database fails.
fn lists<'a>(names: impl IntoIterator<Item = &'a String>) -> Option<HashMap<String, List>> {
    let list = |name: &String| {
        // No user has the last gid, which chown(2) takes for "none".
        let (gid, users) =
            groups::find(name).ok()?.map_or((u32::MAX, Vec::new()), |group| (group.gid.as_raw(), group.mem));
        Some((name.clone(), List { gid, users: users.into_iter().collect() }))
    };
    names.into_iter().map(list).collect()
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
    fn both_ways_say_the_same_of_every_user() {
        let names = ["no-such-group", "adm", "daemon", "root", "users"].map(str::to_owned);
        let quick = Members { lists: lists(&names) };
        let mut users = super::super::users::Users::list().unwrap();
        let mut members = 0;
        while let Some(listed) = users.next().unwrap() {
            let found = quick.first_of(&listed.person, &names);
            assert_eq!(found, Database.first_of(&listed.person, &names), "{:?}", listed.person);
            members += usize::from(found != Ok(None));
        }
        assert!(members >= 2);
    }

    #[test]
    fn a_group_that_was_not_looked_up_is_asked_for() {
        let quick = Members { lists: lists(&["daemon".to_owned()]) };
        let root = Person::lookup("root").unwrap().unwrap();
        assert_eq!(quick.first_of(&root, &["daemon".to_owned(), "root".to_owned()]), Ok(Some("root")));
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

    #[test]
    fn a_group_is_also_of_those_whose_own_it_is() {
        let passwd = "bob:x:1001:997::/:/bin/sh\neve:x:997:1002::/:/bin/sh\n";
        assert_eq!(whose_own(passwd, 997), ["bob"]);
        let root = Group::from_gid(0.into()).unwrap().unwrap();
        assert!(members_of(&root).contains("root"));
    }
}
