//! Which users sshd accepts at all: `AllowUsers` and the other three lists of sshd_config(5).

use std::ffi::CString;
use std::net::IpAddr;

use ipnet::IpNet;
use nix::unistd::{Gid, Group, getgrouplist};
use twostep_core::username::Person;

use super::Effective;

/// A user as these lists see one.
#[derive(Debug)]
pub struct Applicant<'a> {
    /// The name.
    pub user: &'a str,
    /// Those of all groups.
    pub groups: Vec<String>,
    /// The address or name of the client; where nothing is said of it, it fits.
    pub from: Option<&'a str>,
}

impl<'a> Applicant<'a> {
    /// This user, from there.
    pub fn of(person: &'a Person, from: Option<&'a str>) -> Self {
        let user = person.name.as_str();
        let all = CString::new(user).ok().and_then(|name| getgrouplist(&name, Gid::from_raw(person.gid)).ok());
        let name_of = |gid| Group::from_gid(gid).ok().flatten().map(|group| group.name);
        Self { user, groups: all.into_iter().flatten().filter_map(name_of).collect(), from }
    }

    /// The setting by which sshd refuses this user, if it does: its keyword.
    pub fn refused_by(&self, effective: &Effective) -> Option<&'static str> {
        ["DenyUsers", "AllowUsers", "DenyGroups", "AllowGroups"].into_iter().find(|keyword| {
            let fits =
                |pattern: &String| if keyword.ends_with("Users") { self.is_user(pattern) } else { self.is_in(pattern) };
            let patterns = effective.values(&keyword.to_ascii_lowercase());
            !patterns.is_empty() && patterns.iter().any(fits) != keyword.starts_with("Allow")
        })
    }

    fn is_in(&self, pattern: &str) -> bool {
        self.groups.iter().any(|group| matches(pattern, group))
    }

    /// `USER` or `USER@HOST`.
    fn is_user(&self, pattern: &str) -> bool {
        match pattern.rsplit_once('@') {
            Some((user, host)) => matches(user, self.user) && self.from.is_none_or(|from| is_from(host, from)),
            None => matches(pattern, self.user),
        }
    }
}

/// A list of patterns (PATTERNS in ssh_config(5)): one with `!` that fits is a no, whatever the others say.
fn is_from(patterns: &str, from: &str) -> bool {
    let fits = |pattern: &str| match (pattern.parse::<IpNet>(), from.parse::<IpAddr>()) {
        (Ok(net), Ok(address)) => net.contains(&address),
        _ => matches(pattern, from),
    };
    let mut all = patterns.split(',');
    all.clone().all(|pattern| !pattern.strip_prefix('!').is_some_and(fits)) && all.any(fits)
}

/// As sshd's patterns, in which `*` and `?` alone are special.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = pattern.trim_start_matches('*');
            text.char_indices().map(|(at, _)| text.split_at(at).1).chain([""]).any(|tail| matches(rest, tail))
        }
        Some(first) => {
            let mut letters = text.chars();
            letters.next().is_some_and(|letter| first == '?' || first == letter)
                && matches(pattern.split_at(first.len_utf8()).1, letters.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(settings: &str, from: Option<&str>) -> Option<&'static str> {
        let applicant = Applicant { user: "alice", groups: vec!["alice".into(), "staff".into()], from };
        applicant.refused_by(&Effective::parse(settings))
    }

    #[test]
    fn each_list_refuses_whom_it_names_or_does_not_name() {
        for (settings, expected) in [
            ("", None),
            ("denyusers bob\ndenyusers al*", Some("DenyUsers")),
            ("allowusers bob", Some("AllowUsers")),
            ("allowusers bob\nallowusers alice", None),
            ("allowusers a?ice", None),
            ("denygroups staff", Some("DenyGroups")),
            ("allowgroups wheel\nallowgroups sudo", Some("AllowGroups")),
            ("allowgroups wheel\nallowgroups staff", None),
            ("allowusers alice\ndenygroups staff", Some("DenyGroups")),
            ("denyusers alice\nallowusers alice", Some("DenyUsers")),
            ("allowgroups domain users", Some("AllowGroups")),
            ("allowgroups st**f", None),
            ("allowgroups [s]taff", Some("AllowGroups")),
        ] {
            assert_eq!(refused(settings, Some("203.0.113.7")), expected, "{settings}");
        }
    }

    #[test]
    fn a_host_in_a_pattern_is_held_against_where_the_user_comes_from() {
        for (pattern, fits) in [
            ("alice@203.0.113.0/24", true),
            ("alice@203.0.113.*", true),
            ("*@198.51.100.0/24", false),
            ("alice@198.51.100.0/24,203.0.113.0/24", true),
            ("alice@!203.0.113.7,*", false),
            ("alice@!198.51.100.1,*", true),
            ("alice@client.example", false),
        ] {
            let settings = format!("allowusers {pattern}");
            assert_eq!(refused(&settings, Some("203.0.113.7")).is_none(), fits, "{pattern}");
            assert_eq!(refused(&settings, None), None, "{pattern}");
        }
    }
}
