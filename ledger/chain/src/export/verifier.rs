// SPDX-License-Identifier: Apache-2.0
//! An export against the rules, frame by frame.

use std::collections::VecDeque;

use super::frame::Frame;
use crate::bundle::commits;
use crate::entry::PayloadCommitment;
use crate::{
    AsCertified, Block, BlockFault, BlockHash, ChainState, ChannelId, Checkpoint, Epochs, Genesis,
    Height, Identity, MAX_TRANSACTIONS, MemoryHeads, Rejected,
};

/// Checks an export as its frames come. Memory: one block, and one head for each resource.
#[derive(Debug)]
pub struct ExportVerifier {
    fingerprint: ChannelId,
    genesis: Option<Genesis>,
    chain: Option<ChainState>,
    heads: MemoryHeads,
    pending: Option<Pending>,
    /// Commitments of the last block that no payload frame has passed yet.
    committed: VecDeque<(u64, PayloadCommitment)>,
    summary: ExportSummary,
    ended: bool,
}

/// A block whose transactions are still coming.
#[derive(Debug)]
struct Pending {
    block: Block,
    transactions: usize,
}

/// What an export was found to hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExportSummary {
    /// The last block's height.
    pub height: Height,
    /// Its hash.
    pub hash: Option<BlockHash>,
    /// Its time in milliseconds since 1970.
    pub time_ms: u64,
    /// The tree over all headers, to compare with what members signed.
    pub checkpoint: Option<Checkpoint>,
    /// Everybody who is or was a member.
    pub members: Vec<Identity>,
    /// Who certifies which blocks, and the boundary that is fixed, if one is.
    pub epochs: Option<Epochs>,
    /// How many transactions there are.
    pub transactions: u64,
    /// How many entries there are.
    pub entries: u64,
    /// How many entries commit to a payload.
    pub commitments: u64,
    /// How many of their payloads are in the file, each the one that was committed.
    pub payloads: u64,
}

/// Why an export does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExportFault {
    /// A frame where it cannot be.
    #[error("{0}")]
    Order(&'static str),
    /// The genesis is not in its format.
    #[error("the genesis is not in its format: {0}")]
    Genesis(crate::cbor::DecodeError),
    /// The genesis has another fingerprint.
    #[error("the chain is another than the fingerprint names")]
    Fingerprint,
    /// A block breaks the rules.
    #[error(transparent)]
    Block(BlockFault),
    /// A payload is not the one that was committed.
    #[error("the payload of entry {entry} is not the one to which the chain commits")]
    Payload {
        /// The entry's number in the chain.
        entry: u64,
    },
    /// The end says something else than what came before.
    #[error("the end of the file does not say what the file holds")]
    End,
    /// There is no end.
    #[error("the file ends in the middle of the chain")]
    Truncated,
}

impl ExportVerifier {
    /// A verifier for the channel with this fingerprint.
    #[must_use]
    pub fn new(fingerprint: ChannelId) -> Self {
        Self {
            fingerprint,
            genesis: None,
            chain: None,
            heads: MemoryHeads::default(),
            pending: None,
            committed: VecDeque::new(),
            summary: ExportSummary::default(),
            ended: false,
        }
    }

    /// Takes the next frame.
    ///
    /// # Errors
    /// Names what does not hold; the verifier is of no use after that.
    pub fn take(&mut self, frame: Frame) -> Result<(), ExportFault> {
        if self.ended {
            return Err(ExportFault::Order("something follows the end"));
        }
        match (frame, self.pending.is_some()) {
            (Frame::Transaction(transaction), true) => {
                let pending = self.pending.as_mut();
                if let Some(pending) = pending {
                    pending.block.transactions.push(transaction);
                }
                self.close_block()
            }
            (_, true) => Err(ExportFault::Order(
                "a block without all of its transactions",
            )),
            (Frame::Transaction(_), false) => {
                Err(ExportFault::Order("a transaction that belongs to no block"))
            }
            (Frame::Genesis(bytes), false) => self.begin(&bytes),
            (frame, false) if self.chain.is_some() => self.go_on(frame),
            _ => Err(ExportFault::Order("the file does not begin with a genesis")),
        }
    }

    /// What was found, after the last frame.
    ///
    /// # Errors
    /// Where the end is missing.
    pub fn finish(self) -> Result<(Genesis, ExportSummary), ExportFault> {
        let Some(genesis) = self.genesis.filter(|_| self.ended) else {
            return Err(ExportFault::Truncated);
        };
        Ok((genesis, self.summary))
    }

    /// How far it has come.
    #[must_use]
    pub fn height(&self) -> Height {
        self.chain.as_ref().map_or(Height(0), ChainState::height)
    }

    /// Size and root of the tree over the headers so far.
    #[must_use]
    pub fn tree(&self) -> Option<(u64, crate::merkle::Hash)> {
        let chain = self.chain.as_ref()?;
        Some((chain.history().size(), chain.history().root()))
    }

    fn begin(&mut self, bytes: &[u8]) -> Result<(), ExportFault> {
        if self.chain.is_some() {
            return Err(ExportFault::Order("a second genesis"));
        }
        let genesis = Genesis::decode(bytes).map_err(ExportFault::Genesis)?;
        if genesis.id() != self.fingerprint {
            return Err(ExportFault::Fingerprint);
        }
        self.chain = Some(ChainState::at_genesis(&genesis));
        self.genesis = Some(genesis);
        Ok(())
    }

    fn go_on(&mut self, frame: Frame) -> Result<(), ExportFault> {
        match frame {
            Frame::Block {
                header,
                certificate,
                transactions,
            } => {
                let transactions = usize::try_from(transactions)
                    .ok()
                    .filter(|count| *count <= MAX_TRANSACTIONS)
                    .ok_or(ExportFault::Order("a block of too many transactions"))?;
                let block = Block {
                    header,
                    certificate,
                    transactions: Vec::new(),
                };
                self.pending = Some(Pending {
                    block,
                    transactions,
                });
                self.close_block()
            }
            Frame::Payload { entry, bytes } => self.payload(entry, &bytes),
            Frame::End {
                height,
                hash,
                entries,
                payloads,
            } => self.end((height, hash, entries, payloads)),
            Frame::Genesis(_) | Frame::Transaction(_) => {
                Err(ExportFault::Order("a frame out of its order"))
            }
        }
    }

    /// Judges the pending block if all of its transactions are here.
    fn close_block(&mut self) -> Result<(), ExportFault> {
        let complete =
            |pending: &mut Pending| pending.block.transactions.len() == pending.transactions;
        let (Some(pending), Some(chain)) = (self.pending.take_if(complete), &self.chain) else {
            return Ok(());
        };
        let verified = chain
            .verify_block(&pending.block, &AsCertified, &mut self.heads)
            .map_err(|rejected| match rejected {
                Rejected::Fault(fault) => ExportFault::Block(fault),
                Rejected::Heads(never) => match never {},
            })?;
        self.committed.clear();
        let entries = (verified.transactions.iter()).flat_map(|opened| opened.entries());
        for (entry, number) in entries.zip(chain.entries()..) {
            if let Some(commitment) = entry.entry.payload() {
                self.committed.push_back((number, *commitment));
            }
        }
        self.summary.transactions += verified.transactions.len() as u64;
        self.summary.commitments += self.committed.len() as u64;
        self.heads.extend(verified.accepted.heads);
        self.chain = Some(verified.accepted.after);
        Ok(())
    }

    fn payload(&mut self, entry: u64, bytes: &[u8]) -> Result<(), ExportFault> {
        while let Some((number, commitment)) = self.committed.pop_front() {
            if number == entry {
                if !commits(&commitment, bytes) {
                    return Err(ExportFault::Payload { entry });
                }
                self.summary.payloads += 1;
                return Ok(());
            }
        }
        Err(ExportFault::Order(
            "a payload that the block does not commit to",
        ))
    }

    fn end(&mut self, said: (Height, BlockHash, u64, u64)) -> Result<(), ExportFault> {
        let Some(chain) = &self.chain else {
            return Err(ExportFault::Order("an end before the beginning"));
        };
        let found = (
            chain.height(),
            chain.hash(),
            chain.entries(),
            self.summary.payloads,
        );
        if said != found {
            return Err(ExportFault::End);
        }
        self.summary.height = chain.height();
        self.summary.hash = Some(chain.hash());
        self.summary.time_ms = chain.time_ms();
        self.summary.entries = chain.entries();
        self.summary.checkpoint = Some(Checkpoint::of(chain));
        self.summary.members = chain.members().iter().map(|(member, _)| *member).collect();
        self.summary.epochs = Some(chain.epochs().clone());
        self.ended = true;
        Ok(())
    }
}
