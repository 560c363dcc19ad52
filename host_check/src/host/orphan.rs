//! Accounts whose user is no more, or is another one now.

use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::libc::{O_CLOEXEC, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use twostep_core::document;
use twostep_core::username::{LookupError, Person, Username};

use crate::error::Error;
use crate::messages::users;

/// More than any account file.
const LONGEST: u64 = 256 * 1024;

/// An account that nobody can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// The name of its file, without the ending.
    pub account: String,
    /// Whose it was.
    pub user: String,
    /// The uid that the user had; 0 if the file does not say it.
    pub uid: u32,
    /// Why nobody can use it.
    pub why: Why,
}

/// Why an account is nobody's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "why", content = "user")]
pub enum Why {
    /// There is no such user.
    NoUser,
    /// The user's name has another uid now.
    UidChanged,
    /// The uid has this other name now: the same person, or the next one with this uid.
    Renamed(String),
}

impl Orphan {
    /// Whether it may go. One whose uid lives on under another name stays: without it that user
    /// would count as one who never enrolled.
    pub fn may_go(&self) -> bool {
        !matches!(self.why, Why::Renamed(_))
    }

    /// What is wrong with it, and what to do.
    pub fn trouble(&self) -> String {
        let (account, uid) = (&self.account, self.uid);
        match &self.why {
            Why::NoUser => users::of_no_user(account),
            Why::UidChanged => users::of_earlier_user(account, uid),
            Why::Renamed(now) => users::of_renamed(account, uid, now),
        }
    }
}

/// Whose an account file without a listed user is.
#[derive(Debug)]
pub enum Owner {
    /// A user that the database knows and does not list.
    User(Person),
    /// Nobody.
    Nobody(Orphan),
}

/// Finds out whose this account is.
pub fn owner(accounts: &Path, account: &str) -> Result<Owner, Error> {
    let identity = Identity::read(&accounts.join(format!("{account}.toml")));
    let by_file = identity.as_ref().map(|one| one.user.clone()).filter(|name| fits(name, account));
    let name = by_file.or_else(|| decoded(account)).unwrap_or_else(|| account.to_owned());
    if let Some(person) = Person::lookup(&name).map_err(|error| unknown(&error))? {
        return Ok(Owner::User(person));
    }
    let uid = identity.map(|one| one.uid);
    let now = uid.map(Person::lookup_uid).transpose().map_err(|error| unknown(&error))?.flatten();
    let why = now.map_or(Why::NoUser, |person| Why::Renamed(person.name.as_str().to_owned()));
    Ok(Owner::Nobody(Orphan { account: account.to_owned(), user: name, uid: uid.unwrap_or(0), why }))
}

/// The account of this user, if it is of an earlier user of the name, who had another uid.
pub fn of_earlier_uid(accounts: &Path, person: &Person) -> Option<Orphan> {
    let account = person.name.file_name();
    let Identity { user, uid } = Identity::read(&accounts.join(format!("{account}.toml")))?;
    (uid != person.uid && user == person.name.as_str()).then_some(Orphan { account, user, uid, why: Why::UidChanged })
}

/// Whose a file says it is.
#[derive(Deserialize)]
struct Identity {
    user: String,
    uid: u32,
}

impl Identity {
    /// Nothing but these two is looked at: the file belongs to a user, who may have put anything in it.
    fn read(path: &Path) -> Option<Self> {
        let flags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
        let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut text = String::new();
        file.take(LONGEST).read_to_string(&mut text).ok()?;
        document::read(&text).ok()
    }
}

fn fits(name: &str, account: &str) -> bool {
    Username::new(name).file_name() == account
}

/// The name behind a file name, where that is not a hash.
fn decoded(account: &str) -> Option<String> {
    let name = percent_decode_str(account).decode_utf8().ok()?;
    fits(&name, account).then(|| name.into_owned())
}

/// That the database does not answer is not "no such user".
fn unknown(error: &LookupError) -> Error {
    Error::Failed("user_database", users::whose_unknown(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn orphan(folder: &tempfile::TempDir, account: &str) -> Orphan {
        match owner(folder.path(), account).unwrap() {
            Owner::Nobody(orphan) => orphan,
            Owner::User(person) => panic!("{account} is {person:?}"),
        }
    }

    #[test]
    fn an_account_without_a_user_is_an_orphan_and_may_go() {
        let folder = accounts(&[("no-such-user.toml", "version = 1\nuser = \"no-such-user\"\nuid = 4294967290\n")]);
        let found = orphan(&folder, "no-such-user");
        assert_eq!((found.user.as_str(), found.uid, &found.why), ("no-such-user", 4_294_967_290, &Why::NoUser));
        assert!(found.may_go() && found.trouble().contains("admin prune"));
    }

    #[test]
    fn one_whose_uid_lives_on_stays() {
        let folder = accounts(&[("no-such-user.toml", "user = \"no-such-user\"\nuid = 0\n")]);
        let found = orphan(&folder, "no-such-user");
        assert_eq!(found.why, Why::Renamed("root".into()));
        assert!(!found.may_go() && found.trouble().ends_with("twostep admin reset root"));
    }

    #[test]
    fn a_user_who_is_known_is_no_orphan_whatever_the_file_says() {
        for text in ["user = \"root\"\nuid = 5\n", "garbage", "user = \"somebody-else\"\nuid = 5\n"] {
            let folder = accounts(&[("root.toml", text)]);
            assert!(matches!(owner(folder.path(), "root").unwrap(), Owner::User(_)), "{text}");
        }
        let folder = accounts(&[("root.toml", "user = \"root\"\nuid = 5\n")]);
        let root = Person::lookup("root").unwrap().unwrap();
        assert_eq!(of_earlier_uid(folder.path(), &root).unwrap().why, Why::UidChanged);
        std::fs::write(folder.path().join("root.toml"), "user = \"root\"\nuid = 0\n").unwrap();
        assert_eq!(of_earlier_uid(folder.path(), &root), None);
    }

    #[test]
    fn a_name_is_read_from_its_file_name_unless_that_is_a_hash() {
        for name in ["alice", "ALICE", "DOM\\al ice$", "müller"] {
            assert_eq!(decoded(&Username::new(name).file_name()).as_deref(), Some(name));
        }
        assert_eq!(decoded(&Username::new(&"x".repeat(255)).file_name()), None);
        assert_eq!((decoded("a%2"), decoded("%61"), decoded("a.b")), (None, None, None));
    }

    #[test]
    fn what_is_no_regular_file_says_nothing() {
        let folder = accounts(&[("elsewhere", "user = \"root\"\nuid = 5\n")]);
        std::os::unix::fs::symlink("elsewhere", folder.path().join("link.toml")).unwrap();
        nix::unistd::mkfifo(&folder.path().join("pipe.toml"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        for account in ["link", "pipe", "missing"] {
            assert_eq!(orphan(&folder, account).uid, 0);
        }
    }
}
