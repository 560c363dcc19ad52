//! What each kind of peer may claim: every field of a login is forged by every peer.

use protocol::options::NAMES;

use super::*;

const POLICY: &str = "[policy]\nafter_grace = \"enroll\"\nremember = \"1h\"\nexempt_networks = [\"203.0.113.0/24\"]\n\
                      exempt_users = [\"bob\"]\n[[callers]]\nuser = \"www-data\"\nservices = [\"nginx\"]\n";

/// A peer, and the login that it honestly sends.
struct Sender {
    name: &'static str,
    uid: u32,
    user: &'static str,
    service: &'static str,
}

const SENDERS: [Sender; 9] = [
    Sender { name: "root", uid: 0, user: "alice", service: "nginx" },
    Sender { name: "root", uid: 0, user: "carol", service: "nginx" },
    Sender { name: "the user", uid: ALICE, user: "alice", service: "nginx" },
    Sender { name: "the user", uid: CAROL, user: "carol", service: "nginx" },
    Sender { name: "a listed caller", uid: WWW_DATA, user: "alice", service: "nginx" },
    Sender { name: "a listed caller", uid: WWW_DATA, user: "carol", service: "nginx" },
    Sender { name: "a listed caller for another service", uid: WWW_DATA, user: "alice", service: "imap" },
    Sender { name: "another system user", uid: DAEMON, user: "alice", service: "nginx" },
    Sender { name: "another person", uid: BOB, user: "alice", service: "nginx" },
];

/// The names of the senders, as the columns of the table.
const COLUMNS: [&str; 6] = [
    "root",
    "the user",
    "a listed caller",
    "a listed caller for another service",
    "another system user",
    "another person",
];

/// A lie in one field, and which senders change anything by it.
type Forgery = (&'static str, fn(&mut Login), [bool; 6]);

const NOBODY: [bool; 6] = [false; 6];
const ROOT: [bool; 6] = [true, false, false, false, false, false];
/// Those whose answers are judged.
const JUDGED: [bool; 6] = [true, true, true, false, false, false];
const ALL: [bool; 6] = [true; 6];

fn option(login: &mut Login, option: &str) {
    login.options.push(option.to_owned());
}

const FORGERIES: [Forgery; 20] = [
    // Whom and what it is about, anyone may say: what a peer may do follows from it.
    ("user", |login| login.user = "bob".into(), ALL),
    ("service", |login| login.service = "vsftpd".into(), ALL),
    ("unanswered", |login| login.unanswered = true, ALL),
    ("answers", |login| login.answers.push(Typed::new("12".into())), JUDGED),
    // A caller's word tells its wrong answers apart, and exempts nobody.
    ("rhost", |login| login.rhost = Some("203.0.113.5".into()), [true, false, true, false, false, false]),
    ("tty", |login| login.tty = Some("tty7".into()), ROOT),
    ("real_uid", |login| login.real_uid = 4242, ROOT),
    ("key_accepted", |login| login.key_accepted = true, ROOT),
    ("config", |login| option(login, "config=/elsewhere.toml"), ROOT),
    ("after_first_step", |login| option(login, "after_first_step"), ROOT),
    ("mode", |login| option(login, "mode=app_password"), ALL),
    ("prompt", |login| option(login, "prompt=Token: "), JUDGED),
    ("echo", |login| option(login, "echo"), JUDGED),
    ("forward_pass", |login| option(login, "forward_pass"), JUDGED),
    // It spares a code only with the session, which has a test of its own.
    ("recent", |login| option(login, "recent=10m"), NOBODY),
    ("nullok", |login| login.options.extend(["forward_pass", "nullok"].map(str::to_owned)), JUDGED),
    // With a key to draw, and without.
    ("qr", |login| login.options.extend(ENROLLING.map(str::to_owned)), ROOT),
    ("qr", |login| option(login, "qr=ascii"), NOBODY),
    ("enroll", |login| login.options.extend(ENROLLING.map(str::to_owned)), ROOT),
    // It refuses more, so anyone may say it.
    ("require_step", |login| option(login, "require_step"), ALL),
];

const ENROLLING: [&str; 3] = ["enroll", "after_first_step", "qr=ascii"];

impl Sender {
    fn peer(&self) -> Peer {
        if self.uid == 0 { Peer::Root } else { Peer::User(self.uid) }
    }

    /// All that a login of this sender comes to, and leaves on the host.
    fn effects(&self, template: &World, forge: fn(&mut Login)) -> Vec<String> {
        let world = template.twin();
        let mut effects = Vec::new();
        let mut send = |phase, answers: &[&str]| {
            let mut login = Login { phase, ..answered(&login(self.user, self.service), answers) };
            forge(&mut login);
            effects.push(serde_json::to_string(&world.ask(&self.peer(), &login)).unwrap());
        };
        send(Phase::Auth, &[]);
        send(Phase::Auth, &["000000"]);
        send(Phase::Auth, &[&world.code("alice", 18)]);
        send(Phase::Auth, &[&world.code("alice", 0)]);
        for phase in [Phase::Account, Phase::Credentials, Phase::Session] {
            send(phase, &[]);
        }
        effects.extend(world.logged());
        effects.extend(state(&world));
        effects
    }
}

/// What a host knows of alice and carol, and whether it would ask root for alice's code.
fn state(world: &World) -> Vec<String> {
    let mut state: Vec<String> = ["alice", "carol"].map(|user| world.account(user)).into();
    for user in ["alice", "carol"] {
        let slots = world.ledger(user).map(|ledger| ledger.throttle.slots);
        state.push(format!("{slots:?}"));
    }
    let home = Login { rhost: Some("192.0.2.1".into()), ..login("alice", "nginx") };
    state.push(format!("{:?}", world.ask(&Peer::Root, &home)));
    state
}

#[test]
fn what_a_peer_may_not_claim_changes_nothing() {
    // A field that is added must be forged here too. The attempt only names the login; the hand-over,
    // a code that is held, and sessions have tests of their own.
    let Login {
        phase: _,
        attempt: _,
        user: _,
        service: _,
        rhost: _,
        tty: _,
        real_uid: _,
        options: _,
        key_accepted: _,
        answers: _,
        unanswered: _,
        holds_code: _,
        session: _,
        login_uid: _,
        ticket: _,
        hand_over: _,
    } = login("alice", "nginx");
    for name in NAMES {
        assert!(FORGERIES.iter().any(|(field, ..)| *field == name), "the option {name} must be forged too");
    }
    let template = World::enrolled(&POLICY.replacen("[policy]", "[policy]\nrequired = true", 1));
    let honest: Vec<_> = SENDERS.iter().map(|sender| sender.effects(&template, |_| {})).collect();
    let again: Vec<_> = SENDERS.iter().map(|sender| sender.effects(&template, |_| {})).collect();
    assert_eq!(again, honest, "nothing differs by itself");
    for (field, forge, changes) in FORGERIES {
        let mut changed = [false; 6];
        for (sender, honest) in SENDERS.iter().zip(&honest) {
            let column = COLUMNS.iter().position(|name| *name == sender.name).unwrap();
            changed[column] |= sender.effects(&template, forge) != *honest;
        }
        assert_eq!(changed, changes, "{field} by {COLUMNS:?}");
    }
}

/// Root's account phase records what the auth phase came to.
#[test]
fn a_hand_over_of_anyone_but_root_leaves_nothing_on_the_host() {
    for uid in [0, ALICE, WWW_DATA, DAEMON, BOB] {
        for passage in [Passage::CodeAccepted, Passage::NotAsked, Passage::EnrollsNow(Enrolling::Code)] {
            let world = World::enrolled(POLICY);
            let peer = if uid == 0 { Peer::Root } else { Peer::User(uid) };
            let before = state(&world);
            let account = Login {
                phase: Phase::Account,
                rhost: Some("192.0.2.1".into()),
                hand_over: left("alice", "nginx", passage),
                ..with_options(login("alice", "nginx"), &["enroll"])
            };
            let done = world.ask(&peer, &account);
            let is_remembered = uid == 0 && passage == Passage::CodeAccepted;
            assert_eq!(state(&world) != before, is_remembered, "{uid} {passage:?}");
            let is_passed = matches!(done, Response::Done(Done { outcome: Outcome::Accepted, .. }));
            assert!(!is_passed || [0, ALICE, WWW_DATA].contains(&uid), "{uid} {passage:?}");
        }
    }
}

#[test]
fn a_listed_caller_logs_in_others_to_its_services_alone() {
    let world = World::enrolled(POLICY);
    let caller = Peer::User(WWW_DATA);
    let nginx = Login { rhost: Some("192.0.2.1".into()), ..login("alice", "NGINX") };
    assert!(matches!(world.ask(&caller, &nginx), Response::Ask(_)));
    let refused = world.done(&caller, &answered(&nginx, &["000000"]));
    assert_eq!((refused.outcome, texts(&refused)), (Outcome::Refused, vec![messages::GENERIC]));
    let line = world.last_line();
    assert_eq!(line, "refused user=alice service=NGINX caller=www-data rhost=192.0.2.1 reason=wrong-code");
    let code = world.code("alice", 0);
    let again = Login { attempt: AttemptId::fresh().unwrap(), ..answered(&nginx, &[&code]) };
    assert_eq!(world.outcome(&caller, &again), Outcome::Accepted);
    assert!(world.last_line().starts_with("accepted user=alice service=NGINX caller=www-data rhost=192.0.2.1 "));
    let refused = world.done(&caller, &answered(&login("alice", "imap"), &[&world.code("alice", 1)]));
    assert_eq!((refused.outcome, texts(&refused)), (Outcome::Refused, vec![messages::NOT_A_LISTED_CALLER]));
    let line = world.last_line();
    assert!(line.starts_with("refused user=alice service=imap reason=not-a-listed-caller remedy="), "{line}");
    assert!(line.contains("[[callers]]"), "{line}");
}

/// What it hears may reach anyone on the net.
#[test]
fn a_listed_caller_hears_nothing_that_tells_of_a_code() {
    let world = World::enrolled(POLICY);
    let misplaced = world.code("alice", 18);
    for answer in ["000000", misplaced.as_str(), "x", ""] {
        let done = world.done(&Peer::User(WWW_DATA), &answered(&login("alice", "nginx"), &[answer]));
        assert_eq!((done.outcome, texts(&done)), (Outcome::Refused, vec![messages::GENERIC]), "{answer:?}");
    }
    // A user hears it of a process of their own.
    let done = world.done(&Peer::User(ALICE), &answered(&login("alice", "nginx"), &["000000"]));
    assert_ne!(texts(&done), [messages::GENERIC]);
}

#[test]
fn another_system_user_is_told_of_whom_nothing_is_required() {
    let world = World::enrolled(POLICY);
    let daemon = Peer::User(DAEMON);
    for mode in [&[][..], &["mode=app_password"]] {
        let login_of = |user: &str| answered(&with_options(login(user, "cups"), mode), &["secret"]);
        for (user, rule) in [("bob", "exempt-user"), ("carol", "not-enrolled"), ("www-data", "not-enrolled")] {
            assert_eq!(world.outcome(&daemon, &login_of(user)), Outcome::NotAsked, "{user}");
            assert!(world.last_line().contains(&format!(" rule={rule}")), "{user}");
        }
        for user in ["alice", "nobody-here"] {
            assert_eq!(world.outcome(&daemon, &login_of(user)), Outcome::Refused, "{user}");
            assert!(world.last_line().contains(" reason=not-a-listed-caller "), "{user}");
        }
    }
    fs::write(world.folder.path().join("state/accounts/alice.toml"), "garbage").unwrap();
    assert_eq!(world.outcome(&daemon, &login("alice", "cups")), Outcome::Failed);
}

#[test]
fn another_person_is_refused_alike_for_everyone() {
    let world = World::enrolled(POLICY);
    fs::write(world.folder.path().join("state/accounts/carol.toml"), "garbage").unwrap();
    let users = ["alice", "carol", "bob", "root", "daemon", "nobody-here"];
    // The log counts those of one peer after some lines.
    let mut peers = 1234..;
    for options in [&[][..], &["mode=app_password"], &["forward_pass"], &["require_step"]] {
        for phase in [Phase::Auth, Phase::Account, Phase::Credentials, Phase::Session] {
            let told = users.map(|user| {
                let uid = peers.next().unwrap();
                let hand_over = left(user, "nginx", Passage::CodeAccepted);
                let login = Login { phase, hand_over, ..with_options(login(user, "nginx"), options) };
                let response = world.ask(&Peer::User(uid), &answered(&login, &["123456"]));
                let line = world.last_line().replace(&format!("user={user} "), "").replace(&format!("uid={uid}"), "");
                (serde_json::to_string(&response).unwrap(), line)
            });
            assert!(told.iter().all(|one| *one == told[0]), "{options:?} {phase:?} {told:?}");
            if matches!(phase, Phase::Auth | Phase::Account) {
                assert!(told[0].0.contains("\"refused\""), "{told:?}");
                assert!(told[0].1.contains("reason=not-the-process-owner"), "{told:?}");
            }
        }
    }
}

#[test]
fn refusals_of_one_peer_are_counted_after_ten_lines_and_those_of_another_are_not() {
    let world = World::enrolled(POLICY);
    let lines_of = |uid| {
        let lines = (0..50).map(|_| {
            world.ask(&Peer::User(uid), &login("alice", "nginx"));
            world.last_line()
        });
        lines.filter(|line| !line.is_empty()).count()
    };
    assert_eq!([lines_of(1234), lines_of(1235), lines_of(DAEMON)], [10, 10, 10]);
}

#[test]
fn what_others_chose_is_cut_in_the_log() {
    let world = World::enrolled(POLICY);
    world.ask(&Peer::User(1234), &login("alice", &"\u{7f}".repeat(8000)));
    let line = world.last_line();
    assert!(line.len() < 2000 && line.contains("reason=not-the-process-owner"), "{line}");
}

#[test]
fn a_listed_caller_has_one_budget_over_all_users() {
    let mut world = World::enrolled(&format!("[throttle]\ncap = 4\n{POLICY}"));
    world.enroll("carol");
    let caller = Peer::User(WWW_DATA);
    let try_with = |user: &str, rhost: &str, code: &str| {
        let login = Login { rhost: Some(rhost.into()), ..login(user, "nginx") };
        let outcome = world.outcome(&caller, &answered(&login, &[code]));
        (outcome, world.last_line())
    };
    for (user, rhost) in
        [("alice", "192.0.2.1"), ("carol", "192.0.2.2"), ("alice", "192.0.2.3"), ("carol", "192.0.2.4")]
    {
        let (_, line) = try_with(user, rhost, "000000");
        assert!(line.ends_with("reason=wrong-code"), "{line}");
    }
    for user in ["alice", "carol"] {
        let (outcome, line) = try_with(user, "192.0.2.9", &world.code(user, 0));
        assert_eq!(outcome, Outcome::Refused);
        assert!(line.ends_with("reason=source-waits seconds=21600"), "{line}");
    }
    let by_root = answered(&login("alice", "nginx"), &[&world.code("alice", 0)]);
    assert_eq!(world.outcome(&Peer::Root, &by_root), Outcome::Accepted);
}

#[test]
fn a_wrong_application_password_says_the_same_to_every_peer() {
    let world = World::enrolled(POLICY);
    for uid in [0, WWW_DATA, ALICE, DAEMON, BOB] {
        let peer = if uid == 0 { Peer::Root } else { Peer::User(uid) };
        let login = with_options(login("alice", "nginx"), &["mode=app_password"]);
        let wrong = world.done(&peer, &answered(&login, &["abcd-efgh-abcd-efgh-abcd-efgh"]));
        assert_eq!((wrong.outcome, texts(&wrong)), (Outcome::Refused, vec![messages::NO_APP_PASSWORD]), "{peer:?}");
    }
}
