//! Dovecot, as `doveconf -n` tells what it goes by: its password databases, and its cache.

use std::path::Path;
use std::process::Command;

use pam_stacks::Files;

use super::beside::{Beside, is_installed};
use super::caches::seconds;
use crate::finding::Finding;
use crate::messages::check_servers as messages;

const PROGRAM: &str = "/usr/bin/doveconf";
const CONFIG: &str = "/etc/dovecot/dovecot.conf";

/// doveconf takes a moment; what takes this long hangs.
const SECONDS: &str = "10";

/// The PAM service where its configuration names none.
const SERVICE: &str = "dovecot";

/// The PAM services that `*` and `%s` mean: one a protocol.
const PROTOCOLS: [&str; 8] = ["imap", "pop3", "smtp", "submission", "sieve", "managesieve", "lmtp", "doveadm"];

/// How long an answer is kept where nothing says it (auth_cache_ttl).
const USUAL_TTL: u64 = 3600;

/// Its configuration.
#[derive(Debug, Default)]
pub struct Dovecot {
    passdbs: Vec<Passdb>,
    settings: Vec<(String, String)>,
    /// Since 2.4 answers of PAM are kept by the user's name where nothing says otherwise.
    keeps_unasked: bool,
}

/// A password database.
#[derive(Debug, Default)]
struct Passdb {
    driver: String,
    settings: Vec<(String, String)>,
}

fn find<'a>(settings: &'a [(String, String)], key: &str) -> Option<&'a str> {
    settings.iter().rfind(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

impl Dovecot {
    /// What Dovecot says. `None` if there is none, or if it does not say it.
    pub fn ask(files: &Files) -> Option<Self> {
        let config = files.real(Path::new(CONFIG));
        if !is_installed(files, &[PROGRAM]) || !config.is_file() {
            return None;
        }
        let mut command = Command::new("timeout");
        command.args(["-s", "KILL", SECONDS, PROGRAM, "-n", "-c"]).arg(config);
        let told = command.stdin(std::process::Stdio::null()).output().ok()?;
        told.status.success().then(|| Self::parse(&String::from_utf8_lossy(&told.stdout)))
    }

    /// Understands `key = value` lines in blocks. Since 2.4 a passdb has a name, which is its driver's where
    /// none is said. What is in a block of one protocol counts for that.
    fn parse(text: &str) -> Self {
        let version = text.trim_start_matches(['#', ' ']).split(' ').next().unwrap_or_default();
        let mut dovecot =
            Self { keeps_unasked: !version.starts_with("2.3") && !version.starts_with("2.2"), ..Self::default() };
        let mut open: Vec<String> = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let is_passdb = |block: &String| block == "passdb" || block.starts_with("passdb ");
            if let Some(block) = line.strip_suffix('{') {
                open.push(block.trim().to_owned());
                if let Some(block) = open.last().filter(|block| is_passdb(block)) {
                    let driver = block.strip_prefix("passdb").unwrap_or_default().trim().to_owned();
                    dovecot.passdbs.push(Passdb { driver, ..Passdb::default() });
                }
            } else if line == "}" {
                open.pop();
            } else if let Some((key, value)) = line.split_once('=') {
                let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
                match (open.last().is_some_and(is_passdb), dovecot.passdbs.last_mut()) {
                    (true, Some(passdb)) if key == "driver" => passdb.driver = value,
                    (true, Some(passdb)) => passdb.settings.push((key, value)),
                    _ if open.is_empty() => dovecot.settings.push((key, value)),
                    _ => {}
                }
            }
        }
        dovecot
    }

    /// The PAM services by which it asks, each with its passdb's place among all.
    fn services(&self) -> Vec<(usize, &Passdb, Vec<String>)> {
        let pam = self.passdbs.iter().enumerate().filter(|(_, passdb)| passdb.driver == "pam");
        pam.map(|(index, passdb)| (index, passdb, passdb.services())).collect()
    }

    /// Whether it asks PAM.
    pub fn asks_pam(&self) -> bool {
        !self.services().is_empty()
    }

    /// Who answers beside PAM.
    pub fn beside(&self) -> Vec<Beside> {
        let mut all: Vec<Beside> = Vec::new();
        for (index, pam, services) in self.services() {
            let others = self
                .passdbs
                .iter()
                .enumerate()
                .filter(|(other, passdb)| passdb.accepts() && (*other < index || pam.lets_go_on()));
            let others = others.map(|(_, passdb)| passdb.driver.as_str()).collect::<Vec<_>>().join(", ");
            if others.is_empty() {
                continue;
            }
            let beside = services.into_iter().map(|service| Beside {
                service,
                about: CONFIG.to_owned(),
                what: messages::dovecot_asks(&others),
                remedy: messages::one_passdb(&others),
            });
            all.extend(beside.filter(|one| !all.contains(one)).collect::<Vec<_>>());
        }
        all
    }

    /// Whether answers of PAM are kept.
    pub fn cached(&self, asks: &dyn Fn(&str) -> bool) -> Option<Finding> {
        let size = find(&self.settings, "auth_cache_size")?;
        if size.starts_with('0') {
            return None;
        }
        let services = self.services();
        let mut kept = services.iter().filter(|(_, passdb, _)| passdb.is_kept(self.keeps_unasked));
        let service = kept.find_map(|(_, _, services)| services.iter().find(|name| asks(name)))?;
        let ttl = find(&self.settings, "auth_cache_ttl").and_then(seconds).unwrap_or(USUAL_TTL);
        let what = messages::cached(service, "Dovecot", ttl, &format!("auth_cache_size = {size}"));
        Some(Finding::warning("answers-cached", CONFIG, what, messages::NO_DOVECOT_CACHE))
    }
}

impl Passdb {
    /// The PAM services that one of PAM asks by (Dovecot's documentation, PAM).
    fn services(&self) -> Vec<String> {
        let args = find(&self.settings, "args").unwrap_or_default();
        let last = args.split_whitespace().rfind(|word| !word.contains('=') && !word.starts_with('-'));
        match find(&self.settings, "service_name").or(last).unwrap_or(SERVICE) {
            name if name == "*" || name.contains('%') => PROTOCOLS.map(str::to_owned).to_vec(),
            name => vec![name.to_owned()],
        }
    }

    fn is(&self, key: &str, value: &str) -> bool {
        find(&self.settings, key) == Some(value)
    }

    /// Whether a password that is right here lets in. Tokens (oauth2) are no passwords, and masters log in as
    /// others by a name of their own.
    fn accepts(&self) -> bool {
        let goes_on =
            matches!(find(&self.settings, "result_success"), Some("continue" | "continue-fail" | "return-fail"));
        !["pam", "oauth2"].contains(&self.driver.as_str())
            && !goes_on
            && !["deny", "master", "pass"].into_iter().any(|key| self.is(key, "yes"))
    }

    /// Whether the next one is asked after a refusal.
    fn lets_go_on(&self) -> bool {
        !matches!(find(&self.settings, "result_failure"), Some("return-fail" | "return"))
    }

    /// Whether there is a key by which its answers are kept.
    fn is_kept(&self, is_usual: bool) -> bool {
        let has_key = find(&self.settings, "args").is_some_and(|args| args.contains("cache_key="));
        has_key || is_usual && !self.is("use_cache", "no")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf\nauth_cache_size = 10 M\n";
    const PAM: &str = "passdb {\n  driver = pam\n}\n";

    fn beside(text: &str) -> Vec<String> {
        let besides = Dovecot::parse(&format!("{HEAD}{text}")).beside();
        besides.into_iter().map(|one| format!("{}: {}", one.service, one.what)).collect()
    }

    #[test]
    fn each_other_database_that_lets_in_is_named() {
        let file = "passdb {\n  args = /etc/users\n  driver = passwd-file\n}\n";
        for both in [format!("{PAM}{file}"), format!("{file}{PAM}"), format!("{PAM}protocol imap {{\n{file}}}\n")] {
            let told = beside(&both);
            assert!(told.len() == 1 && told[0].starts_with("dovecot: ") && told[0].contains("passwd-file"), "{told:?}");
        }
        assert_eq!(beside(PAM), [""; 0]);
        assert_eq!(beside(file), [""; 0], "PAM is not asked at all");
        let named = PAM.replace("driver", "args = session=yes mail\n  driver");
        assert!(beside(&format!("{named}{file}"))[0].starts_with("mail: "));
        let each = PAM.replace("driver", "args = cache_key=#hidden# *\n  driver");
        assert!(beside(&format!("{each}{file}")).iter().any(|told| told.starts_with("imap: ")));
        let newer = "passdb pam {\n}\npassdb passwd-file {\n  passwd_file_path = /etc/users\n}\n";
        assert!(beside(newer)[0].contains("passwd-file"));
    }

    #[test]
    fn databases_that_let_nobody_in_by_a_password_are_none() {
        let file = "passdb {\n  driver = passwd-file\n}\n";
        for setting in ["deny = yes", "master = yes", "pass = yes", "result_success = continue"] {
            let other = file.replace("driver", &format!("{setting}\n  driver"));
            assert_eq!(beside(&format!("{other}{PAM}")), [""; 0], "{setting}");
        }
        assert_eq!(beside(&format!("{PAM}passdb {{\n  driver = oauth2\n}}\n")), [""; 0]);
        let ends = PAM.replace("driver", "result_failure = return-fail\n  driver");
        assert_eq!(beside(&format!("{ends}{file}")), [""; 0], "the refusal of PAM ends it");
        assert_eq!(beside(&format!("{file}{ends}")).len(), 1, "it is asked before");
    }

    #[test]
    fn a_cache_counts_where_answers_of_pam_have_a_key() {
        let kept = |text: &str| Dovecot::parse(text).cached(&|name| name == "dovecot").map(|finding| finding.what);
        assert_eq!(kept(&format!("{HEAD}{PAM}")), None);
        let key = PAM.replace("driver", "args = cache_key=#hidden# dovecot\n  driver");
        assert!(kept(&format!("{HEAD}{key}")).unwrap().contains("1 hour"));
        assert!(kept(&format!("{HEAD}auth_cache_ttl = 5 mins\n{key}")).unwrap().contains("5 minutes"));
        assert_eq!(kept(&format!("{HEAD}auth_cache_size = 0\n{key}")), None);
        assert_eq!(kept(&key), None);
        let newer = "# 2.4.1 (x)\nauth_cache_size = 1M\npassdb pam {\n}\n";
        assert!(kept(newer).is_some());
        assert_eq!(kept(&newer.replace("pam {", "pam {\n use_cache = no")), None);
    }
}
