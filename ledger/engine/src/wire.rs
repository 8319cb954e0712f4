// SPDX-License-Identifier: Apache-2.0
//! What members of a channel say to each other beside consensus: offers, receipts, payloads, blocks.
//!
//! Deterministic CBOR, one array each, its kind first:
//!
//! ```text
//! tip      [ 0, height ]                               what the sender's ledger has
//! ask      [ 1, height, bytes, bytes ]                 send blocks from this height on, about so many bytes of
//!                                                      them, and before them so many of their payloads; where
//!                                                      there are none of these, say your height
//! blocks   [ 2, [ block, ... ] ]                       certified blocks, ascending
//! offer    [ 3, transaction, after / null, [ payload, ... ] ]
//!                                                      order this, not before the transaction `after`
//!                                                      is decided; small payloads may come along
//! receipt  [ 4, transaction id, validator's number, signature ]
//! want     [ 5, transaction id, [ digest, ... ] ]      send these payloads of what you offered
//! payloads [ 6, [ payload, ... ] ]                     as stored; their digests say which they are
//! fetch    [ 7, [ number, ... ] ]                      send the payloads of these committed entries
//! note     [ 8, note ]                                 what gateways say beside the chain: ballots
//! check    [ 9, note ]                                 the sender's signed checkpoint
//! ```
//!
//! A transaction is a block with it alone and an empty header, so that there is one form to read.

use silsila_chain::cbor::{DecodeError, Reader, Writer};
use silsila_chain::{Block, Height, PayloadDigest, Signature, Transaction, TxId};

use crate::receipt::Receipt;

/// The longest message, in bytes.
pub(crate) const MAX_MESSAGE: usize = 17 << 20;
/// A message is filled up to so many bytes where there is more to send.
pub(crate) const FILL: usize = 512 << 10;
/// One of payloads, where they are not many, up to so many: over a slow line others go between.
pub(crate) const FILL_SLOW: usize = 64 << 10;
/// The longest note, in bytes.
pub(crate) const MAX_NOTE: usize = 256 << 10;
/// The most digests of one want.
pub(crate) const MAX_WANTED: usize = 512;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    Tip(Height),
    Ask {
        from: Height,
        /// So many bytes of blocks, but for the last one. Where none are wanted or there, the height is told.
        blocks: u64,
        /// And so many of the payloads that they commit to.
        payloads: u64,
    },
    Blocks(Vec<Block>),
    Offer {
        transaction: Transaction,
        after: Option<TxId>,
        payloads: Vec<Vec<u8>>,
    },
    Receipt(TxId, Receipt),
    Want(TxId, Vec<PayloadDigest>),
    Payloads(Vec<Vec<u8>>),
    Fetch(Vec<u64>),
    Note(Vec<u8>),
    Checkpoint(Vec<u8>),
}

impl Message {
    /// Asks for a message's worth of blocks without their payloads.
    pub(crate) const fn ask(from: Height) -> Self {
        Self::Ask {
            from,
            blocks: FILL as u64,
            payloads: 0,
        }
    }

    /// Whether others may go before it: an answer that makes nothing wait but whoever catches up.
    pub(crate) const fn is_bulk(&self) -> bool {
        matches!(self, Self::Blocks(_) | Self::Payloads(_))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        match self {
            Self::Tip(height) => _ = writer.array(2).uint(0).uint(height.0),
            Self::Ask {
                from,
                blocks,
                payloads,
            } => {
                writer.array(4).uint(1).uint(from.0);
                writer.uint(*blocks).uint(*payloads);
            }
            Self::Blocks(blocks) => {
                let blocks = blocks.iter().map(Block::encode);
                writer.array(2).uint(2);
                write_all(&mut writer, blocks);
            }
            Self::Offer {
                transaction,
                after,
                payloads,
            } => {
                writer.array(4).uint(3).bytes(&alone(transaction));
                match after {
                    Some(after) => writer.bytes(&after.0),
                    None => writer.null(),
                };
                write_all(&mut writer, payloads.iter());
            }
            Self::Receipt(id, receipt) => {
                writer.array(4).uint(4).bytes(&id.0);
                writer
                    .uint(u64::from(receipt.validator))
                    .bytes(&receipt.signature.0);
            }
            Self::Want(id, digests) => {
                writer.array(3).uint(5).bytes(&id.0);
                write_all(&mut writer, digests.iter().map(|digest| &digest.0[..]));
            }
            Self::Payloads(payloads) => {
                writer.array(2).uint(6);
                write_all(&mut writer, payloads.iter());
            }
            Self::Fetch(numbers) => {
                writer.array(2).uint(7).array(numbers.len() as u64);
                for number in numbers {
                    writer.uint(*number);
                }
            }
            Self::Note(note) => _ = writer.array(2).uint(8).bytes(note),
            Self::Checkpoint(note) => _ = writer.array(2).uint(9).bytes(note),
        }
        writer.into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let before = reader.error("a message that this version does not know");
        let items = reader.array(4)?;
        let message = match (reader.uint()?, items) {
            (0, 2) => Self::Tip(Height(reader.uint()?)),
            (1, 4) => Self::Ask {
                from: Height(reader.uint()?),
                blocks: reader.uint()?,
                payloads: reader.uint()?,
            },
            (2, 2) => Self::Blocks(read_all(&mut reader, |reader| {
                Block::decode(reader.bytes(MAX_MESSAGE)?)
            })?),
            (3, 4) => {
                let block = Block::decode(reader.bytes(MAX_MESSAGE)?)?;
                let [transaction] = <[Transaction; 1]>::try_from(block.transactions)
                    .map_err(|_| reader.error("not one transaction"))?;
                let after = if reader.is_null() {
                    None
                } else {
                    Some(TxId(reader.fixed()?))
                };
                Self::Offer {
                    transaction,
                    after,
                    payloads: read_payloads(&mut reader)?,
                }
            }
            (4, 4) => Self::Receipt(
                TxId(reader.fixed()?),
                Receipt {
                    validator: reader.uint32()?,
                    signature: Signature(reader.fixed()?),
                },
            ),
            (5, 3) => Self::Want(
                TxId(reader.fixed()?),
                read_all(&mut reader, |reader| reader.fixed().map(PayloadDigest))?,
            ),
            (6, 2) => Self::Payloads(read_payloads(&mut reader)?),
            (7, 2) => Self::Fetch(read_all(&mut reader, |reader| reader.uint())?),
            (8, 2) => Self::Note(reader.bytes(MAX_NOTE)?.to_vec()),
            (9, 2) => Self::Checkpoint(reader.bytes(MAX_NOTE)?.to_vec()),
            _ => return Err(before),
        };
        reader.finish()?;
        Ok(message)
    }
}

fn alone(transaction: &Transaction) -> Vec<u8> {
    let block = Block {
        header: Vec::new(),
        certificate: Vec::new(),
        transactions: vec![transaction.clone()],
    };
    block.encode()
}

fn write_all(writer: &mut Writer, items: impl ExactSizeIterator<Item = impl AsRef<[u8]>>) {
    writer.array(items.len() as u64);
    for item in items {
        writer.bytes(item.as_ref());
    }
}

fn read_all<T>(
    reader: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let count = reader.array(10_000)?;
    (0..count).map(|_| read(reader)).collect()
}

fn read_payloads(reader: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, DecodeError> {
    read_all(reader, |reader| {
        reader.bytes(MAX_MESSAGE).map(<[u8]>::to_vec)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind and more.
    fn samples() -> Vec<Message> {
        let transaction = Transaction {
            header: vec![1, 2, 3],
            scheme: silsila_chain::Scheme::ED25519,
            signature: Signature([4; 64]),
            entries: vec![5; 300],
        };
        let block = Block {
            header: vec![6; 200],
            certificate: vec![7; 90],
            transactions: vec![transaction.clone(), transaction.clone()],
        };
        let receipt = Receipt {
            validator: 3,
            signature: Signature([8; 64]),
        };
        vec![
            Message::Tip(Height(9)),
            Message::Ask {
                from: Height(u64::MAX),
                blocks: 65_536,
                payloads: 0,
            },
            Message::Blocks(vec![block.clone(), block]),
            Message::Offer {
                transaction: transaction.clone(),
                after: None,
                payloads: vec![vec![9; 9]],
            },
            Message::Offer {
                transaction,
                after: Some(TxId([1; 32])),
                payloads: vec![],
            },
            Message::Receipt(TxId([2; 32]), receipt),
            Message::Want(TxId([3; 32]), vec![PayloadDigest([3; 32]); 3]),
            Message::Fetch(vec![0, 1, u64::MAX]),
            Message::Payloads(vec![vec![], vec![1; 70_000]]),
            Message::Note(vec![2; 300]),
            Message::Checkpoint(vec![3; 30]),
        ]
    }

    #[test]
    fn messages_come_back_as_they_were() {
        for message in samples() {
            let bytes = message.encode();
            assert_eq!(Message::decode(&bytes).as_ref(), Ok(&message));
            assert!(Message::decode(&bytes[..bytes.len() - 1]).is_err());
            assert!(Message::decode(&[&bytes[..], &[0]].concat()).is_err());
        }
        assert!(Message::decode(&[0x82, 10, 0]).is_err());
        let note = Message::Note(vec![0; MAX_NOTE]);
        assert_eq!(Message::decode(&note.encode()), Ok(note));
        let long = Message::Note(vec![0; MAX_NOTE + 1]);
        assert!(Message::decode(&long.encode()).is_err());
    }

    #[test]
    fn the_messages_have_the_form_that_other_members_know() {
        let bytes: Vec<u8> = samples().iter().flat_map(Message::encode).collect();
        let digest = PayloadDigest(silsila_chain::sha256(&bytes)).to_string();
        assert_eq!(
            digest,
            "44105739a1c003c7df2c2c6436be8ac5c0e6fbfc34d44d08ff6e68bb804bcaf8"
        );
    }

    #[test]
    fn damaged_messages_are_refused_or_read_but_nothing_breaks() {
        let mut state = 1_u64;
        let mut roll = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            usize::try_from(state >> 33).unwrap_or_default() % below
        };
        let samples: Vec<Vec<u8>> = samples().iter().map(Message::encode).collect();
        let mut read = 0;
        for round in 0..20_000 {
            let mut bytes = samples[round % samples.len()].clone();
            bytes.truncate(400);
            for _ in 0..=roll(3) {
                let at = roll(bytes.len());
                bytes[at] = roll(256).to_le_bytes()[0];
            }
            if let Ok(message) = Message::decode(&bytes) {
                assert_eq!(message.encode(), bytes, "one form for one message");
                read += 1;
            }
        }
        assert!(read > 100, "{read}");
    }
}
