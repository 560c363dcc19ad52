//! The sealing key on paper: 52 letters of Crockford's base32, and four more that tell a slip.

use sha2::{Digest, Sha256};
use twostep_core::crockford;
use twostep_core::seal::SealKey;
use twostep_core::secret::Typed;

/// Letters of a key.
const KEY: usize = 52;
/// Letters that tell a slip: one in a million slips passes.
const CHECK: usize = 4;

/// The key that seals, as it is printed.
pub fn printed(key: &SealKey) -> Typed {
    let key = crockford::encoded(key.alone().to_bytes().expose());
    crockford::grouped(&Typed::new(format!("{}{}", key.expose(), check(key.expose()))))
}

/// The key that was typed from paper, if there is no slip in it.
pub fn typed(text: &str) -> Option<SealKey> {
    let letters = crockford::parse(text, KEY + CHECK)?;
    let (key, slip) = letters.expose().split_at_checked(KEY)?;
    if check(key) != slip {
        return None;
    }
    SealKey::new(crockford::decoded(key)?).ok()
}

fn check(letters: &str) -> String {
    let digest = Sha256::digest(format!("twostep sealing key {letters}").as_bytes());
    crockford::encoded(digest.as_slice()).expose().chars().take(CHECK).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_key_is_read_again_and_a_slip_is_told() {
        let key = SealKey::fresh().unwrap();
        let paper = printed(&key.before(&SealKey::fresh().unwrap()).unwrap());
        let text = paper.expose();
        assert_eq!(text.split('-').map(str::len).collect::<Vec<_>>(), [4; 14]);
        let read = typed(&text.to_lowercase().replace('-', " ")).unwrap();
        assert_eq!(printed(&read), paper);
        for place in (0..text.len()).filter(|place| text.as_bytes().get(*place) != Some(&b'-')) {
            let mut slip = text.to_owned().into_bytes();
            slip[place] = if slip[place] == b'7' { b'8' } else { b'7' };
            assert!(typed(std::str::from_utf8(&slip).unwrap()).is_none(), "{place}");
        }
        assert!(typed("").is_none() && typed(&text[..text.len() - 1]).is_none());
    }
}
