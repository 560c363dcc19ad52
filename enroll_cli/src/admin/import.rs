//! `twostep admin import`: users of other programs and hosts, with what they have.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use host_check::dates;
use host_check::host::{self, Host};
use nix::unistd::geteuid;
use serde::Serialize;
use transfer::backup::{self, BackedUpAccount};
use transfer::{Entry, Mistake, Read, batch, google, migration, oath, uri};
use twostep_core::account::Account;
use twostep_core::enroll::{AccountManager, Imported, Restored};
use twostep_core::request::Refused;
use twostep_core::seal::SealKey;
use twostep_core::secret::Secret;
use twostep_core::store::Store;
use twostep_core::username::{Person, Username};

use super::consent::{Consent, make_sure};
use super::homes;
use crate::arguments::{ImportArguments, Taking};
use crate::audit::Syslog;
use crate::client;
use crate::error::CommandError;
use crate::messages;
use crate::output::Output;
use crate::prompter::Echo;
use crate::terminal::who_types;

/// Most bytes of a file.
const LONGEST: u64 = 64 * 1024 * 1024;

/// What becomes of one, as programs read it.
#[derive(Debug, Serialize)]
struct Row {
    at: String,
    user: Option<String>,
    result: Outcome,
    detail: String,
}

/// In one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    WouldTake,
    Taken,
    AlreadyThere,
    Refused,
}

/// Takes over what a file or all homes hold.
pub fn run(output: &mut Output, wishes: &ImportArguments) -> Result<(), CommandError> {
    client::only_root(geteuid())?;
    let now = host::now();
    match wishes {
        ImportArguments::GoogleAuthenticator { all_homes: true, path, taking, .. } => {
            take(output, homes::google_authenticator(path, now)?, *taking)
        }
        ImportArguments::GoogleAuthenticator { file, user, taking, .. } => {
            let path = file.as_deref().unwrap_or(Path::new("-"));
            let user = user.clone().unwrap_or_default();
            let read = homes::file_of(&user, path).and_then(|bytes| {
                google::read(&bytes, &path.display().to_string(), now).map_err(|mistake| mistake.why)
            });
            let read = read.map(|entry| Entry { user: Some(user.clone()), ..entry });
            take(
                output,
                vec![read.map_err(|why| Mistake { at: path.display().to_string(), user: Some(user), why })],
                *taking,
            )
        }
        ImportArguments::Oath { file, taking } => take(output, oath::read(&text(file)?, now), *taking),
        ImportArguments::Otpauth { file, user, taking } => {
            take(output, of_user(uri::read(&text(file)?, now), user.as_ref()), *taking)
        }
        ImportArguments::OtpauthMigration { file, user, taking } => {
            take(output, of_user(migration::read(&text(file)?, now), user.as_ref()), *taking)
        }
        ImportArguments::Batch { file, taking } => take(output, batch::read(&text(file)?, now), *taking),
        ImportArguments::Backup { file, taking } => restore(output, file, *taking),
    }
}

/// Everything is of the user that was named, whatever its names say.
fn of_user(all: Vec<Read>, user: Option<&String>) -> Vec<Read> {
    let Some(user) = user else { return all };
    let named = |entry: Entry| Entry { user: Some(user.clone()), ..entry };
    all.into_iter().map(|read| read.map(named)).collect()
}

/// A file, or standard input.
fn text(path: &Path) -> Result<String, CommandError> {
    let told = |why: String| CommandError::here("unreadable", why);
    let name = path.display();
    let failed = |error: std::io::Error| told(messages::transfer::unread(&name, &error));
    let mut bytes = Vec::new();
    let source: Box<dyn std::io::Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).map_err(failed)?)
    };
    source.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LONGEST {
        return Err(told(messages::transfer::too_long(&name)));
    }
    let text = String::from_utf8(bytes).map_err(|_| told(messages::transfer::no_text(&name)))?;
    // Some editors begin a file with this mark.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Shows what would be taken over, asks, and takes it.
fn take(output: &mut Output, all: Vec<Read>, taking: Taking) -> Result<(), CommandError> {
    if all.is_empty() {
        return Err(CommandError::here("nothing", messages::transfer::NOTHING));
    }
    let host = Host::open();
    let (mut fitting, mut failed, count) = (Vec::new(), 0, all.len());
    let mut earlier = Earlier::default();
    for read in all {
        let row = match read.and_then(|entry| fit(&host, entry, taking)) {
            Ok((entry, detail)) => {
                let row = earlier.place_of(&entry).unwrap_or_else(|| foreseen(&entry, detail));
                if row.result == Outcome::WouldTake {
                    fitting.push(entry);
                }
                row
            }
            Err(mistake) => refused(mistake),
        };
        failed += usize::from(row.result == Outcome::Refused);
        show(output, &row)?;
    }
    if taking.dry_run {
        return output.say(&messages::transfer::dry_run(fitting.len(), count));
    }
    if !fitting.is_empty() {
        output.say("")?;
        make_sure(&mut *who_types()?, Consent::by_flag(taking.yes), &messages::transfer::take_over(fitting.len()))?;
    }
    let mut taken = 0;
    for entry in &fitting {
        let row = take_one(entry);
        taken += usize::from(row.result == Outcome::Taken);
        failed += usize::from(row.result == Outcome::Refused);
        show(output, &row)?;
    }
    ended(output, taken, failed)
}

/// The keys of a file that were seen before, by user, with where they stand.
#[derive(Default)]
struct Earlier(HashMap<Option<String>, Vec<(Secret, String)>>);

impl Earlier {
    /// Where the same key of the same user stands already; else it is noted.
    fn place_of(&mut self, entry: &Entry) -> Option<Row> {
        let keys = self.0.entry(entry.user.clone()).or_default();
        if let Some((_, at)) = keys.iter().find(|(key, _)| *key == entry.device.secret) {
            return Some(row(entry, Outcome::AlreadyThere, messages::transfer::same_key(at)));
        }
        keys.push((entry.device.secret.clone(), entry.at.clone()));
        None
    }
}

/// What would become of one now.
fn foreseen(entry: &Entry, detail: String) -> Row {
    match told(entry, |manager| manager.foresee(&entry.device)) {
        Ok(Imported::Taken { .. }) => row(entry, Outcome::WouldTake, detail),
        Ok(Imported::AlreadyThere { label }) => there_already(entry, &label),
        Err(why) => row(entry, Outcome::Refused, why),
    }
}

fn ended(output: &mut Output, taken: usize, failed: usize) -> Result<(), CommandError> {
    if failed > 0 {
        return Err(CommandError::here("refused", messages::transfer::taken_in_part(taken, failed)));
    }
    output.say(&messages::transfer::taken(taken))
}

/// Whether it can be taken over here, with what to say of it.
fn fit(host: &Host, entry: Entry, taking: Taking) -> Result<(Entry, String), Mistake> {
    let mistake = |why: &str| Mistake { at: entry.at.clone(), user: entry.user.clone(), why: why.to_owned() };
    let Some(user) = &entry.user else { return Err(mistake(messages::transfer::NO_OWNER)) };
    let person = match Person::lookup(user) {
        Ok(Some(person)) => person,
        Ok(None) => return Err(mistake(messages::transfer::NO_USER)),
        Err(error) => return Err(mistake(&error.to_string())),
    };
    if entry.is_weak() && !taking.allow_weak {
        return Err(mistake(messages::transfer::WEAK));
    }
    if let Err(error) = host.store.find(&person) {
        return Err(mistake(&error.to_string()));
    }
    let mut details = vec![described(&entry)];
    details.extend(entry.hints.clone());
    Ok((entry, details.join("; ")))
}

fn described(entry: &Entry) -> String {
    let device = &entry.device;
    let kind = match &device.progress {
        twostep_core::account::Progress::Time { period, .. } => format!("TOTP, {period} s"),
        twostep_core::account::Progress::Counter { next } => format!("HOTP, next counter {}", next.0),
    };
    let codes = match device.scratch_codes.len() {
        0 => String::new(),
        1 => ", 1 scratch code".to_owned(),
        count => format!(", {count} scratch codes"),
    };
    format!("{kind}, {} digits, {}, {} bits{codes}", device.digits, device.algorithm, device.secret.expose().len() * 8)
}

fn take_one(entry: &Entry) -> Row {
    match told(entry, |manager| manager.import(&entry.device)) {
        Ok(Imported::Taken { label, scratch_codes }) => {
            row(entry, Outcome::Taken, taken_as(&label, scratch_codes, entry))
        }
        Ok(Imported::AlreadyThere { label }) => there_already(entry, &label),
        Err(why) => row(entry, Outcome::Refused, why),
    }
}

/// What the account of its user says to one.
fn told(entry: &Entry, ask: impl FnOnce(&AccountManager) -> Result<Imported, Refused>) -> Result<Imported, String> {
    manager(entry.user.as_deref().unwrap_or_default()).and_then(|manager| ask(&manager).map_err(sentence))
}

fn there_already(entry: &Entry, label: &str) -> Row {
    row(entry, Outcome::AlreadyThere, messages::transfer::there_already(label))
}

fn row(entry: &Entry, result: Outcome, detail: String) -> Row {
    Row { at: entry.at.clone(), user: entry.user.clone(), result, detail }
}

fn taken_as(label: &str, scratch_codes: bool, entry: &Entry) -> String {
    if entry.device.scratch_codes.is_empty() || scratch_codes {
        return messages::transfer::taken_as(label);
    }
    messages::transfer::taken_without_codes(label)
}

fn manager(user: &str) -> Result<AccountManager, String> {
    AccountManager::for_administrator(user, Box::new(Syslog)).map_err(sentence)
}

fn sentence(refused: Refused) -> String {
    refused.text.trim_end_matches('.').to_owned()
}

fn refused(mistake: Mistake) -> Row {
    Row { at: mistake.at, user: mistake.user, result: Outcome::Refused, detail: mistake.why }
}

fn show(output: &mut Output, row: &Row) -> Result<(), CommandError> {
    let word = match row.result {
        Outcome::WouldTake => messages::transfer::WOULD_TAKE,
        Outcome::Taken => "taken",
        Outcome::AlreadyThere => messages::transfer::THERE_ALREADY,
        Outcome::Refused => "REFUSED",
    };
    let user = row.user.as_deref().unwrap_or("?");
    output.object(row)?;
    output.entry(user, &format!("{word}: {} ({})", row.detail, row.at))
}

/// Brings accounts of a backup back.
fn restore(output: &mut Output, file: &Path, taking: Taking) -> Result<(), CommandError> {
    let text = text(file)?;
    let mut person = who_types()?;
    let passphrase = person.answer(messages::transfer::PASSPHRASE, Echo::Hidden)?;
    let closed = |closed: backup::Closed| CommandError::here("backup", closed.sentence());
    let contents = backup::read(&text, &passphrase).map_err(closed)?;
    let key = backup::key(&contents.key).map_err(closed)?;
    output.say(&messages::transfer::backup_of(
        &contents.host,
        &dates::minute(contents.made_at),
        contents.accounts.len(),
    ))?;
    if !taking.dry_run {
        make_sure(&mut *person, Consent::by_flag(taking.yes), messages::transfer::BRING_BACK)?;
    }
    let (mut taken, mut failed) = (0, 0);
    for kept in &contents.accounts {
        let row = bring_back(kept, &key, taking);
        taken += usize::from(row.result == Outcome::Taken);
        failed += usize::from(row.result == Outcome::Refused);
        show(output, &row)?;
    }
    if taking.dry_run { output.say(messages::transfer::NOT_BROUGHT_BACK) } else { ended(output, taken, failed) }
}

fn bring_back(kept: &BackedUpAccount, key: &SealKey, taking: Taking) -> Row {
    let account = Account::parse(&kept.text, &Username::new(&kept.user), kept.uid).map_err(|error| error.to_string());
    let brought = account.and_then(|account| {
        let manager = manager(&kept.user)?;
        let restored = if taking.dry_run { manager.foresee_restore(&account) } else { manager.restore(&account, key) };
        Ok((restored.map_err(sentence)?, account.authenticators.len()))
    });
    let (result, detail) = match brought {
        Ok((Restored::AlreadyThere, _)) => (Outcome::AlreadyThere, messages::transfer::HAS_AUTHENTICATORS.to_owned()),
        Ok((Restored::Taken, count)) if taking.dry_run => (Outcome::WouldTake, format!("authenticators: {count}")),
        Ok((Restored::Taken, count)) => (Outcome::Taken, format!("authenticators: {count}")),
        Err(why) => (Outcome::Refused, why),
    };
    Row { at: "backup".to_owned(), user: Some(kept.user.clone()), result, detail }
}

#[cfg(test)]
mod tests {
    use crate::scripted::host;

    use super::*;
    use crate::output::scripted::output;

    const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn fits(address: &str, taking: Taking) -> Result<String, String> {
        let (host, _folder) = host("version = 1");
        let read = uri::read(address, host::now()).remove(0).unwrap();
        fit(&host, read, taking).map(|(_, detail)| detail).map_err(|mistake| mistake.why)
    }

    #[test]
    fn who_is_unknown_or_has_a_weak_key_is_refused_by_name() {
        let usual = Taking::default();
        let detail = fits(&format!("root otpauth://totp/x?secret={KEY}"), usual).unwrap();
        assert_eq!(detail, "TOTP, 30 s, 6 digits, SHA1, 160 bits");
        assert!(
            fits(&format!("no-such-user otpauth://totp/x?secret={KEY}"), usual).unwrap_err().contains("no such user")
        );
        let weak = "root otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ";
        assert!(fits(weak, usual).unwrap_err().contains("less than 128 bits"));
        assert!(fits(weak, Taking { allow_weak: true, ..usual }).is_ok());
        assert!(fits(&format!("otpauth://totp/?secret={KEY}"), usual).unwrap_err().contains("whose it is"));
    }

    #[test]
    fn a_row_says_who_what_and_where() {
        let (mut output, printed) = output(80);
        show(
            &mut output,
            &refused(Mistake { at: "line 3".to_owned(), user: Some("bob".to_owned()), why: "no key".to_owned() }),
        )
        .unwrap();
        assert_eq!(printed.text(), "  bob               REFUSED: no key (line 3)\n");
        assert!(ended(&mut output, 2, 1).unwrap_err().message.starts_with("2 were taken over, and 1 not."));
    }
}
