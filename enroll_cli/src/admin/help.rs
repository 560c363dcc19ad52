//! `twostep admin unlock`, `recovery-code` and `enroll --invite`: help for a user who cannot log in,
//! or is to begin.

use host_check::dates;
use host_check::host::Host;
use nix::unistd::geteuid;
use serde::Serialize;
use twostep_core::config::Enrollment;
use twostep_core::enroll::Issued;

use crate::arguments::InviteArguments;
use crate::messages::admin;
use crate::page::Page;
use crate::reach::{self, Direct};
use crate::trouble::Trouble;

/// Whose wrong codes are forgotten, as programs read it.
#[derive(Debug, Serialize)]
struct Unlocked<'a> {
    user: &'a str,
    unlocked: bool,
}

/// A recovery code, as programs read it.
#[derive(Debug, Serialize)]
struct RecoveryCode<'a> {
    user: &'a str,
    recovery_code: &'a str,
    expires_at: i64,
}

/// An enrollment code, as programs read it.
#[derive(Debug, Serialize)]
struct EnrollmentCode<'a> {
    user: &'a str,
    enrollment_code: &'a str,
    expires_at: i64,
}

/// Forgets the wrong codes of a user.
pub fn unlock(page: &mut Page, user: &str) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    Direct::open(user)?.unlock(&page.view.administrator)?;
    page.object(&Unlocked { user, unlocked: true })?;
    page.say(&admin::unlocked(user))
}

/// Makes a recovery code to read out.
pub fn recovery_code(page: &mut Page, user: &str) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    let issued = Direct::open(user)?.issue_recovery_code(&page.view.administrator)?;
    tell_recovery_code(page, user, &issued)
}

/// Makes a code by which a user enrolls.
pub fn invite(page: &mut Page, wishes: &InviteArguments) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    let issued = Direct::open(&wishes.user)?.invite(wishes.time, &page.view.administrator)?;
    tell_invitation(page, &wishes.user, (&issued, Host::open().config.policy.enrollment))
}

fn tell_recovery_code(page: &mut Page, user: &str, issued: &Issued) -> Result<(), Trouble> {
    let (code, expires_at) = (issued.code.expose(), issued.expires_at.0);
    page.say(&admin::recovery_code(user))?;
    page.draw(&format!("  {code}\n"))?;
    page.say(&admin::recovery_code_counts(user, &dates::minute(expires_at)))?;
    page.object(&RecoveryCode { user, recovery_code: code, expires_at })
}

fn tell_invitation(page: &mut Page, user: &str, (issued, enrollment): (&Issued, Enrollment)) -> Result<(), Trouble> {
    let (code, expires_at) = (issued.code.expose(), issued.expires_at.0);
    page.say(&admin::enrollment_code(user))?;
    page.draw(&format!("  {code}\n"))?;
    page.say(&admin::enrollment_code_counts(user, &dates::minute(expires_at)))?;
    if enrollment != Enrollment::Invite {
        page.say(&admin::enrollment_code_not_asked(user))?;
    }
    page.object(&EnrollmentCode { user, enrollment_code: code, expires_at })
}

#[cfg(test)]
mod tests {
    use twostep_core::secret::Typed;
    use twostep_core::time::Timestamp;

    use super::*;
    use crate::page::scripted::page;
    use crate::view::Form;

    const CODE: &str = "0123-4567-89AB-CDEF";

    fn issued() -> Issued {
        Issued { code: Typed::new(CODE.into()), expires_at: Timestamp(1_800_000_000) }
    }

    #[test]
    fn a_code_stands_alone_on_its_line_with_its_end() {
        for columns in [30, 80] {
            let (mut page, printed) = page(columns);
            tell_recovery_code(&mut page, "alice", &issued()).unwrap();
            tell_invitation(&mut page, "alice", (&issued(), Enrollment::Invite)).unwrap();
            let text = printed.text();
            assert_eq!(text.lines().filter(|line| *line == format!("  {CODE}")).count(), 2, "{text}");
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.matches("until 2027-01-1").count() == 2 && !words.contains("does not ask"), "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= columns), "{text}");
        }
    }

    #[test]
    fn where_no_invitation_is_asked_for_that_is_said() {
        let (mut page, printed) = page(200);
        tell_invitation(&mut page, "alice", (&issued(), Enrollment::Open)).unwrap();
        assert!(printed.text().contains("This host does not ask for it"), "{}", printed.text());
    }

    #[test]
    fn programs_read_the_code_in_one_line() {
        let (mut page, printed) = page(80);
        page.form = Form::Json;
        tell_recovery_code(&mut page, "alice", &issued()).unwrap();
        tell_invitation(&mut page, "alice", (&issued(), Enrollment::Open)).unwrap();
        let printed = printed.json();
        assert_eq!(printed[0]["recovery_code"], CODE);
        assert_eq!((&printed[1]["enrollment_code"], &printed[1]["expires_at"]), (&CODE.into(), &1_800_000_000.into()));
    }
}
