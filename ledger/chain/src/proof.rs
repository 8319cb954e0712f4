// SPDX-License-Identifier: Apache-2.0
//! The proof that a chain holds an entry: everything between the entry's bytes and the channel's
//! fingerprint, to be verified without a database or a network.

use crate::block::{MAX_CERTIFICATE, MAX_HEADER};
use crate::cbor::{DecodeError, Reader, Writer};
use crate::entry::MAX_ENTRY;
use crate::genesis::MAX_GENESIS;
use crate::key::Signature;
use crate::merkle::{self, Hash, verify_inclusion};
use crate::rules::{CertifiedHeader, Epochs, Handover};
use crate::transaction::{MAX_TRANSACTION_HEADER, open_header};
use crate::{
    BlockHash, BlockHeader, ChannelId, Entry, EntryHash, Genesis, Height, Identity, Scheme, TxId,
};

const LABEL: &str = "silsila/proof/1";
/// The label of a proof that leads over boundaries.
const LABEL_2: &str = "silsila/proof/2";
const MAX_PATH: usize = 64;

/// The proof that a chain holds an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The genesis, whose hash is the fingerprint.
    pub genesis: Vec<u8>,
    /// The header of the entry's block.
    pub header: Vec<u8>,
    /// Its certificate.
    pub certificate: Vec<u8>,
    /// The header of the entry's transaction.
    pub transaction: Vec<u8>,
    /// The scheme of its signature.
    pub scheme: Scheme,
    /// Its signature.
    pub signature: Signature,
    /// The transaction's position in its block.
    pub transaction_index: u64,
    /// How many transactions the block has.
    pub transaction_count: u64,
    /// From the transaction to the block's root.
    pub transaction_path: Vec<Hash>,
    /// The entry.
    pub entry: Vec<u8>,
    /// The entry's position in its transaction.
    pub entry_index: u64,
    /// From the entry to the transaction's root.
    pub entry_path: Vec<Hash>,
    /// A later block that still builds on the entry's block, unless that is the last one.
    pub later: Option<Later>,
    /// The last block of each epoch before the latest block shown, from genesis on.
    pub handovers: Vec<Handover>,
}

/// A later block, whose history holds the block in question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    /// Its header.
    pub header: Vec<u8>,
    /// Its certificate.
    pub certificate: Vec<u8>,
    /// From the block in question to the later block's history root.
    pub path: Vec<Hash>,
}

/// What a proof shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The entry.
    pub entry: Entry,
    /// Its hash.
    pub entry_hash: EntryHash,
    /// Who appended it.
    pub member: Identity,
    /// The transaction that holds it.
    pub transaction: TxId,
    /// The block's height.
    pub height: Height,
    /// The block's hash.
    pub block: BlockHash,
    /// The block's time.
    pub time_ms: u64,
    /// The height of the latest block shown to build on it; its own where none was given.
    pub latest: Height,
}

/// What a proof fails to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// A part is not in its format.
    #[error("{part} is not in its format: {error}")]
    Encoding {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// The genesis has another fingerprint.
    #[error("the proof is for another channel than the fingerprint names")]
    Fingerprint,
    /// The boundaries do not lead from genesis to the block.
    #[error("the boundaries of epochs do not lead from the genesis to the block")]
    Epochs,
    /// The block is not the channel's, or not certified by its validators.
    #[error("the block is not certified by the channel's validators")]
    Certificate,
    /// The transaction is not in the block, or not signed by a member.
    #[error("the transaction is not a member's, or not in the block")]
    Transaction,
    /// The entry is not in the transaction.
    #[error("the entry is not in the transaction")]
    Entry,
    /// The later block does not build on the block.
    #[error("the later block does not build on the entry's block")]
    Later,
}

impl Proof {
    /// Checks the proof against the channel's fingerprint.
    ///
    /// # Errors
    /// Names what the proof fails to show.
    pub fn verify(&self, fingerprint: &ChannelId) -> Result<Proven, ProofFault> {
        let encoding = |part| move |error| ProofFault::Encoding { part, error };
        let genesis = Genesis::decode(&self.genesis).map_err(encoding("genesis"))?;
        if genesis.id() != *fingerprint {
            return Err(ProofFault::Fingerprint);
        }
        let epochs = Epochs::follow(&genesis, &self.handovers).map_err(|_| ProofFault::Epochs)?;
        let block = certified(&epochs, fingerprint, &self.header, &self.certificate)?;
        let header = block.header();
        let (transaction, member) = self.verify_transaction(header)?;
        let entry = Entry::decode(&self.entry).map_err(encoding("entry"))?;
        let latest = match &self.later {
            Some(later) => verify_later(&epochs, later, &block)?,
            None => header.height,
        };
        Ok(Proven {
            entry_hash: Entry::hash(&self.entry),
            entry,
            member,
            transaction,
            height: header.height,
            block: block.hash(),
            time_ms: header.time_ms,
            latest,
        })
    }

    fn verify_transaction(&self, block: &BlockHeader) -> Result<(TxId, Identity), ProofFault> {
        let (id, header) = open_header(&self.transaction, self.scheme, &self.signature)
            .map_err(|_| ProofFault::Transaction)?;
        let at_home = header.channel == block.channel;
        let (index, count) = (self.transaction_index, self.transaction_count);
        if !at_home
            || !verify_inclusion(&id.0, index, count, &self.transaction_path, &block.tx_root)
        {
            return Err(ProofFault::Transaction);
        }
        let leaf = merkle::leaf_hash(&self.entry);
        let root = &header.entries_root;
        if !verify_inclusion(
            &leaf,
            self.entry_index,
            header.count,
            &self.entry_path,
            root,
        ) {
            return Err(ProofFault::Entry);
        }
        Ok((id, header.member))
    }

    /// The same proof up to the entry's own block: without a later one and the boundaries behind.
    #[must_use]
    pub fn without_later(mut self) -> Self {
        self.later = None;
        let height = |header: &[u8]| BlockHeader::decode(header).map(|header| header.height);
        if let Ok(last) = height(&self.header) {
            self.handovers
                .retain(|handover| height(&handover.header).is_ok_and(|height| height <= last));
        }
        self
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        // Without boundaries the form is the one from before there were any.
        match self.handovers.is_empty() {
            true => writer.array(14).text(LABEL),
            false => writer.array(15).text(LABEL_2),
        };
        writer
            .bytes(&self.genesis)
            .bytes(&self.header)
            .bytes(&self.certificate);
        writer
            .bytes(&self.transaction)
            .uint(u64::from(self.scheme.0))
            .bytes(&self.signature.0);
        writer
            .uint(self.transaction_index)
            .uint(self.transaction_count);
        writer.bytes(&self.transaction_path.concat());
        writer
            .bytes(&self.entry)
            .uint(self.entry_index)
            .bytes(&self.entry_path.concat());
        match &self.later {
            Some(later) => {
                writer
                    .array(3)
                    .bytes(&later.header)
                    .bytes(&later.certificate)
                    .bytes(&later.path.concat());
            }
            None => _ = writer.null(),
        }
        if !self.handovers.is_empty() {
            Handover::write_all(&self.handovers, &mut writer);
        }
        writer.into_bytes()
    }

    /// Reads a proof; what it shows is for [`Proof::verify`].
    ///
    /// # Errors
    /// Where the bytes are none, or not in the deterministic form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let before = reader.error("an array of another length");
        let leads = match reader.array(15)? {
            14 => false,
            15 => true,
            _ => return Err(before),
        };
        reader.label(if leads { LABEL_2 } else { LABEL })?;
        let none = reader.error("a proof over boundaries that names none");
        let proof = Self {
            genesis: reader.bytes(MAX_GENESIS)?.to_vec(),
            header: reader.bytes(MAX_HEADER)?.to_vec(),
            certificate: reader.bytes(MAX_CERTIFICATE)?.to_vec(),
            transaction: reader.bytes(MAX_TRANSACTION_HEADER)?.to_vec(),
            scheme: Scheme(reader.byte()?),
            signature: Signature(reader.fixed()?),
            transaction_index: reader.uint()?,
            transaction_count: reader.uint()?,
            transaction_path: read_path(&mut reader)?,
            entry: reader.bytes(MAX_ENTRY)?.to_vec(),
            entry_index: reader.uint()?,
            entry_path: read_path(&mut reader)?,
            later: if reader.is_null() {
                None
            } else {
                Some(Later::read(&mut reader)?)
            },
            handovers: if leads {
                Handover::read_all(&mut reader)?
            } else {
                Vec::new()
            },
        };
        reader.finish()?;
        if leads == proof.handovers.is_empty() {
            return Err(none);
        }
        Ok(proof)
    }
}

impl Later {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.tuple(3)?;
        Ok(Self {
            header: reader.bytes(MAX_HEADER)?.to_vec(),
            certificate: reader.bytes(MAX_CERTIFICATE)?.to_vec(),
            path: read_path(reader)?,
        })
    }
}

fn certified(
    epochs: &Epochs,
    channel: &ChannelId,
    header: &[u8],
    certificate: &[u8],
) -> Result<CertifiedHeader, ProofFault> {
    (epochs.certify_shown(header, certificate).ok())
        .filter(|certified| certified.header().channel == *channel)
        .ok_or(ProofFault::Certificate)
}

fn verify_later(
    epochs: &Epochs,
    later: &Later,
    block: &CertifiedHeader,
) -> Result<Height, ProofFault> {
    let channel = &block.header().channel;
    let latest = certified(epochs, channel, &later.header, &later.certificate)?;
    let (index, latest) = (block.header().height.0, latest.header());
    if verify_inclusion(
        &block.hash().0,
        index,
        latest.height.0,
        &later.path,
        &latest.history_root,
    ) {
        Ok(latest.height)
    } else {
        Err(ProofFault::Later)
    }
}

fn read_path(reader: &mut Reader<'_>) -> Result<Vec<Hash>, DecodeError> {
    let before = reader.error("a path that is not made of hashes");
    let (hashes, rest) = reader.bytes(MAX_PATH * 32)?.as_chunks::<32>();
    if rest.is_empty() {
        Ok(hashes.to_vec())
    } else {
        Err(before)
    }
}
