//! Which sshd: the one of its usual file, and those that listen now and were started in another way.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::files::CONFIG;
use crate::check::processes::of_this_host;

/// The service by which it asks PAM, where nothing says another: the name by which it was called.
pub const SERVICE: &str = "sshd";

/// How the title of the process that listens ends, before its count of connections.
const LISTENER: &str = " [listener]";

/// The flags that want a word (sshd(8)).
const WITH_A_WORD: &str = "CEbcfghkopu";

/// An sshd, as it was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// Its file.
    pub config: PathBuf,
    /// What counts before its file: flags, as `sshd -T` takes them.
    pub options: Vec<String>,
    /// The service by which it asks PAM, unless its file says another.
    pub service: String,
}

impl Default for Daemon {
    fn default() -> Self {
        Self::usual(Path::new(CONFIG))
    }
}

impl Daemon {
    /// Without options, by this file.
    pub fn usual(config: &Path) -> Self {
        Self { config: config.to_owned(), options: Vec::new(), service: SERVICE.to_owned() }
    }

    /// Those that listen now on this host. sshd keeps in its title how it was started.
    pub fn running() -> Vec<Self> {
        let titles = of_this_host().filter_map(|path| fs::read_to_string(path.join("cmdline")).ok());
        let mut daemons = titles.filter_map(|title| Self::of_title(&title)).collect::<Vec<_>>();
        daemons.sort_by(|one, other| one.config.cmp(&other.config));
        daemons.dedup();
        daemons
    }

    /// Whether it is not the usual one.
    pub fn is_another(&self) -> bool {
        self.config != Path::new(CONFIG) || !self.options.is_empty() || self.service != SERVICE
    }

    /// The option that decides a keyword, before any file.
    pub fn decides(&self, keyword: &str) -> bool {
        let named =
            |word: &String| word.split(['=', ' ']).next().is_some_and(|name| name.eq_ignore_ascii_case(keyword));
        self.options.iter().any(named)
    }

    /// `sshd: /usr/sbin/sshd -D -f FILE [listener] 0 of 10-100 startups`.
    fn of_title(title: &str) -> Option<Self> {
        let (started, _) = title.split_once(LISTENER)?;
        let (_, line) = started.split_once(": ")?;
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let program = Path::new(words.next()?).file_name()?.to_str()?;
        let mut daemon = Self { service: program.to_owned(), ..Self::default() };
        while let Some(word) = words.next() {
            let Some(flags) = word.strip_prefix('-') else {
                // The title does not quote: `-o "Keyword value"` is one option.
                daemon.options.last_mut()?.extend([" ", word]);
                continue;
            };
            let Some(at) = flags.find(|flag| WITH_A_WORD.contains(flag)) else { continue };
            let (flag, rest) = (flags.get(at..=at)?, flags.get(at + 1..)?);
            let value = if rest.is_empty() { words.next()? } else { rest };
            match flag {
                "f" => daemon.config = PathBuf::from(value),
                "o" | "p" => daemon.options.extend([format!("-{flag}"), value.to_owned()]),
                _ => {}
            }
        }
        Some(daemon)
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.service)?;
        if self.config != Path::new(CONFIG) {
            write!(f, " -f {}", self.config.display())?;
        }
        self.options.iter().try_for_each(|word| write!(f, " {word}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(title: &str) -> Option<String> {
        Daemon::of_title(title).map(|daemon| daemon.to_string())
    }

    #[test]
    fn the_title_says_how_it_was_started() {
        assert!(!Daemon::of_title("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups").unwrap().is_another());
        for (line, expected) in [
            ("/usr/sbin/sshd -D -f /srv/sshd_config", "sshd -f /srv/sshd_config"),
            ("/usr/sbin/sshd -Def/srv/x -E /var/log/x", "sshd -f /srv/x"),
            ("/usr/sbin/sshd -oUsePAM=no -p 2222 -D", "sshd -o UsePAM=no -p 2222"),
            ("/usr/sbin/sshd -o UsePAM no -D", "sshd -o UsePAM no"),
            ("/usr/sbin/sshd-sftp -f /etc/ssh/sftp", "sshd-sftp -f /etc/ssh/sftp"),
        ] {
            assert_eq!(of(&format!("sshd: {line} [listener] 1 of 10-100 startups")).as_deref(), Some(expected));
        }
    }

    #[test]
    fn sessions_and_other_programs_are_none() {
        for title in ["sshd: alice [priv]", "sshd: alice@pts/0", "/usr/sbin/sshd\0-D\0", "", "x [listener]"] {
            assert_eq!(of(title), None, "{title}");
        }
    }

    #[test]
    fn an_option_decides_before_any_file() {
        let daemon = Daemon { options: vec!["-o".to_owned(), "usepam=no".to_owned()], ..Daemon::default() };
        assert!(daemon.decides("UsePAM") && !daemon.decides("PermitRootLogin"));
    }
}
