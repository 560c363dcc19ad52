//! Codes for people to copy: Crockford's base32, in groups of four. No letter of it looks like a
//! digit, and what is misread is put right.

use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};

use crate::secret::{NoRandomness, Secret, Typed};

/// Crockford's base32: digits and capitals without I, L, O and U. Spaces and dashes are ignored, O is
/// read as 0, I and L as 1, lower case as upper case.
static CROCKFORD: LazyLock<Encoding> = LazyLock::new(|| {
    let mut form = Specification::new();
    form.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    form.translate.from.push_str("OoIiLlabcdefghjkmnpqrstvwxyz");
    form.translate.to.push_str("001111ABCDEFGHJKMNPQRSTVWXYZ");
    form.ignore.push_str(" -");
    #[expect(clippy::expect_used, reason = "it does not depend on any input, and every test here makes it")]
    form.encoding().expect("32 different symbols")
});

/// Bits of a character.
const BITS: usize = 5;

/// A random code of so many characters, a multiple of 8.
///
/// # Errors
/// The kernel gave no random bytes.
pub fn random(characters: usize) -> Result<Typed, NoRandomness> {
    Ok(encoded(Secret::random(characters * BITS / 8)?.expose()))
}

/// Bytes as letters.
#[must_use]
pub fn encoded(bytes: &[u8]) -> Typed {
    Typed::new(CROCKFORD.encode(bytes))
}

/// The bytes behind letters.
#[must_use]
pub fn decoded(letters: &str) -> Option<Secret> {
    CROCKFORD.decode(letters.as_bytes()).ok().map(Secret::new)
}

/// The code as it is shown: `0123-4567-89AB-CDEF`.
#[must_use]
pub fn grouped(code: &Typed) -> Typed {
    code.in_groups('-')
}

/// What was typed as a code of so many characters, a multiple of 8, if it has the form of one.
#[must_use]
pub fn parse(typed: &str, characters: usize) -> Option<Typed> {
    let bytes = decoded(typed.trim())?;
    (bytes.expose().len() * 8 == characters * BITS).then(|| encoded(bytes.expose()))
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
        fn what_is_shown_is_read(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let shown = grouped(&encoded(&bytes)).expose().to_lowercase();
            prop_assert_eq!(decoded(&shown), Some(Secret::new(bytes)));
        }

        #[test]
        fn no_text_panics(typed in ".{0,100}") {
            let _ = parse(&typed, 16);
        }
    }
}
