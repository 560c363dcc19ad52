//! `twostep status`: how the second step of an account stands.

use host_check::dates;
use twostep_core::request::{AuthenticatorStatus, SecondStep, Status, SuspensionStatus};

use crate::error::CommandError;
use crate::messages::account;
use crate::output::Output;
use crate::session::Session;

/// So few recovery codes are worth a warning.
const FEW: usize = 3;

/// Shows the status.
pub fn run(session: &mut Session) -> Result<(), CommandError> {
    let status = session.status()?;
    session.output.object(&status)?;
    tell(&mut session.output, &status)
}

/// Shows a status to its user, and what to do about it.
fn tell(output: &mut Output, status: &Status) -> Result<(), CommandError> {
    show(output, status)?;
    advice(status).iter().try_for_each(|line| output.say(&format!("\n{line}")))
}

/// Shows a status.
pub fn show(output: &mut Output, status: &Status) -> Result<(), CommandError> {
    output.say(&account::of(&status.user))?;
    output.say("")?;
    output.entry("Enrolled", if status.enrolled { "yes" } else { "no" })?;
    output.entry("Required here", &required(status))?;
    for one in &status.authenticators {
        output.entry("Authenticator", &authenticator(one))?;
    }
    if let Some(doubt) = status.host_clock {
        output.entry("Host clock", account::host_clock(doubt))?;
    }
    if let Some(codes) = &status.recovery_codes {
        let made = dates::minute(codes.created_at);
        output.entry(
            "Recovery codes",
            &format!(
                "{} of {} left, {} {made}",
                codes.left,
                codes.total,
                if codes.are_imported { "taken over" } else { "made" }
            ),
        )?;
        for used in &codes.used {
            output.entry("", &format!("used {}", place(used)))?;
        }
    }
    if status.app_passwords > 0 {
        let count = status.app_passwords;
        output.entry("App passwords", &format!("{count}, listed by twostep app-password list"))?;
    }
    if let Some(suspension) = &status.suspension {
        output.entry("Suspended", &suspended(suspension))?;
    }
    if let Some(last) = &status.last_second_step {
        output.entry("Last used", &place(last))?;
    }
    Ok(())
}

fn authenticator(one: &AuthenticatorStatus) -> String {
    let AuthenticatorStatus { label, algorithm, digits, .. } = one;
    let moves = match one.period {
        Some(period) => format!("{period} s"),
        None => "HOTP".to_owned(),
    };
    let clock = match one.clock_ahead {
        None | Some(0) => String::new(),
        Some(ahead) => format!(", its clock {}", account::clock(ahead)),
    };
    format!("{label} ({algorithm}, {digits} digits, {moves}), added {}{clock}", dates::minute(one.added_at))
}

fn required(status: &Status) -> String {
    match status.enroll_by {
        Some(until) => format!("yes; enroll until {}", dates::minute(until)),
        None => if status.required { "yes" } else { "no" }.to_owned(),
    }
}

fn place(step: &SecondStep) -> String {
    format!("{}, {}, from {}", dates::minute(step.at), step.service, step.source)
}

fn suspended(suspension: &SuspensionStatus) -> String {
    let SuspensionStatus { until, by, reason, .. } = suspension;
    let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    format!("no code is asked until {}, by {by}{why}", dates::minute(*until))
}

fn advice(status: &Status) -> Vec<String> {
    let mut advice = Vec::new();
    match status.enroll_by {
        Some(until) => advice.push(account::enroll_until(&dates::minute(until))),
        None if !status.enrolled => advice.push(account::ADD_YOUR_PHONE.to_owned()),
        None => {}
    }
    if status.disabled {
        advice.push(account::ONLY_RECOVERY_CODES.to_owned());
    }
    if status.recovery_codes.as_ref().is_some_and(|codes| codes.are_imported) {
        advice.push(account::IMPORTED_CODES.to_owned());
    }
    if let Some(codes) = status.recovery_codes.as_ref().filter(|codes| codes.left <= FEW) {
        advice.push(account::few_codes(codes.left));
    }
    if let Some(until) = status.pending_until {
        advice.push(account::unfinished(&dates::hour(until)));
    }
    advice
}

#[cfg(test)]
mod tests {
    use twostep_core::request::{RecoveryStatus, Response};
    use twostep_core::time::ClockDoubt;

    use super::*;
    use crate::client::scripted::Script;
    use crate::environment::Form;
    use crate::output::scripted::output;
    use crate::prompter::scripted::lines;
    use crate::session::scripted;

    fn full() -> Status {
        let step = SecondStep { at: 1_800_000_100, service: "sshd".into(), source: "203.0.113.7".into() };
        let mut status = scripted::status(&["phone", "tablet"]);
        status.disabled = true;
        status.pending_until = Some(1_800_000_900);
        status.last_second_step = Some(step.clone());
        status.app_passwords = 4;
        status.suspension = Some(SuspensionStatus {
            from: 1_800_000_000,
            until: 1_800_200_000,
            by: "bob".into(),
            reason: "phone lost".into(),
        });
        status.recovery_codes = Some(RecoveryStatus {
            left: 2,
            total: 10,
            created_at: 1_800_000_000,
            used: vec![step],
            are_imported: false,
        });
        status
    }

    fn shown(status: &Status, columns: usize) -> String {
        let (mut output, printed) = output(columns);
        tell(&mut output, status).unwrap();
        printed.text()
    }

    #[test]
    fn everything_is_shown_and_fits_the_page() {
        for columns in [32, 40, 80] {
            let text = shown(&full(), columns);
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in [
                "phone (SHA1,",
                "tablet",
                "2 of 10 left",
                "sshd, from 203.0.113.7",
                "4, listed by twostep app-password list",
                "no code is asked until 2027-01-17",
                "by bob: phone lost",
                "only a recovery code is accepted",
                "recovery-codes regenerate",
                "not finished",
            ] {
                assert!(words.contains(part), "{part} is not in:\n{text}");
            }
            assert!(text.lines().all(|line| line.chars().count() <= columns), "{text}");
        }
    }

    #[test]
    fn one_who_is_not_enrolled_is_told_how() {
        assert!(shown(&scripted::status(&[]), 80).contains("twostep enroll"));
        assert!(!shown(&scripted::status(&["phone"]), 80).contains("twostep enroll"));
    }

    #[test]
    fn one_who_has_time_to_enroll_is_told_until_when() {
        let mut status = scripted::status(&[]);
        (status.required, status.enroll_by) = (true, Some(1_800_000_000));
        for columns in [32, 80] {
            let text = shown(&status, columns).split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains("yes; enroll until 2027-01-15") && text.contains("until 2027-01-15"), "{text}");
            assert!(text.ends_with("twostep enroll"), "{text}");
        }
    }

    #[test]
    fn clocks_that_are_off_are_said() {
        let mut status = scripted::status(&["phone"]);
        status.authenticators[0].clock_ahead = Some(-540);
        status.host_clock = Some(ClockDoubt::SetBack);
        let text = shown(&status, 200);
        assert!(text.contains("its clock about 9 minutes slow") && text.contains("WRONG: it was set back"), "{text}");
        (status.authenticators[0].period, status.authenticators[0].clock_ahead) = (None, None);
        assert!(shown(&status, 200).contains("phone (SHA1, 6 digits, HOTP), added"));
    }

    #[test]
    fn a_label_cannot_steer_the_terminal_of_who_looks() {
        assert!(!shown(&scripted::status(&["\x1b[2Jphone"]), 80).contains('\x1b'));
    }

    #[test]
    fn programs_read_the_status_as_one_object() {
        let script = Script::user(vec![(|_| true, Response::Status(full()))]);
        let (mut session, printed) = scripted::session(script, lines(""));
        session.output.form = Form::Json;
        run(&mut session).unwrap();
        let read: Status = serde_json::from_str(&printed.text()).unwrap();
        assert_eq!(read, full());
    }
}
