//! `pam_twostep.so`: the entry points of a PAM module, and what they return. The service decides
//! what a login must pass; how C is spoken to is in [`ffi`].
//!
//! The module is a guest in someone else's process: it starts no thread, reads no environment, and
//! leaves no signal, umask, folder, open file or child behind.

use pamsm::PamError;
use protocol::audit::Line;
use protocol::options::{Mode, Options};
use protocol::request::{Outcome, Phase};

mod ffi;
mod login;
mod messages;
mod service;
mod unsaid;

use ffi::{Item, PamCall, Priority};
use login::PamLine;

/// `pam_sm_authenticate`: the second step, or the password in place of both.
fn authenticate(host: &PamCall<'_>, arguments: &[Vec<u8>]) -> PamError {
    #[cfg(feature = "fault-panic")]
    fail_on_purpose();
    if let Err(code) = login::forget(host) {
        host.log(Priority::Error, &format!("error reason=\"libpam forgets nothing, with its code {code}\""));
        return PamError::SERVICE_ERR;
    }
    let Some(line) = understood(host, arguments) else { return PamError::SERVICE_ERR };
    if line.options.mode == Mode::SshKey {
        return key_or_ignore(host);
    }
    let Some(user) = host.ask_user() else {
        host.log(Priority::Notice, "refused reason=no-user-name");
        return PamError::AUTH_ERR;
    };
    match login::run(host, &line, Phase::Auth, user) {
        Outcome::Accepted => PamError::SUCCESS,
        Outcome::NotAsked => PamError::IGNORE,
        Outcome::Refused => PamError::AUTH_ERR,
        Outcome::Failed => PamError::SERVICE_ERR,
    }
}

/// `pam_sm_setcred`: there are none to set. Anything but success would break logins in stacks where
/// no other module sets any; only the line that asks about a key repeats what it said, and one with
/// `enroll` refuses who was let through to enroll and has not.
fn set_credentials(host: &PamCall<'_>, arguments: &[Vec<u8>]) -> PamError {
    let Some(line) = understood(host, arguments) else { return PamError::SERVICE_ERR };
    match (line.options.mode, host.item(Item::User)) {
        (Mode::SshKey, _) => key_or_ignore(host),
        (_, Some(user)) if line.options.enroll => match login::run(host, &line, Phase::Credentials, user) {
            Outcome::Accepted => PamError::SUCCESS,
            Outcome::NotAsked | Outcome::Refused | Outcome::Failed => PamError::CRED_ERR,
        },
        _ => PamError::SUCCESS,
    }
}

/// `pam_sm_acct_mgmt`: what the second step came to.
fn manage_account(host: &PamCall<'_>, arguments: &[Vec<u8>]) -> PamError {
    let Some(line) = understood(host, arguments) else { return PamError::SERVICE_ERR };
    let Options { mode, require_step, enroll, .. } = line.options;
    // sshd takes a key after a password that failed, whose code nobody took.
    if mode != Mode::SshKey && login::owes_code(host) && !key_was_accepted(host) {
        return forwarded_in_vain(host);
    }
    if mode == Mode::SshKey || !(require_step || enroll || login::is_begun(host)) {
        return PamError::IGNORE;
    }
    let Some(user) = host.item(Item::User) else {
        host.log(Priority::Error, "error reason=no-user-name");
        return PamError::SERVICE_ERR;
    };
    match login::run(host, &line, Phase::Account, user) {
        Outcome::Accepted => PamError::SUCCESS,
        Outcome::NotAsked => PamError::IGNORE,
        Outcome::Refused => PamError::PERM_DENIED,
        Outcome::Failed => PamError::SERVICE_ERR,
    }
}

/// `pam_sm_open_session`: says which session the second step was for, and shows what there is to notice. No
/// session ends here, whatever fails.
fn open_session(host: &PamCall<'_>, arguments: &[Vec<u8>]) -> PamError {
    let line = understood(host, arguments).filter(|line| line.options.mode == Mode::Code);
    let phase = match (is_read(host), login::has_ticket(host)) {
        (true, _) => Some(Phase::Session),
        (false, true) => Some(Phase::UnreadSession),
        (false, false) => None,
    };
    if let (Some(line), Some(user), Some(phase)) = (line, host.item(Item::User), phase) {
        let _ = login::run(host, &line, phase, user);
    }
    login::forget_ticket(host);
    PamError::SUCCESS
}

/// `pam_sm_close_session`: nothing was opened.
fn close_session(_: &PamCall<'_>, _: &[Vec<u8>]) -> PamError {
    PamError::SUCCESS
}

/// `pam_sm_chauthtok`: passwords are not ours.
fn change_password(_: &PamCall<'_>, _: &[Vec<u8>]) -> PamError {
    PamError::IGNORE
}

/// The line of the PAM stack; without one, the log has the option that was not understood.
fn understood(host: &PamCall<'_>, arguments: &[Vec<u8>]) -> Option<PamLine> {
    match Options::parse(arguments) {
        Ok(options) => {
            let arguments = arguments.iter().map(|one| String::from_utf8_lossy(one).into_owned()).collect();
            Some(PamLine { options, arguments })
        }
        Err(error) => {
            let service = host.item(Item::Service).unwrap_or_default();
            let line = Line::new("error").with("service", service).with("reason", error);
            host.log(Priority::Error, &line.finish());
            None
        }
    }
}

/// A line with `forward_pass` took the code off the password, and no line asked for it: nobody needed one.
fn forwarded_in_vain(host: &PamCall<'_>) -> PamError {
    let line = Line::new("refused")
        .with_some("user", host.item(Item::User))
        .with("service", host.item(Item::Service).unwrap_or_default())
        .with("reason", "forwarded-code-not-asked")
        .with("remedy", "write a pam_twostep line behind the password module");
    host.log(Priority::Error, &line.finish());
    host.tell(ffi::MessageStyle::Error, messages::UNREACHABLE);
    PamError::PERM_DENIED
}

fn key_or_ignore(host: &PamCall<'_>) -> PamError {
    if key_was_accepted(host) { PamError::SUCCESS } else { PamError::IGNORE }
}

/// Whether sshd has accepted a key for this login: it says so in the PAM environment, one line for
/// each method that succeeded.
fn key_was_accepted(host: &PamCall<'_>) -> bool {
    host.environment(c"SSH_AUTH_INFO_0").is_some_and(|methods| names_a_key(&methods))
}

fn names_a_key(methods: &str) -> bool {
    methods.lines().any(|line| line.starts_with("publickey "))
}

/// Whether a person reads what a session says: it has a terminal, or sshd may give it one.
fn is_read(host: &PamCall<'_>) -> bool {
    !host.is_silent() && host.item(Item::Terminal).is_some_and(|tty| is_terminal(&tty))
}

/// sshd says `ssh` for every session and shows the text only where it opens a terminal. Others name
/// the device, with or without its folder; cron, ftp and X displays are none.
fn is_terminal(tty: &str) -> bool {
    let name = tty.strip_prefix("/dev/").unwrap_or(tty);
    let is_device = |prefix: &str| name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
    name == "ssh" || name == "console" || ["tty", "pts/", "hvc", "lxc/"].into_iter().any(is_device)
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
    fn only_a_line_of_its_own_names_a_key() {
        assert!(names_a_key("publickey ssh-ed25519 AAAAC3Nz"));
        assert!(names_a_key("password\npublickey ssh-rsa AAAAB3Nz\n"));
        for methods in ["", "password", "publickey", "keyboard-interactive publickey ", "hostbased\n publickey x"] {
            assert!(!names_a_key(methods), "{methods}");
        }
    }

    #[test]
    fn text_is_shown_in_terminals_only() {
        for tty in ["ssh", "/dev/pts/0", "pts/3", "tty1", "/dev/ttyS0", "/dev/console", "hvc0"] {
            assert!(is_terminal(tty), "{tty}");
        }
        for none in ["cron", "", "/dev/", "tty", "pts/", ":0", ":pts/0:S.0", "ftp", "web", "/dev/null"] {
            assert!(!is_terminal(none), "{none}");
        }
    }
}
