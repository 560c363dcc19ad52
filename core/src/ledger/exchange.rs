//! Answers of logins that were judged a short while ago.

use super::Ledger;
use super::bytes::{Reader, Writer};
use crate::time::Uptime;

/// Answers that are remembered.
const EXCHANGES: usize = 16;
/// How long, in seconds.
const TIME: u64 = 5 * 60;
/// Longest verdict that is remembered, in bytes. One that is longer is asked for again.
const LONGEST: usize = 512;
/// The same for who gave the answer, and where.
const LONGEST_PEER: usize = 160;

/// One answer that was judged. Nothing of the answer itself is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JudgedAnswer {
    /// The login that it belongs to.
    pub(crate) place: ExchangePlace,
    /// What was judged, as its judge writes it.
    pub(crate) verdict: String,
    /// When.
    pub(crate) at: Uptime,
}

/// Which answer of which login it is. Only who sent it finds it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExchangePlace {
    /// The login: 128 random bits in hex. It is never logged.
    pub(crate) attempt: String,
    /// The first answer is 1.
    pub(crate) ordinal: u32,
    /// The class of peer, and the PAM service.
    pub(crate) peer: String,
}

impl Ledger {
    /// What was judged of this answer, if it came before.
    pub(crate) fn exchanged(&self, place: &ExchangePlace, now: Uptime) -> Option<&str> {
        let is_fresh = |one: &&JudgedAnswer| one.place == *place && one.at <= now && now.since(one.at) <= TIME;
        self.exchanges.iter().find(is_fresh).map(|one| one.verdict.as_str())
    }

    /// Remembers what was judged of an answer.
    pub(crate) fn note_exchange(&mut self, place: ExchangePlace, verdict: String, now: Uptime) {
        if verdict.len() > LONGEST || place.peer.len() > LONGEST_PEER {
            return;
        }
        self.exchanges.retain(|one| one.place != place && one.at <= now && now.since(one.at) <= TIME);
        if self.exchanges.len() == EXCHANGES {
            self.exchanges.remove(0);
        }
        self.exchanges.push(JudgedAnswer { place, verdict, at: now });
    }
}

pub(super) fn write(exchanges: &[JudgedAnswer], to: &mut Writer) {
    to.u32(exchanges.len());
    for JudgedAnswer { place: ExchangePlace { attempt, ordinal, peer }, verdict, at } in exchanges {
        to.text(attempt);
        to.u64((*ordinal).into());
        to.text(peer);
        to.text(verdict);
        to.u64(at.0);
    }
}

pub(super) fn read(from: &mut Reader<'_>) -> Option<Vec<JudgedAnswer>> {
    from.many(EXCHANGES, |from| {
        let place = ExchangePlace { attempt: from.text()?, ordinal: from.count()?, peer: from.text()? };
        Some(JudgedAnswer { place, verdict: from.text()?, at: Uptime(from.u64()?) })
    })
}
