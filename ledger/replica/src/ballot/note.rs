// SPDX-License-Identifier: Apache-2.0
//! What members' gateways say to each other about ballots.
//!
//! ```text
//! open   [ 0, [ [ proposal id, digest ], ... ] ]    what is open here, and how it stands
//! want   [ 1, [ proposal id, ... ] ]                send me these
//! ballot [ 2, ballot ]                              one of them
//! ```
//!
//! Whoever has open ballots says so every few seconds; who holds one in another form asks for it. So a
//! member that was away has all of them a moment after it is back, and a ballot travels only where it is new.

use silsila_chain::ProposalId;
use silsila_chain::cbor::{DecodeError, Reader, Writer};

use super::{Ballot, MAX_BALLOT};

/// The most ballots that one note names.
pub const MAX_NAMED: u64 = 256;

/// One note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// What is open at the sender.
    Open(Vec<(ProposalId, [u8; 8])>),
    /// What the sender wants.
    Want(Vec<ProposalId>),
    /// A ballot.
    Ballot(Box<Ballot>),
}

impl Note {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        match self {
            Self::Open(open) => {
                writer.array(2).uint(0).array(open.len() as u64);
                for (id, digest) in open {
                    writer.array(2).bytes(&id.0).bytes(digest);
                }
            }
            Self::Want(ids) => {
                writer.array(2).uint(1).array(ids.len() as u64);
                for id in ids {
                    writer.bytes(&id.0);
                }
            }
            Self::Ballot(ballot) => _ = writer.array(2).uint(2).bytes(&ballot.encode()),
        }
        writer.into_bytes()
    }

    /// Reads one.
    ///
    /// # Errors
    /// Where the bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.tuple(2)?;
        let before = reader.error("a note that this version does not know");
        let note = match reader.uint()? {
            0 => {
                let count = reader.array(MAX_NAMED)?;
                let mut one = || {
                    reader.tuple(2)?;
                    Ok((ProposalId(reader.fixed()?), reader.fixed()?))
                };
                Self::Open((0..count).map(|_| one()).collect::<Result<_, _>>()?)
            }
            1 => {
                let count = reader.array(MAX_NAMED)?;
                let mut one = || reader.fixed().map(ProposalId);
                Self::Want((0..count).map(|_| one()).collect::<Result<_, _>>()?)
            }
            2 => Self::Ballot(Box::new(Ballot::decode(reader.bytes(MAX_BALLOT)?)?)),
            _ => return Err(before),
        };
        reader.finish()?;
        Ok(note)
    }
}
