//! `twostep admin`: how root helps a user, straight in the store.

use nix::unistd::geteuid;
use serde::Serialize;

use crate::arguments::Admin;
use crate::page::Page;
use crate::reach::{self, Direct};
use crate::trouble::Trouble;

mod app_passwords;
mod consent;
mod edit;
mod help;
mod prune;
mod report;
mod require;
mod show;
mod suspension;

use app_passwords::Which;

/// Whose account was reset, as programs read it.
#[derive(Debug, Serialize)]
struct Reset<'a> {
    user: &'a str,
    reset: bool,
}

/// Does what was typed, for the account of the user who was named.
pub fn run(page: &mut Page, action: &Admin) -> Result<(), Trouble> {
    match action {
        Admin::Reset { user } => reset(page, user),
        Admin::Show { user } => show::run(page, user),
        Admin::AppPasswords { user, revoke: Some(label), .. } => app_passwords::run(page, user, Which::One(label)),
        Admin::AppPasswords { user, revoke_all: true, .. } => app_passwords::run(page, user, Which::All),
        Admin::AppPasswords { user, .. } => app_passwords::run(page, user, Which::None),
        Admin::Suspend { user, time, reason } => suspension::suspend(page, user, *time, reason),
        Admin::Resume { user } => suspension::resume(page, user),
        Admin::Unlock { user } => help::unlock(page, user),
        Admin::RecoveryCode { user } => help::recovery_code(page, user),
        Admin::Enroll(wishes) => help::invite(page, wishes),
        Admin::Report(wishes) => report::run(page, wishes),
        Admin::Prune(wishes) => prune::run(page, wishes),
        Admin::Require(wishes) => require::run(page, wishes),
        Admin::Edit(wishes) => edit::run(page, wishes),
    }
}

/// Removes every authenticator, recovery code and application password of a user.
fn reset(page: &mut Page, user: &str) -> Result<(), Trouble> {
    reach::only_root(geteuid())?;
    Direct::open(user)?.reset(&page.view.administrator)?;
    page.object(&Reset { user, reset: true })?;
    page.say(&format!(
        "The second step of {user} is reset: every authenticator, recovery code and application \
         password is gone. {user} enrolls again with: twostep enroll"
    ))
}

/// What exempts a user, in words.
fn exempt_by(rule: &str) -> String {
    match rule.strip_prefix("exempt-group ") {
        Some(group) => format!("by the group {group}"),
        None => "by name".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_read_whose_account_was_reset() {
        let shown = serde_json::to_string(&Reset { user: "alice", reset: true }).unwrap();
        assert_eq!(shown, r#"{"user":"alice","reset":true}"#);
    }
}
