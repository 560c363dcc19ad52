//! What `twostep admin check` finds in servers that do not leave a login to PAM, and how to fix it.

use std::collections::BTreeSet;
use std::fmt::Display;

/// The order that leaves the last word to PAM.
const ORDER: &str = "`AuthOrder mod_auth_pam.c* mod_auth_unix.c`";

/// What another source of passwords means.
const LETS_IN: &str = "a password that is right there lets in without a code";

/// ProFTPD goes on after a refusal.
pub fn proftpd_asks(others: &str, because: &str) -> String {
    format!("ProFTPD asks {others} when PAM has refused ({because}): {LETS_IN}")
}

/// It does not come to PAM.
pub fn pam_not_asked(because: &str) -> String {
    format!("ProFTPD does not ask PAM ({because}), so no code is asked for")
}

/// The same.
pub fn auth_pam_on(place: &str) -> String {
    format!("Write `AuthPAM on` in {place}, and {ORDER}.")
}

/// The same.
pub fn order_at(place: &str) -> String {
    format!("Write {ORDER} in {place}.")
}

/// The same.
pub fn global_order(file: &str) -> String {
    format!("Write {ORDER} between `<Global>` and `</Global>` in {file}.")
}

/// Dovecot's password databases.
pub fn dovecot_asks(others: &str) -> String {
    format!("Dovecot also asks {others}, beside PAM: {LETS_IN}")
}

/// The same.
pub fn one_passdb(others: &str) -> String {
    format!(
        "Take the passdb of {others} out of Dovecot's configuration (`doveconf -n` shows them all), or put it below that of PAM and write `result_failure = return-fail` into that of PAM."
    )
}

/// Pure-FTPd's methods.
pub fn pure_ftpd_asks(other: &str) -> String {
    format!("Pure-FTPd also asks {other}, beside PAM: {LETS_IN}")
}

/// The same without PAM.
pub fn pure_ftpd_asks_only(other: &str) -> String {
    format!("Pure-FTPd asks {other} and not PAM, so no code is asked for")
}

/// The same.
pub fn remove_link(link: &str, is_pam_missing: bool) -> String {
    let pam = "write `yes` into /etc/pure-ftpd/conf/PAMAuthentication";
    let also = if is_pam_missing { format!(", and {pam}") } else { String::new() };
    format!("Remove {link}{also}, and restart pure-ftpd.")
}

/// Answers that are kept.
pub fn cached(service: &str, server: &str, seconds: u64, because: &str) -> String {
    let time = duration(seconds);
    format!(
        "{service}: {server} keeps right answers for {time} ({because}): a used code and a revoked password work that long."
    )
}

fn duration(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        _ => (seconds / 3600, "hour"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// The same.
pub fn without_option(option: &str, variable: &str, file: impl Display, program: &str) -> String {
    format!("Take {option} out of {variable} in {file}, and restart {program}.")
}

/// The same.
pub const WITHOUT_CACHE: &str = "Start saslauthd without -c.";

/// The same.
pub const NO_DOVECOT_CACHE: &str =
    "Write `auth_cache_size = 0`, or take cache_key= out of the args of PAM's passdb; then: doveadm reload";

/// The same.
pub fn take_provider_out(place: impl Display) -> String {
    format!("Take the provider out of AuthnCacheProvideFor in {place}, and reload Apache.")
}

/// PAM is told a name.
pub fn name_of_host(service: &str, server: &str, because: &str) -> String {
    format!(
        "{service}: {server} tells PAM the name of a client, where it has one, and not the address ({because}): exempt_networks and remember do not apply there."
    )
}

/// The same.
pub fn addresses(directive: &str, place: &str) -> String {
    format!("Write `{directive}` in {place}.")
}

/// A server without PAM.
pub fn door_without_pam(name: &str, at: &str) -> String {
    format!("{name} listens {at} and has PAM judge no login: it never asks for a code.")
}

/// Where it listens.
pub fn at_ports(ports: &BTreeSet<u16>) -> String {
    let numbers = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    format!("at port {numbers}")
}

/// The same.
pub fn at_unit(program: &str) -> String {
    format!("by {program}.socket")
}

/// What to do about SSH servers.
pub const SSHD_IN_ITS_PLACE: &str = "Let OpenSSH's sshd serve in its place";

/// Samba has no other way.
pub const FEWER_NETWORKS: &str =
    "Let only networks that you trust reach it (`hosts allow` in smb.conf), or switch it off";

/// ksu.
pub const KSU: &str = "ksu makes users root by their Kerberos tickets and never asks PAM, so no code is asked for.";

/// A program that is no listed caller.
pub fn caller_not_listed(service: &str, user: &str) -> String {
    format!(
        "{service}: its program calls PAM as {user}, which the configuration does not list under [[callers]]: users of whom a code is asked are refused there."
    )
}

/// The same.
pub fn list_caller(service: &str, user: &str) -> String {
    format!(
        "Write into the configuration (sudo twostep admin edit): [[callers]], and below it user = \"{user}\" and services = [\"{service}\"]; if {user} has an entry, add {service} to its services."
    )
}
