// SPDX-License-Identifier: Apache-2.0
//! Transactions: entries of one member under one signature.

use std::sync::{Arc, OnceLock};

use crate::block::MAX_ENTRIES_BYTES;
use crate::cbor::{DecodeError, Reader, Writer};
use crate::key::{Signature, SignedAs};
use crate::merkle::{self, Hash};
use crate::{
    ChannelId, Entry, EntryHash, Height, Identity, MemberKey, PublicKey, Reason, Scheme, StateHash,
    TxFault, TxId,
};

/// The most entries of one transaction.
pub const MAX_ENTRIES: u64 = 10_000;
/// How many entries share one stored row and one subtree of the entries' tree; a power of two.
pub const CHUNK: usize = 16;
/// The longest transaction header, in bytes.
pub const MAX_TRANSACTION_HEADER: usize = 256;

const LABEL: &str = "silsila/transaction/1";

/// What a member signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionHeader {
    /// The channel.
    pub channel: ChannelId,
    /// Who appends.
    pub member: Identity,
    /// Above that of every earlier committed transaction of the member.
    pub sequence: u64,
    /// The last block that may hold the transaction.
    pub valid_until: Height,
    /// How many entries there are.
    pub count: u64,
    /// RFC 9162 root over the entries.
    pub entries_root: Hash,
}

impl TransactionHeader {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(8).text(LABEL).bytes(&self.channel.0);
        writer
            .uint(u64::from(self.member.scheme.0))
            .bytes(&self.member.key.0);
        writer
            .uint(self.sequence)
            .uint(self.valid_until.0)
            .uint(self.count)
            .bytes(&self.entries_root);
        writer.into_bytes()
    }

    /// Reads a header.
    ///
    /// # Errors
    /// Where the bytes are none, or not in the deterministic form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.tuple(8)?;
        reader.label(LABEL)?;
        let header = Self {
            channel: ChannelId(reader.fixed()?),
            member: Identity {
                scheme: Scheme(reader.byte()?),
                key: PublicKey(reader.fixed()?),
            },
            sequence: reader.uint()?,
            valid_until: Height(reader.uint()?),
            count: reader.uint()?,
            entries_root: reader.fixed()?,
        };
        reader.finish()?;
        Ok(header)
    }
}

/// A signed transaction as it is stored and sent. Nothing is known to be true of it until
/// [`Transaction::open`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The header's bytes.
    pub header: Vec<u8>,
    /// The scheme of the signature.
    pub scheme: Scheme,
    /// The member's signature over the id.
    pub signature: Signature,
    /// The entries, one behind the other.
    pub entries: Vec<u8>,
}

/// A transaction whose bytes, root and signature hold. Whether the chain takes it is another question.
/// Clones share it, so that a member checks it once, however often it meets it on its way into a block.
#[derive(Debug, Clone)]
pub struct OpenTransaction(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    raw: Transaction,
    id: TxId,
    header: TransactionHeader,
    entries: Vec<OpenEntry>,
    chunk_roots: Vec<Hash>,
    /// What it does to the state; computed once.
    change: OnceLock<StateHash>,
}

/// An entry of an [`OpenTransaction`].
#[derive(Debug, Clone)]
pub struct OpenEntry {
    /// The entry.
    pub entry: Entry,
    /// Its hash.
    pub hash: EntryHash,
    /// Where its bytes end among the transaction's.
    pub end: usize,
}

impl Transaction {
    /// Signs entries, given one behind the other with the hash of each.
    #[must_use]
    pub fn sign(
        key: &MemberKey,
        channel: ChannelId,
        sequence: u64,
        valid_until: Height,
        entries: Vec<u8>,
        hashes: &[EntryHash],
    ) -> Self {
        let header = TransactionHeader {
            channel,
            member: Identity::ed25519(key.public()),
            sequence,
            valid_until,
            count: hashes.len() as u64,
            entries_root: merkle::root(hashes.iter().map(|hash| hash.0)),
        }
        .encode();
        let signature = key.sign(SignedAs::Transaction, &merkle::leaf_hash(&header));
        Self {
            header,
            scheme: Scheme::ED25519,
            signature,
            entries,
        }
    }

    /// The id, which the header alone determines.
    #[must_use]
    pub fn id(&self) -> TxId {
        TxId(merkle::leaf_hash(&self.header))
    }

    /// Checks everything that the transaction says of itself: form, limits, root, signature.
    ///
    /// # Errors
    /// Names the entry and the reason.
    pub fn open(&self) -> Result<OpenTransaction, TxFault> {
        let (id, header) = open_header(&self.header, self.scheme, &self.signature)?;
        if self.entries.len() > MAX_ENTRIES_BYTES {
            return Err(Reason::EntryCount.into());
        }
        let entries = read_entries(&self.entries)?;
        if entries.len() as u64 != header.count {
            return Err(Reason::EntryCount.into());
        }
        for (position, opened) in (0..).zip(&entries) {
            let signed = match &opened.entry {
                Entry::Member(change) => change.check_signatures(&header.channel),
                Entry::Contract(change) => change.check_signatures(&header.channel),
                Entry::Epoch(change) => change.check_signatures(&header.channel),
                Entry::Record(_) | Entry::Grant(_) => continue,
            };
            signed.map_err(|reason| TxFault {
                entry: Some(position),
                reason,
            })?;
        }
        let chunk_roots = chunk_roots(&entries);
        if merkle::root(chunk_roots.iter().copied()) != header.entries_root {
            return Err(Reason::EntriesRoot.into());
        }
        Ok(OpenTransaction(Arc::new(Opened {
            raw: self.clone(),
            id,
            header,
            entries,
            chunk_roots,
            change: OnceLock::new(),
        })))
    }

    /// As [`Transaction::open`], where some of the transaction were opened before: one of `opened` is taken
    /// if it was made of exactly these bytes, signature included.
    ///
    /// # Errors
    /// As [`Transaction::open`].
    pub fn open_again<'o>(
        &self,
        opened: impl IntoIterator<Item = &'o OpenTransaction>,
    ) -> Result<OpenTransaction, TxFault> {
        let same = opened.into_iter().find(|one| one.0.raw == *self);
        same.map_or_else(|| self.open(), |one| Ok(one.clone()))
    }
}

/// Checks a transaction's header and signature, without its entries.
///
/// # Errors
/// Names the reason.
pub fn open_header(
    bytes: &[u8],
    scheme: Scheme,
    signature: &Signature,
) -> Result<(TxId, TransactionHeader), TxFault> {
    let header = TransactionHeader::decode(bytes).map_err(Reason::Encoding)?;
    if scheme != Scheme::ED25519 || header.member.scheme != scheme {
        return Err(Reason::UnknownScheme.into());
    }
    if header.count == 0 || header.count > MAX_ENTRIES {
        return Err(Reason::EntryCount.into());
    }
    let id = TxId(merkle::leaf_hash(bytes));
    if !header
        .member
        .key
        .verifies(SignedAs::Transaction, &id.0, signature)
    {
        return Err(Reason::Signature.into());
    }
    Ok((id, header))
}

/// Reads entries that stand one behind the other, and hashes each.
///
/// # Errors
/// Names the entry and the reason.
pub fn read_entries(bytes: &[u8]) -> Result<Vec<OpenEntry>, TxFault> {
    let mut reader = Reader::new(bytes);
    let mut entries: Vec<OpenEntry> = Vec::with_capacity(bytes.len() / 96);
    while !reader.is_at_end() {
        let position = entries.len() as u64;
        let fault = |reason| TxFault {
            entry: Some(position),
            reason,
        };
        if position == MAX_ENTRIES {
            return Err(fault(Reason::EntryCount));
        }
        let start = reader.offset();
        let entry = Entry::read(&mut reader).map_err(|error| fault(Reason::Encoding(error)))?;
        entry.check().map_err(fault)?;
        let end = reader.offset();
        if end - start > entry.max_size() {
            return Err(fault(Reason::EntrySize));
        }
        entries.push(OpenEntry {
            entry,
            hash: Entry::hash(&bytes[start..end]),
            end,
        });
    }
    Ok(entries)
}

/// The roots of the subtrees of [`CHUNK`] entries each; the root over them is the entries' root.
#[must_use]
pub fn chunk_roots(entries: &[OpenEntry]) -> Vec<Hash> {
    entries
        .chunks(CHUNK)
        .map(|chunk| merkle::root(chunk.iter().map(|entry| entry.hash.0)))
        .collect()
}

impl OpenTransaction {
    /// The id.
    #[must_use]
    pub fn id(&self) -> TxId {
        self.0.id
    }

    /// The bytes that it was made of.
    #[must_use]
    pub fn raw(&self) -> &Transaction {
        &self.0.raw
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &TransactionHeader {
        &self.0.header
    }

    /// The entries in order.
    #[must_use]
    pub fn entries(&self) -> &[OpenEntry] {
        &self.0.entries
    }

    /// What the transaction does to the sum over all newest versions, provided that the rules admit it:
    /// only then is the entry that a record names as its previous one the resource's newest.
    pub fn change_state(&self, state: &mut StateHash) {
        state.merge(self.0.change.get_or_init(|| change(&self.0.entries)));
    }

    /// The roots of the subtrees of [`CHUNK`] entries.
    #[must_use]
    pub fn chunk_roots(&self) -> &[Hash] {
        &self.0.chunk_roots
    }
}

fn change(entries: &[OpenEntry]) -> StateHash {
    let mut change = StateHash::default();
    for OpenEntry { entry, hash, .. } in entries {
        let Some(record) = entry.record() else {
            continue;
        };
        change.add(&record.resource_tag, record.version, hash);
        if let Some(previous) = &record.previous {
            change.remove(&record.resource_tag, record.version - 1, previous);
        }
    }
    change
}
