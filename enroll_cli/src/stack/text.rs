//! The lines and words of a PAM file, read as libpam reads them.

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
    for (index, line) in text.lines().enumerate() {
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
        lines(file).into_iter().map(|line| (line.number, line.text.trim_end().to_owned())).collect()
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
    fn brackets_hold_one_word() {
        let seen = words("auth [success=1 default=die] pam_x.so [a \\] b] c]");
        let texts = seen.iter().map(|word| word.text.as_str()).collect::<Vec<_>>();
        assert_eq!(texts, ["auth", "success=1 default=die", "pam_x.so", "a ] b", "c]"]);
        assert_eq!(seen.iter().map(|word| word.is_bracketed).collect::<Vec<_>>(), [false, true, false, true, false]);
    }
}
