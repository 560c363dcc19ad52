//! The session: what happened to the account since the last login. The module asks where a person
//! reads it.

use protocol::request::{Done, Outcome, Response, Shown};
use twostep_core::notices;

use super::relation::Relation;
use super::{LoginHost, Turn};

/// The notices, each as a line of its own. No session ends here, whatever fails.
pub fn notices<H: LoginHost>(turn: &Turn<'_, H>) -> Response {
    let mut show = Vec::new();
    if let (Ok(Some(person)), Relation::Root) = (&turn.person, &turn.relation) {
        match notices::notices(person, &turn.store, &turn.clock) {
            Ok(lines) => show = lines.into_iter().map(Shown::Notice).collect(),
            Err(error) => turn.log_failure(error),
        }
    }
    Response::Done(Done { outcome: Outcome::Accepted, show, hand_over: None, cut: 0 })
}
