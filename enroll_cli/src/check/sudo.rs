//! sudo: who needs no password, how long one holds, and by which PAM service it asks.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Finding;

/// sudo's rules.
pub const SUDOERS: &str = "/etc/sudoers";

/// A ticket that outlives a coffee break.
const LONG_TICKET: f64 = 60.0;

/// sudo's rules, as cvtsudoers(1) gives them.
pub struct Rules(Value);

impl Rules {
    /// Reads them. `None` if there is no sudo on this host, or none that tells its rules.
    pub fn read(sudoers: &Path) -> Option<Result<Self, String>> {
        if !sudoers.is_file() {
            return None;
        }
        let told = Command::new("cvtsudoers").args(["-f", "json"]).arg(sudoers).stdin(Stdio::null()).output().ok()?;
        if !told.status.success() {
            let why = String::from_utf8_lossy(&told.stderr).lines().next().unwrap_or("no reason given").to_owned();
            return Some(Err(why));
        }
        Some(Self::parse(&String::from_utf8_lossy(&told.stdout)))
    }

    /// Understands its JSON.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map(Self).map_err(|error| error.to_string())
    }

    /// The PAM services by which sudo asks: its own names, where Defaults say no other.
    pub fn services(&self) -> BTreeSet<String> {
        let named =
            |key| self.options("Defaults").filter_map(move |option| option.get(key)?.as_str().map(str::to_owned));
        let mut services = named("pam_service").chain(named("pam_login_service")).collect::<BTreeSet<_>>();
        if services.is_empty() {
            services.insert("sudo".to_owned());
        }
        services
    }

    fn options(&self, part: &str) -> impl DoubleEndedIterator<Item = &Value> {
        list(&self.0, part).flat_map(|entry| list(entry, "Options"))
    }

    /// Who may run something without being asked anything.
    fn unasked(&self) -> BTreeSet<String> {
        let rules = list(&self.0, "User_Specs").filter(|rule| {
            list(rule, "Cmnd_Specs")
                .flat_map(|commands| list(commands, "Options"))
                .any(|option| is(option, "authenticate", false))
        });
        let names = |user: &Value| {
            Some(match user.as_object()?.iter().next()? {
                (kind, Value::String(name)) if kind == "usergroup" => format!("the group {name}"),
                (_, Value::String(name)) => name.clone(),
                (_, other) => other.to_string(),
            })
        };
        rules.flat_map(|rule| list(rule, "User_List")).filter_map(names).collect()
    }

    /// What is wrong where sudo asks for a code.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let unasked = self.unasked().into_iter().collect::<Vec<_>>();
        if !unasked.is_empty() {
            findings.push(Finding::warning(
                "sudo-nopasswd",
                SUDOERS,
                format!("sudo asks {} for neither password nor code for what is marked NOPASSWD.", unasked.join(", ")),
                "Take NOPASSWD out of that rule, if a person uses it.",
            ));
        }
        if self.options("Defaults").any(|option| is(option, "authenticate", false)) {
            findings.push(Finding::warning(
                "sudo-nopasswd",
                SUDOERS,
                "sudo asks nobody for anything: Defaults say !authenticate.",
                "Take !authenticate out of the Defaults.",
            ));
        }
        findings.extend(self.ticket());
        findings
    }

    /// How long sudo asks for nothing after it has asked.
    fn ticket(&self) -> Option<Finding> {
        let minutes =
            self.options("Defaults").filter_map(|option| number(option.get("timestamp_timeout")?)).next_back()?;
        if (0.0..=LONG_TICKET).contains(&minutes) {
            return None;
        }
        let what = if minutes < 0.0 {
            "sudo asks once and never again until the next boot (timestamp_timeout is negative).".to_owned()
        } else {
            format!("sudo asks for nothing for {minutes} minutes after a code (timestamp_timeout).")
        };
        Some(Finding::warning("sudo-ticket", SUDOERS, what, "Write `Defaults timestamp_timeout=15` or less."))
    }
}

fn list<'a>(value: &'a Value, key: &str) -> impl DoubleEndedIterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn is(option: &Value, key: &str, wanted: bool) -> bool {
    option.get(key).and_then(Value::as_bool) == Some(wanted)
}

/// A number, written as one or as text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(defaults: &str, user: &str, options: &str) -> Rules {
        Rules::parse(&format!(
            r#"{{"Defaults":[{{"Options":[{defaults}]}}],
                "User_Specs":[{{"User_List":[{user}],"Cmnd_Specs":[{{"Options":[{options}],"Commands":[{{"command":"ALL"}}]}}]}}]}}"#
        ))
        .unwrap()
    }

    const GROUP: &str = r#"{"usergroup":"sudo"}"#;

    fn ids(rules: &Rules) -> Vec<&'static str> {
        rules.findings().into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn usual_rules_are_right() {
        let usual = rules(r#"{"env_reset":true},{"timestamp_timeout":15}"#, GROUP, r#"{"setenv":true}"#);
        assert_eq!(ids(&usual), [""; 0]);
        assert_eq!(usual.services().into_iter().collect::<Vec<_>>(), ["sudo"]);
    }

    #[test]
    fn who_is_asked_nothing_is_named() {
        let nopasswd = rules("", GROUP, r#"{"authenticate":false}"#);
        assert_eq!(ids(&nopasswd), ["sudo-nopasswd"]);
        assert!(nopasswd.findings()[0].what.contains("the group sudo"));
        assert_eq!(ids(&rules(r#"{"authenticate":false}"#, GROUP, "")), ["sudo-nopasswd"]);
    }

    #[test]
    fn a_ticket_that_never_ends_is_found_however_it_is_written() {
        for value in ["-1", "\"-1\"", "600", "\"600.5\""] {
            assert_eq!(
                ids(&rules(&format!(r#"{{"timestamp_timeout":{value}}}"#), GROUP, "")),
                ["sudo-ticket"],
                "{value}"
            );
        }
        for value in ["0", "5", "\"2.5\""] {
            assert_eq!(ids(&rules(&format!(r#"{{"timestamp_timeout":{value}}}"#), GROUP, "")), [""; 0], "{value}");
        }
    }

    #[test]
    fn a_service_of_its_own_counts() {
        let own = rules(r#"{"pam_service":"our-sudo"},{"pam_login_service":"our-sudo-i"}"#, GROUP, "");
        assert_eq!(own.services().into_iter().collect::<Vec<_>>(), ["our-sudo", "our-sudo-i"]);
    }
}
