//! What an attempt costs, recorded before it is known.

use crate::ledger::Ledger;
use crate::store::StoreError;
use crate::store::lock::Locked;

/// A ledger that holds what an attempt costs, until what came of it is recorded. Dropped before that,
/// by an account that cannot be written or a panic, it takes the charge back.
pub(super) struct Charged<'l, 'd> {
    pub(super) locked: &'l mut Locked<'d>,
    /// The ledger without the charge, as long as the charge can be taken back.
    free: Option<Ledger>,
}

impl<'l, 'd> Charged<'l, 'd> {
    /// Records the charge.
    pub(super) fn with(locked: &'l mut Locked<'d>, ledger: Ledger) -> Result<Self, StoreError> {
        if ledger == locked.ledger {
            return Ok(Self { locked, free: None });
        }
        let free = std::mem::replace(&mut locked.ledger, ledger);
        let charged = Self { locked, free: Some(free) };
        charged.locked.write()?;
        Ok(charged)
    }

    /// Records what came of the attempt in place of the charge. Where that fails the charge stays: the
    /// attempt was judged, and a guess must not be free for those who can make this write fail.
    pub(super) fn settle(&mut self, ledger: &Ledger) -> Result<&mut Locked<'d>, StoreError> {
        self.free = None;
        if self.locked.ledger != *ledger {
            self.locked.ledger = ledger.clone();
            self.locked.put()?;
        }
        Ok(self.locked)
    }
}

impl Drop for Charged<'_, '_> {
    fn drop(&mut self) {
        if let Some(free) = self.free.take() {
            self.locked.ledger = free;
            // Where that cannot be written either, the attempt has cost a failure.
            let _ = self.locked.put();
        }
    }
}
