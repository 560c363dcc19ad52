//! Stock stacks of five distributions: no false alarm, and the right place for the pam_twostep lines in each.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use host_check::Severity;
use host_check::apply::{AnswerForm, Keys, LineStyle, Unfit, edited};
use host_check::check::stacks::{Before, Service};
use pam_stacks::{Files, ManagementGroup};

const ALL: [&str; 7] =
    ["debian-12", "ubuntu-24.04", "fedora-42-local", "fedora-42-sssd", "arch", "alpine", "alpine-older"];

fn stock(name: &str) -> Files {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/stacks").join(name);
    let mut files = Files::below(Path::new("/nonexistent"));
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        files =
            files.with(&Path::new("/etc/pam.d").join(path.file_name().unwrap()), &fs::read_to_string(&path).unwrap());
    }
    files
}

/// What each distribution has.
const EVERYWHERE: [&str; 4] = ["sshd", "sudo", "su", "login"];

/// What asks for a password too, where it is there.
const HERE_AND_THERE: [&str; 12] = [
    "sudo-i",
    "su-l",
    "gdm-password",
    "lightdm",
    "sddm",
    "cockpit",
    "polkit-1",
    "vsftpd",
    "xrdp-sesman",
    "chfn",
    "chsh",
    "ppp",
];

/// The doors of a stack behind which the pam_twostep lines go.
fn doors(files: &Files) -> Vec<&'static str> {
    let services = files.services().into_iter().collect::<BTreeSet<_>>();
    EVERYWHERE.into_iter().chain(HERE_AND_THERE).filter(|name| services.contains(*name)).collect()
}

#[test]
fn stock_stacks_raise_no_alarm() {
    for name in ALL {
        let files = stock(name);
        assert!(doors(&files).starts_with(&EVERYWHERE), "{name}");
        for service in files.services() {
            assert_eq!(Service::new(&files, &service, Before::Nothing).findings(), [], "{name}: {service}");
            for phase in ManagementGroup::ALL {
                let stack = files.stack(&service, phase);
                assert!(stack.broken.is_none(), "{name}: {service}");
                assert!(stack.lines.iter().all(|line| line.mistake.is_none()), "{name}: {service}");
            }
        }
    }
}

#[test]
fn our_lines_fit_into_each_service_and_raise_no_alarm_there() {
    for name in ALL {
        let asking = [None, Some(Keys::WithCode), Some(Keys::Only)].map(|keys| (keys, AnswerForm::Question));
        let answering = [AnswerForm::OneAnswer, AnswerForm::AppPasswords].map(|form| (None, form));
        for (keys, form) in asking.into_iter().chain(answering) {
            for enrolls in [false, true] {
                let mut files = stock(name);
                for service in doors(&files) {
                    let keys = keys.filter(|_| service == "sshd");
                    let style = LineStyle { keys, enrolls, before: Before::Nothing, form, recent: None };
                    match edited(&files, service, style) {
                        Ok((path, text)) => files = files.with(&path, &text),
                        // It includes the one before.
                        Err(Unfit::HasOurs) if ["sudo-i", "su-l"].contains(&service) => {}
                        Err(why) => panic!("{name}: {service} {form:?}: {why:?}"),
                    }
                }
                for service in files.services() {
                    let findings = Service::new(&files, &service, Before::Nothing).findings();
                    let loud = findings.iter().filter(|one| one.severity > Severity::Notice).collect::<Vec<_>>();
                    assert!(loud.is_empty(), "{name}: {service} {form:?}: {loud:?}");
                }
            }
        }
    }
}

#[test]
fn our_lines_in_debians_shared_files_raise_no_alarm_in_any_service() {
    let stock = stock("debian-12");
    // As pam-auth-update writes what packaging/deb/twostep.pam-config says.
    let changed = |files: Files, name: &str, change: &dyn Fn(&str) -> String| {
        let path = Path::new("/etc/pam.d").join(name);
        let text = change(&files.text(&path).unwrap().unwrap());
        files.with(&path, &text)
    };
    let below = |text: &str| format!("{text}\nauth required pam_twostep.so after_first_step\n");
    let above = |text: &str| format!("account required pam_twostep.so\n{text}");
    let files = changed(changed(stock, "common-auth", &below), "common-account", &above);
    for service in files.services() {
        let findings = Service::new(&files, &service, Before::Nothing).findings();
        let loud = findings.iter().filter(|one| one.severity > Severity::Notice).map(|one| one.id).collect::<Vec<_>>();
        let expected: &[&str] = match service.as_str() {
            // A smart card gets past the password, and so past the shared file.
            "gdm-smartcard-sssd-or-password" => &["second-step-skipped-by-other-proof", "asked-in-vain"],
            // A line of their own refuses some users, and is `required`.
            "chsh" | "gdm-password" | "ppp" | "sddm" => &["asked-in-vain"],
            _ => &[],
        };
        assert_eq!(loud, expected, "{service}: {findings:?}");
    }
    assert!(files.services().len() > 25);
}
