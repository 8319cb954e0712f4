// SPDX-License-Identifier: Apache-2.0
//! The store as a member's ledger.

use std::sync::Arc;

use silsila_chain::{
    Block, ChainState, Checkpoint, Genesis, Head, Height, Judged, PayloadDigest, Payloads, Policy,
    PublicKey, SignedCheckpoint, Tag, TxId,
};
use silsila_store::{Store, StoreError, Torn, Witnessed};

use crate::{Ledger, LedgerError, Staged};

/// A store, and what judges its channel's contract.
pub struct StoreLedger {
    store: Store,
    policy: Arc<dyn Policy>,
}

impl StoreLedger {
    /// A store whose channel is judged by `policy`, which must be the one that it was opened with.
    #[must_use]
    pub const fn new(store: Store, policy: Arc<dyn Policy>) -> Self {
        Self { store, policy }
    }
}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Block { .. } => Self::Refused(error.to_string()),
            other => Self::Unwell(other.to_string()),
        }
    }
}

impl Ledger for StoreLedger {
    fn genesis(&self) -> Genesis {
        self.store.genesis().clone()
    }

    fn policy(&self) -> Arc<dyn Policy> {
        Arc::clone(&self.policy)
    }

    fn chain(&self) -> Result<ChainState, LedgerError> {
        Ok(self.store.chain()?)
    }

    fn head(&self, resource: &Tag) -> Result<Option<Head>, LedgerError> {
        Ok(self.store.head_of(resource)?)
    }

    fn block(&self, height: Height) -> Result<Option<Block>, LedgerError> {
        Ok(self.store.block(height)?)
    }

    fn apply(
        &self,
        block: &Block,
        judged: Option<Judged<'_>>,
        beside: &mut Payloads,
    ) -> Result<(), LedgerError> {
        Ok(self.store.apply_with(block, judged, beside)?)
    }

    fn payloads_of(&self, height: Height) -> Result<Vec<Vec<u8>>, LedgerError> {
        Ok(self.store.block_payloads(height)?)
    }

    fn pending(&self) -> Result<Vec<TxId>, LedgerError> {
        Ok(self.store.pending()?)
    }

    fn staged(&self, id: &TxId) -> Result<Option<Staged>, LedgerError> {
        Ok(self.store.staged(*id)?)
    }

    fn reject(&self, id: &TxId, code: &'static str) -> Result<(), LedgerError> {
        Ok(self.store.reject(*id, code)?)
    }

    fn hold(&self, payloads: Vec<Vec<u8>>, until: Height) -> Result<(), LedgerError> {
        Ok(self.store.hold_payloads(payloads, until)?)
    }

    fn drop_held(&self, height: Height) -> Result<(), LedgerError> {
        Ok(self.store.drop_held(height)?)
    }

    fn payload(&self, entry: u64) -> Result<Option<Vec<u8>>, LedgerError> {
        match self.store.payload(entry) {
            Err(StoreError::UnknownEntry { .. }) => Ok(None),
            other => Ok(other?),
        }
    }

    fn lacking(&self, from: u64, limit: u32) -> Result<Vec<(u64, PayloadDigest)>, LedgerError> {
        Ok(self.store.missing_payloads(from, limit)?)
    }

    fn keep(&self, payloads: Vec<Vec<u8>>, from: &str) -> Result<(), LedgerError> {
        self.store.add_payloads_from(payloads, from)?;
        Ok(())
    }

    fn torn(&self) -> Result<Torn, LedgerError> {
        Ok(self.store.torn()?)
    }

    fn mend_block(&self, block: &Block, from: &str) -> Result<bool, LedgerError> {
        Ok(self.store.mend_block(block, from)?)
    }

    fn mend_payload(&self, entry: u64, bytes: &[u8], from: &str) -> Result<(), LedgerError> {
        Ok(self.store.mend_payload(entry, bytes, from)?)
    }

    fn checkpoint(&self, size: Option<u64>) -> Result<Option<Checkpoint>, LedgerError> {
        Ok(Some(self.store.checkpoint(size)?))
    }

    fn witness(
        &self,
        member: &PublicKey,
        theirs: &SignedCheckpoint,
    ) -> Result<Witnessed, LedgerError> {
        Ok(self.store.witness(member, theirs)?)
    }

    fn compare(&self, block: &Block) -> Result<bool, LedgerError> {
        match self.store.compare_again(block) {
            Err(StoreError::Halted { .. }) => Ok(false),
            other => Ok(other.map(|()| true)?),
        }
    }
}
