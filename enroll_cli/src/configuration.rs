//! A change of the configuration by an administrator: shown with what it means, asked for, put in
//! force in one step, logged.

use host_check::host::{Host, unknown_names};
use serde::Serialize;
use twostep_core::audit::{Audit, Line};
use twostep_core::config::{Config, ConfigError};

use crate::audit::Syslog;
use crate::error::CommandError;
use crate::layout::harmless;
use crate::output::Output;

mod file;
mod impact;

pub use file::{CHANGED_MEANWHILE, ConfigFile};
pub use host_check::change::TextDiff;
pub use impact::Impact;

/// Longest list of changed lines that a log line takes, in bytes.
const LOGGED: usize = 400;

/// A change that is right, and what it would do.
pub struct Proposal {
    /// The whole new text.
    pub text: String,
    /// What of it is new, and what is gone.
    pub change: TextDiff,
    /// Whom it concerns.
    pub impact: Impact,
    /// What in it cannot be meant, a sentence each.
    pub warnings: Vec<String>,
}

/// What was done, as programs read it.
#[derive(Debug, Serialize)]
pub struct EditReport<'a> {
    /// Whether the file is another one now.
    pub changed: bool,
    /// Which one.
    pub file: String,
    /// The lines.
    #[serde(flatten)]
    pub change: &'a TextDiff,
    /// The users.
    #[serde(flatten)]
    pub impact: Option<&'a Impact>,
    /// What in the file cannot be meant.
    pub warnings: &'a [String],
}

impl Proposal {
    /// Checks a new text, and finds out whom it concerns.
    pub fn new(host: &Host, old: &str, text: String, administrator: &str) -> Result<Self, ProposalError> {
        let config = Config::parse(&text).map_err(ProposalError::Mistake)?;
        let impact = Impact::measure(host, &config, administrator).map_err(ProposalError::Failed)?;
        let change = TextDiff::between(old, &text);
        Ok(Self { warnings: unknown_names(&config), text, change, impact })
    }

    /// Shows what would change for how many users.
    pub fn show(&self, output: &mut Output, file: &ConfigFile) -> Result<(), CommandError> {
        output.say(&format!("{}:", file.shown()))?;
        for line in self.change.lines() {
            output.draw(&format!("  {}\n", harmless(&line)))?;
        }
        output.say("")?;
        self.impact.show(output)?;
        self.warnings.iter().try_for_each(|warning| output.say(&format!("\n{warning}")))
    }

    /// Puts the new text in force, and logs it.
    pub fn put_in_force(&self, output: &mut Output, file: &ConfigFile, command: &str) -> Result<(), CommandError> {
        file.replace(&self.text)?;
        let line = Line::new("policy-edited").with("admin", &output.environment.administrator).with("by", command);
        let line = line.with("file", file.shown());
        let line = [("removed", &self.change.removed), ("added", &self.change.added)]
            .into_iter()
            .filter(|(_, lines)| !lines.is_empty())
            .fold(line, |line, (key, lines)| line.with(key, logged(lines)));
        Syslog.record(&line.finish());
        let (change, impact, warnings) = (&self.change, Some(&self.impact), &self.warnings);
        output.object(&EditReport { changed: true, file: file.shown(), change, impact, warnings })
    }
}

/// Why a text is no proposal.
pub enum ProposalError {
    /// It is no configuration.
    Mistake(ConfigError),
    /// What it would do cannot be found out.
    Failed(CommandError),
}

/// Changed lines for the log: the settings first, since comments say less.
fn logged(lines: &[String]) -> String {
    let (settings, comments): (Vec<&str>, Vec<&str>) =
        lines.iter().map(|line| line.trim()).partition(|line| !line.starts_with('#'));
    let mut text = settings.into_iter().chain(comments).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" | ");
    if text.len() > LOGGED {
        let end = (0..=LOGGED).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_gets_the_settings_first_and_no_more_than_a_line() {
        let lines = ["# why".to_owned(), String::new(), "  required = true ".to_owned()];
        assert_eq!(logged(&lines), "required = true | # why");
        let long = logged(&["ä".repeat(500)]);
        assert!(long.len() <= LOGGED + 3 && long.ends_with("..."));
    }
}
