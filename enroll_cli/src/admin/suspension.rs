//! `twostep admin suspend` and `resume`: the second step of a user, switched off for a time.

use std::time::Duration;

use host_check::dates;
use nix::unistd::geteuid;
use serde::Serialize;
use twostep_core::request::SuspensionStatus;

use crate::client::{self, Direct};
use crate::error::CommandError;
use crate::messages::admin;
use crate::output::Output;

/// What holds now, as programs read it.
#[derive(Debug, Serialize)]
struct Suspended<'a> {
    user: &'a str,
    suspension: Option<SuspensionStatus>,
}

/// Switches the second step of a user off for `time`.
pub fn suspend(output: &mut Output, user: &str, time: Duration, reason: &str) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    let suspension = Direct::open(user)?.suspend(time, &output.environment.administrator, reason)?;
    tell_suspended(output, user, suspension)
}

/// Switches it on again.
pub fn resume(output: &mut Output, user: &str) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    Direct::open(user)?.resume(&output.environment.administrator)?;
    output.object(&Suspended { user, suspension: None })?;
    output.say(&admin::resumed(user))
}

fn tell_suspended(output: &mut Output, user: &str, suspension: SuspensionStatus) -> Result<(), CommandError> {
    output.say(&admin::suspended(user, &dates::minute(suspension.until)))?;
    output.object(&Suspended { user, suspension: Some(suspension) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Form;
    use crate::output::scripted::output;

    #[test]
    fn an_administrator_is_told_until_when_and_how_to_end_it() {
        let suspension =
            SuspensionStatus { from: 1_800_000_000, until: 1_800_200_000, by: "bob".into(), reason: "lost".into() };
        for (form, parts) in [
            (Form::Text, ["alice is asked for no code until 2027-01-17", "sudo twostep admin resume alice"]),
            (Form::Json, ["{\"user\":\"alice\",\"suspension\":{", "\"by\":\"bob\""]),
        ] {
            let (mut output, printed) = output(200);
            output.form = form;
            tell_suspended(&mut output, "alice", suspension.clone()).unwrap();
            for part in parts {
                assert!(printed.text().contains(part), "{part} is not in:\n{}", printed.text());
            }
        }
    }
}
