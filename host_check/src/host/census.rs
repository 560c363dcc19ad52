//! Everybody on this host: who can log in with a shell, who has an account, and what is left over.

use std::collections::HashSet;

use serde::Serialize;
use twostep_core::overview::Row;
use twostep_core::request::Refusal;
use twostep_core::store::{Store, StoreError};
use twostep_core::username::Person;

use super::orphan::{Owner, of_earlier_uid, owner};
use super::users::{Users, unlisted};
use super::{Host, Judge, Orphan, Why};
use crate::error::Error;
use crate::messages::users;

/// One of them.
#[derive(Debug)]
pub enum Subject {
    /// A user.
    User(Person),
    /// An account that is nobody's.
    Orphan(Orphan),
}

/// A subject's line of the report.
#[derive(Debug, Serialize)]
pub struct CensusEntry {
    /// How the user stands.
    #[serde(flatten)]
    pub row: Row,
    /// Why the account is nobody's.
    pub orphan: Option<Why>,
}

impl Host {
    /// Visits everybody. Of the users only the names of those who have an account are kept.
    pub fn everybody<E: From<Error>>(&self, mut visit: impl FnMut(Subject) -> Result<(), E>) -> Result<(), E> {
        let names = self.store.account_names().map_err(|error| unread(&error))?;
        let mut accounts = names.into_iter().collect::<HashSet<_>>();
        let mut users = Users::list()?;
        while let Some(listed) = users.next()? {
            let person = listed.person;
            let alias = person.alias().map_err(|error| unlisted(&error.to_string()))?;
            let names = [Some(&person.name), alias];
            let of_user = names.into_iter().flatten().filter(|name| accounts.remove(&name.file_name()));
            let has_account = of_user.count() > 0;
            if listed.has_login_shell || has_account {
                visit(Subject::User(person))?;
            }
        }
        let mut rest = accounts.into_iter().collect::<Vec<_>>();
        rest.sort_unstable();
        for account in rest {
            match owner(&self.accounts, &account)? {
                Owner::User(person) => visit(Subject::User(person))?,
                Owner::Nobody(orphan) => visit(Subject::Orphan(orphan))?,
            }
        }
        Ok(())
    }

    /// How many subjects there are at most.
    pub fn at_most(&self) -> Result<usize, Error> {
        Ok(Users::count()? + self.count_accounts()?)
    }

    /// How many account files there are.
    pub fn count_accounts(&self) -> Result<usize, Error> {
        self.store.account_names().map(|names| names.len()).map_err(|error| unread(&error))
    }

    /// The line of one of them.
    pub fn entry(&self, judge: &Judge<'_>, subject: Subject) -> CensusEntry {
        match subject {
            Subject::User(person) => {
                let row = judge.row(&person);
                // Whether the account is an earlier user's is asked only where it is invalid.
                let orphan = row.trouble.as_ref().and_then(|_| of_earlier_uid(&self.accounts, &person));
                orphan.map_or(CensusEntry { row, orphan: None }, entry_of)
            }
            Subject::Orphan(orphan) => entry_of(orphan),
        }
    }

    /// The account of one of them, if it is nobody's.
    pub fn orphan(&self, subject: Subject) -> Option<Orphan> {
        match subject {
            Subject::Orphan(orphan) => Some(orphan),
            Subject::User(person) if self.store.find(&person).is_err() => of_earlier_uid(&self.accounts, &person),
            Subject::User(_) => None,
        }
    }
}

fn entry_of(orphan: Orphan) -> CensusEntry {
    let trouble = Some(orphan.trouble());
    let row = Row { user: orphan.user, uid: orphan.uid, trouble, ..Row::default() };
    CensusEntry { row, orphan: Some(orphan.why) }
}

/// The accounts cannot be listed.
fn unread(error: &StoreError) -> Error {
    let reason = if error.is_not_set_up() { Refusal::NotSetUp } else { Refusal::Failed };
    Error::Refused(reason, users::accounts_unlisted(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::scripted::host;

    fn everybody(host: &Host) -> Vec<Subject> {
        let mut seen = Vec::new();
        host.everybody(|subject| {
            seen.push(subject);
            Ok::<(), Error>(())
        })
        .unwrap();
        seen
    }

    #[test]
    fn users_with_a_shell_and_accounts_without_a_user_are_seen_once() {
        let (host, folder) = host("version = 1");
        let accounts = folder.path().join("state/accounts");
        std::fs::write(accounts.join("no-such-user.toml"), "user = \"no-such-user\"\nuid = 4294967290\n").unwrap();
        std::fs::write(accounts.join("daemon.toml"), "user = \"daemon\"\nuid = 77\n").unwrap();
        let judge = host.judge(&host.config);
        let seen = everybody(&host).into_iter().map(|one| host.entry(&judge, one)).collect::<Vec<_>>();
        let count = |name: &str| seen.iter().filter(|one| one.row.user == name).count();
        assert_eq!((count("root"), count("daemon"), count("bin"), count("no-such-user")), (1, 1, 0, 1));
        let why = |name: &str| seen.iter().find(|one| one.row.user == name).unwrap().orphan.clone();
        assert_eq!((why("root"), why("daemon"), why("no-such-user")), (None, Some(Why::UidChanged), Some(Why::NoUser)));
        assert!(seen.len() <= host.at_most().unwrap());
    }

    #[test]
    fn a_host_without_accounts_says_so() {
        let (host, folder) = host("version = 1");
        std::fs::remove_dir(folder.path().join("state/accounts")).unwrap();
        let error = host.everybody(|_| Ok::<(), Error>(())).unwrap_err();
        assert!(matches!(error, Error::Refused(Refusal::NotSetUp, _)), "{error}");
    }
}
