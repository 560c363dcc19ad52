//! Servers that do not leave a login to PAM: they ask another source of passwords, keep what PAM answered,
//! tell it names for addresses, or do not ask it.

use std::path::Path;

use pam_stacks::Files;

use super::processes::command_lines;
use super::stacks::{Before, Service};
use crate::finding::Finding;
use crate::messages::check_servers as messages;

mod beside;
mod caches;
mod directives;
mod doors;
mod dovecot;
mod proftpd;
mod pure_ftpd;

#[cfg(test)]
mod tests;

use beside::{Beside, is_installed};
use dovecot::Dovecot;
use proftpd::Proftpd;

/// What is wrong with the servers of this host, as far as their services ask for a second step. Where no
/// service does, nothing is looked at.
pub fn check(files: &Files) -> Vec<Finding> {
    let asks = |name: &str| Service::new(files, name, Before::Nothing).has_second_step();
    if !files.services().iter().any(|name| asks(name)) {
        return Vec::new();
    }
    let (proftpd, dovecot) = (Proftpd::read(files), Dovecot::ask(files));
    let beside = all_beside(files, proftpd.as_ref(), dovecot.as_ref()).into_iter().filter(|one| asks(&one.service));
    let mut findings = Vec::new();
    for one in beside {
        let what = format!("{}: {}.", one.service, one.what);
        findings.push(Finding::error("password-beside-pam", one.about, what, one.remedy));
    }
    findings.extend(dovecot.as_ref().and_then(|dovecot| dovecot.cached(&asks)));
    findings.extend(caches::apache(files, &asks));
    findings.extend(proftpd.and_then(|proftpd| proftpd.names(&asks)));
    findings.extend(cups(files, &asks));
    // Processes are those of this host.
    if files.real(Path::new("/")) == Path::new("/") {
        let has_dovecot = dovecot.is_some_and(|dovecot| dovecot.asks_pam());
        findings.extend(caches::saslauthd(files, &command_lines("saslauthd"), has_dovecot, &asks));
        findings.extend(doors::findings());
    }
    findings
}

/// Who answers beside PAM at this service, a sentence without its end each.
pub fn beside(files: &Files, service: &str) -> Vec<String> {
    let (proftpd, dovecot) = (Proftpd::read(files), Dovecot::ask(files));
    let all = all_beside(files, proftpd.as_ref(), dovecot.as_ref()).into_iter();
    all.filter(|one| one.service == service).map(|one| one.what).collect()
}

fn all_beside(files: &Files, proftpd: Option<&Proftpd>, dovecot: Option<&Dovecot>) -> Vec<Beside> {
    let mut all = proftpd.map(Proftpd::beside).unwrap_or_default();
    all.extend(dovecot.map(Dovecot::beside).unwrap_or_default());
    all.extend(pure_ftpd::beside(files));
    all
}

const CUPS: &str = "/etc/cups/cupsd.conf";

/// CUPS that looks up the names of hosts (cupsd.conf(5), HostNameLookups).
fn cups(files: &Files, asks: &dyn Fn(&str) -> bool) -> Option<Finding> {
    let directives = directives::read(files, Path::new(CUPS), Path::new("/etc/cups"));
    let said = directives.into_iter().rfind(|one| one.name == "hostnamelookups")?;
    let value = said
        .words
        .first()
        .filter(|word| ["on", "double", "yes", "true"].contains(&word.to_ascii_lowercase().as_str()))?;
    let is_so = is_installed(files, &["/usr/sbin/cupsd"]) && asks("cups");
    let what = messages::name_of_host("cups", "CUPS", &format!("HostNameLookups {value}"));
    let remedy = messages::addresses("HostNameLookups Off", &said.place.to_string());
    is_so.then(|| Finding::notice("address-is-a-name", said.place, what, remedy))
}
