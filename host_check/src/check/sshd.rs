//! sshd as it really runs: what it says of itself (`sshd -T`, sshd(8)) for different people and
//! places, since Match blocks change the rules for some.

use std::path::Path;

mod allowed;
mod copy;
mod daemon;
mod effective;
mod faults;
mod files;
mod methods;
mod passwords;
mod visitors;
mod ways;

pub use allowed::Applicant;
pub use copy::SshCopy;
pub use daemon::{Daemon, SERVICE};
pub use effective::Effective;
pub use faults::{StackSummary, findings};
pub use files::{CONFIG, OURS, included, reads, value};
pub use methods::{Alternatives, Method};
pub use passwords::by_password;
use visitors::untried;
pub use visitors::{Visitor, closing, pairs, visitors};
pub use ways::{Credential, Ways};

use super::stacks::Before;
use crate::finding::Finding;
use crate::messages;

/// The one of this file, and where that is sshd's own, those that listen and were started otherwise.
pub fn daemons(config: &Path) -> Vec<Daemon> {
    let others = if config == Path::new(CONFIG) { Daemon::running() } else { Vec::new() };
    std::iter::once(Daemon::usual(config)).chain(others.into_iter().filter(Daemon::is_another)).collect()
}

/// What a visitor proves when sshd asks PAM for this service.
pub fn before(daemons: &[Daemon], service: &str) -> Before {
    let told = daemons.iter().flat_map(|daemon| {
        visitors(&daemon.config)
            .into_iter()
            .map(|visitor| (daemon.service == service, Effective::ask(daemon, &visitor)))
    });
    let told = told.filter_map(|(is_its_own, told)| match told {
        Some(Ok(effective)) if effective.service() == service => Some(effective.before()),
        Some(Ok(_)) => None,
        _ => is_its_own.then_some(Before::Nothing),
    });
    let told = told.collect::<Vec<_>>();
    if !told.is_empty() && told.iter().all(|before| *before == Before::Key) { Before::Key } else { Before::Nothing }
}

/// What there is to say of sshd on this host: of the usual one, and of each other one. What two say that
/// go by one file is told once.
pub fn check(daemons: &[Daemon], door: &dyn Fn(&str) -> StackSummary) -> Vec<Finding> {
    let mut told: Vec<(&Path, Finding)> = Vec::new();
    for (index, daemon) in daemons.iter().enumerate() {
        let of_its_own = of(daemon, door).into_iter().map(|finding| (daemon.config.as_path(), finding));
        for (config, mut finding) in of_its_own.collect::<Vec<_>>() {
            let says_so = |(other, known): &(&Path, Finding)| {
                *other == config && known.what == finding.what && known.remedy == finding.remedy
            };
            if told.iter().any(says_so) {
                continue;
            }
            if index > 0 {
                finding.about = match finding.about.as_str() {
                    visitors::EVERYBODY => daemon.to_string(),
                    about => format!("{daemon}: {about}"),
                };
            }
            told.push((config, finding));
        }
    }
    told.into_iter().map(|(_, finding)| finding).collect()
}

/// Whether sshd says nothing since it was not started since boot: a folder is missing that its service makes.
pub fn never_ran(why: &str) -> bool {
    why.contains("privilege separation directory")
}

/// What is wrong with one sshd for somebody.
fn of(daemon: &Daemon, door: &dyn Fn(&str) -> StackSummary) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for visitor in visitors(&daemon.config) {
        match Effective::ask(daemon, &visitor) {
            None => return findings,
            Some(Err(why)) if never_ran(&why) => {
                return vec![Finding::notice(
                    "sshd-not-checked",
                    "sshd",
                    messages::check_sshd::NEVER_RAN,
                    messages::check_sshd::START_SSHD,
                )];
            }
            Some(Err(why)) => {
                return vec![Finding::error(
                    "sshd-configuration",
                    daemon.config.display(),
                    messages::check_sshd::configuration(why.trim_end_matches('.')),
                    faults::corrected(daemon, &why),
                )];
            }
            Some(Ok(effective)) => {
                for finding in self::findings(&effective, &visitor, door(effective.service())) {
                    // What is so for everybody is told once.
                    if findings.iter().all(|known| {
                        known.id != finding.id
                            || visitor.is_special() && known.what != finding.what && known.about != visitors::EVERYBODY
                    }) {
                        findings.push(finding);
                    }
                }
            }
        }
    }
    findings.extend(untried(&daemon.config).iter().filter(|_| door(&daemon.service).asks).map(|line| {
        Finding::notice(
            "sshd-match-not-checked",
            line,
            messages::check_sshd::match_not_checked(&line.text),
            messages::check_sshd::ASK_SSHD,
        )
    }));
    findings
}

#[cfg(test)]
mod tests;
