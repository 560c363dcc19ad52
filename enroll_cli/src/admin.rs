//! `twostep admin`: how root helps a user, straight in the store.

use crate::arguments::Admin;
use crate::page::Page;
use crate::trouble::Trouble;

mod app_passwords;
mod apply;
mod check;
mod consent;
mod edit;
mod export;
mod help;
mod homes;
mod import;
mod prune;
mod report;
mod require;
mod reseal;
mod reset;
mod show;
mod suspension;

use app_passwords::Which;
pub use homes::read_here;

/// Does what was typed, for the account of the user who was named.
pub fn run(page: &mut Page, action: &Admin) -> Result<(), Trouble> {
    match action {
        Admin::Reset { user } => reset::run(page, user),
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
        Admin::Apply(wishes) => apply::apply(page, wishes),
        Admin::Confirm => apply::confirm(page),
        Admin::Revert(wishes) => apply::revert(page, wishes),
        // These end with a code, and say nothing.
        Admin::Trial { .. } | Admin::ReadHome { .. } => Ok(()),
        Admin::Import(wishes) => import::run(page, wishes),
        Admin::Export(wishes) => export::run(page, wishes),
        Admin::Check(wishes) => check::run(page, wishes),
        Admin::Edit(wishes) => edit::run(page, wishes),
        Admin::Reseal(wishes) => reseal::run(page, wishes),
        Admin::GiveKey => reseal::give(),
    }
}
