//! Bytes and words that must not leak: wiped when dropped, silent in `Debug`, compared in constant
//! time.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Characters of a group.
const GROUP: usize = 4;

/// Secret bytes: a key, a TOTP secret. No `Display`, no `Serialize`.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over; they are wiped when this is dropped.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// `count` bytes from the kernel's random number generator (getrandom(2)).
    ///
    /// # Errors
    /// The kernel has none to give.
    pub fn random(count: usize) -> Result<Self, NoRandomness> {
        let mut bytes = Zeroizing::new(vec![0; count]);
        getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self(bytes))
    }

    /// The bytes themselves, for the primitive that needs them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a person typed or is shown once: an answer, a code, a key to type. It may travel in a
/// request or response, so it serializes; it never prints itself.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Typed(String);

impl Typed {
    /// Takes the words over; they are wiped when this is dropped.
    #[must_use]
    pub fn new(words: String) -> Self {
        Self(words)
    }

    /// The words themselves.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The same in groups of four characters, to read and type.
    #[must_use]
    pub fn in_groups(&self, separator: char) -> Self {
        // In its full size: a text that grows leaves copies behind that nobody wipes.
        let mut groups = String::with_capacity(self.0.len() + self.0.len() / GROUP * separator.len_utf8());
        for (place, letter) in self.0.chars().enumerate() {
            if place > 0 && place % GROUP == 0 {
                groups.push(separator);
            }
            groups.push(letter);
        }
        Self(groups)
    }
}

impl Drop for Typed {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl PartialEq for Typed {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Typed {}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Typed(..)")
    }
}

/// The kernel gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRandomness;

impl fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the kernel gave no random bytes; try again")
    }
}

impl std::error::Error for NoRandomness {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_says_nothing() {
        assert_eq!(format!("{:?}", Secret::new(b"hunter2".to_vec())), "Secret(..)");
        assert_eq!(format!("{:?}", Typed::new("123456".into())), "Typed(..)");
    }

    #[test]
    fn groups_have_four_characters() {
        let grouped = |words: &str| Typed::new(words.to_owned()).in_groups(' ').expose().to_owned();
        assert_eq!(["JBSWY3DPEHPK", "JBSWY3", ""].map(grouped), ["JBSW Y3DP EHPK", "JBSW Y3", ""]);
    }
}
