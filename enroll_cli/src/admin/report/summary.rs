//! How many of each there are.

use std::fmt;

use host_check::host::CensusEntry;

use crate::messages;

/// The numbers below a report.
#[derive(Debug, Default)]
pub struct Summary {
    users: usize,
    shown: usize,
    enrolled: usize,
    in_grace: usize,
    overdue: usize,
    suspended: usize,
    exempt: usize,
    locked: usize,
    troubled: usize,
    orphans: usize,
}

impl Summary {
    /// Counts one, shown or not.
    pub fn count(&mut self, CensusEntry { row, orphan }: &CensusEntry, is_shown: bool) {
        self.shown += usize::from(is_shown);
        if orphan.is_some() {
            self.orphans += 1;
            return;
        }
        self.users += 1;
        let facts = [
            (&mut self.enrolled, row.enrolled),
            (&mut self.in_grace, row.grace_until.is_some()),
            (&mut self.overdue, row.overdue),
            (&mut self.suspended, row.suspended_until.is_some()),
            (&mut self.exempt, row.exempt.is_some()),
            (&mut self.locked, row.locked),
            (&mut self.troubled, row.trouble.is_some()),
        ];
        facts.into_iter().for_each(|(count, holds)| *count += usize::from(holds));
    }
}

impl Summary {
    /// Whether nobody is shown above it.
    pub fn is_empty(&self) -> bool {
        self.shown == 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.users + self.orphans;
        if self.shown < all {
            f.write_str(&messages::report::shown(self.shown, all))?;
        }
        f.write_str(&messages::report::enrolled(self.users, self.enrolled))?;
        for (count, what) in [
            (self.in_grace, messages::report::IN_GRACE),
            (self.overdue, messages::report::OVERDUE),
            (self.suspended, messages::report::SUSPENDED),
            (self.exempt, messages::report::EXEMPT),
            (self.locked, messages::report::LOCKED),
            (self.troubled, messages::report::IN_TROUBLE),
        ] {
            write!(f, ", {count} {what}")?;
        }
        match self.orphans {
            0 => f.write_str("."),
            count => f.write_str(&messages::report::nobodys(count)),
        }
    }
}

#[cfg(test)]
mod tests {
    use host_check::host::Why;

    use super::super::scripted::{full, plain};
    use super::*;

    #[test]
    fn everybody_is_counted_once_and_orphans_apart() {
        let mut summary = Summary::default();
        summary.count(&plain(), true);
        assert_eq!(
            summary.to_string(),
            "1 user: 0 enrolled, 0 in grace, 0 overdue, 0 suspended, 0 exempt, 0 locked, 0 in trouble."
        );
        summary.count(&full(), false);
        let mut orphan = full();
        orphan.orphan = Some(Why::NoUser);
        summary.count(&orphan, true);
        assert_eq!(
            summary.to_string(),
            "2 of 3 shown. 2 users: 1 enrolled, 1 in grace, 1 overdue, 1 suspended, 1 exempt, 1 locked, 0 in trouble. \
             1 account is nobody's."
        );
    }
}
