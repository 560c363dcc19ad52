//! The exit codes and error lines that scripts rely on, from the built program.

#![cfg(test)]

use std::process::{Command, Output, Stdio};

fn twostep(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_twostep")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The one line that a program reads.
fn error(output: &Output) -> serde_json::Value {
    let lines = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(lines.lines().count(), 1, "{lines}");
    serde_json::from_str::<serde_json::Value>(&lines).unwrap()["error"].clone()
}

#[test]
fn help_and_version_are_done() {
    for arguments in [&["--help"][..], &["--version"], &["enroll", "--help"], &["help", "admin"]] {
        let output = twostep(arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
    }
}

#[test]
fn wrong_usage_is_2_and_one_line_for_programs() {
    let output = twostep(&["unroll", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(error(&output)["reason"], "usage");
    assert!(error(&output)["message"].as_str().unwrap().contains("unroll"));
    let output = twostep(&["unroll"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stdout, b"");
    assert!(String::from_utf8_lossy(&output.stderr).contains("Usage"));
}

#[test]
fn whose_account_is_meant_must_be_clear() {
    let arguments: &[&str] = if is_root() { &["--json"] } else { &["--json", "status", "--user", "root"] };
    let output = twostep(arguments);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(error(&output)["reason"], "usage");
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("twostep: "));
}

#[test]
fn a_file_that_cannot_be_written_is_refused() {
    let user: &[&str] = if is_root() { &["--user", "root"] } else { &[] };
    let output = twostep(&[&["enroll", "--json", "--save-codes", "/nonexistent/codes"], user].concat());
    // Root's store is opened first, and a host without one says so.
    if output.status.code() == Some(3) {
        assert_eq!(error(&output)["reason"], "not_set_up");
        return;
    }
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(error(&output)["reason"], "file");
}
