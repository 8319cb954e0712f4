// SPDX-License-Identifier: Apache-2.0
//! What members do for each other's ledgers: mend what was damaged, and compare their trees.
//!
//! A damaged block or payload is asked of one member after the other; nothing of an answer is believed. Every so
//! often a member tells the root over its headers, signed; whoever has another root at that size has been given
//! another history, stops, and asks for the blocks that show who gave it.

use std::collections::{BTreeMap, BTreeSet};

use commonware_cryptography::ed25519::PublicKey;
use silsila_chain::{
    Block, BlockHeader, Height, MemberKey, PayloadDigest, SignedCheckpoint, sha256,
};

use super::{ASK_AGAIN_MS, Desk, To};
use crate::key::chain_key;
use crate::wire::{MAX_WANTED, Message};
use crate::{Ledger, LedgerError, Witnessed};

/// So many ranges of blocks are asked for at a time; each answer holds many.
const RANGES: usize = 4;
/// An answer holds at most so many blocks.
const RANGE: u64 = 256;
/// A checkpoint is told after so many blocks.
const CHECKPOINT_BLOCKS: u64 = 64;
/// Or after so many milliseconds in which the chain grew.
const CHECKPOINT_MS: u64 = 10_000;
/// And, for those who were away, again after so many.
const REPEAT_MS: u64 = 60_000;

/// The mending and comparing of one member.
#[derive(Default)]
pub(super) struct Care {
    /// Signs checkpoints, where this member does.
    pub(super) signer: Option<MemberKey>,
    asked: u64,
    turn: usize,
    blocks: BTreeSet<Height>,
    payloads: BTreeMap<PayloadDigest, Vec<u64>>,
    /// The size of the last checkpoint told, and when.
    told: (u64, u64),
    /// Others' checkpoints of a size that this ledger has not reached.
    ahead: BTreeMap<PublicKey, SignedCheckpoint>,
    /// The greatest size at which a member's tree was the same as this one's.
    agreed: BTreeMap<PublicKey, u64>,
    /// Members with another history, and from which height on their blocks are compared, up to which.
    parted: BTreeMap<PublicKey, (Height, Height)>,
}

impl<L: Ledger + ?Sized> Desk<L> {
    /// Has this member sign checkpoints.
    pub(crate) fn signs_with(&mut self, signer: MemberKey) {
        self.care.signer = Some(signer);
    }

    /// Asks for what is damaged here, and tells of the own tree; what goes wrong in it must not stop the rest.
    pub(super) fn care(&mut self, now: u64) {
        let cared = self.mend(now).and_then(|()| self.tell_checkpoint(now));
        if let Err(error) = cared.and_then(|()| self.compare_ahead()) {
            tracing::debug!(%error, "the ledger could not be looked after");
        }
    }

    /// Has the own tree told again soon: a member was heard for the first time, who heard nothing before.
    pub(super) fn tell_again(&mut self) {
        self.care.told = (0, 0);
    }

    fn mend(&mut self, now: u64) -> Result<(), LedgerError> {
        if now < self.care.asked + ASK_AGAIN_MS {
            return Ok(());
        }
        self.care.asked = now;
        let torn = self.ledger.torn()?;
        self.care.blocks = torn.blocks.into_iter().collect();
        self.care.payloads.clear();
        for (entry, digest) in torn.payloads.iter().take(MAX_WANTED) {
            self.care.payloads.entry(*digest).or_default().push(*entry);
        }
        let others: Vec<PublicKey> = self.tips.keys().cloned().collect();
        if others.is_empty() {
            return Ok(());
        }
        // Each time another member is asked: whoever lacks it too, or lies, does not hold things up.
        self.care.turn += 1;
        let of = others[self.care.turn % others.len()].clone();
        let mut asked_to = None;
        let mut ranges = 0;
        for height in &self.care.blocks {
            if asked_to.is_some_and(|to| *height < to) || ranges == RANGES {
                continue;
            }
            asked_to = Some(Height(height.0 + RANGE));
            ranges += 1;
            self.letters
                .push((To::One(of.clone()), Message::ask(*height)));
        }
        let entries: Vec<u64> = self.care.payloads.values().flatten().copied().collect();
        if !entries.is_empty() {
            self.letters.push((To::One(of), Message::Fetch(entries)));
        }
        self.ask_parted();
        Ok(())
    }

    /// Takes blocks for what is damaged or in dispute.
    pub(super) fn mend_blocks(&mut self, from: &PublicKey, blocks: &[Block]) {
        for block in blocks {
            let Ok(header) = BlockHeader::decode(&block.header) else {
                continue;
            };
            if self.care.parted.contains_key(from) {
                self.compare_parted(from, block, header.height);
            }
            if !self.care.blocks.remove(&header.height) {
                continue;
            }
            match self.ledger.mend_block(block, &chain_key(from).to_string()) {
                Ok(true) => {
                    tracing::info!(member = %from, height = %header.height, "a block came for a damaged one");
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(member = %from, %error, "a block that was sent for a damaged one is of no use");
                }
            }
        }
    }

    /// Takes payloads for damaged ones.
    pub(super) fn mend_payloads(&mut self, from: &PublicKey, payloads: &[Vec<u8>]) {
        if self.care.payloads.is_empty() {
            return;
        }
        for payload in payloads {
            let digest = PayloadDigest(sha256(payload));
            for entry in self.care.payloads.remove(&digest).unwrap_or_default() {
                let member = chain_key(from).to_string();
                match self.ledger.mend_payload(entry, payload, &member) {
                    Ok(()) => tracing::info!(%member, entry, "a payload came for a damaged one"),
                    Err(error) => {
                        tracing::warn!(%member, %error, "a payload that was sent for a damaged one is of no use");
                    }
                }
            }
        }
    }

    /// Tells the others of the own tree, every so many blocks and when it has grown for a while.
    fn tell_checkpoint(&mut self, now: u64) -> Result<(), LedgerError> {
        let Some(signer) = &self.care.signer else {
            return Ok(());
        };
        let (size, at) = self.care.told;
        let grown = (self.tip().height().0 + 1).saturating_sub(size);
        let due = grown >= CHECKPOINT_BLOCKS
            || (grown > 0 && now >= at + CHECKPOINT_MS)
            || now >= at + REPEAT_MS;
        if !due {
            return Ok(());
        }
        let Some(own) = self.ledger.checkpoint(None)? else {
            return Ok(());
        };
        let note = own.sign(signer).encode().into_bytes();
        self.care.told = (own.size, now);
        self.letters.push((To::Members, Message::Checkpoint(note)));
        Ok(())
    }

    /// Compares another member's tree with the own one, now or once it has grown so far.
    pub(super) fn take_checkpoint(
        &mut self,
        from: &PublicKey,
        note: &[u8],
    ) -> Result<(), LedgerError> {
        let Ok(theirs) = SignedCheckpoint::open(note) else {
            tracing::debug!(member = %from, "a checkpoint that is none");
            return Ok(());
        };
        let (channel, signed) = (theirs.checkpoint().channel, chain_key(from));
        if channel != self.tip().channel() || theirs.signers().all(|signer| signer != signed) {
            return Ok(());
        }
        self.compare_checkpoint(from, theirs)
    }

    fn compare_checkpoint(
        &mut self,
        from: &PublicKey,
        theirs: SignedCheckpoint,
    ) -> Result<(), LedgerError> {
        let size = theirs.checkpoint().size;
        if size > self.tip().height().0 + 1 {
            self.care.ahead.insert(from.clone(), theirs);
            return Ok(());
        }
        match self.ledger.witness(&chain_key(from), &theirs)? {
            Witnessed::Same => {
                let agreed = self.care.agreed.entry(from.clone()).or_default();
                *agreed = size.max(*agreed);
                Ok(())
            }
            Witnessed::Unknown => Ok(()),
            Witnessed::Other => {
                tracing::error!(member = %from, size, "another member has another history: commits halt");
                let agreed = self.care.agreed.get(from).copied().unwrap_or(1);
                let range = (Height(agreed), Height(size - 1));
                self.care.parted.entry(from.clone()).or_insert(range);
                self.ask_parted();
                // The other one may not know yet.
                self.tell_again();
                Ok(())
            }
        }
    }

    fn compare_ahead(&mut self) -> Result<(), LedgerError> {
        let size = self.tip().height().0 + 1;
        let reached = |theirs: &&SignedCheckpoint| theirs.checkpoint().size <= size;
        let due: Vec<PublicKey> = (self.care.ahead.iter())
            .filter(|(_, theirs)| reached(theirs))
            .map(|(member, _)| member.clone())
            .collect();
        for member in due {
            if let Some(theirs) = self.care.ahead.remove(&member) {
                self.compare_checkpoint(&member, theirs)?;
            }
        }
        Ok(())
    }

    /// Asks those with another history for the next of their blocks, to find the one that is another.
    fn ask_parted(&mut self) {
        for (member, (next, _)) in &self.care.parted {
            self.letters
                .push((To::One(member.clone()), Message::ask(*next)));
        }
    }

    fn compare_parted(&mut self, from: &PublicKey, block: &Block, height: Height) {
        // Two certified blocks say more than two checkpoints: who signed both.
        let found = self.ledger.compare(block).is_ok_and(|same| !same);
        if let Some((next, last)) = self.care.parted.get_mut(from) {
            *next = height.next().max(*next);
            if found || *next > *last {
                self.care.parted.remove(from);
            }
        }
    }
}
