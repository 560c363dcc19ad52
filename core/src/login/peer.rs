//! Who asks for a login, and what of their claims counts.
//!
//! A type of [`Attempt`] is made from what the kernel says of a peer: what that peer may not claim
//! does not reach it.

use std::fmt;

use super::Attempt;
use crate::config::Config;
use crate::throttle::{Origin, Source};
use crate::username::Person;

/// Who sends a request, as the kernel says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A process of root's.
    Root,
    /// A process of the user with this uid.
    User(u32),
}

/// Who sends the answers of one login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A process of root's.
    Root,
    /// A process of the user who logs in, by its uid.
    Own(u32),
    /// A process of a caller that the configuration lists.
    Caller(CallerOrigin),
}

/// A listed caller, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallerOrigin {
    /// The user that it runs as, as the configuration has it.
    pub(crate) name: String,
    /// From which host it says that the login comes.
    pub(crate) rhost: Option<String>,
}

/// What a peer claims of a login.
#[derive(Debug, Clone)]
pub struct Claims {
    /// The PAM service.
    pub service: String,
    /// From where: PAM_RHOST, PAM_TTY, and the real uid of the process.
    pub origin: Origin,
    /// Whether the first step is passed.
    pub first_step_passed: bool,
}

impl Attempt {
    /// A login in a process of root's, which knows all of it.
    #[must_use]
    pub fn from_root(person: Person, claims: Claims) -> Self {
        let Claims { service, origin, first_step_passed } = claims;
        Self { person, sender: Sender::Root, service, origin, session: None, first_step_passed }
    }

    /// A login of a user in a process of the user's own. Only the service
    /// is its to say: the kernel knows where it comes from, and what the user may hear it may.
    #[must_use]
    pub fn from_user(person: Person, claims: Claims) -> Self {
        let origin = Origin { rhost: None, tty: None, real_uid: person.uid };
        let (sender, Claims { service, .. }) = (Sender::Own(person.uid), claims);
        Self { person, sender, service, origin, session: None, first_step_passed: true }
    }

    /// A login of a user in a process of a listed caller's. It may say the same, and from which host the
    /// login comes: that counts for nothing but to tell its wrong answers apart.
    #[must_use]
    pub fn from_caller(person: Person, caller: &str, claims: Claims) -> Self {
        let Claims { service, origin: Origin { rhost, .. }, .. } = claims;
        let sender = Sender::Caller(CallerOrigin { name: caller.to_owned(), rhost });
        Self { person, sender, service, origin: Origin::default(), session: None, first_step_passed: false }
    }

    /// Where the answers come from.
    #[must_use]
    pub fn source(&self, config: &Config) -> Source {
        match &self.sender {
            Sender::Root => Source::of(&self.origin, &config.policy.proxies),
            Sender::Own(uid) => Source::of_user(*uid),
            Sender::Caller(CallerOrigin { name, rhost }) => Source::of_caller(name, rhost.as_deref()),
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root"),
            Self::Own(uid) => write!(f, "uid:{uid}"),
            Self::Caller(caller) => write!(f, "caller:{}", caller.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::username::Username;

    fn alice() -> Person {
        Person { name: Username::new("alice"), alias: None.into(), uid: 1000, gid: 1000 }
    }

    fn honest() -> Claims {
        let origin = Origin { rhost: None, tty: None, real_uid: 1000 };
        Claims { service: "xlock".into(), origin, first_step_passed: true }
    }

    /// Each field of a claim with a lie in it, and whether a process of the user, or of a listed caller, may
    /// say that.
    fn forgeries() -> Vec<(&'static str, Claims, [bool; 2])> {
        let origin = |origin: Origin| Claims { origin, ..honest() };
        let own = honest().origin;
        vec![
            ("service", Claims { service: "sshd".into(), ..honest() }, [true, true]),
            ("rhost", origin(Origin { rhost: Some("192.0.2.1".into()), ..own.clone() }), [false, true]),
            ("tty", origin(Origin { tty: Some("tty1".into()), ..own.clone() }), [false, false]),
            ("real uid", origin(Origin { real_uid: 0, ..own }), [false, false]),
            ("first step", Claims { first_step_passed: false, ..honest() }, [false, false]),
        ]
    }

    #[test]
    fn what_a_peer_may_not_claim_changes_nothing() {
        // A field that is added must be forged here too.
        let Claims { service: _, origin: Origin { rhost: _, tty: _, real_uid: _ }, first_step_passed: _ } = honest();
        let by_caller = |claims| Attempt::from_caller(alice(), "www-data", claims);
        for (field, forged, may) in forgeries() {
            let by_user = Attempt::from_user(alice(), forged.clone()) == Attempt::from_user(alice(), honest());
            let by_caller = by_caller(forged.clone()) == by_caller(honest());
            assert_eq!([!by_user, !by_caller], may, "{field} by the user and by a listed caller");
            let by_root = Attempt::from_root(alice(), forged) == Attempt::from_root(alice(), honest());
            assert!(!by_root, "{field} by root");
        }
    }

    /// An address that a caller names exempts from nothing, and is remembered by nobody.
    #[test]
    fn the_host_that_a_caller_names_is_a_source_within_its_own_and_no_origin() {
        let origin = Origin { rhost: Some("192.0.2.1".into()), tty: Some("tty1".into()), real_uid: 7 };
        let attempt = Attempt::from_caller(alice(), "www-data", Claims { origin, ..honest() });
        assert_eq!(attempt.origin, Origin::default());
        let config = Config::strictest();
        assert_eq!(attempt.source(&config).as_str(), "caller:www-data/192.0.2.1");
        assert_eq!(Attempt::from_user(alice(), honest()).source(&config).as_str(), "uid:1000");
    }

    #[test]
    fn no_sender_is_taken_for_another() {
        let user = Attempt::from_user(alice(), honest()).sender;
        let root = Attempt::from_root(alice(), honest()).sender;
        let caller = Attempt::from_caller(alice(), "www-data", honest()).sender;
        assert_eq!((&user, &root), (&Sender::Own(1000), &Sender::Root));
        let names = [user, root, caller].map(|sender| sender.to_string());
        assert_eq!(names, ["uid:1000", "root", "caller:www-data"]);
    }
}
