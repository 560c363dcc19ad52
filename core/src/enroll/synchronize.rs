//! A device is put right by two of its codes.

use super::{AccountManager, HashedProof, SERVICE, from_seal};
use crate::audit::Line;
use crate::messages::{self, changes};
use crate::request::{Refusal, Refused, Response};
use crate::secret::Typed;
use crate::store::Store;
use crate::time::Clock;
use crate::verdict::{self, Factor, Verdict};

impl<S: Store, C: Clock> AccountManager<S, C> {
    /// Takes two codes that follow each other: they prove who gives them, and tell where the device
    /// is.
    pub(super) fn synchronize(&self, first: &Typed, second: &Typed) -> Result<Response, Refused> {
        if self.config.totp.resync_range.is_zero() {
            return Err(Refused::new(Refusal::Policy, changes::NO_CLOCKS));
        }
        let first = self.proof(Some(first))?;
        let HashedProof { answer: second, .. } = self.proof(Some(second))?;
        self.change_proved(&first, |held, question| {
            let (Some(first), Some(second)) = (&first.answer, &second) else {
                return Err(Refused::new(Refusal::NoAuthenticator, changes::NOT_ENROLLED));
            };
            let judged = verdict::judge_pair(held, first, second, question).map_err(|error| from_seal(&error))?;
            let verdict = judged.doubting(&self.clock);
            let line = Line::new(verdict.word()).with("user", &self.person.name).with("service", SERVICE);
            self.record(verdict.describe(line));
            match verdict {
                Verdict::Accepted(Factor::Code { authenticator, kind, corrected, .. }) => {
                    let ahead = corrected.unwrap_or(0);
                    self.record(
                        self.event("resynchronized").with("authenticator", &authenticator).with("steps", ahead),
                    );
                    Ok(Response::Synchronized { label: authenticator, kind, ahead })
                }
                verdict => {
                    Err(Refused::new(Refusal::NotAccepted, &messages::text(&verdict, &self.config).unwrap_or_default()))
                }
            }
        })
    }
}
