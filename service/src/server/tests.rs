use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::geteuid;
use protocol::frame::LONGEST_REQUEST;
use protocol::request::{Refused, Request, VERSION};
use protocol::secret::Typed;

use super::*;
use crate::sockets::Sockets;

/// A service whose answers say who asked; some requests panic or take long.
struct TestService {
    folder: tempfile::TempDir,
    server: Arc<Server>,
}

fn answer(caller: &Caller, call: Call) -> Response {
    match call.request {
        Request::RegenerateRecoveryCodes { proof } if proof.expose() == "panic" => panic!("with {}", proof.expose()),
        Request::RegenerateRecoveryCodes { proof } => {
            thread::sleep(Duration::from_millis(proof.expose().parse().unwrap()));
            Response::Revoked { labels: vec![] }
        }
        Request::AppPasswords {} => Response::Revoked { labels: vec!["x".repeat(LONGEST_RESPONSE)] },
        _ => Response::Revoked { labels: vec![caller.uid().to_string()] },
    }
}

fn host() -> TestService {
    let folder = tempfile::tempdir().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), mode).unwrap();
    let server = Server::new(answer);
    for (door, listener) in Sockets::make(folder.path()).unwrap().take() {
        server.open(door, listener).unwrap();
    }
    TestService { folder, server }
}

impl TestService {
    fn connect(&self, door: Endpoint) -> UnixStream {
        connect(&self.folder.path().join(format!("{}.sock", door.name())))
    }

    fn ask(&self, door: Endpoint, request: Request) -> Response {
        let stream = self.connect(door);
        frame::send(&stream, &Call { version: VERSION, request }, LONGEST_REQUEST).unwrap();
        // A busy machine may have the service say so.
        let mut responses = std::iter::repeat_with(|| frame::receive(&stream, LONGEST_RESPONSE).unwrap());
        responses.find(|response| !matches!(response, Response::Wait { .. })).unwrap()
    }

    fn is_well(&self) {
        for _ in 0..8 {
            let own = geteuid().as_raw().to_string();
            let response = self.ask(Endpoint::User, Request::Status {});
            assert!(matches!(&response, Response::Revoked { labels } if *labels == [own.clone()]), "{response:?}");
        }
    }
}

fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn after(proof: &str) -> Request {
    Request::RegenerateRecoveryCodes { proof: Typed::new(proof.to_owned()) }
}

fn is_refused(response: &Response, wanted: Refusal, words: &str) -> bool {
    matches!(response, Response::Refused(refused) if *refused == Refused::new(wanted, words))
}

#[test]
fn each_socket_serves_those_it_is_for() {
    let host = host();
    host.is_well();
    for door in [Endpoint::Login, Endpoint::Admin] {
        let response = host.ask(door, Request::Status {});
        match geteuid().is_root() {
            true => assert!(matches!(response, Response::Revoked { .. }), "{response:?}"),
            false => assert!(is_refused(&response, Refusal::BadCaller, messages::ROOT_ONLY), "{response:?}"),
        }
    }
}

#[test]
fn what_is_no_request_is_answered_and_holds_nobody_up() {
    let host = host();
    for wrong in [&b"\0\0\0\x02{}"[..], b"\x01\0\0\0", b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x04\xff\xfe\0\0"] {
        let mut stream = host.connect(Endpoint::User);
        stream.write_all(wrong).unwrap();
        let response = frame::receive(&stream, LONGEST_RESPONSE).unwrap();
        assert!(is_refused(&response, Refusal::BadRequest, messages::NOT_A_REQUEST), "{response:?}");
        assert_eq!(stream.read(&mut [0]).unwrap_or_default(), 0);
    }
    for half in [&b""[..], b"\0\0", b"\0\0\0\x09{\"vers"] {
        let mut stream = host.connect(Endpoint::User);
        stream.write_all(half).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    host.is_well();
}

#[test]
fn who_is_slow_holds_a_worker_for_two_seconds() {
    let host = host();
    let began = now();
    let mut slow = host.connect(Endpoint::User);
    slow.write_all(&[0, 0, 0x10, 0]).unwrap();
    while slow.write_all(b" ").is_ok() {
        assert!(now() - began < 2 * RECEIVE);
        thread::sleep(Duration::from_millis(20));
    }
    assert!(now() - began >= RECEIVE);
    host.is_well();
}

#[test]
fn a_panic_is_an_answer_and_the_worker_goes_on() {
    let host = host();
    for _ in 0..5 {
        let response = host.ask(Endpoint::User, after("panic"));
        assert!(is_refused(&response, Refusal::Failed, messages::BROKEN), "{response:?}");
    }
    // What is too long for a frame is one too.
    let response = host.ask(Endpoint::User, Request::AppPasswords {});
    assert!(is_refused(&response, Refusal::Failed, messages::BROKEN), "{response:?}");
    host.is_well();
}

#[test]
fn who_waits_is_told_within_a_second() {
    let host = host();
    let stream = host.connect(Endpoint::User);
    let began = now();
    frame::send(&stream, &Call { version: VERSION, request: after("1500") }, LONGEST_REQUEST).unwrap();
    assert!(matches!(frame::receive(&stream, LONGEST_RESPONSE).unwrap(), Response::Wait { seconds: 3 }));
    assert!(now() - began < Duration::from_secs(1));
    assert!(matches!(frame::receive(&stream, LONGEST_RESPONSE).unwrap(), Response::Revoked { .. }));
    // And the one who is answered at once is not.
    thread::sleep(Duration::from_millis(100));
    host.is_well();
}

#[test]
fn one_user_cannot_take_the_service_from_the_others() {
    let host = host();
    // In a process of another user if this one may, since root has no limit of its own.
    let mut flood = Command::new(std::env::current_exe().unwrap());
    flood.args(["--exact", "server::tests::floods", "--ignored"]).current_dir(host.folder.path());
    if geteuid().is_root() {
        flood.uid(4321);
    }
    let mut flood = flood.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut told = String::new();
    let mut output = flood.stdout.take().unwrap();
    while !told.contains("flooded") {
        let mut some = [0; 256];
        let length = output.read(&mut some).unwrap();
        assert!(length > 0, "{told}");
        told.push_str(&String::from_utf8_lossy(&some[..length]));
    }
    // Its connections are silent, and still open.
    let began = now();
    if geteuid().is_root() {
        host.is_well();
        assert!(now() - began < RECEIVE);
    }
    drop(flood.stdin.take());
    assert!(flood.wait().unwrap().success());
}

#[test]
#[ignore = "one_user_cannot_take_the_service_from_the_others starts it as another user"]
fn floods() {
    let connections: Vec<_> = (0..100).map(|_| connect(Path::new("user.sock"))).collect();
    let is_turned_away = |stream: &&UnixStream| {
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        matches!(frame::receive(*stream, LONGEST_RESPONSE), Ok(response) if is_refused(&response, Refusal::Busy, messages::BUSY))
    };
    assert_eq!(connections.iter().filter(is_turned_away).count(), 100 - waiting::EACH);
    writeln!(std::io::stdout(), "flooded").unwrap();
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn the_end_waits_for_requests_at_work() {
    let host = host();
    let stream = host.connect(Endpoint::User);
    frame::send(&stream, &Call { version: VERSION, request: after("400") }, LONGEST_REQUEST).unwrap();
    thread::sleep(Duration::from_millis(100));
    let began = now();
    host.server.stop(Duration::from_secs(10));
    assert!((Duration::from_millis(200)..Duration::from_secs(5)).contains(&(now() - began)));
    assert!(matches!(frame::receive(&stream, LONGEST_RESPONSE).unwrap(), Response::Revoked { .. }));
}

#[test]
fn the_end_waits_for_nobody_for_ever() {
    let host = host();
    let stream = host.connect(Endpoint::User);
    frame::send(&stream, &Call { version: VERSION, request: after("60000") }, LONGEST_REQUEST).unwrap();
    thread::sleep(Duration::from_millis(100));
    let began = now();
    host.server.stop(Duration::from_millis(300));
    assert!(now() - began < Duration::from_secs(5));
}
