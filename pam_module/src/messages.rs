//! What the module tells a person by itself. Everything else is the service's to say.

/// The service is not there, and this process may not do its work.
pub const UNREACHABLE: &str =
    "The second step could not be checked. Ask your administrator to look into the system log.";
