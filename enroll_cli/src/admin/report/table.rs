//! The report for people: a line a user, and what is special about one on lines below.

use host_check::dates;
use host_check::host::CensusEntry;

use crate::layout::{entry, harmless, wrap};
use crate::messages;

/// The narrowest page that a table fits.
const NARROWEST: usize = 64;
/// Columns of the cells but the last.
const WIDTHS: [usize; 4] = [18, 22, 7, 6];
/// Where what is special stands.
const INDENT: usize = 4;

/// The names of the columns.
pub fn head(columns: usize) -> String {
    if columns < NARROWEST {
        return String::new();
    }
    let names = ["User", "Second step", "Codes", "Apps", "Last used"].map(str::to_owned);
    format!("{}\n", cells(&names))
}

/// One user.
pub fn line(one: &CensusEntry, columns: usize) -> String {
    let row = &one.row;
    let user = harmless(&row.user);
    let codes = row.recovery_codes_left.map_or_else(|| "-".to_owned(), |left| left.to_string());
    let last = row.last_second_step.as_ref();
    let last =
        last.map_or_else(|| "-".to_owned(), |last| format!("{} {}", dates::day(last.at), harmless(&last.source)));
    let apps = row.app_passwords.to_string();
    let remarks = remarks(one);
    if columns < NARROWEST {
        let mut page = format!("{user}\n");
        for (name, what) in [("Second step", standing(one)), ("Codes", codes), ("Apps", apps), ("Last used", last)] {
            page.push_str(&format!("{}\n", entry(name, &what, columns)));
        }
        remarks.iter().for_each(|remark| page.push_str(&format!("{}\n", entry("Remark", remark, columns))));
        return page;
    }
    let mut page = String::new();
    let mut first = user;
    if first.chars().count() >= WIDTHS.first().copied().unwrap_or_default() {
        // The others stay where they belong.
        page.push_str(&format!("{}\n", std::mem::take(&mut first)));
    }
    let line = cells(&[first, standing(one), codes, apps, last]);
    let (line, rest) = fitted(&line, columns);
    page.push_str(&format!("{line}\n{rest}"));
    for remark in remarks {
        let text = wrap(&format!("{}{}", " ".repeat(INDENT), harmless(&remark)), columns, INDENT);
        page.push_str(&format!("{text}\n"));
    }
    page
}

/// The one thing that matters most.
fn standing(CensusEntry { row, orphan }: &CensusEntry) -> String {
    match (row.enrolled, row.enrolled_since) {
        _ if orphan.is_some() => messages::report::NOBODYS_ACCOUNT.to_owned(),
        _ if row.trouble.is_some() => messages::report::UNREADABLE.to_owned(),
        (true, Some(since)) => messages::report::enrolled_since(&dates::day(since)),
        (true, None) => messages::report::ENROLLED.to_owned(),
        (false, _) if row.overdue => messages::report::MUST_HAVE.to_owned(),
        (false, _) => match row.grace_until {
            Some(until) => messages::report::enroll_by(&dates::day(until)),
            None => messages::report::NOT_ENROLLED.to_owned(),
        },
    }
}

fn remarks(CensusEntry { row, .. }: &CensusEntry) -> Vec<String> {
    let mut remarks = Vec::new();
    // One is what everybody has.
    if row.authenticators.len() > 1 {
        remarks.push(messages::report::authenticators(&row.authenticators.join(", ")));
    }
    if let Some(until) = row.suspended_until {
        let by = row.suspended_by.as_deref().unwrap_or_default();
        let why = row.suspension_reason.as_deref().filter(|why| !why.is_empty());
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        remarks.push(messages::report::suspended(&dates::minute(until), by, &why));
    }
    match row.exempt.as_deref() {
        Some(rule) => remarks.push(messages::report::exempt(&messages::report::exempt_by(rule))),
        None if row.required && !row.enrolled && row.suspended_until.is_some() => {
            remarks.push(messages::report::MUST_ENROLL_THEN.to_owned());
        }
        None => {}
    }
    if let Some(until) = row.invited_until {
        remarks.push(messages::report::invited(&dates::minute(until)));
    }
    if row.locked {
        remarks.push(messages::report::CLOSED.to_owned());
    }
    remarks.extend(row.trouble.clone());
    remarks
}

fn cells(cells: &[String; 5]) -> String {
    let mut line = String::new();
    for (place, cell) in cells.iter().enumerate() {
        match WIDTHS.get(place) {
            // Numbers stand below each other by their last digit.
            Some(width) if place >= 2 => line.push_str(&format!("{cell:>right$}  ", right = width - 2)),
            Some(width) => line.push_str(&format!("{cell:<width$}")),
            None => line.push_str(cell),
        }
    }
    line.trim_end().to_owned()
}

/// A line whose last cell is too wide for the page goes on below that cell.
fn fitted(line: &str, columns: usize) -> (String, String) {
    let start = WIDTHS.iter().sum::<usize>();
    match line.rfind(' ') {
        Some(last) if line.chars().count() > columns && line.get(..last).is_some_and(|before| before.len() > start) => {
            let (before, after) = line.split_at(last);
            (before.to_owned(), format!("{}{}\n", " ".repeat(start), after.trim_start()))
        }
        _ => (line.to_owned(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{full, plain};
    use super::*;

    #[test]
    fn everything_is_shown_and_fits_the_page() {
        for columns in [32, 40, 80, 120] {
            let text = line(&full(), columns);
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in [
                "alice",
                "enrolled 2027-01-15",
                "7",
                "2027-01-21 203.0.113.7",
                "authenticators: phone",
                "suspended until 2027-01-22",
                "by bob: phone\\u{1b} lost",
                "invited to enroll until 2027-01-16",
                "exempt by the group robots",
                "too many wrong codes",
            ] {
                assert!(words.contains(part), "{part} is not in:\n{text}");
            }
            assert!(text.lines().all(|line| line.chars().count() <= columns), "{columns}:\n{text}");
        }
    }

    #[test]
    fn a_plain_user_is_one_line_below_its_head() {
        assert_eq!(head(80), "User              Second step           Codes  Apps  Last used\n");
        assert_eq!(line(&plain(), 80), "root              not enrolled              -     0  -\n");
        assert_eq!(head(40), "");
    }

    #[test]
    fn long_names_and_sources_leave_the_columns_alone() {
        let mut entry = full();
        entry.row.user = "a.very.long.name@example.org".into();
        entry.row.last_second_step.as_mut().unwrap().source = "2001:db8:1234:5678::/64".into();
        let text = line(&entry, 80);
        let lines = text.lines().collect::<Vec<_>>();
        assert_eq!(lines[0], "a.very.long.name@example.org");
        assert_eq!(lines[1], "                  enrolled 2027-01-15       7     2  2027-01-21");
        assert_eq!(lines[2].trim(), "2001:db8:1234:5678::/64");
    }

    #[test]
    fn the_standing_is_what_matters_most() {
        let mut entry = full();
        assert!(standing(&entry).starts_with("enrolled"));
        entry.row.enrolled = false;
        assert_eq!(standing(&entry), "OVERDUE");
        entry.row.overdue = false;
        assert_eq!(standing(&entry), "enroll by 2027-01-26");
        entry.row.trouble = Some("broken".into());
        assert_eq!(standing(&entry), "cannot be read");
        entry.orphan = Some(host_check::host::Why::NoUser);
        assert_eq!(standing(&entry), "nobody's account");
    }
}
