use std::path::Path;

use pam_stacks::Files;
use twostep_core::username::Person;

use super::*;
use crate::host::scripted::host;

const SUDO: &str = "auth requisite pam_unix.so\nauth required pam_twostep.so after_first_step\n\
                    account required pam_unix.so\naccount required pam_twostep.so";

fn rehearsed(policy: &str, stack: &str, service: &str, from: Option<&str>) -> Rehearsal {
    let (host, _folder) = host(&format!("version = 1\n[policy]\n{policy}\n"));
    let files = Files::below(Path::new("/nonexistent")).with(Path::new("/etc/pam.d/sudo"), stack);
    let person = Person::lookup("root").unwrap().unwrap();
    Visitors { host: &host, files: &files, person: &person, service, from }.rehearse_of(&UserState::default())
}

fn ends(policy: &str, stack: &str) -> (Ends, String) {
    let rehearsal = rehearsed(policy, stack, "sudo", Some("203.0.113.7"));
    let policy = rehearsal.steps.into_iter().find(|step| step.at == "policy").unwrap();
    (rehearsal.ends, policy.what)
}

#[test]
fn each_rule_of_policy_is_told() {
    for (policy, expected) in [
        ("", "they have not enrolled"),
        ("exempt_users = [\"root\"]", "exempt_users names them"),
        ("required = true\nexempt_services = [\"sudo\"]", "exempt_services names this service"),
        ("required = true\nexempt_networks = [\"203.0.113.0/24\"]", "exempt_networks holds this address"),
        ("required = true\nsince = 2999-01-01T00:00:00Z", "it is required from 2999-01-01"),
    ] {
        let (ends, what) = ends(policy, SUDO);
        assert!(ends == Ends::InWithoutCode && what.contains(expected), "{policy}: {what}");
    }
}

#[test]
fn who_must_have_enrolled_is_refused_or_enrolls_there() {
    assert_eq!(ends("required = true", SUDO).0, Ends::Refused);
    let on_one_line = SUDO.replace("after_first_step", "after_first_step enroll");
    let enrolls = format!("{on_one_line} enroll");
    assert_eq!(ends("required = true\nafter_grace = \"enroll\"", &on_one_line).0, Ends::Refused);
    assert_eq!(ends("required = true", &enrolls).0, Ends::Refused);
    assert_eq!(ends("required = true\nafter_grace = \"enroll\"", &enrolls).0, Ends::InByEnrolling);
}

#[test]
fn a_stack_that_does_not_ask_or_refuses_is_told() {
    let past = "auth sufficient pam_unix.so\nauth required pam_twostep.so\naccount required pam_permit.so";
    let rehearsal = rehearsed("required = true", past, "sudo", None);
    assert!(
        rehearsal.ends == Ends::InWithoutCode && rehearsal.outcome.contains("no pam_twostep line"),
        "{rehearsal:?}"
    );
    assert_eq!(ends("", "@include nowhere").0, Ends::Refused);
    assert_eq!(ends("", "auth required pam_deny.so").0, Ends::Refused);
    assert_eq!(rehearsed("", SUDO, "gone", None).ends, Ends::Refused);
}

#[test]
fn each_line_that_runs_is_a_step() {
    let steps = rehearsed("", SUDO, "sudo", None).steps.into_iter().map(|step| step.at).collect::<Vec<_>>();
    let expected = [
        "policy",
        "auth /etc/pam.d/sudo:1",
        "auth /etc/pam.d/sudo:2",
        "account /etc/pam.d/sudo:3",
        "account /etc/pam.d/sudo:4",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn the_password_is_right_where_it_is_asked_first() {
    let account = "account required pam_permit.so";
    let ends = |auth: &str| {
        let policy = "required = true\nsince = 2999-01-01T00:00:00Z";
        let rehearsal = rehearsed(policy, &format!("{auth}\n{account}"), "sudo", None);
        (rehearsal.outcome.contains("no pam_twostep line"), rehearsal.ends)
    };
    let ours = "auth requisite pam_unix.so\nauth required pam_twostep.so";
    assert_eq!(ends(ours), (false, Ends::InWithoutCode));
    // It ends the stack, whatever stands below it.
    assert_eq!(ends(&format!("auth sufficient pam_unix.so\n{ours}")), (true, Ends::InWithoutCode));
    // Neither a finger nor a condition is taken for granted.
    assert_eq!(ends(&format!("auth sufficient pam_fprintd.so\n{ours}")), (false, Ends::InWithoutCode));
    let robots = "auth sufficient pam_succeed_if.so user ingroup robots";
    assert_eq!(ends(&format!("{robots}\n{ours}")), (false, Ends::InWithoutCode));
}
