//! `twostep admin require`: of whom the second step is required, written into the configuration.

use host_check::dates;
use host_check::host::{self, Host, unknown_names};
use nix::unistd::geteuid;
use toml_edit::{Array, Datetime, DocumentMut, Item, TableLike, Value};
use twostep_core::config::{Config, ConfigError};
use twostep_core::request::Refusal;

use super::consent::{Consent, make_sure};
use super::report::existing;
use crate::arguments::Require;
use crate::client;
use crate::configuration::{ConfigFile, EditReport, Proposal, ProposalError, TextDiff};
use crate::error::CommandError;
use crate::messages::configuration;
use crate::output::Output;
use crate::prompter::Prompter;
use crate::terminal::who_types;

/// The table of the configuration that says who must.
const POLICY: &str = "policy";

/// Changes the requirement, after saying whom it concerns.
pub fn run(output: &mut Output, wishes: &Require) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    wishes.groups.iter().try_for_each(|name| existing(name))?;
    let file = ConfigFile::open()?;
    change(output, &mut *who_types()?, (&Host::open(), &file), wishes)
}

fn change(
    output: &mut Output,
    prompter: &mut dyn Prompter,
    place: (&Host, &ConfigFile),
    wishes: &Require,
) -> Result<(), CommandError> {
    let (host, file) = place;
    let config = Config::parse(file.text()).map_err(|error| broken(file, &error))?;
    if let Some(error) = &host.trouble {
        // What the file says is not what counts, so "it is so already" could be wrong.
        return Err(CommandError::here("broken_configuration", configuration::nothing_changed(error)));
    }
    if holds(&config, wishes)? {
        let (change, warnings) = (&TextDiff::default(), &unknown_names(&config));
        output.object(&EditReport { changed: false, file: file.shown(), change, impact: None, warnings })?;
        output.say(configuration::SO_ALREADY)?;
        return warnings.iter().try_for_each(|warning| output.say(&format!("\n{warning}")));
    }
    let text = edited(file.text(), wishes, host::now().0)?;
    let proposal = match Proposal::new(host, file.text(), text, &output.environment.administrator) {
        Ok(proposal) => proposal,
        Err(ProposalError::Mistake(error)) => return Err(CommandError::usage(configuration::not_requirable(&error))),
        Err(ProposalError::Failed(error)) => return Err(error),
    };
    proposal.show(output, file)?;
    let locked_out = &proposal.impact.locked_out;
    if !locked_out.is_empty() && !wishes.force {
        return Err(CommandError::here("locked_out", configuration::would_lock_out(locked_out)));
    }
    make_sure(prompter, Consent::by_flag(wishes.yes), configuration::PUT_IN_FORCE)?;
    proposal.put_in_force(output, file, "require")?;
    tell(output, &proposal.text, wishes)
}

/// Whether the configuration says so already. `since` moves only when time is given.
fn holds(config: &Config, wishes: &Require) -> Result<bool, CommandError> {
    let policy = &config.policy;
    if wishes.off {
        return Ok(!policy.required && policy.required_groups.is_empty());
    }
    if policy.required && !wishes.groups.is_empty() {
        return Err(CommandError::refused(Refusal::Policy, configuration::EVERYONE_ALREADY.to_owned()));
    }
    let is_required = match wishes.all {
        true => policy.required,
        false => wishes.groups.iter().all(|name| policy.required_groups.contains(name)),
    };
    Ok(is_required && wishes.within.is_none())
}

/// The text with the wishes in it. What else stands there stays, comments and order too.
fn edited(text: &str, wishes: &Require, now: i64) -> Result<String, CommandError> {
    let unfit = |what: &str| CommandError::here("file", configuration::uneditable(what));
    let mut document = text.parse::<DocumentMut>().map_err(|error| unfit(error.message()))?;
    let policy = document.entry(POLICY).or_insert_with(toml_edit::table);
    let policy = policy.as_table_like_mut().ok_or_else(|| unfit(configuration::NO_TABLE))?;
    if wishes.off {
        set_if_there(policy, "required", false.into());
        set_if_there(policy, "required_groups", Array::new().into());
        return Ok(document.to_string());
    }
    if wishes.all {
        set(policy, "required", true.into());
    }
    if !wishes.groups.is_empty() {
        let item = policy.entry("required_groups").or_insert_with(|| toml_edit::value(Array::new()));
        let groups = item.as_array_mut().ok_or_else(|| unfit(configuration::NO_LIST))?;
        for name in &wishes.groups {
            if !groups.iter().any(|known| known.as_str() == Some(name)) {
                groups.push(name.as_str());
            }
        }
    }
    let since = dates::utc(now).parse::<Datetime>().map_err(|_| unfit(configuration::CLOCK_WRONG))?;
    set(policy, "since", since.into());
    if let Some(within) = &wishes.within {
        set(policy, "grace", within.text.as_str().into());
    }
    Ok(document.to_string())
}

/// Sets a key, and leaves the comment behind its value where it is.
fn set(table: &mut dyn TableLike, key: &str, mut value: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// Sets a key whose default is the same.
fn set_if_there(table: &mut dyn TableLike, key: &str, value: Value) {
    if table.contains_key(key) {
        set(table, key, value);
    }
}

fn tell(output: &mut Output, text: &str, wishes: &Require) -> Result<(), CommandError> {
    if wishes.off {
        return output.say(configuration::REQUIRED_OF_NOBODY);
    }
    let policy = Config::parse(text).map(|config| config.policy).unwrap_or_default();
    let whom = match wishes.all {
        true => configuration::EVERYONE.to_owned(),
        false => configuration::members_of(&wishes.groups),
    };
    let since = policy.since.unwrap_or(host::now());
    let time = match policy.grace.is_zero() {
        true => configuration::FROM_NOW.to_owned(),
        false => configuration::enroll_until(&dates::minute(since.after(policy.grace).0)),
    };
    output.say(&configuration::required(&whom, &time))
}

fn broken(file: &ConfigFile, error: &ConfigError) -> CommandError {
    CommandError::here("broken_configuration", configuration::does_not_count(file.shown(), error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Span;

    /// 2026-11-22T21:00:00Z.
    const NOW: i64 = 1_795_381_200;

    const PACKAGED: &str = include_str!("../../../packaging/config.toml");

    fn all() -> Require {
        Require { all: true, ..Require::default() }
    }

    fn within(text: &str) -> Option<Span> {
        Some(Span { text: text.into(), time: twostep_core::document::duration(text).unwrap() })
    }

    fn groups(names: &[&str]) -> Require {
        Require { groups: names.iter().map(|name| (*name).to_owned()).collect(), ..Require::default() }
    }

    #[test]
    fn the_packaged_file_keeps_all_its_lines_and_gets_three() {
        let wishes = Require { within: within("30d"), ..all() };
        let text = edited(PACKAGED, &wishes, NOW).unwrap();
        let change = TextDiff::between(PACKAGED, &text);
        assert_eq!(change.removed, [""; 0]);
        assert_eq!(change.added, ["required = true", "since = 2026-11-22T21:00:00Z", "grace = \"30d\""]);
        let policy = Config::parse(&text).unwrap().policy;
        assert_eq!((policy.required, policy.since.map(|at| at.0)), (true, Some(NOW)));
        let [table, required] = ["[policy]", "\nrequired = true"].map(|part| text.find(part).unwrap());
        assert!(table < required && required < text.find("[throttle]").unwrap(), "{text}");
    }

    #[test]
    fn comments_and_order_stay() {
        let old = "version = 1 # one\n\n# who\n[policy] # table\n# from here\ngrace = \"1d\" # short\nrequired_groups = [ \"a\" ] # them\n\n[totp]\ndigits = 8\n";
        let wishes = Require { within: within("2d"), ..groups(&["a", "b"]) };
        let new = edited(old, &wishes, NOW).unwrap();
        assert_eq!(
            new,
            "version = 1 # one\n\n# who\n[policy] # table\n# from here\ngrace = \"2d\" # short\nrequired_groups = [ \"a\" , \"b\"] # them\nsince = 2026-11-22T21:00:00Z\n\n[totp]\ndigits = 8\n"
        );
    }

    #[test]
    fn off_leaves_what_says_nothing() {
        let off = Require { off: true, ..Require::default() };
        let old =
            "version = 1\n[policy]\nrequired = true # all\nrequired_groups = [\"a\"]\nsince = 2026-01-01T00:00:00Z\n";
        let new = "version = 1\n[policy]\nrequired = false # all\nrequired_groups = []\nsince = 2026-01-01T00:00:00Z\n";
        assert_eq!(edited(old, &off, NOW).unwrap(), new);
        assert!(holds(&Config::parse(new).unwrap(), &off).unwrap());
        assert!(!holds(&Config::parse(old).unwrap(), &off).unwrap());
    }

    #[test]
    fn any_form_of_the_table_is_edited() {
        for old in ["version = 1", "version = 1\npolicy.grace = \"1d\"\n", "version = 1\npolicy = { grace = \"1d\" }\n"]
        {
            let new = edited(old, &all(), NOW).unwrap();
            let policy = Config::parse(&new).unwrap_or_else(|error| panic!("{error}: {new}")).policy;
            assert!(policy.required && policy.since.is_some(), "{new}");
        }
        assert!(edited("policy = 1", &all(), NOW).is_err());
        assert!(edited("[policy]\nrequired_groups = 1", &groups(&["a"]), NOW).is_err());
    }

    #[test]
    fn time_starts_anew_only_when_it_is_given() {
        let config = Config::parse("version = 1\n[policy]\nrequired = true\nrequired_groups = [\"a\"]").unwrap();
        assert!(holds(&config, &all()).unwrap());
        assert!(!holds(&config, &Require { within: within("1d"), ..all() }).unwrap());
        assert!(holds(&config, &groups(&["a"])).unwrap_err().is(Refusal::Policy));
        let config = Config::parse("version = 1\n[policy]\nrequired_groups = [\"a\"]").unwrap();
        assert!(holds(&config, &groups(&["a"])).unwrap());
        assert!(!holds(&config, &groups(&["a", "b"])).unwrap());
        assert!(!holds(&config, &all()).unwrap());
    }
}
