//! What keeps a line of the PAM stack from coming to any verdict.

use std::ffi::c_int;
use std::fmt;

use twostep_core::login::LoginError;
use twostep_core::username::LookupError;

use crate::helper_client::HelperError;

/// Why no verdict was reached. The login is refused then.
#[derive(Debug)]
pub enum Failed {
    /// The user database gave no answer.
    Lookup(LookupError),
    /// The user database does not know a user who has come this far.
    Unknown,
    /// Store or seal.
    Login(LoginError),
    /// The helper.
    Helper(HelperError),
    /// libpam, with this result.
    Pam(c_int),
}

impl From<LookupError> for Failed {
    fn from(error: LookupError) -> Self {
        Self::Lookup(error)
    }
}

impl From<LoginError> for Failed {
    fn from(error: LoginError) -> Self {
        Self::Login(error)
    }
}

impl From<HelperError> for Failed {
    fn from(error: HelperError) -> Self {
        Self::Helper(error)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(error) => error.fmt(f),
            Self::Unknown => f.write_str(
                "the user database does not know this user now; check nsswitch.conf and its services, and the limits of this process",
            ),
            Self::Login(error) => error.fmt(f),
            Self::Helper(error) => error.fmt(f),
            Self::Pam(code) => write!(f, "libpam refuses with its code {code}; the process may be out of memory"),
        }
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Lookup(error) => Some(error),
            Self::Login(error) => Some(error),
            Self::Helper(error) => Some(error),
            Self::Unknown | Self::Pam(_) => None,
        }
    }
}
