//! Codes for people to copy: Crockford's base32, in groups of four. No letter of it looks like a
//! digit, and what is misread is put right.

use crate::base32::{self, Alphabet};
use crate::secret::{NoRandomness, Secret, Typed};

/// Crockford's base32: digits and capitals without I, L, O and U.
const ALPHABET: &Alphabet = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Bits of a character.
const BITS: usize = 5;

/// A random code of so many characters, a multiple of 8.
///
/// # Errors
/// The kernel gave no random bytes.
pub fn random(characters: usize) -> Result<Typed, NoRandomness> {
    Ok(Typed::new(base32::encode(Secret::random(characters * BITS / 8)?.expose(), ALPHABET)))
}

/// Bytes as letters.
#[must_use]
pub fn encoded(bytes: &[u8]) -> Typed {
    Typed::new(base32::encode(bytes, ALPHABET))
}

/// The bytes behind letters that [`encoded`] made.
#[must_use]
pub fn decoded(letters: &str) -> Option<Vec<u8>> {
    let mut base32 = data_encoding::Specification::new();
    base32.symbols.extend(ALPHABET.iter().map(|letter| char::from(*letter)));
    base32.encoding().ok()?.decode(letters.as_bytes()).ok()
}

/// The code as it is shown: `0123-4567-89AB-CDEF`.
#[must_use]
pub fn grouped(code: &Typed) -> Typed {
    code.in_groups('-')
}

/// What was typed as a code of so many characters, if it has the form of one: spaces and dashes do
/// not count, O reads as 0, I and L as 1, small letters as capitals.
#[must_use]
pub fn parse(typed: &str, characters: usize) -> Option<Typed> {
    let mut code = String::with_capacity(characters);
    for letter in typed.trim().chars().filter(|letter| !matches!(letter, ' ' | '-')) {
        if code.len() == characters {
            return None;
        }
        let letter = match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        if !u8::try_from(letter).is_ok_and(|letter| ALPHABET.contains(&letter)) {
            return None;
        }
        code.push(letter);
    }
    let code = Typed::new(code);
    (code.expose().len() == characters).then_some(code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let read = |typed| parse(typed, 16).map(|code| code.expose().to_owned());
        for typed in ["0113-4567-89AB-CDEF", " o1l3 4567 89ab cdef ", "OIi3456789ABCDEF-"] {
            assert_eq!(read(typed), Some("0113456789ABCDEF".to_owned()), "{typed}");
        }
        for none in ["", "0123-4567-89AB-CDE", "0123-4567-89AB-CDEF-0", "0123-4567-89AB-CDEU", "0123_4567-89AB-CDEF"] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn codes_are_random_and_grouped() {
        let (one, other) = (random(24).unwrap(), random(24).unwrap());
        assert!(one != other && one.expose().len() == 24);
        let shown = grouped(&one);
        assert_eq!(shown.expose().split('-').map(str::len).collect::<Vec<_>>(), [4; 6]);
        assert_eq!(parse(shown.expose(), 24), Some(one));
    }

    proptest! {
        #[test]
        fn no_text_panics(typed in ".{0,100}") {
            let _ = parse(&typed, 16);
        }
    }
}
