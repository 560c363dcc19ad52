//! The question before a change that concerns many.

use crate::error::CommandError;
use crate::messages::admin;
use crate::prompter::{Echo, Prompter};

/// Whether the administrator agreed on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// By `--yes`.
    Given,
    /// Not yet.
    ToBeAsked,
}

impl Consent {
    /// What `--yes` says.
    pub fn by_flag(yes: bool) -> Self {
        if yes { Self::Given } else { Self::ToBeAsked }
    }
}

/// Goes on only when the answer is yes. Where nobody sees the question, there is none.
pub fn make_sure(prompter: &mut dyn Prompter, consent: Consent, question: &str) -> Result<(), CommandError> {
    if consent == Consent::Given {
        return Ok(());
    }
    if !prompter.sees_questions() {
        return Err(not_asked());
    }
    let answer = prompter.answer(&format!("{question} [y/N] "), Echo::Shown)?;
    match answer.expose().trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CommandError::here("not_confirmed", admin::DECLINED)),
    }
}

/// There is nobody to ask.
pub fn not_asked() -> CommandError {
    CommandError::here("not_confirmed", admin::NOBODY_TO_ASK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompter::scripted::{Answers, lines};

    fn asked(answer: &'static str) -> Result<(), CommandError> {
        let mut prompter = Answers::new(&[("Go on? [y/N] ", Echo::Shown, answer)]);
        make_sure(&mut prompter, Consent::ToBeAsked, "Go on?")
    }

    #[test]
    fn only_a_yes_goes_on() {
        assert!(["y", " YES\t"].map(asked).iter().all(Result::is_ok));
        for answer in ["", "n", "yeah"] {
            assert_eq!(asked(answer).unwrap_err().reason, "not_confirmed", "{answer}");
        }
    }

    #[test]
    fn where_nobody_sees_the_question_only_the_flag_counts() {
        let error = make_sure(&mut *lines("y\n"), Consent::ToBeAsked, "Go on?").unwrap_err();
        assert!(error.message.contains("--yes"), "{error}");
        assert!(make_sure(&mut *lines(""), Consent::by_flag(true), "Go on?").is_ok());
        assert_eq!(Consent::by_flag(false), Consent::ToBeAsked);
    }
}
