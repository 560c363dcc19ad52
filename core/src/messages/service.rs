//! What the service says when it does not serve.

use std::io;
use std::path::Path;
use std::time::Duration;

/// Root has commands of its own.
pub const ROOT: &str =
    "The service changes no account for root. Use `twostep enroll --user USER` or `twostep admin` instead.";

/// What came is no request.
pub const NOT_A_REQUEST: &str =
    "What came is not a request that this version knows. Use the command twostep of the same version.";

/// It panicked.
pub const BROKEN: &str =
    "The twostep service failed unexpectedly, and nothing is half done. Try again, and report it if it happens again.";

/// Somebody else's process.
pub const NOT_ROOT: &str = "Only root can run this program. Use the command twostep instead.";

/// A socket for root's processes.
pub const ROOT_ONLY: &str = "This socket serves root's processes only. Use the command twostep instead.";

/// A process in a user namespace: the kernel cannot say who it is.
pub const NAMESPACE: &str = "The twostep service cannot tell who you are, because this process is in a user namespace. Use a session outside of it.";

/// More connections than one user, or all of them, may hold.
pub const BUSY: &str = "The twostep service is busy. Try again in a few seconds.";

/// What keeps `twostepd --once` from its work: the ids of the process.
pub const IDS: &str = "This process may not become root entirely. Start the service: systemctl start twostepd.socket.";

/// The same: its limit of the file size.
pub const FILE_SIZE: &str = "The file size limit of this process is too low (ulimit -f). Raise it, or start the service: systemctl start twostepd.socket.";

/// The same: its limit of open files.
pub const OPEN_FILES: &str = "The open files limit of this process is too low (ulimit -n). Raise it, or start the service: systemctl start twostepd.socket.";

/// The user database hangs. For the log.
pub const DIRECTORY: &str =
    "the user database did not answer in time; see that the directory in /etc/nsswitch.conf works";

/// The process that checks passwords ended, or is of another version.
pub const PASSWORD_PROCESS_ENDED: &str = "the password was not checked, since the process for that ended without an answer; ask your administrator to look into the system log";

/// Nobody listens where passwords are checked.
#[must_use]
pub fn password_socket(path: &str, error: &io::Error) -> String {
    format!(
        "the password cannot be checked, since nothing answers at {path} ({error}); start it: systemctl start twostepd-password.socket"
    )
}

/// PAM does not know the service that checks passwords.
#[must_use]
pub fn password_service_missing(file: &Path) -> String {
    format!(
        "the password cannot be checked, since {} is missing; write it: sudo /usr/libexec/twostep/setup-host",
        file.display()
    )
}

/// The process that checks passwords cannot be started.
#[must_use]
pub fn password_not_started(error: &io::Error) -> String {
    format!("the password cannot be checked, since twostepd cannot start a process ({error}); install Twostep again")
}

/// PAM takes too long: a directory does not answer.
#[must_use]
pub fn password_late(patience: Duration, user: &str) -> String {
    let seconds = patience.as_secs();
    format!(
        "the password was not checked within {seconds} seconds; try again, or let an administrator enroll you: twostep enroll --user {user}"
    )
}
