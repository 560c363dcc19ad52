//! The users that the user database lists, one after the other, however many they are.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use twostep_core::username::{Person, Username};

use crate::error::Error;
use crate::messages::users;

/// Programs in place of a shell that let nobody log in.
const NO_SHELLS: [&str; 6] = ["nologin", "false", "true", "sync", "shutdown", "halt"];

/// One line of passwd(5).
#[derive(Debug, PartialEq, Eq)]
pub struct PasswdEntry {
    /// The user.
    pub person: Person,
    /// Whether the user can log in with a shell.
    pub has_login_shell: bool,
}

/// What `getent passwd` lists.
pub struct Users {
    lister: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Uids that were seen: a second name of one is an alias.
    uids: HashSet<u32>,
}

impl Users {
    /// Begins the list.
    pub fn list() -> Result<Self, Error> {
        let mut lister = Command::new("getent")
            .arg("passwd")
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| unlisted(&error.to_string()))?;
        let out = lister.stdout.take().ok_or_else(|| unlisted("no output"))?;
        Ok(Self { lister, lines: BufReader::new(out).lines(), uids: HashSet::new() })
    }

    /// How many lines the list has.
    pub fn count() -> Result<usize, Error> {
        let mut users = Self::list()?;
        let count = users.lines.by_ref().count();
        users.end()?;
        Ok(count)
    }

    /// The next user; `None` at the end of a list that is whole.
    pub fn next(&mut self) -> Result<Option<PasswdEntry>, Error> {
        loop {
            let Some(line) = self.lines.next() else { return self.end().map(|()| None) };
            // A line that is not text is of a user that Twostep does not serve.
            let Ok(line) = line else { continue };
            let Some(listed) = parsed(&line) else { continue };
            if self.uids.insert(listed.person.uid) {
                return Ok(Some(listed));
            }
            match Person::lookup(listed.person.name.as_str()) {
                // Another name of a user who was listed; the same name twice is the same user.
                Ok(Some(person)) => match person.alias() {
                    Ok(Some(_)) => return Ok(Some(PasswdEntry { person, ..listed })),
                    Ok(None) => {}
                    Err(error) => return Err(unlisted(&error.to_string())),
                },
                Ok(None) => {}
                Err(error) => return Err(unlisted(&error.to_string())),
            }
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        match self.lister.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(unlisted(&status.to_string())),
            Err(error) => Err(unlisted(&error.to_string())),
        }
    }
}

/// One line of passwd(5), of a user whose name no other has.
fn parsed(line: &str) -> Option<PasswdEntry> {
    let fields = line.split(':').collect::<Vec<_>>();
    let [name, _, uid, gid, .., shell] = fields.as_slice() else { return None };
    let person = Person {
        name: Some(*name).filter(|name| !name.is_empty()).map(Username::new)?,
        alias: None.into(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
    };
    Some(PasswdEntry { person, has_login_shell: is_shell(shell) })
}

/// Whether somebody with this program can log in.
pub fn is_shell(shell: &str) -> bool {
    !NO_SHELLS.contains(&shell.rsplit('/').next().unwrap_or_default())
}

/// The error that the users cannot be listed.
pub(super) fn unlisted(why: &str) -> Error {
    Error::Failed("user_database", users::users_unlisted(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_user() {
        let alice = parsed("alice:x:1000:100:Alice,,,:/home/alice:/bin/bash").unwrap();
        assert_eq!((alice.person.name.as_str(), alice.person.uid, alice.person.gid), ("alice", 1000, 100));
        assert!(alice.has_login_shell);
        for (shell, can_log_in) in
            [("", true), ("/usr/sbin/nologin", false), ("/bin/false", false), ("/usr/bin/git-shell", true)]
        {
            let line = format!("bob:x:1:1::/:{shell}");
            assert_eq!(parsed(&line).unwrap().has_login_shell, can_log_in, "{shell}");
        }
        for nobody in ["", "+::::::", "alice:x:1000", "alice:x:-1:1::/:", ":x:1:1::/:"] {
            assert_eq!(parsed(nobody), None, "{nobody}");
        }
    }

    #[test]
    fn the_list_has_root_once() {
        let (mut users, mut roots, mut count) = (Users::list().unwrap(), 0, 0);
        while let Some(listed) = users.next().unwrap() {
            roots += usize::from(listed.person.name.as_str() == "root");
            count += 1;
        }
        assert_eq!(roots, 1);
        assert!(count <= Users::count().unwrap());
    }
}
