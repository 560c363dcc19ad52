//! Application passwords as the account lists them, and what is said of each.

use host_check::{dates, shell};
use serde::Serialize;
use twostep_core::request::{AppPasswordStatus, Preset, Request, Response};

use crate::page::Page;
use crate::reach::{self, Reach};
use crate::trouble::Trouble;

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
pub fn listed(reach: &mut dyn Reach) -> Result<AppPasswordList, Trouble> {
    match reach.ask(Request::AppPasswords {})? {
        Response::AppPasswords { app_passwords, presets, interactive_services } => {
            Ok(AppPasswordList { app_passwords, presets, interactive_services })
        }
        _ => Err(reach::broken("no list")),
    }
}

/// What a password opens, from where, until when.
pub fn scope(page: &mut Page, one: &AppPasswordStatus) -> Result<(), Trouble> {
    page.entry("Services", &one.services.join(", "))?;
    page.entry("Networks", &networks(one))?;
    page.entry("Expires", &expiry(one))
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
