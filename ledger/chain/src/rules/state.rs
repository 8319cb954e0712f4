// SPDX-License-Identifier: Apache-2.0
//! What a chain knows of its past, and how a block changes it.

use crate::cbor::{DecodeError, Reader, Writer};
use crate::merkle::{self, Frontier, Hash};
use crate::rules::agreement::Moment;
use crate::rules::{
    Agreement, CertifiedHeader, Epochs, Head, Heads, Judge, Members, Policy, Refused, Validators,
};
use crate::tag_map::TagMap;
use crate::{
    Block, BlockFault, BlockHash, BlockHeader, ChannelId, Contract, Genesis, Height, Identity,
    OpenTransaction, RULES_VERSION, Reason, StateHash, Tag, TxFault, TxId,
};

const LABEL: &str = "silsila/chain-state/3";

/// Everything the rules need to know of the past, apart from the resources' newest versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainState {
    channel: ChannelId,
    height: Height,
    hash: BlockHash,
    time_ms: u64,
    entries: u64,
    history: Frontier,
    state: StateHash,
    agreement: Agreement,
}

/// A block that the rules accepted, opened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VerifiedBlock {
    /// Its header and hash.
    pub certified: CertifiedHeader,
    /// Its transactions.
    pub transactions: Vec<OpenTransaction>,
    /// What it changed.
    pub accepted: Accepted,
}

impl VerifiedBlock {
    /// The block that a [`Judge`] concluded.
    #[must_use]
    pub const fn concluded(
        certified: CertifiedHeader,
        transactions: Vec<OpenTransaction>,
        accepted: Accepted,
    ) -> Self {
        Self {
            certified,
            transactions,
            accepted,
        }
    }
}

/// What an accepted block changed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Accepted {
    /// The newest versions that it made.
    pub heads: TagMap<Head>,
    /// The chain with it.
    pub after: ChainState,
}

/// A block's transactions as they were judged before it was certified, and what they change.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'j> {
    /// The transactions in order.
    pub transactions: &'j [OpenTransaction],
    /// What [`ChainState::foresee`] or a [`Judge`] made of them, behind the chain that the block continues.
    pub accepted: &'j Accepted,
}

/// Newest versions in memory.
pub type MemoryHeads = TagMap<Head>;

impl Heads for MemoryHeads {
    type Error = std::convert::Infallible;

    fn head(&mut self, resource: &Tag) -> Result<Option<Head>, Self::Error> {
        Ok(self.get(resource).copied())
    }
}

impl ChainState {
    /// The chain that has block 0 alone.
    #[must_use]
    pub fn at_genesis(genesis: &Genesis) -> Self {
        let header = genesis.header().encode();
        let hash = BlockHeader::hash(&header);
        let mut history = Frontier::default();
        history.append(hash.0);
        Self {
            channel: genesis.id(),
            height: Height(0),
            hash,
            time_ms: genesis.time_ms,
            entries: 0,
            history,
            state: StateHash::default(),
            agreement: Agreement::at_genesis(genesis),
        }
    }

    /// The channel.
    #[must_use]
    pub const fn channel(&self) -> ChannelId {
        self.channel
    }

    /// The last block's height.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.height
    }

    /// The last block's hash.
    #[must_use]
    pub const fn hash(&self) -> BlockHash {
        self.hash
    }

    /// The last block's time.
    #[must_use]
    pub const fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// How many entries there are: the number of the next one.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// The tree over all block headers, the last included.
    #[must_use]
    pub const fn history(&self) -> &Frontier {
        &self.history
    }

    /// The sum over all newest versions.
    #[must_use]
    pub const fn state(&self) -> &StateHash {
        &self.state
    }

    /// The sequence of a member's last committed transaction; `None` for whoever is no member.
    #[must_use]
    pub fn sequence(&self, member: &Identity) -> Option<u64> {
        let member = self.members().get(member);
        member.map(|member| member.sequence)
    }

    /// Who certifies the next block.
    #[must_use]
    pub fn validators(&self) -> &Validators {
        self.epochs().present()
    }

    /// Who certifies which blocks.
    #[must_use]
    pub const fn epochs(&self) -> &Epochs {
        self.agreement.epochs()
    }

    /// The hash of those who certify the block after the next, which the next one's header names.
    fn next_validators(&self) -> Hash {
        let behind_next = self.height.next().next();
        self.epochs().at(behind_next).hash()
    }

    /// Whether others than one gateway read the channel, or may come to: payloads are sealed then.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        !self.agreement.is_alone()
    }

    /// Members and contract.
    #[must_use]
    pub const fn agreement(&self) -> &Agreement {
        &self.agreement
    }

    /// The members.
    #[must_use]
    pub fn members(&self) -> &Members {
        self.agreement.members()
    }

    /// The contract in force.
    #[must_use]
    pub fn contract(&self) -> &Contract {
        self.agreement.contract()
    }

    /// The root that the next block's header names: newest versions, members, contract.
    #[must_use]
    pub fn state_root(&self) -> Hash {
        self.agreement.state_root(&self.state)
    }

    /// When the next block is judged.
    pub(super) const fn moment(&self) -> Moment {
        Moment {
            height: self.height.0 + 1,
            parent_ms: self.time_ms,
        }
    }

    /// Starts to judge the transactions of the next block.
    #[must_use]
    pub fn judge<'s>(&'s self, policy: &'s dyn Policy) -> Judge<'s> {
        Judge::new(self, policy)
    }

    /// The next block's header over admitted transactions.
    #[must_use]
    pub fn next_header(&self, time_ms: u64, transactions: &[TxId]) -> BlockHeader {
        BlockHeader {
            channel: self.channel,
            height: self.height.next(),
            previous: self.hash,
            time_ms: time_ms.max(self.time_ms + 1),
            first_entry: self.entries,
            tx_root: merkle::root(transactions.iter().map(|id| id.0)),
            history_root: self.history.root(),
            state_root: self.state_root(),
            rules_version: RULES_VERSION,
            next_validators: self.next_validators(),
        }
    }

    /// Checks a certified header against the chain, given the ids of its transactions.
    ///
    /// # Errors
    /// Names the reason.
    pub fn verify_header(
        &self,
        certified: &CertifiedHeader,
        transactions: &[TxId],
    ) -> Result<(), Reason> {
        let header = certified.header();
        let faults = [
            (header.channel != self.channel, Reason::Channel),
            (header.height != self.height.next(), Reason::HeightOrder),
            (header.previous != self.hash, Reason::PreviousBlock),
            (header.time_ms <= self.time_ms, Reason::Time),
            (header.first_entry != self.entries, Reason::FirstEntry),
            (header.rules_version != RULES_VERSION, Reason::RulesVersion),
            (
                header.next_validators != self.next_validators(),
                Reason::Validators,
            ),
            (
                transactions.len() > crate::MAX_TRANSACTIONS,
                Reason::TransactionCount,
            ),
            (
                header.tx_root != merkle::root(transactions.iter().map(|id| id.0)),
                Reason::TxRoot,
            ),
            (
                header.history_root != self.history.root(),
                Reason::HistoryRoot,
            ),
            (header.state_root != self.state_root(), Reason::StateRoot),
        ];
        faults
            .into_iter()
            .find(|(wrong, _)| *wrong)
            .map_or(Ok(()), |(_, reason)| Err(reason))
    }

    /// Checks a block against the chain and its rules, and opens it.
    ///
    /// # Errors
    /// Names transaction, entry and reason, or says that heads could not be looked up.
    pub fn verify_block<H: Heads + ?Sized>(
        &self,
        block: &Block,
        policy: &dyn Policy,
        heads: &mut H,
    ) -> Result<VerifiedBlock, Rejected<H::Error>> {
        let certified = self.validators().certify(&block.header, &block.certificate);
        let certified = certified.map_err(|reason| self.fault(None, reason.into()))?;
        let mut transactions = Vec::with_capacity(block.transactions.len());
        let mut change = StateHash::default();
        for (position, transaction) in (0..).zip(&block.transactions) {
            let opened = transaction
                .open()
                .map_err(|fault| self.fault(Some(position), fault))?;
            opened.change_state(&mut change);
            transactions.push(opened);
        }
        let accepted = self.verify_opened(&certified, &transactions, &change, policy, heads)?;
        Ok(VerifiedBlock {
            certified,
            transactions,
            accepted,
        })
    }

    /// As [`ChainState::verify_block`], where the same transactions were judged behind this very chain
    /// before the block was certified. Header, certificate and bytes are checked; the entries are not
    /// judged again.
    ///
    /// # Errors
    /// As [`ChainState::verify_block`].
    pub fn verify_judged(
        &self,
        block: &Block,
        judged: Judged<'_>,
    ) -> Result<VerifiedBlock, BlockFault> {
        let Judged {
            transactions,
            accepted,
        } = judged;
        let fault = |reason| BlockFault {
            height: self.height.next(),
            transaction: None,
            entry: None,
            reason,
        };
        let certified = self.validators().certify(&block.header, &block.certificate);
        let certified = certified.map_err(fault)?;
        let judged = transactions.iter().map(OpenTransaction::raw);
        let same = block.transactions.iter().eq(judged);
        if !same || accepted.after.hash() != certified.hash() {
            return Err(fault(Reason::TxRoot));
        }
        let ids: Vec<TxId> = transactions.iter().map(OpenTransaction::id).collect();
        self.verify_header(&certified, &ids).map_err(fault)?;
        Ok(VerifiedBlock {
            certified,
            transactions: transactions.to_vec(),
            accepted: accepted.clone(),
        })
    }

    /// As [`ChainState::verify_block`], where certificate and transactions were checked before, and
    /// `change` is the sum of [`OpenTransaction::change_state`] over the transactions.
    ///
    /// # Errors
    /// As [`ChainState::verify_block`].
    pub fn verify_opened<H: Heads + ?Sized>(
        &self,
        certified: &CertifiedHeader,
        transactions: &[OpenTransaction],
        change: &StateHash,
        policy: &dyn Policy,
        heads: &mut H,
    ) -> Result<Accepted, Rejected<H::Error>> {
        let ids: Vec<TxId> = transactions.iter().map(OpenTransaction::id).collect();
        self.verify_header(certified, &ids)
            .map_err(|reason| self.fault(None, reason.into()))?;
        let mut judge = self.judge(policy);
        for (position, transaction) in (0..).zip(transactions) {
            judge
                .admit(transaction, heads)
                .map_err(|refused| match refused {
                    Refused::Fault(fault) => self.fault(Some(position), fault),
                    Refused::Heads(error) => Rejected::Heads(error),
                })?;
        }
        Ok(judge.accept(certified, change))
    }

    /// As [`ChainState::verify_opened`], for a header that is only proposed: what the chain becomes if
    /// its validators certify it. Whoever votes judges so before.
    ///
    /// # Errors
    /// As [`ChainState::verify_block`].
    pub fn foresee<H: Heads + ?Sized>(
        &self,
        header: &[u8],
        transactions: &[OpenTransaction],
        change: &StateHash,
        policy: &dyn Policy,
        heads: &mut H,
    ) -> Result<Accepted, Rejected<H::Error>> {
        let foreseen = CertifiedHeader::foreseen(header);
        let foreseen = foreseen.map_err(|reason| self.fault(None, reason.into()))?;
        self.verify_opened(&foreseen, transactions, change, policy, heads)
    }

    pub(super) fn after(
        &self,
        certified: &CertifiedHeader,
        entries: u64,
        change: &StateHash,
        agreement: Agreement,
    ) -> Self {
        let mut after = self.clone();
        after.height = certified.header().height;
        after.hash = certified.hash();
        after.time_ms = certified.header().time_ms;
        after.entries += entries;
        after.history.append(certified.hash().0);
        after.state.merge(change);
        after.agreement = agreement;
        after.agreement.turn(after.height);
        after
    }

    fn fault<E>(&self, transaction: Option<u64>, fault: TxFault) -> Rejected<E> {
        Rejected::Fault(BlockFault {
            height: self.height.next(),
            transaction,
            entry: fault.entry,
            reason: fault.reason,
        })
    }
}

/// A block was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejected<E> {
    /// By the rules.
    Fault(BlockFault),
    /// Because heads could not be looked up.
    Heads(E),
}

/// The bytes in which a member keeps the state beside its chain. They are its own: never sent, and
/// checked against the next header's roots.
impl ChainState {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer
            .array(13)
            .text(LABEL)
            .uint(self.height.0)
            .bytes(&self.hash.0);
        writer.uint(self.time_ms).uint(self.entries);
        writer
            .uint(self.history.size())
            .bytes(&self.history.peaks().concat());
        writer.bytes(&self.state.to_bytes());
        self.agreement.write(&mut writer);
        writer.into_bytes()
    }

    /// Reads a state that was kept for the channel of `genesis`.
    ///
    /// # Errors
    /// Where the bytes are none.
    pub fn decode(genesis: &Genesis, bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.tuple(13)?;
        reader.label(LABEL)?;
        let mut state = Self::at_genesis(genesis);
        state.height = Height(reader.uint()?);
        state.hash = BlockHash(reader.fixed()?);
        state.time_ms = reader.uint()?;
        state.entries = reader.uint()?;
        state.history = read_frontier(&mut reader)?;
        let before = reader.error("a sum of another size");
        state.state = StateHash::from_bytes(reader.bytes(StateHash::SIZE)?).ok_or(before)?;
        state.agreement.read(&mut reader)?;
        reader.finish()?;
        Ok(state)
    }
}

fn read_frontier(reader: &mut Reader<'_>) -> Result<Frontier, DecodeError> {
    let before = reader.error("a tree whose peaks do not fit its size");
    let size = reader.uint()?;
    let peaks = reader.bytes(64 * 32)?.as_chunks::<32>();
    if !peaks.1.is_empty() {
        return Err(before);
    }
    Frontier::from_parts(size, peaks.0.to_vec()).ok_or(before)
}
