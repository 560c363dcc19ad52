//! `twostep admin suspend` and `resume`: the second step of a user, switched off for a time.

use std::time::Duration;

use host_check::dates;
use nix::unistd::geteuid;
use serde::Serialize;
use twostep_core::request::SuspensionStatus;

use crate::messages::admin;
use crate::page::Page;
use crate::reach::{self, Direct};
use crate::trouble::Trouble;

/// What holds now, as programs read it.
#[derive(Debug, Serialize)]
struct Suspended<'a> {
    user: &'a str,
    suspension: Option<SuspensionStatus>,
}

/// Switches the second step of a user off for `time`.
pub fn suspend(page: &mut Page, user: &str, time: Duration, reason: &str) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    let suspension = Direct::open(user)?.suspend(time, &page.view.administrator, reason)?;
    tell_suspended(page, user, suspension)
}

/// Switches it on again.
pub fn resume(page: &mut Page, user: &str) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    Direct::open(user)?.resume(&page.view.administrator)?;
    page.object(&Suspended { user, suspension: None })?;
    page.say(&admin::resumed(user))
}

fn tell_suspended(page: &mut Page, user: &str, suspension: SuspensionStatus) -> Result<(), Trouble> {
    page.say(&admin::suspended(user, &dates::minute(suspension.until)))?;
    page.object(&Suspended { user, suspension: Some(suspension) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::scripted::page;
    use crate::view::Form;

    #[test]
    fn an_administrator_is_told_until_when_and_how_to_end_it() {
        let suspension =
            SuspensionStatus { from: 1_800_000_000, until: 1_800_200_000, by: "bob".into(), reason: "lost".into() };
        for (form, parts) in [
            (Form::Text, ["alice is asked for no code until 2027-01-17", "sudo twostep admin resume alice"]),
            (Form::Json, ["{\"user\":\"alice\",\"suspension\":{", "\"by\":\"bob\""]),
        ] {
            let (mut page, printed) = page(200);
            page.form = form;
            tell_suspended(&mut page, "alice", suspension.clone()).unwrap();
            for part in parts {
                assert!(printed.text().contains(part), "{part} is not in:\n{}", printed.text());
            }
        }
    }
}
