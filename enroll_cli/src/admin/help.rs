//! `twostep admin unlock`, `recovery-code` and `enroll --invite`: help for a user who cannot log in,
//! or is to begin.

use host_check::dates;
use host_check::host::Host;
use nix::unistd::geteuid;
use serde::Serialize;
use twostep_core::config::Enrollment;
use twostep_core::enroll::Issued;

use crate::arguments::InviteArguments;
use crate::client::{self, Direct};
use crate::error::CommandError;
use crate::messages::admin;
use crate::output::Output;

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
pub fn unlock(output: &mut Output, user: &str) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    Direct::open(user)?.unlock(&output.environment.administrator)?;
    output.object(&Unlocked { user, unlocked: true })?;
    output.say(&admin::unlocked(user))
}

/// Makes a recovery code to read out.
pub fn recovery_code(output: &mut Output, user: &str) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    let issued = Direct::open(user)?.issue_recovery_code(&output.environment.administrator)?;
    tell_recovery_code(output, user, &issued)
}

/// Makes a code by which a user enrolls.
pub fn invite(output: &mut Output, wishes: &InviteArguments) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    let issued = Direct::open(&wishes.user)?.invite(wishes.time, &output.environment.administrator)?;
    tell_invitation(output, &wishes.user, (&issued, Host::open().config.policy.enrollment))
}

fn tell_recovery_code(output: &mut Output, user: &str, issued: &Issued) -> Result<(), CommandError> {
    let (code, expires_at) = (issued.code.expose(), issued.expires_at.0);
    output.say(&admin::recovery_code(user))?;
    output.draw(&format!("  {code}\n"))?;
    output.say(&admin::recovery_code_counts(user, &dates::minute(expires_at)))?;
    output.object(&RecoveryCode { user, recovery_code: code, expires_at })
}

fn tell_invitation(
    output: &mut Output,
    user: &str,
    (issued, enrollment): (&Issued, Enrollment),
) -> Result<(), CommandError> {
    let (code, expires_at) = (issued.code.expose(), issued.expires_at.0);
    output.say(&admin::enrollment_code(user))?;
    output.draw(&format!("  {code}\n"))?;
    output.say(&admin::enrollment_code_counts(user, &dates::minute(expires_at)))?;
    if enrollment != Enrollment::Invite {
        output.say(&admin::enrollment_code_not_asked(user))?;
    }
    output.object(&EnrollmentCode { user, enrollment_code: code, expires_at })
}

#[cfg(test)]
mod tests {
    use twostep_core::secret::Typed;
    use twostep_core::time::Timestamp;

    use super::*;
    use crate::environment::Form;
    use crate::output::scripted::output;

    const CODE: &str = "0123-4567-89AB-CDEF";

    fn issued() -> Issued {
        Issued { code: Typed::new(CODE.into()), expires_at: Timestamp(1_800_000_000) }
    }

    #[test]
    fn a_code_stands_alone_on_its_line_with_its_end() {
        for columns in [30, 80] {
            let (mut output, printed) = output(columns);
            tell_recovery_code(&mut output, "alice", &issued()).unwrap();
            tell_invitation(&mut output, "alice", (&issued(), Enrollment::Invite)).unwrap();
            let text = printed.text();
            assert_eq!(text.lines().filter(|line| *line == format!("  {CODE}")).count(), 2, "{text}");
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.matches("until 2027-01-1").count() == 2 && !words.contains("does not ask"), "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= columns), "{text}");
        }
    }

    #[test]
    fn where_no_invitation_is_asked_for_that_is_said() {
        let (mut output, printed) = output(200);
        tell_invitation(&mut output, "alice", (&issued(), Enrollment::Open)).unwrap();
        assert!(printed.text().contains("This host does not ask for it"), "{}", printed.text());
    }

    #[test]
    fn programs_read_the_code_in_one_line() {
        let (mut output, printed) = output(80);
        output.form = Form::Json;
        tell_recovery_code(&mut output, "alice", &issued()).unwrap();
        tell_invitation(&mut output, "alice", (&issued(), Enrollment::Open)).unwrap();
        let printed = printed.json();
        assert_eq!(printed[0]["recovery_code"], CODE);
        assert_eq!((&printed[1]["enrollment_code"], &printed[1]["expires_at"]), (&CODE.into(), &1_800_000_000.into()));
    }
}
