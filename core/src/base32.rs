//! Base32 without padding (RFC 4648 §6), in an alphabet of one's own.

/// Bits of a character.
const BITS: u32 = 5;

/// Thirty-two characters.
pub(crate) type Alphabet = [u8; 32];

/// That of RFC 4648, which authenticator apps read.
pub(crate) const STANDARD: &Alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The bytes, five bits a character; the last one is filled up with zeros.
pub(crate) fn encode(bytes: &[u8], alphabet: &Alphabet) -> String {
    // Made in its full size: growing would leave a copy behind that nobody wipes.
    let mut text = String::with_capacity((bytes.len() * 8).div_ceil(BITS as usize));
    let mut push = |bits: u16| text.extend(alphabet.get(usize::from(bits & 31)).map(|letter| char::from(*letter)));
    let (mut held, mut count) = (0_u16, 0);
    for byte in bytes {
        held = held << 8 | u16::from(*byte);
        count += 8;
        while count >= BITS {
            count -= BITS;
            push(held >> count);
        }
    }
    if count > 0 {
        push(held << (BITS - count));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 4648 §10.
    #[test]
    fn vectors() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(encode(bytes.as_bytes(), STANDARD), text);
        }
    }

    proptest! {
        #[test]
        fn another_reader_reads_it(bytes in prop::collection::vec(any::<u8>(), 0..70)) {
            let read = data_encoding::BASE32_NOPAD.decode(encode(&bytes, STANDARD).as_bytes());
            prop_assert_eq!(read, Ok(bytes));
        }
    }
}
