//! The rules of sudo, as JSON.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// sudo's rules, as cvtsudoers(1) gives them.
pub struct Rules(pub(super) Value);

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

    /// The rules, without root's: sudo asks root for nothing.
    pub(super) fn rules(&self) -> impl Iterator<Item = (&Value, Vec<&Value>)> {
        list(&self.0, "User_Specs").filter_map(|rule| {
            let is_root = |user: &&Value| user.get("username").and_then(Value::as_str) == Some("root");
            let users = list(rule, "User_List").filter(|user| !is_root(user)).collect::<Vec<_>>();
            (!users.is_empty()).then_some((rule, users))
        })
    }
}

/// What the list of this name holds.
pub fn list<'a>(value: &'a Value, key: &str) -> impl DoubleEndedIterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}
