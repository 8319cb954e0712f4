// SPDX-License-Identifier: Apache-2.0
//! A block on its way: header, transactions, and the storage receipts that let them in.
//!
//! ```text
//! candidate = varint length || CBOR [ block, receipts ]
//! block     = silsila_chain::Block::encode, its certificate empty, as a byte string
//! receipts  = for each transaction an array of [ validator's number, signature ], numbers rising;
//!             a quorum of them, or none where the transaction has no payloads
//! ```
//!
//! What its header does not bind is checked when it is read: a candidate holds together, always.

use std::fmt;
use std::sync::Arc;

use bytes::{BufMut, Bytes};
use commonware_codec::{Buf, EncodeSize, Error, RangeCfg, Read, Write};
use commonware_consensus::types::Height;
use commonware_consensus::{Block as ConsensusBlock, BoundedBlock, Heightable};
use commonware_cryptography::Digestible;
use commonware_cryptography::sha256::Digest;
use silsila_chain::cbor::{DecodeError, Reader, Writer};
use silsila_chain::{
    Block, BlockHash, BlockHeader, Genesis, MAX_TRANSACTIONS, OpenTransaction, Transaction,
};

use crate::receipt::{Receipt, Witnesses};

/// The longest candidate, in bytes; a transaction of the largest size fits.
pub const MAX_CANDIDATE: usize = 5 << 20;

/// A block on its way. Clones share it.
#[derive(Clone)]
pub struct Candidate(Arc<Inner>);

struct Inner {
    block: Block,
    header: BlockHeader,
    hash: BlockHash,
    opened: Vec<OpenTransaction>,
    encoded: Bytes,
    /// The last block of the epoch before, from which consensus counts.
    base: silsila_chain::Height,
}

impl Candidate {
    /// The candidate that stands for block 0.
    #[must_use]
    pub fn genesis(genesis: &Genesis) -> Self {
        Self::base(genesis.header())
    }

    /// The candidate that stands for the last block of the epoch before.
    #[must_use]
    pub fn base(header: BlockHeader) -> Self {
        let base = header.height;
        Self::new(header, base, Vec::new(), Vec::new(), &[])
    }

    /// Puts a block together from transactions that were opened before, each with its receipts; its epoch
    /// began behind `base`.
    #[must_use]
    pub fn new(
        header: BlockHeader,
        base: silsila_chain::Height,
        transactions: Vec<Transaction>,
        opened: Vec<OpenTransaction>,
        receipts: &[Vec<Receipt>],
    ) -> Self {
        let block = Block {
            header: header.encode(),
            certificate: Vec::new(),
            transactions,
        };
        let mut writer = Writer::new();
        writer.array(2).bytes(&block.encode());
        writer.array(receipts.len() as u64);
        for receipts in receipts {
            Receipt::write_all(receipts, &mut writer);
        }
        let hash = BlockHeader::hash(&block.header);
        let encoded = writer.into_bytes().into();
        Self(Arc::new(Inner {
            block,
            header,
            hash,
            opened,
            encoded,
            base,
        }))
    }

    fn read(encoded: Bytes, witnesses: &Witnesses) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(&encoded);
        reader.tuple(2)?;
        let unsound = reader.error("a block whose parts do not hold together");
        let block = Block::decode(reader.bytes(MAX_CANDIDATE)?)?;
        let header = BlockHeader::decode(&block.header)?;
        let opened: Result<Vec<_>, _> = block
            .transactions
            .iter()
            .map(|transaction| witnesses.open(transaction))
            .collect();
        let opened = opened.map_err(|_| unsound)?;
        let base = witnesses.base();
        let at_home = header.channel == witnesses.channel() && header.height >= base;
        if !block.certificate.is_empty() || !at_home {
            return Err(unsound);
        }
        if reader.array(MAX_TRANSACTIONS as u64)? != opened.len() as u64 {
            return Err(unsound);
        }
        for transaction in &opened {
            let receipts = Receipt::read_all(&mut reader)?;
            if !witnesses.suffice(transaction, &receipts) {
                return Err(unsound);
            }
        }
        reader.finish()?;
        let hash = BlockHeader::hash(&block.header);
        Ok(Self(Arc::new(Inner {
            block,
            header,
            hash,
            opened,
            encoded,
            base,
        })))
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &BlockHeader {
        &self.0.header
    }

    /// The header's bytes.
    #[must_use]
    pub fn header_bytes(&self) -> &[u8] {
        &self.0.block.header
    }

    /// The header's hash, which is what is voted on.
    #[must_use]
    pub fn hash(&self) -> BlockHash {
        self.0.hash
    }

    /// The transactions, whose own parts hold.
    #[must_use]
    pub fn opened(&self) -> &[OpenTransaction] {
        &self.0.opened
    }

    /// The block with a certificate.
    #[must_use]
    pub fn certified(&self, certificate: Vec<u8>) -> Block {
        Block {
            certificate,
            ..self.0.block.clone()
        }
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Candidate({} {})", self.0.header.height, self.0.hash)
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.0.hash == other.0.hash
    }
}

impl Eq for Candidate {}

impl Write for Candidate {
    fn write(&self, writer: &mut impl BufMut) {
        self.0.encoded.write(writer);
    }
}

impl EncodeSize for Candidate {
    fn encode_size(&self) -> usize {
        self.0.encoded.encode_size()
    }
}

impl Read for Candidate {
    type Cfg = Witnesses;

    fn read_cfg(reader: &mut impl Buf, witnesses: &Witnesses) -> Result<Self, Error> {
        let encoded = Bytes::read_cfg(reader, &RangeCfg::from(0..=MAX_CANDIDATE))?;
        Self::read(encoded, witnesses).map_err(|error| Error::Invalid("Candidate", error.reason))
    }
}

impl Digestible for Candidate {
    type Digest = Digest;

    fn digest(&self) -> Digest {
        Digest::from(self.0.hash.0)
    }
}

impl Heightable for Candidate {
    fn height(&self) -> Height {
        Height::new(self.0.header.height.0 - self.0.base.0)
    }
}

impl ConsensusBlock for Candidate {
    fn parent(&self) -> Digest {
        Digest::from(self.0.header.previous.0)
    }
}

impl BoundedBlock for Candidate {
    fn max_encode_size(_: &Witnesses) -> usize {
        MAX_CANDIDATE + 5
    }
}
