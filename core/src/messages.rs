//! Every sentence of this crate, of the module and of the helper that a person can read, by the place
//! where it is read. A refusal is one sentence on what happened and one on what to do.
//!
//! A translation begins here: no other file of these crates holds such a sentence, and a test keeps
//! it so (`tests/view/test_words.py`). Errors that an administrator reads in the log stand with
//! their types.

use crate::config::Config;

pub mod changes;
pub mod enrollment;
mod login;
pub(crate) mod notices;
pub mod service;

pub use login::{
    CANNOT_CHECK_FOR_ANOTHER, GENERIC, LOGIN_CHANGED, NO_APP_PASSWORD, NO_SECOND_STEP, NOT_A_LISTED_CALLER, failed,
    grace, next_code, sealed, text, text_for_program,
};

/// Whom to ask for it.
pub(crate) fn ask(what: &str, config: &Config) -> String {
    match &config.policy.contact {
        Some(contact) => format!("Ask {contact} to {what}."),
        None => format!("Ask your administrator to {what}."),
    }
}

pub(crate) fn lowered(sentence: &str) -> String {
    sentence.replacen("Ask", "ask", 1)
}

/// A time to wait, rounded up.
#[must_use]
pub fn span(seconds: u64) -> String {
    match seconds {
        1 => "1 second".to_owned(),
        0..120 => format!("{seconds} seconds"),
        120..7_200 => format!("{} minutes", seconds.div_ceil(60)),
        7_200..172_800 => format!("{} hours", seconds.div_ceil(3600)),
        _ => format!("{} days", seconds.div_ceil(86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_well() {
        assert_eq!(
            [1, 5, 119, 120, 121, 7_200, 172_801].map(span),
            ["1 second", "5 seconds", "119 seconds", "2 minutes", "3 minutes", "2 hours", "3 days"].map(str::to_owned)
        );
    }
}
