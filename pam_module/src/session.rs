//! The session: what happened to the account since the last login, told where a person reads it.

use twostep_core::login::LoginError;
use twostep_core::notices::notices;
use twostep_core::time::SystemClock;

use crate::attempt::Attempt;
use crate::ffi::{Host, Item, Style, process_users};

/// Whether a person reads what a session says: it has a terminal, or sshd may give it one.
pub fn is_read(host: &Host<'_>) -> bool {
    !host.is_silent() && host.item(Item::Terminal).is_some_and(|tty| is_terminal(&tty))
}

/// Shows the notices, each as a line of its own. A process that is not root reaches no account.
///
/// # Errors
/// The account could not be read.
pub fn show_notices(attempt: &Attempt<'_>) -> Result<(), LoginError> {
    let Ok(Some(person)) = &attempt.person else { return Ok(()) };
    if process_users().1 != 0 {
        return Ok(());
    }
    for line in notices(person, &attempt.store(), &SystemClock)? {
        attempt.host.tell(Style::Notice, &line);
    }
    Ok(())
}

/// sshd says `ssh` for every session and shows the text only where it opens a terminal. Others name
/// the device, with or without its folder; cron, ftp and X displays are none.
fn is_terminal(tty: &str) -> bool {
    let name = tty.strip_prefix("/dev/").unwrap_or(tty);
    let is_device = |prefix: &str| name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
    name == "ssh" || name == "console" || ["tty", "pts/", "hvc", "lxc/"].into_iter().any(is_device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_in_terminals_only() {
        for tty in ["ssh", "/dev/pts/0", "pts/3", "tty1", "/dev/ttyS0", "/dev/console", "hvc0"] {
            assert!(is_terminal(tty), "{tty}");
        }
        for none in ["cron", "", "/dev/", "tty", "pts/", ":0", ":pts/0:S.0", "ftp", "web", "/dev/null"] {
            assert!(!is_terminal(none), "{none}");
        }
    }
}
