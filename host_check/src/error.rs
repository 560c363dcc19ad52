//! Why a host could not be looked at or changed.

use std::{fmt, io};

use twostep_core::request::Refusal;

/// Why a host could not be looked at or changed.
#[derive(Debug)]
pub enum Error {
    /// The store refused: why, and the sentences for the user.
    Refused(Refusal, String),
    /// It failed: one word for programs, and the sentences for the user.
    Failed(&'static str, String),
    /// The system refused.
    Io(io::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(_, message) | Self::Failed(_, message) => f.write_str(message),
            Self::Io(error) => error.fmt(f),
        }
    }
}
