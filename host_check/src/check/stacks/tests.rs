use std::io::Read;
use std::path::{Path, PathBuf};

use pam_stacks::Files;

use super::*;
use crate::finding::Severity;

/// Debian's, as pam-auth-update writes them.
const COMMON_AUTH: &str = "auth [success=1 default=ignore] pam_unix.so nullok\n\
                           auth requisite pam_deny.so\nauth required pam_permit.so\nauth optional pam_cap.so";
const COMMON_ACCOUNT: &str = "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n\
                              account requisite pam_deny.so\naccount required pam_permit.so";
const ACCOUNT: &str = "account required pam_twostep.so\n@include common-account\n";

fn files(texts: &[(&str, &str)]) -> Files {
    let empty = ["common-session", "common-session-noninteractive", "common-password"].map(|name| (name, ""));
    let debian = [&[("common-auth", COMMON_AUTH), ("common-account", COMMON_ACCOUNT)][..], &empty[..]].concat();
    let nowhere = Files::below(Path::new("/nonexistent"));
    let all = debian.iter().chain(texts);
    all.fold(nowhere, |files, (name, text)| files.with(&Path::new("/etc/pam.d").join(name), text))
}

fn found(files: &Files, before: Before) -> Vec<(Severity, &'static str)> {
    let findings = Service::new(files, "sshd", before).findings();
    findings.into_iter().map(|finding| (finding.severity, finding.id)).collect()
}

/// What is found in a service with these auth lines and the right account lines.
fn auth(lines: &str) -> Vec<(Severity, &'static str)> {
    found(&files(&[("sshd", &format!("{lines}\n{ACCOUNT}"))]), Before::Nothing)
}

fn errors(ids: &[&'static str]) -> Vec<(Severity, &'static str)> {
    ids.iter().map(|id| (Severity::Error, *id)).collect()
}

#[test]
fn our_recipes_are_right() {
    for (name, text) in [
        ("sshd", include_str!("../../../../packaging/pam/sshd")),
        ("sshd-enroll", include_str!("../../../../packaging/pam/sshd-enroll")),
        ("sshd-key-or-password", include_str!("../../../../packaging/pam/sshd-key-or-password")),
        ("sshd-sftp", include_str!("../../../../packaging/pam/sshd-sftp")),
        ("dovecot", include_str!("../../../../packaging/pam/dovecot")),
        ("sudo", include_str!("../../../../packaging/pam/sudo")),
        ("su", include_str!("../../../../packaging/pam/su")),
        ("login", include_str!("../../../../packaging/pam/login")),
        ("vsftpd", include_str!("../../../../packaging/pam/vsftpd")),
    ] {
        assert_eq!(found(&files(&[("sshd", text)]), Before::Nothing), [], "{name}");
    }
}

#[test]
fn the_password_and_then_the_code_is_right_in_each_way_of_writing_it() {
    for ours in [
        "required pam_twostep.so",
        "requisite pam_twostep.so after_first_step",
        "[success=ok ignore=ignore default=die] pam_twostep.so",
    ] {
        assert_eq!(auth(&format!("@include common-auth\nauth {ours}")), []);
    }
    assert_eq!(auth("auth requisite pam_unix.so\nauth required pam_twostep.so"), []);
    assert_eq!(auth("auth [success=ok default=die] pam_sss.so\nauth required pam_twostep.so after_first_step"), []);
    assert_eq!(auth(&format!("{FORWARD}auth required pam_twostep.so after_first_step")), []);
}

const FORWARD: &str = "auth requisite pam_twostep.so forward_pass\nauth requisite pam_unix.so use_first_pass\n";

#[test]
fn a_code_that_is_forwarded_is_asked_behind_the_password_of_those_who_have_it() {
    assert!(auth(FORWARD).contains(&(Severity::Error, "forwarded-code-not-asked")));
    let twice = "auth required pam_twostep.so\nauth requisite pam_twostep.so forward_pass\nauth requisite pam_unix.so";
    assert!(auth(twice).contains(&(Severity::Error, "forwarded-code-not-asked")));
    let late = "auth requisite pam_unix.so\nauth requisite pam_twostep.so forward_pass\nauth required pam_twostep.so";
    assert_eq!(auth(late), [(Severity::Warning, "forward-pass-too-late")]);
    let common = "auth requisite pam_twostep.so forward_pass\n@include common-auth\nauth required pam_twostep.so";
    assert_eq!(auth(common), []);
    let required = FORWARD.replace("requisite pam_unix", "required pam_unix") + "auth required pam_twostep.so";
    assert_eq!(auth(&required), [(Severity::Warning, "strangers-asked")]);
    let first_alone =
        FORWARD.replace("requisite pam_twostep", "sufficient pam_twostep") + "auth required pam_twostep.so";
    assert_eq!(auth(&first_alone), []);
}

#[test]
fn a_line_that_ends_the_stack_before_ours_is_found() {
    let sufficient = "auth sufficient pam_unix.so\nauth required pam_deny.so\nauth required pam_twostep.so";
    assert!(auth(sufficient).contains(&(Severity::Error, "second-step-skipped")));
    let done = "auth [success=done default=die] pam_unix.so\nauth required pam_twostep.so";
    assert!(auth(done).contains(&(Severity::Error, "second-step-skipped")));
    let inside = files(&[
        ("sshd", &format!("auth include password-auth\nauth required pam_twostep.so\n{ACCOUNT}")),
        ("password-auth", "auth sufficient pam_unix.so\nauth required pam_deny.so"),
    ]);
    assert!(found(&inside, Before::Nothing).contains(&(Severity::Error, "second-step-skipped")));
    let jump = "auth [success=2 default=ignore] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_twostep.so\nauth required pam_permit.so";
    assert!(auth(jump).contains(&(Severity::Error, "second-step-skipped")));
}

#[test]
fn who_is_let_past_on_purpose_is_told_of_and_no_more() {
    let condition = "auth requisite pam_unix.so\nauth [success=1 default=ignore] pam_succeed_if.so user ingroup robots\nauth required pam_twostep.so\nauth required pam_permit.so";
    assert_eq!(auth(condition), [(Severity::Notice, "second-step-by-condition")]);
    // Fedora's gdm-password begins so: SELinux's guests come in without a password.
    let guests = "auth [success=done ignore=ignore default=bad] pam_selinux_permit.so\n@include common-auth\nauth required pam_twostep.so";
    assert_eq!(auth(guests), [(Severity::Notice, "second-step-by-condition")]);
    assert_eq!(auth("auth required pam_sepermit.so\n@include common-auth\nauth required pam_twostep.so"), []);
    let finger = "auth sufficient pam_fprintd.so\n@include common-auth\nauth required pam_twostep.so";
    assert_eq!(auth(finger), [(Severity::Warning, "second-step-skipped-by-other-proof")]);
    assert_eq!(auth("auth sufficient pam_rootok.so\n@include common-auth\nauth required pam_twostep.so"), []);
    let key = "auth [success=2 default=ignore] pam_twostep.so mode=ssh_key\nauth requisite pam_unix.so\nauth requisite pam_twostep.so\nauth required pam_permit.so";
    assert_eq!(auth(key), [(Severity::Warning, "key-alone")]);
}

#[test]
fn strangers_at_our_prompt_are_found_with_what_lets_them_come() {
    let substack = files(&[
        ("sshd", &format!("auth substack password-auth\nauth required pam_twostep.so\n{ACCOUNT}")),
        ("password-auth", "auth sufficient pam_unix.so\nauth required pam_deny.so"),
    ]);
    let findings = Service::new(&substack, "sshd", Before::Nothing).findings();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].id == "strangers-asked" && findings[0].remedy.contains("`include` for `substack`"));
    let required = Service::new(
        &files(&[("sshd", &format!("auth required pam_unix.so\nauth required pam_twostep.so\n{ACCOUNT}"))]),
        "sshd",
        Before::Nothing,
    )
    .findings();
    assert!(required[0].remedy.contains("requisite, or default=die, in `auth required pam_unix.so`"), "{required:?}");
    assert_eq!(
        auth("auth required pam_unix.so\nauth required pam_twostep.so after_first_step"),
        errors(&["after-first-step-untrue"])
    );
}

#[test]
fn a_key_that_sshd_always_asks_is_a_first_step() {
    let stack = format!("auth required pam_twostep.so after_first_step\nauth required pam_permit.so\n{ACCOUNT}");
    let files = files(&[("sshd", &stack)]);
    assert_eq!(found(&files, Before::Key), []);
    assert_eq!(found(&files, Before::Nothing), errors(&["after-first-step-untrue", "code-instead-of-password"]));
}

#[test]
fn a_refusal_that_lets_in_is_found() {
    for control in ["optional", "sufficient", "[success=ok default=ignore]"] {
        let found = auth(&format!("@include common-auth\nauth {control} pam_twostep.so"));
        assert!(found.contains(&(Severity::Error, "wrong-code-lets-in")), "{control}: {found:?}");
    }
    let copied =
        auth("@include common-auth\nauth [success=ok ignore=ignore service_err=ignore default=die] pam_twostep.so");
    assert_eq!(copied, errors(&["failure-lets-in"]));
    let missing =
        auth("@include common-auth\nauth [success=ok ignore=ignore module_unknown=ignore default=die] pam_twostep.so");
    assert_eq!(missing, errors(&["missing-module-lets-in"]));
    let mail = auth("auth sufficient pam_twostep.so mode=app_password\n@include common-auth");
    assert!(mail.contains(&(Severity::Error, "wrong-code-lets-in")), "{mail:?}");
    let instead = auth("auth sufficient pam_twostep.so\n@include common-auth");
    assert!(instead.contains(&(Severity::Error, "code-instead-of-password")), "{instead:?}");
}

#[test]
fn a_stack_that_refuses_those_who_are_not_asked_is_found() {
    let jumped =
        "auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_twostep.so";
    assert_eq!(auth(jumped), errors(&["unasked-refused"]));
    let account =
        files(&[("sshd", "@include common-auth\nauth required pam_twostep.so\naccount required pam_twostep.so")]);
    assert_eq!(found(&account, Before::Nothing), errors(&["account-refuses"]));
}

#[test]
fn a_stack_that_lets_nobody_in_is_found() {
    assert!(
        auth("@include common-auth\nauth required pam_twostep.so\nauth requisite pam_deny.so")
            .contains(&(Severity::Error, "nobody-gets-in"))
    );
    assert!(auth("@include common-auth\nauth requird pam_twostep.so").contains(&(Severity::Error, "line-mistake")));
    assert!(
        auth("@include common-atuh\nauth required pam_twostep.so").contains(&(Severity::Error, "stack-unreadable"))
    );
    assert_eq!(auth("@include common-auth\nauth required pam_twostep.so nullok"), errors(&["option-wrong"]));
    let typo = auth("@include common-auth\nauht required pam_twostep.so\nauth required pam_twostep.so");
    assert!(
        typo.contains(&(Severity::Error, "line-mistake")) && typo.contains(&(Severity::Error, "nobody-gets-in")),
        "{typo:?}"
    );
}

#[test]
fn a_jump_counted_over_an_include_is_found_and_one_below_us_is_not() {
    let over = "auth [success=5 default=ignore] pam_succeed_if.so user ingroup robots\n@include common-auth\nauth requisite pam_twostep.so\nauth required pam_permit.so";
    assert!(auth(over).contains(&(Severity::Error, "jump-over-include")));
    let below = "@include common-auth\nauth required pam_twostep.so\nauth [success=1 default=ignore] pam_succeed_if.so user = x\n@include common-auth";
    assert!(auth(below).iter().all(|(_, id)| *id != "jump-over-include"));
}

#[test]
fn enroll_stands_in_both_lines_or_in_none() {
    let with = |service: &str, auth: &str, account: &str| {
        let text = format!(
            "@include common-auth\nauth required pam_twostep.so after_first_step {auth}\n{account}\n@include common-account"
        );
        let files = files(&[(service, &text)]);
        let findings = Service::new(&files, service, Before::Nothing).findings();
        findings.into_iter().map(|finding| (finding.severity, finding.id)).collect::<Vec<_>>()
    };
    assert_eq!(with("sshd", "enroll", "account required pam_twostep.so enroll"), []);
    for (auth, account) in
        [("enroll", "account required pam_twostep.so"), ("enroll", ""), ("", "account required pam_twostep.so enroll")]
    {
        assert_eq!(with("sshd", auth, account), [(Severity::Warning, "enroll-on-one-line")]);
    }
    assert_eq!(with("sudo", "enroll", ""), errors(&["enroll-on-one-line"]));
    assert_eq!(with("sshd", "", ""), [(Severity::Warning, "account-line-missing")]);
}

#[test]
fn a_screen_locker_without_an_account_phase_needs_no_account_line() {
    let login = "@include common-auth\nauth required pam_twostep.so after_first_step enroll\naccount required pam_twostep.so enroll\n@include common-account";
    let other = ("other", "auth required pam_deny.so\naccount required pam_deny.so");
    assert_eq!(found(&files(&[("login", login), ("sshd", "auth include login"), other]), Before::Nothing), []);
    let own = found(&files(&[("sshd", "@include common-auth\nauth required pam_twostep.so"), other]), Before::Nothing);
    assert_eq!(own, []);
}

#[test]
fn an_account_line_that_is_passed_by_or_ignored_is_found() {
    let text = "@include common-auth\nauth required pam_twostep.so\naccount sufficient pam_localuser.so\naccount required pam_twostep.so\naccount required pam_permit.so";
    assert_eq!(found(&files(&[("sshd", text)]), Before::Nothing), [(Severity::Warning, "account-line-skipped")]);
    let acts = text.replace("account required pam_twostep.so", "account required pam_twostep.so require_step");
    assert_eq!(found(&files(&[("sshd", &acts)]), Before::Nothing), errors(&["account-line-skipped"]));
    let ignored =
        "@include common-auth\nauth required pam_twostep.so\naccount optional pam_twostep.so\n@include common-account";
    assert_eq!(found(&files(&[("sshd", ignored)]), Before::Nothing), errors(&["account-refusal-ignored"]));
}

#[test]
fn a_password_that_has_expired_ends_debians_account_phase_before_a_line_below_it() {
    let with = |lines: &str| {
        let text = format!("@include common-auth\nauth required pam_twostep.so\n{lines}");
        Service::new(&files(&[("sshd", &text)]), "sshd", Before::Nothing).findings()
    };
    let warned = with("@include common-account\naccount required pam_twostep.so");
    assert_eq!(
        warned.iter().map(|one| (one.severity, one.id)).collect::<Vec<_>>(),
        [(Severity::Warning, "account-line-skipped")]
    );
    assert!(warned[0].what.contains("whose password has expired"), "{warned:?}");
    let acts = with("@include common-account\naccount required pam_twostep.so require_step");
    assert_eq!(acts[0].severity, Severity::Error);
    for above in ["@include common-account", "account required pam_unix.so", "account sufficient pam_unix.so"] {
        assert_eq!(with(&format!("account required pam_twostep.so\n{above}")), []);
    }
    assert_eq!(with("account required pam_unix.so\naccount required pam_twostep.so"), []);
    assert!(!with("account sufficient pam_unix.so\naccount required pam_twostep.so")[0].what.contains("expired"));
}

#[test]
fn a_second_step_of_another_program_beside_ours_is_found() {
    for module in ["pam_google_authenticator.so", "pam_oath.so usersfile=/etc/users.oath", "pam_u2f.so cue"] {
        let warned = [(Severity::Warning, "second-step-of-another")];
        let above = format!("@include common-auth\nauth required {module}\nauth required pam_twostep.so");
        let below = format!("@include common-auth\nauth required pam_twostep.so\nauth required {module}");
        assert_eq!([auth(&above), auth(&below)], [warned, warned], "{module}");
        // In place of ours, as somebody may mean it.
        let instead = format!("@include common-auth\nauth sufficient {module}\nauth required pam_twostep.so");
        assert_eq!(auth(&instead), [(Severity::Warning, "second-step-skipped-by-other-proof")], "{module}");
    }
    assert_eq!(auth("@include common-auth\nauth optional pam_cap.so\nauth required pam_twostep.so"), []);
}

#[test]
fn a_line_that_refuses_and_lets_the_stack_go_on_to_the_question_is_found() {
    for refuses in
        ["pam_faillock.so preauth", "pam_access.so", "pam_nologin.so", "pam_listfile.so item=user", "pam_shells.so"]
    {
        let with = |control: &str| {
            auth(&format!("auth {control} {refuses}\n@include common-auth\nauth required pam_twostep.so"))
        };
        assert_eq!(with("required"), [(Severity::Warning, "asked-in-vain")], "{refuses}");
        assert_eq!(with("[success=ok ignore=ignore default=bad]"), [(Severity::Warning, "asked-in-vain")], "{refuses}");
        assert_eq!(with("requisite"), [], "{refuses}");
        assert_eq!(with("optional"), [], "{refuses}");
        let below = auth(&format!("@include common-auth\nauth required pam_twostep.so\nauth required {refuses}"));
        assert!(below.iter().all(|(_, id)| *id != "asked-in-vain"), "{below:?}");
    }
    let between = auth("auth requisite pam_unix.so\nauth required pam_access.so\nauth required pam_twostep.so");
    assert_eq!(between, [(Severity::Warning, "asked-in-vain")]);
    assert_eq!(auth("auth required pam_sepermit.so\n@include common-auth\nauth required pam_twostep.so"), []);
}

#[test]
fn require_step_in_a_shared_file_is_found() {
    let shared = format!("account required pam_twostep.so require_step\n{COMMON_ACCOUNT}");
    let sshd = "@include common-auth\nauth required pam_twostep.so\n@include common-account";
    let files = files(&[("sshd", sshd), ("cron", "@include common-account"), ("common-account", &shared)]);
    assert_eq!(found(&files, Before::Nothing), errors(&["require-step-shared"]));
}

/// How a program for this kind of machine begins.
fn header() -> [u8; 20] {
    let mut header = [0; 20];
    std::fs::File::open("/proc/self/exe").unwrap().read_exact(&mut header).unwrap();
    header
}

/// A host's folder, and in it that of its modules, which are all there but ours.
fn modules() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let modules = folder.path().join("usr/lib/security");
    std::fs::create_dir_all(&modules).unwrap();
    for name in ["pam_unix.so", "pam_deny.so", "pam_permit.so", "pam_cap.so"] {
        std::fs::write(modules.join(name), header()).unwrap();
    }
    (folder, modules)
}

/// sshd with these auth lines and the right account lines, on that host.
fn below(root: &Path, auth: &str) -> Files {
    let text = format!("{auth}\n{ACCOUNT}");
    [("common-auth", COMMON_AUTH), ("common-account", COMMON_ACCOUNT), ("sshd", text.as_str())]
        .iter()
        .fold(Files::below(root), |files, (name, text)| files.with(&Path::new("/etc/pam.d").join(name), text))
}

#[test]
fn a_module_whose_name_or_path_is_wrong_is_found_with_what_to_write() {
    let (folder, modules) = modules();
    std::fs::write(modules.join("pam_twostep.so"), header()).unwrap();
    let first = |line: &str| {
        let files = below(folder.path(), &format!("@include common-auth\nauth required {line}"));
        Service::new(&files, "sshd", Before::Nothing).findings().into_iter().next().map(|one| (one.id, one.remedy))
    };
    assert_eq!(first("pam_twostep.so"), None);
    assert_eq!(first("/usr/lib/security/pam_twostep.so"), None);
    for path in [
        "/lib/i386-linux-gnu/security/pam_twostep.so",
        "security/pam_twostep.so",
        "pam_twostep",
        "PAM_TWOSTEP.SO/pam_twostep.so",
    ] {
        let (id, remedy) = first(path).unwrap();
        assert!(
            id == "module-missing" && remedy.contains("Write pam_twostep.so, without a folder"),
            "{path}: {remedy}"
        );
    }
    for name in ["pam_two_step.so", "libpam_twostep.so", "pam_towstep.so"] {
        let (id, remedy) = first(name).unwrap();
        assert!(id == "module-misspelled" && remedy.contains("pam_twostep.so"), "{name}: {remedy}");
    }
    for (control, so) in [
        ("required", "every login is refused now"),
        ("requisite", "every login is refused now"),
        ("optional", "the line does nothing"),
    ] {
        let files = below(folder.path(), &format!("@include common-auth\nauth {control} pam_twosetp.so"));
        let service = Service::new(&files, "sshd", Before::Nothing);
        let findings = service.findings();
        assert_eq!(
            findings.iter().map(|one| one.id).collect::<Vec<_>>(),
            ["module-misspelled"],
            "{control}: one file, one story"
        );
        assert!(findings[0].what.ends_with(&format!("so {so}.")), "{control}: {findings:?}");
        let wanted = Wanted { interactive: &["sshd".to_owned()], exempt: &[], is_required: true };
        assert_eq!(coverage(&files, &wanted), [], "{control}");
    }
}

#[test]
fn what_nobody_sees_in_a_line_is_told_with_it() {
    for (lines, id, named) in [
        ("@include common-auth\r\nauth required pam_twostep.so\r", "stack-unreadable", "carriage return"),
        (
            "auth requisite pam_unix.so\nauth required pam_twostep.so after_first_step\r",
            "option-wrong",
            "carriage return",
        ),
        ("\u{feff}auth requisite pam_unix.so\nauth required pam_twostep.so", "line-mistake", "byte order mark"),
        (
            "auth requisite pam_unix.so\nauth required\u{a0}pam_twostep.so\nauth required pam_twostep.so",
            "line-mistake",
            "no-break space",
        ),
    ] {
        let files = files(&[("sshd", &format!("{lines}\n{ACCOUNT}"))]);
        let findings = Service::new(&files, "sshd", Before::Nothing).findings();
        let finding = findings.iter().find(|one| one.id == id).unwrap_or_else(|| panic!("{lines:?}: {findings:?}"));
        assert!(finding.remedy.contains(named), "{finding:?}");
    }
}

#[test]
fn lines_of_ours_without_an_auth_line_are_told_of() {
    let warned = [(Severity::Warning, "auth-line-missing")];
    let of = |text: &str| found(&files(&[("sshd", text)]), Before::Nothing);
    assert_eq!(of("@include common-auth\n@include common-account\nsession optional pam_twostep.so"), warned);
    assert_eq!(of("@include common-auth\naccount required pam_twostep.so\n@include common-account"), warned);
    // What is shared may be meant for others: cron comes by it too.
    let shared = format!("account required pam_twostep.so\n{COMMON_ACCOUNT}");
    let cron = files(&[("sshd", "@include common-account"), ("common-account", &shared)]);
    assert_eq!(found(&cron, Before::Nothing), []);
}

#[test]
fn a_module_that_is_not_there_is_found() {
    let (folder, modules) = modules();
    let files = below(folder.path(), "@include common-auth\nauth required pam_twostep.so");
    assert!(found(&files, Before::Nothing).contains(&(Severity::Error, "module-missing")));
    // One that was made for another kind of machine, or cut off, is none.
    std::fs::write(modules.join("pam_twostep.so"), "").unwrap();
    let findings = Service::new(&files, "sshd", Before::Nothing).findings();
    assert!(findings[0].id == "module-missing" && findings[0].what.contains("kind of machine"), "{findings:?}");
    std::fs::write(modules.join("pam_twostep.so"), header()).unwrap();
    assert_eq!(found(&files, Before::Nothing), []);
    std::fs::remove_file(modules.join("pam_deny.so")).unwrap();
    assert_eq!(found(&files, Before::Nothing), []);
    std::fs::remove_file(modules.join("pam_permit.so")).unwrap();
    assert!(found(&files, Before::Nothing).contains(&(Severity::Error, "nobody-gets-in")));
}

#[test]
fn services_that_ask_nothing_are_told_of_by_how_much_is_required() {
    let interactive = ["sshd", "sudo", "gone"].map(str::to_owned);
    let of = |files: &Files, exempt: &[String], is_required| {
        let wanted = Wanted { interactive: &interactive, exempt, is_required };
        coverage(files, &wanted)
            .into_iter()
            .map(|finding| (finding.severity, finding.id, finding.about))
            .collect::<Vec<_>>()
    };
    let none = files(&[("sshd", "@include common-auth"), ("sudo", "@include common-auth")]);
    assert_eq!(of(&none, &[], true), [(Severity::Notice, "no-service-asks", "PAM".to_owned())]);
    let some = none.with(Path::new("/etc/pam.d/sshd"), "@include common-auth\nauth required pam_twostep.so");
    let sudo = |severity| [(severity, "service-without-second-step", "sudo".to_owned())];
    assert_eq!(of(&some, &[], false), sudo(Severity::Notice));
    assert_eq!(of(&some, &[], true), sudo(Severity::Warning));
    assert_eq!(of(&some, &["sudo".to_owned()], true), []);
    let more = some.clone().with(Path::new("/usr/lib/pam.d/polkit-1"), "@include common-auth");
    let both = "polkit-1, sudo".to_owned();
    assert_eq!(of(&more, &[], true), [(Severity::Warning, "service-without-second-step", both)]);
    let forgotten = some.clone().with(Path::new("/etc/pam.conf"), "sudo auth required pam_twostep.so");
    assert_eq!(
        of(&forgotten, &["sudo".to_owned()], true),
        [(Severity::Warning, "pam-conf-not-read", "/etc/pam.conf".to_owned())]
    );
}

#[test]
fn a_service_whose_programs_cannot_ask_is_told_of() {
    let shared = format!("{COMMON_AUTH}\nauth required pam_twostep.so after_first_step");
    let of = |auth: &str, exempt: &[String]| {
        let files = files(&[("common-auth", &shared), ("sshd", "@include common-auth"), ("dovecot", auth)]);
        let wanted = Wanted { interactive: &[], exempt, is_required: true };
        coverage(&files, &wanted).into_iter().map(|finding| (finding.id, finding.about)).collect::<Vec<_>>()
    };
    assert_eq!(of("@include common-auth", &[]), [("service-cannot-ask", "dovecot".to_owned())]);
    assert_eq!(of("@include common-auth", &["dovecot".to_owned()]), []);
    let app = "auth [success=done ignore=ignore default=die] pam_twostep.so mode=app_password\n@include common-auth";
    assert_eq!(of(app, &[]), []);
    assert_eq!(of("auth required pam_unix.so", &[]), []);
}

#[test]
fn one_login_is_asked_for_one_code() {
    let twice = "@include common-auth\nauth required pam_twostep.so\nauth required pam_twostep.so";
    assert_eq!(auth(twice), errors(&["second-step-twice"]));
    let shared = files(&[
        ("common-auth", &format!("{COMMON_AUTH}\nauth required pam_twostep.so after_first_step")),
        ("sshd", &format!("@include common-auth\nauth required pam_twostep.so\n{ACCOUNT}")),
    ]);
    assert_eq!(found(&shared, Before::Nothing), errors(&["second-step-twice"]));
}

#[test]
fn where_no_change_of_a_line_is_right_apply_finds_the_place() {
    let fedora = files(&[
        ("sshd", &format!("auth include password-auth\nauth required pam_twostep.so\n{ACCOUNT}")),
        ("password-auth", "auth sufficient pam_unix.so\nauth required pam_deny.so"),
    ]);
    let findings = Service::new(&fedora, "sshd", Before::Nothing).findings();
    let skipped = findings.iter().find(|one| one.id == "second-step-skipped").unwrap();
    assert!(
        skipped.remedy.contains("Take the pam_twostep lines out; then sudo twostep admin apply sshd"),
        "{skipped:?}"
    );
}

#[test]
fn a_guard_that_always_succeeds_is_no_condition() {
    let authsucc = "auth requisite pam_unix.so\nauth sufficient pam_faillock.so authsucc\nauth required pam_twostep.so";
    assert_eq!(auth(authsucc), errors(&["second-step-skipped"]));
    let required = authsucc.replace("sufficient", "required");
    assert_eq!(auth(&required), []);
}

#[test]
fn what_is_told_to_write_is_right_once_it_is_written() {
    let common = "@include common-auth\n";
    for (lines, told, written) in [
        (
            "auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_twostep.so",
            "Write `auth required pam_permit.so` below the pam_twostep line.",
            "auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_twostep.so\nauth required pam_permit.so",
        ),
        (
            "auth sufficient pam_unix.so\nauth requisite pam_deny.so\nauth required pam_twostep.so",
            "Write `[success=1 default=ignore]` for the control of `auth sufficient pam_unix.so` (/etc/pam.d/sshd:1), and `auth required pam_permit.so` below the pam_twostep line.",
            "auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_twostep.so\nauth required pam_permit.so",
        ),
        (
            "auth sufficient pam_unix.so\n@include common-auth\nauth required pam_twostep.so",
            "Take `auth sufficient pam_unix.so` (/etc/pam.d/sshd:1) out.",
            "@include common-auth\nauth required pam_twostep.so",
        ),
        (
            "auth sufficient pam_unix.so\nauth required pam_twostep.so",
            "Write `requisite` for the control of `auth sufficient pam_unix.so` (/etc/pam.d/sshd:1).",
            "auth requisite pam_unix.so\nauth required pam_twostep.so",
        ),
        (
            "@include common-auth\nauth [success=1 default=ignore] pam_twostep.so\nauth requisite pam_deny.so\nauth required pam_permit.so",
            "Write `required` for `[success=1 default=ignore]` in the pam_twostep line, and take `auth requisite pam_deny.so` below it out.",
            "@include common-auth\nauth required pam_twostep.so\nauth required pam_permit.so",
        ),
        (
            "@include common-auth\nauth [success=2 ignore=ignore default=die] pam_twostep.so\nauth required pam_permit.so",
            "Write `required` for `[success=2 ignore=ignore default=die]` in the pam_twostep line.",
            "@include common-auth\nauth required pam_twostep.so\nauth required pam_permit.so",
        ),
        (
            "@include common-auth\nauth required pam_twostep.so\nauth requisite pam_deny.so",
            "Take `auth requisite pam_deny.so` below the pam_twostep line out.",
            "@include common-auth\nauth required pam_twostep.so",
        ),
    ] {
        let files = files(&[("sshd", &format!("{lines}\n{ACCOUNT}"))]);
        let findings = Service::new(&files, "sshd", Before::Nothing).findings();
        assert!(findings.iter().any(|finding| finding.remedy == told), "{lines}: {findings:?}");
        assert_eq!(auth(written), [], "{written}");
    }
    assert_eq!(auth(&format!("{common}auth required pam_twostep.so")), []);
}

#[test]
fn a_line_for_application_passwords_that_some_come_past_is_found() {
    let app = "auth [success=done ignore=ignore default=die] pam_twostep.so mode=app_password\n";
    let below = format!("auth sufficient pam_unix.so\n{app}auth requisite pam_deny.so");
    assert_eq!(auth(&below), errors(&["second-step-skipped"]));
    let jump = format!("auth [success=1 default=ignore] pam_localuser.so\n{app}auth requisite pam_unix.so");
    assert_eq!(auth(&jump), [(Severity::Notice, "second-step-by-condition")]);
    assert_eq!(auth(&format!("{app}@include common-auth")), []);
}

#[test]
fn who_comes_past_the_question_behind_a_divided_answer_is_refused_and_found() {
    let past = format!(
        "{FORWARD}auth [success=1 default=ignore] pam_succeed_if.so user ingroup robots\nauth required pam_twostep.so\nauth required pam_permit.so"
    );
    assert!(auth(&past).contains(&(Severity::Error, "forwarded-code-not-asked")));
    let twice = format!("auth requisite pam_twostep.so forward_pass\n{FORWARD}auth required pam_twostep.so");
    assert_eq!(auth(&twice), [(Severity::Warning, "forward-pass-too-late")]);
}
