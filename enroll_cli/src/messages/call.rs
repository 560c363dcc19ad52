//! What `twostep call` says.

/// The login was refused: the response has the rest.
pub const REFUSED: &str = "The login was refused. The response says what to tell the person.";

/// Something failed, so the login was refused.
pub const FAILED: &str = "The login could not be checked and was refused. The system log says why.";

/// No request is as long.
pub const TOO_LONG: &str = "The request is too long. Send at most 16 KiB.";

/// A call of another version.
pub const OTHER_VERSION: &str = "The request is of another version. Send version 1.";

/// What came is no request.
pub fn not_a_request(line: usize, column: usize) -> String {
    format!(
        "The input is not a request (line {line}, column {column}). Send one JSON object such as {{\"status\":{{}}}}."
    )
}
