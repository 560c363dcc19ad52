//! `twostep admin export`: every account under a passphrase.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use host_check::host::{self, Host, Subject};
use nix::unistd::geteuid;
use serde::Serialize;
use transfer::backup::{self, BackedUpAccount, Contents};
use twostep_core::enroll::AccountManager;
use twostep_core::request::Refused;
use twostep_core::secret::Typed;
use twostep_core::username::Person;

use crate::arguments::Export;
use crate::audit::Syslog;
use crate::client;
use crate::error::{self, CommandError};
use crate::messages;
use crate::output::Output;
use crate::prompter::{self, Echo};
use crate::terminal::who_types;

/// So few letters are guessed by anybody who tries.
const SHORTEST: usize = 12;

/// What was written, as programs read it.
#[derive(Serialize)]
struct Exported {
    file: String,
    accounts: usize,
    failed: usize,
}

/// Writes the backup.
pub fn run(output: &mut Output, wishes: &Export) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    let is_stdout = wishes.file == Path::new("-");
    if !is_stdout && wishes.file.exists() {
        return Err(CommandError::here("exists", messages::transfer::exists(wishes.file.display())));
    }
    let passphrase = passphrase(&mut *who_types()?)?;
    let closed = |closed: backup::Closed| CommandError::here("backup", closed.sentence());
    let (key, text) = backup::fresh_key().map_err(closed)?;
    let (mut accounts, mut failed) = (Vec::new(), 0);
    let mut people = Vec::new();
    Host::open().everybody(|subject| -> Result<(), CommandError> {
        people.extend(match subject {
            Subject::User(person) => Some(person),
            Subject::Orphan(_) => None,
        });
        Ok(())
    })?;
    for person in people {
        match account(&person, &key) {
            Ok(None) => {}
            Ok(Some(kept)) => accounts.push(kept),
            Err(why) => {
                failed += 1;
                error::tell(&format!("{}: {why}", person.name));
            }
        }
    }
    let count = accounts.len();
    let contents = Contents { made_at: host::now().0, host: output.environment.host.clone(), key: text, accounts };
    let backup = backup::write(&contents, &passphrase).map_err(closed)?;
    if is_stdout {
        std::io::stdout().write_all(backup.expose().as_bytes())?;
    } else {
        save(&wishes.file, &backup)?;
        output.object(&Exported { file: wishes.file.display().to_string(), accounts: count, failed })?;
        output.say(&messages::transfer::exported(count, wishes.file.display()))?;
    }
    if failed > 0 {
        return Err(CommandError::here("incomplete", messages::transfer::incomplete(failed)));
    }
    Ok(())
}

fn account(person: &Person, key: &twostep_core::seal::SealKey) -> Result<Option<BackedUpAccount>, String> {
    let sentence = |refused: Refused| refused.text;
    let manager = AccountManager::for_administrator(person.name.as_str(), Box::new(Syslog)).map_err(sentence)?;
    let account = manager.export(key).map_err(sentence)?;
    Ok(account.map(|account| BackedUpAccount { user: account.user.clone(), uid: account.uid, text: account.to_text() }))
}

/// Asked twice of a person, who could not see a slip.
fn passphrase(person: &mut dyn prompter::Prompter) -> Result<Typed, CommandError> {
    let first = person.answer(messages::transfer::NEW_PASSPHRASE, Echo::Hidden)?;
    if first.expose().chars().count() < SHORTEST {
        return Err(CommandError::here("passphrase", messages::transfer::short_passphrase(SHORTEST)));
    }
    if person.sees_questions() && person.answer(messages::transfer::ONCE_MORE, Echo::Hidden)? != first {
        return Err(CommandError::here("passphrase", messages::transfer::NOT_THE_SAME));
    }
    Ok(first)
}

/// A new file that only root can read, whole or not at all.
fn save(path: &Path, backup: &Typed) -> Result<(), CommandError> {
    let failed =
        |error: std::io::Error| CommandError::here("unwritten", messages::transfer::unwritten(path.display(), &error));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    let written = file.write_all(backup.expose().as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        let _ = std::fs::remove_file(path);
        failed(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompter::scripted::{Answers, lines};

    #[test]
    fn a_passphrase_is_long_and_given_twice_by_a_person() {
        assert!(passphrase(&mut *lines("correct horse battery\n")).is_ok());
        assert_eq!(passphrase(&mut *lines("short\n")).unwrap_err().reason, "passphrase");
        let mut person = Answers::new(&[
            ("Passphrase", Echo::Hidden, "correct horse battery"),
            ("Once more", Echo::Hidden, "correct hose battery"),
        ]);
        assert_eq!(passphrase(&mut person).unwrap_err().message, messages::transfer::NOT_THE_SAME);
    }
}
