//! Why an entry of another program, an address or a list is refused, or what of it is left out: said
//! behind the place where it stands.

use std::fmt::Display;

/// What is wrong with an entry.
pub const COUNTER_HIGH: &str = "its counter is too high";

/// The same.
pub const KEY_SHORT: &str = "the key is shorter than 80 bits";

/// The same.
pub const KEY_LONG: &str = "the key is longer than 128 bytes";

/// The same.
pub const NO_BASE32: &str = "the key is no base32";

/// The same.
pub const NO_HEX: &str = "the key is no hexadecimal";

/// A line of pam_oath.
pub const OATH_TYPE: &str =
    "its type is none that pam_oath reads: HOTP, HOTP/E, HOTP/T30 or HOTP/T60, and /6, /7 or /8 digits";

/// The same.
pub const OATH_FIELDS: &str = "it has not the fields type, user, password and key";

/// The same.
pub const OATH_KEY_LONG: &str = "its key is longer than the 32 bytes that liboath reads";

/// The same.
pub const OATH_LAST_CODE: &str = "its last code is no number";

/// The same.
pub const OATH_PASSWORD: &str =
    "the password in its line does not come along: the account's own password is asked before the code";

/// The same.
pub const COUNTER_NO_NUMBER: &str = "its counter is no number";

/// The same.
pub fn clock_was_off(offset: i64) -> String {
    format!("its clock was {offset} steps off there; two codes put it right here, within resync_range")
}

/// A file of google-authenticator.
pub const GOOGLE_FILE: &str = "it is no file of google-authenticator: too long, or with a NUL byte in it";

/// The same.
pub const NO_TEXT: &str = "it is no text";

/// The same.
pub const GOOGLE_PADDING: &str = "line 1: the key ends in = (padding), which its own module refuses";

/// The same.
pub const GOOGLE_NEITHER: &str = "it has neither TOTP_AUTH nor a HOTP_COUNTER above 0, so nobody could log in with it";

/// The same.
pub fn google_step_size(period: u64) -> String {
    format!("STEP_SIZE is {period}, and this host knows codes of 30 and of 60 seconds")
}

/// The same.
pub const GOOGLE_REUSE: &str = "DISALLOW_REUSE holds no numbers of steps";

/// The same.
pub const GOOGLE_FUTURE: &str =
    "DISALLOW_REUSE holds a step that is yet to come: a clock was wrong; take that number out";

/// The same.
pub const GOOGLE_DIGITS: &str = "DIGITS is not 6 to 8";

/// The same.
pub const GOOGLE_ALGORITHM: &str = "ALGORITHM is none of sha1, sha256 and sha512";

/// The same.
pub const GOOGLE_RATE_LIMIT: &str = "RATE_LIMIT is left out: this host has its own";

/// The same.
pub const GOOGLE_WINDOW: &str = "WINDOW_SIZE is left out: `window` of the configuration counts";

/// The same.
pub fn many_scratch_codes(count: usize, most: usize) -> String {
    format!("it has {count} scratch codes; more than {most} are not taken")
}

/// An otpauth:// address.
pub const NO_ADDRESS: &str = "it is no otpauth:// address";

/// The same.
pub const NO_LABEL: &str = "it has no label";

/// The same.
pub const NO_PARAMETERS: &str = "it has no parameters";

/// The same.
pub const ISSUERS_DIFFER: &str = "the issuer of its label and that of its parameters differ";

/// The same.
pub const NO_SECRET: &str = "it has no secret";

/// The same.
pub fn other_period(period: u64) -> String {
    format!("its period is {period}, and this host knows 30 and 60 seconds")
}

/// The same.
pub const NO_COUNTER: &str = "it counts and has no counter";

/// The same.
pub const NEITHER_KIND: &str = "it is neither totp nor hotp";

/// The same.
pub const OTHER_ALGORITHM: &str = "its algorithm is none of SHA1, SHA256 and SHA512";

/// The same.
pub const OTHER_DIGITS: &str = "its codes have not 6 to 8 digits";

/// The same.
pub fn no_number(name: &str) -> String {
    format!("{name} is no number")
}

/// The same.
pub fn twice(what: &str) -> String {
    format!("{what} stands there twice")
}

/// The same.
pub const NO_UTF8: &str = "it holds escapes that are no UTF-8";

/// An export of the app.
pub const NO_EXPORT_ADDRESS: &str = "it is no otpauth-migration:// address";

/// The same.
pub const NO_DATA: &str = "it has no data";

/// The same.
pub fn pictures_missing(size: impl Display, missing: &str) -> String {
    format!("of the {size} pictures of this export, {missing} is missing: give all of them")
}

/// The same.
pub const NO_BASE64: &str = "its data is no base64";

/// The same.
pub const MD5: &str = "its algorithm is MD5, which no standard allows";

/// The same.
pub const UNKNOWN_ALGORITHM: &str = "its algorithm is not known";

/// The same.
pub const UNKNOWN_DIGITS: &str = "its number of digits is not known";

/// The same.
pub const NEITHER_TYPE: &str = "it is neither TOTP nor HOTP";

/// The same.
pub const NO_EXPORT: &str = "its data is no export of the app";

/// The same.
pub const CUT: &str = "its data ends in the middle";

/// A batch.
pub fn no_json(line: usize, column: usize) -> String {
    format!("it is no JSON from line {line} column {column} on")
}

/// The same.
pub fn no_entry(line: usize, column: usize) -> String {
    format!("it is not an entry of a batch: see line {line} column {column} in it")
}

/// The same.
pub const OPEN_QUOTE: &str = "a quote in it is not closed: is the file whole?";

/// The same.
pub const NO_HEAD: &str = "it is no head of a table";

/// The same.
pub fn column_twice(name: &str) -> String {
    format!("the column {name} stands there twice")
}

/// The same.
pub fn no_column(name: &str, known: &str) -> String {
    format!("there is no column {name}; there are {known}")
}

/// The same.
pub const CELLS: &str = "it has not as many cells as the head";

/// The same.
pub const NAMES_NO_USER: &str = "it names no user";

/// The same.
pub const TWO_SECRETS: &str = "it has a secret and an address: leave one of them out";

/// The same.
pub const ADDRESS_SAYS: &str = "an address says kind, algorithm, digits, period and counter itself: leave them out";

/// The same.
pub const COUNTER_OF_HOTP: &str = "a counter is of a device of kind hotp";

/// The same.
pub const NO_PERIOD: &str = "a device of kind hotp has no period";

/// The same.
pub const OTHER_KIND: &str = "its kind is neither totp nor hotp";
