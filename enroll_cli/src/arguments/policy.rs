//! `twostep admin require` and `edit`: their flags.

use std::time::Duration;

use clap::{ArgGroup, Args};
use twostep_core::document;

/// Of whom the second step is to be required, and from when.
#[derive(Debug, Clone, Default, Args)]
#[command(group = ArgGroup::new("whom").required(true))]
pub struct Require {
    /// Of everyone
    #[arg(long, group = "whom")]
    pub all: bool,
    /// Of the members of this group; may be repeated
    #[arg(long = "group", value_name = "GROUP", group = "whom")]
    pub groups: Vec<String>,
    /// Of nobody any more
    #[arg(long, group = "whom")]
    pub off: bool,
    /// How long they may still log in without having enrolled: 12h, 14d. Without it: `grace` of
    /// the configuration
    #[arg(long, value_name = "TIME", value_parser = span, conflicts_with = "off")]
    pub within: Option<Span>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Also when it locks administrators out at once
    #[arg(long)]
    pub force: bool,
}

/// A span of time as it was typed, which may be none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// As the configuration takes it.
    pub text: String,
    /// How long it is.
    pub time: Duration,
}

/// How an edited configuration is put in force.
#[derive(Debug, Default, Args)]
pub struct Edit {
    /// Do not ask before a configuration that is right is put in force
    #[arg(long)]
    pub yes: bool,
}

fn span(text: &str) -> Result<Span, &'static str> {
    match document::duration(text) {
        Some(time) => Ok(Span { text: text.to_owned(), time }),
        None => Err("give a number with a unit, as in 12h or 14d"),
    }
}

pub const REQUIRE_EXAMPLES: &str = "\
Examples:
  sudo twostep admin require --group staff --within 14d
  sudo twostep admin require --all --within 30d
  sudo twostep admin require --off

It edits /etc/twostep/config.toml, keeps what else is in it, and shows what \
changes for how many users before it asks. Enroll yourself first.";

pub const EDIT_EXAMPLES: &str = "\
Examples:
  sudo twostep admin edit
  sudo twostep admin edit --yes

It opens a copy of /etc/twostep/config.toml in $VISUAL, $EDITOR or the host's \
editor. Only a configuration without a mistake is put in its place.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_may_be_none() {
        assert_eq!(span("0").map(|span| span.time), Ok(Duration::ZERO));
        assert_eq!(span("2d").map(|span| span.text), Ok("2d".to_owned()));
        assert!(span("2").is_err());
    }
}
