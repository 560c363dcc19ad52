//! For whom sshd is asked what it does: everybody, root, and one visitor for each Match block.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::Path;

use nix::unistd::{Group, User};

use super::files::{Said, lines, value};
use crate::host::members_of;
use crate::messages;

/// What is said of what is so for everybody.
pub const EVERYBODY: &str = "sshd";

/// Nobody's name.
const SOMEBODY: &str = "nobody-in-particular";

/// Who comes, and from where. What is not said is what it is for most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The user.
    pub user: String,
    /// The client's address.
    pub address: String,
    /// The client's name.
    pub host: String,
    /// The address that was reached.
    pub local_address: String,
    /// The port that was reached.
    pub port: String,
    /// The Match line that this visitor fits, if it is for one.
    pub fits: Option<String>,
}

impl Visitor {
    /// A visitor whom no Match block is about.
    pub fn anybody() -> Self {
        Self::named(SOMEBODY)
    }

    /// This user, from an address of nobody's (RFC 5737).
    pub fn named(user: &str) -> Self {
        let text = str::to_owned;
        Self {
            user: text(user),
            address: text("203.0.113.77"),
            host: text("client.invalid"),
            local_address: text("127.0.0.1"),
            port: text("22"),
            fits: None,
        }
    }

    /// The connection as `sshd -C` takes it.
    pub fn specification(&self) -> String {
        let Self { user, address, host, local_address, port, .. } = self;
        format!("user={user},host={host},addr={address},laddr={local_address},lport={port}")
    }

    /// This visitor, and where nothing is said of this one, the other.
    fn with(&self, other: &Self) -> Self {
        let usual = Self::anybody();
        let pick = |one: &String, other: &String, usual: &String| if one == usual { other } else { one }.clone();
        let fits = [&self.fits, &other.fits].into_iter().flatten().cloned().collect::<Vec<_>>();
        Self {
            user: pick(&self.user, &other.user, &usual.user),
            address: pick(&self.address, &other.address, &usual.address),
            host: pick(&self.host, &other.host, &usual.host),
            local_address: pick(&self.local_address, &other.local_address, &usual.local_address),
            port: pick(&self.port, &other.port, &usual.port),
            fits: (!fits.is_empty()).then(|| fits.join("` and `")),
        }
    }

    /// The visitor inside a sentence, after "from": users who are not enrolled.
    pub fn who(&self) -> String {
        match &self.fits {
            Some(fits) => messages::check_sshd::those_of(fits),
            None if self.user == "root" => messages::check_sshd::ROOT_NOT_ENROLLED.to_owned(),
            None => messages::check_sshd::NOT_ENROLLED.to_owned(),
        }
    }

    /// Whether the visitor is one of some.
    pub fn is_special(&self) -> bool {
        self.fits.is_some()
    }

    /// For whom something is so, inside a sentence.
    pub fn whom(&self) -> String {
        match &self.fits {
            Some(fits) => format!(" for those of `{fits}`"),
            None if self.user == "root" => " for root".to_owned(),
            None => String::new(),
        }
    }
}

impl fmt::Display for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fits.as_deref().unwrap_or(EVERYBODY))
    }
}

/// Everybody first, then those of each Match block, which may be root's, and root.
pub fn visitors(config: &Path) -> Vec<Visitor> {
    let special = blocks(config).into_iter().filter_map(|(_, fits)| fits.ok()?);
    std::iter::once(Visitor::anybody()).chain(special).chain([Visitor::named("root")]).collect()
}

/// For each two of them who fit different Match blocks, somebody who may fit both.
pub fn pairs(visitors: &[Visitor]) -> Vec<Visitor> {
    let mut all = Vec::new();
    for (index, one) in visitors.iter().enumerate() {
        for other in visitors.iter().skip(index + 1) {
            let both = one.with(other);
            if both.specification() != one.specification() && both.specification() != other.specification() {
                all.push(both);
            }
        }
    }
    all
}

/// The Match lines for which nobody can be made up.
pub fn untried(config: &Path) -> Vec<Said> {
    blocks(config).into_iter().filter(|(_, fits)| fits.is_err()).map(|(line, _)| line).collect()
}

/// Match lines that close something for visitors of whom no example can be tried, so that nobody sees whether
/// it stays closed: also for a group without known members, since it may get some. A block whose methods all
/// begin with a key cannot be opened.
pub fn closing(config: &Path) -> Vec<Said> {
    let lines = lines(config);
    let is_for_nobody = |line: &Said| plain(&line.text).to_ascii_lowercase().contains("invalid-user");
    let closes = |line: &&Said| {
        let within = lines.iter().skip_while(|one| one != line).skip(1);
        let within = within.take_while(|one| value(&one.text, "match").is_none()).collect::<Vec<_>>();
        let said = |keyword| within.iter().find_map(|one| value(&one.text, keyword)).map(plain);
        let is_off = |keyword| said(keyword).is_some_and(|value| value.eq_ignore_ascii_case("no"));
        match said("AuthenticationMethods") {
            Some(methods) => !methods.split_whitespace().all(|list| list.starts_with("publickey")),
            None => {
                is_off("PasswordAuthentication")
                    || is_off("KbdInteractiveAuthentication")
                    || is_off("ChallengeResponseAuthentication")
            }
        }
    };
    let without_example = blocks(config).into_iter().filter(|(_, fits)| !matches!(fits, Ok(Some(_))));
    without_example.map(|(line, _)| line).filter(|line| !is_for_nobody(line) && closes(&line)).collect()
}

/// A value without its quotes and without the comment behind it.
fn plain(value: &str) -> &str {
    value.split('#').next().unwrap_or_default().trim().trim_matches('"')
}

fn blocks(config: &Path) -> Vec<(Said, Result<Option<Visitor>, Untried>)> {
    let lines = lines(config).into_iter();
    let matched = lines.filter_map(|line| value(&line.text, "match").map(str::to_owned).map(|rest| (line, rest)));
    matched
        .map(|(line, conditions)| {
            let fits = of_match(&line.text, &conditions);
            (line, fits)
        })
        .collect()
}

/// Conditions that cannot be met by inventing a visitor: negations alone, a pattern of groups, or an
/// exception that may be for whoever is invented.
struct Untried;

/// Somebody whom this Match line means; nobody, where its group or user is not there.
fn of_match(line: &str, conditions: &str) -> Result<Option<Visitor>, Untried> {
    let mut visitor = Visitor { fits: Some(line.to_owned()), ..Visitor::named(SOMEBODY) };
    let conditions = conditions.split('#').next().unwrap_or_default();
    let mut words =
        conditions.split(|letter: char| letter.is_whitespace() || letter == '=').filter(|word| !word.is_empty());
    while let Some(criterion) = words.next() {
        let criterion = criterion.to_ascii_lowercase();
        match criterion.as_str() {
            "all" => continue,
            // Whoever the user database does not know gets in nowhere.
            "invalid-user" => return Ok(None),
            _ => {}
        }
        let patterns = words.next().ok_or(Untried)?.trim_matches('"');
        let first = patterns.split(',').find(|pattern| !pattern.starts_with('!')).ok_or(Untried)?;
        let is_one_of_many = criterion == "group" || first != "*" && first.contains(['*', '?', '/']);
        if is_one_of_many && patterns.contains('!') {
            return Err(Untried);
        }
        match criterion.as_str() {
            "user" => visitor.user = concrete(first, SOMEBODY),
            "group" if first.contains(['*', '?']) => return Err(Untried),
            "group" => match member(first) {
                Some(user) => visitor.user = user,
                None => return Ok(None),
            },
            "address" => visitor.address = address(first, &visitor.address)?,
            "localaddress" => visitor.local_address = address(first, &visitor.local_address)?,
            "host" => visitor.host = concrete(first, &visitor.host),
            "localport" => visitor.port = first.to_owned(),
            _ => return Err(Untried),
        }
    }
    Ok(Some(visitor))
}

/// Somebody in this group.
fn member(group: &str) -> Option<String> {
    let members = members_of(&Group::from_name(group).ok()??);
    members.into_iter().find(|name| User::from_name(name).is_ok_and(|user| user.is_some()))
}

/// A name that fits a pattern.
fn concrete(pattern: &str, usual: &str) -> String {
    if pattern == "*" { usual.to_owned() } else { pattern.replace(['*', '?'], "x") }
}

/// An address in a net, or one that fits a pattern of an IPv4 address.
fn address(pattern: &str, usual: &str) -> Result<String, Untried> {
    if pattern == "*" {
        return Ok(usual.to_owned());
    }
    let net = pattern.split('/').next().unwrap_or_default();
    if !net.contains(['*', '?']) {
        return Ok(net.to_owned());
    }
    let mut parts = net.split('.').map(|part| part.replace(['*', '?'], "7")).collect::<Vec<_>>();
    parts.resize(4, "7".to_owned());
    let made = parts.join(".");
    made.parse::<Ipv4Addr>().map(|_| made).map_err(|_| Untried)
}
