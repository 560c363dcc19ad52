use super::*;
use crate::finding::Severity;

fn rules(defaults: &str, user: &str, options: &str) -> Rules {
    Rules::parse(&format!(
        r#"{{"Defaults":[{{"Options":[{defaults}]}}],
            "User_Specs":[{{"User_List":[{user}],"Cmnd_Specs":[{{"Options":[{options}],"Commands":[{{"command":"ALL"}}]}}]}}]}}"#
    ))
    .unwrap()
}

const GROUP: &str = r#"{"usergroup":"sudo"}"#;

fn ids(rules: &Rules) -> Vec<&'static str> {
    rules.findings(false).into_iter().map(|finding| finding.id).collect()
}

#[test]
fn usual_rules_are_right() {
    let usual = rules(r#"{"env_reset":true},{"timestamp_timeout":15}"#, GROUP, r#"{"setenv":true}"#);
    assert_eq!(ids(&usual), [""; 0]);
    assert_eq!(usual.services().into_iter().collect::<Vec<_>>(), ["sudo"]);
}

#[test]
fn who_is_asked_nothing_is_named() {
    let nopasswd = rules("", GROUP, r#"{"authenticate":false}"#);
    assert_eq!(ids(&nopasswd), ["sudo-nopasswd"]);
    assert!(nopasswd.findings(false)[0].what.contains("the group sudo"));
    assert_eq!(ids(&rules(r#"{"authenticate":false}"#, GROUP, "")), ["sudo-nopasswd"]);
}

#[test]
fn a_ticket_that_never_ends_is_found_however_it_is_written() {
    for value in ["-1", "\"-1\"", "600", "\"600.5\""] {
        assert_eq!(ids(&rules(&format!(r#"{{"timestamp_timeout":{value}}}"#), GROUP, "")), ["sudo-ticket"], "{value}");
    }
    for value in ["0", "5", "\"2.5\""] {
        assert_eq!(ids(&rules(&format!(r#"{{"timestamp_timeout":{value}}}"#), GROUP, "")), [""; 0], "{value}");
    }
}

#[test]
fn a_service_of_its_own_counts() {
    let services = |defaults| rules(defaults, GROUP, "").services().into_iter().collect::<Vec<_>>();
    assert_eq!(
        services(r#"{"pam_service":"our-sudo"},{"pam_login_service":"our-sudo-i"}"#),
        ["our-sudo", "our-sudo-i"]
    );
    assert_eq!(services(r#"{"pam_login_service":"our-sudo-i"}"#), ["our-sudo-i", "sudo"]);
    let bound = r#"{"Defaults":[{"Binding":[{"username":"bob"}],"Options":[{"pam_service":"bobs"}]}]}"#;
    assert_eq!(Rules::parse(bound).unwrap().services().into_iter().collect::<Vec<_>>(), ["bobs", "sudo"]);
}

/// What is found in these Defaults, which are bound to this.
fn bound(binding: &str, option: &str) -> Vec<(Severity, &'static str, String)> {
    let text = format!(r#"{{"Defaults":[{{"Binding":[{binding}],"Options":[{{{option}}}]}}]}}"#);
    let findings = Rules::parse(&text).unwrap().findings(false);
    findings.into_iter().map(|finding| (finding.severity, finding.id, finding.what)).collect()
}

#[test]
fn a_setting_is_told_with_whom_it_is_for() {
    for (binding, whom) in [
        ("", "everybody"),
        (r#"{"username":"alice"},{"usergroup":"ops"}"#, "alice, the group ops"),
        (r#"{"command":"/usr/bin/apt"}"#, "who runs /usr/bin/apt"),
        (r#"{"hostname":"web1"}"#, "everybody on web1"),
        (r#"{"userid":1005}"#, "uid 1005"),
    ] {
        for (option, id) in
            [(r#""authenticate":false"#, "sudo-nopasswd"), (r#""timestamp_timeout":"-1""#, "sudo-ticket")]
        {
            let found = bound(binding, option);
            assert!(
                found.len() == 1 && found[0].1 == id && found[0].2.contains(&format!("sudo asks {whom} ")),
                "{found:?}"
            );
        }
    }
}

#[test]
fn root_is_asked_for_nothing_anyway() {
    assert_eq!(ids(&rules("", r#"{"username":"root"}"#, r#"{"authenticate":false}"#)), [""; 0]);
}

#[test]
fn other_ways_past_the_question_are_found() {
    for (option, severity, id) in [
        (r#""exempt_group":"ops""#, Severity::Warning, "sudo-nopasswd"),
        (r#""targetpw":true"#, Severity::Warning, "sudo-asks-another"),
        (r#""rootpw":true"#, Severity::Warning, "sudo-asks-another"),
        (r#""pam_acct_mgmt":false"#, Severity::Warning, "sudo-without-account-phase"),
        (r#""passprompt_override":true"#, Severity::Warning, "sudo-prompt-hides-question"),
        (r#""timestamp_type":"global""#, Severity::Notice, "sudo-ticket-shared"),
        (r#""tty_tickets":false"#, Severity::Notice, "sudo-ticket-shared"),
    ] {
        let found = bound("", option);
        assert!(found.len() == 1 && (found[0].0, found[0].1) == (severity, id), "{option}: {found:?}");
    }
    let without = rules(r#"{"pam_acct_mgmt":false}"#, GROUP, "");
    assert_eq!(without.findings(true)[0].severity, Severity::Error);
    for usual in [
        r#""authenticate":true"#,
        r#""targetpw":false"#,
        r#""passprompt_override":false"#,
        r#""passprompt":"[sudo] %p: ""#,
        r#""timestamp_type":"tty""#,
        r#""timestamp_timeout":false"#,
        r#""verifypw":"never""#,
    ] {
        assert_eq!(bound("", usual), [], "{usual}");
    }
}

#[test]
fn the_last_time_of_a_ticket_counts() {
    assert_eq!(ids(&rules(r#"{"timestamp_timeout":"-1"},{"timestamp_timeout":"5"}"#, GROUP, "")), [""; 0]);
    assert_eq!(ids(&rules(r#"{"timestamp_timeout":"5"},{"timestamp_timeout":"-1"}"#, GROUP, "")), ["sudo-ticket"]);
}

#[test]
fn who_may_do_anything_as_root_looks_after_the_host() {
    let of = |user: &str, commands: &str| {
        let text = format!(
            r#"{{"User_Aliases":{{"ADMINS":[{{"username":"bob"}},{{"useralias":"MORE"}}],"MORE":[{{"username":"carol"}},{{"username":"eve","negated":true}}]}},
                "User_Specs":[{{"User_List":[{user}],"Cmnd_Specs":[{commands}]}}]}}"#
        );
        Rules::parse(&text).unwrap().administrators().into_iter().collect::<Vec<_>>()
    };
    let all = r#"{"runasusers":[{"username":"ALL"}],"Commands":[{"command":"ALL"}]}"#;
    assert_eq!(of(r#"{"username":"alice"}"#, all), ["alice"]);
    assert_eq!(of(r#"{"useralias":"ADMINS"}"#, all), ["bob", "carol"]);
    assert_eq!(of(r#"{"userid":0}"#, r#"{"Commands":[{"command":"ALL"}]}"#), ["root"]);
    assert!(of(r#"{"usergid":0}"#, all).contains(&"root".to_owned()));
    for (user, commands) in [
        (r#"{"username":"ALL"}"#, all),
        (r#"{"username":"alice"}"#, r#"{"runasusers":[{"username":"www-data"}],"Commands":[{"command":"ALL"}]}"#),
        (r#"{"username":"alice"}"#, r#"{"runasusers":[{"username":"ALL"}],"Commands":[{"command":"/usr/bin/apt"}]}"#),
    ] {
        assert!(of(user, commands).is_empty(), "{user} {commands}");
    }
}
