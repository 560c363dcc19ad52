//! For whom sshd is asked what it does: everybody, root, and one visitor for each Match block.

use std::fmt;
use std::path::Path;

use nix::unistd::Group;

use super::files::{lines, value};

/// What is said of what is so for everybody.
pub const EVERYBODY: &str = "sshd";

/// Who comes, and from where. What is not said is what it is for most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The user.
    pub user: String,
    /// The client's address.
    pub address: String,
    /// The client's name.
    pub host: String,
    /// The port that was reached.
    pub port: String,
    /// The Match line that this visitor fits, if it is for one.
    pub fits: Option<String>,
}

impl Visitor {
    /// This user, from an address of nobody's (RFC 5737).
    pub fn named(user: &str) -> Self {
        let text = str::to_owned;
        Self {
            user: text(user),
            address: text("203.0.113.77"),
            host: text("client.invalid"),
            port: text("22"),
            fits: None,
        }
    }

    /// The connection as `sshd -C` takes it.
    pub fn specification(&self) -> String {
        let Self { user, address, host, port, .. } = self;
        format!("user={user},host={host},addr={address},laddr=127.0.0.1,lport={port}")
    }

    /// Whether the visitor is one of some.
    pub fn is_special(&self) -> bool {
        self.fits.is_some()
    }

    /// For whom something is so, inside a sentence.
    pub fn whom(&self) -> String {
        self.fits.as_ref().map_or_else(String::new, |fits| format!(" for those of `{fits}`"))
    }
}

impl fmt::Display for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fits.as_deref().unwrap_or(EVERYBODY))
    }
}

/// Everybody first, then those of each Match block.
pub fn visitors(config: &Path) -> Vec<Visitor> {
    let mut visitors = vec![Visitor::named("nobody-in-particular"), Visitor::named("root")];
    for line in lines(config) {
        if let Some(rest) = value(&line, "match") {
            visitors.extend(of_match(&line, rest));
        }
    }
    visitors
}

/// Somebody whom this Match line means. A line whose conditions cannot be met by inventing a visitor
/// (a negation, a program) has none.
fn of_match(line: &str, conditions: &str) -> Option<Visitor> {
    let mut visitor = Visitor { fits: Some(line.to_owned()), ..Visitor::named("nobody-in-particular") };
    let mut words = conditions.split_whitespace();
    while let Some(criterion) = words.next() {
        if criterion.eq_ignore_ascii_case("all") {
            continue;
        }
        let first = words.next()?.split(',').find(|pattern| !pattern.starts_with('!'))?;
        match criterion.to_ascii_lowercase().as_str() {
            "user" => visitor.user = concrete(first),
            "group" => visitor.user = Group::from_name(&concrete(first)).ok()??.mem.first()?.clone(),
            "address" => visitor.address = concrete(first.split('/').next()?),
            "host" => visitor.host = concrete(first),
            "localport" => visitor.port = first.to_owned(),
            _ => return None,
        }
    }
    Some(visitor)
}

/// A name that fits a pattern.
fn concrete(pattern: &str) -> String {
    pattern.replace(['*', '?'], "x")
}
