//! How one phase of a login ended: for libpam, for the log, and for the person.

use twostep_core::audit::Line;
use twostep_core::refusals::Told;
use twostep_core::verdict::{Factor, Verdict};

use crate::hand_over::Outcome;
use crate::helper_client::Judged;

/// How a phase ended for the person.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    /// What it comes to.
    pub outcome: Outcome,
    /// What the log says beside who and where from: `key=value` pairs. Nothing is logged without.
    pub pairs: Option<String>,
    /// What the person is told.
    pub text: Option<String>,
}

impl Ended {
    /// With a verdict.
    pub fn with(verdict: &Verdict, told: Told, text: Option<String>) -> Self {
        let outcome = match verdict {
            Verdict::Accepted(Factor::Code { .. }) => Outcome::CodeAccepted,
            Verdict::Accepted(_) => Outcome::Accepted,
            Verdict::NotAsked(_) => Outcome::NotAsked,
            Verdict::MustEnroll => Outcome::MustEnroll,
            Verdict::Refused(_) => Outcome::Refused,
        };
        let pairs = told.line(verdict.describe(Line::new(""))).map(Line::finish);
        Self { outcome, pairs, text }
    }

    /// With no question, by this rule: a `key=value` pair.
    pub fn not_asked(rule: String) -> Self {
        Self { outcome: Outcome::NotAsked, pairs: Some(rule), text: None }
    }

    /// With a verdict of the helper's.
    pub fn with_helpers(judged: Judged) -> Self {
        let outcome = if judged.accepted { Outcome::Accepted } else { Outcome::Refused };
        let said = |words: String| Some(words).filter(|words| !words.is_empty());
        Self { outcome, pairs: said(judged.log), text: said(judged.text) }
    }

    /// With a refusal that no verdict led to.
    pub fn refused(line: Line, text: Option<&str>) -> Self {
        Self { outcome: Outcome::Refused, pairs: Some(line.finish()), text: text.map(str::to_owned) }
    }
}

#[cfg(test)]
mod tests {
    use twostep_core::verdict::{NoAppPassword, Refused};

    use super::*;

    #[test]
    fn what_is_only_counted_is_not_logged() {
        let wrong = Verdict::Refused(Refused::AppPassword(NoAppPassword::Wrong));
        let pairs = |told| Ended::with(&wrong, told, None).pairs;
        assert_eq!(pairs(Told::ALONE).as_deref(), Some(" reason=wrong-app-password"));
        assert_eq!(pairs(Told::Line { unlogged: 7 }).as_deref(), Some(" reason=wrong-app-password unlogged=7"));
        assert_eq!(pairs(Told::Counted), None);
        let quiet = Judged { accepted: false, log: String::new(), text: String::new(), digits: 0, next: None };
        assert_eq!(Ended::with_helpers(quiet), Ended { outcome: Outcome::Refused, pairs: None, text: None });
    }
}
