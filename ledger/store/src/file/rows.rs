// SPDX-License-Identifier: Apache-2.0
//! The ledger's rows, read and written.

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};
use silsila_chain::merkle::Hash;
use silsila_chain::{Height, Scheme, Signature, TxId};

use crate::{Fault, Place, StoreError};

/// An unsigned number as SQLite keeps it. Numbers of the ledger stay below 2^63.
pub(crate) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that SQLite kept; what cannot be one becomes a number that nothing has.
pub(crate) fn number(int: i64) -> u64 {
    u64::try_from(int).unwrap_or(u64::MAX)
}

/// What `ledger_meta` holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MetaName {
    /// The channel's genesis.
    Genesis,
    /// The channel's id, sealed with the custodian's key: tells a wrong key from damage.
    Custodian,
    /// The last clean checkpoint and its seal.
    Checkpoint,
}

impl MetaName {
    const fn text(self) -> &'static str {
        match self {
            Self::Genesis => "genesis",
            Self::Custodian => "custodian",
            Self::Checkpoint => "checkpoint",
        }
    }
}

pub(crate) fn read_meta(conn: &Connection, name: MetaName) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT value FROM ledger_meta WHERE name = ?1")?;
    Ok(statement
        .query_row([name.text()], |row| row.get(0))
        .optional()?)
}

pub(crate) fn write_meta(
    conn: &Connection,
    name: MetaName,
    value: &[u8],
) -> Result<(), StoreError> {
    let mut statement =
        conn.prepare_cached("INSERT OR REPLACE INTO ledger_meta (name, value) VALUES (?1, ?2)")?;
    statement.execute(params![name.text(), value])?;
    Ok(())
}

/// The height of the last block.
pub(crate) fn tip_height(conn: &Connection) -> Result<Option<Height>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT max(height) FROM ledger_block")?;
    let height: Option<i64> = statement.query_row([], |row| row.get(0))?;
    Ok(height.map(|height| Height(number(height))))
}

/// A row of `ledger_block`.
#[derive(Debug, Clone)]
pub(crate) struct BlockRow {
    pub(crate) height: Height,
    pub(crate) first_transaction: i64,
    pub(crate) header: Vec<u8>,
    pub(crate) certificate: Vec<u8>,
}

impl BlockRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            height: Height(number(row.get(0)?)),
            first_transaction: row.get(1)?,
            header: row.get(2)?,
            certificate: row.get(3)?,
        })
    }

    /// Blocks of a range of heights, in order.
    pub(crate) fn range(
        conn: &Connection,
        from: Height,
        to: Height,
    ) -> Result<Vec<Self>, StoreError> {
        let mut statement = conn.prepare_cached(
            "SELECT height, first_transaction, header, certificate FROM ledger_block
             WHERE height BETWEEN ?1 AND ?2 ORDER BY height",
        )?;
        let rows = statement.query_map([int(from.0), int(to.0)], Self::read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The block at a height.
    pub(crate) fn at(conn: &Connection, height: Height) -> Result<Option<Self>, StoreError> {
        Ok(Self::range(conn, height, height)?.pop())
    }

    pub(crate) fn insert(&self, conn: &Connection) -> Result<(), StoreError> {
        let mut statement =
            conn.prepare_cached("INSERT INTO ledger_block VALUES (?1, ?2, ?3, ?4)")?;
        statement.execute(params![
            int(self.height.0),
            self.first_transaction,
            self.header,
            self.certificate
        ])?;
        Ok(())
    }
}

/// A row of `ledger_transaction`.
#[derive(Debug, Clone)]
pub(crate) struct TransactionRow {
    pub(crate) number: i64,
    pub(crate) height: Height,
    pub(crate) first_entry: u64,
    pub(crate) header: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) chunk_roots: Vec<u8>,
}

impl TransactionRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get(0)?,
            height: Height(number(row.get(1)?)),
            first_entry: number(row.get(2)?),
            header: row.get(3)?,
            signature: row.get(4)?,
            chunk_roots: row.get(5)?,
        })
    }

    /// Transactions of a half-open range of numbers, in order.
    pub(crate) fn range(conn: &Connection, from: i64, to: i64) -> Result<Vec<Self>, StoreError> {
        let mut statement = conn.prepare_cached(
            "SELECT number, height, first_entry, header, signature, chunk_roots FROM ledger_transaction
             WHERE number >= ?1 AND number < ?2 ORDER BY number",
        )?;
        Ok(statement
            .query_map([from, to], Self::read)?
            .collect::<Result<_, _>>()?)
    }

    /// Transactions of one block, in order.
    pub(crate) fn of_block(conn: &Connection, block: &BlockRow) -> Result<Vec<Self>, StoreError> {
        let next = BlockRow::at(conn, block.height.next())?;
        Self::range(
            conn,
            block.first_transaction,
            next.map_or(i64::MAX, |next| next.first_transaction),
        )
    }

    /// The committed transaction of an id.
    pub(crate) fn find(conn: &Connection, id: &TxId) -> Result<Option<Self>, StoreError> {
        let mut statement =
            conn.prepare_cached("SELECT number FROM ledger_transaction_id WHERE prefix = ?1")?;
        let numbers = statement.query_map([prefix(&id.0)], |row| row.get(0))?;
        for candidate in numbers.collect::<Result<Vec<i64>, _>>()? {
            let row = Self::range(conn, candidate, candidate + 1)?.pop();
            if let Some(row) = row.filter(|row| row.id() == *id) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    pub(crate) fn id(&self) -> TxId {
        TxId(silsila_chain::merkle::leaf_hash(&self.header))
    }

    pub(crate) fn insert(&self, conn: &Connection) -> Result<(), StoreError> {
        let mut statement =
            conn.prepare_cached("INSERT INTO ledger_transaction VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        statement.execute(params![
            self.number,
            int(self.height.0),
            int(self.first_entry),
            self.header,
            self.signature,
            self.chunk_roots
        ])?;
        let mut statement =
            conn.prepare_cached("INSERT INTO ledger_transaction_id VALUES (?1, ?2)")?;
        statement.execute([prefix(&self.id().0), self.number])?;
        Ok(())
    }

    /// The signature with its scheme.
    pub(crate) fn signature(&self) -> Result<(Scheme, Signature), StoreError> {
        split_signature(&self.signature).ok_or_else(|| {
            let place = Place {
                table: "ledger_transaction",
                height: Some(self.height),
                ..Place::default()
            };
            Fault {
                place,
                what: "a signature of another length".to_owned(),
            }
            .into()
        })
    }

    /// The stored roots of the subtrees of sixteen entries; `None` where they are no hashes.
    pub(crate) fn chunk_roots(&self) -> Option<&[Hash]> {
        let (roots, rest) = self.chunk_roots.as_chunks::<32>();
        rest.is_empty().then_some(roots)
    }
}

/// A scheme byte and a signature, as rows keep them.
pub(crate) fn join_signature(scheme: Scheme, signature: &Signature) -> Vec<u8> {
    [&[scheme.0], &signature.0[..]].concat()
}

fn split_signature(bytes: &[u8]) -> Option<(Scheme, Signature)> {
    let (scheme, signature) = bytes.split_first()?;
    Some((Scheme(*scheme), Signature(signature.try_into().ok()?)))
}

/// The first eight bytes of an identifier, by which look-up tables find it.
pub(crate) fn prefix<const N: usize>(identifier: &[u8; N]) -> i64 {
    i64::from_be_bytes(
        *identifier
            .first_chunk()
            .expect("identifiers have 16 or 32 bytes"),
    )
}

/// A row of `ledger_entries`: up to sixteen entries of one transaction.
#[derive(Debug, Clone)]
pub(crate) struct ChunkRow {
    pub(crate) first: u64,
    pub(crate) transaction: i64,
    pub(crate) payload: i64,
    pub(crate) bytes: Vec<u8>,
}

impl ChunkRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            first: number(row.get(0)?),
            transaction: row.get(1)?,
            payload: row.get(2)?,
            bytes: row.get(3)?,
        })
    }

    /// The row that holds an entry, if any does.
    pub(crate) fn holding(conn: &Connection, entry: u64) -> Result<Option<Self>, StoreError> {
        let mut statement = conn.prepare_cached(
            "SELECT first, transaction_number, payload, bytes FROM ledger_entries
             WHERE first <= ?1 ORDER BY first DESC LIMIT 1",
        )?;
        Ok(statement.query_row([int(entry)], Self::read).optional()?)
    }

    /// A statement over rows of a half-open range of entries, in order.
    pub(crate) fn range(conn: &Connection) -> Result<CachedStatement<'_>, StoreError> {
        Ok(conn.prepare_cached(
            "SELECT first, transaction_number, payload, bytes FROM ledger_entries
             WHERE first >= ?1 AND first < ?2 ORDER BY first",
        )?)
    }

    /// Rows of a half-open range of entries, in order.
    pub(crate) fn collect(conn: &Connection, from: u64, to: u64) -> Result<Vec<Self>, StoreError> {
        let mut statement = Self::range(conn)?;
        Ok(statement
            .query_map([int(from), int(to)], Self::read)?
            .collect::<Result<_, _>>()?)
    }

    pub(crate) fn insert(&self, conn: &Connection) -> Result<(), StoreError> {
        let mut statement =
            conn.prepare_cached("INSERT INTO ledger_entries VALUES (?1, ?2, ?3, ?4)")?;
        statement.execute(params![
            int(self.first),
            self.transaction,
            self.payload,
            self.bytes
        ])?;
        Ok(())
    }
}

/// A row of `ledger_outbox`.
#[derive(Debug, Clone)]
pub(crate) struct OutboxRow {
    pub(crate) number: i64,
    pub(crate) id: Vec<u8>,
    pub(crate) header: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) entries: Vec<u8>,
    pub(crate) payload: i64,
}

impl OutboxRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get(0)?,
            id: row.get(1)?,
            header: row.get(2)?,
            signature: row.get(3)?,
            entries: row.get(4)?,
            payload: row.get(5)?,
        })
    }

    /// A row as another connection gave it; `None` where a value has another type than its column.
    pub(crate) fn of(values: Vec<Value>) -> Option<Self> {
        let [number, id, header, signature, entries, payload] =
            <[Value; 6]>::try_from(values).ok()?;
        let int = |value| match value {
            Value::Integer(int) => Some(int),
            _ => None,
        };
        let blob = |value| match value {
            Value::Blob(bytes) => Some(bytes),
            _ => None,
        };
        Some(Self {
            number: int(number)?,
            id: blob(id)?,
            header: blob(header)?,
            signature: blob(signature)?,
            entries: blob(entries)?,
            payload: int(payload)?,
        })
    }

    /// All rows in the order of staging.
    pub(crate) fn all(conn: &Connection) -> Result<Vec<Self>, StoreError> {
        let mut statement = conn.prepare_cached(
            "SELECT number, id, header, signature, entries, payload FROM ledger_outbox ORDER BY number",
        )?;
        Ok(statement
            .query_map([], Self::read)?
            .collect::<Result<_, _>>()?)
    }

    pub(crate) fn insert(&self, conn: &Connection) -> Result<(), StoreError> {
        let mut statement =
            conn.prepare_cached("INSERT INTO ledger_outbox VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        statement.execute(params![
            self.number,
            self.id,
            self.header,
            self.signature,
            self.entries,
            self.payload
        ])?;
        Ok(())
    }

    pub(crate) fn delete(conn: &Connection, number: i64) -> Result<(), StoreError> {
        conn.prepare_cached("DELETE FROM ledger_outbox WHERE number = ?1")?
            .execute([number])?;
        Ok(())
    }

    /// The transaction; `None` where the signature has another length.
    pub(crate) fn transaction(&self) -> Option<silsila_chain::Transaction> {
        let (scheme, signature) = split_signature(&self.signature)?;
        Some(silsila_chain::Transaction {
            header: self.header.clone(),
            scheme,
            signature,
            entries: self.entries.clone(),
        })
    }
}
