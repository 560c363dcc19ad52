//! Every rule of policy through every caller, with a whole, a missing and an unreadable account.

use std::time::Duration;

use super::*;
use crate::groups::Database;
use crate::overview::Overview;

/// What a caller learns where the account cannot be read and that matters.
const ERROR: &str = "error";
/// Where logins come from that have an address.
const HOME: &str = "192.0.2.1";

/// Whether a rule does not reach a caller.
type Beyond = fn(&Asker) -> bool;

/// One rule, and what it says by the state of the account.
struct Case {
    policy: String,
    /// Makes the account that the rule is about.
    account: fn(&World),
    whole: &'static str,
    missing: &'static str,
    unreadable: &'static str,
    /// The callers that the rule does not reach, and what they are told.
    beyond: Option<(Beyond, [&'static str; 3])>,
}

impl Case {
    fn new(policy: &str, account: fn(&World), [whole, missing, unreadable]: [&'static str; 3]) -> Self {
        Self { policy: policy.to_owned(), account, whole, missing, unreadable, beyond: None }
    }

    fn beyond(self, callers: Beyond, told: [&'static str; 3]) -> Self {
        Self { beyond: Some((callers, told)), ..self }
    }
}

fn enrolled(_: &World) {}

fn suspended(world: &World) {
    world.manager(Authority::Administrator).suspend(Duration::from_secs(600), "root", "").unwrap();
}

fn remembered(world: &World) {
    let passed = afterwards(&visiting(), &world.config, &world.store(), &world.clock, Passed::Code);
    assert_eq!(passed, Ok(None));
}

/// No authenticator, and time to enroll that began now.
fn reset(world: &World) {
    let _ = world.manager(Authority::Administrator).reset_for_test();
}

/// No authenticator yet, and no time of its own.
fn pending(world: &World) {
    reset(world);
    let forgotten = world.store().update(&alice(), |held| {
        held.account.as_mut().unwrap().grace_since = None;
        held.keep(Keep::Account);
    });
    forgotten.unwrap();
    let begun = world.ask(Request::Begin { label: None, proof: None, permit: None, device: None });
    assert!(matches!(begun, Response::Pending(_)));
}

fn cases() -> Vec<Case> {
    let group = nix::unistd::Group::from_gid(nix::unistd::getegid()).unwrap().unwrap().name;
    let of_group = |key: &str| format!("{key} = [\"{group}\"]");
    let dated = |since: &str| format!("required = true\nsince = {since}\ngrace = \"10d\"");
    vec![
        Case::new("", enrolled, ["enrolled", "not-enrolled", ERROR]),
        Case::new("required = true", enrolled, ["enrolled", "required", ERROR]),
        Case::new(&of_group("required_groups"), enrolled, ["enrolled", "required", ERROR]),
        Case::new("required_groups = [\"no-such-group\"]", enrolled, ["enrolled", "not-enrolled", ERROR]),
        Case::new(&dated("2999-01-01T00:00:00Z"), enrolled, ["enrolled", "not-required-yet", ERROR]),
        Case::new(&dated("2027-01-15T00:00:00Z"), enrolled, ["enrolled", "grace", ERROR]),
        Case::new("required = true", reset, ["grace", "required", ERROR]),
        Case::new("required = true", pending, ["required", "required", ERROR]),
        Case::new("", pending, ["not-enrolled", "not-enrolled", ERROR]),
        Case::new("", suspended, ["suspended", "not-enrolled", ERROR]),
        Case::new("required = true\nexempt_users = [\"alice\"]", enrolled, ["exempt-user"; 3]),
        Case::new("exempt_users = [\"alice\"]", suspended, ["suspended", "exempt-user", "exempt-user"]),
        Case::new("exempt_users = [\"alice\"]\nremember = \"1h\"", remembered, ["exempt-user"; 3]),
        Case::new(&format!("required = true\n{}", of_group("exempt_groups")), enrolled, ["exempt-group"; 3]),
        Case::new("exempt_services = [\"SSHD\"]", pending, ["exempt-service"; 3])
            .beyond(|caller| caller.name == "a report", ["not-enrolled", "not-enrolled", ERROR]),
        Case::new("required = true\nexempt_networks = [\"192.0.2.0/24\"]", enrolled, ["exempt-network"; 3])
            .beyond(|caller| !caller.has_address, ["enrolled", "required", ERROR]),
        Case::new("remember = \"1h\"", remembered, ["remembered", "not-enrolled", ERROR])
            .beyond(|caller| !caller.remembers, ["enrolled", "not-enrolled", ERROR]),
    ]
}

/// Who asks for a decision, and how they put it.
struct Asker {
    name: &'static str,
    has_address: bool,
    remembers: bool,
    asks: fn(&World) -> String,
    /// What of a decision this caller tells.
    tells: fn(&'static str) -> &'static str,
}

const fn caller(name: &'static str, asks: fn(&World) -> String) -> Asker {
    Asker { name, has_address: true, remembers: true, asks, tells: |decision| decision }
}

const CALLERS: [Asker; 11] = [
    caller("a login by root", login_by_root),
    caller("admin check --login", check_login),
    Asker { has_address: false, remembers: false, ..caller("a login by the user's process", login_by_user) },
    Asker { has_address: false, remembers: false, ..caller("a login by a listed caller", login_by_caller) },
    Asker { remembers: false, ..caller("an application password by root", app_password_by_root) },
    Asker {
        has_address: false,
        remembers: false,
        ..caller("an application password by a listed caller", app_password_by_caller)
    },
    Asker {
        has_address: false,
        remembers: false,
        ..caller("an application password by the user's process", app_password_by_user)
    },
    Asker { tells: is_asked, ..caller("require_step in the account phase", account_phase) },
    Asker { remembers: false, tells: must, ..caller("enrollment that is owed", enrollment_owed) },
    Asker { has_address: false, remembers: false, tells: of_the_user_alone, ..caller("a report", report) },
    // The last one: it begins the time to enroll.
    Asker { remembers: false, tells: grace_alone, ..caller("the reminder in the account phase", reminder) },
];

fn claims() -> Claims {
    let origin = Origin { rhost: Some(HOME.into()), tty: None, real_uid: 0 };
    Claims { service: "sshd".into(), origin, first_step_passed: false }
}

fn visiting() -> Attempt {
    Attempt::from_root(alice(), claims())
}

/// The same claims by a process of alice's own.
fn by_user() -> Attempt {
    Attempt::from_user(alice(), claims())
}

/// The same by a listed caller.
fn by_caller() -> Attempt {
    Attempt::from_caller(alice(), "www-data", claims())
}

fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::NotAsked(rule) => rule.to_string(),
        Verdict::MustEnroll => "required".into(),
        Verdict::Accepted(_) | Verdict::Refused(_) => "enrolled".into(),
    }
}

fn wrong() -> Scripted<'static> {
    Scripted { answer: RefCell::new(Some(Typed::new("x".into()))), meanwhile: &|| {} }
}

fn login_by_root(world: &World) -> String {
    login_by(world, &visiting())
}

fn login_by_user(world: &World) -> String {
    login_by(world, &by_user())
}

fn login_by_caller(world: &World) -> String {
    login_by(world, &by_caller())
}

fn login_by(world: &World, attempt: &Attempt) -> String {
    let verdict = second_step(attempt, &world.config, &world.store(), &world.clock, &wrong());
    verdict.map_or(ERROR.into(), |verdict| told(&verdict))
}

fn check_login(world: &World) -> String {
    let standing = rehearse(&visiting(), &world.config, &world.store(), world.clock.now());
    standing.map_or(ERROR.into(), |standing| standing.requirement.to_string())
}

fn app_password_by_root(world: &World) -> String {
    app_password_by(world, &visiting())
}

fn app_password_by_user(world: &World) -> String {
    app_password_by(world, &by_user())
}

fn app_password_by_caller(world: &World) -> String {
    app_password_by(world, &by_caller())
}

fn app_password_by(world: &World, attempt: &Attempt) -> String {
    let wrong = Typed::new("x".into());
    let judged = app_password(attempt, &world.config, &world.store(), &world.clock, &wrong);
    judged.map_or(ERROR.into(), |judged| told(&judged.verdict))
}

fn account_phase(world: &World) -> String {
    let applies = applies(&visiting(), &world.config, &world.store(), &world.clock);
    applies.map_or(ERROR, |applies| if applies { "asked" } else { "not-asked" }).into()
}

fn is_asked(decision: &'static str) -> &'static str {
    match decision {
        ERROR => ERROR,
        "enrolled" | "required" => "asked",
        _ => "not-asked",
    }
}

fn enrollment_owed(world: &World) -> String {
    let owed = must_enroll(&visiting(), &world.config, &world.store(), &world.clock);
    owed.map_or(ERROR, |owed| if owed { "required" } else { "no" }).into()
}

fn must(decision: &'static str) -> &'static str {
    if matches!(decision, ERROR | "required") { decision } else { "no" }
}

fn reminder(world: &World) -> String {
    let told = afterwards(&visiting(), &world.config, &world.store(), &world.clock, Passed::NotAsked);
    told.map_or(ERROR, |told| told.map_or("no", |_| "grace")).into()
}

fn grace_alone(decision: &'static str) -> &'static str {
    if matches!(decision, ERROR | "grace") { decision } else { "no" }
}

/// A report is about a user, and no service.
fn report(world: &World) -> String {
    let store = world.store();
    let row = Overview { config: &world.config, store: &store, clock: &world.clock, groups: &Database }.row(&alice());
    match (row.exempt, row.suspended_until, row.grace_until) {
        (Some(exempt), ..) => exempt.split(' ').next().unwrap().to_owned(),
        (_, Some(_), _) => "suspended".into(),
        (.., Some(_)) => "grace".into(),
        _ if row.overdue => "required".into(),
        _ if row.trouble.is_some() => ERROR.into(),
        _ => "nothing".into(),
    }
}

fn of_the_user_alone(decision: &'static str) -> &'static str {
    match decision {
        "not-required-yet" => "grace",
        "enrolled" | "not-enrolled" => "nothing",
        decision => decision,
    }
}

#[test]
fn every_caller_decides_alike() {
    for case in cases() {
        let config = format!("[policy]\n{}\n", case.policy);
        let whole = World::enrolled(&config);
        (case.account)(&whole);
        let unreadable = World::enrolled(&config);
        (case.account)(&unreadable);
        fs::write(unreadable.account(), "garbage").unwrap();
        let expected = [case.whole, case.missing, case.unreadable];
        let worlds = [("whole", whole), ("missing", World::new(&config)), ("unreadable", unreadable)];
        for (index, (state, world)) in worlds.iter().enumerate() {
            for caller in &CALLERS {
                let decision = match case.beyond {
                    Some((is_beyond, told)) if is_beyond(caller) => told[index],
                    _ => expected[index],
                };
                let Asker { name, asks, tells, .. } = caller;
                assert_eq!(asks(world), tells(decision), "{name}, {state} account, {}", case.policy);
            }
        }
    }
}

/// What one answer comes to, in an exchange of its own.
fn answered(world: &World, attempt: &Attempt, answer: &str) -> Verdict {
    let (id, answers) = (AttemptId::fresh().unwrap(), [Typed::new(answer.into())]);
    let exchange = Exchange { id: &id, answers: &answers };
    let step = super::super::second_step(attempt, &exchange, &world.config, &world.store(), &world.clock);
    let Ok(LoginStep::Done(verdict)) = step else { panic!("{step:?}") };
    verdict
}

#[test]
fn an_answer_counts_whatever_policy_says_by_then_but_for_exempt_users() {
    let answer = |world: &World, code: &str| answered(world, &by_user(), code);
    let world = World::enrolled("[policy]\nremember = \"1h\"\n");
    remembered(&world);
    suspended(&world);
    assert_eq!(login_by_user(&world), "suspended");
    assert_eq!(reason(&answer(&world, "000000")), "wrong-code");
    assert!(matches!(answer(&world, &world.code(0)), Verdict::Accepted(_)));
    // Nobody can answer for an enrollment that is gone.
    reset(&world);
    assert_eq!(reason(&answer(&world, &world.code(1))), "enrollment-vanished");
    let exempt = World::enrolled("[policy]\nexempt_users = [\"alice\"]\n");
    fs::write(exempt.account(), "garbage").unwrap();
    assert_eq!(answer(&exempt, "000000"), Verdict::NotAsked(crate::policy::Rule::ExemptUser));
}

#[test]
fn an_answer_of_root_counts_though_the_user_was_suspended_meanwhile() {
    let world = World::enrolled("");
    let wrong = world.try_with("000000", HOME, &|| suspended(&world)).unwrap();
    assert_eq!(reason(&wrong), "wrong-code");
    let world = World::enrolled("");
    let right = world.try_with(&world.code(0), HOME, &|| suspended(&world)).unwrap();
    assert!(matches!(right, Verdict::Accepted(_)), "{right:?}");
}
