//! Who asks for a login, and what of their claims counts.
//!
//! A type of [`Attempt`] is made from what the kernel says of a peer: what that peer may not claim
//! does not reach it.

use std::fmt;

use super::Attempt;
use crate::request::Shape;
use crate::throttle::Origin;
use crate::username::Person;

/// Who sends the answers of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A process of root's.
    Root,
    /// A process of the user with this uid.
    User(u32),
}

/// What a peer claims of a login.
#[derive(Debug, Clone)]
pub struct Claims {
    /// The PAM service.
    pub service: String,
    /// From where: PAM_RHOST, PAM_TTY, and the real uid of the process.
    pub origin: Origin,
    /// How the first answer is meant.
    pub shape: Shape,
    /// Whether the first step is passed.
    pub first_step_passed: bool,
}

impl Attempt {
    /// A login in a process of root's, which knows all of it.
    #[must_use]
    pub fn from_root(person: Person, claims: Claims) -> Self {
        let Claims { service, origin, shape, first_step_passed } = claims;
        Self { person, peer: Peer::Root, service, origin, shape, first_step_passed }
    }

    /// A login of a user in a process of the user's own. Only the service and the form of the answer
    /// are its to say: the kernel knows where it comes from, and what the user may hear it may.
    #[must_use]
    pub fn from_user(person: Person, claims: Claims) -> Self {
        let origin = Origin { rhost: None, tty: None, real_uid: person.uid };
        let (peer, Claims { service, shape, .. }) = (Peer::User(person.uid), claims);
        Self { person, peer, service, origin, shape, first_step_passed: true }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root"),
            Self::User(uid) => write!(f, "uid:{uid}"),
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
        Claims { service: "xlock".into(), origin, shape: Shape::Code, first_step_passed: true }
    }

    /// Each field of a claim with a lie in it, and whether a process of the user may say that.
    fn forgeries() -> Vec<(&'static str, Claims, bool)> {
        let origin = |origin: Origin| Claims { origin, ..honest() };
        let own = honest().origin;
        vec![
            ("service", Claims { service: "sshd".into(), ..honest() }, true),
            ("shape", Claims { shape: Shape::PasswordAndCode, ..honest() }, true),
            ("rhost", origin(Origin { rhost: Some("192.0.2.1".into()), ..own.clone() }), false),
            ("tty", origin(Origin { tty: Some("tty1".into()), ..own.clone() }), false),
            ("real uid", origin(Origin { real_uid: 0, ..own }), false),
            ("first step", Claims { first_step_passed: false, ..honest() }, false),
        ]
    }

    #[test]
    fn what_a_peer_may_not_claim_changes_nothing() {
        // A field that is added must be forged here too.
        let Claims { service: _, origin: Origin { rhost: _, tty: _, real_uid: _ }, shape: _, first_step_passed: _ } =
            honest();
        for (field, forged, is_the_users) in forgeries() {
            let by_user = Attempt::from_user(alice(), forged.clone()) == Attempt::from_user(alice(), honest());
            assert_eq!(by_user, !is_the_users, "{field} by the user");
            let by_root = Attempt::from_root(alice(), forged) == Attempt::from_root(alice(), honest());
            assert!(!by_root, "{field} by root");
        }
    }

    #[test]
    fn a_user_is_never_taken_for_root() {
        let (user, root) = (Attempt::from_user(alice(), honest()), Attempt::from_root(alice(), honest()));
        assert_eq!((user.peer, root.peer), (Peer::User(1000), Peer::Root));
        assert_ne!(user.peer.to_string(), root.peer.to_string());
    }
}
