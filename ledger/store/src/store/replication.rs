// SPDX-License-Identifier: Apache-2.0
//! What members take from each other and give each other: blocks, payloads, staged transactions.

use silsila_chain::{Block, ChainState, Head, Height, Judged, PayloadDigest, Payloads, Tag, TxId};

use super::Store;
use crate::file::{by_digest, count_wanted, held, wanted};
use crate::read::{block, block_payloads};
use crate::writer::{Arrived, WithPayloads};
use crate::{Clock as _, StoreError, SystemClock};

impl Store {
    /// Applies a block that other members ordered, with those of its payloads that are at hand, in any order;
    /// those that were held are taken from there, and for the others see [`Store::missing_payloads`]. Safe to
    /// repeat: of a block that is here already only missing payloads are taken.
    ///
    /// # Errors
    /// [`StoreError::Block`] where the rules refuse it; nothing is changed then.
    pub fn apply(
        &self,
        block: &Block,
        payloads: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<(), StoreError> {
        self.apply_with(block, None, &mut payloads.into_iter().collect())
    }

    /// As [`Store::apply`], and leaves those payloads that the block does not commit to. A validator names what
    /// it `judged` before it voted, with this ledger's chain and versions ([`Store::chain`],
    /// [`Store::head_of`]) or what blocks behind them made; it is not judged again.
    ///
    /// # Errors
    /// As [`Store::apply`].
    pub fn apply_with(
        &self,
        block: &Block,
        judged: Option<Judged<'_>>,
        payloads: &mut Payloads,
    ) -> Result<(), StoreError> {
        let compared = self.compare(block, SystemClock.now_ms());
        self.0.note(compared.as_ref().err());
        compared?;
        self.0
            .committing(|writer| writer.apply_foreign(block, judged, payloads))
    }

    /// Takes payloads that are missing, in any order, and says how many found their place. Bytes that no
    /// entry commits to find none. What a payload opens, or a key in it, is indexed at once.
    ///
    /// # Errors
    /// Where the database fails; nothing is changed then.
    pub fn add_payloads(
        &self,
        payloads: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<u64, StoreError> {
        let arrived = Arrived::new(payloads);
        self.0.committing(|writer| writer.add_payloads(&arrived))
    }

    /// As [`Store::add_payloads`]; where damage is mended by it, the list says with whose bytes.
    ///
    /// # Errors
    /// As [`Store::add_payloads`].
    pub fn add_payloads_from(
        &self,
        payloads: impl IntoIterator<Item = Vec<u8>>,
        member: &str,
    ) -> Result<u64, StoreError> {
        let arrived = Arrived::new(payloads).from(member);
        self.0.committing(|writer| writer.add_payloads(&arrived))
    }

    /// Keeps payloads of transactions that no block holds yet, durably when this returns; the caller limits how
    /// many. They are let go of after the height `until`, behind which their transaction cannot be committed.
    ///
    /// # Errors
    /// [`StoreError::Full`], or where the database fails.
    pub fn hold_payloads(
        &self,
        payloads: impl IntoIterator<Item = Vec<u8>>,
        until: Height,
    ) -> Result<(), StoreError> {
        let arrived = Arrived::new(payloads);
        self.0.write(|writer| writer.hold_payloads(&arrived, until))
    }

    /// Lets go of held payloads whose height has passed.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn drop_held(&self, height: Height) -> Result<(), StoreError> {
        self.0.write(|writer| writer.drop_expired(height))
    }

    /// The stored bytes of a payload by its digest: committed, staged here, or held. Of a shared channel only.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn payload_of(&self, digest: &PayloadDigest) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|conn| match by_digest(conn, digest)? {
            None => held(conn, digest),
            found => Ok(found),
        })
    }

    /// A staged transaction with its payloads, as others need it; `None` where it is not in the outbox.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn staged(&self, id: TxId) -> Result<Option<WithPayloads>, StoreError> {
        self.0.write(|writer| writer.staged(&id))
    }

    /// Payloads that committed entries commit to and that are not here: the entry's number and the digest, in
    /// the order of entries from `from` on.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn missing_payloads(
        &self,
        from: u64,
        limit: u32,
    ) -> Result<Vec<(u64, PayloadDigest)>, StoreError> {
        self.read(|conn| wanted(conn, from, limit))
    }

    /// How many payloads [`Store::missing_payloads`] would give in all.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn lacks(&self) -> Result<u64, StoreError> {
        self.read(count_wanted)
    }

    /// The stored bytes of a committed entry's payload, checked, as another member's
    /// [`Store::add_payloads`] takes them; `None` where there is no payload or it is not here.
    ///
    /// # Errors
    /// [`StoreError::UnknownEntry`]; [`StoreError::Damaged`].
    pub fn payload(&self, seq: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|conn| self.0.reading.payload(conn, seq))
    }

    /// A whole block without its payloads, as [`Store::apply`] takes it; `None` beyond the last one.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn block(&self, height: Height) -> Result<Option<Block>, StoreError> {
        self.read(|conn| block(conn, height))
    }

    /// The stored payloads of a block's entries in order, as far as they are here. They are not checked:
    /// whoever takes them knows them by their digests.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn block_payloads(&self, height: Height) -> Result<Vec<Vec<u8>>, StoreError> {
        self.read(|conn| block_payloads(conn, height))
    }

    /// The chain as it stands.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Closed`].
    pub fn chain(&self) -> Result<ChainState, StoreError> {
        self.0.write(|writer| Ok(writer.chain.clone()))
    }

    /// The newest committed version of a resource, by its tag.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn head_of(&self, resource: &Tag) -> Result<Option<Head>, StoreError> {
        self.0.write(|writer| writer.committed_head(resource))
    }
}
