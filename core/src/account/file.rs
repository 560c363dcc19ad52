//! An account as its file holds it: TOML, and a last line that says that the text is whole.

use std::fmt;

use sha2::{Digest, Sha256};

use super::{Account, Authenticator, Failures, HistoryEntry, PendingAuthenticator, Progress, VERSION};
use crate::document::{self, Fault, Fields, Misfit, Record, Writer};
use crate::hex;
use crate::request::SecondStep;
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

    /// The account as the file holds it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = Writer::default();
        text.set("version", self.version);
        text.set("user", &self.user);
        text.set("uid", self.uid);
        text.set("noticed_until", self.noticed_until);
        text.set_some("grace_since", self.grace_since);
        text.set("known_sources", &self.known_sources);
        text.table("failures");
        text.set("strangers", self.failures.strangers);
        text.set("known", self.failures.known);
        text.set("anyone", self.failures.anyone);
        if let Some(step) = &self.last_second_step {
            text.table("last_second_step");
            step.write(&mut text);
        }
        if let Some(pending) = &self.pending {
            pending.write(&mut text);
        }
        if let Some(recovery) = &self.recovery {
            recovery.write("recovery", &mut text);
        }
        for one in &self.authenticators {
            text.next_table("authenticator");
            one.write(&mut text);
        }
        if let Some(passwords) = &self.app_passwords {
            passwords.write(&mut text);
        }
        if let Some(invite) = &self.invite {
            invite.write(&mut text);
        }
        if let Some(suspension) = &self.suspension {
            suspension.write(&mut text);
        }
        for one in &self.history {
            text.next_table("history");
            one.write(&mut text);
        }
        let text = text.finish();
        format!("{text}{}", last_line(&text))
    }
}

impl Record for Account {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        Ok(Self {
            version: fields.need("version")?,
            user: fields.need("user")?,
            uid: fields.need("uid")?,
            noticed_until: fields.need("noticed_until")?,
            grace_since: fields.take("grace_since")?,
            known_sources: fields.or("known_sources", Vec::new())?,
            failures: fields.need("failures")?,
            last_second_step: fields.take("last_second_step")?,
            pending: fields.take("pending")?,
            recovery: fields.take("recovery")?,
            authenticators: fields.or("authenticator", Vec::new())?,
            app_passwords: fields.take("app_passwords")?,
            invite: fields.take("invite")?,
            suspension: fields.take("suspension")?,
            history: fields.or("history", Vec::new())?,
        })
    }
}

impl Record for Failures {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        Ok(Self { strangers: fields.need("strangers")?, known: fields.need("known")?, anyone: fields.or("anyone", 0)? })
    }
}

impl Authenticator {
    fn write(&self, to: &mut Writer) {
        to.set("id", &self.id);
        to.set("label", &self.label);
        to.set("algorithm", self.algorithm.to_string());
        to.set("digits", self.digits);
        match &self.progress {
            Progress::Time { period, drift, spent, resynchronized_at } => {
                to.set("period", *period);
                to.set("drift", *drift);
                to.set("spent_step", *spent);
                to.set_some("resynchronized_at", *resynchronized_at);
            }
            Progress::Counter { next } => to.set("next_counter", *next),
        }
        to.set("added_at", self.added_at);
        to.set("secret", &self.secret);
    }
}

impl Record for Authenticator {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        Ok(Self {
            id: fields.need("id")?,
            label: fields.need("label")?,
            algorithm: fields.need("algorithm")?,
            digits: fields.need("digits")?,
            progress: Progress::read(fields)?,
            added_at: fields.need("added_at")?,
            secret: fields.need("secret")?,
        })
    }
}

impl Progress {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        if let Some(next) = fields.take("next_counter")? {
            return Ok(Self::Counter { next });
        }
        Ok(Self::Time {
            period: fields.need("period")?,
            drift: fields.need("drift")?,
            spent: fields.need("spent_step")?,
            resynchronized_at: fields.take("resynchronized_at")?,
        })
    }
}

impl PendingAuthenticator {
    fn write(&self, to: &mut Writer) {
        to.table("pending");
        to.set("created_at", self.created_at);
        to.set("expires_at", self.expires_at);
        to.set("proved", self.proved);
        to.set("begun_by", &self.begun_by);
        to.set("tries", self.tries);
        to.set_some("replaces", self.replaces.as_ref());
        to.set_some("renews_codes", Some(self.renews_codes).filter(|renews| *renews));
        to.table("pending.authenticator");
        self.authenticator.write(to);
    }
}

impl Record for PendingAuthenticator {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        Ok(Self {
            created_at: fields.need("created_at")?,
            expires_at: fields.need("expires_at")?,
            proved: fields.need("proved")?,
            begun_by: fields.need("begun_by")?,
            tries: fields.need("tries")?,
            replaces: fields.take("replaces")?,
            renews_codes: fields.or("renews_codes", false)?,
            authenticator: fields.need("authenticator")?,
        })
    }
}

impl SecondStep {
    /// Sets its fields in the table that was opened last.
    pub(crate) fn write(&self, to: &mut Writer) {
        to.set("at", self.at);
        to.set("service", &self.service);
        to.set("source", &self.source);
    }
}

impl Record for SecondStep {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        Ok(Self { at: fields.need("at")?, service: fields.need("service")?, source: fields.need("source")? })
    }
}

impl HistoryEntry {
    fn write(&self, to: &mut Writer) {
        to.set("at", self.at);
        to.set("event", &self.event);
        to.set_some("detail", Some(&self.detail).filter(|detail| !detail.is_empty()));
    }
}

impl Record for HistoryEntry {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        Ok(Self { at: fields.need("at")?, event: fields.need("event")?, detail: fields.or("detail", String::new())? })
    }
}

/// The one field by which a file of a newer form is told from a broken one.
struct Versioned(u32);

impl Record for Versioned {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Misfit> {
        let version = fields.need("version")?;
        fields.leave_the_rest();
        Ok(Self(version))
    }
}

fn newer(text: &str) -> Option<AccountError> {
    let Versioned(version) = document::read(text).ok()?;
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
    use crate::account::tests::alice;

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
    }

    #[test]
    fn impossible_parameters_are_refused() {
        assert!(matches!(parse(&edited("period = 30", "period = 0")), Err(AccountError::Impossible(_))));
    }

    proptest! {
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
