//! Bytes as text: lower-case hex (RFC 4648 §8). What is kept so is a digest, a salt or sealed.

use data_encoding::HEXLOWER;

/// The bytes as text.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// The text as bytes, if it is hex.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    HEXLOWER.decode(text.as_bytes()).ok()
}
