//! Recovery codes: ten single-use codes for the day when the phone is gone.
//!
//! Sixteen characters of Crockford base32, 80 random bits each (NIST SP 800-63B-4 §4.2.1.1 asks for
//! 64). The account keeps `PBKDF2-HMAC-SHA-256(code, salt, 10000)` (RFC 8018 §5.2), one salt a set,
//! without the sealing key, so that they still decide when the key is gone.

use data_encoding::{Encoding, Specification};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::hex;
use crate::request::SecondStep;
use crate::secret::{NoRandomness, Secret, Typed};
use crate::time::Timestamp;

/// Characters of a code.
pub const CHARACTERS: usize = 16;
/// Characters of a group, as a code is shown.
const GROUP: usize = 4;
/// Crockford's base32: digits and capitals without I, L, O and U.
const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Random bytes of a code.
const CODE_BYTES: usize = 10;
/// Random bytes of a salt.
const SALT_BYTES: usize = 16;
/// Iterations of PBKDF2.
const ROUNDS: u32 = 10_000;
/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// The recovery codes of one account, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoverySet {
    /// The salt of the whole set, in hex.
    salt: String,
    /// When the set was made.
    pub created_at: Timestamp,
    /// The hashes of the unused codes, in hex.
    unused: Vec<String>,
    /// The used codes, oldest first.
    #[serde(default)]
    used: Vec<UsedCode>,
}

/// A used code, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UsedCode {
    hash: String,
    at: i64,
    service: String,
    source: String,
}

/// The hash of an answer, under the salt of the set that it was computed for.
#[derive(Debug, Clone)]
pub struct HashedAnswer {
    salt: String,
    hash: Secret,
}

/// What a set says about an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It is the unused code at this index.
    Unused(usize),
    /// It is a code that was used before.
    Used,
    /// It is none of them.
    None,
}

impl RecoverySet {
    /// A fresh set of `count` codes, and the codes as they are shown, this once.
    ///
    /// # Errors
    /// The kernel gave no random bytes.
    pub fn generate(count: usize, now: Timestamp) -> Result<(Self, Vec<Typed>), NoRandomness> {
        let salt = Secret::random(SALT_BYTES)?;
        let (unused, used) = (Vec::new(), Vec::new());
        let mut set = Self { salt: hex::encode(salt.expose()), created_at: now, unused, used };
        let mut shown = Vec::new();
        for _ in 0..count {
            let code = Typed::new(alphabet().encode(Secret::random(CODE_BYTES)?.expose()));
            set.unused.push(hex::encode(pbkdf2(&code, salt.expose()).expose()));
            shown.push(grouped(&code));
        }
        Ok((set, shown))
    }

    /// The slow half of a comparison, to be done before any lock is held.
    #[must_use]
    pub fn hash(&self, code: &Typed) -> HashedAnswer {
        let salt = hex::decode(&self.salt).unwrap_or_default();
        HashedAnswer { salt: self.salt.clone(), hash: pbkdf2(code, &salt) }
    }

    /// Looks a hashed answer up among all codes, each compared in constant time. A set that was
    /// replaced since the answer was hashed does not know it.
    #[must_use]
    pub fn find(&self, answer: &HashedAnswer) -> Found {
        if answer.salt != self.salt {
            return Found::None;
        }
        let mut found = Found::None;
        for (index, hash) in self.unused.iter().enumerate() {
            if matches(hash, answer) {
                found = Found::Unused(index);
            }
        }
        for code in &self.used {
            if matches(&code.hash, answer) {
                found = Found::Used;
            }
        }
        found
    }

    /// Uses the code that [`RecoverySet::find`] found at `index`.
    pub fn spend(&mut self, index: usize, step: SecondStep) {
        if index < self.unused.len() {
            let (hash, SecondStep { at, service, source }) = (self.unused.remove(index), step);
            self.used.push(UsedCode { hash, at, service, source });
        }
    }

    /// How many codes are unused.
    #[must_use]
    pub fn left(&self) -> usize {
        self.unused.len()
    }

    /// The used codes, without the codes, oldest first.
    pub fn used(&self) -> impl Iterator<Item = SecondStep> {
        let step =
            |code: &UsedCode| SecondStep { at: code.at, service: code.service.clone(), source: code.source.clone() };
        self.used.iter().map(step)
    }
}

/// Compares in constant time.
fn matches(hash: &str, answer: &HashedAnswer) -> bool {
    hex::decode(hash).unwrap_or_default().as_slice().ct_eq(answer.hash.expose()).into()
}

/// An answer without spaces and dashes as a recovery code, if it has the form of one: O reads as
/// 0, I and L as 1, small letters as capitals.
#[must_use]
pub fn parse(answer: &str) -> Option<Typed> {
    if answer.len() != CHARACTERS {
        return None;
    }
    let read: String = answer
        .chars()
        .map(|letter| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    let read = Typed::new(read);
    read.expose().chars().all(|letter| ALPHABET.contains(letter)).then_some(read)
}

fn alphabet() -> Encoding {
    let mut specification = Specification::new();
    specification.symbols.push_str(ALPHABET);
    #[expect(clippy::expect_used, reason = "32 distinct ASCII symbols make an encoding; the tests build it")]
    specification.encoding().expect("the symbols are a valid base32 alphabet")
}

fn grouped(code: &Typed) -> Typed {
    let groups: Vec<&str> =
        (0..CHARACTERS).step_by(GROUP).filter_map(|start| code.expose().get(start..start + GROUP)).collect();
    Typed::new(groups.join("-"))
}

fn pbkdf2(code: &Typed, salt: &[u8]) -> Secret {
    let mut hash = vec![0; HASH_BYTES];
    pbkdf2::pbkdf2_hmac::<Sha256>(code.expose().as_bytes(), salt, ROUNDS, &mut hash);
    Secret::new(hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn typed(words: &str) -> Typed {
        parse(&words.replace('-', "")).unwrap()
    }

    #[test]
    fn a_fresh_set_knows_its_codes() {
        let (set, shown) = RecoverySet::generate(3, Timestamp(5)).unwrap();
        assert_eq!((set.left(), shown.len()), (3, 3));
        assert_eq!(shown[0].expose().len(), 19);
        for (index, code) in shown.iter().enumerate() {
            let code = typed(&code.expose().to_lowercase());
            assert_eq!(set.find(&set.hash(&code)), Found::Unused(index));
        }
        assert_eq!(set.find(&set.hash(&typed("0000-0000-0000-0000"))), Found::None);
    }

    #[test]
    fn a_used_code_stays_known() {
        let (mut set, shown) = RecoverySet::generate(2, Timestamp(5)).unwrap();
        set.spend(1, SecondStep { at: 6, service: "sshd".into(), source: "local".into() });
        assert_eq!(set.find(&set.hash(&typed(shown[1].expose()))), Found::Used);
        assert_eq!((set.left(), set.used().count()), (1, 1));
    }

    #[test]
    fn a_replaced_set_does_not_know_an_old_answer() {
        let (old, shown) = RecoverySet::generate(1, Timestamp(5)).unwrap();
        let (new, _) = RecoverySet::generate(1, Timestamp(6)).unwrap();
        assert_eq!(new.find(&old.hash(&typed(shown[0].expose()))), Found::None);
    }

    #[test]
    fn look_alikes_read_as_digits() {
        assert_eq!(parse("oOiIlL0123456789").unwrap().expose(), "0011110123456789");
        assert_eq!(parse("UUUUUUUUUUUUUUUU"), None);
        assert_eq!(parse("0123"), None);
        assert_eq!(parse("ÄÄÄÄÄÄÄÄ"), None);
    }

    /// RFC 7914 §11, the vector with 80,000 rounds shortened to what a test can wait for.
    #[test]
    fn pbkdf2_vector() {
        let mut hash = [0; 64];
        pbkdf2::pbkdf2_hmac::<Sha256>(b"passwd", b"salt", 1, &mut hash);
        assert_eq!(hex::encode(&hash[..16]), "55ac046e56e3089fec1691c22544b605");
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_panic(answer in ".{0,40}") {
            let _ = parse(&answer);
        }
    }
}
