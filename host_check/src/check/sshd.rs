//! sshd as it really runs: what it says of itself (`sshd -T`, sshd(8)) for different people and
//! places, since Match blocks change the rules for some.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

mod copy;
mod daemon;
mod faults;
mod files;
mod methods;
mod passwords;
mod visitors;
mod ways;

pub use copy::SshCopy;
pub use daemon::{Daemon, SERVICE};
pub use faults::{Door, findings};
pub use files::value;
use files::{Said, deciding, lines};
pub use methods::{Alternatives, Method};
pub use passwords::by_password;
use visitors::untried;
pub use visitors::{Visitor, closing, pairs, visitors};
pub use ways::{Proof, Ways};

use super::stacks::Before;
use crate::finding::Finding;
use crate::words;

/// The patterns of an Include line, if it is one.
pub fn included(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.starts_with('#') { None } else { files::value(line, "include") }
}

/// sshd's own file.
pub const CONFIG: &str = "/etc/ssh/sshd_config";

/// The file that `twostep admin apply` writes. Its number is low, since the first value that sshd reads
/// counts (sshd_config(5)).
pub const OURS: &str = "/etc/ssh/sshd_config.d/10-twostep.conf";

/// Where the program lies. It wants to be called by its whole path.
const PROGRAMS: [&str; 3] = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"];

/// What sshd goes by for one visitor.
#[derive(Debug, Clone, Default)]
pub struct Effective {
    keys: BTreeMap<String, Vec<String>>,
    /// Which sshd it is.
    daemon: Daemon,
    /// The lines that say so.
    lines: Vec<Said>,
}

impl Effective {
    /// What sshd answers. `None` if there is no sshd on this host.
    ///
    /// # Errors
    /// What sshd says against its configuration.
    pub fn ask(daemon: &Daemon, visitor: &Visitor) -> Option<Result<Self, String>> {
        let program = PROGRAMS.into_iter().find(|path| Path::new(path).is_file())?;
        let answered = Command::new(program)
            .arg("-T")
            .args(["-C", &visitor.specification()])
            .arg("-f")
            .arg(&daemon.config)
            .args(&daemon.options)
            .stdin(Stdio::null())
            .output();
        Some(match answered {
            Ok(output) if output.status.success() => {
                let told = Self::parse(&String::from_utf8_lossy(&output.stdout));
                Ok(Self { lines: lines(&daemon.config), daemon: daemon.clone(), ..told })
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
        Self { keys, ..Self::default() }
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
            "" => &self.daemon.service,
            name => name,
        }
    }

    /// How to change these settings for this visitor: each in the line that decides it now, since of
    /// several the first counts.
    pub fn write(&self, visitor: &Visitor, settings: &[(&str, &str)]) -> String {
        let block = visitor.fits.as_deref();
        let written = settings.iter().map(|(keyword, value)| {
            let place = match (deciding(&self.lines, block, keyword), block) {
                _ if self.daemon.decides(keyword) => words::check_sshd::AMONG_OPTIONS.to_owned(),
                (Some(line), _) => format!("in {line}"),
                (None, Some(block)) => format!("below `{block}`"),
                (None, None) => format!("in {}, above any Match block", self.daemon.config.display()),
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

/// The one of this file, and where that is sshd's own, those that listen and were started otherwise.
pub fn daemons(config: &Path) -> Vec<Daemon> {
    let others = if config == Path::new(CONFIG) { Daemon::running() } else { Vec::new() };
    std::iter::once(Daemon::usual(config)).chain(others.into_iter().filter(Daemon::is_another)).collect()
}

/// What is proved when sshd asks PAM for this service, of whoever comes.
pub fn before(daemons: &[Daemon], service: &str) -> Before {
    let told = daemons.iter().flat_map(|daemon| {
        visitors(&daemon.config)
            .into_iter()
            .map(|visitor| (daemon.service == service, Effective::ask(daemon, &visitor)))
    });
    let told = told.filter_map(|(is_its_own, told)| match told {
        Some(Ok(effective)) if effective.service() == service => Some(effective.before()),
        Some(Ok(_)) => None,
        _ => is_its_own.then_some(Before::Nothing),
    });
    let told = told.collect::<Vec<_>>();
    if !told.is_empty() && told.iter().all(|before| *before == Before::Key) { Before::Key } else { Before::Nothing }
}

/// What there is to say of sshd on this host: of the usual one, and of each other one. What two say that
/// go by one file is told once.
pub fn check(daemons: &[Daemon], door: &dyn Fn(&str) -> Door) -> Vec<Finding> {
    let mut told: Vec<(&Path, Finding)> = Vec::new();
    for (index, daemon) in daemons.iter().enumerate() {
        let of_its_own = of(daemon, door).into_iter().map(|finding| (daemon.config.as_path(), finding));
        for (config, mut finding) in of_its_own.collect::<Vec<_>>() {
            let says_so = |(other, known): &(&Path, Finding)| {
                *other == config && known.what == finding.what && known.remedy == finding.remedy
            };
            if told.iter().any(says_so) {
                continue;
            }
            if index > 0 {
                finding.about = match finding.about.as_str() {
                    visitors::EVERYBODY => daemon.to_string(),
                    about => format!("{daemon}: {about}"),
                };
            }
            told.push((config, finding));
        }
    }
    told.into_iter().map(|(_, finding)| finding).collect()
}

/// Whether sshd says nothing since it was not started since boot: a folder is missing that its service makes.
pub fn never_ran(why: &str) -> bool {
    why.contains("privilege separation directory")
}

/// What is wrong with one sshd for somebody.
fn of(daemon: &Daemon, door: &dyn Fn(&str) -> Door) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for visitor in visitors(&daemon.config) {
        match Effective::ask(daemon, &visitor) {
            None => return findings,
            Some(Err(why)) if never_ran(&why) => {
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
                    daemon.config.display(),
                    words::check_sshd::configuration(why.trim_end_matches('.')),
                    faults::corrected(daemon, &why),
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
    findings.extend(untried(&daemon.config).iter().filter(|_| door(&daemon.service).asks).map(|line| {
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
