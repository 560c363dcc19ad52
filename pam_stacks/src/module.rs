//! Modules, and what is known of what they do in the auth phase.

use twostep_core::options::{OptionError, Options};

/// A module in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// As the line names it.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Whether the line begins with a dash: a missing module is not logged then.
    pub is_quiet: bool,
}

/// This project's, without the ending.
const OURS: &str = "pam_twostep";

/// What a module is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleKind {
    /// It is this project's.
    Ours,
    /// Always success.
    Permit,
    /// Always failure.
    Deny,
    /// Success for root, who may become anyone.
    Root,
    /// It holds the password against a user database.
    Password,
    /// It proves who somebody is in another way: by a finger, a token, an agent.
    OtherProof,
    /// It decides by a condition: of the user, the place, the time. Lines jump by it.
    Condition,
    /// It lets through or refuses: no logins now, an expired shell, too many failures.
    Guard,
    /// It proves nothing: it sets up, waits, tells.
    Service,
    /// Not known here. It may prove something.
    Unknown,
}

impl Module {
    /// Its name without folder and ending.
    pub fn stem(&self) -> &str {
        let file = self.name.rsplit('/').next().unwrap_or_default();
        file.strip_suffix(".so").unwrap_or(file)
    }

    /// Whether it is this project's.
    pub fn is_ours(&self) -> bool {
        self.stem() == OURS
    }

    /// Whether its name is this project's with a mistake in it.
    pub fn is_nearly_ours(&self) -> bool {
        let file = self.name.rsplit('/').next().unwrap_or_default();
        let letters = |text: &str| {
            let letters = text.trim_end_matches(".so").chars().filter(char::is_ascii_alphanumeric);
            letters.map(|letter| letter.to_ascii_lowercase()).collect::<Vec<_>>()
        };
        let (name, ours) = (letters(file), letters(OURS));
        let has_it = name.windows(ours.len() - 3).any(|part| ours.ends_with(part));
        !self.is_ours() && (has_it || distance(&name, &ours) <= 2)
    }

    /// What its line asks of it, if it is this project's.
    ///
    /// # Errors
    /// The option at which each login stops.
    pub fn options(&self) -> Result<Options, OptionError> {
        let arguments = self.arguments.iter().map(|argument| argument.as_bytes().to_vec()).collect::<Vec<_>>();
        Options::parse(&arguments)
    }

    /// Whether it has no word on those who are not in its list: pam_sepermit(8), under both its names.
    pub fn is_for_listed_users(&self) -> bool {
        matches!(self.stem(), "pam_sepermit" | "pam_selinux_permit")
    }

    /// Whether it goes by the files that nologin(5) names.
    pub fn is_nologin(&self) -> bool {
        self.stem() == "pam_nologin" && !self.arguments.iter().any(|word| word.starts_with("file="))
    }

    /// Whether it asks for the password although a module before it has left one. pam_unix takes that one.
    pub fn asks_again(&self) -> bool {
        let takes = |word: &String| matches!(word.as_str(), "use_first_pass" | "try_first_pass");
        matches!(self.stem(), "pam_sss" | "pam_krb5" | "pam_ldap" | "pam_winbind") && !self.arguments.iter().any(takes)
    }

    /// Whether it asks for a second step: a code, or a touch of a key.
    pub fn is_second_step(&self) -> bool {
        matches!(
            self.stem(),
            "pam_google_authenticator" | "pam_oath" | "pam_u2f" | "pam_yubico" | "pam_duo" | "pam_otpw" | "pam_sotp"
        )
    }

    /// What it is there for, by its name.
    pub fn kind(&self) -> ModuleKind {
        match self.stem() {
            OURS => ModuleKind::Ours,
            // It proves a smart card then.
            "pam_sss" if self.arguments.iter().any(|word| word.ends_with("_cert_auth")) => ModuleKind::OtherProof,
            // It forgets failures, and refuses nobody.
            "pam_faillock" if self.arguments.iter().any(|word| word == "authsucc") => ModuleKind::Service,
            "pam_permit" => ModuleKind::Permit,
            "pam_deny" => ModuleKind::Deny,
            "pam_rootok" => ModuleKind::Root,
            "pam_unix" | "pam_unix_auth" | "pam_sss" | "pam_ldap" | "pam_krb5" | "pam_winbind" | "pam_systemd_home"
            | "pam_userdb" | "pam_pwdfile" | "pam_mysql" | "pam_pgsql" | "pam_radius_auth" | "pam_tcb"
            | "pam_tacplus" | "pam_himmelblau" | "pam_kanidm" | "pam_authd" => ModuleKind::Password,
            "pam_fprintd"
            | "pam_u2f"
            | "pam_ssh_agent_auth"
            | "pam_sss_gss"
            | "pam_pkcs11"
            | "pam_p11"
            | "pam_yubico"
            | "pam_howdy"
            | "pam_rhosts"
            | "pam_rhosts_auth"
            | "pam_google_authenticator"
            | "pam_oath"
            | "pam_otpw"
            | "pam_sotp"
            | "pam_duo"
            | "pam_usb" => ModuleKind::OtherProof,
            "pam_succeed_if" | "pam_access" | "pam_localuser" | "pam_usertype" | "pam_wheel" | "pam_listfile"
            | "pam_time" | "pam_issue" | "pam_debug" => ModuleKind::Condition,
            _ if self.is_for_listed_users() => ModuleKind::Condition,
            "pam_nologin" | "pam_securetty" | "pam_shells" | "pam_faillock" | "pam_tally2" | "pam_tally"
            | "pam_abl" | "pam_lastlog" => ModuleKind::Guard,
            "pam_env"
            | "pam_faildelay"
            | "pam_cap"
            | "pam_group"
            | "pam_mount"
            | "pam_ecryptfs"
            | "pam_fscrypt"
            | "pam_gnome_keyring"
            | "pam_kwallet"
            | "pam_kwallet5"
            | "pam_echo"
            | "pam_warn"
            | "pam_motd"
            | "pam_limits"
            | "pam_keyinit"
            | "pam_selinux"
            | "pam_afs_session"
            | "pam_cockpit_cert"
            | "pam_ssh_add"
            | "pam_reauthorize"
            | "pam_umask"
            | "pam_loginuid"
            | "pam_systemd"
            | "pam_systemd_loadkey"
            | "pam_setquota"
            | "pam_encfs" => ModuleKind::Service,
            _ => ModuleKind::Unknown,
        }
    }
}

/// How many letters are more, fewer or other ones.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row = (0..=other.len()).collect::<Vec<_>>();
    for (above, letter) in one.iter().enumerate() {
        let mut next = vec![above + 1];
        for ((replaced, removed), wanted) in row.iter().zip(row.iter().skip(1)).zip(other) {
            let added = next.last().copied().unwrap_or_default();
            next.push((replaced + usize::from(letter != wanted)).min(removed + 1).min(added + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_known_by_its_name_wherever_it_lies() {
        let named = |name: &str| Module { name: name.to_owned(), arguments: Vec::new(), is_quiet: false };
        for name in ["pam_twostep.so", "/usr/lib/security/pam_twostep.so", "pam_twostep"] {
            assert!(named(name).is_ours(), "{name}");
        }
        assert!(!named("pam_twostep.so.bak").is_ours());
        assert_eq!(named("/lib/security/pam_unix.so").kind(), ModuleKind::Password);
        assert_eq!(named("pam_my_own.so").kind(), ModuleKind::Unknown);
    }
    #[test]
    fn a_name_with_a_mistake_is_nearly_ours() {
        let named = |name: &str| Module { name: name.to_owned(), arguments: Vec::new(), is_quiet: false };
        for name in [
            "pam_two_step.so",
            "pam-twostep.so",
            "libpam_twostep.so",
            "pam_twostp.so",
            "pam_towstep.so",
            "pam_twostep.so\r",
            "pam_twosteps.so",
        ] {
            assert!(named(name).is_nearly_ours(), "{name:?}");
        }
        for name in ["pam_twostep.so", "pam_unix.so", "pam_motd.so", "pam_env.so", "pam_access.so", "pam_time.so"] {
            assert!(!named(name).is_nearly_ours(), "{name}");
        }
    }
}
