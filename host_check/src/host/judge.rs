//! How users stand by a configuration, found out quickly for very many.

use twostep_core::config::Config;
use twostep_core::overview::{Overview, Row};
use twostep_core::store::files::FilesStore;
use twostep_core::time::SystemClock;
use twostep_core::username::Person;

use super::Host;
use super::members::Members;

/// One configuration, with the members of its groups.
pub struct Judge<'a> {
    store: &'a FilesStore,
    config: Config,
    groups: Members,
}

impl Host {
    /// How users stand by this configuration.
    pub fn judge(&self, config: &Config) -> Judge<'_> {
        let policy = &config.policy;
        let groups = Members::of(policy.required_groups.iter().chain(&policy.exempt_groups));
        Judge { store: &self.store, config: config.clone(), groups }
    }
}

impl Judge<'_> {
    /// The line of one user.
    pub fn row(&self, person: &Person) -> Row {
        Overview { config: &self.config, store: self.store, clock: &SystemClock, groups: &self.groups }.row(person)
    }
}

#[cfg(test)]
mod tests {
    use twostep_core::groups::Database;

    use super::*;
    use crate::error::Error;
    use crate::host::Subject;
    use crate::host::scripted::host;

    #[test]
    fn everybody_stands_as_the_rules_of_a_login_say() {
        for policy in [
            "",
            "required = true",
            "required = true\nexempt_groups = [\"daemon\", \"root\"]",
            "required = true\nexempt_groups = [\"root\"]\nexempt_users = [\"root\"]",
            "required_groups = [\"root\", \"users\"]\nexempt_groups = [\"no-such-group\"]",
            "required_groups = [\"no-such-group\"]",
            "required_groups = [\"root\"]\nsince = 2999-01-01T00:00:00Z",
            "required_groups = [\"root\"]\nexempt_groups = [\"root\"]\nsince = 2020-01-01T00:00:00Z\ngrace = \"1d\"",
        ] {
            let (host, _folder) = host(&format!("version = 1\n[policy]\n{policy}\n"));
            let judge = host.judge(&host.config);
            let rules = Overview { config: &host.config, store: &host.store, clock: &SystemClock, groups: &Database };
            let mut count = 0;
            host.everybody(|subject| {
                let Subject::User(person) = subject else { return Ok(()) };
                count += 1;
                let shown = |row| {
                    let mut row = serde_json::to_value::<Row>(row).unwrap();
                    // A second may pass between the two.
                    row["grace_until"] = row["grace_until"].is_null().into();
                    row
                };
                assert_eq!(shown(judge.row(&person)), shown(rules.row(&person)), "{policy}");
                Ok::<(), Error>(())
            })
            .unwrap();
            assert!(count > 0);
        }
    }
}
