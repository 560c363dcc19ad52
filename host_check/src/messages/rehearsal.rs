//! What `twostep admin check --login` tells of one login.

use std::collections::BTreeSet;
use std::fmt::Display;

use twostep_core::options::Mode;
use twostep_core::policy::Rule;
use twostep_core::store::StoreError;

use crate::dates;

/// PermitRootLogin.
pub const ROOT_NOT_ALLOWED: &str = "The login is refused: sshd does not allow root to log in (PermitRootLogin no).";

/// The other values of it.
pub fn root_by_key(setting: &str) -> String {
    format!(
        "The login is refused: sshd takes nothing but a key of root (PermitRootLogin {setting}), and a key alone is not enough here."
    )
}

/// The same.
pub const ROOT_BY_COMMAND: &str = "The login is refused: sshd lets root in only by a key that is tied to a command (PermitRootLogin forced-commands-only).";

/// One of four lists.
pub fn refused_by(keyword: &str) -> String {
    format!("The login is refused: sshd's {keyword} does not let this user in.")
}

/// nologin, say.
pub fn no_shell(shell: impl Display) -> String {
    format!("The login is refused: {shell} stands in place of a shell, and ends the session at once.")
}

/// The same at sshd, which may serve more than a shell.
pub fn forwarding_alone(outcome: &str, shell: &str) -> String {
    format!("{outcome} {shell} stands in place of a shell: only forwarding, or a command that sshd sets, works then.")
}

/// A sealing key that is not there, or not this host's.
pub const SEALED: &str = "the sealing key is missing or opens none of these secrets, so only a recovery code counts: see twostep admin check";

/// An sshd that does not say what it does.
pub const SSHD_ITSELF: &str = "sshd itself";

/// The end, and what it rests on.
pub fn granting(outcome: &str, modules: &BTreeSet<String>) -> String {
    if modules.is_empty() {
        return outcome.to_owned();
    }
    let names = modules.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    format!("{outcome} Not looked at, and taken to let through: {names}.")
}

/// What a server asks beside PAM.
pub fn but(outcome: String, besides: &[String]) -> String {
    besides.iter().fold(outcome, |outcome, beside| format!("{outcome} But {beside}."))
}

/// Every method is off.
pub const NO_WAY_IN: &str = "The login is refused: sshd offers no way in.";

/// UsePAM.
pub const PAST_PAM: &str = "The login succeeds with the first step alone: sshd does not ask PAM.";

/// sshd refuses its configuration.
pub fn offer_untold(why: &str) -> String {
    format!("It does not tell what it offers: {why}.")
}

/// Who is enrolled, and gets no chance.
pub fn enrolled_but(user: &str, what: &str) -> String {
    format!("{user} is enrolled, but {what}.")
}

/// Who is enrolled.
pub fn asked(user: &str, labels: &str) -> String {
    format!("{user} is enrolled ({labels}): a code is asked.")
}

/// Who gets no code asked, and why.
pub fn not_asked(user: &str, rule: &Rule) -> String {
    format!("{user} is asked for no code: {}.", reason(rule))
}

fn reason(rule: &Rule) -> String {
    match rule {
        Rule::Suspended => "an administrator has switched the second step off for a time".to_owned(),
        Rule::ExemptUser => "exempt_users names them".to_owned(),
        Rule::ExemptGroup(group) => format!("exempt_groups names {group}"),
        Rule::ExemptService => "exempt_services names this service".to_owned(),
        Rule::ExemptNetwork => "exempt_networks holds this address".to_owned(),
        Rule::Recent => "a second step was passed in the same session a short while ago (recent)".to_owned(),
        Rule::Remembered => "a second step was passed from there a short while ago (remember)".to_owned(),
        Rule::NotYet(since) => format!("it is required from {} on", dates::minute(since.0)),
        Rule::Grace(until) => format!("they have until {} to enroll", dates::minute(until.0)),
        Rule::NotEnrolled => "they have not enrolled, and nothing requires it".to_owned(),
    }
}

/// Whose time is over.
pub fn overdue(user: &str, is_open: bool) -> String {
    let then = if is_open { "this login has to" } else { "the login is refused" };
    format!("{user} had to enroll by now and has not: {then}.")
}

/// Codes wait after wrong ones.
pub fn wait(seconds: u64) -> String {
    format!("wrong codes came from there: none is judged for another {seconds} seconds")
}

/// The same, for longer.
pub fn closed_to_strangers(user: &str) -> String {
    format!(
        "too many wrong codes came, so from an unknown place only a recovery code counts; to end it: twostep admin unlock {user}"
    )
}

/// A program that is no listed caller.
pub fn unlisted(user: &str, service: &str, program: &str) -> String {
    format!(
        "{user} has to pass a second step, and the program of {service} runs as {program}, which the configuration does not list under [[callers]]: it is refused."
    )
}

/// The same, for everybody.
pub fn closed(user: &str) -> String {
    format!("too many wrong codes came, so only a recovery code counts; to end it: twostep admin unlock {user}")
}

/// An account in no order.
pub fn account_unreadable(user: &str, error: &StoreError) -> String {
    format!("The account of {user} is invalid, so the login is refused: {error}.")
}

/// A stack in no order.
pub fn given_up(why: &str) -> String {
    format!("libpam gives the service up: {why}.")
}

/// The same.
pub const SERVICE_UNREADABLE: &str = "The login is refused: PAM cannot read the service.";

/// How it ends.
pub const IN_ACCOUNT_PHASE: &str = "The login is refused in the account phase.";

/// The same.
pub const NO_LINES: &str = "The login is refused: the PAM service has no lines.";

/// The same.
pub const IN_AUTH_PHASE: &str = "The login is refused in the auth phase.";

/// The same.
pub const NOBODY_CAN_TYPE: &str =
    "The login is refused: sshd offers no keyboard-interactive, so nobody can type the code.";

/// The same.
pub const PAM_FOR_NOTHING: &str = "The login succeeds with the first step alone: sshd asks PAM for nothing.";

/// The same.
pub const WITH_CODE: &str = "The login succeeds with the first step and a code.";

/// The same.
pub const BY_ENROLLING: &str = "The login succeeds when the user has enrolled in it.";

/// The same.
pub const FIRST_STEP_ALONE: &str = "The login succeeds with the first step alone.";

/// The same.
pub const NO_LINE_ASKS: &str =
    "The login succeeds with the first step alone: no pam_twostep line asks for a code there.";

/// A way in beside the one that asks.
pub fn beside(outcome: &str, way: &str) -> String {
    format!("{outcome} With {way} alone it succeeds without a code.")
}

/// What a line is taken to answer.
pub fn key_returns(code: &str) -> String {
    format!("whether sshd accepted a key: {code}")
}

/// The same.
pub fn returns(code: &str) -> String {
    format!("taken to return {code}")
}

/// What a pam_twostep line does.
pub fn asks(mode: &Mode) -> String {
    let what = match mode {
        Mode::ForwardPass => return "takes password and code in one answer".to_owned(),
        Mode::AppPassword => "an application password",
        Mode::Code | Mode::SshKey => "a code",
    };
    format!("asks for {what}; a right one goes on")
}

/// The same.
pub const ASKS_NOTHING: &str = "asks for nothing";

/// The same.
pub const ENROLLS_LATER: &str = "lets through, and the account phase enrolls";

/// The same.
pub const REFUSES: &str = "refuses";
