//! What a login says.

use super::{ask, lowered, notices, span};
use crate::app_password::Barred;
use crate::config::{AfterGrace, Config, Enrollment};
use crate::request::Kind;
use crate::time::{ClockDoubt, Timestamp};
use crate::verdict::{Factor, Misplaced, NoAppPassword, NotACode, Rejection, Verdict};

/// For everyone whose first step is not proved: it tells nothing.
pub const GENERIC: &str = "The second step was not accepted. Try again with the next code.";

/// For everyone who gives a password to a service that takes application passwords, and whose
/// password is none: the same for all users, so it tells nothing either.
pub const NO_APP_PASSWORD: &str = "This login was not accepted. If you have two-step authentication, give an application password for this service (twostep app-password create).";

/// For everyone, when something failed that the person cannot fix.
#[must_use]
pub fn failed(config: &Config) -> String {
    format!("The second step could not be checked. {}", ask("look into the system log", config))
}

/// For everyone, when the sealing key is gone or does not fit.
#[must_use]
pub fn sealed(config: &Config) -> String {
    let else_ask = lowered(&ask("look into the system log", config));
    format!("Verification codes cannot be checked on this host now. Use a recovery code, or {else_ask}")
}

/// What a verdict says to the person who proved the first step; `None` where there is nothing to say.
#[must_use]
pub fn text(verdict: &Verdict, config: &Config) -> Option<String> {
    match verdict {
        Verdict::Accepted(Factor::Code { .. } | Factor::AppPassword { .. }) | Verdict::NotAsked(_) => None,
        Verdict::Accepted(Factor::IssuedCode) => {
            Some("The code from your administrator is used up. Put your phone in order now: twostep status".to_owned())
        }
        Verdict::Accepted(Factor::Recovery { left }) => Some(notices::recovery_left(*left)),
        Verdict::MustEnroll => Some(format!(
            "This host requires two-step authentication, and you have not enrolled. {}",
            ask("enroll you", config)
        )),
        Verdict::Refused(refused) => Some(refused_text(refused, config)),
    }
}

/// The same for a program that cannot ask: who proved nothing reads one text, whatever the reason.
#[must_use]
pub fn text_for_program(verdict: &Verdict, config: &Config) -> Option<String> {
    match verdict {
        Verdict::MustEnroll | Verdict::Refused(Rejection::NotACode(_)) => Some(NO_APP_PASSWORD.to_owned()),
        verdict => text(verdict, config),
    }
}

/// How long a user still has to enroll, and what to type.
#[must_use]
pub fn grace(until: Timestamp, now: Timestamp, config: &Config) -> String {
    let seconds = u64::try_from(until.0.saturating_sub(now.0)).unwrap_or(0);
    let left = match seconds {
        0..7_200 => span(seconds),
        7_200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    };
    let then = match (config.policy.after_grace, config.policy.enrollment) {
        // No login asks for an invitation's code.
        (AfterGrace::Deny, _) | (_, Enrollment::Invite) => "after that you cannot log in",
        (AfterGrace::Enroll, _) => "after that a login makes you enroll",
    };
    format!("This host will require two-step authentication: you have {left} left, {then}. Enroll now: twostep enroll")
}

/// What a login says before it asks for the next code, and how long that may take.
#[must_use]
pub fn next_code(first: &Misplaced) -> String {
    match first.kind {
        Kind::Totp => format!(
            "{} Set it to automatic, or type the next code that it shows; it comes within {}.\n{NEXT_CODE}",
            whose_clock(first),
            span(first.period)
        ),
        Kind::Hotp => format!(
            "This code of \"{}\" is {} codes ahead. Press the button once more, and type the code that it shows then.\n{NEXT_CODE}",
            first.authenticator, first.ahead
        ),
    }
}

fn refused_text(refused: &Rejection, config: &Config) -> String {
    match refused {
        Rejection::NotACode(NotACode::FakeOfSshd) => {
            format!("This server refuses this login, whatever code is typed. {}", ask("look into the system log", config))
        }
        Rejection::NotACode(_) => {
            "That is not a verification code. Type the digits that your phone shows, or a recovery code.".to_owned()
        }
        Rejection::Wrong { host_clock: Some(ClockDoubt::SetBack | ClockDoubt::BeforeRelease) }
        | Rejection::Spent { host_clock: Some(ClockDoubt::SetBack | ClockDoubt::BeforeRelease), .. }
        | Rejection::Misplaced { host_clock: Some(ClockDoubt::SetBack | ClockDoubt::BeforeRelease), .. } => {
            format!(
                "This host's clock is wrong, and your code may be right. Use a recovery code, or {}",
                lowered(&ask("put the clock right", config))
            )
        }
        Rejection::Wrong { .. } => {
            "This code is wrong. Type the one that your phone shows now, or a recovery code.".to_owned()
        }
        Rejection::Spent { .. } => "This verification code was used already. Wait for the next one.".to_owned(),
        Rejection::Misplaced { code, .. } => misplaced_text(code),
        Rejection::NotConsecutive { .. } => {
            "These are not two codes that your device shows one after the other. Type one, wait for the next, and type that too.".to_owned()
        }
        Rejection::RecoveryCodeUsed => "This recovery code was used already. Take another one from your list.".to_owned(),
        Rejection::RecoveryCodeExpired => {
            format!("The time of this recovery code is over. {}", ask("give you another one", config))
        }
        Rejection::Waiting(seconds) => format!("Too many wrong codes came from here. Try again in {}.", span(*seconds)),
        Rejection::ClosedToStrangers => format!(
            "Too many wrong codes were given for you from elsewhere. Use a recovery code, or log in from where you did before; else {}",
            lowered(&ask("open your account", config))
        ),
        Rejection::Disabled => format!(
            "Too many wrong codes were given for you. Use a recovery code, or {}",
            lowered(&ask("open your account", config))
        ),
        Rejection::Vanished => "Your enrollment was removed just now. Log in again.".to_owned(),
        Rejection::AppPassword(NoAppPassword::NotOne | NoAppPassword::Wrong) => NO_APP_PASSWORD.to_owned(),
        Rejection::AppPassword(NoAppPassword::Barred { barred, label }) => barred_text(*barred, label),
    }
}

fn misplaced_text(code: &Misplaced) -> String {
    match (code.kind, code.may_be_followed()) {
        (Kind::Totp, true) => format!(
            "{} Set it to automatic, or log in again and type two codes in a row, each when it appears.",
            whose_clock(code)
        ),
        (Kind::Totp, false) => format!(
            "{} Set it to automatic, or use a recovery code: codes up to this one were used or shown already, and new ones come in {}.",
            whose_clock(code),
            span(code.stale.max(1) * code.period)
        ),
        (Kind::Hotp, _) => format!(
            "This code of \"{}\" is {} codes ahead. Log in again, and type it and the next one.",
            code.authenticator, code.ahead
        ),
    }
}

fn whose_clock(code: &Misplaced) -> String {
    let span = span(code.ahead.unsigned_abs() * code.period);
    let label = &code.authenticator;
    if code.ahead < 0 {
        format!("This code was right about {span} ago: the clock of \"{label}\" is slow.")
    } else {
        format!("This code is right in about {span}: the clock of \"{label}\" is fast.")
    }
}

/// Only who has the password reads this.
fn barred_text(barred: Barred, label: &str) -> String {
    match barred {
        Barred::Service => {
            format!(
                "Your application password \"{label}\" is for other services. Make one for this service: twostep app-password create."
            )
        }
        Barred::Network => {
            format!(
                "Your application password \"{label}\" is for other networks. Make one without that limit: twostep app-password create."
            )
        }
        Barred::Expired => {
            format!("Your application password \"{label}\" has expired. Make a new one: twostep app-password create.")
        }
        Barred::Unused => {
            format!(
                "Your application password \"{label}\" was not used for too long and has expired. Make a new one: twostep app-password create."
            )
        }
    }
}

/// What is asked of whose first code was of another time.
const NEXT_CODE: &str = "Next verification code: ";

/// The login came by a way that asks for no code.
pub const NO_SECOND_STEP: &str =
    "This login needs a verification code, and none was asked. Log in by a method that asks for one.";

/// Another module, or the program, changed the login between its phases.
pub const LOGIN_CHANGED: &str =
    "The user or the service of this login changed after the second step, so it was refused. Log in again.";

/// The service serves a person's processes for that person alone.
pub const CANNOT_CHECK_FOR_ANOTHER: &str =
    "This program runs as another user and cannot check your code. Use a program that runs as you, or as root.";

/// Of a system user's program that the configuration does not list.
pub const NOT_A_LISTED_CALLER: &str = "This program runs as a system user and may not check your code. An administrator can allow it under [[callers]] in the configuration.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_says_what_happened_and_what_to_do() {
        let config = Config::parse("version = 1\n[policy]\ncontact = \"help@example.org\"").unwrap();
        let barred = |barred| Rejection::AppPassword(NoAppPassword::Barred { barred, label: "laptop".into() });
        let all = [
            Rejection::NotACode(NotACode::Length),
            Rejection::Wrong { host_clock: None },
            Rejection::Wrong { host_clock: Some(ClockDoubt::SetBack) },
            Rejection::Spent { authenticator: "phone".into(), host_clock: None },
            Rejection::NotConsecutive { host_clock: None },
            Rejection::RecoveryCodeUsed,
            Rejection::RecoveryCodeExpired,
            Rejection::Waiting(5),
            Rejection::ClosedToStrangers,
            Rejection::Disabled,
            Rejection::Vanished,
            Rejection::AppPassword(NoAppPassword::Wrong),
            barred(Barred::Service),
            barred(Barred::Network),
            barred(Barred::Expired),
            barred(Barred::Unused),
        ];
        let texts: Vec<String> = all.iter().map(|refused| refused_text(refused, &config)).collect();
        for text in &texts {
            assert!(text.split(". ").count() == 2 && text.ends_with('.'), "{text}");
            assert_eq!(texts.iter().filter(|other| *other == text).count(), 1);
        }
        assert!(texts[9].contains("help@example.org"));
        assert!(text(&Verdict::MustEnroll, &config).unwrap().contains("help@example.org"));
        assert_eq!(text_for_program(&Verdict::MustEnroll, &config).as_deref(), Some(NO_APP_PASSWORD));
        assert!(text(&Verdict::MustEnroll, &Config::strictest()).unwrap().contains("your administrator"));
    }

    #[test]
    fn the_time_that_is_left_reads_well() {
        let config = Config::parse("version = 1").unwrap();
        let left = |seconds| grace(Timestamp(seconds), Timestamp(0), &config);
        for (seconds, text) in [
            (1, "1 second "),
            (3600, "60 minutes "),
            (86_400, "24 hours "),
            (172_800, "2 days "),
            (1_209_599, "13 days "),
        ] {
            assert!(
                left(seconds).contains(&format!("you have {text}left, after that you cannot")),
                "{}",
                left(seconds)
            );
        }
        let config = Config::parse("version = 1\n[policy]\nafter_grace = \"enroll\"").unwrap();
        assert!(grace(Timestamp(9), Timestamp(0), &config).contains("makes you enroll"));
        let config = Config::parse("version = 1\n[policy]\nafter_grace = \"enroll\"\nenrollment = \"invite\"").unwrap();
        assert!(grace(Timestamp(9), Timestamp(0), &config).contains("you cannot log in"));
    }
}
