//! The model of PAM stacks, held against the real libpam: random stacks of pam_debug.so, which returns
//! what its line says, tried by `pam_authenticate` and walked by the model.

#![cfg(test)]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use pam_client::Trial;
use pam_stacks::{Code, Files, ManagementGroup, Walk};
use proptest::prelude::*;

/// What modules return here, by the names that pam_debug knows.
const RETURNS: [&str; 8] =
    ["success", "auth_err", "perm_denied", "ignore", "user_unknown", "new_authtok_reqd", "cred_err", "module_unknown"];

const WORDS: [&str; 4] = ["required", "requisite", "sufficient", "optional"];

fn control() -> impl Strategy<Value = String> {
    let action = prop_oneof![
        prop::sample::select(vec!["ok", "done", "bad", "die", "ignore", "reset"]).prop_map(str::to_owned),
        (1..4_usize).prop_map(|lines| lines.to_string()),
    ];
    let code = prop::sample::select(RETURNS.iter().chain(&["default"]).copied().collect::<Vec<_>>());
    let pairs = prop::collection::vec((code, action), 1..4);
    let bracketed = pairs.prop_map(|pairs| {
        let pairs = pairs.iter().map(|(code, action)| format!("{code}={action}")).collect::<Vec<_>>();
        format!("[{}]", pairs.join(" "))
    });
    prop_oneof![4 => prop::sample::select(WORDS.to_vec()).prop_map(str::to_owned), 3 => bracketed]
}

/// A line; an include and a substack name the file below.
fn line(below: Option<&'static str>) -> BoxedStrategy<String> {
    let module = (control(), prop::sample::select(RETURNS.to_vec()))
        .prop_map(|(control, returns)| format!("auth {control} pam_debug.so auth={returns}"));
    let odd = prop::sample::select(vec![
        "auth requird pam_debug.so auth=success",
        "auth [success=fine] pam_debug.so auth=success",
        "-auth optional pam_no_such_module.so",
        "auth required pam_no_such_module.so",
        "auth sufficient \\\n  pam_debug.so # a comment\n# another\n auth required pam_debug.so auth=success",
        "account required pam_deny.so",
        "auth include /nonexistent/file",
        "auth required",
        "AUTH REQUIRED pam_permit.so",
        "auth\tsufficient\tpam_debug.so\tauth=success",
        "auth sufficient pam_debug.so auth=success \r",
        "auth required pam_permit.so\r",
        "\r",
        "\u{feff}auth required pam_permit.so",
        "\u{feff}# a comment",
        "auth required\u{a0}pam_permit.so",
        "auth sufficient \\ \t\n pam_debug.so auth=success",
    ]);
    let odd = odd.prop_map(str::to_owned);
    match below {
        None => prop_oneof![8 => module, 1 => odd].boxed(),
        Some(file) => {
            let included = prop::sample::select(vec!["@include FILE", "auth include FILE", "auth substack FILE"]);
            prop_oneof![8 => module, 1 => odd, 3 => included.prop_map(move |line| line.replace("FILE", file))].boxed()
        }
    }
}

fn lines(below: Option<&'static str>) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(line(below), 1..6)
}

/// The lines of a service that has none.
const OTHER: &str = "auth required pam_deny.so\n";

/// What the model says of the service.
fn walked(folder: &Path) -> Code {
    let text = fs::read_to_string(folder.join("t")).unwrap();
    let files = Files::below(Path::new("/")).with(Path::new("/etc/pam.d/twostep-model"), &text);
    let files = files.with(Path::new("/etc/pam.d/other"), OTHER);
    let stack = files.stack("twostep-model", ManagementGroup::Auth);
    if stack.broken.is_some() {
        return Code::named("abort").unwrap();
    }
    let mut walk = Walk::default();
    while let Some((_, line)) = walk.next(&stack.lines) {
        let module = line.module().map(|module| (module.stem().to_owned(), module.arguments.clone()));
        let code = match module {
            Some((name, _)) if name == "pam_no_such_module" => Code::MODULE_UNKNOWN,
            Some((name, arguments)) if name == "pam_debug" => {
                let named = arguments.iter().find_map(|word| word.strip_prefix("auth="));
                named.map_or(Code::SUCCESS, |name| Code::named(name).unwrap())
            }
            Some((name, _)) if name == "pam_deny" => Code::AUTH_ERR,
            // A carriage return is part of the name.
            Some((name, _)) if name.ends_with('\r') => Code::MODULE_UNKNOWN,
            _ => Code::SUCCESS,
        };
        walk.returns(&stack.lines, code);
    }
    walk.outcome()
}

/// What libpam says of it.
fn tried(folder: &Path) -> i32 {
    let folder = folder.to_str().unwrap();
    let trial = Trial { service: "t", folder, user: "root", rhost: None, is_account: false, password: b"wrong" };
    pam_client::trial(&trial).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_model_walks_every_stack_as_libpam_does(
        outer in lines(Some("FOLDER/a")),
        middle in lines(Some("FOLDER/b")),
        inner in lines(None),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, lines: &[String]| {
            let mut text = String::new();
            for line in lines {
                writeln!(text, "{}", line.replace("FOLDER", folder.path().to_str().unwrap())).unwrap();
            }
            fs::write(folder.path().join(name), text).unwrap();
        };
        put("t", &outer);
        put("a", &middle);
        put("b", &inner);
        // libpam wants one, and logs that it has none.
        fs::write(folder.path().join("other"), OTHER).unwrap();
        let (model, real) = (walked(folder.path()), tried(folder.path()));
        prop_assert_eq!(model.index(), usize::try_from(real).unwrap(), "{:?}\n{:?}\n{:?}", outer, middle, inner);
    }
}
