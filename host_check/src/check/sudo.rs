//! sudo: who needs no password, how long one holds, and by which PAM service it asks.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::finding::Finding;
use crate::messages;

mod rules;
mod settings;
mod users;

#[cfg(test)]
mod tests;

pub use rules::Rules;
use rules::list;
use settings::Setting;
use users::named;

/// sudo's rules.
pub const SUDOERS: &str = "/etc/sudoers";

/// The service by which sudo asks where Defaults name no other.
pub const SERVICE: &str = "sudo";

/// A ticket that outlives a coffee break.
const LONG_TICKET: f64 = 60.0;

impl Rules {
    /// The PAM services by which sudo asks: its own, and those that Defaults name.
    pub fn services(&self) -> BTreeSet<String> {
        let settings = self.settings();
        let named = |key: &str| settings.iter().filter_map(|one| one.text(key)).map(str::to_owned).collect::<Vec<_>>();
        let mut services = named("pam_service").into_iter().chain(named("pam_login_service")).collect::<BTreeSet<_>>();
        // One that is for some users or commands leaves sudo's own to the others.
        if !settings.iter().any(|one| one.is_for_all() && one.text("pam_service").is_some()) {
            services.insert(SERVICE.to_owned());
        }
        services
    }

    /// Who may run something without being asked anything.
    fn unasked(&self) -> BTreeSet<String> {
        let rules = self.rules().filter(|(rule, _)| {
            list(rule, "Cmnd_Specs")
                .flat_map(|commands| list(commands, "Options"))
                .any(|option| option.get("authenticate").and_then(Value::as_bool) == Some(false))
        });
        rules.flat_map(|(_, users)| users).filter_map(named).collect()
    }

    /// What is wrong where sudo asks for a code, by a stack that lets enroll or does not.
    pub fn findings(&self, enrolls: bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        let unasked = self.unasked().into_iter().collect::<Vec<_>>();
        if !unasked.is_empty() {
            findings.push(Finding::warning(
                "sudo-nopasswd",
                SUDOERS,
                messages::check_sudo::nopasswd(&unasked.join(", ")),
                messages::check_sudo::TAKE_NOPASSWD_OUT,
            ));
        }
        let settings = self.settings();
        findings.extend(settings.iter().filter_map(asks_nothing));
        findings.extend(ticket(&settings));
        findings.extend(settings.iter().filter_map(shared_ticket));
        findings.extend(settings.iter().filter_map(asks_another));
        findings.extend(settings.iter().filter_map(hides_question));
        findings.extend(settings.iter().filter_map(|one| no_account_phase(one, enrolls)));
        findings
    }
}

/// Defaults by which nothing is asked.
fn asks_nothing(setting: &Setting<'_>) -> Option<Finding> {
    let (whom, option) = if setting.is("authenticate", false) {
        (setting.whom(), "!authenticate")
    } else {
        (format!("members of {}", setting.text("exempt_group")?), "exempt_group")
    };
    Some(Finding::warning(
        "sudo-nopasswd",
        SUDOERS,
        messages::check_sudo::asks_nothing(&whom, option),
        messages::check_sudo::take_out(option),
    ))
}

/// How long sudo asks for nothing after it has asked.
fn ticket(settings: &[Setting<'_>]) -> Vec<Finding> {
    let timed = settings.iter().filter_map(|one| Some((one, one.number("timestamp_timeout")?)));
    let (for_all, for_some): (Vec<_>, Vec<_>) = timed.partition(|(one, _)| one.is_for_all());
    // Of those that are for everybody the last one counts.
    let all = for_all.into_iter().next_back().into_iter().chain(for_some);
    let too_long = all.filter(|(_, minutes)| !(0.0..=LONG_TICKET).contains(minutes));
    too_long
        .map(|(setting, minutes)| {
            let whom = setting.whom();
            let what = if minutes < 0.0 {
                messages::check_sudo::once_a_boot(&whom)
            } else {
                messages::check_sudo::long_ticket(&whom, minutes)
            };
            Finding::warning("sudo-ticket", SUDOERS, what, messages::check_sudo::SHORTER_TICKET)
        })
        .collect()
}

/// A ticket that counts in other sessions than the one that was asked.
fn shared_ticket(setting: &Setting<'_>) -> Option<Finding> {
    let is_shared = setting.text("timestamp_type") == Some("global") || setting.is("tty_tickets", false);
    is_shared.then(|| {
        Finding::notice(
            "sudo-ticket-shared",
            SUDOERS,
            messages::check_sudo::shared_ticket(&setting.whom()),
            messages::check_sudo::TICKET_EACH,
        )
    })
}

/// sudo that asks for the proofs of somebody else than who types.
fn asks_another(setting: &Setting<'_>) -> Option<Finding> {
    let option = ["targetpw", "rootpw", "runaspw"].into_iter().find(|option| setting.is(option, true))?;
    let of = if option == "rootpw" { "root" } else { "the user that the command runs as, mostly root" };
    Some(Finding::warning(
        "sudo-asks-another",
        SUDOERS,
        messages::check_sudo::asks_another(&setting.whom(), of, option),
        messages::check_sudo::own_or_root(option),
    ))
}

/// sudo whose own prompt stands where PAM asks for the code (sudoers(5), passprompt_override).
fn hides_question(setting: &Setting<'_>) -> Option<Finding> {
    setting.is("passprompt_override", true).then(|| {
        Finding::warning(
            "sudo-prompt-hides-question",
            SUDOERS,
            messages::check_sudo::prompt_hides_question(&setting.whom()),
            messages::check_sudo::TAKE_PROMPT_OUT,
        )
    })
}

/// sudo that skips the phase in which time to enroll begins, and `enroll` acts.
fn no_account_phase(setting: &Setting<'_>, enrolls: bool) -> Option<Finding> {
    if !setting.is("pam_acct_mgmt", false) {
        return None;
    }
    let remedy = messages::check_sudo::WITH_ACCOUNT_PHASE;
    Some(if enrolls {
        let what = messages::check_sudo::LETS_IN;
        Finding::error("sudo-without-account-phase", SUDOERS, what, remedy)
    } else {
        let what = messages::check_sudo::REMINDS_NOBODY;
        Finding::warning("sudo-without-account-phase", SUDOERS, what, remedy)
    })
}

/// sudo that does not understand its rules.
pub fn unreadable(why: &str) -> Finding {
    Finding::warning("sudo-rules", SUDOERS, messages::check_sudo::rules_unreadable(why), messages::check_sudo::VISUDO)
}
