//! Bytes as text: lower-case hex (RFC 4648 §8), in constant time, since some of the bytes are secret.

/// The bytes as text.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// The text as bytes, if it is hex.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    base16ct::lower::decode_vec(text).ok()
}
