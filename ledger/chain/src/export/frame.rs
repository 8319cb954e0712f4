// SPDX-License-Identifier: Apache-2.0
//! The frames of an export.

use crate::block::{MAX_CERTIFICATE, MAX_ENTRIES_BYTES, MAX_HEADER};
use crate::cbor::{DecodeError, Reader, Writer};
use crate::transaction::MAX_TRANSACTION_HEADER;
use crate::{BlockHash, Height, MAX_PAYLOAD, Scheme, Signature, Transaction};

/// How an export begins.
pub const EXPORT_MAGIC: &[u8; 16] = b"silsila export 1";
/// The longest body of a frame, in bytes: the largest payload and what stands before it.
pub const MAX_FRAME: usize = MAX_PAYLOAD as usize + 64;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// The genesis.
    Genesis,
    /// A block, without its transactions.
    Block,
    /// A transaction of the block before.
    Transaction,
    /// A payload of the block before.
    Payload,
    /// The end.
    End,
}

/// One frame of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The genesis.
    Genesis(Vec<u8>),
    /// A block, without its transactions.
    Block {
        /// Its header.
        header: Vec<u8>,
        /// Its certificate.
        certificate: Vec<u8>,
        /// How many transactions follow.
        transactions: u64,
    },
    /// A transaction of the block before.
    Transaction(Transaction),
    /// A payload of the block before.
    Payload {
        /// Its entry's number in the chain.
        entry: u64,
        /// As stored.
        bytes: Vec<u8>,
    },
    /// The end.
    End {
        /// The last block's height.
        height: Height,
        /// Its hash.
        hash: BlockHash,
        /// How many entries the chain has.
        entries: u64,
        /// How many payloads the file has.
        payloads: u64,
    },
}

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// A kind that this version does not know.
    #[error("no frame begins with the byte {0:#04x}")]
    Kind(u8),
    /// Longer than any frame.
    #[error("a frame of {0} bytes, which is longer than any may be")]
    Length(u32),
    /// The body is not in its format.
    #[error("the frame is not in its format: {0}")]
    Encoding(DecodeError),
}

impl FrameKind {
    const ALL: [(u8, Self); 5] = [
        (b'G', Self::Genesis),
        (b'B', Self::Block),
        (b'T', Self::Transaction),
        (b'P', Self::Payload),
        (b'E', Self::End),
    ];

    fn byte(self) -> u8 {
        let found = Self::ALL.iter().find(|(_, kind)| *kind == self);
        found.map_or(0, |(byte, _)| *byte)
    }

    /// Reads what stands before a body: its kind and its length.
    ///
    /// # Errors
    /// Where no frame begins so.
    pub fn read(head: &[u8; 5]) -> Result<(Self, usize), FrameFault> {
        let [byte, length @ ..] = head;
        let (_, kind) = (Self::ALL.iter())
            .find(|(known, _)| known == byte)
            .ok_or(FrameFault::Kind(*byte))?;
        let length = u32::from_be_bytes(length.to_owned());
        match usize::try_from(length) {
            Ok(bytes) if bytes <= MAX_FRAME => Ok((*kind, bytes)),
            _ => Err(FrameFault::Length(length)),
        }
    }
}

impl Frame {
    const fn kind(&self) -> FrameKind {
        match self {
            Self::Genesis(_) => FrameKind::Genesis,
            Self::Block { .. } => FrameKind::Block,
            Self::Transaction(_) => FrameKind::Transaction,
            Self::Payload { .. } => FrameKind::Payload,
            Self::End { .. } => FrameKind::End,
        }
    }

    /// The frame's bytes: kind, length, body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let body = self.body();
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        [&[self.kind().byte()][..], &length.to_be_bytes(), &body].concat()
    }

    fn body(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        match self {
            Self::Genesis(bytes) => return bytes.clone(),
            Self::Block {
                header,
                certificate,
                transactions,
            } => {
                writer.array(3).bytes(header).bytes(certificate);
                writer.uint(*transactions);
            }
            Self::Transaction(transaction) => {
                writer.array(4).bytes(&transaction.header);
                writer.uint(u64::from(transaction.scheme.0));
                writer.bytes(&transaction.signature.0);
                writer.bytes(&transaction.entries);
            }
            Self::Payload { entry, bytes } => {
                writer.array(2).uint(*entry).bytes(bytes);
            }
            Self::End {
                height,
                hash,
                entries,
                payloads,
            } => {
                writer.array(4).uint(height.0).bytes(&hash.0);
                writer.uint(*entries).uint(*payloads);
            }
        }
        writer.into_bytes()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// Where it is not that of such a frame.
    pub fn decode(kind: FrameKind, body: &[u8]) -> Result<Self, FrameFault> {
        read(kind, body).map_err(FrameFault::Encoding)
    }
}

fn read(kind: FrameKind, body: &[u8]) -> Result<Frame, DecodeError> {
    let mut reader = Reader::new(body);
    let frame = match kind {
        FrameKind::Genesis => return Ok(Frame::Genesis(body.to_vec())),
        FrameKind::Block => {
            reader.tuple(3)?;
            Frame::Block {
                header: reader.bytes(MAX_HEADER)?.to_vec(),
                certificate: reader.bytes(MAX_CERTIFICATE)?.to_vec(),
                transactions: reader.uint()?,
            }
        }
        FrameKind::Transaction => {
            reader.tuple(4)?;
            Frame::Transaction(Transaction {
                header: reader.bytes(MAX_TRANSACTION_HEADER)?.to_vec(),
                scheme: Scheme(reader.byte()?),
                signature: Signature(reader.fixed()?),
                entries: reader.bytes(MAX_ENTRIES_BYTES)?.to_vec(),
            })
        }
        FrameKind::Payload => {
            reader.tuple(2)?;
            Frame::Payload {
                entry: reader.uint()?,
                bytes: reader.bytes(MAX_PAYLOAD as usize)?.to_vec(),
            }
        }
        FrameKind::End => {
            reader.tuple(4)?;
            Frame::End {
                height: Height(reader.uint()?),
                hash: BlockHash(reader.fixed()?),
                entries: reader.uint()?,
                payloads: reader.uint()?,
            }
        }
    };
    reader.finish()?;
    Ok(frame)
}
