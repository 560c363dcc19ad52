//! What the helper says when it does not serve.

/// What the caller left open cannot be closed.
pub const NO_PROC: &str = "The files that the caller left open could not be listed. Mount /proc, then try again.";

/// No uid.
pub const UNKNOWN_CALLER: &str = "The kernel did not say who is asking. Nothing was changed.";

/// Root has commands of its own.
pub const ROOT: &str = "Root does not use twostep-helper. Use `twostep enroll --user USER` or `twostep admin` instead.";

/// Real and effective uid differ.
pub const TWO_USERS: &str = "The program that asks runs with the rights of two users at once, so it is not clear whose account is meant. Ask from a program that runs as the user alone, or as root.";

/// Set up by halves.
pub const NO_GROUP: &str =
    "The group twostep does not exist on this host. Ask the administrator to install Twostep completely.";

/// A setgid bit counts for nothing there.
pub const NO_NEW_PRIVILEGES: &str = "This program was started under no_new_privs, where a user's account cannot be reached. Start it outside of the sandbox or service that sets this (NoNewPrivileges= of systemd).";

/// The same.
pub const MOUNTED_NOSUID: &str = "twostep-helper lies on a file system that is mounted nosuid, so it cannot reach the accounts. Ask the administrator to mount it without nosuid.";

/// The same, by the caller.
pub const CONFINED: &str = "twostep-helper was started without its group, as happens under a debugger or in a user namespace. Start it in an ordinary session.";

/// The bit is gone, mostly by a copy.
pub const NOT_SETGID: &str = "twostep-helper is not installed with its group. Ask the administrator to run: chown root:twostep on it, then chmod 2755.";

/// Started in a terminal.
pub const TYPED: &str =
    "twostep-helper does the work of the command twostep and is not used by hand. Type `twostep` instead.";

/// An empty request.
pub const NOTHING: &str = "No request came on standard input. Use the command twostep instead.";

/// None that this version knows.
pub const NOT_A_REQUEST: &str = "What came on standard input is not a request that this version knows. Use the command twostep of the same version.";

/// A request has a longest size.
pub const TOO_LONG: &str = "The request is longer than any request is. Use the command twostep instead.";

/// A request has a minute.
pub const LATE: &str = "The request did not come within a minute. Nothing was changed; try again.";

/// The kernel refused.
pub const UNREADABLE: &str = "Standard input cannot be read. Use the command twostep instead.";

/// Nobody would read it.
pub const NO_STDOUT: &str = "Standard output is closed, so nobody could read the answer. Start this program with standard output open, or use the command twostep.";

/// Started with arguments.
pub const BY_HAND: &str =
    "twostep-helper takes no arguments: it does the work of the command twostep.\n Type `twostep --help` instead.";

/// It panicked.
pub const BROKEN: &str =
    "twostep-helper failed unexpectedly, and nothing is half done. Try again, and report it if it happens again.";

/// A limit of the caller leaves no room for an account; `command` shows it.
#[must_use]
pub fn limited(command: &str, what: &str) -> String {
    format!(
        "This session limits {what} so far that an account could not be written. Lift the limit (`{command}` shows it), or log in again, then try again."
    )
}

/// The kernel refused something.
#[must_use]
pub fn could_not(what: &str, why: &str) -> String {
    format!("twostep-helper could not {what}: {why}. Nothing was changed.")
}
