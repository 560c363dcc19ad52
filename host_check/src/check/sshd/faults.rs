//! What is wrong with what sshd does for somebody.

use std::collections::BTreeSet;

use super::daemon::Daemon;
use super::effective::Effective;
use super::files::lines;
use super::methods::{Alternatives, Method};
use super::visitors::Visitor;
use crate::finding::Finding;
use crate::messages;

/// A person who needs a minute for the code needs more than that for all.
const SHORT_GRACE: u64 = 60;

/// A key or the password, and then the code.
const METHODS: &str = "publickey,keyboard-interactive keyboard-interactive";

/// What the PAM stack of sshd does with those who come.
#[derive(Debug, Clone, Copy)]
pub struct StackSummary {
    /// It asks for a code.
    pub asks: bool,
    /// It takes a password and a code, or an application password, in one answer.
    pub takes_one_answer: bool,
    /// The second step is required of somebody.
    pub is_required: bool,
}

/// What is wrong with what sshd does for this visitor. Nothing is, where PAM asks for no code.
pub fn findings(effective: &Effective, visitor: &Visitor, door: StackSummary) -> Vec<Finding> {
    if !door.asks {
        return Vec::new();
    }
    if !effective.is_on("usepam") {
        return vec![Finding::error(
            "sshd-without-pam",
            visitor,
            messages::check_sshd::without_pam(&visitor.whom()),
            effective.write(visitor, &[("UsePAM", "yes")]),
        )];
    }
    let alternatives = Alternatives::of(effective);
    if alternatives.lists().next().is_none() {
        return vec![no_way_in(effective, &alternatives, visitor)];
    }
    let mut findings = Vec::new();
    findings.extend(unanswerable(effective, &alternatives, visitor, door));
    findings.extend(without_code(effective, visitor, door));
    findings.extend(grace_time(effective, visitor));
    findings.extend(root(effective, visitor));
    findings
}

/// Nobody gets in: each list of methods has one that is off.
fn no_way_in(effective: &Effective, alternatives: &Alternatives, visitor: &Visitor) -> Finding {
    let off = alternatives.off();
    let names = off.iter().map(Method::name).collect::<Vec<_>>().join(" and ");
    let keyword = |method: &Method| match method {
        Method::KeyboardInteractive => Some(("KbdInteractiveAuthentication", "yes")),
        Method::PublicKey => Some(("PubkeyAuthentication", "yes")),
        Method::Password | Method::Other(_) => None,
    };
    let settings = off.iter().filter_map(keyword).collect::<Vec<_>>();
    let remedy = if settings.is_empty() {
        effective.write(visitor, &[("AuthenticationMethods", METHODS), ("KbdInteractiveAuthentication", "yes")])
    } else {
        effective.write(visitor, &settings)
    };
    let why = if effective.names_methods() {
        messages::check_sshd::methods_off(&names)
    } else {
        messages::check_sshd::NO_METHOD.to_owned()
    };
    let what = messages::check_sshd::nobody_in(&visitor.whom(), &why);
    Finding::error("sshd-no-way-in", visitor, what, remedy)
}

/// What to do about what sshd says against its configuration.
pub fn corrected(daemon: &Daemon, why: &str) -> String {
    let effective = Effective { lines: lines(&daemon.config), daemon: daemon.clone(), ..Effective::default() };
    let everybody = Visitor::named("");
    if why.contains("Disabled method \"keyboard-interactive\"") {
        return effective.write(&everybody, &[("KbdInteractiveAuthentication", "yes")]);
    }
    if why.contains("in AuthenticationMethods list") {
        return effective
            .write(&everybody, &[("AuthenticationMethods", METHODS), ("KbdInteractiveAuthentication", "yes")]);
    }
    messages::check_sshd::CORRECT_IT.to_owned()
}

/// Whether a person can be asked for the code at all.
fn unanswerable(
    effective: &Effective,
    alternatives: &Alternatives,
    visitor: &Visitor,
    door: StackSummary,
) -> Option<Finding> {
    let has = |method| alternatives.lists().any(|list| list.contains(&method));
    if !has(Method::Password) || door.takes_one_answer {
        return None; // With keys alone nobody comes to the question, and it is told below.
    }
    let whom = visitor.whom();
    let is_named = effective.names_methods();
    if has(Method::KeyboardInteractive) {
        let remedy = if is_named {
            effective.write(visitor, &[("AuthenticationMethods", METHODS)])
        } else {
            effective.write(visitor, &[("PasswordAuthentication", "no")])
        };
        return Some(Finding::warning(
            "sshd-password-method",
            visitor,
            messages::check_sshd::password_method(&whom),
            messages::check_sshd::password_asked_too(&remedy),
        ));
    }
    let is_on = effective.is_on("kbdinteractiveauthentication");
    let mut settings = Vec::new();
    if !is_on {
        settings.push(("KbdInteractiveAuthentication", "yes"));
    }
    settings.push(if is_named { ("AuthenticationMethods", METHODS) } else { ("PasswordAuthentication", "no") });
    Some(Finding::error(
        "sshd-cannot-ask",
        visitor,
        messages::check_sshd::cannot_ask(&whom, is_on),
        effective.write(visitor, &settings),
    ))
}

/// Ways in that PAM's auth phase never sees.
fn without_code(effective: &Effective, visitor: &Visitor, door: StackSummary) -> Vec<Finding> {
    let alternatives = Alternatives::of(effective);
    let past = alternatives.lists().filter(|list| !list.iter().any(|method| method.is_asked_by_pam()));
    let past =
        past.map(|list| list.iter().map(Method::name).collect::<Vec<_>>().join(" and ")).collect::<BTreeSet<_>>();
    past.into_iter()
        .map(|way| {
            let what = messages::check_sshd::without_code(&way, &visitor.whom());
            let remedy = messages::check_sshd::CODE_BEHIND_KEY;
            if door.is_required {
                Finding::warning("sshd-way-without-code", visitor, what, remedy)
            } else {
                Finding::notice("sshd-way-without-code", visitor, what, remedy)
            }
        })
        .collect()
}

fn grace_time(effective: &Effective, visitor: &Visitor) -> Option<Finding> {
    let seconds = effective.value("logingracetime").parse::<u64>().ok()?;
    (1..SHORT_GRACE).contains(&seconds).then(|| {
        Finding::warning(
            "sshd-grace-time",
            visitor,
            messages::check_sshd::short_grace(seconds, &visitor.whom()),
            effective.write(visitor, &[("LoginGraceTime", "120")]),
        )
    })
}

/// Root with a key only, where a key only is no way in.
fn root(effective: &Effective, visitor: &Visitor) -> Option<Finding> {
    let only_keys = matches!(effective.value("permitrootlogin"), "without-password" | "prohibit-password");
    let alternatives = Alternatives::of(effective);
    let needs_more = alternatives
        .lists()
        .all(|list| list.contains(&Method::KeyboardInteractive) || list.contains(&Method::Password));
    (visitor.user == "root" && only_keys && needs_more).then(|| {
        Finding::notice(
            "sshd-root-closed",
            visitor,
            messages::check_sshd::ROOT_CLOSED,
            messages::check_sshd::root_by_key_and_code(&effective.write(visitor, &[("PermitRootLogin", "yes")])),
        )
    })
}
