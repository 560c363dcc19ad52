//! `twostep admin`: how root helps a user, straight in the store.

use nix::unistd::geteuid;
use serde::Serialize;
use twostep_core::enroll::AccountReport;

use crate::arguments::Admin;
use crate::page::Page;
use crate::reach::{self, Direct};
use crate::trouble::Trouble;
use crate::{dates, status};

mod app_passwords;
mod suspension;

use app_passwords::Which;

/// Whose account was reset, as programs read it.
#[derive(Debug, Serialize)]
struct Reset<'a> {
    user: &'a str,
    reset: bool,
}

/// Does what was typed, for the account of the user who was named.
pub fn run(page: &mut Page, action: &Admin) -> Result<(), Trouble> {
    match action {
        Admin::Reset { user } => reset(page, user),
        Admin::Show { user } => show(page, user),
        Admin::AppPasswords { user, revoke: Some(label), .. } => app_passwords::run(page, user, Which::One(label)),
        Admin::AppPasswords { user, revoke_all: true, .. } => app_passwords::run(page, user, Which::All),
        Admin::AppPasswords { user, .. } => app_passwords::run(page, user, Which::None),
        Admin::Suspend { user, time, reason } => suspension::suspend(page, user, *time, reason),
        Admin::Resume { user } => suspension::resume(page, user),
    }
}

/// Removes every authenticator, recovery code and application password of a user.
fn reset(page: &mut Page, user: &str) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    Direct::open(user)?.reset()?;
    page.object(&Reset { user, reset: true })?;
    page.say(&format!(
        "The second step of {user} is reset: every authenticator, recovery code and application \
         password is gone. {user} enrolls again with: twostep enroll"
    ))
}

/// Shows the account of a user with its history.
fn show(page: &mut Page, user: &str) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    let report = Direct::open(user)?.show()?;
    page.object(&report)?;
    show_report(page, &report)
}

fn show_report(page: &mut Page, report: &AccountReport) -> Result<(), Trouble> {
    status::show(page, &report.status)?;
    page.say("")?;
    page.entry("User id", &report.uid.to_string())?;
    page.entry("Wrong codes", &report.failures.to_string())?;
    if report.history.is_empty() {
        return Ok(());
    }
    page.say("\nHistory\n")?;
    for one in &report.history {
        page.entry(&dates::minute(one.at), &format!("{} {}", one.event, one.detail))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use twostep_core::account::HistoryEntry;

    use super::*;
    use crate::page::scripted::page;
    use crate::session::scripted::status;

    fn report() -> AccountReport {
        let entry =
            |event: &str, detail: &str| HistoryEntry { at: 1_800_000_000, event: event.into(), detail: detail.into() };
        AccountReport {
            status: status(&["phone"]),
            uid: 1000,
            failures: 7,
            history: vec![entry("enrolled", "phone"), entry("reset", "")],
        }
    }

    #[test]
    fn a_report_has_the_history_a_line_each() {
        let (mut page, printed) = page(80);
        show_report(&mut page, &report()).unwrap();
        let text = printed.text();
        for part in ["User id           1000", "Wrong codes       7", " enrolled phone\n", " reset\n"] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        let entries = text.lines().filter(|line| line.starts_with("  2027-01-1"));
        assert_eq!(entries.count(), 2, "{text}");
    }

    #[test]
    fn programs_read_whose_account_was_reset() {
        let shown = serde_json::to_string(&Reset { user: "alice", reset: true }).unwrap();
        assert_eq!(shown, r#"{"user":"alice","reset":true}"#);
    }
}
