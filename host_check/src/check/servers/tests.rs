use std::fs;
use std::os::unix::fs::symlink;

use pam_stacks::Files;
use tempfile::TempDir;

use super::*;
use crate::finding::Severity;

const ASKS: &str = "auth requisite pam_unix.so\nauth required pam_twostep.so\n";
const GLOBAL: &str = "<Global>\nAuthOrder mod_auth_pam.c* mod_auth_unix.c\n</Global>\n";

/// A host with these programs, and services that ask.
struct Root(TempDir);

impl Root {
    fn new(programs: &[&str], services: &[&str]) -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        programs.iter().for_each(|path| root.put(path, ""));
        services.iter().for_each(|name| root.put(&format!("etc/pam.d/{name}"), ASKS));
        root
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn files(&self) -> Files {
        Files::below(self.0.path())
    }

    fn found(&self) -> Vec<(Severity, &'static str, String)> {
        check(&self.files())
            .into_iter()
            .map(|one| (one.severity, one.id, format!("{} {} {}", one.about, one.what, one.remedy)))
            .collect()
    }

    fn ids(&self) -> Vec<&'static str> {
        self.found().into_iter().map(|(_, id, _)| id).collect()
    }
}

fn proftpd(text: &str) -> Root {
    let root = Root::new(&["usr/sbin/proftpd"], &["proftpd"]);
    root.put("etc/proftpd/proftpd.conf", &format!("UseReverseDNS off\n{text}"));
    root
}

#[test]
fn proftpd_without_an_order_asks_the_shadow_file() {
    let found = proftpd("Include /etc/proftpd/conf.d/").found();
    let [(severity, id, text)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((*severity, *id), (Severity::Error, "password-beside-pam"));
    assert!(text.contains("/etc/shadow") && text.contains("AuthOrder mod_auth_pam.c* mod_auth_unix.c"), "{text}");
}

#[test]
fn an_order_counts_by_the_star_behind_pam() {
    for (order, expected) in [
        ("mod_auth_pam.c* mod_auth_unix.c", ""),
        ("mod_auth_unix.c mod_auth_pam.c*", ""),
        ("mod_auth_pam.c", ""),
        ("mod_auth_pam.c mod_auth_unix.c", "/etc/shadow"),
        ("mod_auth_pam.c mod_sql.c", "asks mod_sql.c when"),
        ("mod_auth_unix.c", "does not ask PAM"),
    ] {
        let found = proftpd(&format!("AuthOrder {order}\n")).found();
        assert_eq!(found.is_empty(), expected.is_empty(), "{order}: {found:?}");
        assert!(
            found.iter().all(|(_, _, text)| text.contains(expected) && text.contains("proftpd.conf:2")),
            "{found:?}"
        );
    }
}

#[test]
fn an_order_in_an_included_file_or_for_all_counts() {
    let root = proftpd("Include /etc/proftpd/conf.d/\n<VirtualHost 192.0.2.1>\nPort 2121\n</VirtualHost>\n");
    root.put("etc/proftpd/conf.d/own.conf", GLOBAL);
    assert_eq!(root.ids(), [""; 0]);
    root.put("etc/proftpd/conf.d/own.conf", &GLOBAL.replace("c*", "c"));
    assert!(root.found()[0].2.contains("conf.d/own.conf:2"));
}

#[test]
fn a_virtual_host_does_not_have_the_order_of_the_main_server() {
    let host = "<VirtualHost 192.0.2.1>\nPort 2121\n</VirtualHost>\n";
    let order = "AuthOrder mod_auth_pam.c* mod_auth_unix.c\n";
    let found = proftpd(&format!("{order}{host}")).found();
    assert!(found.len() == 1 && found[0].2.contains("no AuthOrder for <VirtualHost 192.0.2.1>"), "{found:?}");
    assert_eq!(proftpd(host).found().len(), 1, "one line is missing");
    let own = host.replace("Port", &format!("{order}Port"));
    assert_eq!(proftpd(&format!("{order}{own}")).ids(), [""; 0]);
}

#[test]
fn a_server_whose_pam_is_off_or_by_another_service_is_known() {
    assert!(
        proftpd(&format!("AuthPAM off\n{GLOBAL}")).found()[0]
            .2
            .contains("Write `AuthPAM on` in /etc/proftpd/proftpd.conf:2")
    );
    assert_eq!(proftpd("AuthPAMConfig elsewhere\n").ids(), [""; 0], "nobody is asked there");
    let uninstalled = Root::new(&[], &["proftpd"]);
    uninstalled.put("etc/proftpd/proftpd.conf", "");
    assert_eq!(uninstalled.ids(), [""; 0]);
    let unasked = Root::new(&["usr/sbin/proftpd"], &["sshd"]);
    unasked.put("etc/proftpd/proftpd.conf", "");
    unasked.put("etc/pam.d/proftpd", "auth required pam_unix.so\n");
    assert_eq!(unasked.ids(), [""; 0]);
}

#[test]
fn a_server_that_tells_names_is_found() {
    let root = proftpd(GLOBAL);
    root.put("etc/proftpd/proftpd.conf", GLOBAL);
    assert_eq!(root.found()[0].1, "address-is-a-name");
    assert!(root.found()[0].2.contains("UseReverseDNS off"));
    let cups = Root::new(&["usr/sbin/cupsd"], &["cups"]);
    for (text, expected) in [("HostNameLookups Off\n", 0), ("HostNameLookups Double\n", 1), ("", 0)] {
        cups.put("etc/cups/cupsd.conf", text);
        assert_eq!(cups.ids().len(), expected, "{text}");
    }
}

/// Debian's files: each link leads to a setting.
fn pure_ftpd(unix: &str, pam: &str) -> Root {
    let root = Root::new(&["usr/sbin/pure-ftpd-wrapper"], &["pure-ftpd"]);
    root.put("etc/pure-ftpd/conf/UnixAuthentication", unix);
    root.put("etc/pure-ftpd/conf/PAMAuthentication", pam);
    fs::create_dir(root.0.path().join("etc/pure-ftpd/auth")).unwrap();
    for (link, name) in [("65unix", "UnixAuthentication"), ("70pam", "PAMAuthentication")] {
        symlink(format!("../conf/{name}"), root.0.path().join("etc/pure-ftpd/auth").join(link)).unwrap();
    }
    root
}

#[test]
fn pure_ftpd_is_known_by_its_links() {
    assert_eq!(pure_ftpd("no\n", "yes\n").ids(), [""; 0], "as Debian has it");
    let both = pure_ftpd("# on\nyes\n", "yes\n").found();
    assert!(both.len() == 1 && both[0].2.contains("auth/65unix") && both[0].2.contains("beside PAM"), "{both:?}");
    let alone = pure_ftpd("yes\n", "no\n").found();
    assert!(alone.len() == 1 && alone[0].2.contains("and not PAM"), "{alone:?}");
    let root = pure_ftpd("no\n", "yes\n");
    root.put("etc/pure-ftpd/conf/PureDB", "/etc/pure-ftpd/pureftpd.pdb\n");
    symlink("../conf/PureDB", root.0.path().join("etc/pure-ftpd/auth/50pure")).unwrap();
    assert!(root.found()[0].2.contains("PureDB"));
}

#[test]
fn a_rehearsal_hears_of_the_same() {
    assert!(beside(&proftpd("").files(), "proftpd")[0].contains("/etc/shadow"));
    assert_eq!(beside(&proftpd(GLOBAL).files(), "proftpd"), [""; 0]);
    assert_eq!(beside(&proftpd("").files(), "sshd"), [""; 0]);
}
