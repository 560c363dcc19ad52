//! What a new configuration means for the users of this host, and for those who look after it.

use host_check::check::administrators;
use host_check::host::{Host, Judge, Subject};
use serde::Serialize;
use twostep_core::config::Config;
use twostep_core::username::Person;

use crate::error::CommandError;
use crate::messages::configuration;
use crate::output::Output;
use crate::progress::ProgressBar;

/// How many users something is true of, by the old configuration and by the new one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Count {
    /// By the one in force.
    pub before: usize,
    /// By the new one.
    pub after: usize,
}

/// The numbers, and the names that matter.
#[derive(Debug, Default, Serialize)]
pub struct Impact {
    /// Users with a login shell or an account.
    pub users: usize,
    /// Of whom the second step is required, sooner or later.
    pub required: Count,
    /// Of those, who has not enrolled.
    pub not_enrolled: Count,
    /// Who is refused at a login now, for not having enrolled.
    pub refused: Count,
    /// Who is exempt.
    pub exempt: Count,
    /// Administrators who would be refused at once, and are not yet.
    pub locked_out: Vec<String>,
}

impl Count {
    fn add(&mut self, before: bool, after: bool) {
        self.before += usize::from(before);
        self.after += usize::from(after);
    }
}

impl Impact {
    /// Asks of everybody how they stand by both configurations.
    pub fn measure(host: &Host, new: &Config, administrator: &str) -> Result<Self, CommandError> {
        let mut impact = Self::default();
        let judges = [host.judge(&host.config), host.judge(new)];
        let mut progress = ProgressBar::begin(host)?;
        host.everybody(|subject| -> Result<(), CommandError> {
            progress.step();
            if let Subject::User(person) = subject {
                impact.count(&judges, &person);
            }
            Ok(())
        })?;
        progress.clear();
        for name in administrators(administrator) {
            if let Ok(Some(person)) = Person::lookup(&name) {
                let [before, after] = judges.each_ref().map(|judge| judge.row(&person));
                if after.overdue && !before.overdue {
                    impact.locked_out.push(name);
                }
            }
        }
        Ok(impact)
    }

    fn count(&mut self, judges: &[Judge<'_>; 2], person: &Person) {
        let [before, after] = judges.each_ref().map(|judge| judge.row(person));
        self.users += 1;
        self.required.add(before.required, after.required);
        self.not_enrolled.add(before.required && !before.enrolled, after.required && !after.enrolled);
        self.refused.add(before.overdue, after.overdue);
        self.exempt.add(before.exempt.is_some(), after.exempt.is_some());
    }

    /// Says it.
    pub fn show(&self, output: &mut Output) -> Result<(), CommandError> {
        output.say(&configuration::of_users(self.users))?;
        for (name, count) in [
            ("Required of", self.required),
            ("  not enrolled", self.not_enrolled),
            ("Refused now", self.refused),
            ("Exempt", self.exempt),
        ] {
            let Count { before, after } = count;
            output.entry(
                name,
                &if before == after { format!("{after}, as before") } else { format!("{after}, was {before}") },
            )?;
        }
        if !self.locked_out.is_empty() {
            output.say(&configuration::locks_out(&self.locked_out))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::scripted::host;

    use super::*;
    use crate::output::scripted::output;

    fn config(policy: &str) -> Config {
        Config::parse(&format!("version = 1\n[policy]\n{policy}\n")).unwrap()
    }

    #[test]
    fn a_requirement_at_once_locks_out_whoever_types_it() {
        let (host, _folder) = host("version = 1");
        let impact = Impact::measure(&host, &config("required = true"), "root").unwrap();
        assert!(impact.users > 0 && impact.locked_out.contains(&"root".to_owned()), "{impact:?}");
        let all = Count { before: 0, after: impact.users };
        assert_eq!((impact.required, impact.not_enrolled, impact.refused), (all, all, all));
        let (mut output, printed) = output(80);
        impact.show(&mut output).unwrap();
        assert!(printed.text().contains("WARNING: ") && printed.text().contains("was 0"), "{}", printed.text());
    }

    #[test]
    fn one_user_is_no_plural() {
        for (users, expected) in [(1, "Of the 1 user of"), (0, "Of the 0 users of"), (2, "Of the 2 users of")] {
            let (mut output, printed) = output(80);
            Impact { users, ..Impact::default() }.show(&mut output).unwrap();
            assert!(printed.text().starts_with(expected), "{}", printed.text());
        }
    }

    #[test]
    fn time_to_enroll_locks_out_nobody() {
        let (host, _folder) = host("version = 1");
        let impact = Impact::measure(&host, &config("required = true\nsince = 2999-01-01T00:00:00Z"), "root").unwrap();
        assert_eq!((impact.required.after, impact.refused.after), (impact.users, 0));
        assert_eq!(impact.locked_out, [""; 0]);
    }

    #[test]
    fn who_was_refused_before_is_not_locked_out_anew_and_exempt_ones_are_counted() {
        let (host, _folder) = host("version = 1\n[policy]\nrequired = true");
        let new = config("required = true\nexempt_users = [\"root\"]");
        let impact = Impact::measure(&host, &new, "root").unwrap();
        assert_eq!(impact.exempt, Count { before: 0, after: 1 });
        assert_eq!(impact.refused, Count { before: impact.users, after: impact.users - 1 });
        assert_eq!(impact.locked_out, [""; 0]);
    }
}
