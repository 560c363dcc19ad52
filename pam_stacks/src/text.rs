//! The lines and words of a PAM file, read as libpam reads them.

use crate::messages;

/// One line, its continuations joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Where it begins, from 1.
    pub number: usize,
    /// Its text, without a comment.
    pub text: String,
    /// Whether the file ends where the line should go on: libpam reads no further then.
    pub is_cut: bool,
}

/// The lines of a file that say something.
pub fn lines(text: &str) -> Vec<Joined> {
    let mut lines = Vec::new();
    let mut open: Option<Joined> = None;
    // Not `lines()`: the carriage return of a file from Windows is a letter for libpam.
    for (index, line) in text.strip_suffix('\n').unwrap_or(text).split('\n').enumerate() {
        let begun = line.trim_start_matches([' ', '\t']);
        if begun.is_empty() || begun.starts_with('#') {
            continue;
        }
        let (said, goes_on) = match begun.split_once('#') {
            Some((said, _)) => (said, false),
            None => match begun.trim_end_matches([' ', '\t']).strip_suffix('\\') {
                Some(said) => (said, true),
                None => (begun, false),
            },
        };
        let joined = open.get_or_insert_with(|| Joined { number: index + 1, text: String::new(), is_cut: true });
        joined.text.push_str(said);
        joined.text.push(' ');
        if !goes_on && let Some(whole) = open.take() {
            lines.push(Joined { is_cut: false, ..whole });
        }
    }
    lines.extend(open);
    lines
}

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Without the brackets it may have stood in.
    pub text: String,
    /// Whether it stood in brackets, which may hold spaces.
    pub is_bracketed: bool,
}

/// The words of a line.
pub fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches(is_space);
        if rest.is_empty() {
            return words;
        }
        let (word, after) = match rest.strip_prefix('[') {
            Some(inside) => bracketed(inside),
            None => {
                let end = rest.find(is_space).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                (Word { text: word.to_owned(), is_bracketed: false }, after)
            }
        };
        words.push(word);
        rest = after;
    }
}

/// The line in single spaces. What only looks like a space stays: it is a letter for libpam.
pub fn in_single_spaces(line: &str) -> String {
    line.split(is_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The names of the files that a text includes, in every phase.
pub fn included(text: &str) -> Vec<String> {
    let named = lines(text).into_iter().filter_map(|line| {
        let words = words(&line.text);
        let word = |index: usize| words.get(index).map(|word| word.text.to_ascii_lowercase());
        let name = |index: usize| words.get(index).map(|word| word.text.clone());
        match (word(0)?.trim_start_matches('-'), word(1)) {
            ("@include", _) => name(1),
            (_, Some(control)) if control == "include" || control == "substack" => name(2),
            _ => None,
        }
    });
    named.collect()
}

/// What nobody sees in this text and libpam takes for letters, if it holds such a thing.
pub fn unseen(text: &str) -> Option<&'static str> {
    text.chars().find_map(|letter| match letter {
        '\r' => Some(messages::RETURN),
        '\u{feff}' => Some(messages::ORDER_MARK),
        '\u{a0}' | '\u{202f}' | '\u{2007}' => Some(messages::NO_BREAK),
        '\u{200b}'..='\u{200f}' | '\u{2060}' => Some(messages::NO_WIDTH),
        _ => None,
    })
}

/// What stands before the closing bracket, of which `\]` is none.
fn bracketed(inside: &str) -> (Word, &str) {
    let mut text = String::new();
    let mut letters = inside.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            ']' => return (Word { text, is_bracketed: true }, inside.get(at + 1..).unwrap_or_default()),
            '\\' if letters.peek().is_some_and(|(_, next)| *next == ']') => {
                text.push(']');
                letters.next();
            }
            other => text.push(other),
        }
    }
    (Word { text, is_bracketed: true }, "")
}

fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(file: &str) -> Vec<(usize, String)> {
        lines(file).into_iter().map(|line| (line.number, line.text.trim_end_matches(' ').to_owned())).collect()
    }

    #[test]
    fn comments_and_blank_lines_say_nothing() {
        let file = "# a\n\n \t# b\nauth required a.so # c \\\n  session optional b.so\n";
        let expected = [(4, "auth required a.so".to_owned()), (5, "session optional b.so".to_owned())];
        assert_eq!(texts(file), expected);
    }

    #[test]
    fn a_line_goes_on_behind_a_backslash_over_comments_too() {
        let file = "auth \\\n# not this\n\n  required \\  \n a.so\nauth required b.so";
        let words = words(&lines(file)[0].text).into_iter().map(|word| word.text).collect::<Vec<_>>();
        assert_eq!(words, ["auth", "required", "a.so"]);
        assert_eq!(texts(file)[1], (6, "auth required b.so".to_owned()));
        assert!(lines("auth required a.so \\\n").pop().unwrap().is_cut);
    }

    #[test]
    fn a_carriage_return_is_a_letter() {
        assert_eq!(texts("auth required a.so\r\n\r\n"), [(1, "auth required a.so\r".to_owned()), (2, "\r".to_owned())]);
        assert_eq!(words(&lines("auth required a.so\r\n")[0].text)[2].text, "a.so\r");
        // A backslash before it continues nothing.
        assert!(!lines("auth required \\\r\n").pop().unwrap().is_cut);
    }

    #[test]
    fn what_nobody_sees_is_named_and_stays() {
        assert_eq!(in_single_spaces("auth\t required  a.so\r"), "auth required a.so\r");
        assert_eq!(in_single_spaces("auth required\u{a0}a.so "), "auth required\u{a0}a.so");
        for (text, named) in
            [("a.so\r", "carriage"), ("\u{feff}auth", "byte order"), ("a\u{a0}b", "no-break"), ("a\u{200b}", "width")]
        {
            assert!(unseen(text).unwrap().contains(named), "{text:?}");
        }
        assert_eq!(unseen("auth\trequired pam_ü.so"), None);
    }

    #[test]
    fn brackets_hold_one_word() {
        let seen = words("auth [success=1 default=die] pam_x.so [a \\] b] c]");
        let texts = seen.iter().map(|word| word.text.as_str()).collect::<Vec<_>>();
        assert_eq!(texts, ["auth", "success=1 default=die", "pam_x.so", "a ] b", "c]"]);
        assert_eq!(seen.iter().map(|word| word.is_bracketed).collect::<Vec<_>>(), [false, true, false, true, false]);
    }
}
