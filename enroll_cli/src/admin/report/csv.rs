//! The report as comma-separated values (RFC 4180), for spreadsheets.

use twostep_core::audit::printable;

use host_check::dates;
use host_check::host::{CensusEntry, Why};

/// Signs at which a spreadsheet takes a cell for a formula. Labels and reasons were written by others.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

const HEAD: [&str; 21] = [
    "user",
    "uid",
    "enrolled",
    "authenticators",
    "enrolled_since",
    "last_second_step",
    "last_service",
    "last_source",
    "recovery_codes_left",
    "app_passwords",
    "required",
    "grace_until",
    "overdue",
    "exempt",
    "suspended_until",
    "suspended_by",
    "suspension_reason",
    "invited_until",
    "locked",
    "orphan",
    "trouble",
];

/// The names of the columns.
pub fn head() -> String {
    HEAD.join(",")
}

/// One line, its points in time as in ISO 8601, its facts as yes and no.
pub fn line(CensusEntry { row, orphan }: &CensusEntry) -> String {
    let last = row.last_second_step.as_ref();
    let cells: [String; HEAD.len()] = [
        row.user.clone(),
        row.uid.to_string(),
        fact(row.enrolled),
        row.authenticators.join("; "),
        moment(row.enrolled_since),
        moment(last.map(|last| last.at)),
        last.map(|last| last.service.clone()).unwrap_or_default(),
        last.map(|last| last.source.clone()).unwrap_or_default(),
        row.recovery_codes_left.map(|left| left.to_string()).unwrap_or_default(),
        row.app_passwords.to_string(),
        fact(row.required),
        moment(row.grace_until),
        fact(row.overdue),
        row.exempt.clone().unwrap_or_default(),
        moment(row.suspended_until),
        row.suspended_by.clone().unwrap_or_default(),
        row.suspension_reason.clone().unwrap_or_default(),
        moment(row.invited_until),
        fact(row.locked),
        orphan.as_ref().map(word).unwrap_or_default(),
        row.trouble.clone().unwrap_or_default(),
    ];
    cells.map(|cell| quoted(&cell)).join(",")
}

fn fact(holds: bool) -> String {
    if holds { "yes" } else { "no" }.to_owned()
}

fn moment(at: Option<i64>) -> String {
    at.map(dates::utc).unwrap_or_default()
}

fn word(why: &Why) -> String {
    match why {
        Why::NoUser => "no-user".to_owned(),
        Why::UidChanged => "uid-changed".to_owned(),
        Why::Renamed(now) => format!("renamed {now}"),
    }
}

fn quoted(cell: &str) -> String {
    let cell = printable(cell);
    let cell = if cell.starts_with(FORMULA) { format!("'{cell}") } else { cell };
    if cell.contains([',', '"', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{full, plain};
    use super::*;

    #[test]
    fn a_line_has_a_cell_for_each_name() {
        assert_eq!(head().split(',').count(), HEAD.len());
        assert_eq!(
            line(&full()),
            "alice,1000,yes,\"phone; =cmd, \"\"tablet\"\"\",2027-01-15T08:00:00Z,2027-01-21T02:53:20Z,sshd,203.0.113.7,\
             7,2,yes,2027-01-26T21:46:40Z,yes,exempt-group robots,2027-01-22T06:40:00Z,bob,phone\\u{1b} lost,2027-01-16T11:46:40Z,yes,,"
        );
        assert_eq!(line(&plain()), "root,0,no,,,,,,,0,no,,no,,,,,,no,,");
    }

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(quoted("=1+1"), "'=1+1");
        assert_eq!(quoted("-2,\"x\""), "\"'-2,\"\"x\"\"\"");
        assert_eq!(quoted("a-b"), "a-b");
    }
}
