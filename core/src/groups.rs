//! Of which groups a user is a member, as the user database says it now.

use std::ffi::CString;

use nix::errno::Errno;
use nix::unistd::{Gid, Group, getgrouplist};

use crate::username::Person;

/// Who says in which groups a user is.
pub trait Groups {
    /// The first of these groups that a user is in. A name that no group has is nobody's.
    ///
    /// # Errors
    /// The user database does not answer: that is not "in none".
    fn first_of<'a>(&self, person: &Person, names: &'a [String]) -> Result<Option<&'a str>, Errno>;
}

/// The user database, asked for one user as a login does.
#[derive(Debug, Clone, Copy)]
pub struct Database;

impl Groups for Database {
    fn first_of<'a>(&self, person: &Person, names: &'a [String]) -> Result<Option<&'a str>, Errno> {
        if names.is_empty() {
            return Ok(None);
        }
        let name = CString::new(person.name.as_str()).map_err(|_| Errno::EINVAL)?;
        let groups = getgrouplist(&name, Gid::from_raw(person.gid))?;
        for name in names {
            if find(name)?.is_some_and(|group| groups.contains(&group.gid)) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

/// The group of this name, if there is one.
///
/// # Errors
/// The user database does not answer: that is not "there is none".
pub fn find(name: &str) -> Result<Option<Group>, Errno> {
    let group = Group::from_name(name)?;
    if group.is_none() {
        is_there()?;
    }
    Ok(group)
}

/// A database that is broken says of every group that there is none. Every host has group 0.
fn is_there() -> Result<(), Errno> {
    Group::from_gid(Gid::from_raw(0))?.map(|_| ()).ok_or(Errno::ENOENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_in_its_group_and_in_no_unknown_one() {
        let root = Person::lookup("root").unwrap().unwrap();
        let names = ["no-such-group", "daemon", "root"].map(str::to_owned);
        assert_eq!(Database.first_of(&root, &names), Ok(Some("root")));
        assert_eq!(Database.first_of(&root, &names[..1]), Ok(None));
        assert_eq!(Database.first_of(&root, &[]), Ok(None));
        assert!(find("root").unwrap().is_some() && find("no-such-group").unwrap().is_none());
    }
}
