// SPDX-License-Identifier: Apache-2.0
//! What must hold of every block that any member has: looked at by somebody who trusts none of them.

use std::collections::{BTreeMap, HashSet};

use silsila_chain::{
    Block, BlockHash, BlockHeader, Change, Entry, Genesis, Identity, OpenTransaction, TxId, sha256,
};

use super::memory::MemoryLedger;

/// What somebody wants ordered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Submission {
    pub(super) id: TxId,
    /// Whose it is.
    pub(super) by: usize,
    /// Whether it must be committed in the end.
    pub(super) must: bool,
}

/// What the chain says of a member, worked out apart from the rules.
struct Standing {
    may_act: bool,
    revoked: bool,
    not_after_ms: u64,
    sequence: u64,
}

pub(super) struct Audit {
    pub(super) submissions: Vec<Submission>,
    /// Transactions of members that are out for harm, which are theirs all the same.
    pub(super) allowed: HashSet<TxId>,
    blocks: Vec<BlockHash>,
    times: Vec<u64>,
    standings: BTreeMap<Identity, Standing>,
    /// How far each ledger was, when it was last looked at.
    heights: BTreeMap<usize, u64>,
    committed: BTreeMap<TxId, u64>,
}

impl Audit {
    pub(super) fn new(genesis: &Genesis) -> Self {
        let standing = |founder: &silsila_chain::Founder| Standing {
            may_act: true,
            revoked: false,
            not_after_ms: founder.admission.not_after_ms,
            sequence: 0,
        };
        let founders = genesis.members.iter();
        Self {
            submissions: Vec::new(),
            allowed: HashSet::new(),
            blocks: vec![BlockHeader::hash(&genesis.header().encode())],
            times: vec![genesis.time_ms],
            standings: founders
                .map(|founder| (founder.identity, standing(founder)))
                .collect(),
            heights: BTreeMap::new(),
            committed: BTreeMap::new(),
        }
    }

    /// Looks at what a ledger has that it had not; no block is to be later than `latest`.
    pub(super) fn look(&mut self, number: usize, ledger: &MemoryLedger, latest: u64) {
        let before = self.heights.get(&number).copied().unwrap_or_default();
        let height = ledger.height();
        assert!(
            height >= before,
            "{number} has lost blocks: it was at height {before}, and is at {height}"
        );
        self.heights.insert(number, height);
        for at in before + 1..=height {
            let block = ledger.block_at(at).expect("it is at that height");
            let hash = BlockHeader::hash(&block.header);
            match self.blocks.get(usize::try_from(at).expect("few")) {
                Some(known) => assert_eq!(*known, hash, "a fork at height {at}"),
                None => self.take(&block, hash, latest),
            }
        }
    }

    fn take(&mut self, block: &Block, hash: BlockHash, latest: u64) {
        let header = BlockHeader::decode(&block.header).expect("a header");
        let (height, parent_ms) = (header.height.0, self.times[self.times.len() - 1]);
        assert_eq!(header.previous, self.blocks[self.blocks.len() - 1]);
        assert!(
            parent_ms < header.time_ms && header.time_ms <= latest,
            "block {height} says {}, between {parent_ms} and {latest}",
            header.time_ms
        );
        for transaction in &block.transactions {
            let open = transaction.open().expect("a forgery is in a block");
            self.admit(&open, height, parent_ms);
        }
        self.blocks.push(hash);
        self.times.push(header.time_ms);
    }

    fn admit(&mut self, open: &OpenTransaction, height: u64, parent_ms: u64) {
        let (id, header) = (open.id(), open.header());
        let known = self
            .submissions
            .iter()
            .any(|submission| submission.id == id);
        assert!(
            known || self.allowed.contains(&id),
            "nobody submitted {id}, which is at height {height}"
        );
        let twice = self.committed.insert(id, height);
        assert_eq!(twice, None, "{id} is at two heights");
        let member = self.standings.get_mut(&header.member).expect("a member");
        assert!(
            member.may_act,
            "{id} at {height} is of a member that was excluded"
        );
        assert!(
            parent_ms <= member.not_after_ms,
            "{id} at {height} is of one whose time was over"
        );
        assert!(
            header.sequence > member.sequence,
            "{id} at {height} is out of turn"
        );
        assert!(
            height <= header.valid_until.0,
            "{id} at {height} is too late"
        );
        member.sequence = header.sequence;
        for entry in open.entries() {
            if let Entry::Member(change) = &entry.entry {
                self.change(&change.proposal.subject, &change.proposal.change);
            }
        }
    }

    fn change(&mut self, subject: &Identity, change: &Change) {
        let member = self.standings.get_mut(subject).expect("a member");
        match change {
            Change::Renew { not_after_ms, .. } => member.not_after_ms = *not_after_ms,
            Change::Suspend { .. } => member.may_act = false,
            Change::Reinstate => member.may_act = !member.revoked,
            Change::Revoke { .. } => (member.may_act, member.revoked) = (false, true),
            Change::Admit(_) => unreachable!("nobody is admitted here"),
        }
    }

    /// Names the whole history.
    pub(super) fn digest(&self) -> [u8; 32] {
        let hashes: Vec<u8> = self.blocks.iter().flat_map(|hash| hash.0).collect();
        sha256(&hashes)
    }

    pub(super) fn height(&self) -> usize {
        self.blocks.len() - 1
    }

    pub(super) fn transactions(&self) -> usize {
        self.committed.len()
    }
}
