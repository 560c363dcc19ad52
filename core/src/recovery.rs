//! Recovery codes: ten single-use codes for the day when the phone is gone.
//!
//! Sixteen characters of Crockford's base32, 80 random bits each (NIST SP 800-63B-4 §4.2.1.1 asks for
//! 64). The account keeps `PBKDF2-HMAC-SHA-256(code, salt, 10000)` (RFC 8018 §5.2), one salt a set,
//! without the sealing key, so that they still decide when the key is gone.

use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::crockford;
use crate::hex;
use crate::request::SecondStep;
use crate::secret::{NoRandomness, Secret, Typed};
use crate::time::Timestamp;

/// Characters of a code.
pub const CHARACTERS: usize = 16;
/// Characters of a code as it is shown.
pub const SHOWN: usize = 19;
/// Digits of a code of another program.
pub const IMPORTED_DIGITS: usize = 8;
/// Characters of a salt or hash that tell it from all others.
const NAME: usize = 16;
/// Random bytes of a salt.
const SALT_BYTES: usize = 16;
/// Iterations of PBKDF2.
const ROUNDS: u32 = 10_000;
/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// The recovery codes of one account, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoverySet {
    /// The salt of the whole set, in hex.
    salt: String,
    /// When the set was made.
    pub created_at: Timestamp,
    /// The hashes of the unused codes, in hex.
    unused: Vec<String>,
    /// The used codes, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    used: Vec<UsedCode>,
    /// One more, which an administrator reads out.
    issued: Option<IssuedCode>,
    /// Whether they are eight digits each, from another program.
    #[serde(default, rename = "imported", skip_serializing_if = "std::ops::Not::not")]
    are_imported: bool,
}

/// A code that an administrator made, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct IssuedCode {
    hash: String,
    expires_at: Timestamp,
}

/// A used code, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct UsedCode {
    hash: String,
    #[serde(flatten)]
    step: SecondStep,
}

/// The hash of an answer, under the salt of the set that it was computed for.
#[derive(Debug, Clone)]
pub struct HashedAnswer {
    salt: String,
    hash: Secret,
}

/// What a set says about an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryMatch {
    /// It is the unused code at this index.
    Unused(usize),
    /// It is the one that an administrator made; it counts until this moment.
    Issued {
        /// Until when it counts.
        expires_at: Timestamp,
    },
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
        let mut set = Self::empty(&salt, now);
        let mut shown = Vec::new();
        for _ in 0..count {
            let code = crockford::random(CHARACTERS)?;
            set.unused.push(hex::encode(pbkdf2(&code, salt.expose()).expose()));
            shown.push(crockford::grouped(&code));
        }
        Ok((set, shown))
    }

    /// The codes of another program, eight digits each. They are guessable, so they count only where
    /// verification codes do too.
    ///
    /// # Errors
    /// The kernel gave no random bytes.
    pub fn imported(codes: &[Typed], now: Timestamp) -> Result<Self, NoRandomness> {
        let salt = Secret::random(SALT_BYTES)?;
        let unused = codes.iter().map(|code| hex::encode(pbkdf2(code, salt.expose()).expose())).collect();
        Ok(Self { unused, are_imported: true, ..Self::empty(&salt, now) })
    }

    fn empty(salt: &Secret, created_at: Timestamp) -> Self {
        let (unused, used, salt) = (Vec::new(), Vec::new(), hex::encode(salt.expose()));
        Self { salt, created_at, unused, used, issued: None, are_imported: false }
    }

    /// Whether they are the codes of another program, eight digits each.
    #[must_use]
    pub fn are_imported(&self) -> bool {
        self.are_imported
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
    pub fn find(&self, answer: &HashedAnswer) -> RecoveryMatch {
        if answer.salt != self.salt {
            return RecoveryMatch::None;
        }
        let mut found = RecoveryMatch::None;
        for (index, hash) in self.unused.iter().enumerate() {
            if matches(hash, answer) {
                found = RecoveryMatch::Unused(index);
            }
        }
        if let Some(code) = self.issued.as_ref().filter(|code| matches(&code.hash, answer)) {
            found = RecoveryMatch::Issued { expires_at: code.expires_at };
        }
        for code in &self.used {
            if matches(&code.hash, answer) {
                found = RecoveryMatch::Used;
            }
        }
        found
    }

    /// Uses the code that [`RecoverySet::find`] found at `index`.
    pub fn spend(&mut self, index: usize, step: SecondStep) {
        if index < self.unused.len() {
            self.used.push(UsedCode { hash: self.unused.remove(index), step });
        }
    }

    /// Makes one more code beside the set, for an administrator to read out. An earlier one is void.
    ///
    /// # Errors
    /// The kernel gave no random bytes.
    pub fn issue(&mut self, expires_at: Timestamp) -> Result<Typed, NoRandomness> {
        let code = crockford::random(CHARACTERS)?;
        let hash = hex::encode(self.hash(&code).hash.expose());
        self.issued = Some(IssuedCode { hash, expires_at });
        Ok(crockford::grouped(&code))
    }

    /// Uses the code that an administrator made.
    pub fn spend_issued(&mut self, step: SecondStep) {
        if let Some(code) = self.issued.take() {
            self.used.push(UsedCode { hash: code.hash, step });
        }
    }

    /// A name of the set, of which no code can be learned.
    pub(crate) fn name(&self) -> String {
        self.salt.chars().take(NAME).collect()
    }

    /// The same of each unused code. Its hash is on the disk beside it.
    pub(crate) fn unused_names(&self) -> impl Iterator<Item = String> {
        self.unused.iter().map(|hash| hash.chars().take(NAME).collect())
    }

    /// Keeps the unused codes with these names only.
    pub(crate) fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.unused.retain(|hash| is_kept(hash.get(..NAME).unwrap_or(hash)));
    }

    /// How many codes are unused.
    #[must_use]
    pub fn left(&self) -> usize {
        self.unused.len()
    }

    /// The used codes, without the codes, oldest first.
    pub fn used(&self) -> impl Iterator<Item = SecondStep> {
        self.used.iter().map(|code| code.step.clone())
    }
}

/// Compares in constant time.
fn matches(hash: &str, answer: &HashedAnswer) -> bool {
    hex::decode(hash).unwrap_or_default().as_slice().ct_eq(answer.hash.expose()).into()
}

/// What was typed as a recovery code, if it has the form of one.
#[must_use]
pub fn parse(typed: &str) -> Option<Typed> {
    crockford::parse(typed, CHARACTERS)
}

/// Whether it has the form in which a recovery code is shown, dashes and all.
#[must_use]
pub fn is_as_shown(typed: &str) -> bool {
    let is_grouped = typed.len() == SHOWN && typed.split('-').all(|group| group.len() == 4);
    is_grouped && parse(typed).is_some()
}

fn pbkdf2(code: &Typed, salt: &[u8]) -> Secret {
    let mut hash = vec![0; HASH_BYTES];
    pbkdf2::pbkdf2_hmac::<Sha256>(code.expose().as_bytes(), salt, ROUNDS, &mut hash);
    Secret::new(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(words: &str) -> Typed {
        parse(words).unwrap()
    }

    #[test]
    fn a_fresh_set_knows_its_codes() {
        let (set, shown) = RecoverySet::generate(3, Timestamp(5)).unwrap();
        assert_eq!((set.left(), shown.len()), (3, 3));
        assert_eq!(shown[0].expose().len(), 19);
        for (index, code) in shown.iter().enumerate() {
            let code = typed(&code.expose().to_lowercase());
            assert_eq!(set.find(&set.hash(&code)), RecoveryMatch::Unused(index));
        }
        assert_eq!(set.find(&set.hash(&typed("0000-0000-0000-0000"))), RecoveryMatch::None);
    }

    #[test]
    fn a_used_code_stays_known() {
        let (mut set, shown) = RecoverySet::generate(2, Timestamp(5)).unwrap();
        set.spend(1, SecondStep { at: 6, service: "sshd".into(), source: "local".into() });
        assert_eq!(set.find(&set.hash(&typed(shown[1].expose()))), RecoveryMatch::Used);
        assert_eq!((set.left(), set.used().count()), (1, 1));
    }

    #[test]
    fn no_code_is_spent_that_the_set_does_not_hold() {
        let (mut set, _) = RecoverySet::generate(2, Timestamp(5)).unwrap();
        set.spend(2, SecondStep { at: 6, service: "sshd".into(), source: "local".into() });
        assert_eq!((set.left(), set.used().count()), (2, 0));
    }

    #[test]
    fn a_replaced_set_does_not_know_an_old_answer() {
        let (old, shown) = RecoverySet::generate(1, Timestamp(5)).unwrap();
        let (new, _) = RecoverySet::generate(1, Timestamp(6)).unwrap();
        assert_eq!(new.find(&old.hash(&typed(shown[0].expose()))), RecoveryMatch::None);
    }

    /// Ten thousand rounds and no fewer; computed with Python's hashlib.
    #[test]
    fn a_stored_hash_is_as_slow_as_it_says() {
        let hash = pbkdf2(&Typed::new("0123456789ABCDEF".into()), b"0123456789abcdef");
        assert_eq!(hex::encode(hash.expose()), "f5c55998fa4013cb41dc206f32cfebc3e8a2196e279af300aafbc39b1a31f45d");
    }

    /// RFC 7914 §11, the vector with 80,000 rounds shortened to what a test can wait for.
    #[test]
    fn pbkdf2_vector() {
        let mut hash = [0; 64];
        pbkdf2::pbkdf2_hmac::<Sha256>(b"passwd", b"salt", 1, &mut hash);
        assert_eq!(hex::encode(&hash[..16]), "55ac046e56e3089fec1691c22544b605");
    }
}
