use super::*;
use crate::check::Severity;

const GOOD: &str = "usepam yes\nkbdinteractiveauthentication yes\npasswordauthentication no\npubkeyauthentication yes\n\
                    logingracetime 120\npermitrootlogin no\n\
                    authenticationmethods publickey,keyboard-interactive keyboard-interactive:pam\n";
const DOOR: Door = Door { asks: true, takes_one_answer: false, is_required: false };

fn found(changes: &[(&str, &str)], door: Door) -> Vec<(Severity, &'static str)> {
    of(changes, &Visitor::named("alice"), door)
}

fn of(changes: &[(&str, &str)], visitor: &Visitor, door: Door) -> Vec<(Severity, &'static str)> {
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
fn a_stack_without_our_line_is_no_business_of_ours() {
    assert_eq!(found(&[("usepam", "no")], Door { asks: false, ..DOOR }), []);
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
    let one_answer = Door { takes_one_answer: true, ..DOOR };
    assert_eq!(found(&debian, one_answer), [(Severity::Notice, "sshd-way-without-code")]);
}

#[test]
fn the_method_password_answers_our_question_with_the_password() {
    let both = [
        ("passwordauthentication", "yes"),
        ("authenticationmethods", "publickey,keyboard-interactive password keyboard-interactive"),
    ];
    assert_eq!(found(&both, DOOR), [(Severity::Warning, "sshd-password-method")]);
    assert_eq!(found(&both, Door { takes_one_answer: true, ..DOOR }), []);
}

#[test]
fn ways_without_a_code_are_told_of_by_how_much_is_required() {
    let any = [("authenticationmethods", "any")];
    assert_eq!(found(&any, DOOR), [(Severity::Notice, "sshd-way-without-code")]);
    let required = Door { is_required: true, ..DOOR };
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
fn each_match_block_has_its_visitor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sshd_config");
    let text = "Match User git,!bob\nMatch Address 10.0.0.0/8 LocalPort 2222\nMatch Group root\nMatch exec /bin/true\nMatch host *.example.org\nMatch all\n";
    std::fs::write(&path, text).unwrap();
    let specifications = visitors(&path).into_iter().skip(2).map(|one| one.specification()).collect::<Vec<_>>();
    let expected = [
        "user=git,host=client.invalid,addr=203.0.113.77,laddr=127.0.0.1,lport=22",
        "user=nobody-in-particular,host=client.invalid,addr=10.0.0.0,laddr=127.0.0.1,lport=2222",
        "user=nobody-in-particular,host=x.example.org,addr=203.0.113.77,laddr=127.0.0.1,lport=22",
        "user=nobody-in-particular,host=client.invalid,addr=203.0.113.77,laddr=127.0.0.1,lport=22",
    ];
    assert_eq!(specifications, expected);
}
