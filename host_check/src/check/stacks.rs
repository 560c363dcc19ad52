//! What is wrong with PAM stacks that have a pam_twostep line, and which services have none.

use crate::finding::Finding;

mod account;
mod auth;
mod coverage;
mod doors;
mod lines;
mod login;
mod reached;
mod refused;
mod service;

pub use auth::refuses_some;
pub use coverage::{CannotAsk, Wanted, coverage, is_for_people};
pub use login::Known;
pub use service::{AsksPassword, Before, Service, Way};

impl Service<'_> {
    /// What is wrong with it. Nothing is, where no line of it is ours, or means to be.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = lines::misspelled(self);
        if !self.auth.names_us() && !self.means_us() {
            findings.extend(lines::without_auth(self));
        }
        if !self.auth.names_us() && !self.account.names_us() {
            return findings;
        }
        findings.extend(lines::findings(self));
        // What libpam cannot read, or a pam_twostep line that it cannot run, makes the rest meaningless.
        if !findings.iter().any(|finding| lines::STOPS.contains(&finding.id)) {
            findings.extend(auth::findings(self));
            findings.extend(account::findings(self));
        }
        findings
    }
}

#[cfg(test)]
mod tests;
