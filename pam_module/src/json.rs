//! The little JSON (RFC 8259) that module and helper exchange: one flat object of words, numbers, truth
//! values and lists of numbers. Every login loads the module, and hardly one in a thousand comes here: a library
//! for all of JSON would be 45 kB more for each.

use std::iter::Peekable;
use std::str::Chars;

/// Writes an object of words. Its room is given beforehand: growing would leave a copy of an answer
/// behind that nobody wipes. `None` if it does not fit.
pub fn object(pairs: &[(&str, &str)], room: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(room);
    let mut put = |bytes: &[u8]| {
        let fits = out.len() + bytes.len() <= room;
        fits.then(|| out.extend_from_slice(bytes))
    };
    for (index, (name, words)) in pairs.iter().enumerate() {
        put(if index == 0 { b"{" } else { b"," })?;
        quote(name, &mut put)?;
        put(b":")?;
        quote(words, &mut put)?;
    }
    put(b"}")?;
    Some(out)
}

fn quote(words: &str, put: &mut impl FnMut(&[u8]) -> Option<()>) -> Option<()> {
    put(b"\"")?;
    for byte in words.bytes() {
        match byte {
            b'"' | b'\\' => put(&[b'\\', byte])?,
            0..0x20 => put(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)])?,
            _ => put(&[byte])?,
        }
    }
    put(b"\"")
}

fn hex(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
}

/// A flat object that was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Object(Vec<(String, Value)>);

#[derive(Debug, PartialEq, Eq)]
enum Value {
    Words(String),
    Number(u64),
    Truth(bool),
    Numbers(Vec<u64>),
}

impl Object {
    /// Reads one object and nothing else but space around it. `None` for what it cannot hold:
    /// objects in objects, lists of anything but numbers, null, fractions, characters beyond U+FFFF that
    /// are escaped.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(std::str::from_utf8(bytes).ok()?.chars().peekable());
        let mut pairs = Vec::new();
        reader.expect('{')?;
        while !reader.next_is('}') {
            if !pairs.is_empty() {
                reader.expect(',')?;
            }
            reader.expect('"')?;
            let name = reader.words()?;
            reader.expect(':')?;
            pairs.push((name, reader.value()?));
        }
        reader.expect('}')?;
        reader.next_is(' ');
        reader.0.next().is_none().then_some(Self(pairs))
    }

    /// A text.
    pub fn words(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Value::Words(words) => Some(words),
            _ => None,
        }
    }

    /// A whole number.
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.value(name)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A list of whole numbers.
    pub fn numbers(&self, name: &str) -> Option<&[u64]> {
        match self.value(name)? {
            Value::Numbers(numbers) => Some(numbers),
            _ => None,
        }
    }

    /// A truth value.
    pub fn truth(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Truth(truth) => Some(*truth),
            _ => None,
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }
}

struct Reader<'a>(Peekable<Chars<'a>>);

impl Reader<'_> {
    /// Whether this letter comes next, after any space.
    fn next_is(&mut self, letter: char) -> bool {
        while self.0.next_if(|letter| matches!(letter, ' ' | '\t' | '\n' | '\r')).is_some() {}
        self.0.peek() == Some(&letter)
    }

    fn expect(&mut self, letter: char) -> Option<()> {
        self.next_is(letter).then(|| self.0.next()).map(|_| ())
    }

    fn value(&mut self) -> Option<Value> {
        if self.next_is('"') {
            self.0.next();
            return self.words().map(Value::Words);
        }
        if self.next_is('[') {
            self.0.next();
            return self.numbers().map(Value::Numbers);
        }
        match self.word().as_str() {
            "true" => Some(Value::Truth(true)),
            "false" => Some(Value::Truth(false)),
            number => number.parse().ok().map(Value::Number),
        }
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(letter) = self.0.next_if(char::is_ascii_alphanumeric) {
            word.push(letter);
        }
        word
    }

    /// The rest of a list of numbers.
    fn numbers(&mut self) -> Option<Vec<u64>> {
        let mut numbers = Vec::new();
        while !self.next_is(']') {
            if !numbers.is_empty() {
                self.expect(',')?;
                self.next_is(' ');
            }
            numbers.push(self.word().parse().ok()?);
        }
        self.expect(']')?;
        Some(numbers)
    }

    /// What follows the first quote, and the last quote.
    fn words(&mut self) -> Option<String> {
        let mut words = String::new();
        loop {
            match self.0.next()? {
                '"' => return Some(words),
                '\\' => words.push(self.escaped()?),
                letter if letter < ' ' => return None,
                letter => words.push(letter),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        Some(match self.0.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let mut code = 0;
                for _ in 0..4 {
                    code = code * 16 + self.0.next()?.to_digit(16)?;
                }
                char::from_u32(code)?
            }
            itself @ ('"' | '\\' | '/') => itself,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGE: &str = "a \"b\" \\ c\u{0}\u{1f}\n\t\u{7f}\u{e9}\u{20ac}\u{1f600}/";

    #[test]
    fn what_is_written_is_json() {
        let written = object(&[("do", "verify"), ("service", STRANGE)], 200).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(read, serde_json::json!({ "do": "verify", "service": STRANGE }));
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        assert_eq!(object(&[("a", "b")], 9).unwrap(), b"{\"a\":\"b\"}");
        assert_eq!(object(&[("a", "b")], 8), None);
    }

    #[test]
    fn what_the_library_writes_is_read() {
        let json = serde_json::json!({ "text": STRANGE, "digits": 6, "most": u64::MAX, "accepted": true, "no": false,
            "both": [6, 8], "empty": [] });
        for bytes in [serde_json::to_vec(&json).unwrap(), serde_json::to_vec_pretty(&json).unwrap()] {
            let read = Object::read(&bytes).unwrap();
            assert_eq!((read.words("text"), read.number("digits")), (Some(STRANGE), Some(6)));
            assert_eq!(read.number("most"), Some(u64::MAX));
            assert_eq!((read.numbers("both"), read.numbers("empty")), (Some(&[6, 8][..]), Some(&[][..])));
            assert_eq!((read.numbers("digits"), read.number("both")), (None, None));
            assert_eq!((read.truth("accepted"), read.truth("no")), (Some(true), Some(false)));
            assert_eq!((read.words("digits"), read.number("text"), read.truth("none")), (None, None, None));
        }
        assert_eq!(Object::read(b" { } \n"), Some(Object(vec![])));
        assert_eq!(Object::read(br#"{"a":"\u0041\/\b"}"#).unwrap().words("a"), Some("A/\u{8}"));
    }

    #[test]
    fn what_is_no_flat_object_is_nothing() {
        for text in [
            "",
            "{",
            "}",
            "[]",
            "1",
            "{}x",
            "{}{}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{,"a":1}"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a":["b"]}"#,
            r#"{"a":[1,]}"#,
            r#"{"a":[,1]}"#,
            r#"{"a":[1 2]}"#,
            r#"{"a":[1"#,
            r#"{"a":[[1]]}"#,
            r#"{"a":[-1]}"#,
            r#"{"a":{}}"#,
            r#"{"a":null}"#,
            r#"{"a":-1}"#,
            r#"{"a":1.5}"#,
            r#"{"a":"b}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":"\x"}"#,
            r#"{"a":"\ud83d\ude00"}"#,
            r#"{a:1}"#,
            r#"{"a":18446744073709551616}"#,
        ] {
            assert_eq!(Object::read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Object::read(b"{\"a\":\"\xff\"}"), None);
    }
}
