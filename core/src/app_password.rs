//! Application passwords: one for each program that cannot ask for a code.
//!
//! Twenty-four characters of Crockford's base32, 120 random bits each. The account keeps
//! `SHA-256(salt || password)`, one salt an account, without the sealing key: so many random bits
//! need no slow hash, and one hash is compared with all. Each opens the PAM services that it was
//! made for, from the networks that it was made for, until it expires or is revoked.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::crockford;
use crate::document;
use crate::hex;
use crate::ledger::random_id;
use crate::request::{AppPasswordState, AppPasswordStatus, SecondStep, Use};
use crate::secret::{NoRandomness, Secret, Typed};
use crate::time::Timestamp;

/// Characters of a password.
const CHARACTERS: usize = 24;
/// Random bytes of a salt.
const SALT_BYTES: usize = 16;
/// Longest name of a PAM service, in bytes.
const SERVICE: usize = 64;
/// Services, and networks, of one password.
pub const SCOPES: usize = 16;

/// The application passwords of one account, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppPasswords {
    /// The salt of all, in hex.
    salt: String,
    /// Oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<AppPassword>,
}

/// One application password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppPassword {
    /// Eight random bytes in hex.
    pub id: String,
    /// The user's name for it.
    pub label: String,
    /// The PAM services that it opens.
    pub services: Vec<String>,
    /// The networks that it may be used from; any when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "document::list")]
    pub networks: Vec<IpNet>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// Whether it was made automatically, from a preset.
    pub preset: bool,
    /// The hash, in hex.
    hash: String,
    /// Its first use, ever.
    pub first_use: Option<SecondStep>,
    /// The first use of the last day on which it was used.
    pub last_use: Option<SecondStep>,
}

/// What a new one is to be like.
#[derive(Debug, Clone)]
pub struct NewAppPassword {
    /// The name that it gets.
    pub label: String,
    /// The PAM services that it opens.
    pub services: Vec<String>,
    /// The networks that it may be used from; any when there is none.
    pub networks: Vec<IpNet>,
    /// How long it lives.
    pub expires: Option<Duration>,
    /// Whether a preset wants it.
    pub preset: bool,
}

/// A password that was typed, hashed under the salt of the account that it was typed for.
#[derive(Debug, Clone)]
pub struct HashedPassword {
    salt: String,
    hash: Secret,
}

/// Where a password is given.
#[derive(Debug, Clone, Copy)]
pub struct Entrance<'a> {
    /// The PAM service, in small letters.
    pub service: &'a str,
    /// Whether people are asked for a code there.
    pub is_interactive: bool,
    /// The address that it comes from, if there is one that stands for one host.
    pub address: Option<IpAddr>,
    /// When.
    pub now: Timestamp,
    /// Not used for so long, a password expires.
    pub unused: Duration,
}

/// Why one of the user's own application passwords does not open a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Barred {
    /// It is for other services.
    Service,
    /// It is for other networks.
    Network,
    /// Its time is over.
    Expired,
    /// It was not used for so long that it expired.
    Unused,
}

/// Whether what was typed has the form of an application password.
#[must_use]
pub fn has_form(typed: &Typed) -> bool {
    crockford::parse(typed.expose(), CHARACTERS).is_some()
}

/// Whether a PAM service can have this name.
#[must_use]
pub fn is_service(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_graphic() && byte != b'/' && !byte.is_ascii_uppercase();
    (1..=SERVICE).contains(&name.len()) && name.bytes().all(is_letter)
}

/// Whether an application password can be for these: at least one service, and no impossible one.
#[must_use]
pub fn are_services(names: &[String]) -> bool {
    (1..=SCOPES).contains(&names.len()) && names.iter().all(|name| is_service(name))
}

impl AppPasswords {
    /// None yet.
    ///
    /// # Errors
    /// The kernel gave no random bytes.
    pub fn new() -> Result<Self, NoRandomness> {
        Ok(Self { salt: hex::encode(Secret::random(SALT_BYTES)?.expose()), list: Vec::new() })
    }

    /// Adds one, and gives the password as it is shown, this once.
    ///
    /// # Errors
    /// The kernel gave no random bytes.
    pub fn add(&mut self, wanted: NewAppPassword, now: Timestamp) -> Result<Typed, NoRandomness> {
        let password = crockford::random(CHARACTERS)?;
        let NewAppPassword { label, services, networks, expires, preset } = wanted;
        self.list.push(AppPassword {
            id: random_id()?,
            label,
            services,
            networks,
            created_at: now,
            expires_at: expires.map(|after| now.after(after)),
            preset,
            hash: hex::encode(self.hash(&password).hash.expose()),
            first_use: None,
            last_use: None,
        });
        Ok(crockford::grouped(&password))
    }

    /// Hashes what was typed, if it has the form of an application password.
    #[must_use]
    pub fn read(&self, typed: &Typed) -> Option<HashedPassword> {
        crockford::parse(typed.expose(), CHARACTERS).map(|password| self.hash(&password))
    }

    /// Looks a password up among all, each compared in constant time. A set that was made again has another
    /// salt, so a password that was hashed before that is not found in it.
    #[must_use]
    pub fn find(&self, password: &HashedPassword) -> Option<usize> {
        let matches = |one: &AppPassword| -> bool {
            hex::decode(&one.hash).unwrap_or_default().as_slice().ct_eq(password.hash.expose()).into()
        };
        let mut found = None;
        for (index, one) in self.list.iter().enumerate() {
            if matches(one) {
                found = Some(index);
            }
        }
        found.filter(|_| self.salt == password.salt)
    }

    /// Which one has this label.
    #[must_use]
    pub fn position(&self, label: &str) -> Option<usize> {
        self.list.iter().position(|one| one.label == label)
    }

    fn hash(&self, password: &Typed) -> HashedPassword {
        let salt = hex::decode(&self.salt).unwrap_or_default();
        let hash = Sha256::new().chain_update(&salt).chain_update(password.expose()).finalize();
        HashedPassword { salt: self.salt.clone(), hash: Secret::new(hash.to_vec()) }
    }
}

impl AppPassword {
    /// Why it does not open this door, if it does not. `used_at` is its last use since boot.
    #[must_use]
    pub fn barred(&self, door: &Entrance<'_>, used_at: Option<i64>) -> Option<Barred> {
        let from = |address: IpAddr| self.networks.iter().any(|network| network.contains(&address));
        if door.is_interactive || !self.services.iter().any(|service| service == door.service) {
            return Some(Barred::Service);
        }
        if !self.networks.is_empty() && !door.address.is_some_and(from) {
            return Some(Barred::Network);
        }
        match self.state(used_at, door.now, door.unused) {
            AppPasswordState::Active => None,
            AppPasswordState::Expired => Some(Barred::Expired),
            AppPasswordState::Unused => Some(Barred::Unused),
        }
    }

    /// Whether it still counts.
    #[must_use]
    pub fn state(&self, used_at: Option<i64>, now: Timestamp, unused: Duration) -> AppPasswordState {
        let known = self.last_use.as_ref().map(|last| last.at);
        let last = used_at.into_iter().chain(known).fold(self.created_at.0, i64::max);
        if self.expires_at.is_some_and(|expires_at| expires_at <= now) {
            AppPasswordState::Expired
        } else if Timestamp(last).after(unused) <= now {
            AppPasswordState::Unused
        } else {
            AppPasswordState::Active
        }
    }

    /// What people and programs are told about it. `used` is its last use since boot.
    #[must_use]
    pub fn status(&self, used: Option<Use>, now: Timestamp, unused: Duration) -> AppPasswordStatus {
        let known = self.last_use.as_ref().map(|last| Use { at: last.at, source: last.source.clone() });
        AppPasswordStatus {
            label: self.label.clone(),
            state: self.state(used.as_ref().map(|used| used.at), now, unused),
            services: self.services.clone(),
            networks: self.networks.iter().map(ToString::to_string).collect(),
            created_at: self.created_at.0,
            expires_at: self.expires_at.map(|expires_at| expires_at.0),
            preset: self.preset,
            last_use: used.into_iter().chain(known).max_by_key(|used| used.at),
        }
    }
}

impl Barred {
    /// The reason, one word.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Service => "app-password-other-service",
            Self::Network => "app-password-other-network",
            Self::Expired => "app-password-expired",
            Self::Unused => "app-password-unused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::network;

    const YEAR: Duration = Duration::from_secs(365 * 86_400);

    fn wanted() -> NewAppPassword {
        NewAppPassword {
            label: "laptop".into(),
            services: vec!["dovecot".into(), "smtp".into()],
            networks: vec![],
            expires: None,
            preset: false,
        }
    }

    fn made(wanted: NewAppPassword) -> AppPassword {
        let mut passwords = AppPasswords::new().unwrap();
        passwords.add(wanted, Timestamp(1000)).unwrap();
        passwords.list.remove(0)
    }

    fn door(service: &str, address: Option<&str>, now: i64) -> Option<Barred> {
        let networks = ["192.0.2.0/24", "2001:db8::/32"].map(|text| network(text).unwrap()).to_vec();
        let expires = Some(Duration::from_secs(500));
        let one = made(NewAppPassword { networks, expires, ..wanted() });
        let address = address.map(|address| address.parse().unwrap());
        one.barred(
            &Entrance {
                service,
                is_interactive: service == "smtp" && now == 0,
                address,
                now: Timestamp(now),
                unused: YEAR,
            },
            None,
        )
    }

    #[test]
    fn each_password_is_found_however_it_is_typed() {
        let mut passwords = AppPasswords::new().unwrap();
        let shown: Vec<Typed> = (0..50).map(|_| passwords.add(wanted(), Timestamp(0)).unwrap()).collect();
        for (index, password) in shown.iter().enumerate() {
            assert_eq!(password.expose().split('-').count(), 6);
            for typed in [password.expose().to_owned(), password.expose().to_lowercase().replace('-', " ")] {
                let typed = passwords.read(&Typed::new(typed)).unwrap();
                assert_eq!(passwords.find(&typed), Some(index));
            }
        }
        let strange = passwords.read(&Typed::new("0000-".repeat(6))).unwrap();
        assert_eq!(passwords.find(&strange), None);
        for none in ["", "123456", "correct horse battery staple", "0123-4567-89AB-CDEF"] {
            assert!(passwords.read(&Typed::new(none.into())).is_none(), "{none}");
        }
        let others = AppPasswords::new().unwrap();
        assert_eq!(passwords.find(&others.read(&shown[0]).unwrap()), None);
    }

    #[test]
    fn a_password_opens_its_own_doors_only() {
        assert_eq!(door("dovecot", Some("192.0.2.7"), 1000), None);
        assert_eq!(door("smtp", Some("2001:db8::7"), 1499), None);
        assert_eq!(door("smtp", Some("192.0.2.7"), 0), Some(Barred::Service));
        assert_eq!(door("imap", Some("192.0.2.7"), 1000), Some(Barred::Service));
        for address in [Some("192.0.3.7"), Some("2001:db9::1"), None] {
            assert_eq!(door("dovecot", address, 1000), Some(Barred::Network), "{address:?}");
        }
        assert_eq!(door("dovecot", Some("192.0.2.7"), 1500), Some(Barred::Expired));
    }

    #[test]
    fn a_use_of_any_kind_keeps_it_alive() {
        let mut one = made(wanted());
        let year = i64::try_from(YEAR.as_secs()).unwrap();
        let at = |one: &AppPassword, used, now| one.state(used, Timestamp(now), YEAR);
        assert_eq!(at(&one, None, 999 + year), AppPasswordState::Active);
        assert_eq!(at(&one, None, 1000 + year), AppPasswordState::Unused);
        assert_eq!(at(&one, Some(1001), 1000 + year), AppPasswordState::Active);
        one.last_use = Some(SecondStep { at: 1002, service: String::new(), source: String::new() });
        assert_eq!(at(&one, None, 1001 + year), AppPasswordState::Active);
        assert_eq!(at(&one, Some(1001), 1002 + year), AppPasswordState::Unused);
    }

    #[test]
    fn names_of_services() {
        for good in ["dovecot", "sshd-sftp", "gdm-password", "a.b_c@d"] {
            assert!(is_service(good), "{good}");
        }
        for bad in ["", "Dovecot", "a b", "../su", "a/b", "a\n", "é", &"x".repeat(65)] {
            assert!(!is_service(bad), "{bad}");
        }
        assert!(!are_services(&[]) && !are_services(&vec!["a".into(); 17]));
    }
}
