//! The session: the second step that opened it, and what happened to the account since the last login.

use protocol::request::{Done, Outcome, Phase, Response, Shown};
use twostep_core::login;
use twostep_core::notices;
use twostep_core::username::Person;

use super::relation::Relation;
use super::{LoginHost, Turn};

/// Records that a second step opened it, and gives the notices, each as a line of its own, where a person reads
/// them. No session ends here, whatever fails.
pub fn opened<H: LoginHost>(turn: &Turn<'_, H>) -> Response {
    let mut show = Vec::new();
    if let (Ok(Some(person)), Relation::Root) = (&turn.person, &turn.relation) {
        redeem(turn, person);
        if turn.login.phase == Phase::Session {
            show = notices(turn, person);
        }
    }
    Response::Done(Done { outcome: Outcome::Accepted, show, hand_over: None, cut: 0 })
}

fn redeem<H: LoginHost>(turn: &Turn<'_, H>, person: &Person) {
    if let (Some(ticket), Some(session), Some(attempt)) =
        (&turn.login.ticket, turn.audit_session(), turn.attempt(person))
    {
        login::opened(&attempt, ticket, &session, &turn.store, &turn.clock);
    }
}

fn notices<H: LoginHost>(turn: &Turn<'_, H>, person: &Person) -> Vec<Shown> {
    match notices::notices(person, &turn.store, &turn.clock) {
        Ok(lines) => lines.into_iter().map(Shown::Notice).collect(),
        Err(error) => {
            turn.log_failure(error);
            Vec::new()
        }
    }
}
