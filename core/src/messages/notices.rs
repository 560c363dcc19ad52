//! What a person reads after a login.

use crate::ledger::Wrong;
use crate::request::SecondStep;

/// How many recovery codes are left, louder the fewer there are.
pub(crate) fn recovery_left(left: usize) -> String {
    match left {
        0 => "You have NO recovery codes left. Make new ones now: twostep recovery-codes regenerate".to_owned(),
        1 => "You have ONLY 1 recovery code left. Make new ones now: twostep recovery-codes regenerate".to_owned(),
        2 | 3 => {
            format!("You have ONLY {left} recovery codes left. Make new ones now: twostep recovery-codes regenerate")
        }
        _ => format!("You have {left} recovery codes left."),
    }
}

pub(crate) fn authenticator_added(label: &str, day: &str) -> String {
    format!("The authenticator \"{label}\" was added on {day}. If that was not you, tell your administrator.")
}

pub(crate) fn clock_put_right(label: &str, day: &str) -> String {
    format!("The clock of \"{label}\" was off, and two codes put it right on {day}. Set it to automatic.")
}

pub(crate) fn suspended(until: &str, by: &str) -> String {
    format!("Your second step is switched off until {until}, by {by}.")
}

pub(crate) fn app_password_created(label: &str, day: &str) -> String {
    format!(
        "The application password \"{label}\" was created on {day}. If that was not you, revoke it: twostep app-password revoke."
    )
}

pub(crate) fn app_password_used(label: &str, day: &str, first: &SecondStep) -> String {
    let SecondStep { service, source, .. } = first;
    format!("The application password \"{label}\" was first used on {day} for {service} from {source}.")
}

pub(crate) fn recovery_code_used(day: &str, used: &SecondStep) -> String {
    format!("A recovery code was used on {day} for {} from {}.", used.service, used.source)
}

/// Nothing where there was no wrong code.
pub(crate) fn wrong_codes(wrong: &Wrong) -> Option<String> {
    let source = &wrong.source;
    match wrong.count {
        0 => None,
        1 => Some(format!("1 wrong code was given for you since your last login, from {source}.")),
        count => {
            Some(format!("{count} wrong codes were given for you since your last login, the last one from {source}."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_recovery_codes_are_said_loudly() {
        assert!(!recovery_left(4).contains("ONLY"));
        assert!(recovery_left(3).contains("ONLY 3"));
        assert!(recovery_left(1).contains("ONLY 1 recovery code left"));
        assert!(recovery_left(0).contains("NO recovery codes"));
    }
}
