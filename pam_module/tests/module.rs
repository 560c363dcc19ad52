//! The built module, loaded by libpam as a program would.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The module as cargo builds it, with a feature or without.
fn module(features: &str) -> PathBuf {
    built("pam_twostep", &["--features", features], "libpam_twostep.so", &format!("with-{features}"))
}

/// The program that root's processes execute where no service listens.
fn service() -> PathBuf {
    built("service", &[], "twostepd", "service")
}

/// cargo builds neither a cdylib nor the programs of other crates for tests, so it is asked to, in the folder
/// where these tests were built.
fn built(package: &str, more: &[&str], file: &str, kept: &str) -> PathBuf {
    static BUILDING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = BUILDING.lock();
    let tests = std::env::current_exe().unwrap();
    let profile = tests.ancestors().nth(2).unwrap();
    let target = profile.parent().unwrap().to_str().unwrap();
    let mut arguments = vec!["build", "--quiet", "--locked", "--package", package, "--target-dir", target];
    arguments.extend(if cfg!(debug_assertions) { &[][..] } else { &["--release"] });
    output_of(env!("CARGO"), &[&arguments[..], more].concat());
    let kept = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(kept).join(file.trim_start_matches("lib"));
    fs::create_dir_all(kept.parent().unwrap()).unwrap();
    // Put in place whole: another test may be loading the one that is there.
    let copy = kept.with_extension("new");
    fs::copy(profile.join(file), &copy).unwrap();
    fs::rename(&copy, &kept).unwrap();
    kept
}

fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "{program} {arguments:?}: {told}{complaint}");
    told
}

/// A folder of PAM services and a program that uses them.
struct Program {
    folder: tempfile::TempDir,
    module: PathBuf,
    service: PathBuf,
}

impl Program {
    fn new(features: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile.c");
        let program = folder.path().join("hostile");
        let arguments = ["-Wall", "-Wextra", "-Werror", "-o", program.to_str().unwrap(), source.to_str().unwrap()];
        output_of("cc", &[&arguments[..], &["-l:libpam.so.0"]].concat());
        fs::write(folder.path().join("other"), "").unwrap();
        Self { folder, module: module(features), service: service() }
    }

    /// The same in a view of this machine with the service's program, in which a configuration requires the
    /// second step; only root can open one.
    fn run_in_view(&self, options: &str, conversation: &str, phases: &str) -> Option<String> {
        let config = self.folder.path().join("config.toml");
        fs::write(&config, "version = 1\n[policy]\nrequired = true\n").unwrap();
        if fs::metadata(&config).unwrap().uid() != 0 {
            return None;
        }
        let view = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/view/enter");
        self.write_stack(&format!("config={} {options}", config.display()));
        let folder = self.folder.path().to_str().unwrap();
        let (program, service) = (format!("{folder}/hostile"), self.service.to_str().unwrap());
        let run = ["sh", "-c", "install -D \"$0\" /usr/libexec/twostep/twostepd && exec \"$@\"", service, &program];
        let arguments = [&run[..], &[folder, "service", "nobody-here", conversation, phases]].concat();
        Some(output_of(view.to_str().unwrap(), &arguments))
    }

    /// What the program prints for user `nobody-here`, with one pam_twostep line in each phase.
    fn run(&self, options: &str, conversation: &str, phases: &str) -> String {
        self.write_stack(options);
        let folder = self.folder.path().to_str().unwrap();
        output_of(&format!("{folder}/hostile"), &[folder, "service", "nobody-here", conversation, phases])
    }

    fn write_stack(&self, options: &str) {
        let module = self.module.display();
        let line = |phase| format!("{phase} [default=bad success=ok ignore=ignore] {module} {options}\n");
        let stack: String = ["auth", "account", "session", "password"].map(line).concat();
        fs::write(self.folder.path().join("service"), stack).unwrap();
    }
}

#[test]
fn it_exports_its_entry_points_and_nothing_else() {
    let told = output_of("nm", &["-D", "--defined-only", module("").to_str().unwrap()]);
    let mut names: Vec<&str> = told.lines().filter_map(|line| line.split_whitespace().last()).collect();
    names.sort_unstable();
    let phases = ["acct_mgmt", "authenticate", "chauthtok", "close_session", "open_session", "setcred"];
    assert_eq!(names, phases.map(|phase| format!("pam_sm_{phase}")));
}

#[test]
fn it_needs_libc_and_libpam_and_nothing_else() {
    let told = output_of("readelf", &["--dynamic", "--wide", module("").to_str().unwrap()]);
    let needed = told.lines().filter(|line| line.contains("(NEEDED)"));
    let names: Vec<&str> = needed.filter_map(|line| line.split(['[', ']']).nth(1)).collect();
    assert!(names.contains(&"libpam.so.0"), "{names:?}");
    let ours =
        |name: &str| name.starts_with("libpam.so") || name.starts_with("libc.so") || name.starts_with("ld-linux");
    assert!(names.iter().all(|name| ours(name)), "{names:?}");
}

#[test]
fn it_is_bound_before_it_runs() {
    let told = output_of("readelf", &["--dynamic", "--program-headers", "--wide", module("").to_str().unwrap()]);
    assert!(told.contains("BIND_NOW") && told.contains("GNU_RELRO"), "{told}");
}

#[test]
fn it_stays_in_a_program_that_had_it_once() {
    let told = output_of("readelf", &["--dynamic", "--wide", module("").to_str().unwrap()]);
    assert!(told.contains("NODELETE"), "{told}");
}

#[test]
fn given_an_option_that_is_not_understood_then_every_decision_is_an_error_that_names_it() {
    let program = Program::new("");
    for (options, named) in [
        ("nullok", "the option nullok does not go with a line without forward_pass: remove it"),
        ("use_first_pass", "write forward_pass"),
        ("require_stepp", "unknown option require_stepp"),
        ("prompt=", "the option prompt has no value"),
        ("\u{1b}[2J", "unknown option \\\\u{1b}[2J"),
    ] {
        let told = program.run(options, "=123456", "ac");
        assert!(told.contains("a 3\n") && told.contains("c 3\n"), "{told}");
        assert!(told.contains("log 3 pam_twostep(service:auth): error service=service reason="), "{told}");
        assert!(told.contains(named) && !told.contains('\u{1b}'), "{told}");
    }
}

#[test]
fn given_no_key_in_the_pam_environment_then_ssh_key_takes_no_part() {
    let told = Program::new("").run("mode=ssh_key", "none", "a");
    // libpam makes PAM_PERM_DENIED of a stack in which everyone ignored.
    assert!(told.starts_with("a 6\n"), "{told}");
}

#[test]
fn given_a_session_or_a_change_of_password_then_nobody_is_disturbed() {
    let told = Program::new("").run("unknown", "none", "xox");
    assert_eq!(told.matches("x 0\n").count(), 2, "{told}");
    assert!(told.contains("o 0\n"), "{told}");
}

#[test]
fn given_no_authentication_then_the_account_phase_takes_no_part() {
    let told = Program::new("").run("", "none", "c");
    assert_eq!(told.lines().next(), Some("c 6"), "{told}");
}

#[test]
fn given_a_conversation_that_keeps_no_promise_then_the_login_is_refused_and_nothing_is_left() {
    let program = Program::new("");
    for (conversation, replies) in [
        ("none", "replies 0 freed 0 texts 0 freed 0 unwiped 0"),
        ("fails", "replies 0 freed 0 texts 0 freed 0 unwiped 0"),
        ("fails+reply", "replies 1 freed 1 texts 1 freed 1 unwiped 0"),
        ("again", "replies 0 freed 0 texts 0 freed 0 unwiped 0"),
        ("no-array", "replies 0 freed 0 texts 0 freed 0 unwiped 0"),
        ("no-text", "replies 2 freed 2 texts 0 freed 0 unwiped 0"),
        ("=123456", "replies 2 freed 2 texts 1 freed 1 unwiped 0"),
    ] {
        let Some(told) = program.run_in_view("", conversation, "a") else { return };
        assert!(told.contains("a 7\n") && told.contains(replies), "{conversation}: {told}");
        assert_eq!(told.contains("say 1 Verification code: \n"), conversation != "none", "{told}");
    }
}

#[test]
fn given_such_a_conversation_about_a_password_then_nobody_answered_and_nothing_is_left() {
    let program = Program::new("");
    for (conversation, replies) in [
        ("none", "replies 0 freed 0 texts 0 freed 0 unwiped 0"),
        ("fails", "replies 0 freed 0 texts 0 freed 0 unwiped 0"),
        ("fails+reply", "replies 1 freed 1 texts 1 freed 1 unwiped 0"),
        ("again", "replies 0 freed 0 texts 0 freed 0 unwiped 0"),
        ("no-array", "replies 0 freed 0 texts 0 freed 0 unwiped 0"),
        ("no-text", "replies 1 freed 1 texts 0 freed 0 unwiped 0"),
        ("=correct horse", "replies 2 freed 2 texts 1 freed 1 unwiped 0"),
    ] {
        let Some(told) = program.run_in_view("mode=app_password", conversation, "a") else { return };
        assert!(told.contains("a 7\n") && told.contains(replies), "{conversation}: {told}");
        assert_eq!(told.contains("say 1 Password: \n"), conversation != "none", "{told}");
        assert!(!told.contains("correct horse"), "{told}");
    }
}

#[test]
fn given_options_for_the_question_then_it_is_asked_that_way() {
    let program = Program::new("");
    for (options, question) in [
        ("echo [prompt=Your code, please: ]", "say 2 Your code, please: \n"),
        ("forward_pass", "say 1 Password & verification code: \n"),
        ("qr=utf8 after_first_step", "say 1 Verification code: \n"),
        ("mode=app_password [prompt=Mail password: ] echo", "say 2 Mail password: \n"),
    ] {
        let Some(told) = program.run_in_view(options, "=123456", "a") else { return };
        // It judges nothing, and libpam makes PAM_PERM_DENIED of a stack in which everyone ignored.
        let code = if options == "forward_pass" { "a 6\n" } else { "a 7\n" };
        assert!(told.starts_with(question) && told.contains(code), "{told}");
    }
}

#[test]
fn given_a_panic_then_the_login_is_refused_and_the_program_lives() {
    let told = Program::new("fault-panic").run("", "=123456", "axa");
    assert_eq!(told.matches("a 3\n").count(), 2, "{told}");
    assert!(told.contains("x 0\n") && told.contains("replies 0 "), "{told}");
    assert!(
        told.contains("log 3 pam_twostep(service:auth): error reason=\"the module panicked at pam_module/src/lib.rs:"),
        "{told}"
    );
    assert!(!told.contains("hunter2"), "{told}");
}
