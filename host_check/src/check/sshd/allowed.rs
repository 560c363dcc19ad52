//! Whom sshd lets in at all: `AllowUsers` and the other three lists of sshd_config(5).

use std::ffi::CString;
use std::net::IpAddr;

use glob::Pattern;
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
            let fits = |pattern| if keyword.ends_with("Users") { self.is_user(pattern) } else { self.is_in(pattern) };
            let mut patterns = effective.words(&keyword.to_ascii_lowercase()).peekable();
            patterns.peek().is_some() && patterns.any(fits) != keyword.starts_with("Allow")
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

fn is_from(pattern: &str, from: &str) -> bool {
    match (pattern.parse::<IpNet>(), from.parse::<IpAddr>()) {
        (Ok(net), Ok(address)) => net.contains(&address),
        _ => matches(pattern, from),
    }
}

/// As sshd's patterns, with `*` and `?`.
fn matches(pattern: &str, text: &str) -> bool {
    Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(text))
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
            ("alice@client.example", false),
        ] {
            let settings = format!("allowusers {pattern}");
            assert_eq!(refused(&settings, Some("203.0.113.7")).is_none(), fits, "{pattern}");
            assert_eq!(refused(&settings, None), None, "{pattern}");
        }
    }
}
