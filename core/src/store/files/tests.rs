//! The store while other processes use it. The other process is this program once more.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::*;
use crate::store::lock::holder_of;
use crate::store::open::is_trusted;

/// Where the other process finds the store, and what it does there.
const FOLDER: &str = "TWOSTEP_TEST_FOLDER";
const ROLE: &str = "TWOSTEP_TEST_ROLE";

/// A store without an account.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["state/accounts", "state/uids"] {
        fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    folder
}

fn store(folder: &Path) -> FilesStore {
    FilesStore::below(folder, SystemClock)
}

fn alice() -> Person {
    Person { name: Username::new("alice"), alias: None.into(), uid: 1000, gid: 1000 }
}

/// Starts this program once more, as [`other_process`], and waits for its first line.
fn start(folder: &Path, role: &str) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::files::tests::other_process", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(ROLE, role)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut words = lines.filter_map(|line| line.strip_prefix("other: ").map(str::to_owned));
    assert_eq!(words.next().as_deref(), Some("ready"));
    (child, words)
}

#[test]
#[ignore = "started by the tests beside it"]
#[expect(clippy::disallowed_methods, reason = "it is told by its environment what to do")]
fn other_process() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let role = std::env::var(ROLE).unwrap();
    let charge = |held: &mut Held| held.ledger.wrong.add("charge");
    let kind = if role == "service" { ProcessKind::Service } else { ProcessKind::Once };
    let store = store(&folder).opened_by(kind);
    if role == "count" {
        println!("\nother: ready");
        loop {
            let count = store.update_charged(&alice(), charge, |held, ()| {
                held.ledger.wrong.add("count");
                held.ledger.wrong.count
            });
            println!("other: {}", count.unwrap());
        }
    }
    let done = store.update_charged(&alice(), charge, |_, ()| {
        println!("\nother: ready");
        sleep(Duration::from_secs(60));
    });
    done.unwrap();
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it is about how long another process really waits")]
fn a_holder_that_was_stopped_costs_others_two_seconds_and_is_ended() {
    let folder = folder();
    let (mut other, _lines) = start(folder.path(), "hold");
    let stop = Command::new("kill").args(["-STOP", &other.id().to_string()]).status().unwrap();
    assert!(stop.success());
    let (store, begun) = (store(folder.path()), std::time::Instant::now());
    let charged = store.update(&alice(), |held| held.ledger.wrong.clone()).unwrap();
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_secs(2) && waited < Duration::from_secs(12), "{waited:?}");
    assert_eq!((charged.count, charged.source.as_str()), (1, "charge"), "what it had charged stays");
    assert_eq!(other.wait().unwrap().signal(), Some(9));
    let ended = StoreError::HolderEnded { pid: other.id(), kind: ProcessKind::Once };
    assert_eq!(store.warnings(), std::slice::from_ref(&ended));
    assert!(ended.to_string().contains("(twostepd --once)"), "{ended}");
    assert_eq!(store.update(&alice(), |held| held.ledger.wrong.count), Ok(1));
    assert!(store.warnings().is_empty());
}

#[test]
fn the_service_is_not_ended_nor_a_process_with_a_recycled_pid() {
    let folder = folder();
    for role in ["service", "hold"] {
        let (mut other, _lines) = start(folder.path(), role);
        let recorded = holder_of(&folder.path().join("run/ledgers/alice")).unwrap();
        assert_eq!((recorded.pid, recorded.kind == ProcessKind::Service), (other.id(), role == "service"));
        let (this, recycled) = (store(folder.path()).process(), Process { started: recorded.started + 1, ..recorded });
        assert!(!recycled.end_for(&this) && (role == "hold" || !recorded.end_for(&this)), "{role}");
        assert_eq!(other.try_wait().unwrap(), None, "{role}");
        assert!(Process { kind: ProcessKind::Once, ..recorded }.end_for(&this), "{role}: nothing else keeps it");
        assert_eq!(other.wait().unwrap().signal(), Some(9), "{role}");
    }
}

/// Wherever it is ended, it leaves a ledger that is whole and no lock, and all that it said stands.
#[test]
fn a_holder_that_is_killed_at_any_point_leaves_a_whole_ledger_and_everything_it_recorded() {
    let folder = folder();
    let store = store(folder.path());
    // One that is ended while it makes the ledger leaves a file of its own too.
    let epoch = store.update(&alice(), |held| held.ledger.epoch).unwrap();
    for round in 0..20_u32 {
        let (mut other, lines) = start(folder.path(), "count");
        sleep(Duration::from_micros((round * 997).into()));
        other.kill().unwrap();
        other.wait().unwrap();
        let said = lines.last().map_or(0, |line| line.parse().unwrap());
        let ledger = store.update(&alice(), |held| held.ledger.clone()).unwrap();
        assert!(ledger.wrong.count >= said, "round {round}: {said}, {}", ledger.wrong.count);
        assert_eq!(epoch, ledger.epoch, "round {round}: it is the same ledger");
    }
    assert!(store.warnings().is_empty());
    assert_eq!(fs::read_dir(folder.path().join("run/ledgers")).unwrap().count(), 1);
}

#[test]
fn each_taking_is_recorded_and_released() {
    let folder = folder();
    let (store, path) = (store(folder.path()), folder.path().join("run/ledgers/alice"));
    let takings = [(); 3].map(|()| {
        let during = store.update(&alice(), |_| holder_of(&path).map(|holder| holder.is_this())).unwrap();
        assert_eq!(during, Some(true));
        assert_eq!(holder_of(&path), None);
        fs::read(&path).unwrap()[0]
    });
    assert_eq!(takings, [0, 1, 2]);
}

#[test]
fn what_root_makes_is_open_to_nobody_else() {
    let folder = folder();
    let made = store(folder.path()).update(&alice(), |held| {
        held.account = Some(Account::new(&held.name, held.uid, Timestamp(0)));
        held.keep(Keep::Account);
    });
    made.unwrap();
    let source = Source::of(&crate::throttle::Origin::default(), &[]);
    assert_eq!(store(folder.path()).count_refusal(&alice(), &source, Uptime(5)), Told::ALONE);
    let modes = [
        ("run", 0o755),
        ("run/since", 0o644),
        ("run/ledgers", 0o700),
        ("run/ledgers/alice", 0o600),
        ("run/ledgers/alice.refusals", 0o600),
        ("state/accounts/alice.toml", 0o600),
    ];
    for (name, mode) in modes {
        let found = fs::metadata(folder.path().join(name)).unwrap();
        assert_eq!(found.mode() & 0o7777, mode, "{name}");
        assert!(is_trusted(found.uid()), "{name}");
    }
}

#[test]
fn a_directory_in_which_others_may_write_is_not_used() {
    for name in ["state", "state/accounts", "run", "run/ledgers"] {
        for mode in [0o1777, 0o770, 0o1730] {
            let folder = folder();
            let store = store(folder.path());
            store.update(&alice(), |_| ()).unwrap();
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
            let refused = [store.update(&alice(), |_| ()), self::store(folder.path()).update(&alice(), |_| ())];
            // The parent of the accounts is looked at when they are opened.
            let opens_it_once = name == "state" && refused[0].is_ok();
            assert!(opens_it_once || matches!(refused[0], Err(StoreError::Unsafe { .. })), "{name} {mode:o}");
            assert!(matches!(refused[1], Err(StoreError::Unsafe { .. })), "{name} {mode:o}");
        }
    }
}

#[test]
fn a_next_version_that_was_left_over_is_replaced() {
    let folder = folder();
    let (left, store) = (folder.path().join("state/accounts/alice.toml.new"), store(folder.path()));
    fs::write(&left, "half an acc").unwrap();
    let made = store.update(&alice(), |held| {
        held.account = Some(Account::new(&held.name, held.uid, Timestamp(0)));
        held.keep(Keep::Account);
    });
    made.unwrap();
    assert!(!left.exists() && store.find(&alice()).unwrap().is_some());
    assert_eq!(store.account_names().unwrap(), ["alice"]);
}

#[test]
fn what_is_no_ledger_is_replaced_by_one_that_reopens_nothing() {
    type InTheWay = fn(&Path);
    let things: [InTheWay; 5] = [
        |path| fs::write(path, "x").unwrap(),
        |path| fs::create_dir(path).unwrap(),
        |path| std::os::unix::fs::symlink("elsewhere", path).unwrap(),
        |path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
        |path| {
            store(path.ancestors().nth(3).unwrap()).update(&alice(), |_| ()).unwrap();
            fs::hard_link(path, path.with_extension("link")).unwrap();
        },
    ];
    for (number, thing) in things.iter().enumerate() {
        let folder = folder();
        let path = folder.path().join("run/ledgers/alice");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(folder.path().join("run/since"), "0\n").unwrap();
        thing(&path);
        let (store, now) = (store(folder.path()), SystemClock.now().uptime);
        let epoch = store.update(&alice(), |held| held.ledger.epoch).unwrap();
        // A directory was never a ledger.
        assert!(epoch >= now || number == 1, "{number}");
        assert_eq!(store.update(&alice(), |held| held.ledger.epoch), Ok(epoch), "{number}");
    }
}
