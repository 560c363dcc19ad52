//! `twostep call`: one request of another program to the service, as JSON.

use std::io::Read;

use nix::unistd::geteuid;
use protocol::client::{self, CallError, LOGIN_SOCKET, USER_SOCKET};
use protocol::frame::LONGEST_REQUEST;
use protocol::request::{Call, Done, Outcome, Request, Response, VERSION};
use protocol::secret::Secret;
use twostep_core::request::Refusal;

use crate::client::{accepted, not_there};
use crate::error::CommandError;
use crate::messages::call as messages;
use crate::output::Output;

/// Sends the request on standard input, and prints the response.
pub fn run(output: &mut Output) -> Result<(), CommandError> {
    let socket = if geteuid().is_root() { LOGIN_SOCKET } else { USER_SOCKET };
    let request = read(std::io::stdin().lock())?;
    sent(output, request, |request| client::call(socket, &request))
}

fn sent(
    output: &mut Output,
    request: Request,
    call: impl FnOnce(Request) -> Result<Response, CallError>,
) -> Result<(), CommandError> {
    let response = call(request).map_err(|error| not_there(&error))?;
    output.response(&response)?;
    match accepted(response)? {
        Response::Done(Done { outcome: Outcome::Refused, .. }) => {
            Err(CommandError::refused(Refusal::NotAccepted, messages::REFUSED.to_owned()))
        }
        Response::Done(Done { outcome: Outcome::Failed, .. }) => {
            Err(CommandError::refused(Refusal::Failed, messages::FAILED.to_owned()))
        }
        _ => Ok(()),
    }
}

/// A request, or a whole call that holds one. What is wrong with it is not quoted: it may hold a code.
fn read(input: impl Read) -> Result<Request, CommandError> {
    let mut text = Vec::with_capacity(LONGEST_REQUEST + 1);
    let read = input.take(LONGEST_REQUEST as u64 + 1).read_to_end(&mut text);
    let text = Secret::new(text);
    read?;
    if text.expose().len() > LONGEST_REQUEST {
        return Err(CommandError::usage(messages::TOO_LONG));
    }
    match serde_json::from_slice(text.expose()) {
        Ok(Call { version: VERSION, request }) => Ok(request),
        Ok(_) => Err(CommandError::usage(messages::OTHER_VERSION)),
        Err(_) => serde_json::from_slice(text.expose())
            .map_err(|error| CommandError::usage(messages::not_a_request(error.line(), error.column()))),
    }
}

#[cfg(test)]
mod tests {
    use protocol::request::{Ask, Phase, Refused};
    use protocol::secret::Typed;

    use super::*;
    use crate::error::Exit;

    const LOGIN: &str = r#"{"login":{"phase":"auth","attempt":"0123456789abcdef0123456789abcdef",
        "user":"alice","service":"nginx","rhost":"192.0.2.7","answers":["123456"]}}"#;

    /// What is printed where the service answers so, and how the command ends.
    fn answered(response: Result<Response, CallError>) -> (String, Result<(), CommandError>) {
        let (mut output, printed) = crate::output::scripted::output(80);
        let ended = sent(&mut output, Request::Status {}, |_| response);
        (printed.text(), ended)
    }

    fn done(outcome: Outcome) -> Response {
        Response::Done(Done { outcome, show: Vec::new(), hand_over: None, cut: 0 })
    }

    #[test]
    fn a_request_is_read_alone_or_in_a_call() {
        for text in [LOGIN.to_owned(), format!("{{\"version\":1,\"request\":{LOGIN}}}\n")] {
            let Request::Login(login) = read(text.as_bytes()).unwrap() else { panic!() };
            assert_eq!((login.phase, login.user.as_str(), login.answers.len()), (Phase::Auth, "alice", 1));
            assert_eq!(login.answers[0].expose(), "123456");
        }
        assert!(matches!(read(&br#"{"status":{}}"#[..]), Ok(Request::Status {})));
    }

    #[test]
    fn what_is_no_request_is_wrong_usage_and_is_not_quoted() {
        let other = format!("{{\"version\":2,\"request\":{LOGIN}}}");
        let long = format!("{{\"remove\":{{\"proof\":\"{}\"}}}}", "1".repeat(LONGEST_REQUEST));
        let secret = r#"{"remove":{"label":null,"proof":["secret"]}}"#;
        for text in ["", "null", "{}", "{\"secret\":{}}", secret, &other, &long, "secret"] {
            let error = read(text.as_bytes()).unwrap_err();
            assert_eq!(error.exit, Exit::Usage, "{text}");
            assert!(!error.message.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_response_is_one_line_and_a_refusal_is_no_success() {
        let asked = Response::Ask(Ask { prompt: Typed::new("Code: ".into()), echo: false, hand_over: None });
        assert_eq!(answered(Ok(asked)), ("{\"ask\":{\"prompt\":\"Code: \",\"echo\":false}}\n".into(), Ok(())));
        for outcome in [Outcome::Accepted, Outcome::NotAsked] {
            assert_eq!(answered(Ok(done(outcome))).1, Ok(()));
        }
        for outcome in [Outcome::Refused, Outcome::Failed] {
            let (printed, ended) = answered(Ok(done(outcome)));
            assert!(printed.starts_with("{\"done\":{\"outcome\":\"") && printed.ends_with("}\n"), "{printed}");
            assert_eq!(ended.unwrap_err().exit, Exit::Refused);
        }
        let refused = Response::Refused(Refused::new(Refusal::NotSetUp, "No. Do this."));
        let (printed, ended) = answered(Ok(refused));
        assert_eq!(printed, "{\"refused\":{\"reason\":\"not_set_up\",\"text\":\"No. Do this.\"}}\n");
        assert_eq!(ended.unwrap_err().exit, Exit::NotSetUp);
        let (printed, ended) = answered(Err(CallError::Silent));
        assert_eq!((printed.as_str(), ended.unwrap_err().exit), ("", Exit::Refused));
    }
}
