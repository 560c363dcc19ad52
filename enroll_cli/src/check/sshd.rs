//! sshd as it really runs: what it says of itself (`sshd -T`, sshd(8)) for different people and
//! places, since Match blocks change the rules for some.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

mod files;
mod methods;
mod visitors;

pub use methods::{Alternatives, Method};
pub use visitors::{Visitor, visitors};

use super::Finding;
use super::stacks::Before;

/// The patterns of an Include line, if it is one.
pub fn included(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.starts_with('#') { None } else { files::value(line, "include") }
}

/// sshd's own file.
pub const CONFIG: &str = "/etc/ssh/sshd_config";

/// Where the program lies. It wants to be called by its whole path.
const PROGRAMS: [&str; 3] = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"];

/// A person who needs a minute for the code needs more than that for all.
const SHORT_GRACE: u64 = 60;

/// What sshd goes by for one visitor.
#[derive(Debug, Clone, Default)]
pub struct Effective {
    keys: BTreeMap<String, Vec<String>>,
}

impl Effective {
    /// What sshd answers. `None` if there is no sshd on this host.
    ///
    /// # Errors
    /// What sshd says against its configuration.
    pub fn ask(config: &Path, visitor: &Visitor) -> Option<Result<Self, String>> {
        let program = PROGRAMS.into_iter().find(|path| Path::new(path).is_file())?;
        let answered = Command::new(program)
            .arg("-T")
            .args(["-C", &visitor.specification()])
            .arg("-f")
            .arg(config)
            .stdin(Stdio::null())
            .output();
        Some(match answered {
            Ok(output) if output.status.success() => Ok(Self::parse(&String::from_utf8_lossy(&output.stdout))),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().replace("\r\n", "; ").replace('\n', "; ")),
            Err(error) => Err(format!("{program} cannot be started: {error}")),
        })
    }

    /// Understands `key value` lines.
    pub fn parse(text: &str) -> Self {
        let mut keys = BTreeMap::<_, Vec<_>>::new();
        for line in text.lines() {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            keys.entry(key.to_ascii_lowercase()).or_default().push(value.trim().to_owned());
        }
        Self { keys }
    }

    /// The value of a key.
    pub fn value(&self, key: &str) -> &str {
        self.keys.get(key).and_then(|values| values.first()).map_or("", String::as_str)
    }

    /// Whether a key says yes.
    pub fn is_on(&self, key: &str) -> bool {
        self.value(key) == "yes"
    }

    /// The service by which sshd asks PAM (`PAMServiceName` since OpenSSH 9.8).
    pub fn service(&self) -> &str {
        match self.value("pamservicename") {
            "" => "sshd",
            name => name,
        }
    }

    /// The ways in, in a sentence.
    pub fn offers(&self) -> String {
        if !self.is_on("usepam") {
            return "It does not ask PAM.".to_owned();
        }
        let alternatives = Alternatives::of(self);
        let names = |list: &Vec<Method>| list.iter().map(Method::name).collect::<Vec<_>>().join(" and then ");
        let ways = alternatives.lists().map(names).collect::<Vec<_>>();
        format!("It offers {}.", if ways.is_empty() { "no way in".to_owned() } else { ways.join(", or ") })
    }

    /// What is proved when sshd asks PAM: whether a key always goes before.
    pub fn before(&self) -> Before {
        let alternatives = Alternatives::of(self);
        let asks = alternatives.lists().filter(|list| list.contains(&Method::KeyboardInteractive));
        let behind_key = |list: &Vec<Method>| {
            let key = list.iter().position(|method| *method == Method::PublicKey);
            key.is_some_and(|key| {
                key < list.iter().position(|method| *method == Method::KeyboardInteractive).unwrap_or(0)
            })
        };
        let asks = asks.collect::<Vec<_>>();
        if !asks.is_empty() && asks.into_iter().all(behind_key) { Before::Key } else { Before::Nothing }
    }
}

/// What the PAM stack of sshd does with those who come.
#[derive(Debug, Clone, Copy)]
pub struct Door {
    /// It asks for a code.
    pub asks: bool,
    /// It takes a password and a code, or an application password, in one answer.
    pub takes_one_answer: bool,
    /// The second step is required of somebody.
    pub is_required: bool,
}

/// What is wrong with what sshd does for this visitor. Nothing is, where PAM asks for no code.
pub fn findings(effective: &Effective, visitor: &Visitor, door: Door) -> Vec<Finding> {
    if !door.asks {
        return Vec::new();
    }
    if !effective.is_on("usepam") {
        return vec![Finding::error(
            "sshd-without-pam",
            visitor,
            format!("sshd does not ask PAM{}, so it asks for no code.", visitor.whom()),
            "Write `UsePAM yes` into sshd_config.",
        )];
    }
    let mut findings = Vec::new();
    findings.extend(unanswerable(effective, visitor, door));
    findings.extend(without_code(effective, visitor, door));
    findings.extend(grace_time(effective, visitor));
    findings.extend(root(effective, visitor));
    findings
}

/// Whether a person can be asked for the code at all.
fn unanswerable(effective: &Effective, visitor: &Visitor, door: Door) -> Option<Finding> {
    let alternatives = Alternatives::of(effective);
    if door.takes_one_answer || alternatives.lists().any(|list| list.contains(&Method::KeyboardInteractive)) {
        return password_method(&alternatives, visitor, door);
    }
    if !alternatives.lists().any(|list| list.contains(&Method::Password)) {
        return None; // Keys alone: nobody comes to the question, and it is told below.
    }
    Some(Finding::error(
        "sshd-cannot-ask",
        visitor,
        format!(
            "sshd cannot ask for a code{}: keyboard-interactive is off, and the method `password` has no second question.",
            visitor.whom()
        ),
        "Write `KbdInteractiveAuthentication yes` and `PasswordAuthentication no` into sshd_config, above any \
         Match block; Debian and Ubuntu ship the first one off.",
    ))
}

/// The method `password` answers our question with the password.
fn password_method(alternatives: &Alternatives, visitor: &Visitor, door: Door) -> Option<Finding> {
    let offers = alternatives.lists().any(|list| list.contains(&Method::Password));
    (offers && !door.takes_one_answer).then(|| {
        Finding::warning(
            "sshd-password-method",
            visitor,
            format!("sshd offers the method `password`{}, which cannot ask for a code: a client that tries it gives the password as the code.", visitor.whom()),
            "Write `PasswordAuthentication no` into sshd_config: keyboard-interactive asks for the password too.",
        )
    })
}

/// Ways in that PAM's auth phase never sees.
fn without_code(effective: &Effective, visitor: &Visitor, door: Door) -> Vec<Finding> {
    let alternatives = Alternatives::of(effective);
    let past = alternatives.lists().filter(|list| !list.iter().any(|method| method.is_asked_by_pam()));
    let past =
        past.map(|list| list.iter().map(Method::name).collect::<Vec<_>>().join(" and ")).collect::<BTreeSet<_>>();
    past.into_iter()
        .map(|way| {
            let what = format!("{way} alone opens the door{}, without a code.", visitor.whom());
            let remedy = "To ask for the code behind it: AuthenticationMethods publickey,keyboard-interactive \
                          keyboard-interactive, and the stack sshd-key-or-password of the examples (sudo twostep \
                          admin apply sshd --keys=with-code).";
            if door.is_required {
                Finding::warning("sshd-way-without-code", visitor, what, remedy)
            } else {
                Finding::notice("sshd-way-without-code", visitor, what, remedy)
            }
        })
        .collect()
}

fn grace_time(effective: &Effective, visitor: &Visitor) -> Option<Finding> {
    let seconds = effective.value("logingracetime").parse::<u64>().ok()?;
    (1..SHORT_GRACE).contains(&seconds).then(|| {
        Finding::warning(
            "sshd-grace-time",
            visitor,
            format!(
                "sshd gives {seconds} seconds for the whole login{}: too little to look a code up.",
                visitor.whom()
            ),
            "Write `LoginGraceTime 120` into sshd_config.",
        )
    })
}

/// Root with a key only, where a key only is no way in.
fn root(effective: &Effective, visitor: &Visitor) -> Option<Finding> {
    let only_keys = matches!(effective.value("permitrootlogin"), "without-password" | "prohibit-password");
    let alternatives = Alternatives::of(effective);
    let needs_more = alternatives
        .lists()
        .all(|list| list.contains(&Method::KeyboardInteractive) || list.contains(&Method::Password));
    (visitor.user == "root" && only_keys && needs_more).then(|| {
        Finding::notice(
            "sshd-root-closed",
            visitor,
            "root cannot log in by ssh: PermitRootLogin asks for a key alone, and the methods ask for more.",
            "That is safe. If root must get in by key and code, write `PermitRootLogin yes`.",
        )
    })
}

/// What is proved when sshd asks PAM for this service, of whoever comes.
pub fn before(config: &Path, service: &str) -> Before {
    let everybody = visitors(config);
    let told = everybody.iter().map(|visitor| Effective::ask(config, visitor));
    let told = told.map(|told| match told {
        Some(Ok(effective)) if effective.service() == service => effective.before(),
        _ => Before::Nothing,
    });
    let told = told.collect::<Vec<_>>();
    if told.iter().all(|before| *before == Before::Key) { Before::Key } else { Before::Nothing }
}

/// What there is to say of sshd on this host.
pub fn check(config: &Path, door: &dyn Fn(&str) -> Door) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for visitor in visitors(config) {
        match Effective::ask(config, &visitor) {
            None => return findings,
            Some(Err(why)) if why.contains("privilege separation directory") => {
                return vec![Finding::notice(
                    "sshd-not-checked",
                    "sshd",
                    "sshd was not checked: it has never run since boot.",
                    "Start sshd, and check again.",
                )];
            }
            Some(Err(why)) => {
                return vec![Finding::error(
                    "sshd-configuration",
                    config.display(),
                    format!("sshd refuses its configuration and would not start again: {why}."),
                    "Correct it; `sudo sshd -t` says the same.",
                )];
            }
            Some(Ok(effective)) => {
                for finding in self::findings(&effective, &visitor, door(effective.service())) {
                    // What is so for everybody is told once.
                    if findings.iter().all(|known| {
                        known.id != finding.id
                            || visitor.is_special() && known.what != finding.what && known.about != visitors::EVERYBODY
                    }) {
                        findings.push(finding);
                    }
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests;
