//! sshd with the new files, asked before they are in force what it makes of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::ValueEnum;
use nix::unistd::User;
use pam_stacks::Files;

use super::drop_in::{self, Keys};
use crate::check::sshd::{
    self, CONFIG, Daemon, Effective, SERVICE, SshCopy, StackSummary, Visitor, Ways, closing, pairs, visitors,
};
use crate::check::stacks::{AsksPassword, Before, Service};
use crate::finding::Severity;
use crate::host::Host;
use crate::messages;

/// What sshd says.
#[derive(Debug, Default)]
pub struct Inspected {
    /// What it goes by for everybody.
    pub effective: Option<Effective>,
    /// Problems, a sentence or two each.
    pub objections: Vec<String>,
    /// What to know beside it.
    pub notes: Vec<String>,
}

/// Asks sshd about a copy of its folder, for everybody and for those of each Match block; and whether it
/// would let in by less than it does by the files of today.
pub fn inspect(today: &Files, files: &Files, keys: Keys) -> Inspected {
    let mut inspected = Inspected::default();
    let copy = match SshCopy::of(files, |_| true) {
        Ok(Some(copy)) => copy,
        Ok(None) => return inspected,
        Err(error) => {
            inspected.objections.push(messages::plan::uncopied(error));
            return inspected;
        }
    };
    let planned = Daemon::usual(&copy.config());
    for visitor in visitors(&copy.config()) {
        match Effective::ask(&planned, &visitor) {
            None => return inspected,
            Some(Err(why)) if sshd::never_ran(&why) => {
                inspected.objections.push(messages::plan::NEVER_RAN.to_owned());
                return inspected;
            }
            Some(Err(why)) => {
                let what = messages::plan::refused_by_sshd(&copy.outside(&why));
                inspected.objections.push(with_remedy(what, files));
                return inspected;
            }
            Some(Ok(effective)) => inspected.visit(files, keys, &visitor, effective),
        }
    }
    if let Err(why) = tested(&copy.config()) {
        inspected.objections.push(messages::plan::refused_by_sshd(&copy.outside(&why)));
    }
    inspected.compare(&Compared { today, files, keys, planned: &planned });
    inspected
}

/// Whether sshd takes a key alone of everybody now, and no password.
pub fn takes_keys_alone(today: &Files) -> bool {
    let anybody = Visitor::anybody();
    let effective = ask_today(today, &anybody).and_then(Result::ok);
    effective.is_some_and(|effective| Ways::of(&effective, &anybody, asks(today)).are_keys_alone())
}

fn ask_today(today: &Files, visitor: &Visitor) -> Option<Result<Effective, String>> {
    Effective::ask(&Daemon::usual(&today.real(Path::new(CONFIG))), visitor)
}

fn asks(files: &Files) -> AsksPassword {
    Service::new(files, SERVICE, Before::Nothing).asks_password()
}

/// What works today and stops with these keys, a sentence or two each.
pub fn stops(today: &Files, keys: Keys) -> Vec<String> {
    let Some(Ok(before)) = ask_today(today, &Visitor::anybody()) else { return Vec::new() };
    if keys == Keys::Alone {
        return Vec::new();
    }
    let root = ask_today(today, &Visitor::named("root")).and_then(Result::ok);
    let root = root.filter(|root| ["prohibit-password", "without-password"].contains(&root.value("permitrootlogin")));
    let (users, names) = (with_keys(&before), before.words("authorizedkeysfile").collect::<Vec<_>>().join(" "));
    let notes = [
        root.map(|_| messages::plan::ROOTS_KEYS.to_owned()),
        (users > 0 && before.is_on("pubkeyauthentication")).then(|| messages::plan::programs_with_keys(users, &names)),
        before.is_on("gssapiauthentication").then(|| messages::plan::NO_KERBEROS.to_owned()),
    ];
    notes.into_iter().flatten().collect()
}

/// How many users have keys where sshd looks for them (sshd_config(5), AuthorizedKeysFile).
fn with_keys(effective: &Effective) -> usize {
    let patterns = effective.words("authorizedkeysfile").collect::<Vec<_>>();
    let has_keys = |user: &User| {
        patterns.iter().any(|pattern| {
            let home = user.dir.to_string_lossy();
            let name = pattern.replace("%h", &home).replace("%u", &user.name).replace("%%", "%");
            fs::metadata(user.dir.join(name)).is_ok_and(|file| file.is_file() && file.len() > 0)
        })
    };
    Host::everyone().map_or(0, |users| users.iter().filter(|user| has_keys(user)).count())
}

/// Whether the sshd that listens was started so that our file would change nothing.
pub fn goes_by_another() -> Option<String> {
    let listening = Daemon::running().into_iter().filter(|daemon| daemon.service == SERVICE).collect::<Vec<_>>();
    let overrules = |daemon: &Daemon| drop_in::KEYWORDS.iter().any(|keyword| daemon.decides(keyword));
    let is_ours = |daemon: &Daemon| daemon.config == Path::new(CONFIG) && !overrules(daemon);
    let other = listening.first().filter(|_| !listening.iter().any(is_ours))?;
    Some(messages::plan::goes_by_another(other, drop_in::PATH))
}

impl Inspected {
    fn visit(&mut self, files: &Files, keys: Keys, visitor: &Visitor, effective: Effective) {
        let door = StackSummary { asks: true, takes_one_answer: false, is_required: true };
        let speaks_against = |id: &str| match id {
            "sshd-way-without-code" => keys != Keys::Alone,
            id => id == "sshd-password-method",
        };
        for finding in sshd::findings(&effective, visitor, door) {
            let is_wrong = finding.severity == Severity::Error || speaks_against(finding.id);
            if visitor.is_special() {
                // A rule for some is somebody's intention, unless it leaves them no way in.
                let list = if finding.severity == Severity::Error { &mut self.objections } else { &mut self.notes };
                if is_wrong && self.effective.is_some() {
                    list.push(messages::plan::by_match(&finding.what));
                }
            } else if is_wrong {
                let objection = with_remedy(finding.what, files);
                if !self.objections.contains(&objection) {
                    self.objections.push(objection);
                }
            }
        }
        if self.effective.is_none() {
            if !effective.is_on("kbdinteractiveauthentication") && self.objections.is_empty() {
                let what = messages::plan::CANNOT_ASK.to_owned();
                self.objections.push(with_remedy(what, files));
            }
            self.effective = Some(effective);
        }
    }

    /// Finds the visitors from whom sshd would ask for less than it does today.
    fn compare(&mut self, compared: &Compared<'_>) {
        let config = &compared.planned.config;
        let some = visitors(config);
        let mut for_everybody = None;
        for visitor in &[some.clone(), pairs(&some)].concat() {
            let (before, after) = match compared.ways(visitor) {
                None => return,
                Some(Err(why)) => {
                    self.objections.push(messages::plan::fix_first(why));
                    return;
                }
                Some(Ok(ways)) => ways,
            };
            let opened = before.opened_by(&after);
            let closes = compared.keys == Keys::Only && before.take_a_password() && !after.take_a_password();
            let (is_first, what) = (for_everybody.is_none(), (opened.to_string(), closes));
            if !is_first && for_everybody.as_ref() == Some(&what) {
                continue; // It is told already.
            }
            if closes {
                self.notes.push(messages::plan::closes_passwords(&visitor.whom()));
            }
            if !opened.is_empty() {
                let what = messages::check_sshd::opened(&what.0, &visitor.who(), &before.to_string());
                self.objections.push(messages::plan::not_opened(&what, &fitting(&before), block(visitor, &before)));
            }
            for_everybody.get_or_insert(what);
        }
        if compared.keys != Keys::Only {
            let said = closing(config).into_iter().map(|line| messages::plan::closed_for_some(&line.text));
            self.objections.extend(said);
        }
    }
}

/// sshd as it is and as it is going to be.
struct Compared<'a> {
    today: &'a Files,
    files: &'a Files,
    keys: Keys,
    planned: &'a Daemon,
}

impl Compared<'_> {
    /// The ways in now and then; `None` if there is no sshd.
    fn ways(&self, visitor: &Visitor) -> Option<Result<(Ways, Ways), String>> {
        let (before, after) = (ask_today(self.today, visitor)?, Effective::ask(self.planned, visitor)?);
        Some(before.and_then(|before| {
            let after = after?;
            Ok((Ways::of(&before, visitor, asks(self.today)), Ways::of(&after, visitor, asks(self.files))))
        }))
    }
}

/// What --keys may say and open nothing.
fn fitting(before: &Ways) -> Vec<String> {
    let all = Keys::value_variants().iter();
    let opens_nothing = |keys: &&Keys| keys.first_steps().iter().all(|proofs| before.covers(proofs));
    all.filter(opens_nothing).filter_map(|keys| Some(keys.to_possible_value()?.get_name().to_owned())).collect()
}

/// The Match block in which a line keeps closed what is.
fn block<'a>(visitor: &'a Visitor, before: &Ways) -> Option<&'a str> {
    visitor.fits.as_deref().filter(|_| before.are_keys_alone())
}

/// With what to do about a line that sshd reads before ours: the first value counts (sshd_config(5)).
fn with_remedy(what: String, files: &Files) -> String {
    match earlier(files) {
        Some((file, number, line)) => messages::plan::goes_before(&what, (&file, number, &line), drop_in::PATH),
        None => what,
    }
}

/// The first line that says something else than ours and is read before: its file, number and text.
fn earlier(files: &Files) -> Option<(PathBuf, usize, String)> {
    let ours = files.text(Path::new(drop_in::PATH)).ok().flatten()?;
    let folder = Path::new(drop_in::PATH).parent()?;
    let config = files.text(Path::new(CONFIG)).ok().flatten()?;
    for (index, line) in config.lines().enumerate() {
        if drop_in::is_included(line) {
            let mut before =
                fs::read_dir(files.real(folder)).ok()?.flatten().map(|entry| folder.join(entry.file_name()));
            let mut before =
                before.by_ref().filter(|path| path.as_path() < Path::new(drop_in::PATH)).collect::<Vec<_>>();
            before.retain(|path| sshd::reads(line, path));
            before.sort();
            return before.into_iter().find_map(|path| {
                let text = files.text(&path).ok().flatten()?;
                let (number, line) = text.lines().enumerate().find(|(_, line)| differs(&ours, line))?;
                Some((path, number + 1, line.trim().to_owned()))
            });
        }
        if differs(&ours, line) {
            return Some((PathBuf::from(CONFIG), index + 1, line.trim().to_owned()));
        }
    }
    None
}

/// Whether a line sets another value for one of our keywords.
fn differs(ours: &str, line: &str) -> bool {
    if line.trim().starts_with('#') {
        return false;
    }
    let said = |keyword: &str| ours.lines().find_map(|line| sshd::value(line, keyword));
    let keyword = line.trim().split([' ', '\t', '=']).next().unwrap_or_default().to_ascii_lowercase();
    let known = if keyword == "challengeresponseauthentication" { "kbdinteractiveauthentication" } else { &keyword };
    match (said(known), sshd::value(line.trim(), &keyword)) {
        (Some(ours), Some(theirs)) => !ours.eq_ignore_ascii_case(theirs),
        _ => false,
    }
}

/// `sshd -t`.
fn tested(config: &Path) -> Result<(), String> {
    let output = Command::new("/usr/sbin/sshd").arg("-t").arg("-f").arg(config).stdin(Stdio::null()).output();
    match output {
        Ok(output) if !output.status.success() => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_goes_before_ours_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("etc/ssh/sshd_config.d");
        fs::create_dir_all(&place).unwrap();
        let of = |config: &str, first: &str| {
            fs::write(folder.path().join("etc/ssh/sshd_config"), config).unwrap();
            fs::write(place.join("01-first.conf"), first).unwrap();
            fs::write(place.join("50-cloud-init.conf"), "PasswordAuthentication yes\n").unwrap();
            let files = Files::below(folder.path()).with(Path::new(drop_in::PATH), &drop_in::text(Keys::WithCode));
            earlier(&files).map(|(path, number, line)| format!("{}:{number}: {line}", path.display()))
        };
        let include = "Port 22\nInclude /etc/ssh/sshd_config.d/*.conf\nUsePAM no\n";
        assert_eq!(of(include, "# x\nUsePAM yes\n"), None);
        let said = of(include, "# x\npasswordauthentication=yes\n").unwrap();
        assert_eq!(said, "/etc/ssh/sshd_config.d/01-first.conf:2: passwordauthentication=yes");
        let said = of(&format!("ChallengeResponseAuthentication no\n{include}"), "").unwrap();
        assert_eq!(said, "/etc/ssh/sshd_config:1: ChallengeResponseAuthentication no");
    }
}
