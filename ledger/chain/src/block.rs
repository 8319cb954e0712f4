// SPDX-License-Identifier: Apache-2.0
//! Blocks and what certifies them.

use crate::cbor::{DecodeError, Reader, Writer};
use crate::key::{Signature, SignedAs};
use crate::merkle::{self, Hash};
use crate::{
    BlockHash, ChannelId, Height, Identity, MemberKey, PublicKey, QuorumCertificate, Scheme,
    Transaction,
};

/// The most transactions of one block.
pub const MAX_TRANSACTIONS: usize = 1024;
/// The longest block header, in bytes.
pub const MAX_HEADER: usize = 512;
/// The longest certificate, in bytes.
pub const MAX_CERTIFICATE: usize = 16 << 10;
/// The most headers between a certified one and the one that a quorum finalized.
pub const MAX_LINKS: u64 = 16;
/// The most bytes of entries in one transaction on the wire.
pub const MAX_ENTRIES_BYTES: usize = 4 << 20;

const HEADER_LABEL: &str = "silsila/header/1";
const BLOCK_LABEL: &str = "silsila/block/1";

/// What a block's hash covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockHeader {
    /// The channel.
    pub channel: ChannelId,
    /// The height; 0 is genesis.
    pub height: Height,
    /// The hash of the block before; for block 0 the channel's id.
    pub previous: BlockHash,
    /// Milliseconds since 1970; above the time of the block before.
    pub time_ms: u64,
    /// The number of the block's first entry: how many all earlier blocks hold.
    pub first_entry: u64,
    /// RFC 9162 root over the headers of the block's transactions.
    pub tx_root: Hash,
    /// RFC 9162 root over all earlier block headers.
    pub history_root: Hash,
    /// Root of the state after the block before; see [`crate::StateHash`].
    pub state_root: Hash,
    /// The rules that judged the block.
    pub rules_version: u32,
    /// The hash of the validators who certify the next block.
    pub next_validators: Hash,
}

impl BlockHeader {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer
            .array(11)
            .text(HEADER_LABEL)
            .bytes(&self.channel.0)
            .uint(self.height.0);
        writer
            .bytes(&self.previous.0)
            .uint(self.time_ms)
            .uint(self.first_entry);
        writer
            .bytes(&self.tx_root)
            .bytes(&self.history_root)
            .bytes(&self.state_root);
        writer
            .uint(u64::from(self.rules_version))
            .bytes(&self.next_validators);
        writer.into_bytes()
    }

    /// Reads a header.
    ///
    /// # Errors
    /// Where the bytes are none, or not in the deterministic form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.tuple(11)?;
        reader.label(HEADER_LABEL)?;
        let header = Self {
            channel: ChannelId(reader.fixed()?),
            height: Height(reader.uint()?),
            previous: BlockHash(reader.fixed()?),
            time_ms: reader.uint()?,
            first_entry: reader.uint()?,
            tx_root: reader.fixed()?,
            history_root: reader.fixed()?,
            state_root: reader.fixed()?,
            rules_version: reader.uint32()?,
            next_validators: reader.fixed()?,
        };
        reader.finish()?;
        Ok(header)
    }

    /// The hash of a header's bytes: the leaf of the channel's tree.
    #[must_use]
    pub fn hash(bytes: &[u8]) -> BlockHash {
        BlockHash(merkle::leaf_hash(bytes))
    }
}

/// What makes a header final. Its first number is the scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// Scheme 1: the signature of the channel's only validator over the header's hash.
    Lone {
        /// The validator.
        validator: PublicKey,
        /// The signature.
        signature: Signature,
    },
    /// Scheme 2: the signatures of a quorum of the channel's validators, as consensus collected them.
    Quorum {
        /// Over the block itself, or over the last of the links.
        finalization: QuorumCertificate,
        /// The headers after the certified one up to the finalized one; mostly none.
        links: Vec<Vec<u8>>,
    },
}

impl Certificate {
    /// Certifies a header by its hash.
    #[must_use]
    pub fn lone(key: &MemberKey, block: &BlockHash) -> Self {
        Self::Lone {
            validator: key.public(),
            signature: key.sign(SignedAs::Block, &block.0),
        }
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        match self {
            Self::Lone { .. } => Scheme::ED25519,
            Self::Quorum { .. } => Scheme::QUORUM,
        }
    }

    /// Whether exactly these validators, in ascending order, certify the header with this hash by it.
    #[must_use]
    pub fn certifies(
        &self,
        header: &BlockHeader,
        hash: &BlockHash,
        validators: &[Identity],
    ) -> bool {
        match self {
            Self::Lone {
                validator,
                signature,
            } => {
                validators == [Identity::ed25519(*validator)]
                    && validator.verifies(SignedAs::Block, &hash.0, signature)
            }
            Self::Quorum {
                finalization,
                links,
            } => follow(header, hash, links)
                .is_some_and(|last| finalization.verify(&header.channel, &last, validators)),
        }
    }

    /// Those of `validators` who signed it.
    #[must_use]
    pub fn signers(&self, validators: &[Identity]) -> Vec<Identity> {
        match self {
            Self::Lone { validator, .. } => vec![Identity::ed25519(*validator)],
            Self::Quorum { finalization, .. } => {
                finalization.signed_by(validators).copied().collect()
            }
        }
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        match self {
            Self::Lone {
                validator,
                signature,
            } => {
                writer
                    .array(3)
                    .uint(u64::from(self.scheme().0))
                    .bytes(&validator.0)
                    .bytes(&signature.0);
            }
            Self::Quorum {
                finalization,
                links,
            } => {
                writer
                    .array(3)
                    .uint(u64::from(self.scheme().0))
                    .bytes(&finalization.encode())
                    .array(links.len() as u64);
                for link in links {
                    writer.bytes(link);
                }
            }
        }
        writer.into_bytes()
    }

    /// Reads a certificate.
    ///
    /// # Errors
    /// Where the bytes are none, of a scheme that this version does not know, or not in the
    /// deterministic form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.tuple(3)?;
        let before = reader.error("a certificate scheme that this version does not know");
        let certificate = match Scheme(reader.byte()?) {
            Scheme::ED25519 => Self::Lone {
                validator: PublicKey(reader.fixed()?),
                signature: Signature(reader.fixed()?),
            },
            Scheme::QUORUM => Self::Quorum {
                finalization: read_finalization(&mut reader)?,
                links: read_links(&mut reader)?,
            },
            _ => return Err(before),
        };
        reader.finish()?;
        Ok(certificate)
    }
}

/// The hash of the last of the links from a header on, if each follows from the one before and is for the
/// same validators to certify. The last one may name others for the block behind it.
fn follow(header: &BlockHeader, hash: &BlockHash, links: &[Vec<u8>]) -> Option<BlockHash> {
    let (mut last, mut height, mut named) = (*hash, header.height, header.next_validators);
    for link in links {
        let next = BlockHeader::decode(link).ok()?;
        let follows = next.previous == last
            && next.height == height.next()
            && next.channel == header.channel
            && named == header.next_validators;
        if !follows {
            return None;
        }
        (last, height, named) = (BlockHeader::hash(link), next.height, next.next_validators);
    }
    Some(last)
}

fn read_finalization(reader: &mut Reader<'_>) -> Result<QuorumCertificate, DecodeError> {
    let finalization = reader.bytes(MAX_CERTIFICATE)?;
    let start = reader.offset() - finalization.len();
    QuorumCertificate::decode(finalization).map_err(|error| DecodeError {
        offset: start + error.offset,
        ..error
    })
}

fn read_links(reader: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, DecodeError> {
    (0..reader.array(MAX_LINKS)?)
        .map(|_| reader.bytes(MAX_HEADER).map(<[u8]>::to_vec))
        .collect()
}

/// A block as it is stored and sent. Nothing is known to be true of it until
/// [`crate::ChainState::verify_block`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The header's bytes.
    pub header: Vec<u8>,
    /// The certificate's bytes.
    pub certificate: Vec<u8>,
    /// The transactions in order.
    pub transactions: Vec<Transaction>,
}

impl Block {
    /// The bytes, for export and for sending.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer
            .array(4)
            .text(BLOCK_LABEL)
            .bytes(&self.header)
            .bytes(&self.certificate);
        writer.array(self.transactions.len() as u64);
        for transaction in &self.transactions {
            writer
                .array(4)
                .bytes(&transaction.header)
                .uint(u64::from(transaction.scheme.0));
            writer
                .bytes(&transaction.signature.0)
                .bytes(&transaction.entries);
        }
        writer.into_bytes()
    }

    /// Reads a block; its parts are not looked into.
    ///
    /// # Errors
    /// Where the bytes are none, or not in the deterministic form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.tuple(4)?;
        reader.label(BLOCK_LABEL)?;
        let header = reader.bytes(MAX_HEADER)?.to_vec();
        let certificate = reader.bytes(MAX_CERTIFICATE)?.to_vec();
        let mut transactions = Vec::new();
        for _ in 0..reader.array(MAX_TRANSACTIONS as u64)? {
            transactions.push(read_transaction(&mut reader)?);
        }
        reader.finish()?;
        Ok(Self {
            header,
            certificate,
            transactions,
        })
    }
}

fn read_transaction(reader: &mut Reader<'_>) -> Result<Transaction, DecodeError> {
    reader.tuple(4)?;
    Ok(Transaction {
        header: reader
            .bytes(crate::transaction::MAX_TRANSACTION_HEADER)?
            .to_vec(),
        scheme: Scheme(reader.byte()?),
        signature: Signature(reader.fixed()?),
        entries: reader.bytes(MAX_ENTRIES_BYTES)?.to_vec(),
    })
}
