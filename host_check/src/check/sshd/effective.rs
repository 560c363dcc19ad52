//! What sshd goes by for one visitor, as `sshd -T` says it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use super::daemon::Daemon;
use super::files::{Said, deciding, lines};
use super::visitors::Visitor;
use crate::messages;

/// What sshd goes by for one visitor.
#[derive(Debug, Clone, Default)]
pub struct Effective {
    pub(super) keys: BTreeMap<String, Vec<String>>,
    /// Which sshd it is.
    pub(super) daemon: Daemon,
    /// The lines that say so.
    pub(super) lines: Vec<Said>,
}

/// Where the program lies. It wants to be called by its whole path.
const PROGRAMS: [&str; 3] = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"];

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
            Err(error) => Err(messages::check_sshd::unstarted(program, &error)),
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

    /// Every value of a key, which sshd tells in a line each.
    pub fn values(&self, key: &str) -> &[String] {
        self.keys.get(key).map_or(&[], Vec::as_slice)
    }

    /// Every word of a key, which sshd may tell in several lines.
    pub fn words(&self, key: &str) -> impl Iterator<Item = &str> + use<'_> {
        self.keys.get(key).into_iter().flatten().flat_map(|value| value.split_whitespace())
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
                _ if self.daemon.decides(keyword) => messages::check_sshd::AMONG_OPTIONS.to_owned(),
                (Some(line), _) => format!("in {line}"),
                (None, Some(block)) => format!("below `{block}`"),
                (None, None) => format!("in {}, above any Match block", self.daemon.config.display()),
            };
            format!("`{keyword} {value}` {place}")
        });
        messages::check_sshd::write(&written.collect::<Vec<_>>())
    }
}
