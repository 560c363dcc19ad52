//! What a login has to prove, the code aside: of users who are not enrolled nobody asks for one.

use std::fmt;

use super::effective::Effective;
use super::methods::{Alternatives, Method};
use super::visitors::Visitor;
use crate::check::stacks::AsksPassword;
use crate::messages;

/// One thing that is proved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Credential {
    /// A key.
    Key,
    /// The account's password, by whatever method.
    Password,
    /// By another method: GSSAPI, the host's key.
    Other(String),
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => messages::check_sshd::A_KEY,
            Self::Password => messages::check_sshd::A_PASSWORD,
            Self::Other(name) => name,
        })
    }
}

/// The ways in: each a list of proofs that together let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ways(Vec<Vec<Credential>>);

impl Ways {
    /// Those that sshd offers this visitor, where PAM asks for the password like this.
    pub fn of(effective: &Effective, visitor: &Visitor, asks: AsksPassword) -> Self {
        let root = effective.value("permitrootlogin");
        let is_open = |list: &&Vec<Method>| match root {
            _ if visitor.user != "root" => true,
            "no" => false,
            // Whatever comes first, sshd refuses root's answers to PAM.
            "without-password" | "prohibit-password" | "forced-commands-only" => {
                !list.iter().any(Method::is_asked_by_pam)
            }
            _ => true,
        };
        let alternatives = Alternatives::of(effective);
        let lists = alternatives.lists().filter(is_open);
        let mut ways = lists.filter_map(|list| proofs(list, effective.is_on("usepam"), asks)).collect::<Vec<_>>();
        ways.sort();
        ways.dedup();
        Self(ways)
    }

    /// Whether these proofs take all that one of the ways takes.
    pub fn covers(&self, proofs: &[Credential]) -> bool {
        self.0.iter().any(|way| {
            let mut left = proofs.to_vec();
            way.iter().all(|proof| left.iter().position(|one| one == proof).map(|at| left.remove(at)).is_some())
        })
    }

    /// What would be opened: the ways of these that take less than any that there is now.
    pub fn opened_by(&self, others: &Self) -> Self {
        Self(others.0.iter().filter(|way| !self.covers(way)).cloned().collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a password lets in by itself.
    pub fn take_a_password(&self) -> bool {
        self.0.iter().any(|way| matches!(way.as_slice(), [Credential::Password]))
    }

    /// Whether there are some, and each is a key alone.
    pub fn are_keys_alone(&self) -> bool {
        !self.is_empty() && self.0.iter().all(|way| matches!(way.as_slice(), [Credential::Key]))
    }
}

impl fmt::Display for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = |way: &Vec<Credential>| {
            messages::check_sshd::way(&way.iter().map(Credential::to_string).collect::<Vec<_>>())
        };
        f.write_str(&messages::check_sshd::ways(&self.0.iter().map(way).collect::<Vec<_>>()))
    }
}

/// What a list of methods proves; `None` where it lets nobody in.
fn proofs(list: &[Method], uses_pam: bool, asks: AsksPassword) -> Option<Vec<Credential>> {
    let mut proofs = Vec::new();
    for method in list {
        match method {
            Method::PublicKey => proofs.push(Credential::Key),
            Method::Other(name) => proofs.push(Credential::Other(name.clone())),
            // sshd compares the password itself.
            Method::Password if !uses_pam => proofs.push(Credential::Password),
            Method::KeyboardInteractive if !uses_pam => return None,
            Method::KeyboardInteractive | Method::Password => match (asks, proofs.contains(&Credential::Key)) {
                (AsksPassword::Never, false) => return None,
                (AsksPassword::Never | AsksPassword::WithoutKey, true) => {}
                (AsksPassword::Always | AsksPassword::WithoutKey, _) => proofs.push(Credential::Password),
            },
        }
    }
    proofs.sort();
    Some(proofs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(settings: &str, user: &str, asks: AsksPassword) -> Ways {
        let usual =
            "usepam yes\npubkeyauthentication yes\npasswordauthentication no\nkbdinteractiveauthentication no\n";
        let kept = usual.lines().filter(|line| !settings.contains(line.split(' ').next().unwrap_or_default()));
        let text = kept.chain(settings.split("; ")).collect::<Vec<_>>().join("\n");
        Ways::of(&Effective::parse(&text), &Visitor::named(user), asks)
    }

    fn told(settings: &str, asks: AsksPassword) -> String {
        ways(settings, "alice", asks).to_string()
    }

    #[test]
    fn passwords_by_either_method_are_passwords() {
        use AsksPassword::Always;
        assert_eq!(told("", Always), "a key alone");
        assert_eq!(told("passwordauthentication yes", Always), "a key alone, or a password alone");
        assert_eq!(told("kbdinteractiveauthentication yes", Always), "a key alone, or a password alone");
        assert_eq!(told("kbdinteractiveauthentication yes; usepam no", Always), "a key alone");
        assert_eq!(told("passwordauthentication yes; usepam no", Always), "a key alone, or a password alone");
        assert_eq!(told("pubkeyauthentication no", Always), "nothing");
        assert_eq!(told("gssapiauthentication yes", Always), "a key alone, or gssapi-with-mic alone");
    }

    #[test]
    fn what_a_question_behind_a_key_proves_is_said_by_the_stack() {
        let both = "kbdinteractiveauthentication yes; authenticationmethods publickey,keyboard-interactive keyboard-interactive";
        assert_eq!(told(both, AsksPassword::Always), "a key and a password, or a password alone");
        assert_eq!(told(both, AsksPassword::WithoutKey), "a key alone, or a password alone");
        assert_eq!(told(both, AsksPassword::Never), "a key alone");
    }

    #[test]
    fn only_what_takes_less_is_opened() {
        let keys = ways("", "alice", AsksPassword::Always);
        let opened = |methods: &str| {
            let after = format!("kbdinteractiveauthentication yes; authenticationmethods {methods}");
            keys.opened_by(&ways(&after, "alice", AsksPassword::WithoutKey)).to_string()
        };
        assert_eq!(opened("publickey,keyboard-interactive"), "nothing");
        assert_eq!(opened("publickey,keyboard-interactive keyboard-interactive"), "a password alone");
        assert_eq!(opened("any"), "a password alone");
        let two = ways("authenticationmethods publickey,publickey", "alice", AsksPassword::Always);
        assert_eq!(two.opened_by(&keys).to_string(), "a key alone");
        assert!(keys.opened_by(&two).is_empty());
    }

    #[test]
    fn root_gives_no_password_where_root_may_not() {
        let of = |permit: &str| {
            let settings = format!("kbdinteractiveauthentication yes; permitrootlogin {permit}");
            ways(&settings, "root", AsksPassword::Always).to_string()
        };
        assert_eq!(of("yes"), "a key alone, or a password alone");
        assert_eq!(of("without-password"), "a key alone");
        assert_eq!(of("no"), "nothing");
    }
}
