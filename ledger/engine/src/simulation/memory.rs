// SPDX-License-Identifier: Apache-2.0
//! A ledger in memory, which a crash leaves as it was: what is applied is durable.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use silsila_chain::{
    AsCertified, Block, ChainState, Entry, EventId, Genesis, Head, Height, MemberKey, MemoryHeads,
    Op, PayloadCommitment, PayloadDigest, Policy, Record, Rejected, Suite, Tag, Transaction, TxId,
    sha256,
};

use crate::receipt::payloads;
use crate::{Ledger, LedgerError, Staged};

pub(super) struct MemoryLedger {
    genesis: Genesis,
    key: MemberKey,
    inner: Mutex<Inner>,
}

struct Inner {
    chain: ChainState,
    heads: MemoryHeads,
    blocks: Vec<Block>,
    committed: BTreeMap<TxId, u64>,
    rejected: BTreeMap<TxId, &'static str>,
    outbox: Vec<(TxId, Transaction, Vec<Vec<u8>>)>,
    held: HashMap<PayloadDigest, Vec<u8>>,
    payloads: BTreeMap<u64, Vec<u8>>,
    lacking: BTreeMap<u64, PayloadDigest>,
    sequence: u64,
}

impl MemoryLedger {
    pub(super) fn new(genesis: Genesis, key: MemberKey) -> Self {
        let chain = ChainState::at_genesis(&genesis);
        let block = Block {
            header: genesis.header().encode(),
            certificate: Vec::new(),
            transactions: Vec::new(),
        };
        Self {
            genesis,
            key,
            inner: Mutex::new(Inner {
                chain,
                heads: MemoryHeads::default(),
                blocks: vec![block],
                committed: BTreeMap::new(),
                rejected: BTreeMap::new(),
                outbox: Vec::new(),
                held: HashMap::new(),
                payloads: BTreeMap::new(),
                lacking: BTreeMap::new(),
                sequence: 0,
            }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panics with it")
    }

    /// Stages a new resource with a payload of this many bytes.
    pub(super) fn stage(&self, number: u64, size: usize) -> TxId {
        let mut inner = self.inner();
        let mut payload = sha256(&number.to_be_bytes()).repeat(size / 32 + 1);
        payload[0] = Suite::SEALED.0;
        let tag = Tag(*sha256(&payload).first_chunk().expect("16 is at most 32"));
        let record = Record {
            op: Op::Put,
            resource_tag: tag,
            subject_tag: tag,
            kind: "Observation".to_owned(),
            label_class: 0,
            version: 1,
            previous: None,
            key_period: 1,
            event_id: EventId(tag.0),
            payload: Some(PayloadCommitment {
                suite: Suite::SEALED,
                digest: PayloadDigest(sha256(&payload)),
                size: u32::try_from(payload.len()).expect("small"),
            }),
        };
        let entries = Entry::Record(record).encode();
        let hash = Entry::hash(&entries);
        inner.sequence += 1;
        let until = Height(inner.chain.height().0 + 10_000);
        let transaction = Transaction::sign(
            &self.key,
            self.genesis.id(),
            inner.sequence,
            until,
            entries,
            &[hash],
        );
        let id = transaction.id();
        inner.outbox.push((id, transaction, vec![payload]));
        id
    }

    pub(super) fn height(&self) -> u64 {
        self.inner().chain.height().0
    }

    pub(super) fn header(&self, height: u64) -> Option<Vec<u8>> {
        let inner = self.inner();
        let block = inner.blocks.get(usize::try_from(height).ok()?)?;
        Some(block.header.clone())
    }

    /// Where a transaction was committed.
    pub(super) fn committed(&self, id: &TxId) -> Option<u64> {
        self.inner().committed.get(id).copied()
    }

    pub(super) fn rejected(&self) -> usize {
        self.inner().rejected.len()
    }

    pub(super) fn payload_count(&self) -> (usize, usize) {
        let inner = self.inner();
        (inner.payloads.len(), inner.lacking.len())
    }
}

impl Ledger for MemoryLedger {
    fn genesis(&self) -> Genesis {
        self.genesis.clone()
    }

    fn policy(&self) -> Arc<dyn Policy> {
        Arc::new(AsCertified)
    }

    fn chain(&self) -> Result<ChainState, LedgerError> {
        Ok(self.inner().chain.clone())
    }

    fn head(&self, resource: &Tag) -> Result<Option<Head>, LedgerError> {
        Ok(self.inner().heads.get(resource).copied())
    }

    fn block(&self, height: Height) -> Result<Option<Block>, LedgerError> {
        let index = usize::try_from(height.0).unwrap_or(usize::MAX);
        Ok(self.inner().blocks.get(index).cloned())
    }

    fn apply(&self, block: &Block) -> Result<(), LedgerError> {
        let mut inner = self.inner();
        let inner = &mut *inner;
        let verified = inner
            .chain
            .verify_block(block, &AsCertified, &mut inner.heads)
            .map_err(|rejected| match rejected {
                Rejected::Fault(fault) => LedgerError::Refused(fault.to_string()),
                Rejected::Heads(never) => match never {},
            })?;
        let height = verified.certified.header().height.0;
        let mut number = verified.certified.header().first_entry;
        for open in &verified.transactions {
            inner.committed.insert(open.id(), height);
            let staged = inner.outbox.iter().position(|(id, ..)| *id == open.id());
            let own = staged.map(|at| inner.outbox.remove(at).2);
            for bytes in own.into_iter().flatten() {
                inner.held.insert(PayloadDigest(sha256(&bytes)), bytes);
            }
            for payload in payloads(open) {
                match inner.held.remove(&payload.digest) {
                    Some(bytes) => _ = inner.payloads.insert(number, bytes),
                    None => _ = inner.lacking.insert(number, payload.digest),
                }
                number += 1;
            }
        }
        inner.heads.extend(verified.accepted.heads);
        inner.chain = verified.accepted.after;
        inner.blocks.push(block.clone());
        Ok(())
    }

    fn pending(&self) -> Result<Vec<TxId>, LedgerError> {
        Ok(self.inner().outbox.iter().map(|(id, ..)| *id).collect())
    }

    fn staged(&self, id: &TxId) -> Result<Option<Staged>, LedgerError> {
        let inner = self.inner();
        let mut staged = inner.outbox.iter();
        let found = staged.find(|(staged, ..)| staged == id);
        Ok(found.map(|(_, transaction, payloads)| (transaction.clone(), payloads.clone())))
    }

    fn reject(&self, id: &TxId, code: &'static str) -> Result<(), LedgerError> {
        let mut inner = self.inner();
        inner.outbox.retain(|(staged, ..)| staged != id);
        inner.rejected.insert(*id, code);
        Ok(())
    }

    fn hold(&self, payloads: Vec<Vec<u8>>, _: Height) -> Result<(), LedgerError> {
        let mut inner = self.inner();
        for bytes in payloads {
            inner.held.insert(PayloadDigest(sha256(&bytes)), bytes);
        }
        Ok(())
    }

    fn drop_held(&self, _: Height) -> Result<(), LedgerError> {
        Ok(())
    }

    fn payload(&self, entry: u64) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(self.inner().payloads.get(&entry).cloned())
    }

    fn lacking(&self, from: u64, limit: u32) -> Result<Vec<(u64, PayloadDigest)>, LedgerError> {
        let inner = self.inner();
        let lacking = inner.lacking.range(from..).take(limit as usize);
        Ok(lacking.map(|(number, digest)| (*number, *digest)).collect())
    }

    fn keep(&self, payloads: Vec<Vec<u8>>) -> Result<(), LedgerError> {
        let mut inner = self.inner();
        let inner = &mut *inner;
        for bytes in payloads {
            let digest = PayloadDigest(sha256(&bytes));
            let places = inner
                .lacking
                .iter()
                .filter(|(_, lacking)| **lacking == digest);
            let places: Vec<u64> = places.map(|(number, _)| *number).collect();
            for number in places {
                inner.lacking.remove(&number);
                inner.payloads.insert(number, bytes.clone());
            }
        }
        Ok(())
    }
}
