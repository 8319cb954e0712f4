// SPDX-License-Identifier: Apache-2.0
//! COSE receipts (RFC 9942, with RFC 9052 and the RFC 9162 SHA-256 profile): one member's signature on
//! the channel's tree, with the path from one block to it.
//!
//! ```text
//! 18([ << { 1: -8 (EdDSA), 4: key id, 395: 1 (RFC9162_SHA256) } >>,
//!      { 396: { -1: [ << [ tree size, leaf index, [ path ] ] >> ] } },
//!      null,
//!      signature ])
//! ```
//!
//! The key id is the member's public key. The leaf is a block's header, the index its height; the payload
//! is detached: it is the root that the path leads to from the header at hand. What is signed is
//! `["Signature1", protected header, h'', root]`. This writer knows one form of a receipt, and this reader
//! accepts that form alone; other readers of COSE need nothing special.

use crate::cbor::{DecodeError, Reader, Writer};
use crate::merkle::{Hash, root_through};
use crate::{BlockHeader, ChannelId, Checkpoint, Height, MemberKey, PublicKey, Signature};

/// The longest receipt, in bytes.
pub const MAX_RECEIPT: usize = 4096;

const COSE_SIGN1: u64 = 18;
const ALGORITHM: u64 = 1;
/// EdDSA, -8.
const EDDSA_BELOW: u64 = 7;
const KEY_ID: u64 = 4;
const STRUCTURE: u64 = 395;
const RFC9162_SHA256: u64 = 1;
const PROOFS: u64 = 396;
/// Inclusion, -1.
const INCLUSION_BELOW: u64 = 0;
const MAX_PATH: u64 = 64;

/// One member's word that the channel's tree holds a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Whose word.
    pub signer: PublicKey,
    /// How many headers the tree has.
    pub size: u64,
    /// The block's height.
    pub index: u64,
    /// From the block to the root.
    pub path: Vec<Hash>,
    /// The signature.
    pub signature: Signature,
}

/// What a receipt shows of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Who says so. Whether that is a member is for the caller.
    pub signer: PublicKey,
    /// The tree that holds the block.
    pub checkpoint: Checkpoint,
    /// The block's height.
    pub height: Height,
}

impl Receipt {
    /// Signs the tree that `path` leads to from the header of the block at `height`; `None` where it
    /// leads nowhere.
    #[must_use]
    pub fn sign(
        key: &MemberKey,
        header: &[u8],
        height: Height,
        size: u64,
        path: Vec<Hash>,
    ) -> Option<Self> {
        let root = root_through(&BlockHeader::hash(header).0, height.0, size, &path)?;
        let signer = key.public();
        Some(Self {
            signature: key.sign_bytes(&to_be_signed(&signer, &root)),
            signer,
            size,
            index: height.0,
            path,
        })
    }

    /// What the receipt shows of a block's header; `None` where it shows nothing.
    #[must_use]
    pub fn verify(&self, header: &[u8]) -> Option<Received> {
        let leaf = BlockHeader::hash(header);
        let root = root_through(&leaf.0, self.index, self.size, &self.path)?;
        let BlockHeader {
            channel, height, ..
        } = BlockHeader::decode(header).ok()?;
        let signed = to_be_signed(&self.signer, &root);
        let holds = height.0 == self.index && self.signer.verifies_bytes(&signed, &self.signature);
        holds.then_some(Received {
            signer: self.signer,
            checkpoint: Checkpoint {
                channel,
                size: self.size,
                root,
            },
            height,
        })
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut proof = Writer::new();
        proof.array(3).uint(self.size).uint(self.index);
        proof.array(self.path.len() as u64);
        for hash in &self.path {
            proof.bytes(hash);
        }
        let mut writer = Writer::new();
        writer
            .tag(COSE_SIGN1)
            .array(4)
            .bytes(&protected(&self.signer));
        writer.map(1).uint(PROOFS).map(1).negative(INCLUSION_BELOW);
        writer.array(1).bytes(proof.as_bytes());
        writer.null().bytes(&self.signature.0);
        writer.into_bytes()
    }

    /// Reads a receipt; what it shows is for [`Receipt::verify`].
    ///
    /// # Errors
    /// Where the bytes are none, or of another form than this one.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.tag(COSE_SIGN1)?;
        reader.tuple(4)?;
        let signer = read_protected(reader.bytes(MAX_RECEIPT)?)?;
        reader.map(1)?;
        reader.exactly(PROOFS)?;
        reader.map(1)?;
        reader.negative(INCLUSION_BELOW)?;
        reader.tuple(1)?;
        let (size, index, path) = read_inclusion(reader.bytes(MAX_RECEIPT)?)?;
        let detached = reader.error("a payload that is not detached");
        if !reader.is_null() {
            return Err(detached);
        }
        let signature = Signature(reader.fixed()?);
        reader.finish()?;
        Ok(Self {
            signer,
            size,
            index,
            path,
            signature,
        })
    }
}

impl Received {
    /// The channel.
    #[must_use]
    pub const fn channel(&self) -> ChannelId {
        self.checkpoint.channel
    }
}

fn protected(signer: &PublicKey) -> Vec<u8> {
    let mut header = Writer::new();
    header.map(3).uint(ALGORITHM).negative(EDDSA_BELOW);
    header.uint(KEY_ID).bytes(&signer.0);
    header.uint(STRUCTURE).uint(RFC9162_SHA256);
    header.into_bytes()
}

fn read_protected(bytes: &[u8]) -> Result<PublicKey, DecodeError> {
    let mut reader = Reader::new(bytes);
    reader.map(3)?;
    reader.exactly(ALGORITHM)?;
    reader.negative(EDDSA_BELOW)?;
    reader.exactly(KEY_ID)?;
    let signer = PublicKey(reader.fixed()?);
    reader.exactly(STRUCTURE)?;
    reader.exactly(RFC9162_SHA256)?;
    reader.finish()?;
    Ok(signer)
}

fn read_inclusion(bytes: &[u8]) -> Result<(u64, u64, Vec<Hash>), DecodeError> {
    let mut reader = Reader::new(bytes);
    reader.tuple(3)?;
    let (size, index) = (reader.uint()?, reader.uint()?);
    let path = (0..reader.array(MAX_PATH)?)
        .map(|_| reader.fixed())
        .collect::<Result<_, _>>()?;
    reader.finish()?;
    Ok((size, index, path))
}

/// The `Sig_structure` of RFC 9052, section 4.4.
fn to_be_signed(signer: &PublicKey, root: &Hash) -> Vec<u8> {
    let mut structure = Writer::new();
    structure.array(4).text("Signature1");
    structure.bytes(&protected(signer)).bytes(&[]).bytes(root);
    structure.into_bytes()
}
