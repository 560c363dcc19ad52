//! `twostep admin reset`: a user starts over.

use host_check::dates;
use host_check::host::Host;
use nix::unistd::geteuid;
use serde::Serialize;
use twostep_core::config::{AfterGrace, Enrollment, Policy};
use twostep_core::enroll::AccountReport;

use crate::client::{self, Direct};
use crate::error::CommandError;
use crate::messages::admin;
use crate::output::Output;

/// Whose account was reset, as programs read it.
#[derive(Debug, Serialize)]
struct Reset<'a> {
    user: &'a str,
    reset: bool,
    /// Until when the user still logs in without having enrolled, in seconds since 1970.
    enroll_by: Option<i64>,
}

/// Removes every authenticator, recovery code and application password of a user.
pub fn run(output: &mut Output, user: &str) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    let mut account = Direct::open(user)?;
    account.reset(&output.environment.administrator)?;
    tell(output, user, &account.show()?, &Host::open().config.policy)
}

/// What is gone, and what the user can do now.
fn tell(output: &mut Output, user: &str, now: &AccountReport, policy: &Policy) -> Result<(), CommandError> {
    let enroll_by = now.status.enroll_by;
    output.object(&Reset { user, reset: true, enroll_by })?;
    output.say(&admin::reset(user, &next(user, now, policy.after_grace)))?;
    match (policy.enrollment, now.invited_until) {
        (Enrollment::Invite, None) => output.say(&admin::needs_enrollment_code(user)),
        (Enrollment::Invite, Some(until)) => output.say(&admin::has_enrollment_code(&dates::minute(until))),
        _ => Ok(()),
    }
}

fn next(user: &str, now: &AccountReport, after_grace: AfterGrace) -> String {
    match (now.status.enroll_by, after_grace) {
        (Some(until), _) => admin::enrolls_until(user, &dates::minute(until)),
        (None, AfterGrace::Deny) if now.overdue => admin::refused_next(user),
        (None, AfterGrace::Enroll) if now.overdue => admin::enrolls_next(user),
        _ => admin::enrolls_again(user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Form;
    use crate::output::scripted::output;
    use crate::session::scripted::status;

    fn report(enroll_by: Option<i64>, overdue: bool) -> AccountReport {
        let mut status = status(&[]);
        status.enroll_by = enroll_by;
        AccountReport { status, uid: 1000, failures: 0, overdue, exempt: None, invited_until: None, history: vec![] }
    }

    fn told(now: &AccountReport, policy: &Policy, form: Form) -> String {
        let (mut output, printed) = output(80);
        output.form = form;
        tell(&mut output, "alice", now, policy).unwrap();
        printed.text()
    }

    #[test]
    fn an_administrator_reads_what_becomes_of_the_user() {
        let with = |after_grace, enrollment| Policy { after_grace, enrollment, ..Policy::default() };
        let (deny, enroll) = (with(AfterGrace::Deny, Enrollment::Open), with(AfterGrace::Enroll, Enrollment::Open));
        for (now, policy, part) in [
            (report(None, false), &deny, "alice enrolls again with: twostep enroll"),
            (report(Some(1_800_000_000), false), &deny, "alice has until 2027-01-15"),
            (report(None, true), &deny, "next login of alice is refused"),
            (report(None, true), &enroll, "The next login of alice has to enroll."),
        ] {
            let text = told(&now, policy, Form::Text);
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains(part) && !words.contains("--invite"), "{part} is not in:\n{text}");
        }
        let invite = with(AfterGrace::Deny, Enrollment::Invite);
        let text = told(&report(None, false), &invite, Form::Text);
        assert!(text.ends_with("\n  sudo twostep admin enroll alice --invite\n"), "{text}");
        let invited = AccountReport { invited_until: Some(1_800_000_000), ..report(None, false) };
        let text = told(&invited, &invite, Form::Text);
        assert!(text.contains("counts until 2027-01-15") && !text.contains("--invite"), "{text}");
    }

    #[test]
    fn programs_read_whose_account_was_reset_and_until_when_to_enroll() {
        let text = told(&report(Some(1_800_000_000), false), &Policy::default(), Form::Json);
        assert_eq!(text, "{\"user\":\"alice\",\"reset\":true,\"enroll_by\":1800000000}\n");
    }
}
