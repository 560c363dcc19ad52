//! One thing that was found.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Probably not what is meant.
    Warning,
    /// Somebody gets in without a code, or somebody is locked out.
    Error,
}

/// One thing that was found, as programs read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Its name, which stays the same.
    pub id: &'static str,
    /// The file and line, service or user that it is about.
    pub about: String,
    /// One sentence on what is so, and what that means.
    pub what: String,
    /// One sentence on what to do.
    pub remedy: String,
}

impl Finding {
    /// Somebody gets in without a code, or somebody is locked out.
    pub fn error(id: &'static str, about: impl ToString, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(Severity::Error, id, about, what, remedy)
    }

    /// Probably not what is meant.
    pub fn warning(id: &'static str, about: impl ToString, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(Severity::Warning, id, about, what, remedy)
    }

    /// Worth knowing.
    pub fn notice(id: &'static str, about: impl ToString, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(Severity::Notice, id, about, what, remedy)
    }

    fn of(
        severity: Severity,
        id: &'static str,
        about: impl ToString,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { severity, id, about: about.to_string(), what: what.into(), remedy: remedy.into() }
    }
}
