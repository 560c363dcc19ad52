//! `[app_password]`: which services are for programs, and the passwords that every user gets.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::app_password::are_services;
use crate::document;

/// `[app_password]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppPasswordConfig {
    /// PAM services at which people are asked for a code; no application password opens them.
    #[serde(deserialize_with = "services")]
    pub interactive_services: Vec<String>,
    /// Application passwords of one user, 1 to 50.
    pub max: usize,
    /// Not used for so long, an application password expires.
    #[serde(deserialize_with = "document::one")]
    pub unused: Duration,
    /// Those that every user gets.
    #[serde(deserialize_with = "document::tables")]
    pub auto: Vec<Auto>,
}

/// `[[app_password.auto]]`: an application password that is made after a login with a code.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auto {
    /// Its label, and the name of the file that it is left in.
    #[serde(deserialize_with = "file_name")]
    pub name: String,
    /// The PAM services that it opens.
    #[serde(deserialize_with = "some_services")]
    pub services: Vec<String>,
    /// How long it lives.
    #[serde(default, deserialize_with = "lifetime")]
    pub expires: Option<Duration>,
}

impl AppPasswordConfig {
    /// Whether people are asked for a code at this service.
    #[must_use]
    pub fn is_interactive(&self, service: &str) -> bool {
        self.interactive_services.iter().any(|interactive| interactive == service)
    }

    pub(super) fn presets_are_for_programs(&self) -> bool {
        let mut services = self.auto.iter().flat_map(|preset| &preset.services);
        services.all(|service| !self.is_interactive(service))
    }

    pub(super) fn presets_differ(&self) -> bool {
        let names: Vec<&str> = self.auto.iter().map(|preset| preset.name.as_str()).collect();
        names.iter().enumerate().all(|(index, name)| !names.iter().take(index).any(|earlier| earlier == name))
    }
}

impl Default for AppPasswordConfig {
    fn default() -> Self {
        let interactive_services =
            ["sshd", "sudo", "sudo-i", "su", "su-l", "login", "gdm-password", "sddm", "lightdm", "cockpit"];
        let interactive_services = interactive_services.map(str::to_owned).to_vec();
        Self { interactive_services, max: 50, unused: Duration::from_secs(365 * 86_400), auto: Vec::new() }
    }
}

/// libpam turns the names of services to lower case.
pub(super) fn services<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(from)?;
    Ok(names.into_iter().map(|name| name.to_ascii_lowercase()).collect())
}

/// At least one.
pub(super) fn some_services<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let names = services(from)?;
    let holds = are_services(&names);
    document::checked(names, holds, "1 to 16 names of PAM services")
}

fn file_name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let name = String::deserialize(from)?;
    let holds = (1..=64).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'));
    document::checked(name, holds, "1 to 64 of a-z, 0-9, '.', '_' and '-', and not begin with '.'")
}

fn lifetime<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let after: Duration = document::one(from)?;
    document::checked(Some(after), !after.is_zero(), "at least 1s")
}
