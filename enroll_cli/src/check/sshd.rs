//! sshd as it really runs: what it says of itself (`sshd -T`, sshd(8)) for different people and
//! places, since Match blocks change the rules for some.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

mod faults;
mod files;
mod methods;
mod visitors;

pub use faults::{Door, findings};
pub use files::value;
use files::{Said, deciding, lines};
pub use methods::{Alternatives, Method};
use visitors::untried;
pub use visitors::{Visitor, visitors};

use super::Finding;
use super::stacks::Before;
use crate::words;

/// The patterns of an Include line, if it is one.
pub fn included(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.starts_with('#') { None } else { files::value(line, "include") }
}

/// sshd's own file.
pub const CONFIG: &str = "/etc/ssh/sshd_config";

/// The service by which it asks PAM, where it is not told another.
const SERVICE: &str = "sshd";

/// Where the program lies. It wants to be called by its whole path.
const PROGRAMS: [&str; 3] = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"];

/// What sshd goes by for one visitor.
#[derive(Debug, Clone, Default)]
pub struct Effective {
    keys: BTreeMap<String, Vec<String>>,
    /// The lines that say so.
    lines: Vec<Said>,
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
            Ok(output) if output.status.success() => {
                Ok(Self { lines: lines(config), ..Self::parse(&String::from_utf8_lossy(&output.stdout)) })
            }
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().replace("\r\n", "; ").replace('\n', "; ")),
            Err(error) => Err(words::check_sshd::unstarted(program, &error)),
        })
    }

    /// Understands `key value` lines.
    pub fn parse(text: &str) -> Self {
        let mut keys = BTreeMap::<_, Vec<_>>::new();
        for line in text.lines() {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            keys.entry(key.to_ascii_lowercase()).or_default().push(value.trim().to_owned());
        }
        Self { keys, lines: Vec::new() }
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
            "" => SERVICE,
            name => name,
        }
    }

    /// How to change these settings for this visitor: each in the line that decides it now, since of
    /// several the first counts.
    pub fn write(&self, visitor: &Visitor, settings: &[(&str, &str)]) -> String {
        let block = visitor.fits.as_deref();
        let written = settings.iter().map(|(keyword, value)| {
            let place = match (deciding(&self.lines, block, keyword), block) {
                (Some(line), _) => format!("in {line}"),
                (None, Some(block)) => format!("below `{block}`"),
                (None, None) => format!("in {CONFIG}, above any Match block"),
            };
            format!("`{keyword} {value}` {place}")
        });
        words::check_sshd::write(&written.collect::<Vec<_>>())
    }

    /// The ways in, in a sentence.
    pub fn offers(&self) -> String {
        if !self.is_on("usepam") {
            return words::check_sshd::NOT_PAM.to_owned();
        }
        let alternatives = Alternatives::of(self);
        let names = |list: &Vec<Method>| list.iter().map(Method::name).collect::<Vec<_>>().join(" and then ");
        let ways = alternatives.lists().map(names).collect::<Vec<_>>();
        words::check_sshd::offers(&ways)
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
                    words::check_sshd::NEVER_RAN,
                    words::check_sshd::START_SSHD,
                )];
            }
            Some(Err(why)) => {
                return vec![Finding::error(
                    "sshd-configuration",
                    config.display(),
                    words::check_sshd::configuration(why.trim_end_matches('.')),
                    faults::corrected(config, &why),
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
    findings.extend(untried(config).iter().filter(|_| door(SERVICE).asks).map(|line| {
        Finding::notice(
            "sshd-match-not-checked",
            line,
            words::check_sshd::match_not_checked(&line.text),
            words::check_sshd::ASK_SSHD,
        )
    }));
    findings
}

#[cfg(test)]
mod tests;
