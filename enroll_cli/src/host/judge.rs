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
    /// The configuration for those of whom the second step is required, and that for all others:
    /// both without groups.
    for_members: Config,
    for_others: Config,
    required: Members,
    exempt: Members,
}

impl Host {
    /// How users stand by this configuration.
    pub fn judge(&self, config: &Config) -> Judge<'_> {
        let (mut for_members, policy) = (config.clone(), &config.policy);
        let (required, exempt) = (Members::of(&policy.required_groups), Members::of(&policy.exempt_groups));
        for_members.policy.required_groups.clear();
        for_members.policy.exempt_groups.clear();
        let for_others = for_members.clone();
        for_members.policy.required = true;
        Judge { store: &self.store, for_members, for_others, required, exempt }
    }
}

impl Judge<'_> {
    /// The line of one user. Where nobody can say who is in a group, everyone is required and nobody
    /// exempt, as at a login.
    pub fn row(&self, person: &Person) -> Row {
        let is_required = !matches!(self.required.first_of(person), Ok(None));
        let config = if is_required { &self.for_members } else { &self.for_others };
        let row = Overview { config, store: self.store, clock: &SystemClock }.row(person);
        match self.exempt.first_of(person) {
            // A suspension and the user's own exemption go before the group's.
            Ok(Some(group)) if row.suspended_until.is_none() && row.exempt.is_none() => {
                Row { exempt: Some(format!("exempt-group {group}")), grace_until: None, overdue: false, ..row }
            }
            _ => row,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            let rules = Overview { config: &host.config, store: &host.store, clock: &SystemClock };
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
                Ok(())
            })
            .unwrap();
            assert!(count > 0);
        }
    }
}
