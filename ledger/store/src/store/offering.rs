// SPDX-License-Identifier: Apache-2.0
//! What this member wants committed: from drafts and proposals through the outbox to an answer.

use rusqlite::Transaction;
use silsila_chain::{Entry, Identity, TxId};
use silsila_seal::Compartment;

use super::Store;
use crate::writer::{self, pack};
use crate::{Draft, StoreError, TxStatus};

impl Store {
    /// Takes drafts into the outbox as one signed transaction, and lets the caller write its cursor and
    /// row states, all in one database transaction: both happen, or neither. Drafts of a resource that
    /// is already in the outbox continue from there. Without drafts only `local` runs, and there is
    /// nothing to submit.
    ///
    /// # Errors
    /// [`StoreError::Full`] when there is no room, [`StoreError::Draft`] for a draft that can never be
    /// committed, and whatever `local` returns. Nothing is changed then.
    pub fn stage<E: From<StoreError>>(
        &self,
        drafts: Vec<Draft>,
        local: impl FnOnce(&Transaction<'_>) -> Result<(), E>,
    ) -> Result<Option<TxId>, E> {
        if drafts.is_empty() {
            return self.local(local).map(|()| None);
        }
        let suite = &self.0.reading.opening.suite;
        let packed = pack(suite, !self.0.genesis.is_alone(), drafts)?;
        self.0
            .staging(|writer| writer.stage(packed, local).map(Some))
    }

    /// Has a staged transaction ordered and applied. Safe to repeat: what is committed already reports
    /// its height.
    ///
    /// # Errors
    /// [`StoreError::UnknownTransaction`]; [`StoreError::Full`], after which it is still in the outbox.
    pub fn submit(&self, id: TxId) -> Result<TxStatus, StoreError> {
        self.refuse_if_halted()?;
        let status = self.0.committing(|writer| writer.submit(id))?;
        if status == TxStatus::Pending
            && let Some(wake) = &self.0.on_pending
        {
            wake();
        }
        Ok(status)
    }

    /// What became of a transaction.
    ///
    /// # Errors
    /// [`StoreError::UnknownTransaction`].
    pub fn status(&self, id: TxId) -> Result<TxStatus, StoreError> {
        self.read(|conn| writer::status(conn, id))
    }

    /// Takes a change of a member or of the contract into the outbox, with the endorsements that it
    /// carries, as a transaction of its own. What becomes of it [`Store::submit`] and [`Store::status`]
    /// say; members and contract as they stand are in [`Store::chain`].
    ///
    /// # Errors
    /// [`StoreError::Draft`] where the entry is of another kind; [`StoreError::Full`].
    pub fn propose(&self, entry: &Entry) -> Result<TxId, StoreError> {
        self.0.write(|writer| writer.propose(entry))
    }

    /// Transactions in the outbox, in the order of staging.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn pending(&self) -> Result<Vec<TxId>, StoreError> {
        self.read(|conn| {
            let mut statement =
                conn.prepare_cached("SELECT id FROM ledger_outbox ORDER BY number")?;
            let ids = statement.query_map([], |row| row.get::<_, [u8; 32]>(0).map(TxId))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
    }

    /// Stages grants of this member's own content keys to one member, as for one that was admitted later: of
    /// the classes that the contract lets it open, at most `limit` behind the compartment `behind`, or from
    /// the first. Gives the transaction and where to go on; `None` where nothing is left.
    ///
    /// # Errors
    /// [`StoreError::Full`], or where the database fails.
    pub fn stage_grants(
        &self,
        to: &Identity,
        behind: Option<&Compartment>,
        limit: u32,
    ) -> Result<Option<(TxId, Compartment)>, StoreError> {
        self.stage_grants_of(to, &|_| true, behind, limit)
    }

    /// As [`Store::stage_grants`], of those classes alone that are `wanted`.
    ///
    /// # Errors
    /// As [`Store::stage_grants`].
    pub fn stage_grants_of(
        &self,
        to: &Identity,
        wanted: &dyn Fn(u8) -> bool,
        behind: Option<&Compartment>,
        limit: u32,
    ) -> Result<Option<(TxId, Compartment)>, StoreError> {
        self.0.write(|writer| {
            let first = writer.first_compartment();
            writer.stage_grants(to, wanted, behind.unwrap_or(&first), limit)
        })
    }

    /// Gives up a staged transaction that can never be committed, for the reason with this code.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn reject(&self, id: TxId, code: &str) -> Result<(), StoreError> {
        self.0.write(|writer| writer.reject(&id, code))
    }
}
