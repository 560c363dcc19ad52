//! `twostepd` as its callers and systemd start it.

#![cfg(test)]

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use protocol::frame::{self, LONGEST_REQUEST, LONGEST_RESPONSE};
use protocol::request::{Call, Refusal, Refused, Request, Response, VERSION};
use twostep_core::messages::service as messages;

const PROGRAM: &str = env!("CARGO_BIN_EXE_twostepd");

fn call(request: Request) -> Call {
    Call { version: VERSION, request }
}

fn is_refused(response: &Response, wanted: Refusal, words: &str) -> bool {
    matches!(response, Response::Refused(Refused { reason, text }) if *reason == wanted && text.contains(words))
}

/// `--once` behind words of a shell, and the other end of its standard input.
fn once(shell: &str) -> (Child, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let line = format!("{shell} exec \"$0\" --once");
    let child =
        Command::new("sh").args(["-c", &line, PROGRAM]).env_clear().stdin(OwnedFd::from(theirs)).spawn().unwrap();
    (child, ours)
}

#[test]
fn other_arguments_are_answered_with_the_usage() {
    for arguments in [&["--help"][..], &["--once", "--listen"], &["x"]] {
        let output = Command::new(PROGRAM).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr).unwrap().starts_with("usage: twostepd"));
    }
    let output = Command::new(PROGRAM).env_remove("LISTEN_FDS").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("systemd passed no sockets"));
    let events = Command::new(PROGRAM).arg("--events").output().unwrap();
    assert!(String::from_utf8(events.stdout).unwrap().contains("\nrefused 5 "));
}

/// The service on sockets that were passed as systemd does, and what it tells systemd.
struct Service {
    folder: tempfile::TempDir,
    child: Child,
    told: UnixDatagram,
}

fn service(names: &str) -> Service {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let told = UnixDatagram::bind(at("notify")).unwrap();
    told.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let pass = |name| OwnedFd::from(UnixListener::bind(at(name)).unwrap());
    let child = Command::new("sh")
        .args(["-c", "exec \"$0\" 3<&0 4>&1 </dev/null >/dev/null", PROGRAM])
        .stdin(pass("login.sock"))
        .stdout(pass("user.sock"))
        .stderr(Stdio::piped())
        .env_remove("LISTEN_PID")
        .envs([("LISTEN_FDS", "2"), ("LISTEN_FDNAMES", names), ("WATCHDOG_USEC", "300000")])
        .env("NOTIFY_SOCKET", at("notify"))
        .spawn()
        .unwrap();
    Service { folder, child, told }
}

impl Service {
    fn hears(&self, wanted: &str) {
        let mut buffer = [0; 256];
        loop {
            let length = self.told.recv(&mut buffer).unwrap();
            if String::from_utf8_lossy(&buffer[..length]).contains(wanted) {
                return;
            }
        }
    }

    fn connect(&self, name: &str) -> UnixStream {
        let stream = UnixStream::connect(self.folder.path().join(name)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }
}

#[test]
fn the_service_tells_systemd_how_it_is_and_ends_when_told() {
    let mut service = service("login:user");
    service.hears("READY=1");
    service.hears("WATCHDOG=1");
    service.hears("WATCHDOG=1");
    let wanted = if geteuid().is_root() { messages::ROOT } else { messages::ROOT_ONLY };
    let stream = service.connect("login.sock");
    frame::send(&stream, &call(Request::Status {}), LONGEST_REQUEST).unwrap();
    let response = frame::receive(&stream, LONGEST_RESPONSE).unwrap();
    assert!(is_refused(&response, Refusal::BadCaller, wanted), "{response:?}");
    let stream = service.connect("user.sock");
    frame::send(&stream, &Call { version: 99, request: Request::Status {} }, LONGEST_REQUEST).unwrap();
    assert!(matches!(frame::receive(&stream, LONGEST_RESPONSE).unwrap(), Response::Version { knows: VERSION }));

    kill(Pid::from_raw(service.child.id().cast_signed()), Signal::SIGTERM).unwrap();
    service.hears("STOPPING=1");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
    // They are systemd's.
    assert!(service.folder.path().join("login.sock").exists());
}

#[test]
fn sockets_without_the_right_names_are_not_served() {
    for names in ["login:other", "user:user", "login.sock:user", ":"] {
        let service = service(names);
        let output = service.child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{names}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("FileDescriptorName=login, admin, user"), "{names}: {told}");
    }
}

#[test]
fn one_request_is_answered_for_root_alone() {
    let (mut child, stream) = once("");
    if !geteuid().is_root() {
        assert_eq!(child.wait().unwrap().code(), Some(1));
        return;
    }
    frame::send(&stream, &call(Request::Status {}), LONGEST_REQUEST).unwrap();
    let response = frame::receive(&stream, LONGEST_RESPONSE).unwrap();
    assert!(is_refused(&response, Refusal::BadCaller, messages::ROOT), "{response:?}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    for input in [Stdio::null(), Stdio::piped()] {
        let output = Command::new(PROGRAM).arg("--once").stdin(input).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().contains("Only root"));
    }
}

/// What a process that has left its caller's reach looks like.
fn proc(child: &Child, name: &str) -> String {
    fs::read_to_string(format!("/proc/{}/{name}", child.id())).unwrap()
}

fn waits_for_its_request(child: &Child) -> bool {
    (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        // It has started a second thread, and waits.
        proc(child, "cmdline").starts_with("twostepd") && proc(child, "status").contains("Threads:\t2")
    })
}

#[test]
#[ignore = "needs root"]
fn one_request_is_answered_out_of_the_callers_reach() {
    let hostile = "trap '' HUP TERM; ulimit -S -f 1; ulimit -S -n 20; ulimit -c unlimited; cd /tmp; export A=b; \
                   echo 500 >/proc/self/oom_score_adj; exec 7</dev/null; exec nice -n 9 taskset 1 setpriv --groups 4,5 \
                   sh -c 'exec \"$0\" --once' \"$0\";";
    let (mut child, stream) = once(hostile);
    assert!(waits_for_its_request(&child));
    let status = proc(&child, "status");
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert_eq!((field("Groups:"), field("SigBlk:")), (String::new(), "0".repeat(16)));
    let ignored = u64::from_str_radix(&field("SigIgn:"), 16).unwrap();
    assert_eq!(ignored & ((1 << 14) | 1), 0);
    assert_eq!(proc(&child, "stat").rsplit(')').next().unwrap().split(' ').nth(17), Some("0"));
    assert_eq!(proc(&child, "oom_score_adj").trim(), "0");
    assert_eq!(proc(&child, "environ"), "");
    let limits = proc(&child, "limits");
    let limit = |name: &str| limits.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert!(limit("Max file size").starts_with("unlimited") && limit("Max core file size").starts_with("0 "));
    assert!(limit("Max open files").starts_with("1024"), "{limits}");
    assert_eq!(fs::read_link(format!("/proc/{}/cwd", child.id())).unwrap(), Path::new("/"));
    assert!(!Path::new(&format!("/proc/{}/fd/7", child.id())).exists());
    assert_eq!(
        proc(&child, "stat").rsplit(')').next().unwrap().split(' ').nth(4),
        Some(child.id().to_string().as_str())
    );
    frame::send(&stream, &call(Request::Status {}), LONGEST_REQUEST).unwrap();
    assert!(is_refused(&frame::receive(&stream, LONGEST_RESPONSE).unwrap(), Refusal::BadCaller, messages::ROOT));
    assert!(child.wait().unwrap().success());
}

#[test]
#[ignore = "needs root"]
fn a_limit_that_cannot_be_raised_is_named() {
    for (limit, words) in [("-f 100", "ulimit -f"), ("-n 30", "ulimit -n")] {
        let shell = format!(
            "exec setpriv --bounding-set -sys_resource --inh-caps -sys_resource sh -c 'ulimit {limit}; exec \"$0\" --once' \"$0\";"
        );
        let (mut child, stream) = once(&shell);
        frame::send(&stream, &call(Request::Status {}), LONGEST_REQUEST).unwrap();
        let response = frame::receive(&stream, LONGEST_RESPONSE).unwrap();
        assert!(is_refused(&response, Refusal::Failed, words), "{response:?}");
        assert!(child.wait().unwrap().success());
    }
}

/// `--listen` in a mount namespace of its own, whose /run is empty.
#[test]
#[ignore = "needs root"]
fn without_systemd_the_sockets_are_made_and_removed() {
    let shell = "mount -t tmpfs none /run || exit; \"$0\" --listen & service=$!; \
                 for i in $(seq 100); do [ -S /run/twostep/user.sock ] && break; sleep 0.05; done; \
                 stat -c '%a %n' /run/twostep /run/twostep/*; \"$0\" --listen; echo \"second $?\"; \
                 kill $service; wait $service; echo \"first $?\"; ls /run/twostep";
    let output = Command::new("unshare").args(["--mount", "sh", "-c", shell, PROGRAM]).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        told,
        "755 /run/twostep\n600 /run/twostep/admin.sock\n600 /run/twostep/login.sock\n600 /run/twostep/twostepd.lock\n\
         666 /run/twostep/user.sock\nsecond 1\nfirst 0\ntwostepd.lock\n"
    );
    assert!(String::from_utf8(output.stderr).unwrap().contains("twostepd is running already"));
}
