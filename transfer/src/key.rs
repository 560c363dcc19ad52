//! Keys as text.

use data_encoding::{BASE32_NOPAD, HEXLOWER_PERMISSIVE};
use twostep_core::secret::Secret;

use crate::messages;

/// A key in base32 (RFC 4648 §6), as people and programs write it: small letters, spaces, dashes and
/// padding do not matter. `misread` letters are put right, as google-authenticator does.
pub fn base32(text: &str, misread: &[(char, char)]) -> Result<Secret, &'static str> {
    if !text.is_ascii() {
        return Err(messages::mistakes::NO_BASE32);
    }
    let right = |letter: char| misread.iter().find(|(wrong, _)| *wrong == letter).map_or(letter, |(_, right)| *right);
    let letters = text.trim_end_matches('=').chars().filter(|letter| !matches!(letter, ' ' | '\t' | '\r' | '-'));
    let mut letters = letters.map(|letter| right(letter.to_ascii_uppercase())).collect::<String>();
    // Bits that fill no byte are left out, as every program does.
    letters.truncate(letters.len() - usize::from(matches!(letters.len() % 8, 1 | 3 | 6)));
    let encoding = lenient();
    let bytes = encoding.decode(letters.as_bytes()).map_err(|_| messages::mistakes::NO_BASE32)?;
    super::key(bytes)
}

/// RFC 4648 asks that the bits which fill no byte be zero; keys of some programs have others.
fn lenient() -> data_encoding::Encoding {
    let mut specification = BASE32_NOPAD.specification();
    specification.check_trailing_bits = false;
    specification.encoding().unwrap_or(BASE32_NOPAD)
}

/// A key in hexadecimal.
pub fn hexadecimal(text: &str) -> Result<Secret, &'static str> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| messages::mistakes::NO_HEX)?;
    super::key(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Option<Vec<u8>> {
        base32(text, &[('0', 'O'), ('1', 'L'), ('8', 'B')]).ok().map(|key| key.expose().to_vec())
    }

    #[test]
    fn base32_is_read_as_people_write_it() {
        let key = b"12345678901234567890".to_vec();
        assert_eq!(bytes("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), Some(key.clone()));
        assert_eq!(bytes("gezd-gnbv gy3tqojqgezd\tgnbvgy3tqojq===="), Some(key));
        // 26 letters are 130 bits, of which the last two count for nothing.
        assert_eq!(bytes("GEZDGNBVGY3TQOJQGEZDGNBVGZ").map(|key| key.len()), Some(16));
        assert_eq!(bytes("GEZDGNBVGY3TQOJQ8").map(|key| key.len()), Some(10));
        assert_eq!(bytes("0000000000000000"), bytes("OOOOOOOOOOOOOOOO"));
        for wrong in ["", "GEZD", "GEZDGNBVGY3TQOJ9GEZD", "GEZDGNBVGY3TQOJ!", "ÄEZDGNBVGY3TQOJQ"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
