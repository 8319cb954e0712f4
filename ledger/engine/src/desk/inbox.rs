// SPDX-License-Identifier: Apache-2.0
//! Blocks that came and wait to be applied. They are applied a few at a time, so that the next ones are
//! asked for, and come, meanwhile; to a member that is far behind their payloads come before them.

use std::collections::VecDeque;

use commonware_cryptography::ed25519::PublicKey;
use silsila_chain::{Block, BlockHeader, Height, Payloads};

use super::Desk;
use super::level::FAR_BEHIND;
use crate::wire::{FILL, FILL_SLOW};
use crate::{Ledger, LedgerError};

/// So many bytes of blocks are applied before it is looked who else wants something.
const AT_A_TIME: usize = 128 << 10;
/// No more is asked for while so many bytes wait.
const ENOUGH: usize = 4 * FILL;
/// The most bytes of payloads that are kept for blocks to come; others are asked for one by one.
const MOST_BESIDE: usize = 32 << 20;
/// The most bytes of payloads that go before one message of blocks.
pub(super) const MOST_SENT: usize = 8 << 20;

/// What came and is not applied yet.
#[derive(Default)]
pub(super) struct Inbox {
    blocks: VecDeque<Waiting>,
    bytes: usize,
    pub(super) beside: Payloads,
}

struct Waiting {
    from: PublicKey,
    height: Height,
    block: Block,
}

pub(super) fn size(block: &Block) -> usize {
    let transactions = block.transactions.iter();
    let transactions = transactions
        .map(|one| one.entries.len() + 200)
        .sum::<usize>();
    transactions + block.header.len() + block.certificate.len()
}

impl Inbox {
    fn clear(&mut self) {
        *self = Self::default();
    }

    fn pop(&mut self) -> Option<Waiting> {
        let first = self.blocks.pop_front()?;
        self.bytes -= size(&first.block);
        Some(first)
    }

    pub(super) const fn is_full(&self) -> bool {
        self.bytes >= ENOUGH
    }
}

impl<L: Ledger + ?Sized> Desk<L> {
    /// The last block that is here, applied or not.
    pub(super) fn has_through(&self) -> Height {
        let last = self.inbox.blocks.back().map(|one| one.height);
        last.unwrap_or_default().max(self.tip().height())
    }

    /// Takes in those blocks that continue what is here.
    pub(super) fn take_blocks(&mut self, from: &PublicKey, blocks: Vec<Block>, now: u64) {
        self.mend_blocks(from, &blocks);
        if let Some(mut asked) = self.asked.take_if(|asked| asked.of == *from) {
            asked.got(blocks.iter().map(size).sum());
            if self.answers.came(&asked, now) && self.catches_up(now) {
                self.fetch_blocks(now);
                return;
            }
        }
        let room = !self.inbox.is_full();
        for block in blocks {
            let next = self.has_through().next();
            let follows = BlockHeader::decode(&block.header).is_ok_and(|one| one.height == next);
            if follows && room {
                self.inbox.bytes += size(&block);
                self.inbox.blocks.push_back(Waiting {
                    from: from.clone(),
                    height: next,
                    block,
                });
            }
        }
        self.fetch_blocks(now);
    }

    /// Keeps payloads that the member sent who was asked for blocks.
    pub(super) fn keep_beside(&mut self, from: &PublicKey, payloads: Payloads, now: u64) {
        let Some(asked) = self.asked.as_mut().filter(|asked| asked.of == *from) else {
            return;
        };
        // An answer is several messages; as long as they come, the rest is waited for.
        asked.got(payloads.bytes());
        asked.wait_on(now + self.answers.wait(from));
        let beside = &mut self.inbox.beside;
        if beside.bytes() + payloads.bytes() <= MOST_BESIDE {
            beside.merge(payloads);
        }
    }

    /// Applies some of the blocks that wait; says whether more do.
    pub(crate) fn apply_waiting(&mut self, now: u64) -> Result<bool, LedgerError> {
        let mut bytes = 0;
        while bytes < AT_A_TIME {
            let Some(Waiting {
                from,
                height,
                block,
            }) = self.inbox.pop()
            else {
                return Ok(false);
            };
            let tip = self.tip().height();
            if height <= tip {
                continue;
            }
            bytes += size(&block);
            let applied = if height == tip.next() {
                self.apply(&block, now)
            } else {
                self.inbox.clear();
                Ok(())
            };
            match applied {
                Err(LedgerError::Refused(why)) => {
                    tracing::warn!(member = %from, why, "a member sent a block that does not hold");
                    self.tips.remove(&from);
                    self.inbox.clear();
                }
                Err(error) => {
                    self.inbox.clear();
                    return Err(error);
                }
                Ok(()) => self.level.applied(now),
            }
            if self.inbox.blocks.is_empty() && self.asked.is_none() {
                self.inbox.clear();
            }
            self.fetch_blocks(now);
        }
        Ok(!self.inbox.blocks.is_empty())
    }

    /// Sends payloads of blocks, at most so many bytes, to a member that is far behind, which takes both at once then.
    pub(super) fn send_beside(
        &mut self,
        to: &PublicKey,
        blocks: std::ops::Range<u64>,
        most: usize,
    ) -> Result<(), LedgerError> {
        let most = most.min(MOST_SENT);
        if most == 0 || self.tip().height().0 < blocks.start + FAR_BEHIND {
            return Ok(());
        }
        let (mut payloads, mut bytes) = (Vec::new(), 0);
        for height in blocks {
            let more = self.ledger.payloads_of(Height(height))?;
            bytes += more.iter().map(Vec::len).sum::<usize>();
            if bytes > most {
                break;
            }
            payloads.extend(more);
        }
        // Sixteen messages of the greatest answer are as long as messages get.
        let fill = (most / 16).clamp(FILL_SLOW, FILL);
        self.send_payloads(to, payloads, fill);
        Ok(())
    }
}
