//! `twostep admin`: how root helps a user, straight in the store.

use nix::unistd::geteuid;
use serde::Serialize;
use twostep_core::enroll::AccountReport;

use crate::page::Page;
use crate::reach::{self, Direct};
use crate::trouble::Trouble;
use crate::{dates, status};

/// Whose account was reset, as programs read it.
#[derive(Debug, Serialize)]
struct Reset<'a> {
    user: &'a str,
    reset: bool,
}

/// Removes every authenticator and recovery code of a user.
pub fn reset(page: &mut Page, user: &str) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    Direct::open(user)?.reset()?;
    page.object(&Reset { user, reset: true })?;
    page.say(&format!(
        "The second step of {user} is reset: every authenticator and recovery code is gone. {user} \
         enrolls again with: twostep enroll"
    ))
}

/// Shows the account of a user with its history.
pub fn show(page: &mut Page, user: &str) -> Result<(), Trouble> {
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
