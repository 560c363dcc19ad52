//! The account phase: where the time to enroll begins and is told, and where `enroll` and
//! `require_step` act.

use std::collections::BTreeMap;

use pam_stacks::{Code, End, ManagementGroup, ModuleKind, StackLine, explore};

use super::login::Known;
use super::service::{Service, Way, ours, quoted};
use crate::finding::Finding;
use crate::messages;

/// Everything that the account phase shows.
pub fn findings(service: &Service<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let ours = ours(&service.account);
    let auth_enrolls = service.enrolls();
    let acts = ours.iter().any(|(_, options)| options.enroll || options.require_step);
    if ours.is_empty() {
        findings.extend(no_line(service, auth_enrolls));
        return findings;
    }
    if auth_enrolls != ours.iter().any(|(_, options)| options.enroll) {
        findings.push(enroll_on_one(service, auth_enrolls));
    }
    let lines = ours.iter().map(|(index, _)| *index).collect::<Vec<_>>();
    findings.extend(skipped(service, &lines, acts));
    findings.extend(ignored(service));
    findings.extend(refuses(service));
    findings
}

fn no_line(service: &Service<'_>, auth_enrolls: bool) -> Option<Finding> {
    let first = service.auth.ours().next().and_then(|(index, _)| service.auth.lines.get(index))?;
    // A screen locker has no account phase of its own, and one with our line alone would refuse all who are not asked.
    if service.account.is_other && (!auth_enrolls || !first.through.is_empty()) {
        return None;
    }
    if auth_enrolls {
        return Some(enroll_on_one(service, true));
    }
    Some(Finding::warning(
        "account-line-missing",
        &first.place,
        messages::check_stacks::no_account_line(service.name),
        messages::check_stacks::write_account_line(first.place.file.display()),
    ))
}

fn enroll_on_one(service: &Service<'_>, is_auth: bool) -> Finding {
    let stack = if is_auth { &service.auth } else { &service.account };
    let named = self::ours(stack).into_iter().find(|(_, options)| options.enroll).map(|(index, _)| index);
    let place = named.and_then(|index| stack.lines.get(index)).map(|line| line.place.to_string());
    let (here, there) = if is_auth { ("auth", "account") } else { ("account", "auth") };
    let what = |so| messages::check_stacks::enroll_on_one(service.name, (here, there), so);
    let remedy = messages::check_stacks::enroll_on_both(there);
    let place = place.unwrap_or_else(|| service.name.to_owned());
    if is_auth && service.name.starts_with("sudo") {
        return Finding::error("enroll-on-one-line", place, what(messages::check_stacks::SUDO_LETS_IN), remedy);
    }
    Finding::warning("enroll-on-one-line", place, what(messages::check_stacks::ENROLLS_NOBODY), remedy)
}

impl Service<'_> {
    /// The way of the account phase, the pam_twostep line returning this.
    pub fn likely_account(&self, ours: Code, known: &Known) -> Option<Way> {
        let unsure =
            |end: &End<bool>| end.way.iter().filter(|(_, code)| !matches!(*code, Code::SUCCESS | Code::IGNORE)).count();
        let best = self
            .account_ways_of(ours, known)
            .into_iter()
            .min_by_key(|end| (!end.lets_in(), !end.facts, unsure(end)))?;
        Some(Way { lets_in: best.lets_in(), way: best.way })
    }

    /// Whether somebody passes the account phase.
    pub(super) fn account_lets_in(&self) -> bool {
        self.account_ways(Code::SUCCESS).iter().any(End::lets_in)
    }

    fn account_ways(&self, ours: Code) -> Vec<End<bool>> {
        self.account_ways_of(ours, &Known::default())
    }

    fn account_ways_of(&self, ours: Code, known: &Known) -> Vec<End<bool>> {
        explore(&self.account, false, &|asked, _, line| self.account_returns((ours, known), *asked, line))
    }

    fn account_returns(&self, (ours, known): (Code, &Known), asked: bool, line: &StackLine) -> Vec<(Code, bool)> {
        let all = |codes: &[Code]| codes.iter().map(|code| (*code, asked)).collect::<Vec<_>>();
        let Some(module) = line.module() else { return all(&[Code::PERM_DENIED]) };
        if self.is_missing(line) {
            return all(&[Code::MODULE_UNKNOWN]);
        }
        if let Some(code) = known.returns(module, ManagementGroup::Account) {
            return all(&[code]);
        }
        match module.kind() {
            ModuleKind::Ours => vec![(ours, true)],
            ModuleKind::Permit | ModuleKind::Service => all(&[Code::SUCCESS]),
            ModuleKind::Deny => all(&[Code::AUTH_ERR]),
            ModuleKind::Password => all(&[Code::SUCCESS, Code::NEW_AUTHTOK_REQD, Code::USER_UNKNOWN]),
            ModuleKind::Condition if module.is_for_listed_users() => {
                all(&[Code::SUCCESS, Code::IGNORE, Code::PERM_DENIED])
            }
            ModuleKind::Condition | ModuleKind::Root => all(&[Code::SUCCESS, Code::PERM_DENIED]),
            ModuleKind::Guard | ModuleKind::OtherProof | ModuleKind::Unknown => all(&[Code::SUCCESS, Code::IGNORE]),
        }
    }
}

/// Whether the login goes on: at once, or after the change of a password that has expired.
fn goes_on(end: &End<bool>) -> bool {
    matches!(end.outcome, Code::SUCCESS | Code::NEW_AUTHTOK_REQD)
}

fn skipped(service: &Service<'_>, lines: &[usize], acts: bool) -> Vec<Finding> {
    let mut past = BTreeMap::new();
    for end in service.account_ways(Code::SUCCESS).into_iter().filter(|end| goes_on(end) && !end.facts) {
        let Some(index) = end.passed_by(lines) else { continue };
        let is_expired = end.outcome == Code::NEW_AUTHTOK_REQD;
        *past.entry(index).or_insert(true) &= is_expired;
    }
    let lines =
        past.into_iter().filter_map(|(index, of_expired)| Some((service.account.lines.get(index)?, of_expired)));
    let lines = lines.filter(|(line, _)| line.module().is_some_and(|module| module.kind() != ModuleKind::Root));
    lines
        .map(|(line, of_expired)| {
            let remedy = messages::check_stacks::account_line_higher(&quoted(line));
            let what = |so| messages::check_stacks::account_skipped(service.name, &quoted(line), of_expired, so);
            if acts {
                return Finding::error(
                    "account-line-skipped",
                    &line.place,
                    what(messages::check_stacks::DO_NOTHING),
                    remedy,
                );
            }
            Finding::warning("account-line-skipped", &line.place, what(messages::check_stacks::NO_GRACE), remedy)
        })
        .collect()
}

fn ignored(service: &Service<'_>) -> Option<Finding> {
    let through = |code| service.account_ways(code).into_iter().find(|end| goes_on(end) && end.facts);
    let end = through(Code::PERM_DENIED).or_else(|| through(Code::SERVICE_ERR))?;
    let index = end.way.iter().map(|(index, _)| *index).find(|index| {
        service.account.lines.get(*index).and_then(StackLine::module).is_some_and(pam_stacks::Module::is_ours)
    })?;
    let line = service.account.lines.get(index)?;
    Some(Finding::error(
        "account-refusal-ignored",
        &line.place,
        messages::check_stacks::account_refusal_ignored(service.name, &quoted(line)),
        messages::check_stacks::REQUIRED,
    ))
}

fn refuses(service: &Service<'_>) -> Option<Finding> {
    let line = service.account.ours().next().and_then(|(index, _)| service.account.lines.get(index))?;
    let lets_in = |code| service.account_ways(code).iter().any(End::lets_in);
    let what = if !lets_in(Code::SUCCESS) {
        messages::check_stacks::account_refuses_all(service.name)
    } else if !lets_in(Code::IGNORE) {
        messages::check_stacks::account_refuses_unasked(service.name)
    } else {
        return None;
    };
    Some(Finding::error("account-refuses", &line.place, what, messages::check_stacks::ACCOUNT_PERMIT))
}
