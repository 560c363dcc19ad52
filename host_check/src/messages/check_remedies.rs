//! What changes make a stack of PAM right, for `twostep admin check`.

use std::fmt::Display;

/// A line before ours.
pub fn take_out(at: &str) -> String {
    format!("Take {at} out.")
}

/// The same.
pub fn control(control: &str, at: &str) -> String {
    format!("Write `[{control}]` for the control of {at}.")
}

/// The same.
pub fn control_and_permit(control: &str, at: &str) -> String {
    format!(
        "Write `[{control}]` for the control of {at}, and `auth required pam_permit.so` below the pam_twostep line."
    )
}

/// The same.
pub fn requisite(at: &str) -> String {
    format!("Write `requisite` for the control of {at}.")
}

/// No single change helps.
pub const COMPARE: &str = "Compare the stack with the examples.";

/// A line that no login passes.
pub fn fix(line: &str, place: impl Display) -> String {
    format!("Fix {line} ({place}).")
}

/// A line that denies.
pub fn below(line: &str, place: impl Display) -> String {
    format!("Put the pam_twostep line below {line} ({place}), or jump over that.")
}

/// Our control, in brackets.
pub fn required_for(inside: &str) -> String {
    format!("`required` for `[{inside}]` in the pam_twostep line")
}

/// The same, in a word.
pub const REQUIRED: &str = "`required` in the pam_twostep line";

/// What makes the pam_twostep line enough.
pub fn required(required: &str) -> String {
    format!("Write {required}.")
}

/// The same.
pub const PERMIT: &str = "Write `auth required pam_permit.so` below the pam_twostep line.";

/// The same.
pub fn take_next_out(next: &str) -> String {
    format!("Take {next} below the pam_twostep line out.")
}

/// The same.
pub fn required_and_permit(required: &str) -> String {
    format!("Write {required}, and `auth required pam_permit.so` below it.")
}

/// The same.
pub fn required_and_next_out(required: &str, next: &str) -> String {
    format!("Write {required}, and take {next} below it out.")
}

/// The same.
pub fn permit_for_next(next: &str) -> String {
    format!("Write `auth required pam_permit.so` for {next} below the pam_twostep line.")
}

/// The same.
pub fn required_and_permit_for_next(required: &str, next: &str) -> String {
    format!("Write {required}, and `auth required pam_permit.so` for {next} below it.")
}
