// SPDX-License-Identifier: Apache-2.0
//! The next block, and what others propose.

use silsila_chain::{BlockHash, Certificate, Refused, StateHash, TxId};

use super::{Desk, Proposal};
use crate::branches::Bad;
use crate::{Candidate, Ledger, LedgerError};

/// What transactions may take of a candidate's bytes; the rest is for headers and receipts.
const BYTES_PER_BLOCK: usize = (4 << 20) + (512 << 10);
/// A block takes no further transaction once it has this many entries.
const ENTRIES_PER_BLOCK: u64 = 20_000;

impl<L: Ledger + ?Sized> Desk<L> {
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

    /// The finalization that makes the tip final, be it the tip's own or that of a block soon after it.
    pub(crate) fn floor(&self) -> Option<Vec<u8>> {
        let block = self.ledger.block(self.tip().height()).ok()??;
        match Certificate::decode(&block.certificate).ok()? {
            Certificate::Quorum { finalization, .. } => Some(finalization.encode()),
            Certificate::Lone { .. } => None,
        }
    }

    /// Judges a proposed block.
    pub(crate) fn judge(&mut self, candidate: &Candidate) -> Result<(), Bad> {
        let parent = self.branches.after(&candidate.header().previous);
        if parent.is_some_and(|parent| parent.validators().epoch() != self.witnesses.epoch())
            && candidate.header().height > self.tip().height()
        {
            return Err(Bad::Rules("its validators' epoch has ended".to_owned()));
        }
        self.branches.judge(candidate)
    }

    /// Whether a block is the last one of its validators.
    pub(crate) fn ends_epoch(&self, block: &BlockHash) -> bool {
        let after = self.branches.after(block);
        after.is_some_and(|after| after.validators().epoch() != self.witnesses.epoch())
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
        // Behind the epoch's last block others propose.
        if state.validators().epoch() != self.witnesses.epoch() {
            return Ok(Proposal::Nothing);
        }
        // Where other validators are decided on, empty blocks run to the boundary.
        let empty = empty || state.epochs().next().is_some();
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
        let candidate = Candidate::new(
            header,
            self.witnesses.base(),
            transactions,
            opened,
            &receipts,
        );
        self.branches.keep(candidate.clone(), accepted);
        Ok(Proposal::Block(candidate))
    }
}
