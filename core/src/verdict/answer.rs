//! What was typed, read as what it may prove.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::recovery::{self, HashedAnswer};
use crate::secret::Typed;

/// What sshd sends to PAM instead of the typed answer, cut or repeated to the same length, if it will refuse the
/// user anyway (`fake_password` in OpenSSH's auth-pam.c).
const FAKE_OF_SSHD: &str = "\u{8}\n\r\u{7f}INCORRECT";
/// Longest answer that is looked at, in bytes.
const LONGEST: usize = 128;

/// An answer, read: what it may prove.
#[derive(Debug)]
pub enum Answer {
    /// It has the form of a verification code of this user's.
    Code(Typed),
    /// It has the form of a recovery code.
    Recovery(HashedAnswer),
    /// It has the form of a recovery code of another program: short enough to be guessed.
    ImportedRecovery(HashedAnswer),
    /// It cannot be a code.
    NotACode(NotACode),
}

/// Why an answer cannot be a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotACode {
    /// There was none.
    Empty,
    /// sshd sent it instead of the typed answer, because it will refuse this user anyway.
    FakeOfSshd,
    /// It is longer than any code.
    TooLong,
    /// It holds characters that no code has.
    Characters,
    /// It has neither the length of this user's verification codes nor that of a recovery code.
    Length,
}

impl Answer {
    /// Reads an answer for the user of this account. A recovery code is hashed here, before any
    /// lock is held.
    #[must_use]
    pub fn read(typed: &Typed, account: &Account) -> Self {
        if is_fake_of_sshd(typed) {
            return Self::NotACode(NotACode::FakeOfSshd);
        }
        let typed = typed.expose();
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
            return Self::Code(Typed::new(code.to_owned()));
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
}

/// Whether sshd sent this instead of what the person typed.
#[must_use]
pub fn is_fake_of_sshd(typed: &Typed) -> bool {
    let text = typed.expose();
    !text.is_empty() && text.bytes().zip(FAKE_OF_SSHD.bytes().cycle()).all(|(one, other)| one == other)
}

impl fmt::Display for NotACode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::FakeOfSshd => "put in place of what was typed by sshd",
            Self::TooLong => "too long",
            Self::Characters => "characters that no code has",
            Self::Length => "wrong length",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::account::Authenticator;
    use crate::account::tests::authenticator;
    use crate::recovery::RecoverySet;
    use crate::time::Timestamp;
    use crate::username::Username;

    /// A user whose codes have so many digits.
    fn account(digits: &[u8]) -> Account {
        let mut account = Account::new(&Username::new("alice"), 1000, Timestamp(0));
        account.authenticators.extend(digits.iter().map(|digits| Authenticator { digits: *digits, ..authenticator() }));
        account
    }

    fn with(recovery: RecoverySet, digits: &[u8]) -> Account {
        let mut account = account(digits);
        account.recovery = Some(recovery);
        account
    }

    fn read(text: &str, account: &Account) -> Answer {
        Answer::read(&Typed::new(text.to_owned()), account)
    }

    fn why(text: &str, account: &Account) -> Option<NotACode> {
        match read(text, account) {
            Answer::NotACode(why) => Some(why),
            _ => None,
        }
    }

    #[test]
    fn what_cannot_be_a_code_is_told_apart() {
        let six = account(&[6]);
        for (text, expected) in [
            (" - ", NotACode::Empty),
            ("12345", NotACode::Length),
            (&"1".repeat(128), NotACode::Length),
            (&"1".repeat(129), NotACode::TooLong),
            (&"1".repeat(16), NotACode::Characters),
            ("hunter2", NotACode::Characters),
            ("12345\u{7f}", NotACode::Characters),
            ("0123-4567-89ab-cdef", NotACode::Characters),
        ] {
            assert_eq!(why(text, &six), Some(expected), "{text:?}");
        }
        assert_eq!(NotACode::Length.to_string(), "wrong length", "the log says it");
        assert!(matches!(read("123 456", &six), Answer::Code(code) if code.expose() == "123456"));
    }

    #[test]
    fn what_sshd_puts_in_the_place_of_an_answer_is_known_at_any_length() {
        let six = account(&[6]);
        for length in [1, 6, 13, 19, 40] {
            let fake: String = FAKE_OF_SSHD.chars().cycle().take(length).collect();
            assert_eq!(why(&fake, &six), Some(NotACode::FakeOfSshd));
            assert_eq!(why(&format!("{fake}1"), &six), Some(NotACode::Characters));
        }
        assert_eq!(why("INCORRECT", &six), Some(NotACode::Characters));
    }

    #[test]
    fn codes_of_another_program_are_those_of_eight_digits_alone() {
        let scratch = RecoverySet::imported(&[Typed::new("12345678".into())], Timestamp(0)).unwrap();
        let imported = with(scratch.clone(), &[6]);
        assert!(matches!(read("12345678", &imported), Answer::ImportedRecovery(_)));
        assert!(matches!(read("123456", &imported), Answer::Code(_)));
        assert_eq!(why("1234567", &imported), Some(NotACode::Length));
        assert_eq!(why("1234567a", &imported), Some(NotACode::Characters));
        let own = with(RecoverySet::generate(1, Timestamp(0)).unwrap().0, &[6]);
        assert_eq!(why("12345678", &own), Some(NotACode::Length));
        assert!(matches!(read("0123 4567 89ab cdef", &own), Answer::Recovery(_)));
        let both = with(scratch, &[8]);
        assert!(matches!(read("12345678", &both), Answer::Code(_)), "an authenticator goes before them");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        /// However it is typed: digits in the number of this user's codes, or no verification code.
        #[test]
        fn a_verification_code_is_as_many_digits_as_the_users_have(text in "[ 0-9a-z-]{0,20}|.{0,200}") {
            if let Answer::Code(code) = Answer::read(&Typed::new(text), &account(&[6, 8])) {
                prop_assert!(matches!(code.expose().len(), 6 | 8), "{}", code.expose());
                prop_assert!(code.expose().bytes().all(|byte| byte.is_ascii_digit()), "{}", code.expose());
            }
        }
    }
}
