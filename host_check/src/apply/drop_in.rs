//! What sshd needs beside its PAM stack, in a file of its own.

use std::path::Path;

use clap::ValueEnum;

use crate::check::sshd::{self, Credential};

/// What sshd does with keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Keys {
    /// A key, then the code; or the password, then the code
    WithCode,
    /// No keys: the password, then the code
    Refuse,
    /// A key alone opens the door, without a code
    Alone,
    /// A key, then the code; no passwords
    Only,
}

impl Keys {
    /// What users who are not enrolled get in with.
    pub fn first_steps(self) -> &'static [&'static [Credential]] {
        match self {
            Self::WithCode | Self::Alone => &[&[Credential::Key], &[Credential::Password]],
            Self::Refuse => &[&[Credential::Password]],
            Self::Only => &[&[Credential::Key]],
        }
    }
}

/// The file.
pub use crate::check::sshd::OURS as PATH;

/// What it may say.
pub const KEYWORDS: [&str; 5] = [
    "UsePAM",
    "KbdInteractiveAuthentication",
    "PasswordAuthentication",
    "PubkeyAuthentication",
    "AuthenticationMethods",
];

/// Its text.
pub fn text(keys: Keys) -> String {
    let methods = match keys {
        Keys::WithCode => "AuthenticationMethods publickey,keyboard-interactive keyboard-interactive\n",
        Keys::Refuse => "PubkeyAuthentication no\nAuthenticationMethods keyboard-interactive\n",
        Keys::Alone => "AuthenticationMethods any\n",
        Keys::Only => "AuthenticationMethods publickey,keyboard-interactive\n",
    };
    format!(
        "# Written by `twostep admin apply`; `twostep admin revert` takes it away.\n\
         UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication no\n{methods}"
    )
}

/// Whether this text of sshd_config has sshd read it for everybody.
pub fn is_included(config: &str) -> bool {
    let mut lines = config.lines().map(str::trim).take_while(|line| sshd::value(line, "match").is_none());
    lines.any(|line| sshd::reads(line, Path::new(PATH)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_counts_where_it_is_included_for_all() {
        assert!(is_included("Port 22\nInclude /etc/ssh/sshd_config.d/*.conf\n"));
        assert!(is_included("include sshd_config.d/*.conf"));
        assert!(is_included("Include /etc/ssh/sshd_config.d/*"));
        assert!(!is_included("Include /etc/ssh/sshd_config.d/50-*.conf"));
        assert!(!is_included("# Include /etc/ssh/sshd_config.d/*.conf\n"));
        assert!(!is_included("Match User git\n  Include /etc/ssh/sshd_config.d/*.conf\n"));
        assert!(!is_included("Include /etc/ssh/other.d/*.conf"));
    }
}
