//! The Defaults of sudo: each setting, with whom it is for.

use serde_json::Value;

use super::rules::{Rules, list};
use super::users::named;

/// One setting.
pub struct Setting<'a> {
    option: &'a Value,
    /// Whom or what it is bound to; everybody, where there is nothing.
    binding: Vec<&'a Value>,
}

impl Rules {
    /// Each setting, in its order.
    pub fn settings(&self) -> Vec<Setting<'_>> {
        let entries = list(&self.0, "Defaults").map(|entry| (entry, list(entry, "Binding").collect::<Vec<_>>()));
        entries
            .flat_map(|(entry, binding)| {
                list(entry, "Options").map(move |option| Setting { option, binding: binding.clone() })
            })
            .collect()
    }
}

impl Setting<'_> {
    /// Whether it is so for everybody, everywhere, for every command.
    pub fn is_for_all(&self) -> bool {
        self.binding.is_empty()
    }

    /// For whom it is, in a sentence.
    pub fn whom(&self) -> String {
        if self.is_for_all() {
            return "everybody".to_owned();
        }
        let names = self.binding.iter().filter_map(|one| {
            let (kind, name) = (one.as_object()?.keys().next()?, named(one)?);
            Some(match kind.as_str() {
                "command" | "cmndalias" => format!("who runs {name}"),
                "hostname" | "hostalias" => format!("everybody on {name}"),
                _ => name,
            })
        });
        names.collect::<Vec<_>>().join(", ")
    }

    /// Whether it is this switch, in this position.
    pub fn is(&self, key: &str, wanted: bool) -> bool {
        self.option.get(key).and_then(Value::as_bool) == Some(wanted)
    }

    /// The text of this setting, if it is the one.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.option.get(key)?.as_str()
    }

    /// The number of this setting, if it is the one, written as a number or as text.
    pub fn number(&self, key: &str) -> Option<f64> {
        let value = self.option.get(key)?;
        // `!timestamp_timeout` is zero.
        if value.as_bool() == Some(false) {
            return Some(0.0);
        }
        value.as_f64().or_else(|| value.as_str()?.parse().ok())
    }
}
