// SPDX-License-Identifier: Apache-2.0
//! What the engine needs of a member's ledger. Its two kinds are the store, and the memory of the
//! simulation.

use std::sync::Arc;

use silsila_chain::{
    Block, ChainState, Checkpoint, Genesis, Head, Height, Judged, PayloadDigest, Payloads, Policy,
    PublicKey, SignedCheckpoint, Tag, Transaction, TxId,
};
use silsila_store::{Torn, Witnessed};

/// A ledger could not do what it was asked. The text names no patient data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The rules refuse a block.
    #[error("the ledger refuses a block: {0}")]
    Refused(String),
    /// The ledger itself is unwell: a full disk, damage, a closed file.
    #[error("the ledger is unwell: {0}")]
    Unwell(String),
}

/// A transaction of this member's that is to be ordered, and its payloads.
pub type Staged = (Transaction, Vec<Vec<u8>>);

/// A member's ledger. Every call may block on a disk; all come from one thread.
pub trait Ledger: Send + Sync + 'static {
    /// What the channel was founded on.
    fn genesis(&self) -> Genesis;

    /// What judges contracts and certificates.
    fn policy(&self) -> Arc<dyn Policy>;

    /// The chain as it stands.
    ///
    /// # Errors
    /// Where the ledger is unwell.
    fn chain(&self) -> Result<ChainState, LedgerError>;

    /// The newest version of a resource, as of [`Ledger::chain`].
    ///
    /// # Errors
    /// Where the ledger is unwell.
    fn head(&self, resource: &Tag) -> Result<Option<Head>, LedgerError>;

    /// A block with its certificate; `None` beyond the last one.
    ///
    /// # Errors
    /// Where the ledger is unwell.
    fn block(&self, height: Height) -> Result<Option<Block>, LedgerError>;

    /// Applies the next block, durably, with those of its payloads that are held; they are held no
    /// longer then. A block that is here already is not applied again. `judged` is what this member made of
    /// the block's transactions before it was certified, if it did: they need not be judged again. Of the
    /// payloads `beside` it, those that it commits to are taken.
    ///
    /// # Errors
    /// Where the rules refuse it, or the ledger is unwell; nothing is changed then.
    fn apply(
        &self,
        block: &Block,
        judged: Option<Judged<'_>>,
        beside: &mut Payloads,
    ) -> Result<(), LedgerError>;

    /// The payloads of a block's entries, as far as they are here.
    ///
    /// # Errors
    /// Where the ledger is unwell.
    fn payloads_of(&self, height: Height) -> Result<Vec<Vec<u8>>, LedgerError>;

    /// What this member wants ordered and is not yet decided, oldest first.
    ///
    /// # Errors
    /// Where the ledger is unwell.
    fn pending(&self) -> Result<Vec<TxId>, LedgerError>;

    /// One of those; `None` where it was decided meanwhile.
    ///
    /// # Errors
    /// Where the ledger is unwell.
    fn staged(&self, id: &TxId) -> Result<Option<Staged>, LedgerError>;

    /// Gives up a transaction of this member's that can never be committed, for the reason with `code`.
    ///
    /// # Errors
    /// Where the ledger is unwell.
    fn reject(&self, id: &TxId, code: &'static str) -> Result<(), LedgerError>;

    /// Holds, durably, payloads of a transaction that is not yet ordered, until the chain is past the
    /// height `until`.
    ///
    /// # Errors
    /// Where the ledger is unwell, or full.
    fn hold(&self, payloads: Vec<Vec<u8>>, until: Height) -> Result<(), LedgerError>;

    /// Lets go of held payloads whose `until` the chain has passed.
    ///
    /// # Errors
    /// Where the ledger is unwell.
    fn drop_held(&self, height: Height) -> Result<(), LedgerError>;

    /// The payload of a committed entry, by the entry's number; `None` where it is not here.
    ///
    /// # Errors
    /// Where the ledger is unwell.
    fn payload(&self, entry: u64) -> Result<Option<Vec<u8>>, LedgerError>;

    /// Committed payloads that are not here and were not erased, by their entries' numbers, from `from` on.
    ///
    /// # Errors
    /// Where the ledger is unwell.
    fn lacking(&self, from: u64, limit: u32) -> Result<Vec<(u64, PayloadDigest)>, LedgerError>;

    /// Keeps committed payloads that were lacking, as a member sent them; what no entry commits to is not kept.
    ///
    /// # Errors
    /// Where the ledger is unwell, or full.
    fn keep(&self, payloads: Vec<Vec<u8>>, from: &str) -> Result<(), LedgerError>;

    /// What of this ledger is damaged and other members have.
    ///
    /// # Errors
    /// Where the ledger is unwell.
    fn torn(&self) -> Result<Torn, LedgerError> {
        Ok(Torn::default())
    }

    /// Mends a block with one that a member sent; says whether it was of use.
    ///
    /// # Errors
    /// Where it does not hold, or the ledger is unwell.
    fn mend_block(&self, block: &Block, from: &str) -> Result<bool, LedgerError> {
        let _ = (block, from);
        Ok(false)
    }

    /// Mends the payload of an entry with bytes that a member sent.
    ///
    /// # Errors
    /// Where they are others than committed, or the ledger is unwell.
    fn mend_payload(&self, entry: u64, bytes: &[u8], from: &str) -> Result<(), LedgerError> {
        let _ = (entry, bytes, from);
        Ok(())
    }

    /// The tree over the first `size` headers, or over all; `None` for a ledger that keeps none.
    ///
    /// # Errors
    /// Where the ledger is unwell.
    fn checkpoint(&self, size: Option<u64>) -> Result<Option<Checkpoint>, LedgerError> {
        let _ = size;
        Ok(None)
    }

    /// Compares a checkpoint that a member signed with the own tree of that size, which must be there, and keeps
    /// it; where they differ, nothing is committed any more.
    ///
    /// # Errors
    /// Where the ledger is unwell.
    fn witness(
        &self,
        member: &PublicKey,
        theirs: &SignedCheckpoint,
    ) -> Result<Witnessed, LedgerError> {
        let _ = (member, theirs);
        Ok(Witnessed::Unknown)
    }

    /// Compares a block with the own one of its height. Says whether they are the same; where both are certified
    /// and are not, nothing is committed any more.
    ///
    /// # Errors
    /// Where the ledger is unwell.
    fn compare(&self, block: &Block) -> Result<bool, LedgerError> {
        let _ = block;
        Ok(true)
    }
}
