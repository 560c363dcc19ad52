//! From which login this process comes: what makes a confirmation worth something is that it was
//! typed in a session which began after the change.

use std::fs;
use std::process::{Command, Stdio};

/// Deeper than any session.
const DEEPEST: usize = 64;

/// A process among the parents.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parent {
    /// The name of its program.
    program: String,
    /// When it was started, in the kernel's ticks since boot (proc(5), /proc/PID/stat).
    started_at: u64,
}

/// The parents of a process, the nearest first.
#[derive(Debug)]
pub struct Lineage(Vec<Parent>);

/// What a lineage says of a change.
#[derive(Debug, PartialEq, Eq)]
pub enum LoginProof {
    /// It comes from a login of one of the changed services, made after the change.
    NewLogin(String),
    /// The login is older than the change.
    OldLogin(String),
    /// It comes from no login of a changed service.
    NoLogin,
}

impl Lineage {
    /// That of this process.
    pub fn own() -> Self {
        let mut parents = Vec::new();
        let mut id = std::process::id();
        while parents.len() < DEEPEST {
            let Some((parent, started_at)) = stat(id) else { break };
            if let Some(program) = program(id) {
                parents.push(Parent { program, started_at });
            }
            if parent <= 1 {
                break;
            }
            id = parent;
        }
        Self(parents)
    }

    /// Whether it proves that a changed service lets in. Of several sessions in each other the
    /// innermost counts: the terminal multiplexer of an old one is no new login.
    pub fn proves(&self, services: &[String], changed_at: u64) -> LoginProof {
        let services = proving(services);
        let is_login = |parent: &&Parent| services.iter().any(|service| logs_in(service, &parent.program));
        let Some(innermost) = self.0.iter().find(is_login) else { return LoginProof::NoLogin };
        // sshd's listener is no login: only what it started for one connection is.
        let name = innermost.program.clone();
        if innermost.started_at > changed_at { LoginProof::NewLogin(name) } else { LoginProof::OldLogin(name) }
    }
}

/// Those of the changed services by which a login proves something. Who is in already needs no door, so
/// sudo and su prove nothing of one; alone they prove themselves.
pub fn proving(services: &[String]) -> Vec<String> {
    let (inner, doors): (Vec<_>, Vec<_>) = services.iter().cloned().partition(|service| is_inner(service));
    if doors.is_empty() { inner } else { doors }
}

/// Whether a service only serves those who are in already.
pub fn is_inner(service: &str) -> bool {
    matches!(service, "sudo" | "sudo-i" | "su" | "su-l" | "runuser" | "polkit-1")
}

/// Now, as the kernel dates processes: by one that is started for it.
pub fn now_in_ticks() -> Option<u64> {
    let mut child = Command::new("true").env_clear().stdin(Stdio::null()).spawn().ok()?;
    let started = stat(child.id()).map(|(_, started_at)| started_at);
    let _ = child.wait();
    started
}

/// Whether this program makes sessions of this service.
fn logs_in(service: &str, program: &str) -> bool {
    match service {
        "sshd" => matches!(program, "sshd" | "sshd-session"),
        "su-l" | "su" => program == "su",
        "sudo" | "sudo-i" => program == "sudo",
        "login" | "remote" => program == "login",
        "gdm-password" => program.starts_with("gdm-session"),
        "cockpit" => program == "cockpit-session",
        other => program == other || program.starts_with(&format!("{other}-")),
    }
}

/// Its parent, and when it was started. The name in the second field may hold anything, so the
/// fields are counted from its closing bracket.
fn stat(id: u32) -> Option<(u32, u64)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let fields = text.rsplit_once(')')?.1.split_whitespace().collect::<Vec<_>>();
    Some((fields.get(1)?.parse().ok()?, fields.get(19)?.parse().ok()?))
}

/// By its file: a process may give itself any name.
fn program(id: u32) -> Option<String> {
    let path = fs::read_link(format!("/proc/{id}/exe")).ok()?;
    let name = path.file_name()?.to_str()?.to_owned();
    Some(name.strip_suffix(" (deleted)").unwrap_or(&name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lineage(parents: &[(&str, u64)]) -> Lineage {
        let parent =
            |(program, started_at): &(&str, u64)| Parent { program: (*program).to_owned(), started_at: *started_at };
        Lineage(parents.iter().map(parent).collect())
    }

    fn proves(parents: &[(&str, u64)], services: &[&str]) -> LoginProof {
        let services = services.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        lineage(parents).proves(&services, 1000)
    }

    #[test]
    fn a_session_that_began_after_the_change_proves_it() {
        let session = [("twostep", 1300), ("sudo", 1290), ("bash", 1200), ("sshd", 1200), ("sshd", 1190), ("sshd", 10)];
        assert_eq!(proves(&session, &["sshd"]), LoginProof::NewLogin("sshd".to_owned()));
        assert_eq!(proves(&session, &["sudo"]), LoginProof::NewLogin("sudo".to_owned()));
        assert_eq!(proves(&session, &["login"]), LoginProof::NoLogin);
    }

    #[test]
    fn the_session_that_made_the_change_does_not() {
        let session = [("twostep", 1300), ("sudo", 1290), ("bash", 900), ("sshd", 900), ("sshd", 10)];
        assert_eq!(proves(&session, &["sshd"]), LoginProof::OldLogin("sshd".to_owned()));
        let multiplexer = [("twostep", 1300), ("bash", 1250), ("tmux: server", 800), ("systemd", 1)];
        assert_eq!(proves(&multiplexer, &["sshd"]), LoginProof::NoLogin);
    }

    #[test]
    fn sudo_in_an_old_session_proves_sudo_and_no_door() {
        let session = [("twostep", 1300), ("sudo", 1290), ("bash", 900), ("sshd", 900), ("sshd", 10)];
        assert_eq!(proves(&session, &["sudo", "sudo-i"]), LoginProof::NewLogin("sudo".to_owned()));
        assert_eq!(proves(&session, &["sshd", "sudo", "sudo-i"]), LoginProof::OldLogin("sshd".to_owned()));
        assert_eq!(proves(&session, &["login", "su"]), LoginProof::NoLogin);
    }

    #[test]
    fn this_process_has_parents() {
        assert!(Lineage::own().0.len() > 1);
        assert!(
            Lineage::own().0.iter().all(|parent| parent.started_at <= crate::apply::journal::hundredths_since_boot())
        );
    }
}
