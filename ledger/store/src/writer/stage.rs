// SPDX-License-Identifier: Apache-2.0
//! From drafts to one signed transaction in the outbox.

use rusqlite::Transaction as SqliteTransaction;
use silsila_chain::cbor::Writer as CborWriter;
use silsila_chain::{
    Entry, EntryHash, Head, Height, Identity, MAX_ENTRIES, MAX_KIND, MemoryHeads, Op,
    PayloadCommitment, PayloadDigest, Record, Suite, Tag, Transaction, TxId, sha256,
};
use silsila_seal::{Compartment, SealedAs, SealingPublic};

use crate::clear::{ClearSuite, Salt};
use crate::file::{
    OutboxRow, content_key, insert_content_key, insert_digest, insert_payload, join_signature,
    own_compartments, set_granted,
};
use crate::read::StoredHeads;
use crate::writer::grant::{Keys, commit, seal_version};
use crate::writer::outbox::STAGED;
use crate::writer::{Staged, Writer};
use crate::{Draft, Payload, StoreError};

/// How many blocks a staged transaction may wait.
const TERM: u64 = 100_000;

/// A draft with its payload compressed: everything that needs no look at the chain.
pub(crate) struct Packed {
    draft: Draft,
    plaintext: Option<[u8; 32]>,
    content: Option<PackedContent>,
}

enum PackedContent {
    /// Suite 0, as it is stored.
    Clear(PayloadCommitment, Vec<u8>),
    /// What suite 1 will seal.
    ToSeal(Vec<u8>),
}

/// Compresses the payloads of drafts, and refuses drafts that can never be committed. Needs no lock.
pub(crate) fn pack(
    suite: &ClearSuite,
    shared: bool,
    drafts: Vec<Draft>,
) -> Result<Vec<Packed>, StoreError> {
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
    let packed = drafts
        .into_iter()
        .zip(&salts)
        .enumerate()
        .map(|(position, (draft, salt))| {
            let kind = draft.kind.clone();
            check(&draft)
                .and_then(|()| match &draft.payload {
                    Some(payload) if shared => {
                        sealer.pack(payload).map(PackedContent::ToSeal).map(Some)
                    }
                    Some(payload) => sealer
                        .seal(payload, salt)
                        .map(|stored| PackedContent::Clear(commit(Suite::CLEAR, &stored), stored))
                        .map(Some),
                    None => Ok(None),
                })
                .map(|content| Packed {
                    plaintext: draft.payload.as_ref().map(|payload| sha256(&payload.body)),
                    content,
                    draft,
                })
                .map_err(|reason| StoreError::Draft {
                    position,
                    kind,
                    reason,
                })
        });
    packed.collect()
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

/// Entries in the making, with what they commit to.
#[derive(Default)]
struct Entries {
    bytes: CborWriter,
    hashes: Vec<EntryHash>,
    heads: MemoryHeads,
    payloads: Vec<Vec<u8>>,
    keys: Keys,
}

impl Writer {
    /// Seals and signs packed drafts as one transaction and takes it into the outbox; `local` writes in the
    /// same database transaction.
    pub(crate) fn stage<E>(
        &mut self,
        mut packed: Vec<Packed>,
        local: impl FnOnce(&SqliteTransaction<'_>) -> Result<(), E>,
    ) -> Result<TxId, Failed<E>> {
        let entries = self.write_entries(&mut packed)?;
        let plaintexts = packed
            .into_iter()
            .filter_map(|packed| packed.draft.payload)
            .collect();
        self.take_in(entries, plaintexts, local)
    }

    /// Stages grants of one's own content keys to one member, for compartments behind `behind` of classes that
    /// are `wanted` and that the contract lets the member open: at most `limit`. Gives the transaction, and
    /// the last compartment; `None` where there is none left.
    pub(crate) fn stage_grants(
        &mut self,
        to: &Identity,
        wanted: &dyn Fn(u8) -> bool,
        behind: &Compartment,
        limit: u32,
    ) -> Result<Option<(TxId, Compartment)>, StoreError> {
        let public = self.chain.members().get(to);
        let public = public.map(|member| SealingPublic(member.sealing_key));
        let recipient = [(*to, public.unwrap_or(SealingPublic::NONE))];
        let mut behind = *behind;
        loop {
            let compartments = own_compartments(&self.conn, &behind, limit)?;
            let Some(last) = compartments.last() else {
                return Ok(None);
            };
            let mut entries = Entries::default();
            for of in compartments.iter().filter(|of| wanted(of.class)) {
                let Some(kept) = content_key(&self.conn, of)? else {
                    continue;
                };
                if !self.may_open(to, of.class) {
                    continue;
                }
                if let Some((grant, payload)) = self.grant(of, &kept.key, &recipient)? {
                    entries.push(&grant, Some(payload));
                }
            }
            if entries.hashes.is_empty() {
                behind = *last;
                continue;
            }
            return match self.take_in(entries, Vec::new(), |_| Ok(())) {
                Ok(id) => Ok(Some((id, *last))),
                Err(Failed::Here(error) | Failed::Caller(error)) => Err(error),
            };
        }
    }

    /// Stages a change of a member or of the contract, alone in its transaction.
    pub(crate) fn propose(&mut self, entry: &Entry) -> Result<TxId, StoreError> {
        if !matches!(
            entry,
            Entry::Member(_) | Entry::Contract(_) | Entry::Epoch(_)
        ) {
            return Err(StoreError::Draft {
                position: 0,
                kind: String::new(),
                reason: "only a change of a member or of the contract is proposed",
            });
        }
        let mut entries = Entries::default();
        entries.push(entry, None);
        match self.take_in(entries, Vec::new(), |_| Ok(())) {
            Ok(id) => Ok(id),
            Err(Failed::Here(error) | Failed::Caller(error)) => Err(error),
        }
    }

    fn take_in<E>(
        &mut self,
        entries: Entries,
        plaintexts: Vec<Payload>,
        local: impl FnOnce(&SqliteTransaction<'_>) -> Result<(), E>,
    ) -> Result<TxId, Failed<E>> {
        let Entries {
            bytes,
            hashes,
            heads,
            payloads,
            keys,
        } = entries;
        let transaction = self.sign(bytes.into_bytes(), &hashes)?;
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
        let shared = self.chain.is_shared();
        let written = self.local(|txn| {
            write(txn, &row, &payloads, &keys, shared).map_err(Failed::Here)?;
            local(txn).map_err(Failed::Caller)
        });
        written.map_err(Failed::flat)?;
        let payloads = payloads.len() as u64;
        self.next_payload += i64::try_from(payloads).expect("at most 10,000");
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

    fn write_entries(&self, packed: &mut [Packed]) -> Result<Entries, StoreError> {
        let mut entries = Entries::default();
        for (position, packed) in packed.iter_mut().enumerate() {
            let refused = |reason| StoreError::Draft {
                position,
                kind: packed.draft.kind.clone(),
                reason,
            };
            match self.write_entry(
                &mut entries,
                &packed.draft,
                packed.plaintext,
                packed.content.take(),
            ) {
                Ok(()) => {}
                Err(Refused::Draft(reason)) => return Err(refused(reason)),
                Err(Refused::Store(error)) => return Err(error),
            }
            if entries.hashes.len() as u64 > MAX_ENTRIES.min(self.chain.contract().limits.entries) {
                return Err(refused(
                    "a transaction holds at most 10,000 entries, fewer where the contract says so, grants among them",
                ));
            }
        }
        Ok(entries)
    }

    fn sign(&self, entries: Vec<u8>, hashes: &[EntryHash]) -> Result<Transaction, StoreError> {
        let term = (self.outbox.len() as u64 + TERM).min(self.chain.contract().limits.horizon);
        let valid_until = Height(self.chain.height().0 + term);
        Ok(Transaction::sign(
            &self.member,
            self.chain.channel(),
            self.next_sequence()?,
            valid_until,
            entries,
            hashes,
        ))
    }

    fn next_sequence(&self) -> Result<u64, StoreError> {
        let staged = self.outbox.last_sequence()?;
        let committed = self
            .chain
            .sequence(&Identity::ed25519(self.member.public()));
        Ok(staged.max(committed).unwrap_or(0) + 1)
    }

    fn write_entry(
        &self,
        entries: &mut Entries,
        draft: &Draft,
        plaintext: Option<[u8; 32]>,
        content: Option<PackedContent>,
    ) -> Result<(), Refused> {
        let resource_tag = self.keys.resource_tag(&draft.resource);
        let head = self.head(entries, &resource_tag)?;
        if draft.op == Op::Delete && head.is_none_or(|head| head.deleted) {
            return Err(Refused::Draft("the resource to delete is not there"));
        }
        let previous = head.map(|head| head.entry);
        let subject_tag = self.keys.subject_tag(&draft.subject);
        let version = head.map_or(0, |head| head.version) + 1;
        let (key_period, stored) = match content {
            None => (0, None),
            Some(PackedContent::Clear(commitment, stored)) => (0, Some((commitment, stored))),
            Some(PackedContent::ToSeal(packed)) => {
                let (of, grant) =
                    self.prepare_key(&mut entries.keys, subject_tag, draft.label_class)?;
                if let Some((grant, payload)) = grant {
                    entries.push(&grant, Some(payload));
                }
                let place = SealedAs {
                    compartment: of,
                    resource: resource_tag,
                    version,
                };
                let key = entries.keys.get(&of).expect("it was prepared");
                (of.period, Some(seal_version(&place, key, &packed)?))
            }
        };
        let (payload, stored) = stored.unzip();
        let record = Record {
            op: draft.op,
            resource_tag,
            subject_tag,
            kind: draft.kind.clone(),
            label_class: draft.label_class,
            version,
            previous,
            key_period,
            event_id: self
                .keys
                .event_id(&resource_tag, previous.as_ref(), plaintext.as_ref()),
            payload,
        };
        entries.push(&Entry::Record(record), stored);
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
            None => self.committed_head(resource),
        }
    }

    /// The newest committed version of a resource.
    pub(crate) fn committed_head(&self, resource: &Tag) -> Result<Option<Head>, StoreError> {
        let mut heads = StoredHeads {
            conn: &self.conn,
            reading: &self.reading,
            members: self.chain.members(),
            before: self.chain.entries(),
        };
        silsila_chain::Heads::head(&mut heads, resource)
    }
}

impl Entries {
    fn push(&mut self, entry: &Entry, payload: Option<Vec<u8>>) {
        let start = self.bytes.len();
        entry.write(&mut self.bytes);
        let hash = Entry::hash(&self.bytes.as_bytes()[start..]);
        self.hashes.push(hash);
        let head = entry
            .record()
            .map(|record| (record.resource_tag, Head::of(record, hash, STAGED)));
        self.heads.extend(head);
        self.payloads.extend(payload);
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

/// Writes the outbox row, the payloads, and the keys that seal them.
fn write(
    txn: &SqliteTransaction<'_>,
    row: &OutboxRow,
    payloads: &[Vec<u8>],
    keys: &Keys,
    shared: bool,
) -> Result<(), StoreError> {
    row.insert(txn)?;
    for (id, stored) in (row.payload..).zip(payloads) {
        insert_payload(txn, id, stored)?;
        if shared {
            insert_digest(txn, id, &PayloadDigest(sha256(stored)))?;
        }
    }
    for of in &keys.made {
        let key = keys.get(of).expect("what was made is ready");
        insert_content_key(txn, of, key)?;
        set_granted(txn, of, keys.granted.contains(of))?;
    }
    for of in keys.granted.difference(&keys.made) {
        set_granted(txn, of, true)?;
    }
    Ok(())
}
