//! Which services ask for the code, and which do not although people log in by them.

use super::{Before, Service};
use crate::check::Finding;
use crate::stack::Files;

/// Which services are to ask.
pub struct Wanted<'a> {
    /// Those by which people log in.
    pub interactive: &'a [String],
    /// Those at which nobody is asked, by the configuration.
    pub exempt: &'a [String],
    /// Whether the second step is required of somebody.
    pub is_required: bool,
}

/// Services that should have a line of ours and have none.
pub fn coverage(files: &Files, wanted: &Wanted<'_>) -> Vec<Finding> {
    let services = files.services();
    let is_covered = |name: &str| Service::new(files, name, Before::Nothing).has_second_step();
    let covered = services.iter().filter(|name| is_covered(name)).collect::<Vec<_>>();
    if covered.is_empty() {
        return vec![Finding::notice(
            "no-service-asks",
            "PAM",
            "No service asks for a code yet.",
            "Enroll yourself (twostep enroll), then: sudo twostep admin apply sshd sudo",
        )];
    }
    let people = services.iter().filter(|name| wanted.interactive.contains(name) && !wanted.exempt.contains(name));
    let mut findings =
        people.filter(|name| !covered.contains(name)).map(|name| uncovered(name, wanted)).collect::<Vec<_>>();
    findings.extend(one_file(files));
    findings
}

fn uncovered(name: &str, wanted: &Wanted<'_>) -> Finding {
    let what = format!("{name} asks for no code: whoever has the password gets in there.");
    let remedy =
        format!("sudo twostep admin apply {name}; if that is meant, write it in exempt_services of the configuration.");
    if wanted.is_required {
        return Finding::warning("service-without-second-step", name, what, remedy);
    }
    Finding::notice("service-without-second-step", name, what, remedy)
}

/// libpam does not read it where there is a folder.
fn one_file(files: &Files) -> Option<Finding> {
    let path = std::path::Path::new(crate::stack::ONE_FILE);
    let text = files.text(path).ok()??;
    let names_us = text.lines().any(|line| !line.trim_start().starts_with('#') && line.contains("pam_twostep"));
    (files.has_folder() && names_us).then(|| {
        Finding::warning(
            "pam-conf-not-read",
            path.display(),
            "It names our module, but PAM reads /etc/pam.d and not this file.",
            "Write the lines into the files of /etc/pam.d.",
        )
    })
}
