//! What `twostep admin check` finds in the rules of sudo, and how to fix it.

/// NOPASSWD in a rule.
pub fn nopasswd(whom: &str) -> String {
    format!("sudo asks {whom} for neither password nor code for what is marked NOPASSWD.")
}

/// The same.
pub const TAKE_NOPASSWD_OUT: &str = "Take NOPASSWD out of that rule (sudo visudo), if a person uses it.";

/// The same in the Defaults.
pub fn asks_nothing(whom: &str, option: &str) -> String {
    format!("sudo asks {whom} for neither password nor code: Defaults say {option}.")
}

/// The same.
pub fn take_out(option: &str) -> String {
    format!("Take {option} out of the Defaults (sudo visudo).")
}

/// A ticket without an end.
pub fn once_a_boot(whom: &str) -> String {
    format!("sudo asks {whom} once and never again until the next boot (timestamp_timeout is negative).")
}

/// A ticket of hours.
pub fn long_ticket(whom: &str, minutes: f64) -> String {
    format!("sudo asks {whom} for nothing for {minutes} minutes after a code (timestamp_timeout).")
}

/// Both.
pub const SHORTER_TICKET: &str = "Write `Defaults timestamp_timeout=15` or less (sudo visudo).";

/// A ticket for every terminal.
pub fn shared_ticket(whom: &str) -> String {
    format!("One answer of {whom} to sudo counts in every other session of that user too.")
}

/// The same.
pub const TICKET_EACH: &str = "Write `Defaults timestamp_type=tty` (sudo visudo).";

/// A setting that makes sudo ask for the code of root.
pub fn asks_another(whom: &str, of: &str, option: &str) -> String {
    format!("sudo asks {whom} for password and code of {of}, not for their own ({option}).")
}

/// The same.
pub fn own_or_root(option: &str) -> String {
    format!("Take {option} out of the Defaults (sudo visudo); else root has to enroll: sudo twostep enroll --user root")
}

/// passprompt_override.
pub fn prompt_hides_question(whom: &str) -> String {
    format!(
        "sudo shows {whom} its own prompt in place of every question (passprompt_override): a code is asked for as if it were the password."
    )
}

/// The same.
pub const TAKE_PROMPT_OUT: &str = "Take passprompt_override out of the Defaults (sudo visudo).";

/// The account phase is off.
pub const WITH_ACCOUNT_PHASE: &str = "Take !pam_acct_mgmt out of the Defaults (sudo visudo).";

/// The same, where it would enroll.
pub const LETS_IN: &str =
    "sudo does not come to our account line (!pam_acct_mgmt), so it lets in who must enroll and has not.";

/// The same, where it would remind.
pub const REMINDS_NOBODY: &str = "sudo does not come to our account line (!pam_acct_mgmt), so nobody's time to enroll begins there and nobody is reminded.";

/// cvtsudoers refuses.
pub fn rules_unreadable(why: &str) -> String {
    format!("sudo does not understand all of its rules ({why}), and may refuse everybody.")
}

/// The same.
pub const VISUDO: &str = "As root, `visudo -c` shows where; correct it.";
