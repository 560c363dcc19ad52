//! Every rule, and which one goes before which.

use super::*;
use crate::account::Suspension;
use crate::account::tests::authenticator;
use crate::username::Username;

/// 2026-12-01, and two weeks of grace.
const SINCE: i64 = 1_796_083_200;
const DAY: i64 = 86_400;
const DATED: &str = "required = true\nsince = 2026-12-01T00:00:00Z\n";

/// The one who runs the tests, who is in the group of the same id.
fn person() -> Person {
    Person::lookup_uid(nix::unistd::geteuid().as_raw()).unwrap().unwrap()
}

fn group() -> String {
    nix::unistd::Group::from_gid(nix::unistd::Gid::from_raw(person().gid)).unwrap().unwrap().name
}

struct Case {
    account: Option<Account>,
    service: &'static str,
    rhost: Option<&'static str>,
    now: i64,
    earlier: Option<EarlierStep>,
}

impl Case {
    fn new() -> Self {
        Self { account: None, service: "sshd", rhost: None, now: SINCE, earlier: None }
    }

    fn enrolled() -> Self {
        let mut account = Self::account();
        account.authenticators.push(authenticator());
        Self { account: Some(account), ..Self::new() }
    }

    fn account() -> Account {
        Account::new(&person().name, person().uid, Timestamp(0))
    }

    fn rule(&self, policy: &str) -> String {
        let config = Config::parse(&format!("version = 1\n[policy]\n{policy}")).unwrap();
        let origin = Origin { rhost: self.rhost.map(str::to_owned), ..Origin::default() };
        let (person, now) = (person(), Timestamp(self.now));
        let visit =
            LoginContext { person: &person, service: self.service, origin: &origin, now, earlier: self.earlier };
        config.decide::<()>(&Database, &visit, Ok(self.account.as_ref())).unwrap().to_string()
    }
}

#[test]
fn who_is_enrolled_is_asked_and_who_is_not_only_where_it_is_required() {
    let empty = Case { account: Some(Case::account()), ..Case::new() };
    for case in [Case::new(), empty] {
        assert_eq!(case.rule(""), "not-enrolled");
        assert_eq!(case.rule("required = true"), "required");
    }
    assert_eq!(Case::enrolled().rule(""), "enrolled");
    assert_eq!(Case::enrolled().rule("required = true"), "enrolled");
}

#[test]
fn membership_of_a_group_requires_or_spares() {
    let group = group();
    assert_eq!(Case::new().rule(&format!("required_groups = [\"no-such-group\", \"{group}\"]")), "required");
    assert_eq!(Case::new().rule("required_groups = [\"no-such-group\"]"), "not-enrolled");
    assert_eq!(Case::enrolled().rule(&format!("exempt_groups = [\"{group}\"]")), "exempt-group");
    assert_eq!(Case::enrolled().rule("exempt_groups = [\"no-such-group\"]"), "enrolled");
}

#[test]
fn exempt_users_services_and_networks_are_not_asked() {
    let user = format!("exempt_users = [\"{}\"]", person().name);
    assert_eq!(Case::enrolled().rule(&user), "exempt-user");
    assert_eq!(Case::enrolled().rule("exempt_users = [\"other\"]"), "enrolled");
    assert_eq!(Case::enrolled().rule("exempt_services = [\"SSHD\"]"), "exempt-service");
    for (exempt, rule) in [("sshd", "enrolled"), ("sudo-i", "enrolled"), ("su", "enrolled"), ("sudo", "exempt-service")]
    {
        let case = Case { service: "sudo", ..Case::enrolled() };
        assert_eq!(case.rule(&format!("exempt_services = [\"{exempt}\"]")), rule, "{exempt}");
    }
    // Who must enroll gives the password there, which the shared stack then asks for alone.
    let checked = Case { service: PASSWORD_SERVICE, ..Case::new() };
    assert_eq!(checked.rule("required = true"), "exempt-service");
    let networks = "exempt_networks = [\"192.0.2.0/24\"]\nproxies = [\"192.0.2.9\"]";
    for (rhost, rule) in [
        (Some("192.0.2.1"), "exempt-network"),
        (Some("::ffff:192.0.2.1"), "exempt-network"),
        (Some("192.0.3.1"), "enrolled"),
        (Some("192.0.2.9"), "enrolled"),
        (Some("host.example"), "enrolled"),
        (Some("192.0.2.1%x.example"), "enrolled"),
        (Some(" 192.0.2.1 "), "enrolled"),
        (Some("192.0.2.1\n"), "enrolled"),
        (None, "enrolled"),
    ] {
        assert_eq!(Case { rhost, ..Case::enrolled() }.rule(networks), rule, "{rhost:?}");
    }
}

#[test]
fn the_first_rule_that_fits_decides() {
    let (group, user) = (group(), person().name);
    let mut lines = vec![
        format!("exempt_users = [\"{user}\"]\n"),
        format!("exempt_groups = [\"{group}\"]\n"),
        "exempt_services = [\"sshd\"]\n".to_owned(),
        "exempt_networks = [\"192.0.2.0/24\"]\n".to_owned(),
        "remember = \"1h\"\n".to_owned(),
    ];
    let mut case = Case { rhost: Some("192.0.2.1"), earlier: Some(EarlierStep::SameAddress), ..Case::enrolled() };
    let (from, until) = (Timestamp(SINCE - 1), Timestamp(SINCE + 1));
    let suspension = Suspension { from, until, by: "root".into(), reason: String::new() };
    case.account.as_mut().unwrap().suspension = Some(suspension);
    assert_eq!(case.rule(&lines.concat()), "suspended");
    case.account.as_mut().unwrap().suspension = None;
    for rule in ["exempt-user", "exempt-group", "exempt-service", "exempt-network", "remembered", "enrolled"] {
        assert_eq!(case.rule(&lines.concat()), rule);
        if !lines.is_empty() {
            lines.remove(0);
        }
    }
}

#[test]
fn nothing_is_remembered_for_who_is_not_enrolled_or_where_it_is_off() {
    let case = Case { earlier: Some(EarlierStep::SameAddress), ..Case::new() };
    assert_eq!(case.rule("required = true\nremember = \"1h\""), "required");
    assert_eq!(Case { earlier: Some(EarlierStep::SameAddress), ..Case::enrolled() }.rule(""), "enrolled");
}

#[test]
fn everyone_has_the_same_time_and_a_newer_user_as_much() {
    let at = |days: i64, seconds: i64, started: Option<i64>| {
        let mut account = Case::account();
        account.grace_since = started.map(|days| Timestamp(SINCE + days * DAY));
        let account = started.map(|_| account);
        Case { account, now: SINCE + days * DAY + seconds, ..Case::new() }.rule(DATED)
    };
    assert_eq!(at(0, -1, None), "not-required-yet");
    for (days, seconds) in [(0, 0), (13, 86_399)] {
        assert_eq!(at(days, seconds, Some(0)), "grace", "{days}");
        assert_eq!(at(days, seconds, Some(13)), "grace", "the general time is the shorter one");
    }
    for started in [0, 13, 14] {
        assert_eq!(at(14, 0, Some(started)), "required");
    }
    assert_eq!(at(30, 0, None), "grace", "a first login");
    assert_eq!(at(30 + 13, 86_399, Some(30)), "grace");
    assert_eq!(at(30 + 14, 0, Some(30)), "required");
    assert_eq!(at(20, 0, Some(30)), "required", "the clock was set back");
}

#[test]
fn a_reset_gives_time_also_where_there_is_no_date() {
    let mut account = Case::account();
    account.grace_since = Some(Timestamp(SINCE));
    let case = |now| Case { account: Some(account.clone()), now, ..Case::new() };
    assert_eq!(case(SINCE + DAY).rule("required = true\ngrace = \"2d\""), "grace");
    assert_eq!(case(SINCE + 2 * DAY).rule("required = true\ngrace = \"2d\""), "required");
    assert_eq!(case(SINCE).rule("required = true\ngrace = \"0\""), "required");
}

#[test]
fn a_stranger_is_asked_where_a_newcomer_would_be_refused() {
    let asked = |policy: &str, service: &str, rhost: &str, now: i64| {
        let config = Config::parse(&format!("version = 1\n[policy]\n{policy}")).unwrap();
        let origin = Origin { rhost: Some(rhost.into()), ..Origin::default() };
        config.refuses_newcomers(service, &origin, Timestamp(now))
    };
    let anywhere = |policy: &str, now: i64| asked(policy, "sshd", "192.0.2.1", now);
    assert!(anywhere("required = true", SINCE));
    assert!(!anywhere("", SINCE));
    assert!(!anywhere("required_groups = [\"root\"]", SINCE), "who is nobody is in no group");
    for now in [SINCE - 1, SINCE, SINCE + 100 * DAY] {
        assert!(!anywhere(DATED, now), "a first login has time");
    }
    assert!(anywhere(&format!("{DATED}grace = \"0\""), SINCE));
    let spared = "required = true\nexempt_services = [\"cron\"]\nexempt_networks = [\"192.0.2.0/24\"]";
    assert!(!asked(spared, "CRON", "198.51.100.1", SINCE) && !asked(spared, "sshd", "192.0.2.1", SINCE));
    assert!(asked(spared, "sshd", "198.51.100.1", SINCE));
}

#[test]
fn an_exemption_by_any_name_of_the_user_counts() {
    let config = Config::parse("version = 1\n[policy]\nexempt_users = [\"also-called\"]").unwrap();
    let aliased = Person { alias: Some(Username::new("also-called")).into(), ..person() };
    let mut account = Case::account();
    account.authenticators.push(authenticator());
    let (origin, now) = (Origin::default(), Timestamp(SINCE));
    for (person, requirement) in [(&person(), Requirement::Asked), (&aliased, Requirement::NotAsked(Rule::ExemptUser))]
    {
        let visit = LoginContext { person, service: "sshd", origin: &origin, now, earlier: None };
        assert_eq!(config.decide::<()>(&Database, &visit, Ok(Some(&account))), Ok(requirement));
    }
}

#[test]
fn the_log_has_what_a_rule_goes_by() {
    let line = |rule: Rule| rule.describe(Line::new("not-asked")).finish();
    assert_eq!(line(Rule::Suspended), "not-asked rule=suspended");
    assert_eq!(line(Rule::ExemptGroup("robots".into())), "not-asked rule=exempt-group group=robots");
    assert_eq!(line(Rule::NotYet(Timestamp(7))), "not-asked rule=not-required-yet required_from=7");
    assert_eq!(line(Rule::Grace(Timestamp(8))), "not-asked rule=grace until=8");
}
