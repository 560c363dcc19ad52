//! Programs that keep what PAM answered, and let in by it for a while: saslauthd and Apache.

use std::path::Path;

use pam_stacks::Files;

use super::beside::is_installed;
use super::directives::read;
use crate::finding::Finding;
use crate::messages::check_servers as messages;

/// Where the service has its options: the file, and the variable in it (of Debian, of Fedora).
const SASL_OPTIONS: [(&str, &str); 2] = [("/etc/default/saslauthd", "OPTIONS"), ("/etc/sysconfig/saslauthd", "FLAGS")];

/// The PAM services by which programs ask saslauthd: their SASL names. Mail is Dovecot's where that asks PAM.
const SASL_SERVICES: [&str; 6] = ["ldap", "nntp", "xmpp", "http", "mupdate", "smtp"];
const SASL_MAIL: [&str; 3] = ["imap", "pop", "sieve"];

const POSTFIX: &str = "/etc/postfix/main.cf";

/// How long saslauthd keeps an answer where nothing says it (saslauthd(8), -t).
const SASL_TTL: u64 = 28_800;

/// saslauthd that runs with `-c`, which these lines started.
pub fn saslauthd(
    files: &Files,
    started: &[Vec<String>],
    has_dovecot: bool,
    asks: &dyn Fn(&str) -> bool,
) -> Option<Finding> {
    let ttl = started.iter().find_map(|line| cache(line))?;
    let mail = SASL_MAIL.into_iter().filter(|_| !has_dovecot);
    let mut services = SASL_SERVICES.into_iter().chain(mail).filter(|name| asks(name));
    let service = services.find(|name| *name != "smtp" || !asks_dovecot(files))?;
    let what = messages::cached(service, "saslauthd", ttl, "-c");
    let file = SASL_OPTIONS.into_iter().find(|(path, _)| files.real(Path::new(path)).is_file());
    let (about, remedy) = file.map_or(("saslauthd", messages::WITHOUT_CACHE.to_owned()), |(path, variable)| {
        (path, messages::without_option("-c", variable, path, "saslauthd"))
    });
    Some(Finding::warning("answers-cached", about, what, remedy))
}

/// Whether Postfix has Dovecot check passwords (postconf(5), smtpd_sasl_type).
fn asks_dovecot(files: &Files) -> bool {
    let text = files.text(Path::new(POSTFIX)).ok().flatten().unwrap_or_default();
    let mut said = text.lines().filter_map(|line| line.strip_prefix("smtpd_sasl_type")?.trim().strip_prefix('='));
    said.next_back().is_some_and(|value| value.trim() == "dovecot")
}

/// For how long saslauthd keeps answers of PAM, started so.
fn cache(line: &[String]) -> Option<u64> {
    let (mut is_on, mut asks_pam, mut ttl) = (false, false, SASL_TTL);
    let mut words = line.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let Some(flags) = word.strip_prefix('-') else { continue };
        for (at, flag) in flags.char_indices() {
            if flag == 'c' {
                is_on = true;
            } else if "amnOst".contains(flag) {
                // These want a word: what is left of this one, or the next.
                let rest = flags.get(at + 1..).filter(|rest| !rest.is_empty());
                let value = rest.or_else(|| words.next());
                match flag {
                    't' => ttl = value.and_then(|value| value.parse().ok()).unwrap_or(ttl),
                    'a' => asks_pam = value == Some("pam"),
                    _ => {}
                }
                break;
            }
        }
    }
    (is_on && asks_pam).then_some(ttl)
}

const APACHE: [&str; 1] = ["/usr/sbin/apache2"];
const APACHE_FOLDER: &str = "/etc/apache2";

/// The provider of pwauth, which asks PAM by this service.
const PWAUTH: &str = "pwauth";

/// How long Apache keeps an answer where nothing says it (AuthnCacheTimeout).
const APACHE_TTL: u64 = 300;

/// mod_authn_socache, where it keeps what PAM answered.
pub fn apache(files: &Files, asks: &dyn Fn(&str) -> bool) -> Option<Finding> {
    let folder = Path::new(APACHE_FOLDER);
    let is_loaded = files.real(&folder.join("mods-enabled/authn_socache.load")).exists();
    if !is_loaded || !is_installed(files, &APACHE) {
        return None;
    }
    let directives = read(files, &folder.join("apache2.conf"), folder);
    let of = |name: &'static str| directives.iter().filter(move |one| one.name == name);
    let keeps = |provider: &str| {
        of("authncacheprovidefor").find(|one| one.words.iter().any(|word| word.eq_ignore_ascii_case(provider)))
    };
    let named = of("authpamservice").filter_map(|one| one.words.first()).find(|name| asks(name));
    let by_module = named.map(String::as_str).zip(keeps("pam"));
    let (service, line) = by_module.or_else(|| Some((PWAUTH, keeps("external")?)).filter(|_| asks(PWAUTH)))?;
    // Each place may say another time: the longest is told.
    let said = of("authncachetimeout").filter_map(|one| one.words.first()?.parse().ok());
    let what = messages::cached(service, "Apache", said.max().unwrap_or(APACHE_TTL), "AuthnCacheProvideFor");
    let remedy = messages::take_provider_out(&line.place);
    Some(Finding::warning("answers-cached", &line.place, what, remedy))
}

/// A time as Dovecot writes it: `1 hours`, `5 mins`, `30s`.
pub fn seconds(text: &str) -> Option<u64> {
    let unit = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let number = text.strip_suffix(unit)?.parse::<u64>().ok()?;
    let each = match unit.trim().chars().next() {
        None | Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86_400,
        Some('w') => 604_800,
        Some(_) => return None,
    };
    number.checked_mul(each)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn line(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn options_of_saslauthd_are_understood() {
        for (options, expected) in [
            ("-a pam -c -m /var/run/saslauthd -n 5", Some(28_800)),
            ("-apam -m /var/spool/postfix/var/run/saslauthd -c -t 600", Some(600)),
            ("-rct60 -a pam", Some(60)),
            ("-a pam -m /var/run/saslauthd", None),
            ("-a pam -r -m -c", None),
            ("-a pam -n5c", None),
            ("-a shadow -c", None),
        ] {
            assert_eq!(cache(&line(&format!("/usr/sbin/saslauthd {options}"))), expected, "{options}");
        }
    }

    #[test]
    fn saslauthd_counts_where_it_is_asked_about_a_service_that_asks() {
        let root = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let found = |service: &str, has_dovecot| {
            let started = [line("/usr/sbin/saslauthd -a pam -c")];
            saslauthd(&Files::below(root.path()), &started, has_dovecot, &|name| name == service)
        };
        assert!(found("imap", false).unwrap().what.contains("8 hours"));
        assert_eq!(found("imap", true), None, "Dovecot asks PAM itself");
        put("etc/default/saslauthd", "");
        assert!(found("smtp", true).unwrap().remedy.contains("OPTIONS in /etc/default/saslauthd"));
        put("etc/postfix/main.cf", "smtpd_sasl_type = dovecot\n");
        assert_eq!(found("smtp", true), None);
        assert_eq!(found("sshd", false), None);
    }

    #[test]
    fn apache_counts_where_it_keeps_answers_of_pam() {
        let root = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let found = || apache(&Files::below(root.path()), &|name| name == "web" || name == "pwauth");
        put("usr/sbin/apache2", "");
        put("etc/apache2/apache2.conf", "IncludeOptional mods-enabled/*.load\nIncludeOptional sites-enabled/*.conf\n");
        let site =
            "<Location /x>\nAuthPAMService web\nAuthBasicProvider socache PAM\nAuthnCacheProvideFor PAM\n</Location>\n";
        put("etc/apache2/sites-enabled/1.conf", site);
        assert_eq!(found(), None, "the module is not loaded");
        put("etc/apache2/mods-enabled/authn_socache.load", "LoadModule authn_socache_module x.so\n");
        let kept = found().unwrap();
        assert!(kept.what.starts_with("web: ") && kept.what.contains("5 minutes"), "{kept:?}");
        assert_eq!(kept.about, "/etc/apache2/sites-enabled/1.conf:4");
        put("etc/apache2/sites-enabled/1.conf", &site.replace("For PAM", "For dbd"));
        assert_eq!(found(), None);
        put("etc/apache2/sites-enabled/1.conf", "AuthnCacheProvideFor external\nAuthnCacheTimeout 7200");
        assert!(found().unwrap().what.contains("2 hours"));
    }

    #[test]
    fn times_are_understood() {
        let of = |text| seconds(text).unwrap();
        assert_eq!((of("1 hours"), of("5 mins"), of("30s"), of("7")), (3600, 300, 30, 7));
        assert_eq!(seconds("soon"), None);
    }
}
