//! Log lines: one event a line, `word key=value key=value`, with nothing in a value that could
//! start another line or another pair.

use std::fmt::Write;

/// Where log lines go (syslog, facility authpriv).
pub trait Audit {
    /// Records one line.
    fn record(&self, line: &str);
}

/// A line that is being put together.
#[derive(Debug, Clone)]
pub struct Line(String);

impl Line {
    /// A line that begins with this word.
    #[must_use]
    pub fn new(word: &str) -> Self {
        Self(word.to_owned())
    }

    /// The line with one more pair.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        self.0.push(' ');
        self.0.push_str(key);
        self.0.push('=');
        self.0.push_str(&quoted(&value.to_string()));
        self
    }

    /// The line with one more pair, if there is a value.
    #[must_use]
    pub fn with_some(self, key: &str, value: Option<impl std::fmt::Display>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// The whole line.
    #[must_use]
    pub fn finish(self) -> String {
        self.0
    }
}

/// A line as its word and its pairs: what [`Line`] put together. `None` if it is not one.
#[must_use]
pub fn parse(line: &str) -> Option<(&str, Vec<(&str, String)>)> {
    let (word, mut rest) = line.split_once(' ').unwrap_or((line, ""));
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let (key, value) = rest.split_once('=')?;
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => value.split_once(' ').map_or((value.to_owned(), ""), |(value, after)| (value.to_owned(), after)),
        };
        pairs.push((key, value));
        rest = after;
    }
    (!word.is_empty()).then_some((word, pairs))
}

/// What stands up to the closing quote, and what follows it and its space.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.chars();
    loop {
        match letters.next()? {
            '"' => break,
            '\\' => value.push(letters.next()?),
            letter => value.push(letter),
        }
    }
    match letters.as_str() {
        "" => Some((value, "")),
        rest => rest.strip_prefix(' ').map(|rest| (value, rest)),
    }
}

/// Text with control characters, and others that a terminal or a log could misread, as `\u{..}`.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || is_invisible(letter) {
            // Writing to a string cannot fail.
            let _ = write!(shown, "{}", letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// A value of a pair: quoted when it is empty or holds a space, a quote, `=` or a backslash.
fn quoted(value: &str) -> String {
    let value = printable(value);
    if !value.is_empty() && !value.contains([' ', '"', '=', '\\']) {
        return value;
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Characters that turn the direction of text, or that nobody sees.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_line_is_read_as_it_was_put_together(
            word in "[a-z-]{1,12}",
            pairs in prop::collection::vec(("[a-z_]{1,9}", ".*|[ \"=\\\\a\n]{0,6}"), 0..5),
        ) {
            let line = pairs.iter().fold(Line::new(&word), |line, (key, value)| line.with(key, value)).finish();
            let shown: Vec<_> = pairs.iter().map(|(key, value)| (key.as_str(), printable(value))).collect();
            prop_assert_eq!(parse(&line), Some((word.as_str(), shown)));
        }

        #[test]
        fn no_line_is_too_foreign_to_read(line in ".*") {
            let _ = parse(&line);
        }
    }

    #[test]
    fn what_is_no_line_is_not_read() {
        for line in ["", " a=b", "word a", "word a=\"b", "word a=\"b\"c=d", "word a=\"\\"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_value_cannot_start_a_pair_or_a_line() {
        let line = Line::new("accepted").with("user", "al ice\naccepted user=root").with("service", "sshd");
        assert_eq!(line.finish(), "accepted user=\"al ice\\\\u{a}accepted user=root\" service=sshd");
        assert_eq!(Line::new("x").with("a", "").with_some("b", None::<u8>).finish(), "x a=\"\"");
        assert_eq!(printable("a\u{202e}b\u{1b}"), "a\\u{202e}b\\u{1b}");
    }
}
