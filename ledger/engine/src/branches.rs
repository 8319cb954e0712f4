// SPDX-License-Identifier: Apache-2.0
//! What the chain would be after blocks that are not final yet.
//!
//! A proposer builds on a block that may be notarized but not finalized, and may never be. So the state
//! after each such block is kept beside the ledger: the chain's state, and the newest versions that the
//! block made, laid over its parent's. All of it is in memory and can be judged again after a crash.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use silsila_chain::{
    Accepted, BlockHash, ChainState, Head, Heads, Height, Judged, Policy, Rejected, StateHash, Tag,
    TagMap, TxId,
};

use crate::{Candidate, Ledger, LedgerError};

/// The most blocks that are kept beside the ledger.
const MOST: usize = 64;

struct Branch {
    candidate: Candidate,
    accepted: Accepted,
}

/// The ledger's chain, and the blocks that may come to follow it.
pub(crate) struct Branches<L: ?Sized> {
    tip: ChainState,
    pending: BTreeMap<BlockHash, Branch>,
    ledger: Arc<L>,
    policy: Arc<dyn Policy>,
}

/// Why a block is not judged to be good.
#[derive(Debug)]
pub(crate) enum Bad {
    /// It is against the rules, for good.
    Rules(String),
    /// What it builds on is not known here.
    Unknown,
    /// The ledger is unwell.
    Ledger(LedgerError),
}

impl<L: Ledger + ?Sized> Branches<L> {
    pub(crate) fn new(ledger: Arc<L>) -> Result<Self, LedgerError> {
        Ok(Self {
            tip: ledger.chain()?,
            pending: BTreeMap::new(),
            policy: ledger.policy(),
            ledger,
        })
    }

    /// The chain as the ledger has it.
    pub(crate) const fn tip(&self) -> &ChainState {
        &self.tip
    }

    /// What judges contracts and certificates.
    pub(crate) fn policy(&self) -> &dyn Policy {
        &*self.policy
    }

    /// The chain after a block: the last one, or one that may follow.
    pub(crate) fn after(&self, block: &BlockHash) -> Option<&ChainState> {
        if self.tip.hash() == *block {
            return Some(&self.tip);
        }
        let branch = self.pending.get(block);
        branch.map(|branch| &branch.accepted.after)
    }

    /// What was judged of a block before it was certified, if it was.
    pub(crate) fn judged(&self, block: &BlockHash) -> Option<Judged<'_>> {
        let branch = self.pending.get(block)?;
        Some(Judged {
            transactions: branch.candidate.opened(),
            accepted: &branch.accepted,
        })
    }

    /// The transactions between the ledger's chain and a block.
    pub(crate) fn in_flight(&self, block: &BlockHash) -> HashSet<TxId> {
        let mut ids = HashSet::new();
        let mut at = *block;
        while let Some(branch) = self.pending.get(&at) {
            ids.extend(branch.candidate.opened().iter().map(|opened| opened.id()));
            at = branch.candidate.header().previous;
        }
        ids
    }

    /// The newest versions after a block.
    pub(crate) fn heads(&self, block: &BlockHash) -> Overlay<'_, L> {
        let mut layers = Vec::new();
        let mut at = *block;
        while let Some(branch) = self.pending.get(&at) {
            layers.push(&branch.accepted.heads);
            at = branch.candidate.header().previous;
        }
        Overlay {
            layers,
            ledger: &*self.ledger,
        }
    }

    /// Judges a block by the rules, behind its parent.
    pub(crate) fn judge(&mut self, candidate: &Candidate) -> Result<(), Bad> {
        let (header, hash) = (candidate.header(), candidate.hash());
        if self.pending.contains_key(&hash) {
            return Ok(());
        }
        if header.height <= self.tip.height() {
            return self.compare(candidate);
        }
        let parent = self.after(&header.previous).ok_or(Bad::Unknown)?;
        let mut change = StateHash::default();
        for opened in candidate.opened() {
            opened.change_state(&mut change);
        }
        let mut heads = self.heads(&header.previous);
        let (bytes, opened) = (candidate.header_bytes(), candidate.opened());
        let accepted = parent
            .foresee(bytes, opened, &change, &*self.policy, &mut heads)
            .map_err(|rejected| match rejected {
                Rejected::Fault(fault) => Bad::Rules(fault.to_string()),
                Rejected::Heads(error) => Bad::Ledger(error),
            })?;
        self.keep(candidate.clone(), accepted);
        Ok(())
    }

    /// Keeps a block that was judged.
    pub(crate) fn keep(&mut self, candidate: Candidate, accepted: Accepted) {
        if self.pending.len() >= MOST {
            let heights = self.pending.iter();
            let highest = heights.max_by_key(|(_, branch)| branch.accepted.after.height());
            if let Some(hash) = highest.map(|(hash, _)| *hash) {
                self.pending.remove(&hash);
            }
        }
        let branch = Branch {
            candidate,
            accepted,
        };
        self.pending.insert(branch.candidate.hash(), branch);
    }

    /// Takes up what the ledger has now.
    pub(crate) fn advance(&mut self) -> Result<(), LedgerError> {
        self.tip = self.ledger.chain()?;
        let (height, hash) = (self.tip.height(), self.tip.hash());
        self.pending.retain(|_, branch| {
            let header = branch.candidate.header();
            header.height > height.next() || header.previous == hash
        });
        Ok(())
    }

    /// A block at a height that is final here is good if it is the same.
    fn compare(&self, candidate: &Candidate) -> Result<(), Bad> {
        let height = candidate.header().height;
        if height == Height(0) {
            return Ok(());
        }
        let stored = self.ledger.block(height).map_err(Bad::Ledger)?;
        if stored.is_some_and(|block| block.header == candidate.header_bytes()) {
            Ok(())
        } else {
            Err(Bad::Rules(
                "another block is final at its height".to_owned(),
            ))
        }
    }
}

/// Newest versions: those of blocks that are not final, over those of the ledger.
pub(crate) struct Overlay<'b, L: ?Sized> {
    layers: Vec<&'b TagMap<Head>>,
    ledger: &'b L,
}

impl<L: Ledger + ?Sized> Heads for Overlay<'_, L> {
    type Error = LedgerError;

    fn head(&mut self, resource: &Tag) -> Result<Option<Head>, LedgerError> {
        let made = self.layers.iter().find_map(|layer| layer.get(resource));
        match made {
            Some(head) => Ok(Some(*head)),
            None => self.ledger.head(resource),
        }
    }
}
