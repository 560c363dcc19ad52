//! What `twostep admin check` finds in the stacks of PAM: who gets in without a code, or not at all.

use std::fmt::Display;

/// Only an auth line is there.
pub fn no_account_line(service: &str) -> String {
    format!(
        "{service}: there is no account line of pam_twostep, so nobody's time to enroll begins here and nobody is reminded."
    )
}

/// The same.
pub fn write_account_line(file: impl Display) -> String {
    format!("Write `account required pam_twostep.so` into {file}, above an include that may end the stack.")
}

/// `enroll` needs both lines: the one where it stands, the other, and what comes of it.
pub fn enroll_on_one(service: &str, (here, there): (&str, &str), so: &str) -> String {
    format!("{service}: `enroll` is in the {here} line and not in the {there} line, so {so}.")
}

/// What comes of it.
pub const SUDO_LETS_IN: &str = "sudo lets in who must enroll and has not";

/// The same.
pub const ENROLLS_NOBODY: &str = "it enrolls nobody";

/// The same.
pub fn enroll_on_both(there: &str) -> String {
    format!("Write `enroll` in both lines, or in none: `{there} required pam_twostep.so enroll`.")
}

/// A line ends the account phase before ours.
pub fn account_line_higher(line: &str) -> String {
    format!("Write our account line above {line}, or above the include that brings it.")
}

/// The same, and what comes of it.
pub fn account_skipped(service: &str, line: &str, of_expired: bool, so: &str) -> String {
    let of = if of_expired { " of users whose password has expired" } else { "" };
    format!("{service}: {line} ends the account phase{of} before the pam_twostep line, so {so}.")
}

/// What comes of it.
pub const DO_NOTHING: &str = "`enroll` and `require_step` do nothing in these logins";

/// The same.
pub const NO_GRACE: &str = "time to enroll does not begin and nobody is reminded";

/// A control that passes over our refusal.
pub fn account_refusal_ignored(service: &str, line: &str) -> String {
    format!("{service}: what our account line refuses is let in all the same, because of {line}.")
}

/// The same.
pub const REQUIRED: &str = "Write `required` in it.";

/// An account phase without a way through.
pub fn account_refuses_all(service: &str) -> String {
    format!("{service}: its account phase lets nobody in.")
}

/// An account phase of the pam_twostep line alone.
pub fn account_refuses_unasked(service: &str) -> String {
    format!(
        "{service}: its account phase refuses every user who is not asked for a code, since only the pam_twostep line can succeed there."
    )
}

/// Both.
pub const ACCOUNT_PERMIT: &str = "Write `account required pam_permit.so` below the pam_twostep line.";

/// Nobody is asked who fits a condition.
pub fn by_condition(name: &str, written: &str) -> String {
    format!("{name}: who fits {written} is asked for no code.")
}

/// The same.
pub const CONDITION_MEANT: &str = "If that is not meant, write it below the pam_twostep line, or use the exempt keys of the configuration, which are logged.";

/// A proof beside the password.
pub fn other_proof(name: &str, written: &str) -> String {
    format!("{name}: {written} alone lets in, without a code.")
}

/// The same.
pub const OTHER_PROOF_JUMP: &str = "Write it with [success=N default=ignore], N counting the lines up to the pam_twostep line, or leave it so if it is a second step itself.";

/// `mode=ssh_key` jumps too far.
pub fn key_alone(name: &str) -> String {
    format!("{name}: with a key alone one gets in without a code.")
}

/// The same.
pub const KEY_JUMP: &str =
    "Let the jump of `mode=ssh_key` end at a pam_twostep line, as in sshd-key-or-password of the examples.";

/// A line ends the auth phase before ours.
pub fn skipped(name: &str, written: &str) -> String {
    format!(
        "{name}: {written} ends the stack before the pam_twostep line, so nobody who passes it is asked for a code."
    )
}

/// The same, where no change of that line helps.
pub fn take_ours_out(name: &str) -> String {
    format!(
        "Take the pam_twostep lines out; then sudo twostep admin apply {name} finds the place where they are reached."
    )
}

/// A failed substack does not end the stack.
pub const INCLUDE_FOR_SUBSTACK: &str = "Write `include` for `substack` before the pam_twostep line, or move the pam_twostep line into the included file: a substack that failed does not end the stack.";

/// A wrong password goes on.
pub fn end_at(line: &str, place: impl Display) -> String {
    format!("Let a wrong password end the stack: write requisite, or default=die, in {line} ({place}).")
}

/// There is none before.
pub const BEHIND_PASSWORD: &str = "Put the pam_twostep line behind the password.";

/// A claim that opens what only the user may read.
pub fn after_first_step_untrue(name: &str) -> String {
    format!(
        "{name}: the pam_twostep line says after_first_step, but somebody without the password reaches it, and reads what only the user may."
    )
}

/// Whoever knows a name may guess.
pub fn strangers_asked(name: &str) -> String {
    format!("{name}: somebody without the password reaches our prompt, and may guess codes.")
}

/// A line that takes a code off the password for nobody.
pub fn forwarded_code_not_asked(name: &str, written: &str) -> String {
    format!(
        "{name}: {written} takes the code off the password, and no pam_twostep line behind it asks for the code: nobody needs one."
    )
}

/// The same.
pub const ASK_BEHIND_PASSWORD: &str =
    "Write `auth required pam_twostep.so after_first_step` behind the line of the password module.";

/// A line past the question.
pub fn forwarded_past(name: &str, written: &str) -> String {
    format!(
        "{name}: {written} leads past the question for the code after forward_pass has divided the answer, so the account phase refuses whoever it is for."
    )
}

/// The same.
pub const EXEMPT_INSTEAD: &str =
    "Take that line out, and exempt its users in the configuration: `exempt_users` or `exempt_groups`.";

/// Two lines that divide.
pub fn forwarded_twice(name: &str, written: &str) -> String {
    format!("{name}: {written} stands below another line with forward_pass, which has divided the answer by then.")
}

/// The same.
pub const ONE_FORWARD: &str = "Keep the first of them.";

/// A module that asks anew.
pub fn forwarded_password_not_taken(name: &str, written: &str) -> String {
    format!("{name}: {written} asks for the password again, and does not take the one that forward_pass leaves.")
}

/// The same.
pub const TRY_FIRST_PASS: &str = "Write `try_first_pass` at the end of that line.";

/// A line that comes when the password was asked already.
pub fn forward_pass_too_late(name: &str, written: &str, password: &str) -> String {
    format!("{name}: {password} stands above {written}, so the password is asked before an answer is divided.")
}

/// The same.
pub const FORWARD_BEFORE_PASSWORD: &str = "Put the line with forward_pass above the line of the password module.";

/// A code in place of the password.
pub fn code_alone(service: &str) -> String {
    format!("{service}: a code alone lets in, without the password.")
}

/// The same.
pub const REQUIRED_AND_PASSWORD: &str =
    "Write `required` in the pam_twostep line, and have the password asked in a line that must succeed.";

/// A module beside ours.
pub fn of_another(name: &str, line: &str) -> String {
    format!("{name}: {line} asks for the second step of another program, and the pam_twostep line for a code too.")
}

/// A line that refuses, and lets the stack go on.
pub fn asked_in_vain(name: &str, line: &str) -> String {
    format!(
        "{name}: where {line} refuses, the code is asked all the same: it is used up for a login that fails, and a password shows by the question that it is right."
    )
}

/// The same.
pub fn refusal_ends(line: &str, place: impl Display) -> String {
    format!("Let a refusal end the stack: write requisite, or default=die, in {line} ({place}).")
}

/// What lets in.
pub const WRONG_CODE: &str = "a wrong answer to our question lets in all the same";

/// The same.
pub const FAILURE: &str = "where our module fails (a broken disk, a wrong option), it lets in without a code";

/// The same.
pub const MISSING_MODULE: &str = "were our module missing, everybody would get in without a code";

/// The same, with the line.
pub fn lets_in(service: &str, what: &str, line: &str) -> String {
    format!("{service}: {what}, because of {line}.")
}

/// The same.
pub const REQUIRED_OR_REQUISITE: &str = "Write `required` or `requisite` in the pam_twostep line; for mode=app_password [success=done ignore=ignore default=die].";

/// Two pam_twostep lines in one login.
pub fn twice(service: &str, first: impl Display) -> String {
    format!("{service}: one login is asked for two codes, here and in {first}, and no code counts twice.")
}

/// The same.
pub fn one_of_two_out(first: impl Display, second: impl Display) -> String {
    format!("Take one of the two out: {first} or {second}.")
}

/// Nothing was applied yet.
pub const NO_SERVICE: &str = "No service asks for a code yet.";

/// The same.
pub const APPLY_FIRST: &str = "Enroll yourself (twostep enroll), then: sudo twostep admin apply sshd sudo";

/// People log in there.
pub fn uncovered(who: &str, ask: &str) -> String {
    format!("{who} {ask} for no code: whoever has the password gets in there.")
}

/// The same.
pub fn apply_or_exempt(services: &str) -> String {
    format!(
        "sudo twostep admin apply {services}; or, if it is meant so, exempt_services of the configuration (sudo twostep admin edit)."
    )
}

/// Servers.
pub fn mute(who: &str, verb: &str) -> String {
    format!("{who} {verb} for a code, and the programs there cannot: who has to give one is refused.")
}

/// The same.
pub const APP_PASSWORDS_THERE: &str = "Write `auth [success=done ignore=ignore default=die] pam_twostep.so mode=app_password` above the other auth lines there, for application passwords; or name it in exempt_services of the configuration.";

/// /etc/pam.conf.
pub const ONE_FILE_UNREAD: &str = "It names our module, but PAM reads /etc/pam.d and not this file.";

/// The same.
pub const WRITE_INTO_FOLDER: &str = "Write the lines into the files of /etc/pam.d.";

/// A stack without a way through.
pub fn nobody_gets_in(name: &str, line: &str) -> String {
    format!("{name}: even with the right password and code nobody gets in by {line}.")
}

/// A stack of the pam_twostep line alone.
pub fn unasked_refused(name: &str) -> String {
    format!(
        "{name}: who is not asked for a code (not enrolled, exempt, suspended) is refused, since no other line succeeds."
    )
}
