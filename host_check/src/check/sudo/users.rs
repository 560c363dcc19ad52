//! Whom sudo's rules mean.

use std::collections::BTreeSet;

use nix::unistd::{Gid, Group, Uid, User};
use serde_json::Value;

use super::rules::{Rules, list};
use crate::host::members_of;

/// Aliases of aliases end here.
const DEEPEST: usize = 8;

/// Whom an entry names, in a sentence.
pub fn named(user: &Value) -> Option<String> {
    let (kind, name) = user.as_object()?.iter().next()?;
    let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
    Some(match kind.as_str() {
        "usergroup" | "usergid" | "nonunixgroup" | "netgroup" => format!("the group {name}"),
        "useralias" => format!("the users of {name}"),
        "userid" => format!("uid {name}"),
        "username" if name == "ALL" => "everybody".to_owned(),
        _ => name,
    })
}

impl Rules {
    /// The users who may run anything as root, where rules name them or their groups; a rule for
    /// everybody names nobody.
    pub fn administrators(&self) -> BTreeSet<String> {
        let all = self.rules().filter(|(rule, _)| list(rule, "Cmnd_Specs").any(may_do_all_as_root));
        let mut names = BTreeSet::new();
        for (_, users) in all {
            self.collect(users, DEEPEST, &mut names);
        }
        names
    }

    fn collect<'a>(&'a self, users: impl IntoIterator<Item = &'a Value>, depth: usize, names: &mut BTreeSet<String>) {
        let positive = users.into_iter().filter(|user| user.get("negated").is_none());
        for (kind, name) in positive.filter_map(|user| user.as_object()?.iter().next()) {
            let number = name.as_u64().and_then(|number| u32::try_from(number).ok());
            let group = |found: nix::Result<Option<Group>>| found.ok().flatten().map(|group| members_of(&group));
            match (kind.as_str(), name.as_str(), number) {
                ("username", Some(name), _) if name != "ALL" => {
                    names.insert(name.to_owned());
                }
                ("userid", _, Some(uid)) => {
                    names.extend(User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name))
                }
                ("usergroup", Some(name), _) => names.extend(group(Group::from_name(name)).unwrap_or_default()),
                ("usergid", _, Some(gid)) => {
                    names.extend(group(Group::from_gid(Gid::from_raw(gid))).unwrap_or_default());
                }
                ("useralias", Some(alias), _) if depth > 0 => {
                    let aliases = self.0.get("User_Aliases").and_then(|all| all.get(alias)).and_then(Value::as_array);
                    self.collect(aliases.into_iter().flatten(), depth - 1, names);
                }
                _ => {}
            }
        }
    }
}

fn may_do_all_as_root(commands: &Value) -> bool {
    let is_all =
        |one: &Value| one.get("command").and_then(Value::as_str) == Some("ALL") && one.get("negated").is_none();
    let is_root = |one: &Value| matches!(one.get("username").and_then(Value::as_str), Some("ALL" | "root"));
    let runs_as = list(commands, "runasusers").collect::<Vec<_>>();
    list(commands, "Commands").any(is_all) && (runs_as.is_empty() || runs_as.into_iter().any(is_root))
}
