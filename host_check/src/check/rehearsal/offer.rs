//! What sshd does before it asks PAM, or instead.

use std::path::Path;

use super::login::{Ends, RehearsalStep, Visitors};
use crate::check::sshd::{self, Alternatives, Applicant, CONFIG, Effective, Method, Visitor};
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
    /// Whether sshd could not be asked which users and methods it accepts.
    pub is_untold: bool,
    /// How it ends, where PAM has no say in it.
    pub ends: Option<(Ends, String)>,
}

impl Offer {
    /// That of programs which leave everything to PAM.
    fn by_pam() -> Self {
        Self { before: Before::Nothing, asks_pam: true, can_ask: true, beside: None, is_untold: false, ends: None }
    }

    /// That of sshd. `refused_by` is the setting that refuses this user, if one does.
    fn of(effective: &Effective, is_root: bool, refused_by: Option<&str>) -> Self {
        let alternatives = Alternatives::of(effective);
        let mut lists = alternatives.lists().collect::<Vec<_>>();
        let root = if is_root { effective.value("permitrootlogin") } else { "yes" };
        let is_open = !lists.is_empty();
        if root != "yes" {
            // sshd gives PAM an answer of its own then, which no module takes for right.
            lists.retain(|list| !list.iter().any(Method::is_asked_by_pam));
        }
        let beside = lists.iter().find(|list| !list.iter().any(Method::is_asked_by_pam));
        let beside = beside.map(|list| list.iter().map(Method::name).collect::<Vec<_>>().join(" and "));
        let refused = |why: String| Some((Ends::Refused, why));
        let ends = if let Some(keyword) = refused_by {
            refused(messages::rehearsal::refused_by(keyword))
        } else if root == "no" {
            refused(messages::rehearsal::ROOT_NOT_ALLOWED.to_owned())
        } else if !is_open {
            refused(messages::rehearsal::NO_WAY_IN.to_owned())
        } else if lists.is_empty() {
            refused(messages::rehearsal::root_by_key(root))
        } else if root == "forced-commands-only" {
            refused(messages::rehearsal::ROOT_BY_COMMAND.to_owned())
        } else if !effective.is_on("usepam") {
            Some((Ends::InWithoutCode, messages::rehearsal::PAST_PAM.to_owned()))
        } else {
            None
        };
        Self {
            before: effective.before(),
            asks_pam: lists.iter().any(|list| list.iter().any(Method::is_asked_by_pam)),
            can_ask: lists.iter().any(|list| list.contains(&Method::KeyboardInteractive)),
            beside,
            is_untold: false,
            ends,
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
            Some(Ok(effective)) => {
                let refused_by = Applicant::of(self.person, self.from).refused_by(&effective);
                (effective.offers(), Offer::of(&effective, self.person.uid == 0, refused_by))
            }
            Some(Err(why)) => (messages::rehearsal::offer_untold(&why), Offer { is_untold: true, ..Offer::by_pam() }),
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
        Offer::of(&Effective::parse(&format!("{text}{KEY_OR_PASSWORD}")), user == "root", None)
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
        let both = "authenticationmethods publickey,keyboard-interactive\n";
        for root in ["prohibit-password", "without-password", "forced-commands-only"] {
            let text = format!("permitrootlogin {root}\n{both}");
            assert_eq!(of(&text, "root").ends.map(|(ends, _)| ends), Some(Ends::Refused), "{root}");
            assert!(of(&text, "alice").ends.is_none(), "{root}");
        }
        let alone = of("permitrootlogin prohibit-password\n", "root");
        assert!(!alone.asks_pam && alone.ends.is_none(), "a key alone is left");
        assert_eq!(ends("permitrootlogin yes\n", "root"), None);
    }
}
