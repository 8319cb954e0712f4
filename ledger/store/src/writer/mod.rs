// SPDX-License-Identifier: Apache-2.0
//! The one writer: it takes drafts into the outbox, has them ordered, and applies blocks.
//!
//! Memory follows the file: what the writer knows of the chain and the outbox changes only after
//! SQLite has committed. A failure, or a crash at any place, leaves both as they were before the call.

mod apply;
mod checkpoint;
mod grant;
mod open;
mod outbox;
mod receive;
mod stage;

pub(crate) use checkpoint::Checkpoint;
pub use grant::WithPayloads;
pub(crate) use open::{Opened, decode as decode_genesis, open};
pub(crate) use outbox::{Outbox, Staged};
pub(crate) use receive::Arrived;
pub(crate) use stage::{Failed, pack};

use std::sync::Arc;

use rusqlite::Connection;
use silsila_chain::{ChainState, ChannelKeys, Height, MemberKey, Payloads, Reason, TxId};

use crate::engine::{Engine, Ordered};
use crate::file::{
    OutboxRow, TransactionRow, WriteLock, delete_payloads, int, set_granted, tip_height,
};
use crate::read::{Reading, StoredHeads};
use crate::writer::outbox::valid_until;
use crate::{Grants, Index, StoreError, TxStatus};

/// Everything that writing needs.
pub(crate) struct Writer {
    pub(crate) conn: Connection,
    pub(crate) index: Box<dyn Index>,
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) reading: Arc<Reading>,
    pub(crate) keys: ChannelKeys,
    pub(crate) member: MemberKey,
    pub(crate) grants: Arc<Grants>,
    pub(crate) chain: ChainState,
    pub(crate) outbox: Outbox,
    /// The number of the next transaction of the chain.
    pub(crate) next_transaction: i64,
    /// The id of the next payload.
    pub(crate) next_payload: i64,
    pub(crate) checkpoint: Height,
    /// Entries applied since the last checkpoint.
    pub(crate) unchecked: u64,
    pub(crate) lock: Option<WriteLock>,
}

impl Writer {
    /// Gives up the lock of the file, which another writer is about to take.
    pub(crate) fn release(&mut self) {
        self.lock = None;
    }

    /// Orders and applies what is staged until `id` is decided, or waits for other members.
    pub(crate) fn submit(&mut self, id: TxId) -> Result<TxStatus, StoreError> {
        while self.outbox.contains(&id) {
            let (conn, reading) = (&self.conn, &*self.reading);
            let mut heads = StoredHeads {
                conn,
                reading,
                members: self.chain.members(),
                before: self.chain.entries(),
            };
            let staged = self.outbox.transactions();
            let Ordered::Now { block, refused } =
                self.engine.order(&self.chain, &staged, &mut heads)?
            else {
                return Ok(TxStatus::Pending);
            };
            for (id, reason) in refused {
                self.reject(&id, reason.code())?;
            }
            if let Some(ordered) = block {
                self.apply(&ordered.0, &ordered.1, &mut Payloads::default())?;
            }
        }
        self.status(id)
    }

    /// What became of a transaction.
    pub(crate) fn status(&self, id: TxId) -> Result<TxStatus, StoreError> {
        if self.outbox.contains(&id) {
            Ok(TxStatus::Pending)
        } else {
            status(&self.conn, id)
        }
    }

    /// Takes out of the outbox what no block may hold any more. A crash before leaves it for the next
    /// block or the next start; [`status`] says so in the meantime.
    pub(crate) fn expire(&mut self) -> Result<(), StoreError> {
        for id in self.outbox.expired(self.chain.height())? {
            self.reject(&id, Reason::Expired.code())?;
        }
        Ok(())
    }

    /// Takes a transaction that can never be committed out of the outbox.
    pub(crate) fn reject(&mut self, id: &TxId, code: &str) -> Result<(), StoreError> {
        let Some(staged) = self.outbox.get(id) else {
            return Ok(());
        };
        let (number, payload, payloads) = (staged.number, staged.payload, staged.payloads);
        let granted = self.granted_by(&staged.transaction)?;
        let txn = self.conn.transaction()?;
        for of in &granted {
            // The key stays, since later transactions may use it; the next one grants it again.
            set_granted(&txn, of, false)?;
        }
        OutboxRow::delete(&txn, number)?;
        delete_payloads(&txn, payload, int(payloads))?;
        txn.execute(
            "INSERT OR REPLACE INTO ledger_rejected (id, code) VALUES (?1, ?2)",
            (&id.0[..], code),
        )?;
        txn.commit()?;
        self.outbox.remove_rejected(id)
    }
}

/// What the file says became of a transaction.
pub(crate) fn status(conn: &Connection, id: TxId) -> Result<TxStatus, StoreError> {
    if let Some(row) = TransactionRow::find(conn, &id)? {
        return Ok(TxStatus::Committed { height: row.height });
    }
    let mut rejected = conn.prepare_cached("SELECT code FROM ledger_rejected WHERE id = ?1")?;
    let mut codes = rejected.query_map([&id.0[..]], |row| row.get(0))?;
    if let Some(code) = codes.next() {
        return Ok(TxStatus::Rejected { code: code? });
    }
    let mut staged = conn.prepare_cached("SELECT header FROM ledger_outbox WHERE id = ?1")?;
    let mut headers = staged.query_map([&id.0[..]], |row| row.get::<_, Vec<u8>>(0))?;
    let header = headers
        .next()
        .ok_or(StoreError::UnknownTransaction { id })??;
    let valid_until = valid_until(&id, &header)?;
    Ok(if tip_height(conn)?.unwrap_or_default() >= valid_until {
        let code = Reason::Expired.code().to_owned();
        TxStatus::Rejected { code }
    } else {
        TxStatus::Pending
    })
}
