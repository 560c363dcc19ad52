//! Accounts under a passphrase, to bring them back on this host or another one.
//!
//! A backup is text of three lines: `twostep-backup 1`; how the passphrase makes the key (Argon2id, RFC
//! 9106); and the accounts as JSON, sealed by that key with XChaCha20-Poly1305 and bound to the two
//! lines above. The secrets in it are sealed once more by a key that stands beside them, so that it
//! says nothing of the key of the host that made it.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde::{Deserialize, Serialize};
use twostep_core::seal::{Belongs, KEY_BYTES, SealKey};
use twostep_core::secret::{Secret, Typed};

use crate::messages;

/// The first line.
const TITLE: &str = "twostep-backup 1";
/// What the accounts are sealed for.
const PURPOSE: &str = "backup";
/// Bytes of a salt.
const SALT: usize = 16;

/// How the key is made of the passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    /// KiB.
    memory: u32,
    passes: u32,
    lanes: u32,
}

/// RFC 9106 §4, the second recommended option.
const COST: Cost = Cost { memory: 65_536, passes: 3, lanes: 4 };

/// More than that is no backup but an attempt to use up this host.
const MOST: Cost = Cost { memory: 1 << 20, passes: 16, lanes: 16 };

/// What a backup holds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Contents {
    /// When it was made, in seconds since 1970.
    pub made_at: i64,
    /// On which host.
    pub host: String,
    /// The key by which the secrets of the accounts are sealed, in hexadecimal.
    pub key: String,
    /// The accounts.
    pub accounts: Vec<BackedUpAccount>,
}

/// An account.
#[derive(Debug, Serialize, Deserialize)]
pub struct BackedUpAccount {
    /// Whose it is.
    pub user: String,
    /// The user's id where it was made.
    pub uid: u32,
    /// The account file.
    pub text: String,
}

/// Why a text is no backup that opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// It is none.
    NoBackup,
    /// A newer Twostep made it.
    Newer,
    /// Its key would cost more than this host gives.
    TooCostly,
    /// Another passphrase made it, or it was cut or changed.
    DoesNotOpen,
    /// The kernel gave no random bytes, or no memory.
    NoMeans,
}

impl Closed {
    /// What is so, and what to do.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NoBackup => messages::backup::NO_BACKUP,
            Self::Newer => messages::backup::NEWER_BACKUP,
            Self::TooCostly => messages::backup::TOO_COSTLY,
            Self::DoesNotOpen => messages::backup::DOES_NOT_OPEN,
            Self::NoMeans => messages::backup::NO_MEANS,
        }
    }
}

/// The backup as text.
pub fn write(contents: &Contents, passphrase: &Typed) -> Result<Typed, Closed> {
    let salt = Secret::random(SALT).map_err(|_| Closed::NoMeans)?;
    let head =
        format!("{TITLE}\nargon2id m={} t={} p={} salt={}", COST.memory, COST.passes, COST.lanes, hex(salt.expose()));
    let key = derived(passphrase, salt.expose(), COST)?;
    let json = Secret::new(serde_json::to_vec(contents).map_err(|_| Closed::NoMeans)?);
    let sealed = key.seal(&json, belongs(&head)).map_err(|_| Closed::NoMeans)?;
    Ok(Typed::new(format!("{head}\n{sealed}\n")))
}

/// What a backup holds.
pub fn read(text: &str, passphrase: &Typed) -> Result<Contents, Closed> {
    let mut lines = text.lines();
    let (title, cost, sealed) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default(), lines.next());
    if lines.any(|more| !more.trim().is_empty()) {
        return Err(Closed::NoBackup);
    }
    if title != TITLE {
        return Err(if title.starts_with("twostep-backup ") { Closed::Newer } else { Closed::NoBackup });
    }
    let (salt, parsed) = cost_of(cost).ok_or(Closed::NoBackup)?;
    if parsed.memory > MOST.memory || parsed.passes > MOST.passes || parsed.lanes > MOST.lanes {
        return Err(Closed::TooCostly);
    }
    let key = derived(passphrase, &salt, parsed)?;
    let head = format!("{title}\n{cost}");
    let json = key.open(sealed.unwrap_or_default().trim(), belongs(&head)).map_err(|_| Closed::DoesNotOpen)?;
    serde_json::from_slice(json.expose()).map_err(|_| Closed::Newer)
}

/// A fresh key for the secrets in a backup, and how the backup writes it.
pub fn fresh_key() -> Result<(SealKey, String), Closed> {
    let bytes = Secret::random(KEY_BYTES).map_err(|_| Closed::NoMeans)?;
    let text = hex(bytes.expose());
    SealKey::new(bytes).map(|key| (key, text)).map_err(|_| Closed::NoMeans)
}

/// The key that a backup writes so.
pub fn key(text: &str) -> Result<SealKey, Closed> {
    let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| Closed::DoesNotOpen)?;
    SealKey::new(Secret::new(bytes)).map_err(|_| Closed::DoesNotOpen)
}

fn cost_of(line: &str) -> Option<(Vec<u8>, Cost)> {
    let mut words = line.strip_prefix("argon2id ")?.split(' ');
    let mut next = |name: &str| words.next()?.strip_prefix(name).map(str::to_owned);
    let (memory, passes, lanes) = (next("m=")?.parse().ok()?, next("t=")?.parse().ok()?, next("p=")?.parse().ok()?);
    let salt = data_encoding::HEXLOWER.decode(next("salt=")?.as_bytes()).ok()?;
    Some((salt, Cost { memory, passes, lanes }))
}

fn derived(passphrase: &Typed, salt: &[u8], cost: Cost) -> Result<SealKey, Closed> {
    let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(KEY_BYTES)).map_err(|_| Closed::NoBackup)?;
    // A host that has less memory says so instead of ending the program.
    let mut memory = Vec::new();
    memory.try_reserve_exact(params.block_count()).map_err(|_| Closed::NoMeans)?;
    memory.resize(params.block_count(), Block::default());
    let mut key = vec![0; KEY_BYTES];
    let made = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(
        passphrase.expose().as_bytes(),
        salt,
        &mut key,
        &mut memory,
    );
    made.map_err(|_| Closed::NoBackup)?;
    SealKey::new(Secret::new(key)).map_err(|_| Closed::NoMeans)
}

fn belongs(head: &str) -> Belongs<'_> {
    Belongs { user: "", id: head, purpose: PURPOSE }
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents() -> Contents {
        let kept = BackedUpAccount { user: "alice".to_owned(), uid: 1000, text: "version = 1\n".to_owned() };
        Contents { made_at: 1_800_000_000, host: "h".to_owned(), key: "00".repeat(32), accounts: vec![kept] }
    }

    fn passphrase(text: &str) -> Typed {
        Typed::new(text.to_owned())
    }

    #[test]
    fn a_backup_opens_by_its_passphrase_alone() {
        let text = write(&contents(), &passphrase("correct horse")).unwrap();
        let read_again = read(text.expose(), &passphrase("correct horse")).unwrap();
        assert_eq!((read_again.accounts[0].user.as_str(), read_again.accounts[0].uid), ("alice", 1000));
        assert_eq!(read(text.expose(), &passphrase("wrong")).err(), Some(Closed::DoesNotOpen));
        assert!(!text.expose().contains("alice"));
    }

    #[test]
    fn one_that_was_cut_or_changed_does_not_open() {
        let text = write(&contents(), &passphrase("x")).unwrap();
        let of = |text: &str| read(text, &passphrase("x")).err();
        assert_eq!(of(&text.expose()[..text.expose().len() - 9]), Some(Closed::DoesNotOpen));
        let cheaper = text.expose().replace("t=3", "t=2");
        assert_eq!(of(&cheaper), Some(Closed::DoesNotOpen));
        assert_eq!(of(""), Some(Closed::NoBackup));
        assert_eq!(of(&format!("{}more\n", text.expose())), Some(Closed::NoBackup));
        let lines = text.expose().lines().collect::<Vec<_>>();
        assert_eq!(of(&[lines[1], lines[0], lines[2]].join("\n")), Some(Closed::NoBackup));
        assert_eq!(of(&[lines[0], lines[2], lines[1]].join("\n")), Some(Closed::NoBackup));
        assert_eq!(of(&[lines[0], lines[1]].join("\n")), Some(Closed::DoesNotOpen));
        assert!(read(&lines.join("\r\n"), &passphrase("x")).is_ok());
        assert_eq!(of(&text.expose().replace("twostep-backup 1", "twostep-backup 2")), Some(Closed::Newer));
        assert_eq!(of("twostep-backup 1\nargon2id m=1 t=1 p=1 salt=00\n00"), Some(Closed::NoBackup));
    }

    #[test]
    fn a_file_cannot_use_up_the_host() {
        let hostile = "twostep-backup 1\nargon2id m=4194304 t=1 p=1 salt=00000000000000000000000000000000\n00";
        assert_eq!(read(hostile, &passphrase("x")).err(), Some(Closed::TooCostly));
        assert_eq!(
            read(&hostile.replace("m=4194304 t=1", "m=64 t=99"), &passphrase("x")).err(),
            Some(Closed::TooCostly)
        );
    }
}
