//! What a report says: its summary, how each user stands, and the remarks.

/// Behind the head of the summary, where something was left out.
pub fn shown(shown: usize, all: usize) -> String {
    format!("{shown} of {all} shown. ")
}

/// The head of the summary.
pub fn enrolled(users: usize, enrolled: usize) -> String {
    format!("{users} {}: {enrolled} enrolled", if users == 1 { "user" } else { "users" })
}

/// What is counted in it.
pub const IN_GRACE: &str = "in grace";

/// What is counted in it.
pub const OVERDUE: &str = "overdue";

/// What is counted in it.
pub const SUSPENDED: &str = "suspended";

/// What is counted in it.
pub const EXEMPT: &str = "exempt";

/// What is counted in it.
pub const LOCKED: &str = "locked";

/// What is counted in it.
pub const IN_TROUBLE: &str = "in trouble";

/// Its end.
pub fn nobodys(count: usize) -> String {
    match count {
        1 => ". 1 account is nobody's.".to_owned(),
        count => format!(". {count} accounts are nobody's."),
    }
}

/// How a user stands.
pub const NOBODYS_ACCOUNT: &str = "nobody's account";

/// The same.
pub const UNREADABLE: &str = "cannot be read";

/// The same.
pub fn enrolled_since(day: &str) -> String {
    format!("enrolled {day}")
}

/// The same.
pub const ENROLLED: &str = "enrolled";

/// The same.
pub const MUST_HAVE: &str = "OVERDUE";

/// The same.
pub fn enroll_by(day: &str) -> String {
    format!("enroll by {day}")
}

/// The same.
pub const NOT_ENROLLED: &str = "not enrolled";

/// A remark on a user.
pub fn authenticators(labels: &str) -> String {
    format!("authenticators: {labels}")
}

/// The same; the reason is empty, or begins with a colon.
pub fn suspended(until: &str, by: &str, why: &str) -> String {
    format!("suspended until {until} by {by}{why}")
}

/// The same.
pub fn exempt(by: &str) -> String {
    format!("exempt {by}")
}

/// The same.
pub const MUST_ENROLL_THEN: &str = "must enroll after that";

/// The same.
pub fn invited(until: &str) -> String {
    format!("invited to enroll until {until}")
}

/// The same.
pub const CLOSED: &str = "locked: too many wrong codes";

/// What exempts a user.
pub fn exempt_by(rule: &str) -> String {
    match rule.strip_prefix("exempt-group ") {
        Some(group) => format!("by the group {group}"),
        None => "by name".to_owned(),
    }
}
