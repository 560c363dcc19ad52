//! Who logs in. A name from outside becomes a [`Person`] only through the user database, and its
//! file name is always safe.

use std::cell::OnceCell;
use std::fmt;

use nix::unistd::{Uid, User};
use sha2::{Digest, Sha256};

use crate::hex;

/// Longest encoded name that is used as it is, in bytes.
const LONGEST: usize = 200;
/// How much of a longer one is kept for the reader, in bytes.
const KEPT: usize = 100;

/// A user name as the user database spells it (`pw_name`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

/// One user of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// `pw_name` of the name that was given, so that another spelling is no other user.
    pub name: Username,
    /// The name of `getpwuid(uid)`, when it is another one; see [`Person::alias`].
    pub alias: Alias,
    /// The user's id.
    pub uid: u32,
    /// The id of the user's own group.
    pub gid: u32,
}

/// The other name of a user, looked up when it is first needed: it is not, where there is an account
/// under the first one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alias(OnceCell<Result<Option<Username>, LookupError>>);

impl From<Option<Username>> for Alias {
    fn from(known: Option<Username>) -> Self {
        Self(OnceCell::from(Ok(known)))
    }
}

impl Username {
    /// For tests and for names that stand in an account file already.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a file name: every byte outside `[a-z0-9_-]` as `%XX`; over 200 bytes the first
    /// 100, `%` and the SHA-256 of the name.
    #[must_use]
    pub fn file_name(&self) -> String {
        let encoded = escaped(self.0.as_bytes());
        if encoded.len() <= LONGEST && !looks_hashed(&encoded) {
            return encoded;
        }
        let kept = encoded.get(..KEPT).unwrap_or_default();
        format!("{kept}%{}", hex::encode(&Sha256::digest(self.0.as_bytes())))
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Person {
    /// The user of this name, or `None` if the user database does not know it.
    ///
    /// # Errors
    /// The user database failed to answer: that is not "unknown".
    pub fn lookup(name: &str) -> Result<Option<Self>, LookupError> {
        let found = User::from_name(name).map_err(LookupError::Database)?;
        found.map(|entry| Self::from_entry(entry, Alias::default())).transpose()
    }

    /// The user with this id, or `None` if the user database does not know it.
    ///
    /// # Errors
    /// The user database failed to answer.
    pub fn lookup_uid(uid: u32) -> Result<Option<Self>, LookupError> {
        let found = User::from_uid(Uid::from_raw(uid)).map_err(LookupError::Database)?;
        found.map(|entry| Self::from_entry(entry, None.into())).transpose()
    }

    /// The name of `getpwuid(uid)`, when it is another one: an alias, or a directory's override.
    ///
    /// # Errors
    /// The user database failed to answer.
    pub fn alias(&self) -> Result<Option<&Username>, LookupError> {
        let alias = self.alias.0.get_or_init(|| {
            let by_uid = User::from_uid(Uid::from_raw(self.uid)).map_err(LookupError::Database)?;
            Ok(by_uid.map(|user| readable(user.name)).transpose()?.filter(|alias| *alias != self.name))
        });
        alias.as_ref().map(Option::as_ref).map_err(|error| *error)
    }

    fn from_entry(entry: User, alias: Alias) -> Result<Self, LookupError> {
        Ok(Self { name: readable(entry.name)?, alias, uid: entry.uid.as_raw(), gid: entry.gid.as_raw() })
    }
}

/// Whether an encoded name has the form of a cut one; then it is hashed too, so that the two never
/// meet.
fn looks_hashed(encoded: &str) -> bool {
    let tail = encoded.get(KEPT..).and_then(|rest| rest.strip_prefix('%'));
    tail.is_some_and(|tail| tail.len() == 64 && !tail.contains('%'))
}

/// Bytes as a file name that no shell, directory or case rule can misread.
#[must_use]
pub(crate) fn escaped(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The database's names arrive with U+FFFD where they were not UTF-8; two such names could meet.
fn readable(name: String) -> Result<Username, LookupError> {
    if name.is_empty() || name.contains('\u{fffd}') {
        return Err(LookupError::NotText);
    }
    Ok(Username(name))
}

/// Why the user database gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupError {
    /// getpwnam_r(3) or getpwuid_r(3) failed.
    Database(nix::errno::Errno),
    /// The name is empty or not UTF-8.
    NotText,
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(errno) => {
                write!(f, "the user database does not answer ({errno}); check nsswitch.conf and its services")
            }
            Self::NotText => f.write_str("the user's name is empty or not UTF-8; give the user another name"),
        }
    }
}

impl std::error::Error for LookupError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn file_names_are_safe_and_distinct() {
        for (name, file) in [
            ("alice", "alice"),
            ("ALICE", "%41%4C%49%43%45"),
            ("..", "%2E%2E"),
            ("a/b", "a%2Fb"),
            ("DOM\\al ice$", "%44%4F%4D%5Cal%20ice%24"),
            ("al%69ce", "al%2569ce"),
        ] {
            assert_eq!(Username::new(name).file_name(), file);
        }
    }

    #[test]
    fn long_names_are_cut_and_told_apart() {
        let long = Username::new(&"x".repeat(255)).file_name();
        let other = Username::new(&format!("{}y", "x".repeat(254))).file_name();
        assert_eq!(long.len(), 100 + 1 + 64);
        assert_ne!(long, other);
        assert_eq!(Username::new(&"x".repeat(200)).file_name(), "x".repeat(200));
        // Chosen to be encoded as the very file name of a longer one.
        let is_escape = |hash: &str| {
            u8::from_str_radix(&hash[..2], 16)
                .is_ok_and(|byte| byte < 0x30 && hash[..2].bytes().all(|digit| digit.is_ascii_digit()))
        };
        let mut names = (101..255).map(|length| Username::new(&"x".repeat(length + 100)));
        let victim = names.find(|name| is_escape(&name.file_name()[101..])).unwrap();
        let hash = victim.file_name()[101..].to_owned();
        let byte = u8::from_str_radix(&hash[..2], 16).unwrap();
        let forged = format!("{}{}{}", "x".repeat(100), char::from(byte), &hash[2..]);
        assert_ne!(Username::new(&forged).file_name(), victim.file_name());
    }

    #[test]
    fn root_is_known_and_a_stranger_is_not() {
        let root = Person::lookup("root").unwrap().unwrap();
        assert_eq!((root.name.as_str(), root.uid), ("root", 0));
        assert_eq!(Person::lookup("no-such-user-here").unwrap(), None);
    }

    proptest! {
        #[test]
        fn no_two_names_share_a_file(a in ".{1,80}", b in ".{1,80}") {
            let (file_a, file_b) = (Username::new(&a).file_name(), Username::new(&b).file_name());
            prop_assert_eq!(a == b, file_a == file_b);
            prop_assert!(file_a.len() <= LONGEST);
            prop_assert!(!file_a.contains(['/', '.', '\0']));
        }
    }
}
