//! `twostep admin`: how root helps a user, straight in the store.

use crate::arguments::Admin;
use crate::error::CommandError;
use crate::output::Output;

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
pub fn run(output: &mut Output, action: &Admin) -> Result<(), CommandError> {
    match action {
        Admin::Reset { user } => reset::run(output, user),
        Admin::Show { user } => show::run(output, user),
        Admin::AppPasswords { user, revoke: Some(label), .. } => app_passwords::run(output, user, Which::One(label)),
        Admin::AppPasswords { user, revoke_all: true, .. } => app_passwords::run(output, user, Which::All),
        Admin::AppPasswords { user, .. } => app_passwords::run(output, user, Which::None),
        Admin::Suspend { user, time, reason } => suspension::suspend(output, user, *time, reason),
        Admin::Resume { user } => suspension::resume(output, user),
        Admin::Unlock { user } => help::unlock(output, user),
        Admin::RecoveryCode { user } => help::recovery_code(output, user),
        Admin::Enroll(wishes) => help::invite(output, wishes),
        Admin::Report(wishes) => report::run(output, wishes),
        Admin::Prune(wishes) => prune::run(output, wishes),
        Admin::Require(wishes) => require::run(output, wishes),
        Admin::Apply(wishes) => apply::apply(output, wishes),
        Admin::Confirm => apply::confirm(output),
        Admin::Revert(wishes) => apply::revert(output, wishes),
        // These end with a code, and say nothing.
        Admin::Trial { .. } | Admin::ReadHome { .. } => Ok(()),
        Admin::Import(wishes) => import::run(output, wishes),
        Admin::Export(wishes) => export::run(output, wishes),
        Admin::Check(wishes) => check::run(output, wishes),
        Admin::Edit(wishes) => edit::run(output, wishes),
        Admin::Reseal(wishes) => reseal::run(output, wishes),
        Admin::GiveKey => reseal::give(),
    }
}
