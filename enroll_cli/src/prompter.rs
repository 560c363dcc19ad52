//! Who answers questions: a person at a terminal, or the lines on standard input.

use std::io::{BufRead, Read};

use twostep_core::secret::Typed;

use crate::error::CommandError;
use crate::messages::general;

/// More than any answer; the rest of a longer line would be the next answer.
const LONGEST_LINE: u64 = 4096;

/// Whether what is typed can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// It can.
    Shown,
    /// It cannot: a proof, which someone may look at over the shoulder.
    Hidden,
}

/// Someone who answers questions.
pub trait Prompter {
    /// The next answer. Where nobody sees questions, it is the next line.
    fn answer(&mut self, question: &str, echo: Echo) -> Result<Typed, CommandError>;

    /// Whether there is a person who sees the questions, and who may try again.
    fn sees_questions(&self) -> bool;
}

/// Whatever standard input brings, where it is no terminal.
pub fn piped() -> Box<dyn Prompter> {
    Box::new(Lines(std::io::stdin().lock()))
}

/// The lines of a pipe or file.
struct Lines<R>(R);

impl<R: BufRead> Prompter for Lines<R> {
    fn answer(&mut self, question: &str, _: Echo) -> Result<Typed, CommandError> {
        let mut line = Vec::new();
        let count =
            self.0.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(|error| unreadable(&error))?;
        if count == 0 {
            return Err(ended(question));
        }
        Ok(typed(line))
    }

    fn sees_questions(&self) -> bool {
        false
    }
}

/// A line as it came, without its end.
pub fn typed(mut line: Vec<u8>) -> Typed {
    while let Some(b'\n' | b'\r') = line.last() {
        line.pop();
    }
    Typed::new(match String::from_utf8(line) {
        Ok(line) => line,
        // It cannot be a code; the character says so to whoever judges it.
        Err(_) => char::REPLACEMENT_CHARACTER.to_string(),
    })
}

/// Standard input, or the terminal, has nothing more to say.
pub fn ended(question: &str) -> CommandError {
    let asked = question.trim().trim_end_matches(':');
    CommandError::here("no_input", general::input_ended(asked))
}

/// Standard input, or the terminal, cannot be read.
pub fn unreadable(error: &std::io::Error) -> CommandError {
    CommandError::here("no_input", general::input_unreadable(error))
}

#[cfg(test)]
pub mod scripted {
    //! Answers in the order in which a test expects the questions.

    use std::collections::VecDeque;

    use super::*;

    /// A scripted person. Dropping it before the script is used up fails the test.
    pub struct Answers(VecDeque<(&'static str, Echo, &'static str)>);

    impl Answers {
        /// The beginning of each question, how it is asked, and the answer.
        pub fn new(turns: &[(&'static str, Echo, &'static str)]) -> Self {
            Self(turns.iter().copied().collect())
        }
    }

    impl Prompter for Answers {
        fn answer(&mut self, question: &str, echo: Echo) -> Result<Typed, CommandError> {
            let (expected, how, answer) = self.0.pop_front().expect("no question is expected");
            assert!(question.starts_with(expected), "not the expected question: {question}");
            assert_eq!(echo, how, "{question}");
            Ok(Typed::new(answer.to_owned()))
        }

        fn sees_questions(&self) -> bool {
            true
        }
    }

    impl Drop for Answers {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                assert!(self.0.is_empty(), "{} answers were not used", self.0.len());
            }
        }
    }

    /// The lines of a pipe.
    pub fn lines(text: &'static str) -> Box<dyn Prompter> {
        Box::new(Lines(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_answers_until_they_end() {
        let mut prompter = scripted::lines("123456\r\nABCD EFGH");
        assert_eq!(prompter.answer("Code:", Echo::Hidden).unwrap().expose(), "123456");
        assert_eq!(prompter.answer("Code:", Echo::Shown).unwrap().expose(), "ABCD EFGH");
        let error = prompter.answer("Code: ", Echo::Shown).unwrap_err();
        assert_eq!(error.reason, "no_input");
        assert!(error.message.contains("(Code)"), "{error}");
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let mut prompter = Lines(std::io::BufReader::new(std::io::repeat(b'1')));
        assert_eq!(prompter.answer("", Echo::Shown).unwrap().expose().len(), LONGEST_LINE as usize);
    }

    #[test]
    fn bytes_that_are_no_text_are_no_code_and_are_not_repeated() {
        assert!(!typed(vec![b'1', 0xff]).expose().contains('1'));
    }
}
