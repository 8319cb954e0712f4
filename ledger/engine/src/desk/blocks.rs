// SPDX-License-Identifier: Apache-2.0
//! Blocks that others have, and those that are final.

use commonware_cryptography::ed25519::PublicKey;
use silsila_chain::{
    Block, BlockHash, BlockHeader, ChainState, Height, Standing, Transaction, TxId,
};

use super::answers::Asked;
use super::inbox::size;
use super::level::{CONSENSUS_SOON, NEXT_SOON_MS};
use super::{Desk, To};
use crate::wire::{FILL, Message};
use crate::{Candidate, Ledger, LedgerError, Witnesses};

/// What a validator lacks, consensus is about to deliver: a few blocks, for so many milliseconds.
const CONSENSUS_SOON_MS: u64 = 1_500;

impl<L: Ledger + ?Sized> Desk<L> {
    /// Asks a member that is ahead for blocks. Consensus delivers to a validator by itself, a moment
    /// later than to others; only what does not come is asked for.
    pub(super) fn fetch_blocks(&mut self, now: u64) {
        let height = self.has_through();
        let lag = self.seen().0.saturating_sub(height.0);
        if lag == 0 || self.inbox.is_full() {
            self.behind_since = None;
            return;
        }
        let since = *self.behind_since.get_or_insert(now);
        let soon = lag <= CONSENSUS_SOON && now < since + CONSENSUS_SOON_MS;
        if soon && !self.catches_up(now) && self.witnesses.validators().len() > 1 && self.votes() {
            return;
        }
        match self.asked.take() {
            Some(asked) if asked.waits(now) => {
                self.asked = Some(asked);
                return;
            }
            Some(asked) => self.answers.late(&asked.of),
            None => {}
        }
        let ahead: Vec<&PublicKey> = self
            .tips
            .iter()
            .filter(|(_, tip)| **tip > height)
            .map(|(member, _)| member)
            .collect();
        // Each time another one is asked: whoever tells of blocks may not have them.
        let Some(of) = self.answers.choose(&ahead, self.asks) else {
            return;
        };
        self.asks += 1;
        self.ask(of, now);
    }

    /// Whether blocks come from others' ledgers, and what consensus delivers is to wait.
    pub(crate) fn catches_up(&mut self, now: u64) -> bool {
        let here = self.tip().height().0;
        let lag = self.told().map(|told| told.0.saturating_sub(here));
        let asked = self.asked.as_ref();
        let patience = asked.map_or(0, |asked| 2 * self.answers.wait(&asked.of));
        self.level.look(lag, now, patience.max(NEXT_SOON_MS))
    }

    pub(super) fn votes(&self) -> bool {
        !self.silent && self.witnesses.validators().position(&self.me).is_some()
    }

    pub(super) fn ask(&mut self, of: PublicKey, now: u64) {
        let next = self.has_through().next();
        let [blocks, payloads] = self.answers.wish(&of);
        let ask = Message::Ask {
            from: next,
            blocks,
            payloads,
        };
        self.letters.push((To::One(of.clone()), ask));
        self.asked = Some(Asked::new(of, now, &self.answers));
    }

    /// Sends blocks from one height on, none above `until`, and before them their payloads: at most so many bytes of
    /// blocks, but for the last one, and of payloads.
    pub(super) fn send_blocks(
        &mut self,
        to: &PublicKey,
        from: Height,
        until: Height,
        wished: [u64; 2],
    ) -> Result<(), LedgerError> {
        let [most, beside] = wished.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let (mut blocks, mut bytes, mut height) = (Vec::new(), 0, from);
        while bytes < most.min(FILL) && blocks.len() < 256 && height <= until {
            let Some(block) = self.ledger.block(height)? else {
                break;
            };
            bytes += size(&block);
            blocks.push(block);
            height = height.next();
        }
        let answer = if blocks.is_empty() {
            Message::Tip(self.tip().height().min(until))
        } else {
            self.send_beside(to, from.0..height.0, beside)?;
            Message::Blocks(blocks)
        };
        self.letters.push((To::One(to.clone()), answer));
        Ok(())
    }

    /// Applies the next block, which is certified.
    pub(crate) fn apply(&mut self, block: &Block, now: u64) -> Result<(), LedgerError> {
        let hash = BlockHeader::hash(&block.header);
        let judged = self.branches.judged(&hash);
        let before = self.tip().height();
        self.ledger.apply(block, judged, &mut self.inbox.beside)?;
        self.branches.advance()?;
        self.behind_since = None;
        let height = self.tip().height();
        let ids: Vec<TxId> = block.transactions.iter().map(Transaction::id).collect();
        self.pool.committed(&ids);
        for id in ids {
            self.offered.remove(&id);
            self.committed.add(id);
        }
        self.note_revoked(Some(before));
        self.forget();
        if height.0.is_multiple_of(64) {
            self.ledger.drop_held(height)?;
        }
        self.announce(now);
        Ok(())
    }

    /// Takes up the present epoch, where it is another: receipts were given to, and by, other validators.
    /// What waits is vouched for anew, and offered anew.
    pub(crate) fn turn(&mut self) -> bool {
        if self.tip().validators().epoch() == self.witnesses.epoch() {
            return false;
        }
        self.witnesses = Witnesses::present(self.tip());
        self.pool.forget_receipts();
        self.offered.clear();
        for id in self.pool.ids() {
            if self.pool.get(&id).is_some_and(|waiting| waiting.held) {
                self.vouch(&id);
            }
        }
        // Whoever ordered alone and was revoked before hears up to the end of its epoch.
        let before = Height(self.tip().height().0.saturating_sub(1));
        self.note_revoked(Some(before));
        self.news += 1;
        true
    }

    /// Whose receipts count now.
    pub(crate) const fn witnesses(&self) -> &Witnesses {
        &self.witnesses
    }

    /// Whether this member orders alone.
    pub(crate) fn orders_alone(&self) -> bool {
        self.votes() && self.witnesses.validators().len() == 1
    }

    /// How many of the present validators were revoked.
    pub(crate) fn revoked_validators(&self) -> usize {
        let (validators, members) = (self.tip().validators().identities(), self.tip().members());
        let revoked = validators.iter().filter_map(|one| members.get(one));
        revoked
            .filter(|member| member.standing == Standing::Revoked)
            .count()
    }

    /// The height of a block that is known: the last one, or one that may follow.
    pub(crate) fn height_of(&self, block: &BlockHash) -> Option<Height> {
        self.branches.after(block).map(ChainState::height)
    }

    /// The last block of the epoch before.
    pub(crate) fn base(&self) -> Result<Candidate, LedgerError> {
        let height = self.witnesses.base();
        if height == Height(0) {
            return Ok(Candidate::genesis(&self.ledger.genesis()));
        }
        let block = self.ledger.block(height)?;
        let header = block.and_then(|block| BlockHeader::decode(&block.header).ok());
        let missing = || LedgerError::Unwell("an epoch's last block is missing".to_owned());
        Ok(Candidate::base(header.ok_or_else(missing)?))
    }

    /// Lets go of what the chain has passed.
    pub(super) fn forget(&mut self) {
        let tip = self.branches.tip();
        self.pool.retain(tip.height(), |waiting| {
            let header = waiting.open.header();
            let last = tip.sequence(&header.member);
            last.is_none_or(|last| header.sequence <= last)
        });
        self.news += 1;
    }

    /// Asks for no block, which is answered with a height.
    pub(super) fn where_are_you(&self) -> Message {
        Message::Ask {
            from: self.has_through().next(),
            blocks: 0,
            payloads: 0,
        }
    }

    pub(super) fn announce(&mut self, now: u64) {
        self.announced = now;
        let tip = Message::Tip(self.tip().height());
        self.letters.push((To::Members, tip));
    }
}
