//! Names in a configuration that nobody has.

use nix::unistd::User;
use twostep_core::config::Config;
use twostep_core::groups;

use crate::messages::users;

/// A sentence for each user and group of the policy that the user database does not know. Where it
/// does not answer, nothing is said.
pub fn unknown_names(config: &Config) -> Vec<String> {
    let policy = &config.policy;
    let no_group = |name: &&String| matches!(groups::find(name), Ok(None));
    let required = policy.required_groups.iter().filter(no_group);
    let required = required.map(|name| users::unknown_name("required_groups", name, "group", users::REQUIRES_NOTHING));
    let groups = policy.exempt_groups.iter().filter(no_group);
    let groups = groups.map(|name| users::unknown_name("exempt_groups", name, "group", users::EXEMPTS_NOBODY));
    let users = policy.exempt_users.iter().filter(|name| matches!(User::from_name(name), Ok(None)));
    let users = users.map(|name| users::unknown_name("exempt_users", name, "user", users::EXEMPTS_NOBODY));
    required.chain(groups).chain(users).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_nobody_has_are_said_with_their_key() {
        let policy = "required_groups = [\"root\", \"no-such-group\"]\nexempt_groups = [\"nor-this\", \"daemon\"]\n\
                      exempt_users = [\"root\", \"no-such-user\"]";
        let config = Config::parse(&format!("version = 1\n[policy]\n{policy}\n")).unwrap();
        let said = unknown_names(&config);
        assert_eq!(said.len(), 3, "{said:?}");
        for (sentence, parts) in said.iter().zip([
            ["required_groups names no-such-group", "no such group, so it requires nothing"],
            ["exempt_groups names nor-this", "no such group, so it exempts nobody"],
            ["exempt_users names no-such-user", "no such user, so it exempts nobody"],
        ]) {
            assert!(parts.iter().all(|part| sentence.contains(part)), "{sentence}");
        }
    }
}
