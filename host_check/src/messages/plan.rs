//! What is said of a change that `twostep admin apply` would make: why it cannot be made, what speaks
//! against it, and what a trial of it found.

use std::fmt::Display;
use std::io::Error;
use std::path::Path;

/// sshd's own check needs a copy.
pub fn uncopied(error: impl Display) -> String {
    format!("A copy of sshd's configuration cannot be made in /run: {error}. Fix that first.")
}

/// What sshd says of it.
pub fn refused_by_sshd(why: &str) -> String {
    format!("sshd refuses the new configuration: {why}.")
}

/// A finding that holds for some.
pub fn by_match(what: &str) -> String {
    format!("{what} A Match block of sshd_config says so.")
}

/// What stops: root's keys.
pub const ROOTS_KEYS: &str = "root can no longer log in by ssh: PermitRootLogin lets root in by a key alone, and a key alone will not be enough. Log in as another user, or write `PermitRootLogin yes` once root has enrolled.";

/// The same: programs that log in by themselves.
pub fn programs_with_keys(users: usize, file: &str) -> String {
    let who = if users == 1 { "1 user has".to_owned() } else { format!("{users} users have") };
    format!(
        "{who} keys ({file}). A program that logs in with one and answers no question (scp, rsync, ansible, `BatchMode yes`) fails from now on. For users of such programs make a group, and write at the end of sshd_config: `Match Group NAME` and below it `AuthenticationMethods publickey`."
    )
}

/// The same: Kerberos.
pub const NO_KERBEROS: &str =
    "Logins with a Kerberos ticket (gssapi-with-mic) stop working, since AuthenticationMethods will not name them.";

/// Only a login at the console proves it.
pub fn at_the_console(service: &str) -> String {
    format!(
        "Only a login at the console ({service}) confirms this change, none over ssh. To confirm it over ssh, name sshd too, or apply su without {service}."
    )
}

/// No administrator has enrolled.
pub const NOBODY_ENROLLED: &str = "Nobody who looks after this host has enrolled, so none of them will be asked for a code after this change. Enroll first: twostep enroll";

/// Another file switched it off.
pub const CANNOT_ASK: &str = "sshd could not ask for a code: keyboard-interactive is off.";

/// The line of another file that is in the way: file, number and text.
pub fn goes_before(what: &str, (file, number, line): (&Path, usize, &str), ours: &str) -> String {
    format!(
        "{what} {} line {number} goes before {ours} (`{line}`): move it to sshd_config, below the Include line.",
        file.display()
    )
}

/// Less would be enough to get in than is today: what to choose, and the Match block that says otherwise.
pub fn not_opened(what: &str, keys: &[String], block: Option<&str>) -> String {
    let instead = if keys.is_empty() {
        "Write the lines by hand, as the recipe for what it asks today says (docs/sshd.md).".to_owned()
    } else {
        let named = keys.iter().map(|name| format!("--keys {name}")).collect::<Vec<_>>();
        format!("Use {}.", named.join(" or "))
    };
    match block {
        Some(block) => {
            format!("{what} {instead} Or write `AuthenticationMethods publickey` below `{block}`, and apply again.")
        }
        None => format!("{what} {instead}"),
    }
}

/// The same, for those of a Match block of whom no example can be made up.
pub fn closed_for_some(line: &str) -> String {
    format!(
        "`{line}` closes a way in, and no example of its users can be made up to see that it stays closed. Use --keys only, or write `AuthenticationMethods publickey` below it, and apply again."
    )
}

/// --keys only.
pub fn closes_passwords(whom: &str) -> String {
    format!("sshd takes a password alone today{whom}. With this change it takes no passwords.")
}

/// sshd cannot say what it does.
pub const NEVER_RAN: &str = "sshd has not run since boot, so it cannot say which ways in are open. Make the folder that it wants (sudo mkdir -m 755 /run/sshd), and apply again.";

/// Why a service cannot be changed.
pub const NOT_BEHIND_KEY: &str = "its PAM file asks for the code, but not behind a key; undo the change that made it (twostep admin revert), or write the line with mode=ssh_key by hand";

/// The same.
pub const NO_PASSWORD: &str = "its PAM file asks for the code behind a key, and for no password; undo the change that made it (twostep admin revert), or write the lines by hand";

/// The same.
pub const JUMPS: &str = "a line that has to stay jumps over one that asks for the password";

/// A service that is right already.
pub fn asks_already(service: &str) -> String {
    format!("{service} asks for the code already: its PAM file stays as it is.")
}

/// Why a service cannot be changed.
pub const NO_SERVICE: &str = "there is no PAM service of this name; ls /etc/pam.d shows which there are";

/// The same.
pub fn fits_nowhere(why: &str) -> String {
    format!(
        "the pam_twostep line fits nowhere in its PAM file ({why}); write it by hand, as the examples do, and check it with twostep admin check"
    )
}

/// Programs that have one password.
pub fn cannot_ask(service: &str) -> String {
    format!(
        "its programs answer every question with the one password that they have, so they cannot ask for a code. Run twostep admin apply {service} --app-passwords (each program gets a password of its own) or --one-answer (people type the code right behind the password)"
    )
}

/// smbd.
pub const NO_AUTH_PHASE: &str =
    "its server judges passwords itself and never runs the auth lines, so no line there asks for a second step";

/// A line that an application password would pass by.
pub fn restricts_below(line: &str, place: &str) -> String {
    format!(
        "`{line}` ({place}) may refuse users whose password is right, and a right application password ends the auth phase above it; move it above the password by hand, then apply again"
    )
}

/// A service whose lines come from elsewhere.
pub const ASKS_BY_INCLUDE: &str = "its PAM file asks for the code already, in a way that its programs cannot answer; take the pam_twostep line out (`twostep admin revert` undoes a change), or write the lines for one answer by hand";

/// Services that would ask, and cannot.
pub fn includes_mute(service: &str, mute: &str) -> String {
    format!(
        "{mute} takes the lines of {service} and cannot ask for a code: nobody could unlock it. Give it lines of its own first: in /etc/pam.d/{mute} write `@include common-auth` in place of the include of {service}, then: sudo twostep admin apply {mute} --one-answer"
    )
}

/// sshd needs more than PAM lines.
pub const SSHD_BY_HAND: &str = "clients of sshd that take one answer need other settings of sshd too; write both by hand, as the guide's page on sshd says";

/// A door.
pub const RECENT_INSIDE: &str = "--recent is for sudo and su, which people use inside a session; at a door it would spare the code that opens the session";

/// People log in there.
pub const IS_INTERACTIVE: &str = "people are asked for a code there (it is a service of their own sessions, or the configuration lists it under interactive_services), so no application password can be made for it";

/// What is needed is in no order.
pub fn fix_first(why: impl Display) -> String {
    format!("{why}. Fix that first.")
}

/// sshd may be of another kind.
pub const NO_SSHD_CONFIG: &str = "There is no sshd_config here, so only the PAM file of sshd is changed.";

/// Our file would not be read.
pub fn not_included(config: &str, ours: &str) -> String {
    format!(
        "{config} does not read {ours}. Write `Include /etc/ssh/sshd_config.d/*.conf` as its first line, and try again."
    )
}

/// The same.
pub fn no_folder(folder: impl Display) -> String {
    format!("There is no folder {folder}. Make it (sudo mkdir {folder}), and try again.")
}

/// The sshd that listens has another file, or options that go before any.
pub fn goes_by_another(daemon: &impl Display, ours: &str) -> String {
    format!(
        "The sshd that runs was started as `{daemon}`, so {ours} would change nothing for it. Start it without that, or write the lines by hand, as the recipes in /usr/share/doc/twostep/pam say."
    )
}

/// The kernel refused.
pub fn unread(path: impl Display, error: &Error) -> String {
    format!("{path} cannot be read: {error}. Fix that first.")
}

/// Why an administrator would not get in.
pub fn no_account(name: &str, trouble: &str) -> String {
    format!("the account of {name} is invalid ({trouble})")
}

/// The same.
pub fn overdue(name: &str) -> String {
    format!("{name} would have to have enrolled by now")
}

/// The same.
pub fn root_by_key(name: &str) -> String {
    format!("{name} can log in by ssh with a key alone or not at all (PermitRootLogin)")
}

/// All of them.
pub fn locks_out(reasons: &str) -> String {
    format!(
        "Nobody who looks after this host could log in any more: {reasons}. Let one of them enroll (sudo twostep enroll --user NAME), or make a user a member of sudo or wheel."
    )
}

/// Why a service cannot be changed.
pub const NO_NAME: &str = "that is no name of a PAM service, like sshd or sudo";

/// The same.
pub const SHARED: &str = "other services include it, so it is theirs; name those that are to ask for the code";

/// A service cannot be changed.
pub fn unfit(service: &str, why: &str) -> String {
    format!("{service} cannot be changed: {why}. Nothing was changed.")
}

/// Why the pam_twostep line fits nowhere.
pub const NO_PASSWORD_LINE: &str = "it has no line that asks for a password";

/// What a trial of the new stack found.
pub const LETS_ANYBODY_IN: &str = "it lets in somebody who does not know the password";

/// The same.
pub fn libpam_failed(code: i32) -> String {
    format!("libpam ends with error {code} instead of a refusal")
}

/// The same.
pub const CRASHED: &str = "a module crashed or did not answer";

/// The same.
pub fn trial(service: &str, why: &str) -> String {
    format!(
        "The new stack of {service} was tried and is wrong: {why}. Nothing was changed; the system's log says more."
    )
}
