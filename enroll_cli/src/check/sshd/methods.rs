//! The ways in that sshd offers (`AuthenticationMethods`, sshd_config(5)).

use super::Effective;

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

/// Lists of methods; each that is passed from end to end lets in.
#[derive(Debug, Clone)]
pub struct Alternatives(Vec<Vec<Method>>);

impl Alternatives {
    /// Those that sshd offers.
    pub fn of(effective: &Effective) -> Self {
        let enabled = |method: &Method| match method {
            Method::PublicKey => effective.is_on("pubkeyauthentication"),
            Method::KeyboardInteractive => effective.is_on("kbdinteractiveauthentication"),
            Method::Password => effective.is_on("passwordauthentication"),
            Method::Other(name) => match name.as_str() {
                "gssapi-with-mic" => effective.is_on("gssapiauthentication"),
                "hostbased" => effective.is_on("hostbasedauthentication"),
                _ => false,
            },
        };
        let written = effective.value("authenticationmethods");
        let lists = if matches!(written, "" | "any") {
            ["publickey", "keyboard-interactive", "password", "gssapi-with-mic", "hostbased"]
                .map(|name| vec![Method::named(name)])
                .to_vec()
        } else {
            // A submethod or device may follow a colon: `keyboard-interactive:pam`.
            let list =
                |list: &str| list.split(',').map(|one| Method::named(one.split(':').next().unwrap_or(one))).collect();
            written.split_whitespace().map(list).collect()
        };
        Self(lists.into_iter().filter(|list: &Vec<Method>| list.iter().all(enabled)).collect())
    }

    /// Each list.
    pub fn lists(&self) -> impl Iterator<Item = &Vec<Method>> {
        self.0.iter()
    }
}
