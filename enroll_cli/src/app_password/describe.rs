//! Application passwords as the account lists them, and what is said of each.

use host_check::{dates, shell};
use serde::Serialize;
use twostep_core::request::{AppPasswordStatus, Preset, Request, Response};

use crate::client::{self, Client};
use crate::error::CommandError;
use crate::output::Output;

/// What there is, as programs read it.
#[derive(Debug, Serialize)]
pub struct AppPasswordList {
    /// The application passwords, oldest first.
    pub app_passwords: Vec<AppPasswordStatus>,
    /// What the administrator wants every user to have.
    pub presets: Vec<Preset>,
    /// Services for which none can be made. It is what `create` goes by, and no part of the list.
    #[serde(skip)]
    pub interactive_services: Vec<String>,
}

/// What application passwords an account has, and what presets there are.
pub fn listed(client: &mut dyn Client) -> Result<AppPasswordList, CommandError> {
    match client.ask(Request::AppPasswords {})? {
        Response::AppPasswords { app_passwords, presets, interactive_services } => {
            Ok(AppPasswordList { app_passwords, presets, interactive_services })
        }
        _ => Err(client::broken("no list")),
    }
}

/// What a password opens, from where, until when.
pub fn scope(output: &mut Output, one: &AppPasswordStatus) -> Result<(), CommandError> {
    output.entry("Services", &one.services.join(", "))?;
    output.entry("Networks", &networks(one))?;
    output.entry("Expires", &expiry(one))
}

/// From where it opens.
pub fn networks(one: &AppPasswordStatus) -> String {
    if one.networks.is_empty() { "any".to_owned() } else { one.networks.join(", ") }
}

/// Until when it does.
pub fn expiry(one: &AppPasswordStatus) -> String {
    one.expires_at.map_or_else(|| "never".to_owned(), dates::day)
}

/// The command by which programs get a stored password.
pub fn show_command(label: &str) -> String {
    format!("twostep app-password show {}", shell::as_word(label))
}
