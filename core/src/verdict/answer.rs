//! What was typed, read as what it may prove.

use std::fmt;

use crate::account::Account;
use crate::recovery::{self, HashedAnswer};
use crate::secret::Typed;

/// Longest answer that is looked at, in bytes.
const LONGEST: usize = 128;

/// An answer, read: what it may prove.
#[derive(Debug)]
pub enum Answer {
    /// It has the form of verification codes, at most one for each number of digits.
    Codes(Vec<Typed>),
    /// It has the form of a recovery code.
    Recovery(HashedAnswer),
    /// It has the form of a recovery code of another program: short enough to be guessed.
    ImportedRecovery(HashedAnswer),
    /// It cannot be a code.
    NotACode(NotACode),
}

/// Why an answer cannot be a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotACode {
    /// There was none.
    Empty,
    /// It is longer than any code.
    TooLong,
    /// It holds characters that no code has.
    Characters,
    /// It has neither the length of this user's verification codes nor that of a recovery code.
    Length,
}

/// How an answer is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A code.
    Code,
    /// A password with a verification code right behind it.
    PasswordAndCode,
}

impl Answer {
    /// Reads an answer for the user of this account. A recovery code is hashed here, before any
    /// lock is held.
    #[must_use]
    pub fn read(typed: &Typed, shape: Shape, account: &Account) -> Self {
        match shape {
            Shape::Code => Self::read_code(typed.expose(), account),
            Shape::PasswordAndCode => Self::read_tail(typed.expose(), account),
        }
    }

    fn read_code(typed: &str, account: &Account) -> Self {
        if typed.len() > LONGEST {
            return Self::NotACode(NotACode::TooLong);
        }
        let code: String = typed.trim().chars().filter(|letter| !matches!(letter, ' ' | '-')).collect();
        let code = Typed::new(code);
        let code = code.expose();
        if code.is_empty() {
            return Self::NotACode(NotACode::Empty);
        }
        if !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Self::NotACode(NotACode::Characters);
        }
        let is_digits = code.bytes().all(|byte| byte.is_ascii_digit());
        if is_digits && account.authenticators.iter().any(|one| usize::from(one.digits) == code.len()) {
            return Self::Codes(vec![Typed::new(code.to_owned())]);
        }
        if let Some(set) = account.recovery.as_ref().filter(|set| set.are_imported())
            && is_digits
            && code.len() == recovery::IMPORTED_DIGITS
        {
            return Self::ImportedRecovery(set.hash(&Typed::new(code.to_owned())));
        }
        match (recovery::parse(code), &account.recovery) {
            (Some(code), Some(set)) => Self::Recovery(set.hash(&code)),
            _ if code.len() == recovery::CHARACTERS || !is_digits => Self::NotACode(NotACode::Characters),
            _ => Self::NotACode(NotACode::Length),
        }
    }

    /// The last digits of a password with a code behind it, for each number of digits that this
    /// user's codes have.
    fn read_tail(typed: &str, account: &Account) -> Self {
        if typed.is_empty() {
            return Self::NotACode(NotACode::Empty);
        }
        let tail = |digits: u8| {
            let start = typed.len().checked_sub(digits.into())?;
            let tail = typed.get(start..)?;
            tail.bytes().all(|byte| byte.is_ascii_digit()).then(|| Typed::new(tail.to_owned()))
        };
        let mut digits: Vec<u8> = account.authenticators.iter().map(|one| one.digits).collect();
        digits.sort_unstable();
        digits.dedup();
        let codes: Vec<Typed> = digits.into_iter().filter_map(tail).collect();
        if codes.is_empty() { Self::NotACode(NotACode::Characters) } else { Self::Codes(codes) }
    }
}

impl fmt::Display for NotACode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::TooLong => "too long",
            Self::Characters => "characters that no code has",
            Self::Length => "wrong length",
        })
    }
}
