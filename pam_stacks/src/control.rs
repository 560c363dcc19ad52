//! What becomes of what a module returns: the second word of a line.

use crate::code::{Code, NAMES};
use crate::messages;

/// What libpam does with one return code (pam.conf(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// As if the line were not there.
    Ignore,
    /// Success, if nothing failed before.
    Ok,
    /// The same, and the stack ends.
    Done,
    /// Failure.
    Bad,
    /// The same, and the stack ends.
    Die,
    /// What the stack made of itself so far is forgotten.
    Reset,
    /// So many lines are skipped, and the code does not count.
    Jump(usize),
}

/// An action for each return code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control([Action; NAMES.len()]);

impl Control {
    /// The control that a line writes, in words or in brackets (given without the brackets).
    ///
    /// # Errors
    /// The text in brackets is not understood. libpam takes every code for a failure then.
    pub fn parse(word: &str, is_bracketed: bool) -> Result<Self, String> {
        if !is_bracketed {
            match word.to_ascii_lowercase().as_str() {
                "required" => return Ok(Self::plain(Action::Ok, Action::Bad, Action::Ignore)),
                "requisite" => return Ok(Self::plain(Action::Ok, Action::Die, Action::Ignore)),
                "optional" => return Ok(Self::plain(Action::Ok, Action::Ignore, Action::Ignore)),
                "sufficient" => return Ok(Self::plain(Action::Done, Action::Ignore, Action::Ignore)),
                _ => {}
            }
        }
        Pairs { rest: word }.read()
    }

    /// Every code is a failure.
    pub fn bad() -> Self {
        Self([Action::Bad; NAMES.len()])
    }

    fn plain(success: Action, failure: Action, ignored: Action) -> Self {
        let mut actions = [failure; NAMES.len()];
        for (code, action) in [(Code::SUCCESS, success), (Code::NEW_AUTHTOK_REQD, success), (Code::IGNORE, ignored)] {
            if let Some(slot) = actions.get_mut(code.index()) {
                *slot = action;
            }
        }
        Self(actions)
    }

    /// What becomes of this code.
    pub fn action(&self, code: Code) -> Action {
        self.0.get(code.index()).copied().unwrap_or(Action::Bad)
    }

    /// The jumps in it.
    pub fn jumps(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().filter_map(|action| match action {
            Action::Jump(lines) => Some(*lines),
            _ => None,
        })
    }
}

/// `code=action` pairs, read as libpam reads them: names by their longest match from the left, no
/// space needed between pairs, a `default` for what has no action until then.
struct Pairs<'a> {
    rest: &'a str,
}

impl Pairs<'_> {
    fn read(mut self) -> Result<Control, String> {
        let mut actions = [None; NAMES.len()];
        while self.skip_space() {
            let code = self.code()?;
            if !self.skip_space() || !self.take("=") || !self.skip_space() {
                return Err(self.expected(messages::EQUALS));
            }
            let action = self.action()?;
            match code {
                Some(code) => {
                    if let Some(slot) = actions.get_mut(code) {
                        *slot = Some(action);
                    }
                }
                None => actions.iter_mut().for_each(|slot| *slot = slot.or(Some(action))),
            }
        }
        Ok(Control(actions.map(|action| action.unwrap_or(Action::Bad))))
    }

    /// The number of the next code, or nothing for `default`. As in libpam, the first name that the
    /// text begins with is meant.
    fn code(&mut self) -> Result<Option<usize>, String> {
        for (number, name) in NAMES.iter().enumerate() {
            if self.take(name) {
                return Ok(Some(number));
            }
        }
        if self.take("default") { Ok(None) } else { Err(self.expected(messages::CODE_NAME)) }
    }

    fn action(&mut self) -> Result<Action, String> {
        let words = [
            ("ignore", Action::Ignore),
            ("ok", Action::Ok),
            ("done", Action::Done),
            ("bad", Action::Bad),
            ("die", Action::Die),
            ("reset", Action::Reset),
        ];
        for (word, action) in words {
            if self.take(word) {
                return Ok(action);
            }
        }
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at(digits);
        match number.parse() {
            Ok(lines) if lines > 0 => {
                self.rest = rest;
                Ok(Action::Jump(lines))
            }
            _ => Err(self.expected(messages::ACTION)),
        }
    }

    fn take(&mut self, word: &str) -> bool {
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Whether there is something behind the space.
    fn skip_space(&mut self) -> bool {
        self.rest = self.rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace());
        !self.rest.is_empty()
    }

    fn expected(&self, what: &str) -> String {
        messages::expected(what, self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(control: &str, code: Code) -> Action {
        let bare = control.trim_start_matches('[').trim_end_matches(']');
        Control::parse(bare, bare != control).unwrap().action(code)
    }

    #[test]
    fn the_words_are_what_pam_conf_says() {
        use Action::{Bad, Die, Done, Ignore, Ok};
        for (word, success, ignored, failure) in [
            ("required", Ok, Ignore, Bad),
            ("Requisite", Ok, Ignore, Die),
            ("sufficient", Done, Ignore, Ignore),
            ("optional", Ok, Ignore, Ignore),
        ] {
            assert_eq!(action(word, Code::SUCCESS), success);
            assert_eq!(action(word, Code::NEW_AUTHTOK_REQD), success);
            assert_eq!(action(word, Code::IGNORE), ignored);
            assert_eq!(action(word, Code::AUTH_ERR), failure);
        }
    }

    #[test]
    fn brackets_say_it_for_each_code() {
        let control = "[success=1 new_authtok_reqd = done default=ignore]";
        assert_eq!(action(control, Code::SUCCESS), Action::Jump(1));
        assert_eq!(action(control, Code::NEW_AUTHTOK_REQD), Action::Done);
        assert_eq!(action(control, Code::SERVICE_ERR), Action::Ignore);
        assert_eq!(action("[success=ok]", Code::SERVICE_ERR), Action::Bad);
        // A default fills only what has no action before it, and a later pair overrules it.
        assert_eq!(action("[default=die success=ok]", Code::SUCCESS), Action::Ok);
        assert_eq!(action("[success=oknew_authtok_reqd=ok]", Code::NEW_AUTHTOK_REQD), Action::Ok);
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for text in ["success", "success=", "success=fine", "sucess=ok", "success=0", "success ok", "default=-1"] {
            assert!(Control::parse(text, true).is_err(), "{text}");
        }
        assert!(Control::parse("requierd", false).is_err());
    }
}
