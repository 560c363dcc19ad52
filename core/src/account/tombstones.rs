//! What an account lost for good. The ledger remembers it until the next boot, so that an old version of
//! the account file, put back by whoever it was, brings none of it back.

use super::Account;
use crate::ledger::Ledger;

/// How the name of a recovery code that was used begins. What else is gone an administrator can bring back.
const CODE: &str = "c";

impl Account {
    /// What of this account could be gone one day, each under a name of its own.
    fn assets(&self) -> impl Iterator<Item = String> {
        let authenticators = self.authenticators.iter().map(|one| authenticator(&one.id));
        let passwords = self.app_passwords.iter().flat_map(|all| &all.list).map(|one| password(&one.id));
        let sets = self.recovery.iter().map(|set| codes(&set.name()));
        let codes = self.recovery.iter().flat_map(|set| set.unused_names()).map(|name| code(&name));
        authenticators.chain(passwords).chain(sets).chain(codes)
    }

    /// Notes in the ledger what this account had and `after` has not.
    pub(crate) fn note_losses(&self, after: &Self, ledger: &mut Ledger) {
        let kept = after.assets().collect::<Vec<_>>();
        // Codes of a set that is gone as a whole need no name each.
        let has_set = after.recovery.as_ref().map(|set| set.name()) == self.recovery.as_ref().map(|set| set.name());
        let lost = self.assets().filter(|one| !kept.contains(one) && (has_set || !one.starts_with(CODE)));
        ledger.lose(lost.collect::<Vec<_>>().into_iter());
    }

    /// Takes out what the ledger knows as gone. Whether there was anything: then the file is an old one.
    pub(crate) fn take_out_gone(&mut self, ledger: &Ledger) -> bool {
        let before = self.assets().count();
        self.authenticators.retain(|one| !ledger.has_lost(&authenticator(&one.id)));
        if let Some(passwords) = &mut self.app_passwords {
            passwords.list.retain(|one| !ledger.has_lost(&password(&one.id)));
        }
        self.recovery = self.recovery.take().filter(|set| !ledger.has_lost(&codes(&set.name())));
        if let Some(set) = &mut self.recovery {
            set.retain(|name| !ledger.has_lost(&code(name)));
        }
        self.assets().count() < before
    }
}

impl Ledger {
    /// Lets an administrator bring back what was taken out. What was used up stays so.
    pub(crate) fn let_back(&mut self) {
        self.regain(|gone| gone.starts_with(CODE));
    }
}

fn authenticator(id: &str) -> String {
    format!("a{id}")
}

fn password(id: &str) -> String {
    format!("p{id}")
}

fn codes(name: &str) -> String {
    format!("s{name}")
}

fn code(name: &str) -> String {
    format!("{CODE}{name}")
}
