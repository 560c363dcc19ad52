//! The reader of plain TOML: what our writer writes and most administrators do. Every login reads
//! two documents, and all of TOML takes ten times as long.
//!
//! It knows one key or one header a line, text without escapes, whole numbers, true and false, lists
//! of text in one line, and comments. Whatever else there may be, it leaves the whole document to
//! the reader of all of TOML, which also says what is wrong with one. So a tree of this reader is
//! always the other one's.

use std::borrow::Cow;

use super::node::{Node, Placed, Table};

/// Digits of a number that is certain to fit.
const DIGITS: usize = 18;

/// Reads a document, or leaves it.
pub(super) fn read(text: &str) -> Option<Table<'_>> {
    let mut root = Table::default();
    let mut rest = Rest { text, at: 0 };
    rest.fields(&mut root)?;
    while let Some(at) = rest.header() {
        let table = rest.open(&mut root, at)?;
        rest.fields(table)?;
    }
    rest.text.is_empty().then_some(root)
}

/// What was not read yet, and where it stands.
struct Rest<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    /// Reads fields until a header, or the end.
    fn fields(&mut self, table: &mut Table<'a>) -> Option<()> {
        loop {
            self.blank();
            match self.next()? {
                End::Text | End::Header => return Some(()),
                End::Line => self.end_of_line()?,
                End::Field => {
                    let (at, key) = (self.at, self.key()?);
                    self.blank();
                    self.skip("=")?;
                    self.blank();
                    let value = self.value()?;
                    table.add(Cow::Borrowed(key), at, value)?;
                    self.end_of_line()?;
                }
            }
        }
    }

    fn next(&self) -> Option<End> {
        Some(match self.text.as_bytes().first() {
            None => End::Text,
            Some(b'[') => End::Header,
            Some(b'\n' | b'#') => End::Line,
            Some(_) => End::Field,
        })
    }

    /// Where a header begins, if one is next.
    fn header(&self) -> Option<usize> {
        self.text.starts_with('[').then_some(self.at)
    }

    /// Reads a header, and opens its table in one that is open already.
    fn open<'t>(&mut self, root: &'t mut Table<'a>, at: usize) -> Option<&'t mut Table<'a>> {
        self.skip("[")?;
        let of_list = self.skip("[").is_some();
        let (mut parent, mut key_at, mut key) = (root, self.at, self.key()?);
        while self.skip(".").is_some() {
            parent = inner(parent.get(key)?)?;
            (key_at, key) = (self.at, self.key()?);
        }
        self.skip(if of_list { "]]" } else { "]" })?;
        self.end_of_line()?;
        let table = Placed { at, node: Node::Table(Table::default()) };
        if !of_list {
            return inner(parent.add(Cow::Borrowed(key), key_at, table)?);
        }
        if parent.get(key).is_none() {
            parent.add(Cow::Borrowed(key), key_at, Placed { at, node: Node::List(Vec::new()) })?;
        } else {
            // A list that was written as a value holds no table.
            inner(parent.get(key)?)?;
        }
        let place = parent.get(key)?;
        match &mut place.node {
            Node::List(list) => list.push(table),
            _ => return None,
        }
        inner(place)
    }

    fn value(&mut self) -> Option<Placed<'a>> {
        let at = self.at;
        let node = match self.text.as_bytes().first()? {
            b'"' => Node::Text(Cow::Borrowed(self.quoted()?)),
            b'[' => self.list()?,
            b't' => self.skip("true").map(|()| Node::Truth(true))?,
            b'f' => self.skip("false").map(|()| Node::Truth(false))?,
            _ => Node::Number(self.number()?),
        };
        Some(Placed { at, node })
    }

    fn quoted(&mut self) -> Option<&'a str> {
        self.skip("\"")?;
        let text = self.take(|byte| !matches!(byte, b'"' | b'\\' | 0..=31 | 127))?;
        self.skip("\"")?;
        Some(text)
    }

    fn list(&mut self) -> Option<Node<'a>> {
        self.skip("[")?;
        self.blank();
        let mut list = Vec::new();
        while self.skip("]").is_none() {
            if !list.is_empty() {
                self.skip(",")?;
                self.blank();
            }
            let at = self.at;
            list.push(Placed { at, node: Node::Text(Cow::Borrowed(self.quoted()?)) });
            self.blank();
        }
        Some(Node::List(list))
    }

    fn number(&mut self) -> Option<i64> {
        let is_negative = self.skip("-").is_some();
        let digits = self.take(|byte| byte.is_ascii_digit())?;
        if digits.is_empty() || digits.len() > DIGITS || (digits.len() > 1 && digits.starts_with('0')) {
            return None;
        }
        let number: i64 = digits.parse().ok()?;
        Some(if is_negative { -number } else { number })
    }

    fn key(&mut self) -> Option<&'a str> {
        let key = self.take(|byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-'))?;
        (!key.is_empty()).then_some(key)
    }

    /// Reads blanks and a comment, up to the next line.
    fn end_of_line(&mut self) -> Option<()> {
        self.blank();
        if self.text.starts_with('#') {
            let length = self.text.find('\n').unwrap_or(self.text.len());
            let (comment, rest) = self.text.split_at_checked(length)?;
            if has_control(comment.as_bytes()) {
                return None;
            }
            self.text = rest;
            self.at += length;
        }
        if self.text.is_empty() { Some(()) } else { self.skip("\n") }
    }

    fn blank(&mut self) {
        self.take(|byte| matches!(byte, b' ' | b'\t'));
    }

    fn skip(&mut self, expected: &str) -> Option<()> {
        self.text = self.text.strip_prefix(expected)?;
        self.at += expected.len();
        Some(())
    }

    /// Takes as many bytes as are of a kind. No kind ends within a letter.
    fn take(&mut self, is_one: impl Fn(u8) -> bool) -> Option<&'a str> {
        let length = self.text.bytes().position(|byte| !is_one(byte)).unwrap_or(self.text.len());
        let (taken, rest) = self.text.split_at_checked(length)?;
        self.text = rest;
        self.at += length;
        Some(taken)
    }
}

/// Whether there is a control character that no comment may hold. Most of a configuration is
/// comments, so eight bytes are looked at together; those with a tab among them one by one.
fn has_control(bytes: &[u8]) -> bool {
    let is_control = |byte: &u8| matches!(byte, 0..=8 | 10..=31 | 127);
    let (eights, rest) = bytes.as_chunks::<8>();
    let suspects = eights.iter().filter(|eight| {
        let word = u64::from_ne_bytes(**eight);
        let (low, deletes) = (any_below(word, 0x20), any_below(word ^ (ONES * 0x7f), 1));
        low || deletes
    });
    suspects.flatten().chain(rest).any(is_control)
}

/// One in each byte.
const ONES: u64 = u64::MAX / 0xff;

/// Whether any byte of a word may be below `limit`, which is at most 128. It never misses one.
fn any_below(word: u64, limit: u64) -> bool {
    word.wrapping_sub(ONES * limit) & !word & (ONES * 0x80) != 0
}

/// What comes next.
enum End {
    Text,
    Header,
    Line,
    Field,
}

/// The table itself, or the last one of a list.
fn inner<'t, 'a>(place: &'t mut Placed<'a>) -> Option<&'t mut Table<'a>> {
    let node = match &mut place.node {
        Node::List(list) => &mut list.last_mut()?.node,
        node => node,
    };
    match node {
        Node::Table(table) => Some(table),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::full;
    use super::*;

    const CONFIGURATION: &str = include_str!("../../../packaging/config.toml");

    /// What this reader makes of a text is what the other one makes of it.
    fn agrees(text: &str) -> Result<bool, TestCaseError> {
        let Some(plain) = read(text) else { return Ok(false) };
        let full = full::read(text).map_err(|misfit| TestCaseError::fail(format!("{text:?}: {misfit:?}")))?;
        prop_assert_eq!(plain.sorted(), full.sorted(), "{:?}", text);
        Ok(true)
    }

    /// The configuration with every key in force that a plain one can have.
    fn whole() -> String {
        let key = |line: &'static str| line.strip_prefix('#').filter(|key| !key.starts_with(' '));
        let lines = CONFIGURATION.lines().filter(|line| !line.starts_with("#since"));
        lines.map(|line| format!("{}\n", key(line).unwrap_or(line))).collect()
    }

    #[test]
    fn a_configuration_is_plain() {
        assert!(agrees(CONFIGURATION).unwrap());
        assert!(agrees(&whole()).unwrap());
        let account = "version = 1\nuser = \"a\"\nknown_sources = [\"192.0.2.1\", \"uid:7\"]\n\n[app_passwords]\nsalt = \"00\"\n\n\
             [[app_passwords.list]]\nid = \"1\"\n\n[app_passwords.list.last_use]\nat = -5\n\n[[app_passwords.list]]\nid = \"2\"\n# sha256 0\n";
        assert!(agrees(account).unwrap());
    }

    #[test]
    fn the_rest_is_left() {
        for text in [
            "a = 1.5",
            "a = 01",
            "a = 1_0",
            "a = +1",
            "a = 0x1",
            "a = 2026-12-01",
            "a = 'x'",
            "a = \"\"\"x\"\"\"",
            "a = \"\\n\"",
            "a = 9999999999999999999",
            "a = [1]",
            "a = [\"x\",]",
            "a = [\"x\" \"y\"]",
            "a = {}",
            "a.b = 1",
            "\"a\" = 1",
            "a = 1\r\n",
            "a = 1\na = 2",
            "[a]\n[a]",
            "a = 1\n[a]",
            "[a.b]",
            "a = []\n[[a]]",
            "a = [\"x\"]\n[[a]]",
            "[a]\n[[a]]",
            "[[a]]\n[a]",
            "[a] b = 1",
            "a = 1 b = 2",
            "a = true1",
            "a",
            "a =",
            "[",
            "[a",
            "[[a]",
            "[ a ]",
            "# \u{7f}",
            "\u{feff}a = 1",
            "a = \"x",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_control_is_missed(bytes in prop::collection::vec(prop_oneof![any::<u8>(), 9_u8..11, 30_u8..34, 125_u8..130], 0..40)) {
            let has_one = bytes.iter().any(|byte| *byte != b'\t' && byte.is_ascii_control());
            prop_assert_eq!(has_control(&bytes), has_one);
        }

        #[test]
        fn both_readers_agree_on_pieces(pieces in proptest::collection::vec(
            proptest::sample::select(vec![
                "a", "b", "[a]", "[[a]]", "[a.b]", "[[a.b]]", "[b]", " = ", "=", "1", "-7", "0", "\"x\"", "\"\"", "\"#\"", "true",
                "false", "[]", "[\"x\"]", "[ \"x\" , \"y\" ]", "\n", "\n", "\n", " ", "\t", "#", "# c", ".", ",", "'", "\"", "\\", "\r",
                "\u{e9}", "a = 1\n", "b = \"y\"\n", "a.b = 1\n", "2026-12-01", "_", "e5", "+", "{}", "a = []\n", "\u{0}",
            ]), 0..14,
        )) {
            agrees(&pieces.concat())?;
        }

        #[test]
        fn both_readers_agree_on_edited_configurations(at in 0_usize..6000, length in 0_usize..4, put in "[\\[\\]\"#=.,a-c0-2\\n '\\\\-]{0,3}") {
            let mut text = whole();
            let from = (0..=at.min(text.len())).rev().find(|from| text.is_char_boundary(*from)).unwrap_or(0);
            let to = (from + length..=text.len()).find(|to| text.is_char_boundary(*to)).unwrap_or(text.len());
            text.replace_range(from..to.max(from), &put);
            agrees(&text)?;
        }
    }
}
