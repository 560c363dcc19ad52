//! Sealing secrets for the disk: XChaCha20-Poly1305 (RFC 8439 with the extended nonce of
//! draft-irtf-cfrg-xchacha).
//!
//! A sealed value is hex of nonce (24 bytes) and ciphertext with tag. What it belongs to (user,
//! authenticator, purpose) is authenticated with it, so a value moved elsewhere does not open.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::hex;
use crate::secret::{NoRandomness, Secret};

/// Bytes of the sealing key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
const NONCE_BYTES: usize = 24;

/// Most keys that a host has at once. A reseal that was broken off and started again needs three.
pub const MOST_KEYS: usize = 4;

/// The host's sealing key. While a reseal goes on, the earlier ones stand behind it: they open what is
/// not sealed again yet, and seal nothing.
#[derive(Debug, Clone)]
pub struct SealKey {
    /// The one that seals.
    newest: Secret,
    /// Those that only open.
    earlier: Vec<Secret>,
}

/// What a sealed value belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Belongs<'a> {
    /// The account's user name.
    pub user: &'a str,
    /// The authenticator's id.
    pub id: &'a str,
    /// What the value is for.
    pub purpose: &'a str,
}

impl SealKey {
    /// One to [`MOST_KEYS`] keys of [`KEY_BYTES`] bytes, the newest first.
    ///
    /// # Errors
    /// The bytes are of another length.
    pub fn new(bytes: Secret) -> Result<Self, SealError> {
        let (keys, rest) = bytes.expose().as_chunks::<KEY_BYTES>();
        let mut keys = keys.iter().map(|key| Secret::new(key.to_vec()));
        match (keys.next(), keys.len() < MOST_KEYS && rest.is_empty()) {
            (Some(newest), true) => Ok(Self { newest, earlier: keys.collect() }),
            _ => Err(SealError::KeyLength),
        }
    }

    /// A fresh key.
    ///
    /// # Errors
    /// The kernel gave no random bytes.
    pub fn fresh() -> Result<Self, SealError> {
        Ok(Self { newest: Secret::random(KEY_BYTES)?, earlier: Vec::new() })
    }

    /// This key, with all those of another one behind it.
    ///
    /// # Errors
    /// They are more than [`MOST_KEYS`].
    pub fn before(mut self, other: &Self) -> Result<Self, SealError> {
        for key in std::iter::once(&other.newest).chain(&other.earlier) {
            if *key != self.newest && !self.earlier.contains(key) {
                self.earlier.push(key.clone());
            }
        }
        if self.earlier.len() < MOST_KEYS { Ok(self) } else { Err(SealError::KeyLength) }
    }

    /// The key that seals, without those before it.
    #[must_use]
    pub fn alone(&self) -> Self {
        Self { newest: self.newest.clone(), earlier: Vec::new() }
    }

    /// Whether no earlier key stands behind it.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.earlier.is_empty()
    }

    /// The keys as [`SealKey::new`] reads them.
    #[must_use]
    pub fn to_bytes(&self) -> Secret {
        let keys = std::iter::once(&self.newest).chain(&self.earlier);
        Secret::new(keys.flat_map(Secret::expose).copied().collect())
    }

    /// Seals what an earlier key sealed by the newest one; `None` if that has sealed it.
    ///
    /// # Errors
    /// As [`SealKey::open`] and [`SealKey::seal`].
    pub fn reseal(&self, sealed: &str, belongs: Belongs<'_>) -> Result<Option<String>, SealError> {
        if self.alone().open(sealed, belongs).is_ok() {
            return Ok(None);
        }
        self.seal(&self.open(sealed, belongs)?, belongs).map(Some)
    }

    /// Seals `secret` for what it belongs to.
    ///
    /// # Errors
    /// The kernel gave no random nonce.
    pub fn seal(&self, secret: &Secret, belongs: Belongs<'_>) -> Result<String, SealError> {
        let nonce = Secret::random(NONCE_BYTES)?;
        let aad = belongs.to_bytes();
        let payload = Payload { msg: secret.expose(), aad: &aad };
        let sealed =
            cipher(&self.newest)?.encrypt(&as_nonce(nonce.expose())?, payload).map_err(|_| SealError::DoesNotOpen)?;
        Ok(hex::encode(&[nonce.expose(), &sealed].concat()))
    }

    /// Opens what [`SealKey::seal`] made.
    ///
    /// # Errors
    /// It was sealed by another key or for something else, or it was changed.
    pub fn open(&self, sealed: &str, belongs: Belongs<'_>) -> Result<Secret, SealError> {
        let bytes = hex::decode(sealed).ok_or(SealError::DoesNotOpen)?;
        let (nonce, ciphertext) = bytes.split_at_checked(NONCE_BYTES).ok_or(SealError::DoesNotOpen)?;
        let (aad, nonce) = (belongs.to_bytes(), as_nonce(nonce)?);
        for key in std::iter::once(&self.newest).chain(&self.earlier) {
            if let Ok(opened) = cipher(key)?.decrypt(&nonce, Payload { msg: ciphertext, aad: &aad }) {
                return Ok(Secret::new(opened));
            }
        }
        Err(SealError::DoesNotOpen)
    }
}

fn cipher(key: &Secret) -> Result<XChaCha20Poly1305, SealError> {
    XChaCha20Poly1305::new_from_slice(key.expose()).map_err(|_| SealError::KeyLength)
}

impl Belongs<'_> {
    /// The parts with their lengths, so that no two sets of parts read the same.
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = b"twostep 1".to_vec();
        for part in [self.user, self.id, self.purpose] {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

fn as_nonce(bytes: &[u8]) -> Result<XNonce, SealError> {
    XNonce::try_from(bytes).map_err(|_| SealError::DoesNotOpen)
}

/// Why a secret could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealError {
    /// The key file could not be read.
    NoKey {
        /// The file.
        path: String,
        /// What the kernel said.
        errno: nix::errno::Errno,
    },
    /// The key is kept elsewhere, and what keeps it did not give it at boot.
    NotGiven {
        /// Where it would be.
        path: String,
    },
    /// The key file does not hold 32 bytes, nor as many for each key of a reseal.
    KeyLength,
    /// Anyone but root and the group may read or write the key file, or root does not own it.
    KeyOpen {
        /// The file.
        path: String,
    },
    /// The value was changed, moved, or sealed by another key.
    DoesNotOpen,
    /// The kernel gave no random bytes.
    NoRandomness,
}

impl From<NoRandomness> for SealError {
    fn from(_: NoRandomness) -> Self {
        Self::NoRandomness
    }
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey { path, errno } => write!(f, "the sealing key {path} cannot be read ({errno}); restore it from a backup, recovery codes still work"),
            Self::NotGiven { path } => write!(f, "the sealing key {path} was not given at boot, since its TPM or host key refused (journalctl -u twostep-key); start that unit again, or give the printed key back: twostep admin reseal --restore-key; recovery codes still work"),
            Self::KeyLength => f.write_str("the sealing key does not hold 32 bytes; restore it from a backup, recovery codes still work"),
            Self::KeyOpen { path } => write!(f, "the sealing key {path} is not safe; make it root:root with mode 0600"),
            Self::DoesNotOpen => f.write_str("a sealed secret does not open: another sealing key, or the account file was changed; restore them together or reset the account"),
            Self::NoRandomness => NoRandomness.fmt(f),
        }
    }
}

impl std::error::Error for SealError {}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Belongs<'_> = Belongs { user: "alice", id: "1", purpose: "totp" };

    fn key(byte: u8) -> SealKey {
        SealKey::new(Secret::new(vec![byte; KEY_BYTES])).unwrap()
    }

    #[test]
    fn what_was_sealed_opens() {
        let sealed = key(1).seal(&Secret::new(b"phone".to_vec()), ALICE).unwrap();
        assert_eq!(key(1).open(&sealed, ALICE).unwrap().expose(), b"phone");
        assert!(!sealed.contains("phone"));
    }

    #[test]
    fn earlier_keys_open_and_seal_nothing() {
        let both = key(2).before(&key(1)).unwrap();
        let old = key(1).seal(&Secret::new(b"phone".to_vec()), ALICE).unwrap();
        assert_eq!(both.open(&old, ALICE).unwrap().expose(), b"phone");
        let new = both.reseal(&old, ALICE).unwrap().unwrap();
        assert_eq!(key(1).open(&new, ALICE), Err(SealError::DoesNotOpen));
        assert_eq!(key(2).open(&new, ALICE).unwrap().expose(), b"phone");
        assert_eq!(both.reseal(&new, ALICE), Ok(None));
        assert_eq!(key(3).reseal(&old, ALICE), Err(SealError::DoesNotOpen));
        assert_eq!(both.alone().open(&old, ALICE), Err(SealError::DoesNotOpen));
    }

    #[test]
    fn a_ring_of_keys_is_read_as_it_was_written() {
        let both = key(2).before(&key(1)).unwrap().before(&key(1)).unwrap();
        assert_eq!(both.to_bytes().expose(), [[2; 32], [1; 32]].concat());
        let read = SealKey::new(both.to_bytes()).unwrap();
        assert!(!read.is_alone() && read.alone().is_alone() && read.alone().to_bytes().expose() == [2; 32]);
        for wrong in [0, 31, 33, 63, 160] {
            assert!(SealKey::new(Secret::new(vec![1; wrong])).is_err(), "{wrong}");
        }
        let four = key(4).before(&key(3)).unwrap().before(&both).unwrap();
        assert_eq!(four.to_bytes().expose().len(), 32 * MOST_KEYS);
        assert!(key(5).before(&four).is_err());
    }

    #[test]
    fn moved_or_changed_it_does_not_open() {
        let sealed = key(1).seal(&Secret::new(b"phone".to_vec()), ALICE).unwrap();
        for elsewhere in [
            Belongs { user: "bob", ..ALICE },
            Belongs { id: "2", ..ALICE },
            Belongs { purpose: "pending", ..ALICE },
            Belongs { user: "alice1", id: "", purpose: "totp" },
        ] {
            assert_eq!(key(1).open(&sealed, elsewhere), Err(SealError::DoesNotOpen));
        }
        assert_eq!(key(2).open(&sealed, ALICE), Err(SealError::DoesNotOpen));
        let mut bytes = hex::decode(&sealed).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(key(1).open(&hex::encode(&bytes), ALICE), Err(SealError::DoesNotOpen));
        assert_eq!(key(1).open("", ALICE), Err(SealError::DoesNotOpen));
    }
}
