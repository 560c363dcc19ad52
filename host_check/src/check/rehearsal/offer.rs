//! What sshd does before it asks PAM, or instead.

use std::path::Path;

use super::login::{Ends, RehearsalStep, Visitors};
use crate::check::sshd::{self, Alternatives, CONFIG, Effective, Method, Visitor};
use crate::check::stacks::Before;
use crate::messages;

/// What a program offers this user.
pub struct Offer {
    /// What is proved when PAM is asked.
    pub before: Before,
    /// Whether PAM's auth phase is asked at all.
    pub asks_pam: bool,
    /// Whether a second question can be asked.
    pub can_ask: bool,
    /// A way in beside PAM's auth phase.
    pub beside: Option<String>,
    /// How it ends, where PAM has no say in it.
    pub ends: Option<(Ends, String)>,
}

impl Offer {
    /// That of programs which leave everything to PAM.
    fn by_pam() -> Self {
        Self { before: Before::Nothing, asks_pam: true, can_ask: true, beside: None, ends: None }
    }

    /// That of sshd.
    fn of(effective: &Effective, user: &str) -> Self {
        let alternatives = Alternatives::of(effective);
        let lists = alternatives.lists().collect::<Vec<_>>();
        let beside = lists.iter().find(|list| !list.iter().any(Method::is_asked_by_pam));
        let beside = beside.map(|list| list.iter().map(Method::name).collect::<Vec<_>>().join(" and "));
        let ends = if user == "root" && effective.value("permitrootlogin") == "no" {
            Some((Ends::Refused, messages::rehearsal::ROOT_NOT_ALLOWED))
        } else if lists.is_empty() {
            Some((Ends::Refused, messages::rehearsal::NO_WAY_IN))
        } else if !effective.is_on("usepam") {
            Some((Ends::InWithoutCode, messages::rehearsal::PAST_PAM))
        } else {
            None
        };
        Self {
            before: effective.before(),
            asks_pam: lists.iter().any(|list| list.iter().any(Method::is_asked_by_pam)),
            can_ask: lists.iter().any(|list| list.contains(&Method::KeyboardInteractive)),
            beside,
            ends: ends.map(|(ends, outcome)| (ends, outcome.to_owned())),
        }
    }
}

impl Visitors<'_> {
    /// What sshd offers, where it is sshd.
    pub(super) fn sshd(&self, steps: &mut Vec<RehearsalStep>) -> Offer {
        let user = self.person.name.as_str();
        let visitor = Visitor { address: self.address(), ..Visitor::named(user) };
        if !self.service.starts_with("sshd") {
            return Offer::by_pam();
        }
        // The last one that asks PAM by this name: one that was started for it goes before the usual one.
        let daemons = sshd::daemons(&self.files.real(Path::new(CONFIG)));
        let Some(daemon) = daemons.iter().rev().find(|daemon| daemon.service == self.service).or(daemons.first())
        else {
            return Offer::by_pam();
        };
        let (what, offer) = match Effective::ask(daemon, &visitor) {
            Some(Ok(effective)) => (effective.offers(), Offer::of(&effective, user)),
            Some(Err(why)) => (messages::rehearsal::offer_untold(&why), Offer::by_pam()),
            None => return Offer::by_pam(),
        };
        steps.push(RehearsalStep { at: daemon.to_string(), what });
        offer
    }

    /// The client's address; one of nobody's, where a name was given or nothing.
    fn address(&self) -> String {
        let given = self.from.filter(|from| from.parse::<std::net::IpAddr>().is_ok());
        given.map_or_else(|| Visitor::named("").address, str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_OR_PASSWORD: &str = "usepam yes\npubkeyauthentication yes\nkbdinteractiveauthentication yes\n";

    fn of(text: &str, user: &str) -> Offer {
        // Of a key that is told twice the first counts, as sshd tells each once.
        Offer::of(&Effective::parse(&format!("{text}{KEY_OR_PASSWORD}")), user)
    }

    #[test]
    fn ways_beside_pam_are_known() {
        let offer = of("", "alice");
        assert!(offer.asks_pam && offer.can_ask && offer.ends.is_none());
        assert_eq!(offer.beside.as_deref(), Some("publickey"));
        let both = of("authenticationmethods publickey,keyboard-interactive\n", "alice");
        assert!(both.beside.is_none() && both.before == Before::Key);
        let keys = of("kbdinteractiveauthentication no\n", "alice");
        assert!(!keys.asks_pam && keys.ends.is_none());
        let password = of("kbdinteractiveauthentication no\npasswordauthentication yes\n", "alice");
        assert!(password.asks_pam && !password.can_ask);
    }

    #[test]
    fn where_pam_has_no_say_the_end_is_known() {
        let ends = |text, user| of(text, user).ends.map(|(ends, _)| ends);
        assert_eq!(ends("usepam no\n", "alice"), Some(Ends::InWithoutCode));
        assert_eq!(ends("kbdinteractiveauthentication no\npubkeyauthentication no\n", "alice"), Some(Ends::Refused));
        assert_eq!(ends("permitrootlogin no\n", "root"), Some(Ends::Refused));
        assert_eq!(ends("permitrootlogin no\n", "alice"), None);
    }
}
