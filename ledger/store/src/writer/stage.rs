// SPDX-License-Identifier: Apache-2.0
//! From drafts to one signed transaction in the outbox.

use rusqlite::Transaction as SqliteTransaction;
use silsila_chain::cbor::Writer as CborWriter;
use silsila_chain::{
    Entry, EntryHash, Head, Height, Identity, MAX_ENTRIES, MAX_KIND, MemoryHeads, Op,
    PayloadCommitment, PayloadDigest, Record, Suite, Tag, Transaction, TxId, sha256,
};

use crate::clear::{ClearSuite, Salt};
use crate::file::{OutboxRow, insert_payload, join_signature};
use crate::read::StoredHeads;
use crate::writer::outbox::STAGED;
use crate::writer::{Staged, Writer};
use crate::{Draft, Payload, StoreError};

/// How many blocks a staged transaction may wait.
const TERM: u64 = 100_000;

/// A draft with its payload compressed: everything that needs no look at the chain.
pub(crate) struct Sealed {
    draft: Draft,
    plaintext: Option<[u8; 32]>,
    stored: Option<(PayloadCommitment, Vec<u8>)>,
}

/// Compresses the payloads of drafts, and refuses drafts that can never be committed. Needs no lock.
pub(crate) fn seal(suite: &ClearSuite, drafts: Vec<Draft>) -> Result<Vec<Sealed>, StoreError> {
    if drafts.len() as u64 > MAX_ENTRIES {
        let reason = "a transaction holds at most 10,000 entries";
        return Err(StoreError::Draft {
            position: drafts.len() - 1,
            kind: String::new(),
            reason,
        });
    }
    let mut salts = vec![Salt::default(); drafts.len()];
    draw(salts.as_flattened_mut())?;
    let mut sealer = suite.sealer();
    let sealed = drafts
        .into_iter()
        .zip(&salts)
        .enumerate()
        .map(|(position, (draft, salt))| {
            let kind = draft.kind.clone();
            check(&draft)
                .and_then(|()| match &draft.payload {
                    Some(payload) => sealer.seal(payload, salt).map(Some),
                    None => Ok(None),
                })
                .map(|stored| Sealed {
                    plaintext: draft.payload.as_ref().map(|payload| sha256(&payload.body)),
                    stored: stored.map(|stored| (commit(&stored), stored)),
                    draft,
                })
                .map_err(|reason| StoreError::Draft {
                    position,
                    kind,
                    reason,
                })
        });
    sealed.collect()
}

/// Fills with random bytes of the operating system.
pub(super) fn draw(bytes: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(bytes).map_err(|error| StoreError::Io {
        action: "drawing random numbers from",
        path: "the operating system".to_owned(),
        source: std::io::Error::other(error.to_string()),
    })
}

fn check(draft: &Draft) -> Result<(), &'static str> {
    if draft.kind.is_empty() || draft.kind.len() > MAX_KIND {
        return Err("its kind is empty or longer than 32 bytes");
    }
    match (draft.op, &draft.payload) {
        (Op::Put, None) => Err("a put needs a payload"),
        (Op::Delete, Some(_)) => Err("a delete has no payload"),
        _ => Ok(()),
    }
}

fn commit(stored: &[u8]) -> PayloadCommitment {
    PayloadCommitment {
        suite: Suite::CLEAR,
        digest: PayloadDigest(sha256(stored)),
        size: u32::try_from(stored.len()).expect("a sealed body is below 16 MiB"),
    }
}

/// Who failed: the store, or what its caller does in the same database transaction.
pub(crate) enum Failed<E> {
    Here(StoreError),
    Caller(E),
}

impl<E> From<StoreError> for Failed<E> {
    fn from(error: StoreError) -> Self {
        Self::Here(error)
    }
}

impl<E> Failed<Failed<E>> {
    fn flat(self) -> Failed<E> {
        match self {
            Self::Here(error) => Failed::Here(error),
            Self::Caller(failed) => failed,
        }
    }
}

/// Entries in the making.
#[derive(Default)]
struct Entries {
    bytes: CborWriter,
    hashes: Vec<EntryHash>,
    heads: MemoryHeads,
}

impl Writer {
    /// Signs sealed drafts as one transaction and takes it into the outbox; `local` writes in the same
    /// database transaction.
    pub(crate) fn stage<E>(
        &mut self,
        sealed: Vec<Sealed>,
        local: impl FnOnce(&SqliteTransaction<'_>) -> Result<(), E>,
    ) -> Result<TxId, Failed<E>> {
        let (transaction, heads) = self.sign(&sealed)?;
        let (id, number, payload) = (
            transaction.id(),
            self.outbox.next_number(),
            self.next_payload,
        );
        let row = OutboxRow {
            number,
            id: id.0.to_vec(),
            header: transaction.header.clone(),
            signature: join_signature(transaction.scheme, &transaction.signature),
            entries: transaction.entries.clone(),
            payload,
        };
        let payloads = self.local(|txn| {
            let payloads = write(txn, &row, &sealed).map_err(Failed::Here)?;
            local(txn).map_err(Failed::Caller)?;
            Ok(payloads)
        });
        let payloads = payloads.map_err(Failed::flat)?;
        self.next_payload += i64::try_from(payloads).expect("at most 10,000");
        let plaintexts: Vec<Payload> = sealed
            .into_iter()
            .filter_map(|sealed| sealed.draft.payload)
            .collect();
        let staged = Staged {
            id,
            number,
            transaction,
            payload,
            payloads,
            plaintexts: Some(plaintexts),
        };
        self.outbox.push(staged, heads);
        Ok(id)
    }

    /// Runs `write` in one database transaction.
    pub(crate) fn local<T, E>(
        &mut self,
        write: impl FnOnce(&SqliteTransaction<'_>) -> Result<T, E>,
    ) -> Result<T, Failed<E>> {
        let txn = self.conn.transaction().map_err(StoreError::from)?;
        let result = write(&txn).map_err(Failed::Caller)?;
        txn.commit().map_err(StoreError::from)?;
        Ok(result)
    }

    fn sign(&self, sealed: &[Sealed]) -> Result<(Transaction, MemoryHeads), StoreError> {
        let mut entries = Entries::default();
        for (position, sealed) in sealed.iter().enumerate() {
            self.write_entry(&mut entries, sealed)
                .map_err(|refused| match refused {
                    Refused::Draft(reason) => StoreError::Draft {
                        position,
                        kind: sealed.draft.kind.clone(),
                        reason,
                    },
                    Refused::Store(error) => error,
                })?;
        }
        let term = (self.outbox.len() as u64 + TERM).min(self.chain.contract().limits.horizon);
        let valid_until = Height(self.chain.height().0 + term);
        let transaction = Transaction::sign(
            &self.member,
            self.chain.channel(),
            self.next_sequence()?,
            valid_until,
            entries.bytes.into_bytes(),
            &entries.hashes,
        );
        Ok((transaction, entries.heads))
    }

    fn next_sequence(&self) -> Result<u64, StoreError> {
        let staged = self.outbox.last_sequence()?;
        let committed = self
            .chain
            .sequence(&Identity::ed25519(self.member.public()));
        Ok(staged.max(committed).unwrap_or(0) + 1)
    }

    fn write_entry(&self, entries: &mut Entries, sealed: &Sealed) -> Result<(), Refused> {
        let draft = &sealed.draft;
        let resource_tag = self.keys.resource_tag(&draft.resource);
        let head = self.head(entries, &resource_tag)?;
        if draft.op == Op::Delete && head.is_none_or(|head| head.deleted) {
            return Err(Refused::Draft("the resource to delete is not there"));
        }
        let previous = head.map(|head| head.entry);
        let record = Record {
            op: draft.op,
            resource_tag,
            subject_tag: self.keys.subject_tag(&draft.subject),
            kind: draft.kind.clone(),
            label_class: draft.label_class,
            version: head.map_or(0, |head| head.version) + 1,
            previous,
            key_period: 0,
            event_id: self.keys.event_id(
                &resource_tag,
                previous.as_ref(),
                sealed.plaintext.as_ref(),
            ),
            payload: sealed.stored.as_ref().map(|(commitment, _)| *commitment),
        };
        entries.push(record);
        Ok(())
    }

    fn head(&self, entries: &Entries, resource: &Tag) -> Result<Option<Head>, StoreError> {
        let staged = entries
            .heads
            .get(resource)
            .copied()
            .or_else(|| self.outbox.head(resource));
        match staged {
            Some(head) => Ok(Some(head)),
            None => {
                let (conn, reading) = (&self.conn, &*self.reading);
                let mut heads = StoredHeads {
                    conn,
                    reading,
                    members: self.chain.members(),
                    before: self.chain.entries(),
                };
                silsila_chain::Heads::head(&mut heads, resource)
            }
        }
    }
}

impl Entries {
    fn push(&mut self, record: Record) {
        let tag = record.resource_tag;
        let entry = Entry::Record(record);
        let start = self.bytes.len();
        entry.write(&mut self.bytes);
        let hash = Entry::hash(&self.bytes.as_bytes()[start..]);
        self.hashes.push(hash);
        let head = entry.record().map(|record| Head::of(record, hash, STAGED));
        self.heads.extend(head.map(|head| (tag, head)));
    }
}

enum Refused {
    Draft(&'static str),
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Writes the outbox row and the payloads; says how many payloads.
fn write(
    txn: &SqliteTransaction<'_>,
    row: &OutboxRow,
    sealed: &[Sealed],
) -> Result<u64, StoreError> {
    row.insert(txn)?;
    let mut payloads = 0;
    for (id, (_, stored)) in
        (row.payload..).zip(sealed.iter().filter_map(|sealed| sealed.stored.as_ref()))
    {
        insert_payload(txn, id, stored)?;
        payloads += 1;
    }
    Ok(payloads)
}
