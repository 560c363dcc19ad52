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

/// The host's sealing key.
#[derive(Debug, Clone)]
pub struct SealKey(Secret);

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
    /// A key of [`KEY_BYTES`] bytes.
    ///
    /// # Errors
    /// The key has another length.
    pub fn new(bytes: Secret) -> Result<Self, SealError> {
        if bytes.expose().len() == KEY_BYTES { Ok(Self(bytes)) } else { Err(SealError::KeyLength) }
    }

    /// Seals `secret` for what it belongs to.
    ///
    /// # Errors
    /// The kernel gave no random nonce.
    pub fn seal(&self, secret: &Secret, belongs: Belongs<'_>) -> Result<String, SealError> {
        let nonce = Secret::random(NONCE_BYTES)?;
        let aad = belongs.to_bytes();
        let payload = Payload { msg: secret.expose(), aad: &aad };
        let sealed = self.cipher()?.encrypt(&as_nonce(nonce.expose())?, payload).map_err(|_| SealError::DoesNotOpen)?;
        Ok(hex::encode(&[nonce.expose(), &sealed].concat()))
    }

    /// Opens what [`SealKey::seal`] made.
    ///
    /// # Errors
    /// It was sealed by another key or for something else, or it was changed.
    pub fn open(&self, sealed: &str, belongs: Belongs<'_>) -> Result<Secret, SealError> {
        let bytes = hex::decode(sealed).ok_or(SealError::DoesNotOpen)?;
        let (nonce, ciphertext) = bytes.split_at_checked(NONCE_BYTES).ok_or(SealError::DoesNotOpen)?;
        let aad = belongs.to_bytes();
        let payload = Payload { msg: ciphertext, aad: &aad };
        let opened = self.cipher()?.decrypt(&as_nonce(nonce)?, payload).map_err(|_| SealError::DoesNotOpen)?;
        Ok(Secret::new(opened))
    }

    fn cipher(&self) -> Result<XChaCha20Poly1305, SealError> {
        XChaCha20Poly1305::new_from_slice(self.0.expose()).map_err(|_| SealError::KeyLength)
    }
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
    /// The key file does not hold 32 bytes.
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
            Self::KeyLength => f.write_str("the sealing key does not hold 32 bytes; restore it from a backup, recovery codes still work"),
            Self::KeyOpen { path } => write!(f, "the sealing key {path} is not safe; make it root:twostep with mode 0640"),
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
