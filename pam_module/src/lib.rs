//! `pam_twostep.so`: the entry points of a PAM module, and what they return. What a login must pass
//! is decided in `twostep_core`; how C is spoken to, in [`ffi`].
//!
//! The module is a guest in someone else's process: it starts no thread, reads no environment, and
//! leaves no signal, umask, folder or open file behind.

use pamsm::PamError;
use twostep_core::audit::Line;
use twostep_core::options::{Mode, Options};

mod account_phase;
mod app_password;
mod attempt;
mod ended;
mod enrollment;
mod failed;
mod ffi;
mod hand_over;
mod helper_client;
mod question;
mod second_step;
mod session;
mod unsaid;

use attempt::{Attempt, key_was_accepted};
use ffi::{Host, Item, Priority};
use hand_over::{HandOver, Outcome};

/// What an outcome is in PAM: first for `pam_sm_authenticate`, then for `pam_sm_acct_mgmt`.
///
/// Whatever fails is `PAM_SERVICE_ERR` in both, and never one of these.
///
/// Who enrolls now succeeds in the auth phase, so that [`set_credentials`] can still refuse: libpam
/// drops what a line returns there that was ignored in the auth phase.
fn codes(outcome: Outcome) -> (PamError, PamError) {
    match outcome {
        Outcome::CodeAccepted | Outcome::Accepted => (PamError::SUCCESS, PamError::SUCCESS),
        Outcome::EnrollsNow => (PamError::SUCCESS, PamError::PERM_DENIED),
        Outcome::NotAsked | Outcome::NobodyAsked => (PamError::IGNORE, PamError::IGNORE),
        Outcome::MustEnroll => (PamError::AUTH_ERR, PamError::PERM_DENIED),
        Outcome::Refused => (PamError::AUTH_ERR, PamError::PERM_DENIED),
    }
}

/// `pam_sm_authenticate`: the second step, or the password in place of both.
fn authenticate(host: &Host<'_>, arguments: &[Vec<u8>]) -> PamError {
    #[cfg(feature = "fault-panic")]
    fail_on_purpose();
    if let Err(code) = HandOver::clear(host) {
        host.log(Priority::Error, &format!("error reason=\"libpam forgets nothing, with its code {code}\""));
        return PamError::SERVICE_ERR;
    }
    let Some(options) = understood(host, arguments) else { return PamError::SERVICE_ERR };
    if options.mode == Mode::SshKey {
        return key_or_ignore(host);
    }
    let Some(user) = host.ask_user() else {
        host.log(Priority::Notice, "refused reason=no-user-name");
        return PamError::AUTH_ERR;
    };
    let attempt = Attempt::new(host, &options, user);
    let ended = match options.mode {
        Mode::AppPassword => app_password::app_password(&attempt),
        Mode::Code | Mode::SshKey => second_step::second_step(&attempt),
    };
    match ended {
        Ok(ended) => {
            attempt.report(&ended);
            codes(ended.outcome).0
        }
        Err(failed) => {
            attempt.report_failed(failed);
            PamError::SERVICE_ERR
        }
    }
}

/// `pam_sm_setcred`: there are none to set. Anything but success would break logins in stacks where
/// no other module sets any; only the line that asks about a key repeats what it said, and one with
/// `enroll` refuses who was let through to enroll and has not.
fn set_credentials(host: &Host<'_>, arguments: &[Vec<u8>]) -> PamError {
    match understood(host, arguments) {
        Some(options) if options.mode == Mode::SshKey => key_or_ignore(host),
        Some(options) if options.enroll && enrollment::is_owed(host, &options) => PamError::CRED_ERR,
        Some(_) => PamError::SUCCESS,
        None => PamError::SERVICE_ERR,
    }
}

/// `pam_sm_acct_mgmt`: what the second step came to.
fn manage_account(host: &Host<'_>, arguments: &[Vec<u8>]) -> PamError {
    let Some(options) = understood(host, arguments) else { return PamError::SERVICE_ERR };
    if options.mode == Mode::SshKey || !(options.require_step || options.enroll || HandOver::is_there(host)) {
        return PamError::IGNORE;
    }
    let Some(user) = host.item(Item::User) else {
        host.log(Priority::Error, "error reason=no-user-name");
        return PamError::SERVICE_ERR;
    };
    // No program comes here before every first step is proved.
    let options = Options { after_first_step: true, ..options };
    let attempt = Attempt::new(host, &options, user);
    match account_phase::account_phase(&attempt) {
        Ok(outcome) => codes(outcome).1,
        Err(failed) => {
            attempt.report_failed(failed);
            PamError::SERVICE_ERR
        }
    }
}

/// `pam_sm_open_session`: shows what there is to notice. No session ends here, whatever fails.
fn open_session(host: &Host<'_>, arguments: &[Vec<u8>]) -> PamError {
    let options = understood(host, arguments).filter(|options| options.mode == Mode::Code);
    if let (Some(options), Some(user), true) = (options, host.item(Item::User), session::is_read(host)) {
        let attempt = Attempt::new(host, &options, user);
        if let Err(error) = session::show_notices(&attempt) {
            attempt.log_failure(error);
        }
    }
    PamError::SUCCESS
}

/// `pam_sm_close_session`: nothing was opened.
fn close_session(_: &Host<'_>, _: &[Vec<u8>]) -> PamError {
    PamError::SUCCESS
}

/// `pam_sm_chauthtok`: passwords are not ours.
fn change_password(_: &Host<'_>, _: &[Vec<u8>]) -> PamError {
    PamError::IGNORE
}

/// The options of the line; without them, the log has the one that was not understood.
fn understood(host: &Host<'_>, arguments: &[Vec<u8>]) -> Option<Options> {
    match Options::parse(arguments) {
        Ok(options) => Some(options),
        Err(error) => {
            let service = host.item(Item::Service).unwrap_or_default();
            let line = Line::new("error").with("service", service).with("reason", error);
            host.log(Priority::Error, &line.finish());
            None
        }
    }
}

fn key_or_ignore(host: &Host<'_>) -> PamError {
    if key_was_accepted(host) { PamError::SUCCESS } else { PamError::IGNORE }
}

/// What the tests of the panic guard build in.
#[cfg(feature = "fault-panic")]
#[expect(clippy::panic, reason = "this is what the feature is for")]
fn fail_on_purpose() {
    panic!("the answer was hunter2");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_accepted_code_is_a_success() {
        for outcome in [Outcome::NotAsked, Outcome::NobodyAsked, Outcome::MustEnroll, Outcome::Refused] {
            assert_ne!(codes(outcome).0, PamError::SUCCESS);
            assert_ne!(codes(outcome).1, PamError::SUCCESS);
        }
        for accepted in [Outcome::Accepted, Outcome::CodeAccepted] {
            assert_eq!(codes(accepted), (PamError::SUCCESS, PamError::SUCCESS));
        }
    }

    #[test]
    fn a_refusal_is_never_ignored() {
        assert_eq!(codes(Outcome::Refused), (PamError::AUTH_ERR, PamError::PERM_DENIED));
        assert_eq!(codes(Outcome::MustEnroll), (PamError::AUTH_ERR, PamError::PERM_DENIED));
        assert_eq!(codes(Outcome::EnrollsNow).1, PamError::PERM_DENIED);
    }
}
