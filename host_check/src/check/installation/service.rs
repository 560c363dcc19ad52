//! The service: its program, its sockets, and whether it answers.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use protocol::client::{self, ADMIN_SOCKET, CallError, LOGIN_SOCKET, PASSWORD_SOCKET, USER_SOCKET};
use protocol::request::{Request, Response};

use super::disk;
use super::mode::{MODE, described};
use crate::finding::Finding;
use crate::messages;

/// What systemd's directory says by being there: it runs the services of this host.
const SYSTEMD: &str = "/run/systemd/system";
/// What OpenRC starts.
const SCRIPT: &str = "/etc/init.d/twostepd";

/// What each socket of the service is, beside root's.
const SOCKETS: [(&str, u32); 3] = [(LOGIN_SOCKET, 0o600), (ADMIN_SOCKET, 0o600), (USER_SOCKET, 0o666)];
/// What systemd has beside them: elsewhere the service starts by itself what is behind it.
const OF_SYSTEMD: (&str, u32) = (PASSWORD_SOCKET, 0o600);

/// Root's processes execute it where the service does not answer.
pub fn program(program: &Path) -> Vec<Finding> {
    let path = program.display();
    let Ok(found) = fs::metadata(program) else {
        let what = messages::check_installation::service_missing(&path);
        return vec![Finding::error("service-missing", path, what, messages::check_installation::INSTALL_AGAIN)];
    };
    let mut findings = Vec::new();
    if !found.is_file() || found.uid() != 0 || found.mode() & 0o022 != 0 || found.mode() & 0o111 == 0 {
        let what = messages::check_installation::service_mode(&path, &described(&found));
        let remedy = format!("sudo chown root:root {path} && sudo chmod 0755 {path}");
        findings.push(Finding::error("service-mode", &path, what, remedy));
    }
    findings.extend(disk::of_program(program));
    findings
}

/// Whether the service answers, and at which sockets. Its answer to what root may not ask there is one, too.
pub fn sockets() -> Vec<Finding> {
    match client::call::<Response>(LOGIN_SOCKET, &Request::Status {}) {
        Ok(_) => expected(Path::new(SYSTEMD)).filter_map(|(path, mode)| socket(Path::new(path), mode)).collect(),
        Err(error) => vec![silent(&error)],
    }
}

fn expected(systemd: &Path) -> impl Iterator<Item = (&'static str, u32)> {
    SOCKETS.into_iter().chain(systemd.exists().then_some(OF_SYSTEMD))
}

fn silent(error: &CallError) -> Finding {
    let remedy = match error {
        CallError::NotThere { .. } => start(Path::new(SYSTEMD), Path::new(SCRIPT)),
        CallError::NotRoots { path, .. } => messages::check_installation::remove_and_start(path),
        CallError::Silent | CallError::Ended | CallError::TooLong | CallError::NotUnderstood => {
            messages::check_installation::RESTART_SERVICE.to_owned()
        }
    };
    let what = messages::check_installation::service_not_running(LOGIN_SOCKET);
    Finding::warning("service-not-running", LOGIN_SOCKET, what, remedy)
}

/// What starts it on this host.
fn start(systemd: &Path, script: &Path) -> String {
    if systemd.exists() {
        messages::check_installation::START_BY_SYSTEMD.to_owned()
    } else if script.exists() {
        messages::check_installation::START_BY_OPENRC.to_owned()
    } else {
        messages::check_installation::start_by_hand(client::PROGRAM)
    }
}

/// One that others made, that keeps users out, or that lets others speak where root does.
fn socket(path: &Path, mode: u32) -> Option<Finding> {
    let found = fs::symlink_metadata(path).ok();
    let is_right = |found: &fs::Metadata| {
        found.file_type().is_socket() && found.uid() == 0 && found.mode() & MODE & !0o111 == mode
    };
    if found.as_ref().is_some_and(is_right) {
        return None;
    }
    let is = found.as_ref().map_or_else(|| messages::check_installation::GONE.to_owned(), described);
    let what = messages::check_installation::socket_wrong(path.display(), &is, mode);
    Some(Finding::warning("service-socket", path.display(), what, messages::check_installation::RESTART_SOCKETS))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_program_that_is_missing_others_can_change_or_nobody_can_execute_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("twostepd");
        let ids = |findings: Vec<Finding>| findings.into_iter().map(|finding| finding.id).collect::<Vec<_>>();
        assert_eq!(ids(program(&path)), ["service-missing"]);
        fs::write(&path, "").unwrap();
        for mode in [0o775, 0o757, 0o644] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(ids(program(&path)), ["service-mode"], "{mode:o}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        let is_root = nix::unistd::geteuid().is_root();
        assert_eq!(program(&path).is_empty(), is_root, "of another owner it is another's");
    }

    #[test]
    fn a_socket_that_is_missing_or_has_another_mode_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("user.sock");
        assert!(socket(&path, 0o666).unwrap().what.contains("is missing"));
        fs::write(&path, "").unwrap();
        assert!(socket(&path, 0o666).is_some());
        fs::remove_file(&path).unwrap();
        let _listener = UnixListener::bind(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(socket(&path, 0o666).unwrap().what.contains("0600 and has to be root's, 0666"));
        assert_eq!(socket(&path, 0o600).is_none(), nix::unistd::geteuid().is_root());
    }

    #[test]
    fn what_starts_it_depends_on_the_host() {
        let folder = tempfile::tempdir().unwrap();
        let (systemd, script) = (folder.path().join("system"), folder.path().join("script"));
        assert!(start(&systemd, &script).contains("--listen"));
        fs::write(&script, "").unwrap();
        assert!(start(&systemd, &script).contains("rc-service"));
        assert!(expected(&systemd).all(|(path, _)| path != PASSWORD_SOCKET));
        fs::write(&systemd, "").unwrap();
        assert!(expected(&systemd).any(|(path, _)| path == PASSWORD_SOCKET));
        assert!(start(&systemd, &script).contains("systemctl start twostepd.socket"));
    }

    #[test]
    fn a_silent_service_is_restarted_and_one_of_somebody_elses_removed() {
        assert!(silent(&CallError::Silent).remedy.contains("restart twostepd"));
        let other = silent(&CallError::NotRoots { path: LOGIN_SOCKET.to_owned(), uid: 7 });
        assert!(other.remedy.contains("Remove /run/twostep/login.sock") && other.id == "service-not-running");
    }
}
