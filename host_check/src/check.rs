//! What is wrong with a host, or will be: each with what it means and what to do.
//!
//! Every check looks and changes nothing. Those of PAM stacks, sshd and sudo take the root folder of
//! a host, so that a change can be checked before it is made.

mod administrators;
pub mod callers;
pub mod installation;
pub mod people;
mod processes;
pub mod rehearsal;
pub mod servers;
pub mod sshd;
pub mod stacks;
pub mod sudo;

pub use administrators::administrators;

use std::path::Path;

use pam_stacks::Files;
use twostep_core::config::Config;
use twostep_core::time::{Clock, ClockDoubt, SystemClock};

use crate::finding::{Finding, Severity};
use crate::host::{Host, unknown_names};
use crate::messages;
use sshd::StackSummary;
use stacks::{Before, Service, Wanted};
use sudo::Rules;

/// Everything that can be found on this host, the worst first.
pub fn host(host: &Host, administrator: &str) -> Vec<Finding> {
    let files = Files::below(Path::new("/"));
    let mut findings = configuration(host);
    findings.extend(installation::check(Path::new(&host.config.seal.key_file)));
    findings.extend(installation::of_module(files.module("pam_twostep.so")));
    findings.extend(clock(&SystemClock));
    findings.extend(logins(&files, &host.config));
    // What keeps the accounts from being read is one thing more that is wrong.
    let daemons = sshd::daemons(&files.real(Path::new(sshd::CONFIG)));
    let asks = |name: &str| {
        let service = Service::new(&files, name, Before::Nothing);
        service.has_second_step().then(|| service.asks_password())
    };
    let by_password = |users: &[String]| sshd::by_password(&daemons, &files, users, &asks);
    findings.extend(people::check(host, administrator, &by_password).unwrap_or_else(|error| {
        vec![Finding::error("accounts-unreadable", "accounts", error.to_string(), messages::check_host::FIX_FIRST)]
    }));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// What would make a login fail that has to give a code, a sentence each.
pub fn ground(host: &Host, files: &Files) -> Vec<String> {
    let mut findings = configuration(host);
    findings.extend(installation::check(Path::new(&host.config.seal.key_file)));
    findings.extend(installation::of_module(files.module("pam_twostep.so")));
    findings.extend(clock(&SystemClock));
    let errors = findings.into_iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| format!("{} {}", finding.what, finding.remedy)).collect()
}

/// What is wrong with the ways in: PAM's stacks, sshd, sudo.
pub fn logins(files: &Files, config: &Config) -> Vec<Finding> {
    let daemons = sshd::daemons(&files.real(Path::new(sshd::CONFIG)));
    let is_required = config.policy.required || !config.policy.required_groups.is_empty();
    let before = |name: &str| if name.starts_with("sshd") { sshd::before(&daemons, name) } else { Before::Nothing };
    let mut findings = Vec::new();
    for name in files.services() {
        let service = Service::new(files, &name, before(&name)).findings();
        findings.extend(service.into_iter().map(|finding| (name.clone(), finding)));
    }
    let mut findings = together(findings);
    let door = |name: &str| {
        let service = Service::new(files, name, Before::Nothing);
        StackSummary { asks: service.has_second_step(), takes_one_answer: service.takes_one_answer(), is_required }
    };
    findings.extend(sshd::check(&daemons, &door));
    let mut interactive = config.app_password.interactive_services.clone();
    match Rules::read(&files.real(Path::new(sudo::SUDOERS))) {
        Some(Ok(rules)) => {
            let services = rules.services();
            if services.iter().any(|name| door(name).asks) {
                let enrolls = services.iter().any(|name| Service::new(files, name, Before::Nothing).enrolls());
                findings.extend(rules.findings(enrolls));
            }
            interactive.extend(services);
        }
        Some(Err(why)) if door(sudo::SERVICE).asks => findings.push(sudo::unreadable(&why)),
        _ => {}
    }
    findings.extend(stacks::coverage(
        files,
        &Wanted { interactive: &interactive, exempt: &config.policy.exempt_services, is_required },
    ));
    findings.extend(servers::check(files));
    findings.extend(callers::check(files, config));
    findings
}

/// More names than a sentence holds.
const SHOWN: usize = 4;

/// One finding of what a shared file does to many services.
fn together(findings: Vec<(String, Finding)>) -> Vec<Finding> {
    let mut merged: Vec<(Vec<String>, Finding)> = Vec::new();
    for (service, finding) in findings {
        let what = finding.what.strip_prefix(&format!("{service}: ")).unwrap_or(&finding.what).to_owned();
        let finding = Finding { what, ..finding };
        match merged.iter_mut().find(|(_, known)| *known == finding) {
            Some((services, _)) => services.push(service),
            None => merged.push((vec![service], finding)),
        }
    }
    let named = merged.into_iter().map(|(services, finding)| {
        let shown = services.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = services.len().saturating_sub(SHOWN);
        let who = if more > 0 { format!("{shown} and {more} more") } else { shown };
        Finding { what: format!("{who}: {}", finding.what), ..finding }
    });
    named.collect()
}

/// What is wrong with the configuration.
fn configuration(host: &Host) -> Vec<Finding> {
    let file = twostep_core::config::PATH;
    let broken = host.trouble.iter().map(|trouble| {
        Finding::error("configuration", file, format!("{trouble}."), messages::check_host::CONFIGURATION_BROKEN)
    });
    let names = unknown_names(&host.config).into_iter().map(|sentence| {
        let what = sentence.trim_start_matches("WARNING: ").to_owned();
        Finding::warning("configuration-name", file, what, messages::check_host::NAME_UNKNOWN)
    });
    broken.chain(names).collect()
}

/// Whether codes can be right here.
fn clock(clock: &impl Clock) -> Option<Finding> {
    let doubt = clock.now().wall.doubt().or((!clock.is_synchronized()).then_some(ClockDoubt::Unsynchronized))?;
    Some(match doubt {
        ClockDoubt::Unsynchronized => Finding::warning(
            "clock-unsynchronized",
            "clock",
            messages::check_host::CLOCK_UNKEPT,
            messages::check_host::CLOCK_REMEDY,
        ),
        ClockDoubt::BeforeRelease | ClockDoubt::SetBack => Finding::error(
            "clock-wrong",
            "clock",
            messages::check_host::CLOCK_WRONG,
            messages::check_host::CLOCK_REMEDY,
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shared_file_does_is_said_once() {
        let of = |service: &str| {
            let what = format!("{service}: its line is wrong.");
            (service.to_owned(), Finding::error("line-mistake", "/etc/pam.d/common-auth:1", what, "Correct it."))
        };
        let own = ("su".to_owned(), Finding::error("option-wrong", "/etc/pam.d/su:1", "su: an option.", "Correct it."));
        let all = ["chfn", "cron", "login", "sshd", "su", "sudo"].map(of).into_iter().chain([own]).collect();
        let said = together(all).into_iter().map(|finding| finding.what).collect::<Vec<_>>();
        assert_eq!(said, ["chfn, cron, login, sshd and 2 more: its line is wrong.", "su: an option."]);
        assert_eq!(together(vec![of("sshd")])[0].what, "sshd: its line is wrong.");
    }
}
