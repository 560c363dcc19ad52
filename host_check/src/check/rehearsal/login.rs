//! A login to rehearse, what happens in it, and how it ends.

use pam_stacks::Files;
use serde::Serialize;
use twostep_core::username::Person;

use crate::host::Host;

/// A login to rehearse.
pub struct Visitors<'a> {
    /// The host.
    pub host: &'a Host,
    /// Its PAM files.
    pub files: &'a Files,
    /// Who comes.
    pub person: &'a Person,
    /// To which service.
    pub service: &'a str,
    /// From where.
    pub from: Option<&'a str>,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RehearsalStep {
    /// Where it is decided: sshd, the configuration, a line of a file.
    pub at: String,
    /// What is so.
    pub what: String,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ends {
    /// In, after a code.
    InWithCode,
    /// In, without one.
    InWithoutCode,
    /// In, after enrolling in the login.
    InByEnrolling,
    /// Refused.
    Refused,
}
