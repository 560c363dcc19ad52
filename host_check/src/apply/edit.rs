//! Our lines in the text of a service: where they go, found out by trying.
//!
//! No table says where the first step of which distribution ends. Each way of writing the pam_twostep lines is
//! held against the check of stacks (every way through them is gone), and the first that is right is
//! taken.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pam_stacks::{Action, Code, Files, ManagementGroup, ModuleKind, StackLine};

use super::drop_in::Keys;
use super::lines::{AccountPlace, AnswerForm, END, LineStyle, Ours, PERMIT, ending};
use super::one_answer::{app_passwords, forwarding};
use crate::check::stacks::{Before, Service, refuses_some};
use crate::finding::{Finding, Severity};
use crate::messages;

/// The findings about another line than ours, which stay wherever ours stands: the plan tells of them.
const OF_OTHER_LINES: [&str; 2] = ["asked-in-vain", "second-step-of-another"];

/// Why a service cannot be changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Unfit {
    /// There is no such service.
    NoFile,
    /// It has pam_twostep lines already.
    HasOurs,
    /// Every way of writing the pam_twostep lines is wrong for this reason.
    Wrong(String),
}

/// The file of a service and its new text.
pub fn edited(files: &Files, service: &str, style: LineStyle) -> Result<(PathBuf, String), Unfit> {
    let path = files.find(service).ok_or(Unfit::NoFile)?;
    let text = files.text(&path).ok().flatten().ok_or(Unfit::NoFile)?;
    let stack = Service::new(files, service, style.before);
    if stack.has_second_step() {
        return Err(Unfit::HasOurs);
    }
    // What the distribution ships below /usr is not ours to change: /etc goes before it.
    let path = Path::new("/etc/pam.d").join(path.file_name().unwrap_or_default());
    let mut first_trouble = None;
    let mut second_best = None;
    let texts = [text.clone(), with_refusals_that_end(&stack, &text)];
    let mut all = Vec::new();
    for text in &texts {
        all.extend(match style.form {
            AnswerForm::AppPasswords => app_passwords(&stack, text, style).map_err(Unfit::Wrong)?,
            AnswerForm::Question | AnswerForm::OneAnswer => candidates(&stack, text, style),
        });
    }
    for candidate in all {
        let candidate = match style.form {
            AnswerForm::OneAnswer => forwarding(files, (&path, &candidate), style, service),
            AnswerForm::Question | AnswerForm::AppPasswords => Some(candidate),
        };
        let Some(candidate) = candidate else { continue };
        match wrong(files, &path, &candidate, service, style.before) {
            None => return Ok((path, candidate)),
            Some(finding) if OF_OTHER_LINES.contains(&finding.id) => second_best = second_best.or(Some(candidate)),
            Some(finding) => first_trouble = first_trouble.or(Some(finding.what)),
        }
    }
    if let Some(candidate) = second_best {
        return Ok((path, candidate));
    }
    let why = if first_step(&stack).is_some() { messages::plan::JUMPS } else { messages::plan::NO_PASSWORD_LINE };
    Err(Unfit::Wrong(first_trouble.unwrap_or_else(|| why.to_owned())))
}

/// The worst that is wrong with a service that has this text, if something is.
fn wrong(files: &Files, path: &Path, text: &str, service: &str, before: Before) -> Option<Finding> {
    let files = files.clone().with(path, text);
    let service = Service::new(&files, service, before);
    if let Some(why) = service.broken() {
        return Some(Finding::error("stack-unreadable", path.display(), why, messages::check_lines::FIX_LINE));
    }
    let wrong = service.findings().into_iter().filter(|finding| finding.severity > Severity::Notice);
    wrong.min_by_key(|finding| OF_OTHER_LINES.contains(&finding.id))
}

/// The text, in which a refusal of each line of the service's own ends the stack that stands above the first
/// step and refuses some.
fn with_refusals_that_end(stack: &Service<'_>, text: &str) -> String {
    let Some(at) = first_step(stack) else { return text.to_owned() };
    let lines = stack.stack(ManagementGroup::Auth).lines.iter();
    let goes_on = |line: &StackLine| line.control.action(Code::AUTH_ERR) == Action::Bad;
    let refuses =
        |line: &&StackLine| line.through.is_empty() && goes_on(line) && line.module().is_some_and(refuses_some);
    let refusing =
        lines.filter(refuses).map(StackLine::own_line).filter(|number| *number < at).collect::<BTreeSet<_>>();
    let changed = |(index, line): (usize, &str)| {
        if refusing.contains(&(index + 1)) { ending(line) } else { line.to_owned() }
    };
    text.lines().enumerate().map(changed).collect::<Vec<_>>().join("\n")
}

/// Texts to try: our auth line behind the first step, or behind its lines written out where an include
/// cannot stand before it; our account line among the others.
fn candidates(stack: &Service<'_>, text: &str, style: LineStyle) -> Vec<String> {
    let Some(at) = first_step(stack) else { return Vec::new() };
    let ours = Ours::new(stack, style);
    if style.keys == Some(Keys::Only) {
        return ours.without_password(stack, text, at);
    }
    let line = text.lines().nth(at - 1).unwrap_or_default().to_owned();
    let mut firsts = vec![std::iter::once(line).chain(ours.code()).collect()];
    if let Some(unfolded) = ours.unfolded(stack, at) {
        firsts.extend(goes_on(stack, at).then(|| jumping(&unfolded)));
        firsts.push(unfolded);
    }
    let all = firsts.iter().flat_map(|first: &Vec<String>| AccountPlace::ALL.map(|place| (first, place)));
    all.map(|(first, place)| ours.written(text, at, first, place)).collect()
}

/// The line of the service's file, from 1, that brings the last proof of the first step.
fn first_step(stack: &Service<'_>) -> Option<usize> {
    let proves = |line: &&StackLine| {
        line.module().is_some_and(|module| matches!(module.kind(), ModuleKind::Password | ModuleKind::Unknown))
    };
    stack.stack(ManagementGroup::Auth).lines.iter().rfind(proves).map(StackLine::own_line)
}

/// Whether the service's own file has lines behind this one that everybody passes: a keyring's, say,
/// which takes the password.
fn goes_on(stack: &Service<'_>, at: usize) -> bool {
    stack.stack(ManagementGroup::Auth).lines.iter().any(|line| line.own_line() > at)
}

/// These lines, those who have given their code going on behind the last of them.
fn jumping(unfolded: &[String]) -> Vec<String> {
    let on = |below: usize| format!("auth       [success={below} default=ignore] pam_permit.so");
    let below = (0..unfolded.len()).rev();
    let lines = unfolded.iter().zip(below);
    // A jump lets nobody in by itself, so it ends at a line that does; a refusal stays one there.
    lines.map(|(line, below)| if line == END { on(below) } else { line.clone() }).chain([PERMIT.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: LineStyle =
        LineStyle { keys: None, enrolls: false, before: Before::Nothing, form: AnswerForm::Question, recent: None };

    fn files(texts: &[(&str, &str)]) -> Files {
        let nowhere = Files::below(Path::new("/nonexistent"));
        texts.iter().fold(nowhere, |files, (name, text)| files.with(&Path::new("/etc/pam.d").join(name), text))
    }

    #[test]
    fn a_service_that_libpam_gives_up_is_left_alone() {
        let broken = files(&[("sshd", "auth required pam_unix.so\n@include sshd\n@include sshd\n")]);
        let Err(Unfit::Wrong(why)) = edited(&broken, "sshd", STYLE) else { panic!("it is edited") };
        assert!(why.contains("include each other without end"), "{why}");
    }

    /// The new text, without its session line.
    fn new(texts: &[(&str, &str)], style: LineStyle) -> Vec<String> {
        let (_, text) = edited(&files(texts), "sshd", style).unwrap();
        let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.filter(|line| !line.starts_with("session")).collect()
    }

    #[test]
    fn debian() {
        let common = "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\nauth required pam_permit.so";
        let account = "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\naccount requisite pam_deny.so\naccount required pam_permit.so";
        let sshd =
            "# PAM\n@include common-auth # the password\naccount required pam_nologin.so\n@include common-account";
        let texts = [("sshd", sshd), ("common-auth", common), ("common-account", account)];
        let expected = [
            "# PAM",
            "@include common-auth # the password",
            "auth requisite pam_twostep.so after_first_step",
            "auth required pam_permit.so",
            "account required pam_nologin.so",
            "account required pam_twostep.so",
            "@include common-account",
        ];
        assert_eq!(new(&texts, STYLE), expected);
        let keys = new(&texts, LineStyle { keys: Some(Keys::WithCode), enrolls: true, ..STYLE });
        assert_eq!(keys[1], "auth [success=ignore default=2] pam_twostep.so mode=ssh_key");
        assert_eq!(keys[2], "auth requisite pam_twostep.so after_first_step enroll");
        assert_eq!(keys[keys.len() - 2], "account required pam_twostep.so enroll");
    }

    #[test]
    fn where_no_password_is_asked_a_key_and_the_code_are_all() {
        let only = LineStyle { keys: Some(Keys::Only), ..STYLE };
        let account = "account required pam_unix.so";
        let expected = [
            "auth required pam_sepermit.so",
            "auth [success=1 default=ignore] pam_twostep.so mode=ssh_key",
            "auth requisite pam_deny.so",
            "auth requisite pam_twostep.so after_first_step",
            "auth required pam_permit.so",
            "auth optional pam_env.so",
            "account required pam_unix.so",
            "account required pam_twostep.so",
        ];
        for password in [
            "auth include password-auth",
            "auth substack password-auth",
            "auth sufficient pam_unix.so\nauth sufficient pam_sss.so\nauth required pam_deny.so",
            "auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so",
            "auth required pam_u2f.so\nauth required pam_unix.so",
        ] {
            let sshd = format!("auth required pam_sepermit.so\n{password}\nauth optional pam_env.so\n{account}");
            let texts = [("sshd", sshd.as_str()), ("password-auth", "auth required pam_unix.so")];
            assert_eq!(new(&texts, only), expected, "{password}");
        }
    }

    #[test]
    fn a_jump_over_the_password_is_not_one_over_the_code() {
        let only = LineStyle { keys: Some(Keys::Only), ..STYLE };
        let sshd = "auth [success=1 default=ignore] pam_succeed_if.so user ingroup robots\nauth requisite pam_unix.so\n\
                    auth required pam_permit.so\naccount required pam_unix.so";
        let said = edited(&files(&[("sshd", sshd)]), "sshd", only);
        assert_eq!(said, Err(Unfit::Wrong(messages::plan::JUMPS.to_owned())));
    }

    #[test]
    fn alpine_whose_password_line_does_not_end_the_stack() {
        let base = "auth required pam_env.so\nauth required pam_nologin.so successok\nauth required pam_unix.so nullok\n\
                    account required pam_nologin.so\naccount required pam_unix.so";
        let sshd = "auth include base-auth\naccount include base-account";
        let expected = [
            "auth required pam_env.so",
            "auth requisite pam_nologin.so successok",
            "auth requisite pam_unix.so nullok",
            "auth requisite pam_twostep.so after_first_step",
            "auth required pam_permit.so",
            "account include base-account",
            "account required pam_twostep.so",
        ];
        assert_eq!(new(&[("sshd", sshd), ("base-auth", base), ("base-account", base)], STYLE), expected);
    }

    #[test]
    fn fedora_whose_substack_goes_on_after_a_wrong_password() {
        let password = "auth required pam_env.so\nauth [default=1 ignore=ignore success=ok] pam_localuser.so\n\
                        auth sufficient pam_unix.so nullok\nauth sufficient pam_sss.so forward_pass\nauth required pam_deny.so\n\
                        account required pam_unix.so\naccount sufficient pam_localuser.so\naccount required pam_permit.so";
        let sshd = "auth required pam_sepermit.so\nauth substack password-auth\nauth include postlogin\n\
                    account required pam_nologin.so\naccount include password-auth";
        let texts = [("sshd", sshd), ("password-auth", password), ("postlogin", "session optional pam_umask.so")];
        let expected = [
            "auth required pam_sepermit.so",
            "auth required pam_env.so",
            "auth [default=3 ignore=ignore success=ok] pam_localuser.so",
            "auth [success=ignore default=2] pam_unix.so nullok",
            "auth requisite pam_twostep.so after_first_step",
            "auth sufficient pam_permit.so",
            "auth [success=ignore default=2] pam_sss.so forward_pass",
            "auth requisite pam_twostep.so after_first_step",
            "auth sufficient pam_permit.so",
            "auth required pam_deny.so",
            "auth include postlogin",
            "account required pam_nologin.so",
            "account required pam_twostep.so",
            "account include password-auth",
        ];
        assert_eq!(new(&texts, STYLE), expected);
    }

    #[test]
    fn a_keyring_behind_the_substack_still_gets_the_password() {
        let password =
            "auth sufficient pam_unix.so\nauth sufficient pam_sss.so forward_pass\nauth required pam_deny.so";
        let sshd = "auth required pam_env.so\nauth substack password-auth\nauth optional pam_gnome_keyring.so\naccount required pam_unix.so";
        let expected = [
            "auth required pam_env.so",
            "auth [success=ignore default=2] pam_unix.so",
            "auth requisite pam_twostep.so after_first_step",
            "auth [success=4 default=ignore] pam_permit.so",
            "auth [success=ignore default=2] pam_sss.so forward_pass",
            "auth requisite pam_twostep.so after_first_step",
            "auth [success=1 default=ignore] pam_permit.so",
            "auth required pam_deny.so",
            "auth required pam_permit.so",
            "auth optional pam_gnome_keyring.so",
            "account required pam_unix.so",
            "account required pam_twostep.so",
        ];
        assert_eq!(new(&[("sshd", sshd), ("password-auth", password)], STYLE), expected);
    }

    #[test]
    fn arch_whose_include_ends_the_stack() {
        let auth = "auth required pam_faillock.so preauth\nauth [success=1 default=bad] pam_unix.so try_first_pass nullok\n\
                    auth [default=die] pam_faillock.so authfail\nauth optional pam_permit.so\nauth required pam_faillock.so authsucc\n\
                    account required pam_unix.so\naccount optional pam_permit.so";
        let sshd = "auth include system-auth\naccount include system-auth";
        let stock = [
            "auth include system-auth",
            "auth requisite pam_twostep.so after_first_step",
            "auth required pam_permit.so",
            "account include system-auth",
            "account required pam_twostep.so",
        ];
        let without_faillock = auth.replace("auth required pam_faillock.so preauth\n", "");
        assert_eq!(new(&[("sshd", sshd), ("system-auth", &without_faillock)], STYLE), stock);
        // A locked account must not be asked for the code: that would tell a right password.
        let lines = new(&[("sshd", sshd), ("system-auth", auth)], STYLE);
        assert_eq!(lines[0], "auth requisite pam_faillock.so preauth");
        assert_eq!(lines[5..], [&stock[1..3], &stock[3..]].concat());
    }

    #[test]
    fn a_refusal_of_the_services_own_ends_the_stack_before_the_question() {
        let sshd = "auth required pam_access.so\nauth requisite pam_unix.so\naccount required pam_unix.so";
        let lines = new(&[("sshd", sshd)], STYLE);
        assert_eq!(lines[..2], ["auth requisite pam_access.so", "auth requisite pam_unix.so"]);
        let words = "auth required pam_nologin.so\nauth requisite pam_succeed_if.so user ingroup vpn_required\n\
                     auth REQUIRED pam_access.so accessfile=/etc/required.conf\nauth requisite pam_unix.so\naccount required pam_unix.so";
        let lines = new(&[("sshd", words)], STYLE);
        let expected = [
            "auth requisite pam_nologin.so",
            "auth requisite pam_succeed_if.so user ingroup vpn_required",
            "auth requisite pam_access.so accessfile=/etc/required.conf",
        ];
        assert_eq!(lines[..3], expected);
        // What another file brings is not this service's to change.
        let bracketed = sshd.replace("required pam_access", "[default=bad success=ok] pam_access");
        assert_eq!(new(&[("sshd", &bracketed)], STYLE)[0], "auth [default=bad success=ok] pam_access.so");
    }

    #[test]
    fn a_second_step_of_another_program_is_no_obstacle() {
        let sshd =
            "auth requisite pam_unix.so\nauth required pam_google_authenticator.so\naccount required pam_unix.so";
        let lines = new(&[("sshd", sshd)], STYLE);
        assert!(lines.iter().any(|line| line.starts_with("auth requisite pam_twostep.so")), "{lines:?}");
    }

    #[test]
    fn what_cannot_be_made_right_is_not_changed() {
        let of = |text: &str| edited(&files(&[("sshd", text)]), "sshd", STYLE);
        assert_eq!(of("auth required pam_unix.so\nauth required pam_twostep.so"), Err(Unfit::HasOurs));
        assert!(matches!(of("auth required pam_permit.so"), Err(Unfit::Wrong(_))));
        assert!(matches!(of("auth sufficient pam_weird.so\nauth required pam_deny.so"), Err(Unfit::Wrong(_))));
        assert_eq!(edited(&files(&[]), "sshd", STYLE), Err(Unfit::NoFile));
    }

    const APP: LineStyle = LineStyle { form: AnswerForm::AppPasswords, ..STYLE };

    #[test]
    fn an_application_password_passes_by_no_line_that_refuses() {
        let account = "account required pam_unix.so";
        let jump = "auth [success=ignore default=1] pam_succeed_if.so user ingroup ftp\nauth required pam_unix.so\nauth requisite pam_deny.so";
        let program = "auth required pam_unix.so\nauth required pam_exec.so quiet /usr/local/bin/may";
        let shared = "auth required pam_unix.so\n@include limits";
        for stack in [jump, program, shared] {
            let sshd = format!("{stack}\n{account}");
            let limits = "auth required pam_succeed_if.so user ingroup ftp";
            let said = edited(&files(&[("sshd", &sshd), ("limits", limits)]), "sshd", APP);
            let Err(Unfit::Wrong(why)) = said else { panic!("{stack}: {said:?}") };
            assert!(why.contains("move it above the password by hand"), "{why}");
        }
        let plain = format!("auth required pam_unix.so\nauth required pam_shells.so\n{account}");
        let expected = [
            "auth requisite pam_shells.so",
            "auth [success=done ignore=ignore default=die] pam_twostep.so mode=app_password",
            "auth required pam_unix.so",
            "account required pam_unix.so",
            "account required pam_twostep.so",
        ];
        assert_eq!(new(&[("sshd", &plain)], APP), expected);
    }

    #[test]
    fn a_jump_over_the_password_has_the_application_password_above_it() {
        let local = "auth [success=1 default=ignore] pam_localuser.so\nauth sufficient pam_ldap.so\n\
                     auth requisite pam_unix.so try_first_pass\naccount required pam_unix.so";
        assert!(new(&[("sshd", local)], APP)[0].ends_with("mode=app_password"));
    }

    #[test]
    fn a_locker_without_an_account_phase_gets_none() {
        let one = LineStyle { form: AnswerForm::OneAnswer, ..STYLE };
        let texts = [
            ("sshd", "auth include common-auth"),
            ("common-auth", "auth required pam_unix.so"),
            ("other", "account required pam_unix.so"),
        ];
        let lines = new(&texts, one);
        assert!(
            lines[0].ends_with("forward_pass") && lines.iter().all(|line| !line.starts_with("account")),
            "{lines:?}"
        );
    }
}
