//! The ways in that sshd offers (`AuthenticationMethods`, sshd_config(5)).

use std::collections::BTreeSet;

use super::effective::Effective;
use crate::check::stacks::Before;
use crate::messages;

/// A method of the ssh protocol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// A key.
    PublicKey,
    /// Questions, by PAM.
    KeyboardInteractive,
    /// One password, by PAM.
    Password,
    /// Another: GSSAPI, the host's key, or none.
    Other(String),
}

impl Method {
    /// How the protocol names it.
    pub fn name(&self) -> &str {
        match self {
            Self::PublicKey => "publickey",
            Self::KeyboardInteractive => "keyboard-interactive",
            Self::Password => "password",
            Self::Other(name) => name,
        }
    }

    /// Whether PAM's auth phase runs for it.
    pub fn is_asked_by_pam(&self) -> bool {
        matches!(self, Self::KeyboardInteractive | Self::Password)
    }

    fn named(name: &str) -> Self {
        match name {
            "publickey" => Self::PublicKey,
            "keyboard-interactive" => Self::KeyboardInteractive,
            "password" => Self::Password,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl Effective {
    /// The ways in, in a sentence.
    pub fn offers(&self) -> String {
        if !self.is_on("usepam") {
            return messages::check_sshd::NOT_PAM.to_owned();
        }
        let alternatives = Alternatives::of(self);
        let names = |list: &Vec<Method>| list.iter().map(Method::name).collect::<Vec<_>>().join(" and then ");
        let ways = alternatives.lists().map(names).collect::<Vec<_>>();
        messages::check_sshd::offers(&ways)
    }

    /// What is proved when sshd asks PAM: whether a key always goes before.
    pub fn before(&self) -> Before {
        let alternatives = Alternatives::of(self);
        let asks = alternatives.lists().filter(|list| list.contains(&Method::KeyboardInteractive));
        let behind_key = |list: &Vec<Method>| {
            let key = list.iter().position(|method| *method == Method::PublicKey);
            key.is_some_and(|key| {
                key < list.iter().position(|method| *method == Method::KeyboardInteractive).unwrap_or(0)
            })
        };
        let asks = asks.collect::<Vec<_>>();
        if !asks.is_empty() && asks.into_iter().all(behind_key) { Before::Key } else { Before::Nothing }
    }

    /// Whether AuthenticationMethods names methods.
    pub fn names_methods(&self) -> bool {
        !matches!(self.value("authenticationmethods"), "" | "any")
    }

    fn is_enabled(&self, method: &Method) -> bool {
        match method {
            Method::PublicKey => self.is_on("pubkeyauthentication"),
            Method::KeyboardInteractive => self.is_on("kbdinteractiveauthentication"),
            Method::Password => self.is_on("passwordauthentication"),
            Method::Other(name) => match name.as_str() {
                "gssapi-with-mic" => self.is_on("gssapiauthentication"),
                "hostbased" => self.is_on("hostbasedauthentication"),
                _ => false,
            },
        }
    }
}

/// Lists of methods; each that is passed from end to end lets in.
#[derive(Debug, Clone)]
pub struct Alternatives {
    open: Vec<Vec<Method>>,
    off: BTreeSet<Method>,
}

impl Alternatives {
    /// Those that sshd offers.
    pub fn of(effective: &Effective) -> Self {
        let lists = if effective.names_methods() {
            // A submethod or device may follow a colon: `keyboard-interactive:pam`.
            let list =
                |list: &str| list.split(',').map(|one| Method::named(one.split(':').next().unwrap_or(one))).collect();
            effective.value("authenticationmethods").split_whitespace().map(list).collect()
        } else {
            ["publickey", "keyboard-interactive", "password", "gssapi-with-mic", "hostbased"]
                .map(|name| vec![Method::named(name)])
                .to_vec()
        };
        let off = lists.iter().flatten().filter(|method| !effective.is_enabled(method)).cloned().collect();
        let is_open = |list: &Vec<Method>| list.iter().all(|method| effective.is_enabled(method));
        Self { open: lists.into_iter().filter(is_open).collect(), off }
    }

    /// Each list.
    pub fn lists(&self) -> impl Iterator<Item = &Vec<Method>> {
        self.open.iter()
    }

    /// The methods that are named and off.
    pub fn off(&self) -> &BTreeSet<Method> {
        &self.off
    }
}
