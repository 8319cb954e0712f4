// SPDX-License-Identifier: Apache-2.0
//! A ledger in memory, which a crash leaves as it was: what is applied is durable.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use silsila_chain::{
    Block, BlockHeader, ChainState, Change, ChannelId, Endorsed, Entry, EpochChange, EventId,
    Genesis, Head, Height, Identity, Judged, MemberChange, MemberKey, MemoryHeads, Op,
    PayloadCommitment, PayloadDigest, Payloads, Policy, Record, Rejected, Standing, Suite, Tag,
    Transaction, TxId, sha256,
};
use silsila_replica::Rules;

use super::machine::Power;
use crate::receipt::payloads;
use crate::{Ledger, LedgerError, Staged};

pub(super) struct MemoryLedger {
    genesis: Genesis,
    key: MemberKey,
    policy: Arc<dyn Policy>,
    power: Mutex<Power>,
    /// Broken on purpose: a crash takes back the newest block.
    pub(super) forgets: bool,
    inner: Mutex<Inner>,
}

#[derive(Clone)]
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
    before: Option<Box<Inner>>,
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
            policy: Arc::new(Rules::default()),
            power: Mutex::new(Power::until(u64::MAX)),
            forgets: false,
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
                before: None,
            }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panics with it")
    }

    /// Its writes count for this power from now on.
    pub(super) fn plug_in(&self, power: &Power) {
        *self.power.lock().expect("nobody panics with it") = power.clone();
    }

    pub(super) fn key(&self) -> MemberKey {
        self.key.clone()
    }

    fn wrote(&self) {
        self.power.lock().expect("nobody panics with it").count();
    }

    /// What a process finds that comes after one that crashed.
    pub(super) fn crash(&self) {
        let mut inner = self.inner();
        if let Some(before) = inner.before.take().filter(|_| self.forgets) {
            *inner = *before;
        }
    }

    /// Stages a new resource with a payload of this many bytes, valid for so many blocks.
    pub(super) fn stage(&self, number: u64, size: usize, blocks: u64) -> TxId {
        let (record, payload) = resource(number, size);
        self.stage_entry(&Entry::Record(record), vec![payload], blocks)
    }

    /// Stages a change of a member.
    pub(super) fn stage_change(&self, subject: &Identity, change: Change, blocks: u64) -> TxId {
        let (revision, until) = {
            let inner = self.inner();
            let member = inner.chain.members().get(subject);
            let revision = member.map_or(0, |member| member.revision);
            (revision + 1, Height(inner.chain.height().0 + blocks))
        };
        let proposal = MemberChange {
            subject: *subject,
            revision,
            until,
            change,
        };
        let endorsed = Endorsed::new(proposal, Vec::new());
        self.stage_entry(&Entry::Member(Box::new(endorsed)), Vec::new(), blocks)
    }

    /// Stages a change of validators.
    pub(super) fn stage_epoch(&self, validators: Vec<Identity>, blocks: u64) -> TxId {
        let (number, until) = {
            let inner = self.inner();
            let number = inner.chain.validators().epoch() + 1;
            (number, Height(inner.chain.height().0 + blocks))
        };
        let proposal = EpochChange::new(number, until, validators);
        let endorsed = Endorsed::new(proposal, Vec::new());
        self.stage_entry(&Entry::Epoch(Box::new(endorsed)), Vec::new(), blocks)
    }

    fn stage_entry(&self, entry: &Entry, payloads: Vec<Vec<u8>>, blocks: u64) -> TxId {
        let mut inner = self.inner();
        inner.sequence += 1;
        let until = Height(inner.chain.height().0 + blocks);
        let (channel, sequence) = (self.genesis.id(), inner.sequence);
        let transaction = sign(&self.key, channel, sequence, until, entry);
        let id = transaction.id();
        inner.outbox.push((id, transaction, payloads));
        drop(inner);
        self.wrote();
        id
    }

    /// The last blocks that may hold what waits here.
    pub(super) fn waits_until(&self) -> Vec<u64> {
        let inner = self.inner();
        let open = inner
            .outbox
            .iter()
            .filter_map(|(_, transaction, _)| transaction.open().ok());
        open.map(|open| open.header().valid_until.0).collect()
    }

    pub(super) fn standing(&self, of: &Identity) -> Option<Standing> {
        Some(self.inner().chain.members().get(of)?.standing)
    }

    pub(super) fn chain_now(&self) -> ChainState {
        self.inner().chain.clone()
    }

    pub(super) fn block_at(&self, height: u64) -> Option<Block> {
        let index = usize::try_from(height).ok()?;
        self.inner().blocks.get(index).cloned()
    }

    pub(super) fn height(&self) -> u64 {
        self.inner().chain.height().0
    }

    /// Where a transaction was committed.
    pub(super) fn committed(&self, id: &TxId) -> Option<u64> {
        self.inner().committed.get(id).copied()
    }

    /// Why a transaction was given up.
    pub(super) fn rejected(&self, id: &TxId) -> Option<&'static str> {
        self.inner().rejected.get(id).copied()
    }

    pub(super) fn lacks(&self) -> usize {
        self.inner().lacking.len()
    }
}

/// A new resource, and its payload of about so many bytes.
pub(super) fn resource(number: u64, size: usize) -> (Record, Vec<u8>) {
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
    (record, payload)
}

/// A transaction with one entry.
pub(super) fn sign(
    key: &MemberKey,
    channel: ChannelId,
    sequence: u64,
    until: Height,
    entry: &Entry,
) -> Transaction {
    let entries = entry.encode();
    let hash = Entry::hash(&entries);
    Transaction::sign(key, channel, sequence, until, entries, &[hash])
}

impl Ledger for MemoryLedger {
    fn genesis(&self) -> Genesis {
        self.genesis.clone()
    }

    fn policy(&self) -> Arc<dyn Policy> {
        Arc::clone(&self.policy)
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

    fn apply(
        &self,
        block: &Block,
        judged: Option<Judged<'_>>,
        beside: &mut Payloads,
    ) -> Result<(), LedgerError> {
        let mut inner = self.inner();
        let inner = &mut *inner;
        if self.forgets {
            inner.before = None;
            inner.before = Some(Box::new(inner.clone()));
        }
        let verified = inner
            .chain
            .verify_block(block, &*self.policy, &mut inner.heads)
            .map_err(|rejected| match rejected {
                Rejected::Fault(fault) => LedgerError::Refused(fault.to_string()),
                Rejected::Heads(never) => match never {},
            })?;
        if let Some(judged) = judged {
            let before = inner.chain.verify_judged(block, judged);
            let before = before.expect("what was judged before is what is judged now");
            assert_eq!(before.accepted.after, verified.accepted.after);
        }
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
                let held = inner.held.remove(&payload.digest);
                match beside.take(&payload.digest).or(held) {
                    Some(bytes) => _ = inner.payloads.insert(number, bytes),
                    None => _ = inner.lacking.insert(number, payload.digest),
                }
                number += 1;
            }
        }
        inner.heads.extend(verified.accepted.heads);
        inner.chain = verified.accepted.after;
        inner.blocks.push(block.clone());
        self.wrote();
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
        self.wrote();
        Ok(())
    }

    fn payloads_of(&self, height: Height) -> Result<Vec<Vec<u8>>, LedgerError> {
        let inner = self.inner();
        let first = |height: u64| {
            let block = inner.blocks.get(usize::try_from(height).ok()?)?;
            let header = BlockHeader::decode(&block.header);
            Some(header.expect("it was verified").first_entry)
        };
        let Some(from) = first(height.0) else {
            return Ok(Vec::new());
        };
        let to = first(height.0 + 1).unwrap_or(u64::MAX);
        let payloads = inner.payloads.range(from..to);
        Ok(payloads.map(|(_, bytes)| bytes.clone()).collect())
    }

    fn hold(&self, payloads: Vec<Vec<u8>>, _: Height) -> Result<(), LedgerError> {
        let mut inner = self.inner();
        for bytes in payloads {
            inner.held.insert(PayloadDigest(sha256(&bytes)), bytes);
        }
        self.wrote();
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

    fn keep(&self, payloads: Vec<Vec<u8>>, _: &str) -> Result<(), LedgerError> {
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
