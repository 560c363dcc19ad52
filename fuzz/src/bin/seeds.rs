//! Writes what the fuzzers begin with: what the real writers write, whole and full. Once, in `fuzz/`:
//! `cargo run --bin seeds`. What fuzzers found since stands beside it in `corpus/`.

use std::time::Duration;
use std::{fs, io};

use twostep_core::account::{Account, Invite, PendingAuthenticator, Suspension};
use twostep_core::app_password::{AppPasswords, NewAppPassword};
use twostep_core::ledger::Ledger;
use twostep_core::otp::{Label, base32, uri};
use twostep_core::recovery::RecoverySet;
use twostep_core::refusals::Refusals;
use twostep_core::request::{AttemptId, Call, Done, Login, Outcome, Phase, Request, Response, Shown, Use, VERSION};
use twostep_core::secret::{NoRandomness, Secret, Typed};
use twostep_core::throttle::{Class, Limits, Origin, Source, Sums};
use twostep_core::time::{Step, Timestamp, Uptime};
use twostep_fuzz::phone::{NOW, Phone, WALL, alice};

fn main() -> io::Result<()> {
    let account = account().map_err(|error| io::Error::other(error.to_string()))?;
    let text = account.to_text();
    put("account", "whole", text.as_bytes())?;
    put("account", "body", text.split_at(text.trim_end().rfind('\n').unwrap_or(0) + 1).0.as_bytes())?;
    put("account", "empty", Account::new(&alice().name, alice().uid, WALL).to_text().as_bytes())?;
    let ledger = ledger().to_slot(0);
    let length = ledger.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    put("ledger", "body", ledger.get(36..length + 16).unwrap_or_default())?;
    for (name, how, slot) in [("older", 0, &ledger), ("newer", 3, &ledger), ("cut", 2, &ledger[..100].to_vec())] {
        put("slots", name, &[&[how], slot.as_slice()].concat())?;
    }
    let mut refusals = Refusals::default();
    for at in 0..40_u64 {
        let _ = refusals.count(&format!("192.0.2.{}", at % 20), Uptime(at));
    }
    put("refusals", "full", &refusals.to_bytes())?;
    for (name, request) in requests().map_err(|error| io::Error::other(error.to_string()))? {
        put("request", name, &serde_json::to_vec(&request)?)?;
        put("call", name, &serde_json::to_vec(&Call { version: VERSION, request })?)?;
    }
    let accepted = Response::Done(Done {
        outcome: Outcome::Accepted,
        show: vec![Shown::Notice("Welcome.".to_owned())],
        hand_over: Some("{}".to_owned()),
        cut: 6,
    });
    put("response", "done", &serde_json::to_vec(&accepted)?)?;
    let phone = Phone::new(6).authenticator();
    let label = Label { issuer: "example.org", account: "alice" };
    put("uri", "phone", uri(&Secret::new(vec![b'k'; 20]), phone.parameters(), Step(0), label).expose().as_bytes())?;
    let row = format!("user,secret\nalice,{}\n", base32(&Secret::new(vec![b'k'; 20])).expose());
    put("batch", "csv", row.as_bytes())
}

fn put(target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(format!("corpus/{target}"))?;
    fs::write(format!("corpus/{target}/seed-{name}"), bytes)
}

/// As full as an account gets.
fn account() -> Result<Account, NoRandomness> {
    let mut account = Account::new(&alice().name, alice().uid, WALL);
    account.authenticators = vec![Phone::new(6).authenticator(), Phone::that_counts(8).authenticator()];
    account.pending = Some(PendingAuthenticator {
        created_at: WALL,
        expires_at: Timestamp(WALL.0 + 900),
        proved: true,
        begun_by: "login 192.0.2.1".to_owned(),
        tries: 2,
        replaces: Some(Phone::new(6).id()),
        renews_codes: true,
        authenticator: Phone::new(7).authenticator(),
    });
    let (mut recovery, _) = RecoverySet::generate(3, WALL)?;
    let step =
        twostep_core::request::SecondStep { at: WALL.0, service: "sshd".to_owned(), source: "tty:tty1".to_owned() };
    recovery.spend(1, step.clone());
    recovery.issue(WALL)?;
    account.recovery = Some(recovery);
    let mut passwords = AppPasswords::new()?;
    let networks = ["192.0.2.0/24", "2001:db8::/32"].into_iter().filter_map(twostep_core::document::network).collect();
    let (label, services) = ("laptop".to_owned(), vec!["dovecot".to_owned()]);
    passwords
        .add(NewAppPassword { label, services, networks, expires: Some(Duration::from_secs(9)), preset: true }, WALL)?;
    account.app_passwords = Some(passwords);
    account.invite = Some(Invite::new(WALL, WALL)?.0);
    let (by, reason) = ("root".to_owned(), "phone lost".to_owned());
    account.suspension = Some(Suspension { from: WALL, until: WALL, by, reason });
    account.last_second_step = Some(step);
    account.grace_since = Some(WALL);
    account.remember("192.0.2.1");
    account.record(WALL, "enrolled", "phone");
    Ok(account)
}

/// A bit of everything.
fn ledger() -> Ledger {
    let mut ledger = Ledger::new(NOW.uptime, Sums::default());
    ledger.belong_to(1000, Sums { strangers: 1, known: 2, anyone: 3, callers: 4 });
    let source = Source::of(&Origin { rhost: Some("192.0.2.1".to_owned()), ..Origin::default() }, &[]);
    let wait = Duration::from_secs(5);
    ledger.throttle.fail(&source, Class::Known, NOW.uptime, &Limits { failures: 1, wait, max_wait: wait, cap: 100 });
    ledger.spend("0000000000000006", Step(9));
    ledger.show("0000000000000006", Step(11));
    ledger.wrong.add("192.0.2.1");
    ledger.pass(NOW.uptime);
    ledger.remember("192.0.2.1 sshd".to_owned(), NOW.uptime);
    ledger.use_app_password("0000000000000001", Use { at: WALL.0, source: "192.0.2.1".to_owned() });
    ledger
}

fn requests() -> Result<[(&'static str, Request); 4], NoRandomness> {
    let typed = |text: &str| Typed::new(text.to_owned());
    Ok([
        ("status", Request::Status {}),
        (
            "begin",
            Request::Begin { label: Some("phone".to_owned()), proof: None, permit: Some(typed("x")), device: None },
        ),
        ("login", Request::Login(login()?)),
        ("synchronize", Request::Synchronize { first: typed("123456"), second: typed("654321") }),
    ])
}

/// A login with all that it can say.
fn login() -> Result<Login, NoRandomness> {
    Ok(Login {
        phase: Phase::Auth,
        attempt: AttemptId::fresh()?,
        user: "alice".to_owned(),
        service: "sshd".to_owned(),
        rhost: Some("192.0.2.1".to_owned()),
        tty: Some("ssh".to_owned()),
        real_uid: 0,
        options: vec!["forward_pass".to_owned()],
        key_accepted: true,
        answers: vec![Typed::new("hunter2123456".to_owned())],
        unanswered: false,
        holds_code: true,
        session: Some(7),
        login_uid: Some(1000),
        ticket: Some("0123456789abcdef0123456789abcdef".to_owned()),
        hand_over: Some("{}".to_owned()),
    })
}
