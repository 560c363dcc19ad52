//! `twostep admin report`: how the second step stands for everybody on this host.

use std::io::IsTerminal;

use host_check::host::{CensusEntry, Host, Members, Subject};
use nix::unistd::geteuid;
use twostep_core::groups::{self, Groups};
use twostep_core::request::Refusal;

use crate::arguments::Report;
use crate::client;
use crate::environment::Form;
use crate::error::{self, CommandError};
use crate::messages::admin;
use crate::output::Output;
use crate::progress::ProgressBar;

mod csv;
mod summary;
mod table;

use summary::Summary;

/// What is gathered before it is printed to a file or a pipe, in bytes.
const PIECE: usize = 64 * 1024;

/// Prints a line for each who fits, as soon as it is known, so that no number of users is too many.
pub fn run(output: &mut Output, wishes: &Report) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    let host = Host::open();
    let group = wishes.group.as_slice();
    group.iter().try_for_each(|name| existing(name))?;
    let members = Members::of(group);
    host.warnings().for_each(|warning| error::tell(&warning));
    let judge = host.judge(&host.config);
    let mut lines = Lines::begin(output);
    let (mut progress, mut summary) = (ProgressBar::begin(&host)?, Summary::default());
    host.everybody(|subject| -> Result<(), CommandError> {
        progress.step();
        if !is_in(&subject, group, &members) {
            return Ok(());
        }
        let entry = host.entry(&judge, subject);
        let fits = fits(&entry, wishes);
        summary.count(&entry, fits);
        if fits {
            progress.clear();
            lines.add(&entry)?;
        }
        Ok(())
    })?;
    progress.clear();
    lines.end()?;
    output.say(&format!("{}{summary}", if summary.is_empty() { "" } else { "\n" }))
}

/// The lines on their way to the output.
struct Lines<'a> {
    output: &'a mut Output,
    text: String,
    /// The names of the columns, until the first line for people.
    head: String,
    /// So many bytes are printed at once.
    piece: usize,
}

impl<'a> Lines<'a> {
    /// Begins with the names of the columns; programs get them without any line too. At a terminal
    /// each line is seen at once.
    fn begin(output: &'a mut Output) -> Self {
        let (text, head) = match output.form {
            Form::Text => (String::new(), table::head(output.environment.columns)),
            Form::Value => (format!("{}\n", csv::head()), String::new()),
            Form::Json => (String::new(), String::new()),
        };
        let piece = if std::io::stdout().is_terminal() { 0 } else { PIECE };
        Self { output, text, head, piece }
    }

    fn add(&mut self, entry: &CensusEntry) -> Result<(), CommandError> {
        self.text.push_str(&std::mem::take(&mut self.head));
        match self.output.form {
            Form::Text => self.text.push_str(&table::line(entry, self.output.environment.columns)),
            Form::Value => self.text.push_str(&format!("{}\n", csv::line(entry))),
            Form::Json => {
                self.text.push_str(&serde_json::to_string(entry).map_err(std::io::Error::from)?);
                self.text.push('\n');
            }
        }
        if self.text.len() > self.piece { self.end() } else { Ok(()) }
    }

    fn end(&mut self) -> Result<(), CommandError> {
        self.output.lines(&std::mem::take(&mut self.text))
    }
}

/// A group that is not there has no members, which is not what was meant.
pub fn existing(name: &str) -> Result<(), CommandError> {
    match groups::find(name) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(CommandError::refused(Refusal::BadRequest, admin::no_group(name))),
        Err(errno) => Err(CommandError::here("user_database", admin::group_unreadable(name, errno))),
    }
}

/// Where the user database does not say who is in a group, everyone is shown.
fn is_in(subject: &Subject, group: &[String], members: &Members) -> bool {
    match subject {
        _ if group.is_empty() => true,
        Subject::User(person) => !matches!(members.first_of(person, group), Ok(None)),
        Subject::Orphan(_) => false,
    }
}

/// Whether a line fits every wish.
fn fits(entry: &CensusEntry, wishes: &Report) -> bool {
    let CensusEntry { row, orphan } = entry;
    // Of an account that cannot be read nobody knows whether it is enrolled.
    let is_known = row.trouble.is_none();
    let checks = [
        (wishes.enrolled, row.enrolled),
        (wishes.not_enrolled, is_known && !row.enrolled),
        (wishes.overdue, row.overdue),
        (wishes.in_grace, row.grace_until.is_some()),
        (wishes.suspended, row.suspended_until.is_some()),
        (wishes.exempt, row.exempt.is_some()),
        (wishes.locked, row.locked),
        (wishes.trouble, !is_known || orphan.is_some()),
    ];
    checks.into_iter().all(|(is_wished, holds)| !is_wished || holds)
}

#[cfg(test)]
pub mod scripted {
    //! Lines of a report.

    use crate::scripted::host;
    use twostep_core::request::SecondStep;

    use super::*;

    /// The line of root, who has not enrolled and need not.
    pub fn plain() -> CensusEntry {
        let (host, _folder) = host("version = 1");
        let root = twostep_core::username::Person::lookup("root").unwrap().unwrap();
        host.entry(&host.judge(&host.config), Subject::User(root))
    }

    /// The line of alice, of whom everything is true at once.
    pub fn full() -> CensusEntry {
        let mut entry = plain();
        let row = &mut entry.row;
        (row.user, row.uid) = ("alice".into(), 1000);
        (row.enrolled, row.enrolled_since) = (true, Some(1_800_000_000));
        row.authenticators = vec!["phone".into(), "=cmd, \"tablet\"".into()];
        row.last_second_step =
            Some(SecondStep { at: 1_800_500_000, service: "sshd".into(), source: "203.0.113.7".into() });
        (row.recovery_codes_left, row.app_passwords) = (Some(7), 2);
        (row.required, row.grace_until, row.overdue) = (true, Some(1_801_000_000), true);
        row.exempt = Some("exempt-group robots".into());
        (row.suspended_until, row.suspended_by) = (Some(1_800_600_000), Some("bob".into()));
        row.suspension_reason = Some("phone\x1b lost".into());
        row.invited_until = Some(1_800_100_000);
        row.locked = true;
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scripted::{full, plain};

    #[test]
    fn every_flag_leaves_some_out() {
        let wishes: [(Report, bool, bool); 8] = [
            (Report { enrolled: true, ..Report::default() }, true, false),
            (Report { not_enrolled: true, ..Report::default() }, false, true),
            (Report { overdue: true, ..Report::default() }, true, false),
            (Report { in_grace: true, ..Report::default() }, true, false),
            (Report { suspended: true, ..Report::default() }, true, false),
            (Report { exempt: true, ..Report::default() }, true, false),
            (Report { locked: true, ..Report::default() }, true, false),
            (Report { trouble: true, ..Report::default() }, false, false),
        ];
        for (wishes, of_full, of_plain) in wishes {
            assert_eq!((fits(&full(), &wishes), fits(&plain(), &wishes)), (of_full, of_plain), "{wishes:?}");
        }
        assert!(fits(&full(), &Report::default()) && fits(&plain(), &Report::default()));
    }

    #[test]
    fn nobody_knows_whether_one_in_trouble_is_enrolled() {
        let mut entry = plain();
        entry.row.trouble = Some("broken".into());
        assert!(fits(&entry, &Report { trouble: true, ..Report::default() }));
        assert!(!fits(&entry, &Report { not_enrolled: true, ..Report::default() }));
    }

    #[test]
    fn lines_come_in_pieces_and_none_is_lost() {
        use crate::output::scripted::output;
        for (form, first) in [(Form::Json, "{\"user\":\"alice\""), (Form::Value, "user,uid,"), (Form::Text, "User  ")] {
            let (mut output, printed) = output(80);
            output.form = form;
            let mut lines = Lines { piece: 1000, ..Lines::begin(&mut output) };
            for _ in 0..20 {
                lines.add(&full()).unwrap();
            }
            assert!(lines.text.len() <= 1000 && printed.text().len() > 1000);
            lines.end().unwrap();
            assert_eq!(printed.text().matches("alice").count(), 20);
            assert!(printed.text().starts_with(first), "{}", printed.text());
        }
    }

    #[test]
    fn where_nobody_fits_only_programs_get_the_names_of_the_columns() {
        use crate::output::scripted::output;
        for (form, expected) in [(Form::Text, ""), (Form::Value, "user,uid,"), (Form::Json, "")] {
            let (mut output, printed) = output(80);
            output.form = form;
            Lines::begin(&mut output).end().unwrap();
            assert_eq!(printed.text().get(..expected.len()), Some(expected));
            assert_eq!(printed.text().is_empty(), expected.is_empty());
        }
    }

    #[test]
    fn a_group_is_one_that_there_is() {
        assert!(existing("no-such-group").unwrap_err().message.contains("no-such-group"));
        let root = Subject::User(twostep_core::username::Person::lookup("root").unwrap().unwrap());
        let is_in = |group: &[&str]| {
            let group = group.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            super::is_in(&root, &group, &Members::of(&group))
        };
        assert_eq!((is_in(&["root"]), is_in(&["daemon"]), is_in(&[])), (true, false, true));
    }
}
