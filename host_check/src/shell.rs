//! Commands for people to copy.

/// `text` as one word of a command line.
pub fn as_word(text: &str) -> String {
    if !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.@+".contains(letter)) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_command_is_one_word() {
        assert_eq!(as_word("laptop-1"), "laptop-1");
        assert_eq!(as_word("my laptop"), "'my laptop'");
        assert_eq!(as_word("it's"), r"'it'\''s'");
        assert_eq!(as_word(""), "''");
    }
}
