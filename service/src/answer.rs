//! Answers one call of one peer: the only function that a socket leads to.

use protocol::request::{Call, Refusal, Refused, Request, Response, VERSION};
use twostep_core::enroll::AccountManager;
use twostep_core::login::Peer;
use twostep_core::messages::service as messages;
use twostep_core::store::ProcessKind;

use crate::caller::Caller;
use crate::log::Log;
use crate::login::{self, ThisHost};
use crate::lookup;
use crate::passwords::PasswordProcess;

/// The process that answers.
#[derive(Debug, Clone, Copy)]
pub struct Instance {
    /// What it is to others that open the store.
    pub kind: ProcessKind,
    /// How it has passwords checked.
    pub passwords: PasswordProcess,
}

/// The answer to a call.
#[must_use]
pub fn answer(Instance { kind, passwords }: Instance, caller: &Caller, call: Call) -> Response {
    if call.version != VERSION {
        return Response::Version { knows: VERSION };
    }
    let log = Log::of(caller.pid);
    match (call.request, &caller.peer) {
        (Request::Login(login), _) => login::answer(&ThisHost { log, kind }, caller, &login),
        (request, Peer::User(uid)) => account(*uid, request, log, passwords),
        (_, Peer::Root) => refused(Refusal::BadCaller, messages::ROOT),
    }
}

fn account(uid: u32, request: Request, log: Log, passwords: PasswordProcess) -> Response {
    match AccountManager::for_person(lookup::by_uid(uid), Box::new(log), Box::new(passwords)) {
        Ok(manager) => manager.answer(request),
        Err(refused) => Response::Refused(refused),
    }
}

/// A refusal that no account led to.
#[must_use]
pub fn refused(reason: Refusal, text: &str) -> Response {
    Response::Refused(Refused::new(reason, text))
}
