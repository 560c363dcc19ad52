//! Why a change of an account is refused.

use super::{ask, span};
use crate::config::Config;

/// Root has commands of its own.
pub const NOT_FOR_ROOT: &str = "Root has no account of its own here. Name a user: twostep enroll --user USER.";

/// The uid that asks has no user.
pub const NOBODY: &str = "There is no such user. Check the name with getent passwd.";

/// Who has enrolled proves each change.
pub const PROOF_REQUIRED: &str = "This change needs a proof. Give a current verification code or a recovery code.";

/// A login is not about an account.
pub const NOT_ABOUT_AN_ACCOUNT: &str = "This request is not about an account. Send it as a login.";

/// There is nothing to resume.
pub const NOT_SUSPENDED: &str = "The second step of this user is not suspended. Nothing needs to be done.";

/// The reason of a suspension is none.
pub const NO_REASON: &str = "The reason cannot be used. Give one line of at most 200 bytes.";

/// An administrator issues a code for whom nothing is asked.
pub const USER_NOT_ENROLLED: &str = "This user has no authenticator. Have them enroll one first: twostep enroll.";

/// An invitation lives for too long, or not at all.
pub const INVITE_TIME: &str = "An enrollment code lives at most 30d, and not for no time. Give another time.";

/// Who has enrolled needs no invitation.
pub const ENROLLED_ALREADY: &str =
    "This user has enrolled already and adds authenticators alone: twostep enroll. To start over: twostep admin reset.";

/// Another session of the same user was faster.
pub const ENROLLED_MEANWHILE: &str = "You have enrolled meanwhile. Log in again.";

/// A key that a login showed is not pending any more.
pub const KEY_GONE: &str = "This key is no longer valid. Log in again.";

/// A label is none.
pub const LABEL: &str =
    "The label cannot be used. Give 1 to 64 bytes without control characters and without space around them.";

/// One more authenticator than the host allows.
pub const NO_ROOM: &str =
    "You have as many authenticators as this host allows. Remove one first: twostep remove LABEL.";

/// Two authenticators cannot be told apart.
pub const LABEL_TAKEN: &str = "An authenticator has this label already. Choose another label.";

/// Policy requires the second step.
pub const LAST_ONE_STAYS: &str = "This host requires two-step authentication, so the last authenticator stays. Enroll another one first: twostep enroll.";

/// A label leads nowhere.
pub const NO_SUCH_AUTHENTICATOR: &str = "There is no such authenticator. See the list: twostep status.";

/// A preset is not configured.
pub const NO_PRESET: &str = "This host has no such preset. See the list: twostep app-password list.";

/// A label leads nowhere.
pub const NO_SUCH_APP_PASSWORD: &str =
    "There is no such application password. See the list: twostep app-password list.";

/// The scope of an application password is none.
pub const NO_SERVICES: &str =
    "These are no PAM services. Name 1 to 16, such as dovecot, as the files in /etc/pam.d are named.";

/// The same, of networks.
pub const NO_NETWORKS: &str = "These are no networks. Give at most 16, such as 192.0.2.0/24 or 2001:db8::/32.";

/// The same, of time.
pub const LIFE: &str = "A time to live is at least a second and at most 100 years. Give another one, such as 90d.";

/// No administrator knows the passwords of others.
pub const EACH_THEIR_OWN: &str =
    "Only users make application passwords, each for themselves. Have the user run: twostep app-password create.";

/// Application passwords are for users with a second step.
pub const ENROLL_BEFORE_APP_PASSWORDS: &str =
    "Application passwords need an authenticator. Enroll an authenticator first: twostep enroll.";

/// Two application passwords cannot be told apart.
pub const APP_PASSWORD_LABEL_TAKEN: &str =
    "An application password has this label already. Choose another label, or revoke that one first.";

/// One more application password than the host allows.
pub const NO_ROOM_FOR_APP_PASSWORDS: &str =
    "You have as many application passwords as this host allows. Revoke one first: twostep app-password revoke LABEL.";

/// There is no authenticator.
pub const NOT_ENROLLED: &str = "You have no authenticator. Enroll first: twostep enroll.";

/// `enrollment = "password"`.
pub const PASSWORD_REQUIRED: &str = "Enrolling takes the password of your account. Give it first.";

/// `enrollment = "invite"`.
pub const INVITE_REQUIRED: &str = "Enrolling takes an enrollment code from your administrator. Ask for one.";

/// The same, with another one.
pub const WRONG_PASSWORD: &str = "This is not the password of your account. Try again.";

/// `resync_range = "0"`.
pub const NO_CLOCKS: &str =
    "This host puts no clocks right. Set the clock of your phone to automatic, or use a recovery code.";

/// Recovery codes alone would be no second step.
pub const NO_CODES_WITHOUT_AUTHENTICATOR: &str = "Enroll an authenticator first: twostep enroll.";

/// A confirmation of nothing.
pub const NOTHING_PENDING: &str =
    "There is no enrollment to confirm, or it took longer than 15 minutes. Start again: twostep enroll.";

/// The last try at a confirmation.
pub const TRIES_USED_UP: &str =
    "Ten codes did not fit the new key, so this enrollment has ended. Start again: twostep enroll.";

/// The same, in a login.
pub const KEY_TRIES_USED_UP: &str = "Ten codes did not fit this key, so it was dropped. Log in again for a new one.";

/// A confirmation of what was begun without a proof.
pub const PENDING_UNPROVED: &str =
    "This enrollment was begun before another one was confirmed. Start again: twostep enroll.";

/// The key is right, and a clock is not.
pub const FITS_ANOTHER_TIME: &str = "This code fits the new key, but not the time: the clock of the phone or of this host is off. Set the phone's clock to automatic and type a new code, or go on with the next code that it shows.";

/// The code is of another key, or mistyped.
pub const DOES_NOT_FIT: &str = "This code does not fit the new key. Type the one that the app shows now, and check that the clocks of phone and host are right.";

/// A device from elsewhere is none of ours.
pub const NO_IMPORTABLE_DEVICE: &str =
    "No device of this host is like that: digits are 6 to 8, a period is 30 or 60 seconds.";

/// What is in a home is no proof of an enrolled user.
pub const FILE_PROVES_NOTHING: &str = "The user has enrolled here with another key, and a file that they could write proves nothing. To take it all the same: twostep admin reset first.";

/// A backup takes nothing away.
pub const ENROLLED_HERE: &str =
    "The user has enrolled here already. To take the backup instead: twostep admin reset first.";

/// Secrets are sealed for a name.
pub const ANOTHER_NAME: &str = "The backup is of a user of another name. Give the account its name back.";

/// A key that was typed is none.
pub const NO_KEY: &str = "This is no key. Give it in base32 or in hexadecimal, as its maker does.";

/// RFC 4226 §4, R6.
pub const SHORT_KEY: &str = "This key is too short to be safe. Use a device whose key has at least 128 bits: 26 characters of base32 or 32 of hexadecimal.";

/// A key has a longest size.
pub const LONG_KEY: &str = "This key is too long. Give one of at most 128 bytes.";

/// The parameters of a device are impossible.
pub const NO_DEVICE: &str = "No device is like that. Algorithms are SHA1, SHA256 and SHA512, digits 6 to 8; a period is 30 or 60 seconds, and a device that counts has none.";

/// A name leads nowhere.
#[must_use]
pub fn no_user(user: &str) -> String {
    format!("There is no user called {user}. Check the name with `getent passwd {user}`.")
}

/// One of several is meant, and which one is not said; `command` says it.
#[must_use]
pub fn which(command: &str) -> String {
    format!("You have several authenticators. Name the one that you mean: {command}.")
}

/// A suspension longer than `max_suspension`.
#[must_use]
pub fn suspended_too_long(config: &Config) -> String {
    let longest = span(config.policy.max_suspension.as_secs());
    format!("A suspension lasts at most {longest} here (max_suspension). Give another time, such as 2d.")
}

/// An enrollment code is none, or was one.
#[must_use]
pub fn wrong_invite(config: &Config) -> String {
    format!("This enrollment code is not valid, or it has expired. {}", ask("give you another one", config))
}

/// Why there is no application password for a service.
#[must_use]
pub fn people_are_asked(service: &str) -> String {
    format!("People are asked for a code at {service}, so no application password opens it. Name other services.")
}
