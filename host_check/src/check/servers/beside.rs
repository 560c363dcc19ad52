//! Another source of passwords beside PAM.

use std::path::Path;

use pam_stacks::Files;

/// Who answers beside PAM at a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// The PAM service by which its server asks.
    pub service: String,
    /// The line or file that makes it so.
    pub about: String,
    /// What is so, without the end of the sentence.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// Whether a program is on this host.
pub fn is_installed(files: &Files, programs: &[&str]) -> bool {
    programs.iter().any(|path| files.real(Path::new(path)).is_file())
}
