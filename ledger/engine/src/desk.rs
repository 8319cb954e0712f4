// SPDX-License-Identifier: Apache-2.0
//! What a member does on one channel, whoever orders: it offers its own transactions, holds others'
//! payloads and says so, proposes and judges blocks, applies those that are final, and fetches what it
//! lacks. One thread at a time, no waiting: what is to be sent is left in [`Desk::letters`].
//!
//! After a crash nothing here is missed: own transactions are in the ledger's outbox, and whoever
//! offered something offers it again.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use commonware_cryptography::Signer;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use silsila_chain::{
    Block, BlockHash, BlockHeader, Certificate, ChainState, Height, OpenTransaction, PayloadDigest,
    Reason, Refused, StateHash, Transaction, TxId, sha256,
};

use crate::branches::{Bad, Branches};
use crate::pool::Pool;
use crate::receipt::{Witnesses, payloads};
use crate::wire::{FILL, MAX_WANTED, Message};
use crate::{Candidate, Ledger, LedgerError};

/// Payloads up to so many bytes come along with an offer.
const ALONG: usize = 64 << 10;
/// How many own transactions are offered at a time.
const OFFERED: usize = 32;
/// An own transaction that is not decided is offered again after this time, in milliseconds.
const OFFER_AGAIN_MS: u64 = 2_000;
/// What was asked for and did not come is asked for again after this time, in milliseconds.
const ASK_AGAIN_MS: u64 = 2_000;
/// What a validator lacks, consensus is about to deliver: so many blocks, for so many milliseconds.
const CONSENSUS_SOON: u64 = 16;
const CONSENSUS_SOON_MS: u64 = 1_500;
/// A block takes no further transaction once it has this many entries.
const ENTRIES_PER_BLOCK: u64 = 20_000;
/// What transactions may take of a candidate's bytes; the rest is for headers and receipts.
const BYTES_PER_BLOCK: usize = (4 << 20) + (512 << 10);
/// Ids of committed transactions that are remembered.
const REMEMBERED: usize = 4096;

/// Who is to get a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum To {
    Members,
    Validators,
    One(PublicKey),
}

/// What became of a wish to propose.
pub(crate) enum Proposal {
    Block(Candidate),
    /// Nothing waits to be ordered.
    Nothing,
    /// The parent is not known here.
    Unknown,
}

/// One member's work on one channel.
pub(crate) struct Desk<L: Ledger + ?Sized> {
    ledger: Arc<L>,
    witnesses: Witnesses,
    key: PrivateKey,
    me: PublicKey,
    branches: Branches<L>,
    pool: Pool,
    committed: Recent,
    tips: BTreeMap<PublicKey, Height>,
    /// When an own transaction was offered last.
    offered: HashMap<TxId, u64>,
    /// Own transactions that an earlier process may have offered.
    inherited: HashSet<TxId>,
    /// Since when another member was ahead.
    behind_since: Option<u64>,
    /// Whom blocks were asked of, and until when an answer is waited for.
    asked: Option<(PublicKey, u64)>,
    wanted: HashMap<PayloadDigest, u64>,
    /// Committed payloads that were asked for, when, and from which entry on the next are.
    lacking: HashSet<PayloadDigest>,
    fetched: u64,
    fetch_from: u64,
    turn: usize,
    pub(crate) letters: Vec<(To, Message)>,
    announced: u64,
    /// Rises when there may be something to propose.
    pub(crate) news: u64,
}

/// Whether no later state of the chain can permit what was refused for this reason.
const fn is_final(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::Sequence
            | Reason::Expired
            | Reason::ProposalExpired
            | Reason::VersionOrder
            | Reason::Previous
            | Reason::Absent
            | Reason::Revision
            | Reason::ContractNumber
    )
}

#[derive(Default)]
struct Recent {
    order: VecDeque<TxId>,
    ids: HashSet<TxId>,
}

impl Recent {
    fn add(&mut self, id: TxId) {
        if self.ids.insert(id) {
            self.order.push_back(id);
        }
        if self.order.len() > REMEMBERED
            && let Some(old) = self.order.pop_front()
        {
            self.ids.remove(&old);
        }
    }
}

impl<L: Ledger + ?Sized> Desk<L> {
    pub(crate) fn new(
        ledger: Arc<L>,
        witnesses: Witnesses,
        key: PrivateKey,
    ) -> Result<Self, LedgerError> {
        let pending = ledger.pending()?;
        Ok(Self {
            branches: Branches::new(Arc::clone(&ledger))?,
            me: key.public_key(),
            inherited: pending.into_iter().collect(),
            ledger,
            witnesses,
            key,
            pool: Pool::default(),
            committed: Recent::default(),
            tips: BTreeMap::new(),
            offered: HashMap::new(),
            behind_since: None,
            asked: None,
            wanted: HashMap::new(),
            lacking: HashSet::new(),
            fetched: 0,
            fetch_from: 0,
            turn: 0,
            letters: Vec::new(),
            announced: 0,
            news: 0,
        })
    }

    pub(crate) const fn tip(&self) -> &ChainState {
        self.branches.tip()
    }

    /// The greatest height that another member told of.
    pub(crate) fn seen(&self) -> Height {
        let others = self.tips.values().copied().max().unwrap_or_default();
        others.max(self.tip().height())
    }

    pub(crate) fn waiting(&self) -> usize {
        self.pool.len()
    }

    pub(crate) fn lacking(&self) -> usize {
        self.lacking.len()
    }

    /// Takes up blocks that the ledger got by itself: a lone orderer's own.
    pub(crate) fn refresh(&mut self, now: u64) -> Result<(), LedgerError> {
        let before = self.tip().height();
        self.branches.advance()?;
        if self.tip().height() > before {
            self.forget();
            self.announce(now);
        }
        Ok(())
    }

    /// Does what is due: own transactions, missing blocks, missing payloads.
    pub(crate) fn tick(&mut self, now: u64) -> Result<(), LedgerError> {
        self.refresh(now)?;
        self.offer(now)?;
        self.want_waiting(now);
        self.fetch_blocks(now);
        self.fetch_payloads(now)?;
        if now >= self.announced + ASK_AGAIN_MS {
            self.announce(now);
        }
        Ok(())
    }

    // Own transactions.

    /// Offers what this member wants ordered, and gives up what can never be.
    pub(crate) fn offer(&mut self, now: u64) -> Result<(), LedgerError> {
        let pending = self.ledger.pending()?;
        let current: HashSet<TxId> = pending.iter().copied().collect();
        self.offered.retain(|id, _| current.contains(id));
        let mut own = Vec::new();
        for id in pending.into_iter().take(OFFERED) {
            if let Some(one) = self.own(&id)? {
                own.push((id, one));
            }
        }
        let mut after = None;
        for id in self.give_up(own)? {
            let due = self
                .offered
                .get(&id)
                .is_none_or(|at| now >= at + OFFER_AGAIN_MS);
            if due {
                self.offer_one(&id, after, now)?;
            }
            after = Some(id);
        }
        Ok(())
    }

    /// An own transaction, opened.
    fn own(&self, id: &TxId) -> Result<Option<OpenTransaction>, LedgerError> {
        if let Some(waiting) = self.pool.get(id) {
            return Ok(Some(waiting.open.clone()));
        }
        let staged = self.ledger.staged(id)?;
        Ok(staged.and_then(|(transaction, _)| transaction.open().ok()))
    }

    fn offer_one(&mut self, id: &TxId, after: Option<TxId>, now: u64) -> Result<(), LedgerError> {
        let Some((transaction, payloads)) = self.ledger.staged(id)? else {
            return Ok(());
        };
        if self.pool.get(id).is_none() {
            let Ok(open) = transaction.open() else {
                return Ok(());
            };
            if self.pool.take(transaction.clone(), open, after).is_err() {
                return Ok(());
            }
        }
        if let Some(waiting) = self.pool.get_mut(id) {
            // The payloads are in the outbox, which is durable.
            waiting.missing.clear();
            waiting.held = true;
            waiting.after = after;
        }
        let total: usize = payloads.iter().map(Vec::len).sum();
        let offer = Message::Offer {
            transaction,
            after,
            payloads: if total <= ALONG { payloads } else { Vec::new() },
        };
        self.offered.insert(*id, now);
        self.letters.push((To::Members, offer));
        self.vouch(id);
        Ok(())
    }

    /// Rejects own transactions that no later block can hold, or that the rules refuse now and that
    /// nobody else has seen; leaves the others, which a later contract may yet permit.
    fn give_up(&mut self, own: Vec<(TxId, OpenTransaction)>) -> Result<Vec<TxId>, LedgerError> {
        let tip = self.branches.tip();
        let mut judge = tip.judge(self.branches.policy());
        let mut heads = self.branches.heads(&tip.hash());
        let (mut left, mut rejected) = (Vec::with_capacity(own.len()), Vec::new());
        for (id, open) in own {
            let unseen = !self.offered.contains_key(&id) && !self.inherited.contains(&id);
            match judge.admit(&open, &mut heads) {
                Err(Refused::Heads(error)) => return Err(error),
                Err(Refused::Fault(fault)) if unseen || is_final(&fault.reason) => {
                    rejected.push((id, fault.reason.code()));
                }
                _ => left.push(id),
            }
        }
        for (id, code) in rejected {
            self.ledger.reject(&id, code)?;
            self.pool.committed([&id]);
        }
        Ok(left)
    }

    /// Signs that this validator holds a transaction's payloads, and says so to the others.
    fn vouch(&mut self, id: &TxId) {
        self.news += 1;
        let Some(waiting) = self.pool.get(id) else {
            return;
        };
        if payloads(&waiting.open).next().is_none() {
            return;
        }
        if let Some(receipt) = self.witnesses.sign(&self.key, id) {
            self.pool.note(*id, receipt);
            self.letters
                .push((To::Validators, Message::Receipt(*id, receipt)));
        }
    }

    // What others say.

    /// Takes in what another member of the channel says.
    pub(crate) fn receive(
        &mut self,
        from: &PublicKey,
        message: Message,
        now: u64,
    ) -> Result<(), LedgerError> {
        match message {
            Message::Tip(height) => {
                self.tips.insert(from.clone(), height);
                self.fetch_blocks(now);
            }
            Message::Ask(height) => self.send_blocks(from, height)?,
            Message::Blocks(blocks) => self.take_blocks(from, &blocks, now)?,
            Message::Offer {
                transaction,
                after,
                payloads,
            } => self.take_offer(from, transaction, after, &payloads, now)?,
            Message::Receipt(id, receipt) => {
                if !self.committed.ids.contains(&id) && self.witnesses.vouches(&id, &receipt) {
                    self.pool.note(id, receipt);
                    self.news += 1;
                }
            }
            Message::Want(id, digests) => self.send_staged(from, &id, &digests)?,
            Message::Fetch(numbers) => self.send_committed(from, &numbers)?,
            Message::Payloads(payloads) => self.take_payloads(&payloads, now)?,
        }
        Ok(())
    }

    fn take_offer(
        &mut self,
        from: &PublicKey,
        transaction: Transaction,
        after: Option<TxId>,
        along: &[Vec<u8>],
        now: u64,
    ) -> Result<(), LedgerError> {
        let id = transaction.id();
        if self.committed.ids.contains(&id) {
            return Ok(());
        }
        if let Some(waiting) = self.pool.get_mut(&id) {
            waiting.after = after;
            if waiting.held {
                self.vouch(&id);
                return Ok(());
            }
        } else {
            let Ok(open) = transaction.open() else {
                tracing::debug!(member = %from, "an offer whose parts do not hold together");
                return Ok(());
            };
            let header = open.header();
            let theirs = header.member.key == crate::key::chain_key(from);
            let last = self.tip().sequence(&header.member);
            let timely = header.valid_until > self.tip().height()
                && last.is_some_and(|last| header.sequence > last);
            if !theirs || !timely || header.channel != self.tip().channel() {
                return Ok(());
            }
            if self.pool.take(transaction, open, after).is_err() {
                tracing::debug!(member = %from, "more than a member may have waiting");
                return Ok(());
            }
            if self.pool.get(&id).is_some_and(|waiting| waiting.held) {
                self.vouch(&id);
            }
        }
        if !along.is_empty() {
            self.take_payloads(along, now)?;
        }
        self.want_waiting(now);
        Ok(())
    }

    // Payloads.

    /// Asks the authors of waiting transactions for payloads that are missing.
    fn want_waiting(&mut self, now: u64) {
        let mut wants = Vec::new();
        for waiting in self.pool.iter() {
            let due = |digest: &&PayloadDigest| {
                let asked = self.wanted.get(*digest);
                asked.is_none_or(|at| now >= at + ASK_AGAIN_MS)
            };
            let due = waiting.missing.iter().filter(due).take(MAX_WANTED);
            let digests: Vec<_> = due.copied().collect();
            let author = crate::key::public_key(&waiting.open.header().member.key);
            if let Some(author) = author
                && !digests.is_empty()
                && author != self.me
            {
                wants.push((author, waiting.open.id(), digests));
            }
        }
        for (author, id, digests) in wants {
            self.wanted
                .extend(digests.iter().map(|digest| (*digest, now)));
            self.letters
                .push((To::One(author), Message::Want(id, digests)));
        }
    }

    fn send_staged(
        &mut self,
        to: &PublicKey,
        id: &TxId,
        digests: &[PayloadDigest],
    ) -> Result<(), LedgerError> {
        let wanted: HashSet<&PayloadDigest> = digests.iter().collect();
        let staged = self.ledger.staged(id)?;
        let payloads = staged.map(|(_, payloads)| payloads).unwrap_or_default();
        let payloads = payloads.into_iter();
        let chosen = payloads.filter(|bytes| wanted.contains(&PayloadDigest(sha256(bytes))));
        let chosen: Vec<_> = chosen.collect();
        self.send_payloads(to, chosen);
        Ok(())
    }

    fn send_committed(&mut self, to: &PublicKey, numbers: &[u64]) -> Result<(), LedgerError> {
        let mut payloads = Vec::new();
        for number in numbers.iter().take(MAX_WANTED) {
            payloads.extend(self.ledger.payload(*number)?);
        }
        self.send_payloads(to, payloads);
        Ok(())
    }

    fn send_payloads(&mut self, to: &PublicKey, payloads: Vec<Vec<u8>>) {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for payload in payloads {
            bytes += payload.len();
            batch.push(payload);
            if bytes >= FILL {
                let full = Message::Payloads(std::mem::take(&mut batch));
                self.letters.push((To::One(to.clone()), full));
                bytes = 0;
            }
        }
        if !batch.is_empty() {
            self.letters
                .push((To::One(to.clone()), Message::Payloads(batch)));
        }
    }

    fn take_payloads(&mut self, arrived: &[Vec<u8>], now: u64) -> Result<(), LedgerError> {
        let digest = |payload: &Vec<u8>| PayloadDigest(sha256(payload));
        for payload in arrived {
            self.wanted.remove(&digest(payload));
        }
        for id in self.pool.supply(arrived) {
            let Some(waiting) = self.pool.get_mut(&id) else {
                continue;
            };
            let held = std::mem::take(&mut waiting.arrived).into_values().collect();
            let valid_until = waiting.open.header().valid_until;
            self.ledger.hold(held, valid_until)?;
            if let Some(waiting) = self.pool.get_mut(&id) {
                waiting.held = true;
            }
            self.vouch(&id);
        }
        let kept: Vec<Vec<u8>> = arrived
            .iter()
            .filter(|payload| self.lacking.remove(&digest(payload)))
            .cloned()
            .collect();
        if !kept.is_empty() {
            self.ledger.keep(kept)?;
            if self.lacking.is_empty() {
                self.fetch_payloads(now)?;
            }
        }
        Ok(())
    }

    /// Asks for committed payloads that are not here, once the blocks are.
    fn fetch_payloads(&mut self, now: u64) -> Result<(), LedgerError> {
        let waits = self.fetched + ASK_AGAIN_MS > now && !self.lacking.is_empty();
        if self.seen() > self.tip().height() || waits {
            return Ok(());
        }
        let mut lacking = self.ledger.lacking(self.fetch_from, MAX_WANTED as u32)?;
        if lacking.is_empty() && self.fetch_from > 0 {
            self.fetch_from = 0;
            lacking = self.ledger.lacking(0, MAX_WANTED as u32)?;
        }
        self.lacking = lacking.iter().map(|(_, digest)| *digest).collect();
        // Each time another member is asked, so that one who has not got them does not hold things up.
        let others: Vec<PublicKey> = self.tips.keys().cloned().collect();
        let Some((last, _)) = lacking.last().filter(|_| !others.is_empty()) else {
            return Ok(());
        };
        self.fetch_from = last + 1;
        self.fetched = now;
        self.turn += 1;
        let of = others[self.turn % others.len()].clone();
        let numbers = lacking.iter().map(|(number, _)| *number).collect();
        self.letters.push((To::One(of), Message::Fetch(numbers)));
        Ok(())
    }

    // Blocks.

    /// Asks a member that is ahead for blocks. Consensus delivers to a validator by itself, a moment
    /// later than to others; only what does not come is asked for.
    fn fetch_blocks(&mut self, now: u64) {
        let lag = self.seen().0 - self.tip().height().0;
        if lag == 0 {
            self.behind_since = None;
            return;
        }
        let since = *self.behind_since.get_or_insert(now);
        let soon = lag <= CONSENSUS_SOON && now < since + CONSENSUS_SOON_MS;
        if soon && self.witnesses.validators().len() > 1 && self.votes() {
            return;
        }
        if self.asked.as_ref().is_some_and(|(_, until)| now < *until) {
            return;
        }
        let height = self.tip().height();
        let ahead: Vec<&PublicKey> = self
            .tips
            .iter()
            .filter(|(_, tip)| **tip > height)
            .map(|(member, _)| member)
            .collect();
        if ahead.is_empty() {
            return;
        }
        let turn = usize::try_from(now).unwrap_or_default() % ahead.len();
        self.ask(ahead[turn].clone(), now);
    }

    fn votes(&self) -> bool {
        self.witnesses.validators().position(&self.me).is_some()
    }

    fn ask(&mut self, of: PublicKey, now: u64) {
        let next = self.tip().height().next();
        self.letters.push((To::One(of.clone()), Message::Ask(next)));
        self.asked = Some((of, now + ASK_AGAIN_MS));
    }

    fn send_blocks(&mut self, to: &PublicKey, from: Height) -> Result<(), LedgerError> {
        let (mut blocks, mut bytes, mut height) = (Vec::new(), 0, from);
        while bytes < FILL && blocks.len() < 256 {
            let Some(block) = self.ledger.block(height)? else {
                break;
            };
            bytes += block
                .transactions
                .iter()
                .map(|one| one.entries.len() + 200)
                .sum::<usize>();
            bytes += block.header.len() + block.certificate.len();
            blocks.push(block);
            height = height.next();
        }
        if !blocks.is_empty() {
            self.letters
                .push((To::One(to.clone()), Message::Blocks(blocks)));
        }
        Ok(())
    }

    fn take_blocks(
        &mut self,
        from: &PublicKey,
        blocks: &[Block],
        now: u64,
    ) -> Result<(), LedgerError> {
        let before = self.tip().height();
        for block in blocks {
            let follows = BlockHeader::decode(&block.header)
                .is_ok_and(|header| header.height == self.tip().height().next());
            if !follows {
                continue;
            }
            match self.apply(block, now) {
                Err(LedgerError::Refused(why)) => {
                    tracing::warn!(member = %from, why, "a member sent a block that does not hold");
                    self.tips.remove(from);
                    return Ok(());
                }
                other => other?,
            }
        }
        if self.asked.as_ref().is_some_and(|(of, _)| of == from) && self.tip().height() > before {
            self.asked = None;
            self.fetch_blocks(now);
        }
        Ok(())
    }

    /// Applies the next block, which is certified.
    pub(crate) fn apply(&mut self, block: &Block, now: u64) -> Result<(), LedgerError> {
        self.ledger.apply(block)?;
        self.branches.advance()?;
        self.behind_since = None;
        let height = self.tip().height();
        let ids: Vec<TxId> = block.transactions.iter().map(Transaction::id).collect();
        self.pool.committed(&ids);
        for id in ids {
            self.offered.remove(&id);
            self.committed.add(id);
        }
        self.forget();
        if height.0.is_multiple_of(64) {
            self.ledger.drop_held(height)?;
        }
        self.announce(now);
        Ok(())
    }

    /// Lets go of what the chain has passed.
    fn forget(&mut self) {
        let tip = self.branches.tip();
        self.pool.retain(tip.height(), |waiting| {
            let header = waiting.open.header();
            let last = tip.sequence(&header.member);
            last.is_none_or(|last| header.sequence <= last)
        });
        self.news += 1;
    }

    fn announce(&mut self, now: u64) {
        self.announced = now;
        let tip = Message::Tip(self.tip().height());
        self.letters.push((To::Members, tip));
    }

    // Ordering.

    /// The finalization of the last block here, if a quorum signed that block itself.
    pub(crate) fn finality(&self) -> Option<Vec<u8>> {
        let block = self.ledger.block(self.tip().height()).ok()??;
        match Certificate::decode(&block.certificate).ok()? {
            Certificate::Quorum {
                finalization,
                links,
            } if links.is_empty() => Some(finalization.encode()),
            _ => None,
        }
    }

    /// Judges a proposed block.
    pub(crate) fn judge(&mut self, candidate: &Candidate) -> Result<(), Bad> {
        self.branches.judge(candidate)
    }

    /// Whether the state after a block is known.
    pub(crate) fn knows(&self, block: &BlockHash) -> bool {
        self.branches.after(block).is_some()
    }

    /// Builds the next block behind `parent`; an `empty` one where nothing waits, if asked to.
    pub(crate) fn propose(
        &mut self,
        parent: &BlockHash,
        empty: bool,
        now: u64,
    ) -> Result<Proposal, LedgerError> {
        let Some(state) = self.branches.after(parent) else {
            return Ok(Proposal::Unknown);
        };
        let in_flight = self.branches.in_flight(parent);
        let settled = |id: &TxId| in_flight.contains(id) || self.committed.ids.contains(id);
        let mut judge = state.judge(self.branches.policy());
        let mut heads = self.branches.heads(parent);
        let (mut transactions, mut opened, mut receipts) = (Vec::new(), Vec::new(), Vec::new());
        let (mut entries, mut bytes, mut change) = (0, 0, StateHash::default());
        for (waiting, signed) in self.pool.ready(self.witnesses.quorum(), &settled) {
            let size = waiting.transaction.entries.len() + 512;
            let full = entries >= ENTRIES_PER_BLOCK
                || opened.len() >= silsila_chain::MAX_TRANSACTIONS
                || bytes + size > BYTES_PER_BLOCK;
            if full {
                break;
            }
            if in_flight.contains(&waiting.open.id()) {
                continue;
            }
            match judge.admit(&waiting.open, &mut heads) {
                Ok(()) => {}
                Err(Refused::Heads(error)) => return Err(error),
                Err(Refused::Fault(_)) => continue,
            }
            waiting.open.change_state(&mut change);
            entries += waiting.open.header().count;
            bytes += size;
            transactions.push(waiting.transaction.clone());
            opened.push(waiting.open.clone());
            receipts.push(signed);
        }
        if opened.is_empty() && !empty {
            return Ok(Proposal::Nothing);
        }
        let header = state.next_header(now, judge.admitted());
        let accepted = judge
            .foresee(&header.encode(), &change)
            .map_err(|reason| LedgerError::Refused(reason.to_string()))?;
        let candidate = Candidate::new(header, transactions, opened, &receipts);
        self.branches.keep(candidate.clone(), accepted);
        Ok(Proposal::Block(candidate))
    }
}
