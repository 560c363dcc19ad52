//! `twostep admin show`: the account of one user, with its history.

use host_check::dates;
use host_check::host::Host;
use nix::unistd::geteuid;
use twostep_core::config::AfterGrace;
use twostep_core::enroll::AccountReport;

use crate::client::{self, Direct};
use crate::error::{self, CommandError};
use crate::messages::{admin, report};
use crate::output::Output;
use crate::status;

/// Shows the account of a user with its history.
pub fn run(output: &mut Output, user: &str) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    let report = Direct::open(user)?.show()?;
    let host = Host::open();
    host.warnings().for_each(|warning| error::tell(&warning));
    output.object(&report)?;
    show(output, &report, host.config.policy.after_grace)
}

fn show(output: &mut Output, report: &AccountReport, after_grace: AfterGrace) -> Result<(), CommandError> {
    let AccountReport { status, uid, failures, overdue, exempt, invited_until, history } = report;
    status::show(output, status)?;
    if *overdue {
        let then = match after_grace {
            AfterGrace::Deny => admin::GRACE_OVER,
            AfterGrace::Enroll => admin::GRACE_OVER_ENROLLS,
        };
        output.entry(admin::TIME_TO_ENROLL, then)?;
    }
    if let Some(rule) = exempt {
        output.entry("Exempt", &admin::exempt(&report::exempt_by(rule)))?;
    }
    if let Some(until) = invited_until {
        output.entry("Invited", &admin::invited(&dates::minute(*until)))?;
    }
    if status.disabled {
        output.entry("Locked", &admin::locked(&status.user))?;
    }
    output.entry("Wrong codes", &failures.to_string())?;
    output.entry("User id", &uid.to_string())?;
    if history.is_empty() {
        return Ok(());
    }
    output.say("\nHistory\n")?;
    for one in history {
        output.item(&format!("{}  {} {}", dates::minute(one.at), one.event, one.detail))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use twostep_core::account::HistoryEntry;

    use super::*;
    use crate::output::scripted::output;
    use crate::session::scripted;

    fn report() -> AccountReport {
        let entry =
            |event: &str, detail: &str| HistoryEntry { at: 1_800_000_000, event: event.into(), detail: detail.into() };
        let mut status = scripted::status(&["phone"]);
        status.disabled = true;
        AccountReport {
            status,
            uid: 1000,
            failures: 7,
            overdue: true,
            exempt: Some("exempt-group robots".into()),
            invited_until: Some(1_800_100_000),
            history: vec![entry("enrolled", "phone"), entry("reset", "by bob")],
        }
    }

    #[test]
    fn a_report_has_all_and_the_history_a_line_each() {
        for columns in [32, 40, 80] {
            let (mut output, printed) = output(columns);
            show(&mut output, &report(), AfterGrace::Deny).unwrap();
            let text = printed.text();
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in [
                "User id 1000",
                "Wrong codes 7",
                "Time to enroll is over: logins are refused",
                "Exempt by the group robots",
                "Invited to enroll by a code, until 2027-01-16",
                "Locked by wrong codes: only a recovery code counts. To end it: twostep admin unlock alice",
                "enrolled phone",
                "reset by bob",
            ] {
                assert!(words.contains(part), "{part} is not in:\n{text}");
            }
            let entries = text.lines().filter(|line| line.starts_with("  2027-01-1"));
            assert_eq!(entries.count(), 2, "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= columns), "{text}");
        }
    }

    #[test]
    fn what_a_user_is_advised_is_not_said_to_the_administrator() {
        let mut one = report();
        (one.status, one.history) = (scripted::status(&[]), vec![]);
        let (mut output, printed) = output(80);
        show(&mut output, &one, AfterGrace::Enroll).unwrap();
        let text = printed.text();
        assert!(!text.contains("Add your phone") && !text.contains("History") && !text.contains("Locked"), "{text}");
        assert!(text.contains("is over: the next login has to enroll"), "{text}");
    }

    #[test]
    fn programs_read_all_of_it_in_one_object() {
        let shown = serde_json::to_value(report()).unwrap();
        assert_eq!((&shown["uid"], &shown["overdue"]), (&1000.into(), &true.into()));
        assert_eq!((&shown["status"]["enrolled"], &shown["invited_until"]), (&true.into(), &1_800_100_000.into()));
        assert_eq!((&shown["exempt"], &shown["history"][1]["event"]), (&"exempt-group robots".into(), &"reset".into()));
    }
}
