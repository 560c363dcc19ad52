//! What `twostep` says of one's own account: enroll, replace, remove, recovery codes, clocks, status.

use std::path::Path;

use twostep_core::request::Kind;
use twostep_core::time::ClockDoubt;

use twostep_core::qr::Charset;

/// Asked after a new set was shown.
pub const KEEP_RECOVERY_CODES: &str = "[s]ave to a file, [p]rint or [c]ontinue (I copied them): ";

/// After a new set.
pub const OLDER_CODES_STOPPED: &str = "Every older recovery code has stopped working.";

/// A sheet of paper with a set of recovery codes.
pub fn sheet(head: &str, list: &str) -> String {
    format!(
        "Twostep recovery codes\n\n{head}\n{list}\nWhen your phone is not at hand, type one of them in place of the code.\n\
         Each works once. Keep this sheet where only you can reach it.\n"
    )
}

/// Where and whose they are.
pub fn sheet_head(host: &str, user: &str, day: &str) -> String {
    format!("Host: {host}\nUser: {user}\nMade: {day}\n")
}

/// Above a new set.
pub const RECOVERY_CODES: &str = "\nYour recovery codes. Each works once, when your phone is not at hand:\n";

/// Below a new set.
pub const NOT_SHOWN_AGAIN: &str = "They are not shown again: keep them where only you can reach them.";

/// The printer took them.
pub const PRINTED: &str = "They are printed.";

/// Asked where to save.
pub fn which_file(default: &Path) -> String {
    format!("File [{}]: ", default.display())
}

/// The file has them.
pub fn saved(path: &Path) -> String {
    format!("They are in {}, which only you can read.", path.display())
}

/// `lp` is not there.
pub const NO_PRINTER: &str =
    "This host has no printer command (lp). Save them to a file and print that elsewhere, or copy them by hand.";

/// `lp` failed.
pub const NOT_PRINTED: &str = "The printer command (lp) did not print them. Save them to a file, or copy them by hand.";

/// Recovery codes need an authenticator.
pub fn user_not_enrolled(user: &str) -> String {
    format!("{user} has no authenticator. Enroll an authenticator first: twostep enroll.")
}

/// Asked before the last authenticator goes.
pub const REMOVE: &str = "Remove it? [y/N] ";

/// An authenticator is gone.
pub fn removed(label: &str) -> String {
    format!("{label} is removed: its codes are not accepted any more.")
}

/// With the last authenticator.
pub const CODES_GONE: &str = "The recovery codes are gone with it.";

/// The same.
pub fn app_passwords_gone(labels: &[String]) -> String {
    format!("So are the application passwords: {}.", labels.join(", "))
}

/// Policy requires the second step.
pub fn last_one_stays(label: &str) -> String {
    format!(
        "{label} is your last authenticator, and this host requires one. For a new phone: twostep replace. Else enroll another one first: twostep enroll."
    )
}

/// What its removal means.
pub fn last_one(label: &str, user: &str, required: bool) -> String {
    let then = if required { "cannot log in until they enroll again" } else { "logs in without a code" };
    format!("{label} is the last authenticator of {user}, who then {then}.")
}

/// The same.
pub fn app_passwords_go(count: usize) -> String {
    match count {
        1 => "The application password goes with it, and its program cannot log in any more.".to_owned(),
        count => format!("The {count} application passwords go with it, and their programs cannot log in any more."),
    }
}

/// Somebody thought better of it.
pub const KEPT: &str = "Nothing was removed. To remove it, answer y.";

/// The head of a status.
pub fn of(user: &str) -> String {
    format!("Two-step authentication of {user}")
}

/// What is wrong with the clock of this host.
pub fn host_clock(doubt: ClockDoubt) -> &'static str {
    match doubt {
        ClockDoubt::Unsynchronized => "nothing keeps it right (NTP is off); if it drifts, codes are refused",
        ClockDoubt::BeforeRelease => {
            "WRONG: it is in the past. Codes are refused until it is put right; recovery codes work"
        }
        ClockDoubt::SetBack => "WRONG: it was set back. Codes are refused until it is put right; recovery codes work",
    }
}

/// Time to enroll is left.
pub fn enroll_until(until: &str) -> String {
    format!(
        "This host requires the second step: until {until} you still log in without. Add your phone with:\n  twostep enroll"
    )
}

/// Nobody has to.
pub const ADD_YOUR_PHONE: &str = "Add your phone with:\n  twostep enroll";

/// Codes are closed.
pub const ONLY_RECOVERY_CODES: &str = "Too many wrong codes were tried, so only a recovery code is accepted now. Log in with one, or ask your administrator.";

/// Codes of google-authenticator.
pub const IMPORTED_CODES: &str = "Your recovery codes are those of another program, eight digits each, which somebody could guess. Make better ones with:\n  twostep recovery-codes regenerate";

/// Few codes are left.
pub fn few_codes(left: usize) -> String {
    format!("Recovery codes left: only {left}. Make new ones with:\n  twostep recovery-codes regenerate")
}

/// An enrollment is pending.
pub fn unfinished(until: &str) -> String {
    format!(
        "An enrollment was begun and not finished. Begin again with `twostep enroll`, or leave it: it ends by itself at {until}."
    )
}

/// An enrollment begins.
pub fn new_one(user: &str, host: &str) -> String {
    format!("A new authenticator for {user} on {host}.")
}

/// A new phone for an old one.
pub fn in_place_of(old: &str, user: &str, host: &str) -> String {
    format!(
        "A new authenticator in place of {old}, for {user} on {host}. The old one works until the new one is confirmed."
    )
}

/// The new device is confirmed.
pub fn done(user: &str, label: &str, replaced: bool) -> String {
    let old = if replaced { ", and those of the old one no longer work" } else { "" };
    format!(
        "\nDone: {user} can now log in with the codes of {label}{old}. The code typed here was already used: the next login needs the next code."
    )
}

/// No new set was made.
pub const CODES_STAY: &str = "The recovery codes are those that you have already.";

/// The same, where a file was named.
pub const CODES_STAY_UNWRITTEN: &str = "The recovery codes are those that you have already; none were written.";

/// The confirmation.
pub const CODE_OF_APP: &str = "Code shown by the app: ";

/// The same, of a token.
pub const CODE_OF_TOKEN: &str = "Code shown by the device: ";

/// After a code of another time.
pub const NEXT_CODE: &str = "The next code that it shows: ";

/// Behind the last refusal.
pub const BEGIN_AGAIN: &str = " Nothing was changed; begin again.";

/// A device brings its key.
pub const KEY: &str = "Key of the device (base32 or hexadecimal): ";

/// The QR code as a file.
pub fn picture(path: &Path) -> String {
    format!("The QR code is in {}. Delete it when it is scanned: it holds the key.", path.display())
}

/// Above the QR code.
pub const SCAN: &str = "\nIn your authenticator app, scan the QR code, or add an account by hand:\n";

/// In its place.
pub const TOO_LONG_TO_DRAW: &str = "These names are too long for a QR code: type the key.\n";

/// No file either.
pub const NO_PICTURE: &str = "These names are too long for a QR code. Begin again without --svg and type the key.";

/// The same, for now.
pub fn too_narrow(needs: usize, columns: usize, charset: Charset) -> String {
    let instead = match charset {
        Charset::Utf8 => "make the terminal wider and begin again",
        Charset::Ascii => "begin again with --qr utf8 if your terminal can show it",
    };
    format!(
        "The QR code needs a terminal of {needs} columns, and this one has {columns}. Type the key, or {instead}.\n"
    )
}

/// `enrollment = "password"`.
pub const YOUR_PASSWORD: &str = "Password of your account: ";

/// `enrollment = "invite"`.
pub const ENROLLMENT_CODE: &str = "Enrollment code from your administrator: ";

/// Each change takes it.
pub const PROOF: &str = "Current code, or a recovery code: ";

/// What a proof costs.
pub const CODE_SPENT: &str = "The code that you gave was already used: the next sudo or login needs the next code.";

/// The same.
pub const RECOVERY_CODE_USED_UP: &str = "The recovery code that you gave is used up.";

/// The first of two.
pub const CODE_OF_DEVICE: &str = "Code that the device shows: ";

/// Before the second.
pub fn wait_for_another(period: u64) -> String {
    format!("Wait until it shows another one; that takes at most {period} seconds.")
}

/// The same, of a token.
pub const PRESS_AGAIN: &str = "Press its button once more.";

/// How far it was off: in codes, and in seconds where it goes by a clock.
pub fn put_right(label: &str, kind: Kind, ahead: i64, seconds: i64) -> String {
    let what = match (kind, ahead) {
        (Kind::Hotp, 0) => format!("{label} was where it should be."),
        (Kind::Hotp, ahead) => format!("{label} was {ahead} codes ahead, and works again."),
        (Kind::Totp, -1..=1) => format!("The clock of {label} is right."),
        (Kind::Totp, _) => format!(
            "The clock of {label} is {}. Its codes work now; set the clock to automatic all the same.",
            clock(seconds)
        ),
    };
    format!("{what} Both codes were already used: the next login needs the next one.")
}

/// How far a clock is off, in words: `about 9 minutes slow`.
pub fn clock(ahead: i64) -> String {
    let way = if ahead < 0 { "slow" } else { "fast" };
    match ahead.unsigned_abs() {
        seconds @ ..120 => format!("about {seconds} seconds {way}"),
        seconds => format!("about {} minutes {way}", (seconds + 30) / 60),
    }
}

/// There is none to name.
pub fn no_authenticator_to(command: &str, user: &str) -> String {
    format!("{user} has no authenticator. There is nothing to {command}.")
}

/// Another one is meant.
pub fn none_called(label: &str, user: &str, labels: &[&str]) -> String {
    format!("{user} has no authenticator called {label}. There is: {}.", labels.join(", "))
}

/// One of several is meant.
pub fn name_one(command: &str, user: &str, labels: &[&str]) -> String {
    let first = labels.first().unwrap_or(&"phone");
    format!(
        "{user} has several authenticators: {}. Name the one to {command}, as in: twostep {command} {first}.",
        labels.join(", ")
    )
}
