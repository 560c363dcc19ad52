//! The built program under callers that mean it badly: a clear refusal, whatever they hand down.

#![cfg(test)]

use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

const HELPER: &str = env!("CARGO_BIN_EXE_twostep-helper");
const STATUS: &[u8] = b"{\"do\":\"status\"}\n";

/// Runs the program through a shell that hands down what `how` says, `$0` being the program.
fn run(how: &str, input: &[u8]) -> Output {
    let mut child = Command::new("/bin/sh")
        .args(["-c", how, HELPER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that refuses before the end of the input is right to do so.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// The reason and the text of a refusal, which is the only thing printed.
fn refusal(output: &Output) -> (String, String) {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(output.stderr, b"", "{output:?}");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["result"], "refused", "{answer}");
    let word = |key: &str| answer[key].as_str().unwrap().to_owned();
    (word("reason"), word("text"))
}

#[test]
fn garbage_is_not_a_request() {
    for garbage in [&b"garbage\n"[..], b"\0\0\0", b"{\"do\":\"verify\"}\n", b"[[[[[[[[[[[[[[[["] {
        assert_eq!(refusal(&run("exec \"$0\"", garbage)).0, "bad_request");
    }
}

#[test]
fn no_request_names_whose_account_is_meant_or_what_a_preset_opens() {
    for request in [
        "{\"do\":\"app_passwords\",\"user\":\"root\"}\n",
        "{\"do\":\"ensure_app_password\",\"name\":\"mail\",\"services\":[\"sshd\"]}\n",
    ] {
        assert_eq!(refusal(&run("exec \"$0\"", request.as_bytes())).0, "bad_request", "{request}");
    }
}

#[test]
fn a_megabyte_is_not_a_request() {
    let (reason, text) = refusal(&run("exec \"$0\"", &vec![b'{'; 1_000_000]));
    assert_eq!(reason, "bad_request");
    assert!(text.contains("longer"), "{text}");
}

#[test]
fn a_closed_standard_input_is_an_empty_one() {
    assert_eq!(refusal(&run("exec \"$0\" <&-", STATUS)).0, "bad_request");
}

#[test]
fn a_closed_standard_output_is_said_on_standard_error() {
    for how in ["exec \"$0\" >&-", "exec \"$0\" >/dev/null", "exec \"$0\" 1</"] {
        let output = run(how, STATUS);
        assert_eq!(output.status.code(), Some(1), "{how}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("output is closed"), "{output:?}");
    }
    assert_eq!(run("exec \"$0\" <&- >&- 2>&-", STATUS).status.code(), Some(1));
}

#[test]
fn a_closed_standard_error_changes_nothing() {
    assert_eq!(refusal(&run("exec \"$0\" 2>&-", b"garbage\n")).0, "bad_request");
}

#[test]
fn arguments_are_answered_by_usage() {
    let output = run("exec \"$0\" --help", STATUS);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stdout, b"");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no arguments"));
}

#[test]
fn small_limits_are_refused_and_not_died_of() {
    for (how, what) in [("ulimit -f 0", "size of files"), ("ulimit -n 4", "open files")] {
        let (reason, text) = refusal(&run(&format!("{how}; exec \"$0\""), STATUS));
        assert_eq!(reason, "failed");
        assert!(text.contains(what), "{text}");
    }
}

#[test]
fn soft_limits_are_not_taken_over() {
    let (_, text) = refusal(&run("ulimit -S -f 0; ulimit -S -n 4; exec \"$0\"", b"garbage\n"));
    assert!(text.contains("not a request"), "{text}");
}

#[test]
fn a_caller_without_an_account_here_is_refused_with_the_remedy() {
    let (reason, text) = refusal(&run("exec \"$0\"", STATUS));
    if nix::unistd::getuid().is_root() {
        assert_eq!(reason, "bad_caller");
        assert!(text.contains("twostep admin"), "{text}");
    } else {
        assert_eq!(reason, "not_set_up");
    }
}

#[test]
fn two_users_at_once_are_refused() {
    if !nix::unistd::getuid().is_root() {
        return;
    }
    let how = "exec setpriv --ruid 65534 --clear-groups \"$0\"";
    let (reason, text) = refusal(&run(how, STATUS));
    assert_eq!(reason, "bad_caller");
    assert!(text.contains("two users"), "{text}");
}

#[test]
fn an_inherited_file_is_closed_before_the_request_comes() {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    fcntl(theirs.as_fd(), FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    assert!(theirs.as_raw_fd() > 2);
    let mut child = Command::new(HELPER).stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).spawn().unwrap();
    drop(theirs);
    let mut rest = Vec::new();
    // Ends only when the last copy of the other end is closed, and the program still waits.
    ours.read_to_end(&mut rest).unwrap();
    assert!(child.try_wait().unwrap().is_none());
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn a_signal_for_the_callers_job_does_not_end_it() {
    let mut child = Command::new(HELPER).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    wait_for_hardening(child.id());
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    for signal in [nix::sys::signal::SIGINT, nix::sys::signal::SIGXFSZ, nix::sys::signal::SIGALRM] {
        nix::sys::signal::kill(pid, signal).unwrap();
    }
    child.stdin.take().unwrap().write_all(b"garbage\n").unwrap();
    assert_eq!(refusal(&child.wait_with_output().unwrap()).0, "bad_request");
}

/// Waits until the process sits in the root folder, the last thing that hardening does, or cannot
/// be looked into any more, the second.
fn wait_for_hardening(pid: u32) {
    while std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|folder| folder.as_os_str() != "/") {
        std::thread::yield_now();
    }
}
