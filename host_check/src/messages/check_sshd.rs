//! What `twostep admin check` finds in the configuration of sshd, and how to fix it. `whom` is empty or
//! begins with a space: for everybody, or for those of one Match block.

use std::io::Error;

/// `UsePAM no`.
pub fn without_pam(whom: &str) -> String {
    format!("sshd does not ask PAM{whom}, so it asks for no code.")
}

/// Why nobody gets in.
pub fn methods_off(names: &str) -> String {
    format!("AuthenticationMethods asks for {names}, which is off")
}

/// The same.
pub const NO_METHOD: &str = "no method is on";

/// Every way is closed.
pub fn nobody_in(whom: &str, why: &str) -> String {
    format!("sshd lets nobody in{whom}: {why}.")
}

/// A mistake in the file.
pub const CORRECT_IT: &str = "Correct it; `sudo sshd -t` says the same.";

/// A way in that has one question.
pub fn password_method(whom: &str) -> String {
    format!(
        "sshd offers the method `password`{whom}, which cannot ask for a code: a client that tries it gives the password as the code."
    )
}

/// The same.
pub fn password_asked_too(remedy: &str) -> String {
    format!("{remedy} keyboard-interactive asks for the password too.")
}

/// No way in has a second question.
pub fn cannot_ask(whom: &str, is_on: bool) -> String {
    let why = if is_on {
        "AuthenticationMethods names only the method `password` that"
    } else {
        "keyboard-interactive is off, and the method `password`"
    };
    format!("sshd cannot ask for a code{whom}: {why} has no second question.")
}

/// Where a setting stands that was given on the command line.
pub const AMONG_OPTIONS: &str = "among the options that sshd is started with";

/// A key, mostly.
pub fn without_code(way: &str, whom: &str) -> String {
    format!("{way} alone opens the door{whom}, without a code.")
}

/// The same.
pub const CODE_BEHIND_KEY: &str = "To ask for the code behind it: sudo twostep admin apply sshd --keys=only, or --keys=with-code where passwords are on. The examples have the stack sshd-key-or-password to write by hand.";

/// LoginGraceTime.
pub fn short_grace(seconds: u64, whom: &str) -> String {
    format!("sshd gives {seconds} seconds for the whole login{whom}: too little to look a code up.")
}

/// PermitRootLogin and the methods together.
pub const ROOT_CLOSED: &str =
    "root cannot log in by ssh: PermitRootLogin asks for a key alone, and the methods ask for more.";

/// The same.
pub fn root_by_key_and_code(remedy: &str) -> String {
    format!("That is safe. If root must get in by key and code: {remedy}")
}

/// The kernel refused.
pub fn unstarted(program: &str, error: &Error) -> String {
    format!("{program} cannot be started: {error}")
}

/// What a setting should be, and where.
pub fn write(settings: &[String]) -> String {
    format!("Write {}; then reload sshd.", settings.join(", and "))
}

/// What sshd offers, where PAM has no part.
pub const NOT_PAM: &str = "It does not ask PAM.";

/// What sshd offers.
pub fn offers(ways: &[String]) -> String {
    format!("It offers {}.", if ways.is_empty() { "no way in".to_owned() } else { ways.join(", or ") })
}

/// A folder that its service makes is missing.
pub const NEVER_RAN: &str = "sshd was not checked: it has never run since boot.";

/// The same.
pub const START_SSHD: &str = "Start sshd, and check again.";

/// What sshd says of its file.
pub fn configuration(why: &str) -> String {
    format!("sshd refuses its configuration and would not start again: {why}.")
}

/// A Match block that nobody made up fits.
pub fn match_not_checked(line: &str) -> String {
    format!("What sshd does for those of `{line}` was not checked: no example of them can be made up.")
}

/// The same.
pub const ASK_SSHD: &str = "Ask sshd about somebody real: sudo sshd -T -C user=NAME,host=HOST,addr=ADDRESS";

/// What a login proves.
pub const A_KEY: &str = "a key";

/// The same.
pub const A_PASSWORD: &str = "a password";

/// All that is proved on one way in.
pub fn way(proofs: &[String]) -> String {
    let all = proofs.join(" and ");
    if proofs.len() == 1 { format!("{all} alone") } else { all }
}

/// The ways in.
pub fn ways(ways: &[String]) -> String {
    if ways.is_empty() { "nothing".to_owned() } else { ways.join(", or ") }
}

/// From whom something is taken.
pub const NOT_ENROLLED: &str = "users who are not enrolled";

/// The same.
pub const ROOT_NOT_ENROLLED: &str = "root, if not enrolled";

/// The same.
pub fn those_of(fits: &str) -> String {
    format!("users of `{fits}` who are not enrolled")
}

/// Less would be enough than is now.
pub fn opened(opened: &str, who: &str, before: &str) -> String {
    format!("sshd would take {opened} from {who}; today it takes {before}.")
}

/// Users who get in by the first step.
pub fn password_alone(users: &str, is_one: bool) -> String {
    let are = if is_one { "is" } else { "are" };
    format!("By ssh a password alone lets in {users}, who {are} not enrolled.")
}

/// The same, where only our file opens it.
pub fn password_opened(users: &str, is_one: bool, ours: &str) -> String {
    format!("{} Without {ours} sshd would take no password from them.", password_alone(users, is_one))
}

/// The same.
pub const CLOSE_PASSWORDS: &str = "If passwords are meant to be off: sudo twostep admin apply sshd --keys only. Otherwise let them enroll: twostep enroll";

/// The same.
pub const LET_ENROLL_OR_REQUIRE: &str =
    "Let them enroll (twostep enroll), or require it: sudo twostep admin require --all --within 14d";
