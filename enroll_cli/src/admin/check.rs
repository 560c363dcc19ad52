//! `twostep admin check`: what is wrong with this host, or what a login would do.

use std::path::Path;

use host_check::check::rehearsal::{Ends, Visitors};
use host_check::host::Host;
use host_check::{Finding, Severity, check};
use nix::unistd::geteuid;
use pam_stacks::Files;
use twostep_core::username::Person;

use crate::arguments::Check;
use crate::client;
use crate::error::{CommandError, Exit};
use crate::messages;
use crate::output::Output;

/// Checks the host, or rehearses a login.
pub fn run(output: &mut Output, wishes: &Check) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    let host = Host::open();
    match &wishes.login {
        Some(user) => rehearse(output, &host, user, wishes),
        None => {
            let administrator = output.environment.administrator.clone();
            show(output, &check::host(&host, &administrator))
        }
    }
}

fn show(output: &mut Output, findings: &[Finding]) -> Result<(), CommandError> {
    for finding in findings {
        output.object(finding)?;
        output.say(&format!("{}: {}", word(finding.severity), finding.about))?;
        output.item(&finding.what)?;
        output.item(&finding.remedy)?;
        output.say("")?;
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if errors + warnings == 0 {
        return output.say(messages::check::NOTHING_WRONG);
    }
    let message = messages::check::found(errors, warnings);
    Err(CommandError {
        exit: if errors > 0 { Exit::Refused } else { Exit::Warned },
        reason: "found".to_owned(),
        message,
    })
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
        Severity::Notice => "NOTICE",
    }
}

fn rehearse(output: &mut Output, host: &Host, user: &str, wishes: &Check) -> Result<(), CommandError> {
    let found =
        Person::lookup(user).map_err(|error| CommandError::here("failed", messages::check::user_database(error)))?;
    let person = found.ok_or_else(|| CommandError::here("no_user", messages::check::no_user(user)))?;
    let files = Files::below(Path::new("/"));
    if files.find(&wishes.service).is_none() && files.has_folder() {
        output.say(&messages::check::no_service(&wishes.service))?;
    }
    let login =
        Visitors { host, files: &files, person: &person, service: &wishes.service, from: wishes.from.as_deref() };
    let rehearsal = login.rehearse();
    output.object(&rehearsal)?;
    for (number, step) in rehearsal.steps.iter().enumerate() {
        output.say(&format!("{:>2}. {}", number + 1, step.at))?;
        output.item(&format!("  {}", step.what))?;
    }
    output.say("")?;
    if rehearsal.ends == Ends::Refused {
        return Err(CommandError::here("refused", messages::check::untouched(&rehearsal.outcome)));
    }
    output.say(&rehearsal.outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::scripted::output;

    #[test]
    fn the_worst_decides_how_it_ends() {
        let error = Finding::error("a", "x", "An error.", "Mend it.");
        let warning = Finding::warning("b", "y", "A warning.", "Look.");
        let notice = Finding::notice("c", "z", "A notice.", "Know.");
        let exit = |findings: &[Finding]| show(&mut output(80).0, findings).map_err(|error| error.exit);
        assert_eq!(exit(std::slice::from_ref(&notice)), Ok(()));
        assert_eq!(exit(&[warning.clone(), notice.clone()]), Err(Exit::Warned));
        assert_eq!(exit(&[error.clone(), warning.clone()]), Err(Exit::Refused));
        let (mut output, printed) = output(80);
        let message = show(&mut output, &[error, warning, notice]).unwrap_err().message;
        assert_eq!(message, "1 error and 1 warning. Each says above what to do.");
        assert!(printed.text().starts_with("ERROR: x\n  An error.\n  Mend it.\n\nWARNING: y\n"), "{}", printed.text());
    }
}
