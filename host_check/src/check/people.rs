//! The people of the host: who would be refused, who looks after it, who shares a uid.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use nix::unistd::User;
use twostep_core::account::Account;
use twostep_core::seal::SealKey;
use twostep_core::store::Store;
use twostep_core::username::Person;

use super::administrators::administrators;
use crate::error::Error;
use crate::finding::Finding;
use crate::host::{Host, Subject};
use crate::messages;

/// More names than a sentence holds.
const SHOWN: usize = 5;

/// Where local passwords are.
const SHADOW: &str = "/etc/shadow";

/// What there is to say of them.
///
/// `by_password` is asked about those who have a password, are not enrolled and need not be yet.
pub fn check(
    host: &Host,
    caller: &str,
    by_password: &dyn Fn(&[String]) -> Vec<Finding>,
) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let judge = host.judge(&host.config);
    let (mut overdue, mut waiting, mut orphans, mut unreadable) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut uids = BTreeMap::<u32, Vec<String>>::new();
    let (locked, mut unasked) = (without_password(&fs::read_to_string(SHADOW).unwrap_or_default()), Vec::new());
    let (key, mut sealed) = (host.store.seal_key().ok(), Vec::new());
    host.everybody(|subject| {
        match subject {
            Subject::User(person) => {
                let row = judge.row(&person);
                sealed.extend(
                    key.as_ref().filter(|key| row.enrolled && !opens(host, key, &person)).map(|_| row.user.clone()),
                );
                uids.entry(person.uid).or_default().push(person.name.as_str().to_owned());
                let is_asked = row.enrolled || row.overdue || row.trouble.is_some();
                unasked.extend((!is_asked && !locked.contains(&row.user)).then(|| row.user.clone()));
                match row {
                    row if row.trouble.is_some() => unreadable.push((row.user, row.trouble.unwrap_or_default())),
                    row if row.overdue => overdue.push(row.user),
                    row if row.required && !row.enrolled && row.exempt.is_none() => waiting.push(row.user),
                    _ => {}
                }
            }
            Subject::Orphan(orphan) => orphans.push(orphan.trouble()),
        }
        Ok::<(), Error>(())
    })?;
    findings.extend(unreadable.into_iter().map(|(user, why)| unread(&user, &why)));
    if !sealed.is_empty() {
        let what = messages::check_host::sealed_by_another(&counted(&sealed));
        findings.push(Finding::error(
            "sealed-by-another-key",
            list(&sealed),
            what,
            messages::check_host::BRING_KEY_BACK,
        ));
    }
    let looks_after = administrators(caller);
    findings.extend(of_administrators(&judge_all(host, &looks_after)));
    overdue.retain(|user| !looks_after.contains(user));
    findings.extend(not_enrolled(&overdue, &waiting));
    findings.extend(by_password(&unasked));
    findings.extend(orphans.into_iter().map(|why| orphan(&why)));
    findings.extend(shared_uids(&uids));
    Ok(findings)
}

/// The users of shadow(5) whose password is locked.
fn without_password(shadow: &str) -> BTreeSet<String> {
    let fields = shadow.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(_, rest)| rest.starts_with(['!', '*'])).map(|(name, _)| name.to_owned()).collect()
}

/// Whether the sealing key opens each authenticator of a user's.
fn opens(host: &Host, key: &SealKey, person: &Person) -> bool {
    let Ok(Some(account)) = host.store.find(person) else { return true };
    account.authenticators.iter().all(|one| key.open(&one.secret, one.belongs(&account.user)).is_ok())
}

/// Whether it opens one of an account's: one that does not open hides none of the others from a login.
pub fn opens_one(key: &SealKey, account: &Account) -> bool {
    account.authenticators.iter().any(|one| key.open(&one.secret, one.belongs(&account.user)).is_ok())
}

/// How an administrator stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Enrolled,
    Unasked,
    Required,
    Refused,
}

fn judge_all(host: &Host, names: &[String]) -> Vec<(String, Stands)> {
    let judge = host.judge(&host.config);
    let known = names.iter().filter_map(|name| Some((name, Person::lookup(name).ok()??)));
    known
        .map(|(name, person)| {
            let row = judge.row(&person);
            let stands = match row {
                row if row.overdue => Stands::Refused,
                row if row.enrolled => Stands::Enrolled,
                row if row.required && row.exempt.is_none() => Stands::Required,
                _ => Stands::Unasked,
            };
            (name.clone(), stands)
        })
        .collect()
}

fn of_administrators(all: &[(String, Stands)]) -> Vec<Finding> {
    let who =
        |wanted| all.iter().filter(|(_, stands)| *stands == wanted).map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let mut findings = Vec::new();
    let (refused, required) = (who(Stands::Refused), who(Stands::Required));
    if !refused.is_empty() {
        let what = messages::check_host::administrator_refused(&list(&refused));
        findings.push(Finding::error(
            "administrator-refused",
            list(&refused),
            what,
            messages::check_host::ADMINISTRATOR_REMEDY,
        ));
    }
    if !required.is_empty() {
        let what = messages::check_host::administrator_must_enroll(&list(&required));
        findings.push(Finding::warning(
            "administrator-not-enrolled",
            list(&required),
            what,
            messages::check_host::LET_THEM_ENROLL,
        ));
    }
    if !all.iter().any(|(_, stands)| matches!(stands, Stands::Enrolled)) && refused.is_empty() && required.is_empty() {
        findings.push(Finding::notice(
            "no-administrator-enrolled",
            "administrators",
            messages::check_host::NO_ADMINISTRATOR_ENROLLED,
            messages::check_host::ENROLL_YOURSELF,
        ));
    }
    findings
}

fn not_enrolled(overdue: &[String], waiting: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !overdue.is_empty() {
        let what = messages::check_host::users_refused(&counted(overdue), has_not(overdue));
        let remedy = messages::check_host::LIST_OVERDUE;
        findings.push(Finding::warning("users-refused", list(overdue), what, remedy));
    }
    if !waiting.is_empty() {
        let what = messages::check_host::users_must_enroll(&counted(waiting));
        findings.push(Finding::notice("users-not-enrolled", list(waiting), what, messages::check_host::LIST_IN_GRACE));
    }
    findings
}

/// A few of the names, and how many there are.
pub(super) fn counted(users: &[String]) -> String {
    if users.len() == 1 { list(users) } else { format!("{} users ({})", users.len(), list(users)) }
}

fn has_not(users: &[String]) -> &'static str {
    if users.len() == 1 { "has not" } else { "have not" }
}

fn list(names: &[String]) -> String {
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown}, ...") } else { shown }
}

fn unread(user: &str, why: &str) -> Finding {
    let what = messages::check_host::account_unreadable(user, why);
    Finding::error("account-unreadable", user, what, messages::check_host::bring_back_or_reset(user))
}

fn orphan(why: &str) -> Finding {
    Finding::notice(
        "account-of-nobody",
        "accounts",
        messages::check_host::account_left(why),
        messages::check_host::SHOW_ORPHANS,
    )
}

/// Several names of one uid are one user, whose account has one of the names.
fn shared_uids(uids: &BTreeMap<u32, Vec<String>>) -> Vec<Finding> {
    let shared = uids.iter().filter(|(_, names)| names.len() > 1);
    shared
        .map(|(uid, names)| {
            let first = User::from_uid((*uid).into()).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
            let what = messages::check_host::shared_uid(&list(names), *uid, &first);
            Finding::warning("shared-uid", list(names), what, messages::check_host::ONE_UID_EACH)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    fn ids(findings: &[Finding]) -> Vec<(Severity, &'static str)> {
        findings.iter().map(|finding| (finding.severity, finding.id)).collect()
    }

    #[test]
    fn administrators_who_would_be_refused_are_an_error() {
        let of = |stands: &[Stands]| {
            let all = stands.iter().enumerate().map(|(number, stands)| (format!("admin{number}"), *stands));
            ids(&of_administrators(&all.collect::<Vec<_>>()))
        };
        assert_eq!(of(&[Stands::Enrolled, Stands::Refused]), [(Severity::Error, "administrator-refused")]);
        assert_eq!(of(&[Stands::Enrolled, Stands::Required]), [(Severity::Warning, "administrator-not-enrolled")]);
        assert_eq!(of(&[Stands::Unasked]), [(Severity::Notice, "no-administrator-enrolled")]);
        assert_eq!(of(&[Stands::Enrolled, Stands::Unasked]), []);
    }

    #[test]
    fn names_of_one_uid_are_told_of() {
        let uids = BTreeMap::from([(0, vec!["root".to_owned(), "toor".to_owned()]), (1, vec!["daemon".to_owned()])]);
        let findings = shared_uids(&uids);
        assert!(findings.len() == 1 && findings[0].what.contains("root, toor have one uid (0)"), "{findings:?}");
    }

    #[test]
    fn a_locked_password_is_none() {
        let shadow = "root:*:1::::::\nann:$y$j9T$x:1::::::\nbob:!$y$j9T$x:1::::::\nopen::1::::::\n";
        assert_eq!(without_password(shadow), BTreeSet::from(["bob".to_owned(), "root".to_owned()]));
    }

    #[test]
    fn a_sentence_names_a_few_and_counts_the_rest() {
        let names = (0..7).map(|number| format!("u{number}")).collect::<Vec<_>>();
        let found = not_enrolled(&names, &[]);
        assert!(found[0].what.starts_with("7 users (u0, u1, u2, u3, u4, ...) had to enroll"), "{}", found[0].what);
        assert!(not_enrolled(&["bob".to_owned()], &[])[0].what.starts_with("bob had to enroll by now and has not"));
    }
}
