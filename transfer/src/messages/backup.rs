//! What is wrong with a backup.

/// Another file.
pub const NO_BACKUP: &str = "This is no backup of Twostep. Give a file that `twostep admin export` made.";

/// A version to come.
pub const NEWER_BACKUP: &str = "A newer Twostep made this backup. Install that one here first.";

/// Parameters that would stop the host.
pub const TOO_COSTLY: &str =
    "This backup asks for more memory or time than any that Twostep makes, so it is not read. Take another copy.";

/// The authenticated encryption.
pub const DOES_NOT_OPEN: &str = "The backup does not open: the passphrase is another one, or the file was cut or changed. Try again, or take another copy.";

/// The kernel refused.
pub const NO_MEANS: &str = "The system gave no random bytes or no memory. Try again later.";
