use super::files::lines;
use super::*;
use crate::finding::Severity;

const GOOD: &str = "usepam yes\nkbdinteractiveauthentication yes\npasswordauthentication no\npubkeyauthentication yes\n\
                    logingracetime 120\npermitrootlogin no\n\
                    authenticationmethods publickey,keyboard-interactive keyboard-interactive:pam\n";
const DOOR: StackSummary = StackSummary { asks: true, takes_one_answer: false, is_required: false };

fn found(changes: &[(&str, &str)], door: StackSummary) -> Vec<(Severity, &'static str)> {
    of(changes, &Visitor::named("alice"), door)
}

fn of(changes: &[(&str, &str)], visitor: &Visitor, door: StackSummary) -> Vec<(Severity, &'static str)> {
    let findings = findings(&effective(changes), visitor, door);
    findings.into_iter().map(|finding| (finding.severity, finding.id)).collect()
}

fn effective(changes: &[(&str, &str)]) -> Effective {
    let mut effective = Effective::parse(GOOD);
    for (key, value) in changes {
        effective.keys.insert((*key).to_owned(), vec![(*value).to_owned()]);
    }
    effective
}

#[test]
fn our_recipe_is_right() {
    assert_eq!(found(&[], DOOR), []);
    assert_eq!(of(&[], &Visitor::named("root"), DOOR), []);
}

#[test]
fn the_service_is_what_sshd_prints_or_the_name_it_was_called_by() {
    let called = Daemon { service: "sshd-sftp".to_owned(), ..Daemon::default() };
    let of = |text: &str| Effective { daemon: called.clone(), ..Effective::parse(text) }.service().to_owned();
    assert_eq!(
        (of(GOOD), of("pamservicename sshd\n"), of("pamservicename other\n")),
        ("sshd-sftp".into(), "sshd".into(), "other".into())
    );
}

#[test]
fn a_stack_without_our_line_is_no_business_of_ours() {
    assert_eq!(found(&[("usepam", "no")], StackSummary { asks: false, ..DOOR }), []);
}

#[test]
fn sshd_without_pam_asks_for_nothing() {
    assert_eq!(found(&[("usepam", "no")], DOOR), [(Severity::Error, "sshd-without-pam")]);
}

#[test]
fn who_cannot_be_asked_cannot_get_in() {
    let debian =
        [("kbdinteractiveauthentication", "no"), ("passwordauthentication", "yes"), ("authenticationmethods", "any")];
    assert_eq!(
        found(&debian, DOOR),
        [(Severity::Error, "sshd-cannot-ask"), (Severity::Notice, "sshd-way-without-code")]
    );
    let one_answer = StackSummary { takes_one_answer: true, ..DOOR };
    assert_eq!(found(&debian, one_answer), [(Severity::Notice, "sshd-way-without-code")]);
}

#[test]
fn the_method_password_answers_our_question_with_the_password() {
    let both = [
        ("passwordauthentication", "yes"),
        ("authenticationmethods", "publickey,keyboard-interactive password keyboard-interactive"),
    ];
    assert_eq!(found(&both, DOOR), [(Severity::Warning, "sshd-password-method")]);
    assert_eq!(found(&both, StackSummary { takes_one_answer: true, ..DOOR }), []);
}

#[test]
fn ways_without_a_code_are_told_of_by_how_much_is_required() {
    let any = [("authenticationmethods", "any")];
    assert_eq!(found(&any, DOOR), [(Severity::Notice, "sshd-way-without-code")]);
    let required = StackSummary { is_required: true, ..DOOR };
    assert_eq!(found(&any, required), [(Severity::Warning, "sshd-way-without-code")]);
    let hosts =
        [("authenticationmethods", "hostbased publickey,keyboard-interactive"), ("hostbasedauthentication", "yes")];
    assert_eq!(found(&hosts, required), [(Severity::Warning, "sshd-way-without-code")]);
    // What is listed and not enabled opens no door.
    assert_eq!(found(&[("authenticationmethods", "hostbased publickey,keyboard-interactive")], required), []);
}

#[test]
fn a_key_that_is_always_asked_goes_before() {
    assert_eq!(effective(&[]).before(), Before::Nothing);
    assert_eq!(effective(&[("authenticationmethods", "publickey,keyboard-interactive")]).before(), Before::Key);
    assert_eq!(effective(&[("authenticationmethods", "keyboard-interactive,publickey")]).before(), Before::Nothing);
    assert_eq!(effective(&[("authenticationmethods", "any")]).before(), Before::Nothing);
}

#[test]
fn little_time_is_told_of_and_no_limit_is_not() {
    assert_eq!(found(&[("logingracetime", "30")], DOOR), [(Severity::Warning, "sshd-grace-time")]);
    assert_eq!(found(&[("logingracetime", "0")], DOOR), []);
}

#[test]
fn root_who_may_come_by_key_alone_and_may_not_is_told_of() {
    let keys = [("permitrootlogin", "without-password")];
    assert_eq!(of(&keys, &Visitor::named("root"), DOOR), [(Severity::Notice, "sshd-root-closed")]);
    assert_eq!(found(&keys, DOOR), []);
}

#[test]
fn a_method_that_is_named_and_off_lets_nobody_in() {
    let off = [("kbdinteractiveauthentication", "no"), ("authenticationmethods", "publickey,keyboard-interactive")];
    assert_eq!(found(&off, DOOR), [(Severity::Error, "sshd-no-way-in")]);
    let finding = &findings(&effective(&off), &Visitor::named("alice"), DOOR)[0];
    assert!(finding.what.ends_with("asks for keyboard-interactive, which is off."), "{finding:?}");
    assert!(finding.remedy.contains("`KbdInteractiveAuthentication yes`"), "{finding:?}");
    let password = [("authenticationmethods", "publickey,password")];
    let finding = &findings(&effective(&password), &Visitor::named("alice"), DOOR)[0];
    assert!(
        finding.id == "sshd-no-way-in" && finding.remedy.contains("`AuthenticationMethods publickey,key"),
        "{finding:?}"
    );
    let none =
        [("authenticationmethods", "any"), ("kbdinteractiveauthentication", "no"), ("pubkeyauthentication", "no")];
    assert!(findings(&effective(&none), &Visitor::named("alice"), DOOR)[0].what.ends_with("no method is on."));
}

#[test]
fn methods_that_name_the_password_cannot_ask_whatever_else_is_on() {
    let named = [("passwordauthentication", "yes"), ("authenticationmethods", "publickey,password")];
    assert_eq!(found(&named, DOOR), [(Severity::Error, "sshd-cannot-ask")]);
    let finding = &findings(&effective(&named), &Visitor::named("alice"), DOOR)[0];
    // Turning the method off would leave nobody a way in.
    assert!(!finding.remedy.contains("PasswordAuthentication"), "{finding:?}");
    assert!(finding.remedy.contains("`AuthenticationMethods publickey,keyboard-interactive"), "{finding:?}");
    let both = [("kbdinteractiveauthentication", "no"), named[0], ("authenticationmethods", "password")];
    let finding = &findings(&effective(&both), &Visitor::named("alice"), DOOR)[0];
    assert!(
        ["`KbdInteractiveAuthentication yes`", "`AuthenticationMethods "]
            .iter()
            .all(|text| finding.remedy.contains(text)),
        "{finding:?}"
    );
}

/// The visitors and untried lines of this configuration.
fn blocks(text: &str) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sshd_config");
    std::fs::write(&path, text).unwrap();
    let special = visitors(&path).into_iter().filter(Visitor::is_special);
    let fit = special.map(|one| one.specification()).collect();
    (fit, untried(&path).into_iter().map(|line| line.text).collect())
}

#[test]
fn each_match_block_has_its_visitor() {
    let visitor = |changes: &[(&str, &str)]| {
        let usual = [
            ("user", "nobody-in-particular"),
            ("host", "client.invalid"),
            ("addr", "203.0.113.77"),
            ("laddr", "127.0.0.1"),
            ("lport", "22"),
        ];
        let changed = usual.map(|(key, value)| {
            let value = changes.iter().find(|(other, _)| *other == key).map_or(value, |(_, value)| value);
            format!("{key}={value}")
        });
        changed.join(",")
    };
    for (line, changes) in [
        ("Match User git,!bob", &[("user", "git")][..]),
        ("Match user \"git\"", &[("user", "git")]),
        ("Match User=git # robots", &[("user", "git")]),
        ("Match User *,!root", &[]),
        ("Match User web-*", &[("user", "web-x")]),
        ("Match Group root", &[("user", "root")]),
        ("Match Address 10.0.0.0/8 LocalPort 2222", &[("addr", "10.0.0.0"), ("lport", "2222")]),
        ("Match Address 192.168.1.*", &[("addr", "192.168.1.7")]),
        ("Match Address 10.*", &[("addr", "10.7.7.7")]),
        ("Match Address *,!10.0.0.0/8", &[]),
        ("Match Address 2001:db8::/32", &[("addr", "2001:db8::")]),
        ("Match LocalAddress 192.0.2.1", &[("laddr", "192.0.2.1")]),
        ("Match host *.example.org", &[("host", "x.example.org")]),
        ("Match all", &[]),
    ] {
        assert_eq!(
            blocks(&format!("UsePAM yes\n{line}\n  PermitTTY no\n")),
            (vec![visitor(changes)], vec![]),
            "{line}"
        );
    }
}

#[test]
fn a_match_block_for_which_nobody_can_be_made_up_is_told_of() {
    for line in
        ["Match exec /bin/true", "Match Group admin*", "Match User !root", "Match Tagged x", "Match Address fe80::*"]
    {
        assert_eq!(blocks(&format!("{line}\nPort 22\n")), (vec![], vec![line.to_owned()]));
    }
    for line in ["Match Group no-such-group", "Match invalid-user"] {
        assert_eq!(blocks(&format!("{line}\n")), (vec![], vec![]));
    }
}

/// An invented visitor may be one of the exceptions, which sshd treats differently.
#[test]
fn nobody_is_made_up_where_an_exception_may_be_for_them() {
    for line in [
        "Match Group root,!no-such-group",
        "Match User dev*,!devx",
        "Match Address 10.0.0.0/8,!10.0.0.0/16",
        "Match Address 10.*,!10.7.*",
    ] {
        assert_eq!(blocks(&format!("{line}\n")), (vec![], vec![line.to_owned()]));
    }
}

#[test]
fn a_block_that_closes_passwords_for_those_of_whom_no_example_is_there_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sshd_config");
    let told = |line: &str, setting: &str| {
        std::fs::write(&path, format!("{line}\n  {setting}\nMatch all\n  PermitTTY no\n")).unwrap();
        let said = closing(&path);
        assert!(said.iter().all(|said| said.text == line), "{said:?}");
        !said.is_empty()
    };
    for line in ["Match exec /bin/true", "Match Group no-such-group", "Match Group root,!no-such-group"] {
        for closes in [
            "PasswordAuthentication no",
            "PasswordAuthentication no # keys",
            "KbdInteractiveAuthentication=\"no\"",
            "AuthenticationMethods any",
        ] {
            assert!(told(line, closes), "{line} {closes}");
        }
        for other in ["PasswordAuthentication yes", "AuthenticationMethods publickey # keys", "PermitTTY no"] {
            assert!(!told(line, other), "{line} {other}");
        }
    }
    for line in ["Match invalid-user", "Match User git"] {
        assert!(!told(line, "PasswordAuthentication no"), "{line}");
    }
}

#[test]
fn a_remedy_names_the_line_that_decides() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sshd_config");
    std::fs::write(&path, "\nLoginGraceTime 10\nMatch User git\n  UsePAM no\n").unwrap();
    let effective = Effective { lines: lines(&path), ..Effective::default() };
    let everybody = Visitor::named("alice");
    let git = Visitor { fits: Some("Match User git".to_owned()), ..Visitor::named("git") };
    let at = |visitor, keyword| effective.write(visitor, &[(keyword, "x")]);
    assert_eq!(
        at(&everybody, "LoginGraceTime"),
        format!("Write `LoginGraceTime x` in {}:2; then reload sshd.", path.display())
    );
    assert_eq!(
        at(&everybody, "UsePAM"),
        "Write `UsePAM x` in /etc/ssh/sshd_config, above any Match block; then reload sshd."
    );
    assert_eq!(at(&git, "UsePAM"), format!("Write `UsePAM x` in {}:4; then reload sshd.", path.display()));
    assert_eq!(at(&git, "LoginGraceTime"), "Write `LoginGraceTime x` below `Match User git`; then reload sshd.");
}

#[test]
fn what_is_so_for_root_is_not_said_of_everybody() {
    let off = effective(&[("kbdinteractiveauthentication", "no"), ("authenticationmethods", "keyboard-interactive")]);
    let said = |user| findings(&off, &Visitor::named(user), DOOR)[0].what.clone();
    assert!(
        said("root").starts_with("sshd lets nobody in for root:") && said("alice").starts_with("sshd lets nobody in:")
    );
    let config = Path::new("/nonexistent/sshd_config");
    assert_eq!(visitors(config).last().map(|one| one.user.clone()), Some("root".to_owned()));
}
