//! Who gets in by ssh with a password alone, since nobody asks for a code who is not enrolled.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pam_stacks::Files;

use super::copy::SshCopy;
use super::daemon::Daemon;
use super::effective::Effective;
use super::files::{CONFIG, OURS, lines, value};
use super::visitors::{Visitor, visitors};
use super::ways::Ways;
use crate::check::people::counted;
use crate::check::stacks::AsksPassword;
use crate::finding::Finding;
use crate::messages;

/// More users than sshd is asked about one by one.
const ASKED: usize = 50;

/// Findings about users who are not enrolled and get in with a password alone. `asks` says of a PAM service
/// that asks for a code when it asks for the password.
pub fn by_password(
    daemons: &[Daemon],
    files: &Files,
    users: &[String],
    asks: &dyn Fn(&str) -> Option<AsksPassword>,
) -> Vec<Finding> {
    let mut findings = Vec::<Finding>::new();
    for daemon in daemons {
        let mut now = Asked::new(daemon, asks);
        let open = users.iter().take(ASKED).filter(|user| now.lets_in(user)).cloned().collect::<Vec<_>>();
        if open.is_empty() {
            continue;
        }
        let names = counted(&open);
        let is_one = open.len() == 1;
        let finding = if opened_by_us(daemon, files, &open, asks) {
            let what = messages::check_sshd::password_opened(&names, is_one, OURS);
            Finding::warning("sshd-password-alone", daemon, what, messages::check_sshd::CLOSE_PASSWORDS)
        } else {
            let what = messages::check_sshd::password_alone(&names, is_one);
            Finding::notice("sshd-password-alone", daemon, what, messages::check_sshd::LET_ENROLL_OR_REQUIRE)
        };
        if findings.iter().all(|known| known.what != finding.what) {
            findings.push(finding);
        }
    }
    findings
}

/// Whether sshd would let one of these users in with no password, were it not for the file of `admin apply`.
fn opened_by_us(daemon: &Daemon, files: &Files, users: &[String], asks: &dyn Fn(&str) -> Option<AsksPassword>) -> bool {
    let is_there = files.text(Path::new(OURS)).is_ok_and(|text| text.is_some());
    if daemon.config != Path::new(CONFIG) || !is_there {
        return false;
    }
    let Ok(Some(copy)) = SshCopy::of(files, |path| path != Path::new(OURS)) else { return false };
    let without = Daemon { config: copy.config(), ..daemon.clone() };
    let mut without = Asked::new(&without, asks);
    let closed = users.iter().any(|user| !without.lets_in(user));
    closed && without.is_told
}

/// sshd, asked about users: once for all where no Match block tells them apart.
struct Asked<'a> {
    daemon: &'a Daemon,
    asks: &'a dyn Fn(&str) -> Option<AsksPassword>,
    /// From where they may come.
    places: Vec<Visitor>,
    has_blocks: bool,
    known: BTreeMap<String, bool>,
    /// Whether sshd has answered each question.
    is_told: bool,
}

impl<'a> Asked<'a> {
    fn new(daemon: &'a Daemon, asks: &'a dyn Fn(&str) -> Option<AsksPassword>) -> Self {
        let as_nobody = |visitor: Visitor| Visitor { user: String::new(), fits: None, ..visitor };
        let mut seen = BTreeSet::new();
        let places = visitors(&daemon.config).into_iter().map(as_nobody);
        let places = places.filter(|place| seen.insert(place.specification())).collect();
        let has_blocks = lines(&daemon.config).iter().any(|line| value(&line.text, "match").is_some());
        Self { daemon, asks, places, has_blocks, known: BTreeMap::new(), is_told: true }
    }

    /// Whether a password alone lets this user in, from somewhere.
    fn lets_in(&mut self, user: &str) -> bool {
        let representative = if self.has_blocks || user == "root" { user } else { "" };
        if let Some(known) = self.known.get(representative) {
            return *known;
        }
        let user = if representative.is_empty() { Visitor::anybody().user } else { user.to_owned() };
        let mut lets_in = false;
        for place in &self.places {
            let visitor = Visitor { user: user.clone(), ..place.clone() };
            match Effective::ask(self.daemon, &visitor) {
                Some(Ok(effective)) => {
                    let asks = (self.asks)(effective.service());
                    lets_in |= asks.is_some_and(|asks| Ways::of(&effective, &visitor, asks).take_a_password());
                }
                None | Some(Err(_)) => self.is_told = false,
            }
        }
        self.known.insert(representative.to_owned(), lets_in);
        lets_in
    }
}
