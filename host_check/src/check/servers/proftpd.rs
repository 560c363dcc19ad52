//! ProFTPD: whether PAM has the last word on a password, and whether it is told addresses or names.
//!
//! Its module of PAM is asked first wherever it stands in AuthOrder. With a `*` behind its name a refusal
//! ends the login; without, the module that knows the user is asked next, and mod_auth_unix compares the
//! password with /etc/shadow. A main server's AuthOrder does not count for its virtual hosts.

use std::path::Path;

use pam_stacks::Files;

use super::beside::{Beside, is_installed};
use super::directives::{Block, Directive, read};
use crate::finding::Finding;
use crate::messages::check_servers as messages;

const PROGRAMS: [&str; 2] = ["/usr/sbin/proftpd", "/usr/local/sbin/proftpd"];
const CONFIGS: [&str; 3] = ["/etc/proftpd/proftpd.conf", "/etc/proftpd.conf", "/usr/local/etc/proftpd.conf"];

/// The PAM service that it is built with: Debian's, and its own.
const SERVICES: [&str; 2] = ["proftpd", "ftp"];

/// What its server asks after PAM where nothing says otherwise.
const USUAL: &str = "mod_auth_unix.c (/etc/shadow)";

/// Its configuration.
pub struct Proftpd {
    config: &'static str,
    service: &'static str,
    directives: Vec<Directive>,
}

/// For whom a directive is.
#[derive(Clone, Copy, PartialEq)]
enum Scope<'a> {
    Main,
    Everybody,
    VirtualHost(&'a Block),
}

impl Scope<'_> {
    fn of(directive: &Directive) -> Option<Scope<'_>> {
        let named = |name: &str| directive.blocks.iter().find(|block| block.name == name);
        match (named("global"), named("virtualhost")) {
            (Some(_), _) => Some(Scope::Everybody),
            (None, Some(host)) => Some(Scope::VirtualHost(host)),
            (None, None) => directive.blocks.is_empty().then_some(Scope::Main),
        }
    }
}

impl Proftpd {
    /// That of this host, if it has one.
    pub fn read(files: &Files) -> Option<Self> {
        let config = CONFIGS.into_iter().find(|path| files.real(Path::new(path)).is_file())?;
        if !is_installed(files, &PROGRAMS) {
            return None;
        }
        let services = files.services();
        let [first, other] = SERVICES;
        let service = if services.iter().any(|name| name == first) { first } else { other };
        let directives = read(files, Path::new(config), Path::new("/"));
        Some(Self { config, service, directives })
    }

    /// Who answers beside PAM, for each server that has such a one.
    pub fn beside(&self) -> Vec<Beside> {
        let hosts = self.directives.iter().filter_map(Scope::of).filter(|scope| matches!(scope, Scope::VirtualHost(_)));
        let mut all = Vec::new();
        for scope in std::iter::once(Scope::Main).chain(hosts) {
            all.extend(self.of(scope).filter(|beside| !all.contains(beside)));
        }
        all
    }

    fn of(&self, scope: Scope<'_>) -> Option<Beside> {
        let service = self.service(scope).to_owned();
        let off = self.value("authpam", scope).filter(|one| one.words.first().is_some_and(|word| is_no(word)));
        if let Some(off) = off {
            let (about, what) = (off.place.to_string(), messages::pam_not_asked("AuthPAM off"));
            return Some(Beside { service, remedy: messages::auth_pam_on(&about), about, what });
        }
        let Some(order) = self.value("authorder", scope) else {
            // A host that the main server's own order leaves out is named: it looks as if it were in it.
            let (about, text) = match scope {
                Scope::VirtualHost(host) if self.value("authorder", Scope::Main).is_some() => {
                    (host.place.to_string(), format!("no AuthOrder for {}", host.text))
                }
                _ => (self.config.to_owned(), "no AuthOrder".to_owned()),
            };
            let what = messages::proftpd_asks(USUAL, &text);
            return Some(Beside { service, about, what, remedy: messages::global_order(self.config) });
        };
        let others = order.words.iter().map(|word| word.trim_end_matches('*')).filter(|word| *word != "mod_auth_pam.c");
        let others = others.map(|module| if module == "mod_auth_unix.c" { USUAL } else { module });
        let others = others.collect::<Vec<_>>().join(", ");
        let text = format!("AuthOrder {}", order.words.join(" "));
        let has = |wanted: &str| order.words.iter().any(|word| word == wanted);
        let what = if has("mod_auth_pam.c*") || others.is_empty() {
            return None;
        } else if has("mod_auth_pam.c") {
            messages::proftpd_asks(&others, &text)
        } else {
            messages::pam_not_asked(&text)
        };
        let about = order.place.to_string();
        Some(Beside { service, remedy: messages::order_at(&about), about, what })
    }

    /// The PAM service by which one server asks.
    fn service(&self, scope: Scope<'_>) -> &str {
        let named = self.value("authpamconfig", scope).and_then(|named| named.words.first());
        named.map_or(self.service, String::as_str)
    }

    /// The directive that counts for one server: its own, or that of all; of several the first.
    fn value(&self, name: &str, scope: Scope<'_>) -> Option<&Directive> {
        let of = |scope| self.directives.iter().find(|one| one.name == name && Scope::of(one) == Some(scope));
        of(scope).or_else(|| of(Scope::Everybody))
    }

    /// Whether PAM is told the names of hosts. So it is where nothing says otherwise.
    pub fn names(&self, asks: &dyn Fn(&str) -> bool) -> Option<Finding> {
        let said = self.directives.iter().rfind(|one| one.name == "usereversedns");
        let is_off = said.is_some_and(|one| one.words.first().is_some_and(|word| is_no(word)));
        let service = self.service(Scope::Main);
        if is_off || !asks(service) {
            return None;
        }
        let about = said.map_or_else(|| self.config.to_owned(), |one| one.place.to_string());
        let what = messages::name_of_host(service, "ProFTPD", "UseReverseDNS on");
        let remedy = messages::addresses("UseReverseDNS off", &about);
        Some(Finding::notice("address-is-a-name", about, what, remedy))
    }
}

fn is_no(word: &str) -> bool {
    ["off", "no", "false", "0"].contains(&word.to_ascii_lowercase().as_str())
}
