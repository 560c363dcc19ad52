//! Which services ask for the code, and which do not although people log in by them.

use pam_stacks::Files;

use super::service::{Before, Service};
use crate::finding::Finding;
use crate::messages;

/// By these people become somebody too, beside the services that the configuration calls interactive.
const ALSO_FOR_PEOPLE: [&str; 7] = ["polkit-1", "doas", "remote", "xdm", "lxdm", "greetd", "ly"];

/// Services that belong to people's own sessions, and of which nobody is asked about.
const OF_SESSIONS: [&str; 9] =
    ["chsh", "chfn", "passwd", "cron", "crond", "atd", "xscreensaver", "kde", "systemd-user"];

/// Whether people use it themselves, so that no program has a password for it.
pub fn is_for_people(service: &str) -> bool {
    ALSO_FOR_PEOPLE.contains(&service) || OF_SESSIONS.contains(&service)
}

/// Why the programs of a service cannot ask for a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannotAsk {
    /// They hand over one password, and answer every question with it.
    OnePassword,
    /// They judge the password themselves.
    NoAuthPhase,
}

impl CannotAsk {
    /// What is known of the programs of this service.
    pub fn of(service: &str) -> Option<Self> {
        match service {
            "samba" => Some(Self::NoAuthPhase),
            _ => ONE_PASSWORD.contains(&service).then_some(Self::OnePassword),
        }
    }
}

/// Servers and screen lockers that hand over one password.
const ONE_PASSWORD: [&str; 34] = [
    "dovecot",
    "imap",
    "imaps",
    "pop",
    "pop3",
    "smtp",
    "smtpd",
    "exim",
    "exim4",
    "cyrus",
    "sieve",
    "vsftpd",
    "proftpd",
    "pure-ftpd",
    "ftp",
    "sftp",
    "cups",
    "squid",
    "ppp",
    "openvpn",
    "radiusd",
    "freeradius",
    "xrdp-sesman",
    "httpd",
    "apache2",
    "nginx",
    "pwauth",
    "postgresql",
    "mysql",
    "mariadb",
    "saslauthd",
    "submission",
    "swaylock",
    "i3lock",
];

/// Which services are to ask.
pub struct Wanted<'a> {
    /// Those by which people log in.
    pub interactive: &'a [String],
    /// Those at which nobody is asked, by the configuration.
    pub exempt: &'a [String],
    /// Whether the second step is required of somebody.
    pub is_required: bool,
}

/// Services that should have a pam_twostep line and have none.
pub fn coverage(files: &Files, wanted: &Wanted<'_>) -> Vec<Finding> {
    let services = files.services();
    let is_covered = |name: &str| {
        let service = Service::new(files, name, Before::Nothing);
        service.has_second_step() || service.means_us()
    };
    let covered = services.iter().filter(|name| is_covered(name)).collect::<Vec<_>>();
    if covered.is_empty() {
        return vec![Finding::notice(
            "no-service-asks",
            "PAM",
            messages::check_stacks::NO_SERVICE,
            messages::check_stacks::APPLY_FIRST,
        )];
    }
    let is_meant = |name: &&String| !wanted.exempt.contains(name);
    let is_for_people = |name: &&String| wanted.interactive.contains(name) || ALSO_FOR_PEOPLE.contains(&name.as_str());
    let people = services.iter().filter(is_for_people).filter(is_meant);
    let bare = people.filter(|name| !covered.contains(name)).map(String::as_str).collect::<Vec<_>>();
    let mut findings = uncovered(&bare, wanted).into_iter().collect::<Vec<_>>();
    let asking = covered.into_iter().filter(is_meant).map(String::as_str).collect::<Vec<_>>();
    findings.extend(mute(files, &asking));
    findings.extend(one_file(files));
    findings
}

fn uncovered(names: &[&str], wanted: &Wanted<'_>) -> Option<Finding> {
    let (who, ask) = subject(names)?;
    let what = messages::check_stacks::uncovered(&who, ask);
    let remedy = messages::check_stacks::apply_or_exempt(&names.join(" "));
    let about = names.join(", ");
    Some(if wanted.is_required {
        Finding::warning("service-without-second-step", about, what, remedy)
    } else {
        Finding::notice("service-without-second-step", about, what, remedy)
    })
}

/// Services that ask for a code, and whose programs have no way to.
fn mute(files: &Files, covered: &[&str]) -> Option<Finding> {
    let takes_one = |name: &str| Service::new(files, name, Before::Nothing).takes_one_answer();
    let names =
        covered.iter().filter(|name| CannotAsk::of(name).is_some() && !takes_one(name)).copied().collect::<Vec<_>>();
    let (who, verb) = subject(&names)?;
    Some(Finding::warning(
        "service-cannot-ask",
        names.join(", "),
        messages::check_stacks::mute(&who, verb),
        messages::check_stacks::APP_PASSWORDS_THERE,
    ))
}

/// Names as the subject of a sentence, with what they do.
fn subject(names: &[&str]) -> Option<(String, &'static str)> {
    let (last, before) = names.split_last()?;
    Some(if before.is_empty() {
        ((*last).to_owned(), "asks")
    } else {
        (format!("{} and {last}", before.join(", ")), "ask")
    })
}

/// libpam does not read it where there is a folder.
fn one_file(files: &Files) -> Option<Finding> {
    let path = std::path::Path::new(pam_stacks::ONE_FILE);
    let text = files.text(path).ok()??;
    let names_us = text.lines().any(|line| !line.trim_start().starts_with('#') && line.contains("pam_twostep"));
    (files.has_folder() && names_us).then(|| {
        Finding::warning(
            "pam-conf-not-read",
            path.display(),
            messages::check_stacks::ONE_FILE_UNREAD,
            messages::check_stacks::WRITE_INTO_FOLDER,
        )
    })
}
