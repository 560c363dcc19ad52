//! `twostep admin check`: what is wrong with this host, or what a login would do.

use std::path::Path;

use host_check::check::rehearsal::{Ends, Visitors};
use host_check::host::Host;
use host_check::{Finding, Severity, check};
use nix::unistd::geteuid;
use pam_stacks::Files;
use twostep_core::username::Person;

use crate::arguments::Check;
use crate::messages;
use crate::page::Page;
use crate::reach;
use crate::trouble::{Exit, Trouble};

/// Checks the host, or rehearses a login.
pub fn run(page: &mut Page, wishes: &Check) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    let host = Host::open();
    match &wishes.login {
        Some(user) => rehearse(page, &host, user, wishes),
        None => {
            let administrator = page.view.administrator.clone();
            show(page, &check::host(&host, &administrator))
        }
    }
}

fn show(page: &mut Page, findings: &[Finding]) -> Result<(), Trouble> {
    for finding in findings {
        page.object(finding)?;
        page.say(&format!("{}: {}", word(finding.severity), finding.about))?;
        page.item(&finding.what)?;
        page.item(&finding.remedy)?;
        page.say("")?;
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if errors + warnings == 0 {
        return page.say(messages::check::NOTHING_WRONG);
    }
    let message = messages::check::found(errors, warnings);
    Err(Trouble { exit: if errors > 0 { Exit::Refused } else { Exit::Warned }, reason: "found".to_owned(), message })
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
        Severity::Notice => "NOTICE",
    }
}

fn rehearse(page: &mut Page, host: &Host, user: &str, wishes: &Check) -> Result<(), Trouble> {
    let found = Person::lookup(user).map_err(|error| Trouble::here("failed", messages::check::user_database(error)))?;
    let person = found.ok_or_else(|| Trouble::here("no_user", messages::check::no_user(user)))?;
    let files = Files::below(Path::new("/"));
    if files.find(&wishes.service).is_none() && files.has_folder() {
        page.say(&messages::check::no_service(&wishes.service))?;
    }
    let login =
        Visitors { host, files: &files, person: &person, service: &wishes.service, from: wishes.from.as_deref() };
    let rehearsal = login.rehearse();
    page.object(&rehearsal)?;
    for (number, step) in rehearsal.steps.iter().enumerate() {
        page.say(&format!("{:>2}. {}", number + 1, step.at))?;
        page.item(&format!("  {}", step.what))?;
    }
    page.say("")?;
    if rehearsal.ends == Ends::Refused {
        return Err(Trouble::here("refused", messages::check::untouched(&rehearsal.outcome)));
    }
    page.say(&rehearsal.outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::scripted::page;

    #[test]
    fn the_worst_decides_how_it_ends() {
        let error = Finding::error("a", "x", "An error.", "Mend it.");
        let warning = Finding::warning("b", "y", "A warning.", "Look.");
        let notice = Finding::notice("c", "z", "A notice.", "Know.");
        let exit = |findings: &[Finding]| show(&mut page(80).0, findings).map_err(|trouble| trouble.exit);
        assert_eq!(exit(std::slice::from_ref(&notice)), Ok(()));
        assert_eq!(exit(&[warning.clone(), notice.clone()]), Err(Exit::Warned));
        assert_eq!(exit(&[error.clone(), warning.clone()]), Err(Exit::Refused));
        let (mut page, printed) = page(80);
        let message = show(&mut page, &[error, warning, notice]).unwrap_err().message;
        assert_eq!(message, "1 error and 1 warning. Each says above what to do.");
        assert!(printed.text().starts_with("ERROR: x\n  An error.\n  Mend it.\n\nWARNING: y\n"), "{}", printed.text());
    }
}
