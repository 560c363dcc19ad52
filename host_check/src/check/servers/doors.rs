//! Programs that let people in and have PAM judge no login.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::check::processes::of_this_host;
use crate::finding::Finding;
use crate::messages::check_servers as messages;

/// A program that listens.
struct Door {
    /// The name of its program, and of its unit.
    program: &'static str,
    name: &'static str,
    /// Whether some builds have PAM judge logins: those that are linked with it.
    may_ask: bool,
    remedy: &'static str,
}

const DOORS: [Door; 3] = [
    Door { program: "dropbear", name: "Dropbear", may_ask: true, remedy: messages::SSHD_IN_ITS_PLACE },
    Door { program: "tinysshd", name: "TinySSH", may_ask: false, remedy: messages::SSHD_IN_ITS_PLACE },
    Door { program: "smbd", name: "Samba", may_ask: false, remedy: messages::FEWER_NETWORKS },
];

/// Sockets that systemd listens at for a program.
const SOCKET_UNITS: &str = "/etc/systemd/system/sockets.target.wants";

/// Where ksu is, and the key of the host without which it lets nobody in.
const KSU: [&str; 2] = ["/usr/bin/ksu", "/usr/bin/ksu.mit"];
const KEYTAB: &str = "/etc/krb5.keytab";

const SETUID: u32 = 0o4000;

/// Those of this host that are open.
pub fn findings() -> Vec<Finding> {
    let ports = listening();
    let mut findings = ksu(&KSU, Path::new(KEYTAB)).into_iter().collect::<Vec<_>>();
    let mut programs: BTreeMap<&str, BTreeSet<u16>> = BTreeMap::new();
    for process in of_this_host() {
        let Some(door) = door(&process) else { continue };
        programs.entry(door.program).or_default().extend(held(&process).filter_map(|inode| ports.get(&inode)));
    }
    for door in &DOORS {
        let ports = programs.get(door.program).filter(|ports| !ports.is_empty());
        let unit = Path::new(SOCKET_UNITS).join(format!("{}.socket", door.program));
        let at = match ports {
            Some(ports) => messages::at_ports(ports),
            None if unit.exists() => messages::at_unit(door.program),
            None => continue,
        };
        findings.push(Finding::warning(
            "door-without-pam",
            door.program,
            messages::door_without_pam(door.name, &at),
            format!("{} (systemctl disable --now {}).", door.remedy, door.program),
        ));
    }
    findings
}

/// Which of them a process is.
fn door(process: &Path) -> Option<&'static Door> {
    let program = fs::read_link(process.join("exe")).ok()?;
    let name = program.file_name()?.to_str()?.trim_end_matches(" (deleted)");
    let door = DOORS.iter().find(|door| door.program == name)?;
    (!door.may_ask || !is_linked(&process.join("exe"))).then_some(door)
}

/// Whether it is linked with PAM.
fn is_linked(program: &Path) -> bool {
    let name = b"libpam.so";
    fs::read(program).is_ok_and(|bytes| bytes.windows(name.len()).any(|window| window == name))
}

/// The sockets that a process has open, by their inodes.
fn held(process: &Path) -> impl Iterator<Item = u64> + use<> {
    let links = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    links.filter_map(|link| {
        let target = fs::read_link(link.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    })
}

/// The ports at which somebody listens, by the inodes of the sockets (proc_pid_net(5)).
fn listening() -> BTreeMap<u64, u16> {
    let tables =
        ["/proc/self/net/tcp", "/proc/self/net/tcp6"].into_iter().filter_map(|path| fs::read_to_string(path).ok());
    tables.flat_map(|table| table.lines().filter_map(listener).collect::<Vec<_>>()).collect()
}

/// State 0A of a line is LISTEN.
fn listener(line: &str) -> Option<(u64, u16)> {
    let words = line.split_whitespace().collect::<Vec<_>>();
    let (local, state, inode) = (words.get(1)?, words.get(3)?, words.get(9)?);
    let port = u16::from_str_radix(local.rsplit(':').next()?, 16).ok()?;
    (*state == "0A").then_some((inode.parse().ok()?, port))
}

/// ksu, which Kerberos' tickets and the `.k5login` of root open. It lets in only with the key of this host.
fn ksu(paths: &[&str], keytab: &Path) -> Option<Finding> {
    let is_setuid = |path: &&&str| fs::metadata(path).is_ok_and(|found| found.permissions().mode() & SETUID != 0);
    let path = paths.iter().find(is_setuid).filter(|_| keytab.is_file())?;
    Some(Finding::warning("door-without-pam", path, messages::KSU, format!("sudo chmod u-s {path}")))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn who_listens_is_known_by_what_the_process_has_open() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let ports = listening();
        assert!(held(Path::new("/proc/self")).filter_map(|inode| ports.get(&inode)).any(|known| *known == port));
        drop(socket);
        let established = "0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000 0 0 77 1";
        assert_eq!(listener(established), None);
        assert_eq!(listener(&established.replace(" 01 ", " 0A ")), Some((77, 8080)));
    }

    #[test]
    fn ksu_counts_where_it_has_roots_rights_and_the_key_of_the_host() {
        let folder = tempfile::tempdir().unwrap();
        let (program, keytab) = (folder.path().join("ksu"), folder.path().join("keytab"));
        fs::write(&program, "").unwrap();
        let found = || ksu(&[program.to_str().unwrap()], &keytab).is_some();
        let mode = |mode| fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o4755);
        assert!(!found());
        fs::write(&keytab, "").unwrap();
        assert!(found());
        mode(0o755);
        assert!(!found());
    }

    #[test]
    fn a_program_that_is_linked_with_pam_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("dropbear");
        fs::write(&program, b"\0libpam.so.0\0libc.so.6\0").unwrap();
        assert!(is_linked(&program));
        fs::write(&program, b"\0libc.so.6\0").unwrap();
        assert!(!is_linked(&program));
    }
}
