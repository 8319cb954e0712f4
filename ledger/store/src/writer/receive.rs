// SPDX-License-Identifier: Apache-2.0
//! Payloads and keys as they arrive: beside a block, before it, or long after it, in any order.
//!
//! Bytes are known by their digest alone, which is computed here: what no entry commits to finds no place.
//! A payload that is missing is on a list until it comes; a record that could not be opened is on another
//! until its key comes, and is handed to the index then.

use rusqlite::{Connection, Transaction as SqliteTransaction};
use silsila_chain::{Entry, EntryHash, Height, OpenEntry, Payloads, PublicKey, Record};
use silsila_seal::Compartment;

use crate::file::{
    closed, drop_held, hold, insert_closed, insert_content_key, insert_digest, insert_payload,
    insert_wanted, remove_closed, take_held, take_wanted, with_payload,
};
use crate::read::{Located, Opened, Reading};
use crate::verify::{By, is_damaged, repaired};
use crate::writer::{Failed, Writer};
use crate::{
    Applied, BlockInfo, Clock as _, Content, Fault, Payload, Place, StoreError, SystemClock,
};

/// Payload bytes by their digest.
#[derive(Default)]
pub(crate) struct Arrived(Payloads, String);

impl Arrived {
    pub(crate) fn into_payloads(self) -> Payloads {
        self.0
    }

    pub(crate) fn new(payloads: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self(payloads.into_iter().collect(), "another member".to_owned())
    }

    /// Says who sent them, for the list of damage.
    pub(crate) fn from(mut self, member: &str) -> Self {
        member.clone_into(&mut self.1);
        self
    }
}

/// Puts what an entry commits to into its place: from what arrived, or from what was held; else it is missed.
pub(super) fn place(
    txn: &SqliteTransaction<'_>,
    here: &mut Payloads,
    entry: &Entry,
    id: i64,
    seq: u64,
) -> Result<(), StoreError> {
    let Some(commitment) = entry.payload() else {
        return Ok(());
    };
    let fits = |bytes: &Vec<u8>| bytes.len() as u64 == u64::from(commitment.size);
    // What was held is let go, also where it came a second time.
    let held = take_held(txn, &commitment.digest)?;
    match here.take(&commitment.digest).or(held).filter(fits) {
        Some(bytes) => {
            insert_payload(txn, id, &bytes)?;
            insert_digest(txn, id, &commitment.digest)
        }
        None => insert_wanted(txn, &commitment.digest, id, seq),
    }
}

/// A record that could not be opened when its block was applied.
pub(super) struct Revealed {
    seq: u64,
    record: Record,
    hash: EntryHash,
    payload: Payload,
}

impl Revealed {
    pub(super) const fn seq(&self) -> u64 {
        self.seq
    }

    pub(super) const fn applied(&self) -> Applied<'_> {
        Applied {
            seq: self.seq,
            record: &self.record,
            entry_hash: self.hash,
            plaintext: Some(&self.payload),
        }
    }
}

/// Takes the key out of a grant, if it is for this member, the bytes are here and there was none before.
pub(super) fn take_key(
    conn: &Connection,
    reading: &Reading,
    writer: PublicKey,
    entry: &Entry,
    id: i64,
) -> Result<Option<Compartment>, StoreError> {
    let Some(grant) = entry.grant() else {
        return Ok(None);
    };
    let key = with_payload(conn, id, |stored| {
        let honest = crate::file::differs(&grant.payload, stored).is_none();
        honest.then(|| reading.opening.take_key(writer, grant, stored))
    })?;
    let Some((of, key)) = key.flatten().flatten() else {
        return Ok(None);
    };
    Ok(insert_content_key(conn, &of, &key)?.then_some(of))
}

/// A record's plaintext as its block is applied. A payload that this member does not hold or cannot open is
/// no fault here, and is noted; one that is not what was committed is a fault.
pub(super) fn open_applied(
    conn: &Connection,
    reading: &Reading,
    writer: PublicKey,
    entry: &OpenEntry,
    id: i64,
    seq: u64,
) -> Result<Option<Payload>, StoreError> {
    let Some((record, commitment)) = entry
        .entry
        .record()
        .and_then(|record| Some((record, record.payload.as_ref()?)))
    else {
        return Ok(None);
    };
    let opened = with_payload(conn, id, |stored| {
        match crate::file::differs(commitment, stored) {
            Some(what) => Ok(Opened::Damaged(what)),
            None => reading.opening.open(conn, writer, record, stored),
        }
    })?;
    match opened.transpose()? {
        Some(Opened::Plain(payload)) => Ok(Some(payload)),
        Some(Opened::Damaged(what)) => Err(Fault {
            place: Place {
                table: "ledger_payload",
                entry: Some(seq),
                ..Place::default()
            },
            what: what.to_owned(),
        }
        .into()),
        Some(Opened::Sealed) | None => {
            insert_closed(conn, &record.subject_tag, seq)?;
            Ok(None)
        }
    }
}

/// What a new key opens among the entries before `before`.
pub(super) fn reveal_by_key(
    conn: &Connection,
    reading: &Reading,
    of: &Compartment,
    before: u64,
) -> Result<Vec<Revealed>, StoreError> {
    let mut revealed = Vec::new();
    for seq in closed(conn, &of.subject)? {
        if seq >= before {
            break;
        }
        let located = reading.locate(conn, seq)?;
        let fits = located.entry.entry.record().is_some_and(|record| {
            let writer = located.anchor.member.key;
            let found = (record.subject_tag, record.label_class, record.key_period);
            writer == of.custodian && found == (of.subject, of.class, of.period)
        });
        if fits {
            revealed.extend(reveal(conn, reading, located, seq)?);
        }
    }
    Ok(revealed)
}

/// Opens an entry that was closed, and takes it off the list.
fn reveal(
    conn: &Connection,
    reading: &Reading,
    located: Located,
    seq: u64,
) -> Result<Option<Revealed>, StoreError> {
    let Some(record) = located.entry.entry.record() else {
        return Ok(None);
    };
    let Content::Open(payload) = reading.content(conn, &located, record, seq)? else {
        return Ok(None);
    };
    if !remove_closed(conn, &record.subject_tag, seq)? {
        return Ok(None);
    }
    let hash = located.entry.hash;
    let Entry::Record(record) = located.entry.entry else {
        return Ok(None);
    };
    Ok(Some(Revealed {
        seq,
        record,
        hash,
        payload,
    }))
}

impl Writer {
    /// Fills in payloads of committed entries; says how many found their place.
    pub(crate) fn add_payloads(&mut self, arrived: &Arrived) -> Result<u64, StoreError> {
        let (mut placed, mut revealed) = (0, Vec::new());
        let before = self.chain.entries();
        let tip = self.tip();
        let reading = &*self.reading;
        let txn = self.conn.transaction()?;
        let damaged = is_damaged(&txn)?;
        let (now_ms, from) = (SystemClock.now_ms(), &*arrived.1);
        for (digest, bytes) in arrived.0.iter() {
            for (id, seq) in take_wanted(&txn, digest)? {
                insert_payload(&txn, id, bytes)?;
                insert_digest(&txn, id, digest)?;
                placed += 1;
                if damaged {
                    repaired(&txn, None, (seq, seq + 1), By { now_ms, from })?;
                }
                let located = reading.locate(&txn, seq)?;
                let writer = located.anchor.member.key;
                if located.entry.entry.grant().is_none() {
                    revealed.extend(reveal(&txn, reading, located, seq)?);
                } else if let Some(of) = take_key(&txn, reading, writer, &located.entry.entry, id)?
                {
                    revealed.extend(reveal_by_key(&txn, reading, &of, before)?);
                }
            }
        }
        revealed.sort_unstable_by_key(|one| one.seq);
        if !revealed.is_empty() {
            let records: Vec<_> = revealed.iter().map(Revealed::applied).collect();
            self.index.reveal(&txn, &tip, &records)?;
        }
        txn.commit()?;
        Ok(placed)
    }

    /// Keeps payloads of transactions that no block holds yet, up to the height after which none can.
    pub(crate) fn hold_payloads(
        &mut self,
        arrived: &Arrived,
        until: Height,
    ) -> Result<(), StoreError> {
        let held = self.local(|txn| {
            arrived
                .0
                .iter()
                .try_for_each(|(digest, bytes)| hold(txn, digest, until, bytes))
        });
        held.map_err(|failed| match failed {
            Failed::Here(error) | Failed::Caller(error) => error,
        })
    }

    /// As [`Writer::drop_held`], in a database transaction of its own.
    pub(crate) fn drop_expired(&mut self, height: Height) -> Result<(), StoreError> {
        let txn = self.conn.transaction()?;
        Self::drop_held(&txn, height)?;
        Ok(txn.commit()?)
    }

    /// Lets go of held payloads that can no longer be ordered.
    pub(super) fn drop_held(txn: &SqliteTransaction<'_>, height: Height) -> Result<(), StoreError> {
        let dropped = drop_held(txn, height)?;
        if dropped > 0 {
            tracing::debug!(dropped, "payloads of transactions that expired");
        }
        Ok(())
    }

    /// The last block.
    pub(crate) fn tip(&self) -> BlockInfo {
        let chain = &self.chain;
        BlockInfo {
            height: chain.height(),
            time_ms: chain.time_ms(),
            hash: chain.hash(),
            first_entry: chain.entries(),
            entries: 0,
        }
    }
}
