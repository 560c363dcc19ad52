//! `twostep admin`: how root helps a user, straight in the store.

use nix::unistd::geteuid;
use serde::Serialize;
use twostep_core::enroll::AccountReport;
use twostep_core::store::Store;
use twostep_core::username::Person;

use crate::arguments::Admin;
use crate::host::Host;
use crate::page::Page;
use crate::reach::{self, Direct};
use crate::trouble::Trouble;
use crate::{dates, host, status};

mod app_passwords;
mod consent;
mod edit;
mod help;
mod prune;
mod report;
mod require;
mod suspension;

use app_passwords::Which;

/// Whose account was reset, as programs read it.
#[derive(Debug, Serialize)]
struct Reset<'a> {
    user: &'a str,
    reset: bool,
}

/// An account as an administrator sees it.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    report: AccountReport,
    #[serde(flatten)]
    standing: Standing,
}

/// What the user does not see.
#[derive(Debug, Default, Serialize)]
struct Standing {
    /// Whether the user must have enrolled and has not.
    overdue: bool,
    /// The rule that exempts the user from everything, if one does.
    exempt: Option<String>,
    /// Until when an invitation to enroll counts.
    invited_until: Option<i64>,
}

impl Standing {
    /// How a user stands, of whom the account can be read.
    fn of(user: &str) -> Self {
        let Ok(Some(person)) = Person::lookup(user) else { return Self::default() };
        let (host, now) = (Host::open(), host::now());
        let row = host.judge(&host.config).row(&person);
        let invite = host.store.find(&person).ok().flatten().and_then(|account| account.invite);
        let invited_until = invite.map(|invite| invite.expires_at).filter(|until| now < *until).map(|until| until.0);
        Self { overdue: row.overdue, exempt: row.exempt, invited_until }
    }
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
        Admin::Unlock { user } => help::unlock(page, user),
        Admin::RecoveryCode { user } => help::recovery_code(page, user),
        Admin::Enroll(wishes) => help::invite(page, wishes),
        Admin::Report(wishes) => report::run(page, wishes),
        Admin::Prune(wishes) => prune::run(page, wishes),
        Admin::Require(wishes) => require::run(page, wishes),
        Admin::Edit(wishes) => edit::run(page, wishes),
    }
}

/// Removes every authenticator, recovery code and application password of a user.
fn reset(page: &mut Page, user: &str) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    Direct::open(user)?.reset(&page.view.administrator)?;
    page.object(&Reset { user, reset: true })?;
    page.say(&format!(
        "The second step of {user} is reset: every authenticator, recovery code and application \
         password is gone. {user} enrolls again with: twostep enroll"
    ))
}

/// Shows the account of a user with its history.
fn show(page: &mut Page, user: &str) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    let shown = Shown { report: Direct::open(user)?.show()?, standing: Standing::of(user) };
    page.object(&shown)?;
    show_report(page, &shown)
}

fn show_report(page: &mut Page, Shown { report, standing }: &Shown) -> Result<(), Trouble> {
    status::show(page, &report.status)?;
    page.say("")?;
    if standing.overdue {
        page.entry("Time to enroll", "is over: logins are refused")?;
    }
    if let Some(exempt) = &standing.exempt {
        page.entry("Exempt", exempt)?;
    }
    if let Some(until) = standing.invited_until {
        page.entry("Invited", &format!("to enroll by a code, until {}", dates::minute(until)))?;
    }
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

    fn report() -> Shown {
        let entry =
            |event: &str, detail: &str| HistoryEntry { at: 1_800_000_000, event: event.into(), detail: detail.into() };
        let report = AccountReport {
            status: status(&["phone"]),
            uid: 1000,
            failures: 7,
            history: vec![entry("enrolled", "phone"), entry("reset", "")],
        };
        let standing =
            Standing { overdue: true, exempt: Some("exempt-user".into()), invited_until: Some(1_800_100_000) };
        Shown { report, standing }
    }

    #[test]
    fn a_report_has_the_history_a_line_each() {
        let (mut page, printed) = page(80);
        show_report(&mut page, &report()).unwrap();
        let text = printed.text();
        for part in [
            "User id           1000",
            "Wrong codes       7",
            "Time to enroll    is over",
            "Exempt            exempt-user",
            "Invited           to enroll by a code, until 2027-01-16",
            " enrolled phone\n",
            " reset\n",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        let entries = text.lines().filter(|line| line.starts_with("  2027-01-1"));
        assert_eq!(entries.count(), 2, "{text}");
    }

    #[test]
    fn programs_read_all_of_it_in_one_object() {
        let shown = serde_json::to_value(report()).unwrap();
        assert_eq!((&shown["uid"], &shown["overdue"]), (&1000.into(), &true.into()));
        assert_eq!((&shown["status"]["enrolled"], &shown["invited_until"]), (&true.into(), &1_800_100_000.into()));
        assert_eq!(shown["history"][1]["event"], "reset");
    }

    #[test]
    fn programs_read_whose_account_was_reset() {
        let shown = serde_json::to_string(&Reset { user: "alice", reset: true }).unwrap();
        assert_eq!(shown, r#"{"user":"alice","reset":true}"#);
    }
}
