//! Audit sessions in which a second step was passed a short while ago: the kernel's own name for one login of one
//! person, which no process changes without privileges.

use std::time::Duration;

use super::{Attempt, Sender};
use crate::ledger::Ledger;
use crate::store::Store;
use crate::time::{Clock, Uptime};

/// How long a ticket is good for: from the second step of a login to the session that it opens.
const TICKET: Duration = Duration::from_secs(120);

/// An audit session of this boot of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSession(String);

impl AuditSession {
    /// The one with this number (`/proc/PID/sessionid`), in the boot with this id
    /// (`/proc/sys/kernel/random/boot_id`). `None` if either is missing.
    #[must_use]
    pub fn new(id: Option<u32>, boot: &str) -> Option<Self> {
        let id = id.filter(|id| *id != u32::MAX && !boot.is_empty())?;
        Some(Self(format!("session {id} {boot}")))
    }
}

/// What a login has to do with audit sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionUse {
    /// A second step that was passed in this session within so much time counts.
    Recent(AuditSession, Duration),
    /// It has no session yet. The one that it opens shows this ticket.
    Opens(String),
}

impl Attempt {
    /// The same login of a process of root's, which knows its session. Nobody else says one.
    #[must_use]
    pub fn using(self, session: Option<SessionUse>) -> Self {
        let session = session.filter(|_| self.sender == Sender::Root);
        Self { session, ..self }
    }
}

/// Whether a second step of this user in the same session still holds.
pub(super) fn holds(attempt: &Attempt, ledger: &Ledger, now: Uptime) -> bool {
    match &attempt.session {
        Some(SessionUse::Recent(session, time)) => ledger.passed_in(&session.0, now, *time),
        Some(SessionUse::Opens(_)) | None => false,
    }
}

/// Records that a second step was passed.
pub(super) fn record(attempt: &Attempt, ledger: &mut Ledger, now: Uptime) {
    match &attempt.session {
        Some(SessionUse::Recent(session, _)) => ledger.pass_in(session.0.clone(), now),
        Some(SessionUse::Opens(ticket)) => ledger.pass_in(named(ticket), now),
        None => {}
    }
}

/// Has the second step behind a ticket count for the session that shows it, once. What cannot be recorded is
/// asked again.
pub fn opened(attempt: &Attempt, ticket: &str, session: &AuditSession, store: &impl Store, clock: &impl Clock) {
    if attempt.sender != Sender::Root {
        return;
    }
    let now = clock.now().uptime;
    let _ = store.update(&attempt.person, |held| {
        if let Some(passed) = held.ledger.take_pass(&named(ticket)).filter(|passed| now < passed.after(TICKET)) {
            held.ledger.pass_in(session.0.clone(), passed);
        }
    });
}

fn named(ticket: &str) -> String {
    format!("ticket {ticket}")
}
