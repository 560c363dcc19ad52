//! `twostep admin reseal`: a new sealing key for every account, and where it is kept.
//!
//! 1. Each place gets the new key with the earlier ones behind it.
//! 2. Whoever holds an account's lock is waited for; whoever comes later seals by the new key.
//! 3. Each account is sealed by the new key, under its lock.
//! 4. Each place gets the new key alone; a place that is not wanted any more goes.
//!
//! Broken off anywhere, every account opens by a key that each place still has, and the next reseal goes
//! on with the same new key.

use std::fs::File;
use std::path::Path;

use host_check::host::{Host, Subject};
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::geteuid;
use serde::Serialize;
use twostep_core::audit::{Audit, Line};
use twostep_core::enroll::{self, Resealed};
use twostep_core::seal::SealKey;
use twostep_core::store::Store;
use twostep_core::username::{Person, Username};

use crate::arguments::Reseal;
use crate::audit::Syslog;
use crate::client;
use crate::error::{self, CommandError};
use crate::keys::{self, Places, Protection};
use crate::messages;
use crate::output::Output;
use crate::progress::ProgressBar;
use crate::prompter::Echo;
use crate::terminal::who_types;

/// What was done, as programs read it.
#[derive(Serialize)]
struct ResealReport {
    accounts: usize,
    failed: usize,
    protection: &'static str,
}

/// Does what was wished.
pub fn run(output: &mut Output, wishes: &Reseal) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    let host = Host::open();
    host.warnings().for_each(|warning| error::tell(&warning));
    let places = Places::of(&host.config.seal.key_file);
    let _alone = alone(&places.file)?;
    only_ours(&places)?;
    if wishes.print_key {
        return print(output, &places);
    }
    let known = known(&places, wishes.restore_key);
    let known = if wishes.restore_key { Some(restored(&host, known?)?) } else { known? };
    let known = known.ok_or_else(|| CommandError::here("no_key", messages::keys::NO_KEY))?;
    let is_sealed = places.is_sealed();
    let wanted = wishes.protect.unwrap_or(if is_sealed { Protection::Host } else { Protection::File });
    // What a reseal that was broken off had begun with is the new key.
    let ring =
        if known.is_alone() || wishes.restore_key { fresh()?.before(&known).map_err(|_| too_many())? } else { known };
    put(&places, &ring, wanted)?;
    let (accounts, failed) = each(&host)?;
    if failed > 0 {
        return Err(CommandError::here("incomplete", messages::keys::incomplete(failed)));
    }
    narrow(&places, &ring.alone(), wanted)?;
    ended(output, wanted, accounts)
}

/// One at a time, and not while setup-host makes a key.
fn alone(key: &Path) -> Result<Flock<File>, CommandError> {
    let folder = key.parent().unwrap_or(Path::new("/"));
    let failed = |why: &str| CommandError::here("busy", messages::keys::busy(folder.display(), why));
    let folder = File::open(folder).map_err(|error| failed(&error.to_string()))?;
    Flock::lock(folder, FlockArg::LockExclusiveNonblock).map_err(|_| failed(messages::keys::ANOTHER_RESEAL))
}

/// A key that something else puts there at each boot cannot be changed by us.
fn only_ours(places: &Places) -> Result<(), CommandError> {
    let Some(given) = places.read(&places.given).ok().flatten().filter(|_| !places.is_sealed()) else { return Ok(()) };
    let file = places.read(&places.file).ok().flatten();
    if file.is_some_and(|file| file.alone().to_bytes() == given.alone().to_bytes()) {
        return Ok(());
    }
    Err(CommandError::here(
        "given_by_others",
        messages::keys::given_by_others(places.given.display(), places.file.display()),
    ))
}

fn print(output: &mut Output, places: &Places) -> Result<(), CommandError> {
    let key = known(places, false)?.ok_or_else(|| CommandError::here("no_key", messages::keys::NO_KEY_TO_PRINT))?;
    if !key.is_alone() {
        return Err(CommandError::here("unfinished", messages::keys::BROKEN_OFF));
    }
    let printed = keys::printed(&key);
    output.object(&serde_json::json!({ "key": printed.expose() }))?;
    output.draw(&format!("{}\n", printed.expose()))?;
    output.say(messages::keys::KEEP_SAFE)
}

/// Every key that this host has, the newest first. A place that does not open is told of: it may be
/// what the printed key is given back for.
fn known(places: &Places, may_fail: bool) -> Result<Option<SealKey>, CommandError> {
    let rings = [places.unseal(), places.read(&places.file), places.read(&places.given)];
    let mut found = Vec::new();
    for ring in rings {
        match ring {
            Ok(ring) => found.extend(ring),
            Err(why) if may_fail => error::tell(&why.message),
            Err(why) => return Err(why),
        }
    }
    // A ring of several begins with what a reseal that was broken off had made.
    found.sort_by_key(SealKey::is_alone);
    let mut found = found.into_iter();
    let Some(first) = found.next() else { return Ok(None) };
    found.try_fold(first, |all, ring| all.before(&ring)).map(Some).map_err(|_| too_many())
}

/// The key from paper, with what else is known behind it.
fn restored(host: &Host, known: Option<SealKey>) -> Result<SealKey, CommandError> {
    let answer = who_types()?.answer(messages::keys::PRINTED_KEY, Echo::Hidden)?;
    let Some(key) = keys::typed(answer.expose()) else {
        return Err(CommandError::here("slip", messages::keys::SLIP));
    };
    let (mut opened, mut enrolled) = (0, 0);
    host.everybody(|subject| -> Result<(), CommandError> {
        let account = person_of(&subject).and_then(|person| host.store.find(&person).ok().flatten());
        let one = account.as_ref().and_then(|account| Some((account, account.authenticators.first()?)));
        if let Some((account, one)) = one {
            enrolled += 1;
            opened += usize::from(key.open(&one.secret, one.belongs(&account.user)).is_ok());
        }
        Ok(())
    })?;
    if enrolled > 0 && opened == 0 {
        return Err(CommandError::here("other_key", messages::keys::OTHER_KEY));
    }
    known.map_or(Ok(key.clone()), |known| key.before(&known)).map_err(|_| too_many())
}

/// Every place that is there, and the one that is wanted, gets all keys. What is kept sealed goes first,
/// since it alone may refuse; what logins read goes last, since from there on they seal by the new key.
fn put(places: &Places, ring: &SealKey, wanted: Protection) -> Result<(), CommandError> {
    places.sweep();
    let (is_sealed, is_file) = (places.is_sealed(), places.file.exists());
    if wanted != Protection::File {
        places.seal(ring, wanted)?;
    } else if is_sealed && let Err(refused) = places.seal(ring, Protection::Host) {
        // It goes at the end; until then a boot may need it.
        error::tell(&refused.message);
    }
    if is_file || wanted == Protection::File {
        places.write(&places.file, ring)?;
    }
    if is_sealed || wanted != Protection::File || places.given.exists() {
        places.give(ring)?;
    }
    Ok(())
}

/// Seals every account again. How many there are, and how many of them are not.
fn each(host: &Host) -> Result<(usize, usize), CommandError> {
    host.store.wait_for_holders().map_err(|error| CommandError::here("busy", messages::keys::holders(error)))?;
    let (mut accounts, mut failed) = (0, 0);
    let mut progress = ProgressBar::begin(host)?;
    host.everybody(|subject| -> Result<(), CommandError> {
        progress.step();
        let name = subject_name(&subject);
        let Some(person) = person_of(&subject) else { return Ok(()) };
        // An account that somebody makes from now on is sealed by the new key.
        if matches!(host.store.find(&person), Ok(None)) {
            return Ok(());
        }
        match enroll::reseal(&host.store, &person) {
            Ok(Resealed { changed, lost }) => {
                accounts += usize::from(changed);
                for label in lost {
                    progress.clear();
                    error::tell(&messages::keys::lost(&name, &label));
                }
            }
            Err(refused) => {
                failed += 1;
                progress.clear();
                error::tell(&format!("{name}: {}", refused.text));
            }
        }
        Ok(())
    })?;
    progress.clear();
    Ok((accounts, failed))
}

/// Each wanted place keeps the new key alone, and the others go.
fn narrow(places: &Places, key: &SealKey, wanted: Protection) -> Result<(), CommandError> {
    if wanted == Protection::File {
        places.write(&places.file, key)?;
        places.remove(&places.sealed)?;
        if places.given.exists() {
            places.remove(&places.given)?;
        }
        return Ok(());
    }
    places.seal(key, wanted)?;
    places.give(key)?;
    places.remove(&places.file)
}

fn ended(output: &mut Output, wanted: Protection, accounts: usize) -> Result<(), CommandError> {
    let protection = match wanted {
        Protection::File => "file",
        Protection::Host => "host",
        Protection::Tpm2 => "tpm2",
    };
    Syslog.record(&Line::new("resealed").with("accounts", accounts).with("protection", protection).finish());
    output.object(&ResealReport { accounts, failed: 0, protection })?;
    output.say(&messages::keys::resealed(accounts))?;
    output.say(match wanted {
        Protection::File => messages::keys::BACKUPS_VOID,
        _ => messages::keys::PRINT_IT,
    })
}

/// Puts the key where logins find it, as the boot does. A host that keeps it in a file needs nothing.
pub fn give() -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    let places = Places::of(&Host::open().config.seal.key_file);
    match places.unseal() {
        Ok(Some(key)) => places.give(&key),
        Ok(None) => Ok(()),
        Err(refused) => {
            Syslog.record(
                &Line::new("error").with("reason", "sealing-key-not-given").with("detail", &refused.message).finish(),
            );
            Err(refused)
        }
    }
}

/// The user of an account; of one that is nobody's, the user whom its file names.
fn person_of(subject: &Subject) -> Option<Person> {
    match subject {
        Subject::User(person) => Some(person.clone()),
        Subject::Orphan(orphan) => {
            let name = Username::new(&orphan.user);
            (name.file_name() == orphan.account).then_some(Person { name, alias: None.into(), uid: orphan.uid, gid: 0 })
        }
    }
}

fn subject_name(subject: &Subject) -> String {
    match subject {
        Subject::User(person) => person.name.as_str().to_owned(),
        Subject::Orphan(orphan) => orphan.user.clone(),
    }
}

fn fresh() -> Result<SealKey, CommandError> {
    SealKey::fresh().map_err(|error| CommandError::here("no_key", messages::keys::no_new_key(error)))
}

fn too_many() -> CommandError {
    CommandError::here("unfinished", messages::keys::TOO_MANY)
}
