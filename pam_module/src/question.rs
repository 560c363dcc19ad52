//! The one question of a login, and its answer.

use std::cell::OnceCell;
use std::ffi::c_int;

use twostep_core::request::Shape;
use twostep_core::secret::{Secret, Typed};

use crate::attempt::Attempt;
use crate::ffi::{Host, Style};
use twostep_core::options::{Mode, Options};

/// Nobody answered: the application cannot ask, or the person broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence;

/// The question, asked at most once.
pub struct Question<'a> {
    attempt: &'a Attempt<'a>,
    host: &'a Host<'a>,
    options: &'a Options,
    answer: OnceCell<Result<Secret, Silence>>,
}

impl<'a> Question<'a> {
    /// A question that is not asked yet.
    pub fn new(attempt: &'a Attempt<'a>) -> Self {
        Self { attempt, host: attempt.host, options: attempt.options, answer: OnceCell::new() }
    }

    /// The answer as it came. Where it holds a password, one that an earlier line left is it.
    ///
    /// # Errors
    /// Nobody answered.
    pub fn answer(&self) -> Result<&Secret, Silence> {
        self.answer.get_or_init(|| self.take()).as_ref().map_err(|silence| *silence)
    }

    /// Leaves the password in the answer to the following lines: what stands before the code, which
    /// is its last `digits` bytes.
    ///
    /// # Errors
    /// libpam's code.
    pub fn pass_on(&self, digits: usize) -> Result<(), c_int> {
        match self.answer.get() {
            Some(Ok(answer)) if self.options.brings_password() => {
                let (password, _) = split(answer.expose(), digits);
                self.host.set_password(&Secret::new(password.to_vec()))
            }
            _ => Ok(()),
        }
    }

    /// The code alone, for a judge who must not see the password: of an answer that holds one too, as
    /// many last digits as the longest of this user's codes that may stand there; nothing where none
    /// does.
    ///
    /// # Errors
    /// Nobody answered.
    pub fn code(&self, digits: &[usize]) -> Result<Typed, Silence> {
        let answer = self.answer()?.expose();
        Ok(match self.options.shape {
            Shape::Code => words(answer),
            Shape::PasswordAndCode => words(longest_code(answer, digits)),
        })
    }

    fn take(&self) -> Result<Secret, Silence> {
        let given = if self.options.brings_password() { self.host.password() } else { None };
        match given {
            Some(given) => Ok(given),
            None => self.asked(),
        }
    }

    /// A reply without a text is an empty answer to the question for a code, and is judged as one;
    /// as a password it is none.
    fn asked(&self) -> Result<Secret, Silence> {
        match self.host.ask(Style::of_question(self.options.echo), &self.attempt.question()) {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) if self.options.mode == Mode::Code => Ok(Secret::new(Vec::new())),
            Ok(None) | Err(_) => Err(Silence),
        }
    }
}

impl Question<'_> {
    /// The answer as text.
    ///
    /// # Errors
    /// Nobody answered.
    pub fn ask(&self) -> Result<Typed, Silence> {
        self.answer().map(|answer| words(answer.expose()))
    }

    /// The code that follows the one that was given, for which `why` asks.
    ///
    /// # Errors
    /// Nobody answered.
    pub fn ask_next(&self, why: &str) -> Result<Typed, Silence> {
        match self.host.ask(Style::of_question(self.options.echo), why) {
            Ok(Some(answer)) => Ok(words(answer.expose())),
            Ok(None) | Err(_) => Err(Silence),
        }
    }
}

/// Password and code. Where the answer does not end with so many digits, it is all password.
fn split(answer: &[u8], digits: usize) -> (&[u8], &[u8]) {
    match answer.len().checked_sub(digits).and_then(|length| answer.split_at_checked(length)) {
        Some((password, code)) if code.iter().all(u8::is_ascii_digit) => (password, code),
        _ => (answer, &[]),
    }
}

/// The longest end of an answer that may be a code with one of these numbers of digits.
fn longest_code<'a>(answer: &'a [u8], digits: &[usize]) -> &'a [u8] {
    let ends = digits.iter().map(|digits| split(answer, *digits).1);
    ends.max_by_key(|code| code.len()).unwrap_or_default()
}

/// An answer as text of the same length, made without a second copy in memory: each byte that is
/// not UTF-8 becomes a `?`, which no code has.
pub fn words(answer: &[u8]) -> Typed {
    let mut words = String::with_capacity(answer.len());
    for piece in answer.utf8_chunks() {
        words.push_str(piece.valid());
        piece.invalid().iter().for_each(|_| words.push('?'));
    }
    Typed::new(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_digits_are_the_code() {
        assert_eq!(split(b"secret7123456", 6), (&b"secret7"[..], &b"123456"[..]));
        assert_eq!(split(b"123456", 6), (&b""[..], &b"123456"[..]));
        assert_eq!(split(b"p\xe4ss12345678", 8), (&b"p\xe4ss"[..], &b"12345678"[..]));
        for all_password in [&b"secret"[..], b"", b"12345", b"secret12345x", b"secret 12345"] {
            assert_eq!(split(all_password, 6), (all_password, &b""[..]));
        }
        assert_eq!(split(b"secret123456", 0), (&b"secret123456"[..], &b""[..]));
    }

    #[test]
    fn the_longest_code_that_may_be_there_is_sent() {
        let sent = |answer, digits: &[usize]| longest_code(answer, digits);
        assert_eq!(sent(b"secret12345678", &[6, 8]), b"12345678");
        assert_eq!(sent(b"secret12345678", &[8, 6]), b"12345678");
        assert_eq!(sent(b"secret345678", &[6, 8]), b"345678");
        assert_eq!(sent(b"secret345678", &[8]), b"");
        assert_eq!(sent(b"secret345678", &[]), b"");
    }

    #[test]
    fn an_answer_keeps_its_length_and_its_end() {
        assert_eq!(words(b"123456").expose(), "123456");
        assert_eq!(words("\u{661}23".as_bytes()).expose(), "\u{661}23");
        assert_eq!(words(b"p\xff\xe4ss123456").expose(), "p??ss123456");
    }
}
