//! An account as its file holds it: TOML, and a last line that says that the text is whole.

use std::fmt;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Account, VERSION};
use crate::document::{self, Fault};
use crate::hex;
use crate::username::Username;

impl Account {
    /// Reads an account file and holds it against whom it must belong to.
    ///
    /// # Errors
    /// It is no account of this form, or another user's.
    pub fn parse(text: &str, name: &Username, uid: u32) -> Result<Self, AccountError> {
        let newer = |error| newer(text).unwrap_or(error);
        let body = whole(text).ok_or(AccountError::NotWhole).map_err(newer)?;
        let account: Self = document::read(body).map_err(AccountError::Broken).map_err(newer)?;
        if account.version != VERSION {
            return Err(AccountError::Version(account.version));
        }
        if account.user != name.as_str() || account.uid != uid {
            return Err(AccountError::Mismatch { user: account.user, uid: account.uid });
        }
        let pending = account.pending.iter().map(|pending| &pending.authenticator);
        match account.authenticators.iter().chain(pending).find(|one| !one.parameters().are_possible()) {
            Some(one) => Err(AccountError::Impossible(one.label.clone())),
            None => Ok(account),
        }
    }

    /// The uid in an account's text, which may be broken or incomplete otherwise.
    pub(crate) fn uid_in(text: &str) -> Option<u32> {
        document::read(text).ok().map(|Owned { uid }| uid)
    }

    /// The account as the file holds it.
    #[must_use]
    pub fn to_text(&self) -> String {
        #[expect(clippy::expect_used, reason = "toml refuses maps without text as keys, units and gaps in lists alone")]
        let text = toml::to_string(self).expect("an account is a table");
        format!("{text}{}", last_line(&text))
    }
}

/// The one field by which a file of a newer form is told from a broken one.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// The one field that says whose a file is.
#[derive(Deserialize)]
struct Owned {
    uid: u32,
}

fn newer(text: &str) -> Option<AccountError> {
    let Versioned { version } = document::read(text).ok()?;
    (version > VERSION).then_some(AccountError::Version(version))
}

/// The text without its last line, if that line says that the text is whole.
fn whole(text: &str) -> Option<&str> {
    let start = text.strip_suffix('\n')?.rfind('\n')? + 1;
    let (body, last) = text.split_at_checked(start)?;
    (last == last_line(body)).then_some(body)
}

/// What ends a whole file: a file cut at the end of a table would else read as another account.
fn last_line(body: &str) -> String {
    format!("# sha256 {}\n", hex::encode(&Sha256::digest(body.as_bytes())))
}

/// Why a file is no account of this user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountError {
    /// It does not parse.
    Broken(Fault),
    /// It was cut short or changed.
    NotWhole,
    /// A newer Twostep wrote it.
    Version(u32),
    /// It belongs to someone else.
    Mismatch {
        /// Whose it says it is.
        user: String,
        /// That one's id.
        uid: u32,
    },
    /// The authenticator of this label has digits or a period that no code has.
    Impossible(String),
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(fault) => {
                write!(f, "it is broken at {fault}; restore it from a backup or reset the user's account")
            }
            Self::NotWhole => {
                f.write_str("it was cut short or changed; restore it from a backup or reset the user's account")
            }
            Self::Version(version) => {
                write!(
                    f,
                    "it has version {version} and this program knows {VERSION}; install the Twostep that wrote it"
                )
            }
            Self::Mismatch { user, uid } => {
                write!(
                    f,
                    "it belongs to the user {user} with uid {uid}; restore the right file or reset the user's account"
                )
            }
            Self::Impossible(label) => {
                write!(
                    f,
                    "its authenticator {label} has impossible digits or period; restore it from a backup or reset the user's account"
                )
            }
        }
    }
}

impl std::error::Error for AccountError {}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::account::tests::{alice, authenticator};
    use crate::account::{Invite, Progress, Suspension};
    use crate::app_password::{AppPasswords, NewAppPassword};
    use crate::request::SecondStep;
    use crate::time::{Step, Timestamp};

    /// An account file, written once: its recovery codes take a while.
    static TEXT: LazyLock<String> = LazyLock::new(|| alice().to_text());

    /// Edits a written account and makes it whole again.
    fn edited(from: &str, to: &str) -> String {
        let text = TEXT.replace(from, to);
        let body = text.split_at(text.trim_end().rfind('\n').unwrap() + 1).0;
        format!("{body}{}", last_line(body))
    }

    fn parse(text: &str) -> Result<Account, AccountError> {
        Account::parse(text, &Username::new("alice"), 1000)
    }

    #[test]
    fn what_is_written_is_read() {
        let text = alice().to_text();
        assert_eq!(parse(&text).unwrap(), alice_like(&text));
    }

    /// The same account, its random salt taken from the text.
    fn alice_like(text: &str) -> Account {
        let mut account = alice();
        account.recovery = parse(text).unwrap().recovery;
        account
    }

    #[test]
    fn every_part_is_written_and_read() {
        let mut account = alice_like(&TEXT);
        let step = SecondStep { at: 6, service: "sshd".into(), source: "local".into() };
        let mut token = authenticator();
        token.progress = Progress::Counter { next: Step(u64::MAX) };
        account.authenticators.push(token);
        account.recovery.as_mut().unwrap().spend(1, step.clone());
        account.recovery.as_mut().unwrap().issue(Timestamp(9)).unwrap();
        account.invite = Some(Invite::new(Timestamp(1), Timestamp(2)).unwrap().0);
        let (from, until) = (Timestamp(1), Timestamp(2));
        let reason = "a \"b\"\n\u{1b}' \\".into();
        account.suspension = Some(Suspension { from, until, by: "root".into(), reason });
        let mut passwords = AppPasswords::new().unwrap();
        let networks = vec!["192.0.2.0/24".parse().unwrap()];
        let (label, services) = ("mail".into(), vec!["imap".into()]);
        passwords.add(NewAppPassword { label, services, networks, expires: None, preset: true }, Timestamp(1)).unwrap();
        passwords.list[0].last_use = Some(step.clone());
        account.app_passwords = Some(passwords);
        account.last_second_step = Some(step);
        account.grace_since = Some(Timestamp(-1));
        account.record(Timestamp(4), "suspended", "");
        assert_eq!(parse(&account.to_text()), Ok(account));
    }

    #[test]
    fn a_field_of_a_later_version_is_ignored() {
        assert_eq!(parse(&edited("uid = 1000", "uid = 1000\nnews = true")), parse(&TEXT));
        assert_eq!(parse(&edited("period = 30", "period = 30\nnews = true")), parse(&TEXT));
    }

    #[test]
    fn another_users_file_is_refused() {
        let text = alice().to_text();
        let bob = Account::parse(&text, &Username::new("bob"), 1000);
        assert_eq!(bob, Err(AccountError::Mismatch { user: "alice".into(), uid: 1000 }));
        assert!(matches!(Account::parse(&text, &Username::new("alice"), 1001), Err(AccountError::Mismatch { .. })));
    }

    #[test]
    fn a_newer_file_is_named_as_such() {
        assert_eq!(parse(&edited("version = 1", "version = 2\nnews = true")), Err(AccountError::Version(2)));
        assert_eq!(parse("version = 2\n"), Err(AccountError::Version(2)));
    }

    #[test]
    fn an_error_quotes_nothing() {
        let error = parse(&edited("uid = 1000", "uid = hunter2")).unwrap_err().to_string();
        assert!(error.contains("line 3") && !error.contains("hunter2"), "{error}");
        let error = parse(&edited("secret = \"c2VhbGVk\"", "secret = [\"hunter2\"]")).unwrap_err().to_string();
        assert!(error.contains("authenticator.secret must be text") && !error.contains("hunter2"), "{error}");
        let error = parse(&edited("period = 30", "period = \"hunter2\"")).unwrap_err().to_string();
        assert!(error.contains("with next_counter, or with period, drift and spent_step"), "{error}");
    }

    #[test]
    fn impossible_parameters_are_refused() {
        assert!(matches!(parse(&edited("period = 30", "period = 0")), Err(AccountError::Impossible(_))));
    }

    proptest! {
        #[test]
        fn any_text_is_written_and_read(label in any::<String>()) {
            let mut account = parse(&TEXT).unwrap();
            account.authenticators[0].label = label;
            prop_assert_eq!(parse(&account.to_text()), Ok(account));
        }

        #[test]
        fn no_text_panics(text in ".{0,200}") {
            prop_assert!(parse(&text).is_err());
        }

        #[test]
        fn a_truncated_file_is_refused(cut in 1_usize..2000) {
            let short = TEXT.get(..TEXT.len().saturating_sub(cut)).unwrap();
            prop_assert!(parse(short).is_err());
        }

        #[test]
        fn a_changed_file_is_refused(position in 0_usize..10_000) {
            let mut bytes = TEXT.clone().into_bytes();
            let position = position % bytes.len();
            bytes[position] = if bytes[position] == b'1' { b'2' } else { b'1' };
            prop_assert!(parse(std::str::from_utf8(&bytes).unwrap()).is_err());
        }
    }
}
