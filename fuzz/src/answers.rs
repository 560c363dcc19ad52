//! What people type, what a line of a PAM stack asks, and what the service and programs tell each other.

use std::sync::LazyLock;

use protocol::frame::{self, LONGEST_REQUEST};
use protocol::request::VERSION;
use twostep_core::account::Account;
use twostep_core::options::Options;
use twostep_core::recovery::RecoverySet;
use twostep_core::request::{Call, Request, Response};
use twostep_core::secret::Typed;
use twostep_core::verdict::{Answer, NotACode};

use crate::phone::{Phone, WALL, alice};

/// Three users: one whose codes have six digits and eight, one with the codes of another program, and one
/// without recovery codes.
static ACCOUNTS: LazyLock<[Account; 3]> = LazyLock::new(|| {
    let with = |digits: &[u8], recovery| {
        let mut account = Account::new(&alice().name, alice().uid, WALL);
        account.authenticators.extend(digits.iter().map(|digits| Phone::new(*digits).authenticator()));
        account.recovery = recovery;
        account
    };
    let scratch = [Typed::new("12345678".to_owned())];
    [
        with(&[6, 8], RecoverySet::generate(1, WALL).ok().map(|(set, _)| set)),
        with(&[6], RecoverySet::imported(&scratch, WALL).ok()),
        with(&[7], None),
    ]
});

/// An answer is a code of this user's, or it is none. Codes are digits, as many as the user's have.
pub fn answer(bytes: &[u8]) {
    let typed = Typed::new(String::from_utf8_lossy(bytes).into_owned());
    for account in ACCOUNTS.iter() {
        match Answer::read(&typed, account) {
            Answer::Code(code) => {
                assert!(account.authenticators.iter().any(|one| usize::from(one.digits) == code.expose().len()));
                assert!(code.expose().bytes().all(|byte| byte.is_ascii_digit()));
            }
            Answer::ImportedRecovery(_) => assert!(account.recovery.as_ref().is_some_and(RecoverySet::are_imported)),
            Answer::Recovery(_) => assert!(account.recovery.is_some()),
            Answer::NotACode(NotACode::Empty) => assert!(!typed.expose().chars().any(char::is_alphanumeric)),
            Answer::NotACode(_) => {}
        }
    }
}

/// One argument a line. A mistake is named.
pub fn options(bytes: &[u8]) {
    let arguments: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    match Options::parse(&arguments) {
        Ok(options) => assert!(!options.question().is_empty() || options.prompt.is_some()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// What the service reads of a connection, and the same bytes as what a frame holds. A call is sent as one
/// that reads the same; of another version nothing but the version counts.
pub fn call(bytes: &[u8]) {
    let _ = frame::receive_call(bytes);
    let head = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    let Ok(call) = frame::receive_call([&head[..], bytes].concat().as_slice()) else { return };
    assert!(bytes.len() <= LONGEST_REQUEST);
    let mut sent = Vec::new();
    if frame::send(&mut sent, &call, LONGEST_REQUEST).is_err() {
        // Spelled out it can be longer than it came.
        return;
    }
    let again: Call = frame::receive_call(sent.as_slice()).expect("what is sent can be read");
    let value = |call: &Call| serde_json::to_value(call).expect("a call can be sent");
    assert!(value(&again) == value(&call) && (call.version == VERSION || again.version == call.version));
}

/// What the service reads: a request is sent as one that reads the same.
pub fn request(bytes: &[u8]) {
    let Ok(request) = serde_json::from_slice::<Request>(bytes) else { return };
    let sent = serde_json::to_value(&request).expect("a request can be sent");
    let again: Request = serde_json::from_value(sent.clone()).expect("what is sent can be read");
    assert_eq!(serde_json::to_value(&again).ok(), Some(sent));
}

/// What the module and the command line read of the service's answer: it is sent as one that reads the same.
pub fn response(bytes: &[u8]) {
    let Ok(response) = serde_json::from_slice::<Response>(bytes) else { return };
    let sent = serde_json::to_value(&response).expect("a response can be sent");
    let again: Response = serde_json::from_value(sent.clone()).expect("what is sent can be read");
    assert_eq!(serde_json::to_value(&again).ok(), Some(sent));
}
