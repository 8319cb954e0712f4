// SPDX-License-Identifier: Apache-2.0
//! Clean checkpoints: the chain's state at a height up to which everything was once verified, sealed
//! with a key of the custodian. The file is verified from there when it is opened, so one is written
//! every so often and at a clean close.

use rusqlite::Connection;
use silsila_chain::cbor::{DecodeError, Reader, Writer as CborWriter};
use silsila_chain::{ChainState, ChannelKeys, Genesis, Height};

use crate::file::{MetaName, int, number, read_meta, write_meta};
use crate::{Fault, Place, StoreError};

const LABEL: &str = "silsila/checkpoint/1";

/// A state to start from.
pub(crate) struct Checkpoint {
    pub(crate) chain: ChainState,
    pub(crate) next_transaction: i64,
}

impl Checkpoint {
    /// A new one is due after so many blocks.
    pub(crate) const BLOCKS: u64 = 2_000;
    /// A new one is due after so many entries.
    pub(crate) const ENTRIES: u64 = 200_000;

    /// Writes it over the last one.
    pub(crate) fn write(&self, conn: &Connection, keys: &ChannelKeys) -> Result<(), StoreError> {
        let mut writer = CborWriter::new();
        writer
            .array(3)
            .text(LABEL)
            .uint(number(self.next_transaction))
            .bytes(&self.chain.encode());
        let bytes = writer.into_bytes();
        write_meta(
            conn,
            MetaName::Checkpoint,
            &[&keys.local_seal(&bytes)[..], &bytes].concat(),
        )
    }

    /// Reads the last one.
    pub(crate) fn read(
        conn: &Connection,
        genesis: &Genesis,
        keys: &ChannelKeys,
    ) -> Result<Self, StoreError> {
        let fault = |what: &str| {
            let place = Place {
                table: "ledger_meta",
                ..Place::default()
            };
            StoreError::from(Fault {
                place,
                what: what.to_owned(),
            })
        };
        let stored = read_meta(conn, MetaName::Checkpoint)?
            .ok_or_else(|| fault("the checkpoint is missing"))?;
        let (seal, bytes) = stored
            .split_at_checked(32)
            .ok_or_else(|| fault("the checkpoint is too short"))?;
        if seal != keys.local_seal(bytes) {
            return Err(fault("the checkpoint was changed"));
        }
        Self::decode(bytes, genesis).map_err(|error| fault(&error.to_string()))
    }

    /// The height of the last one, for people: whether it is sealed is not looked at.
    pub(crate) fn height(conn: &Connection, genesis: &Genesis) -> Result<Height, StoreError> {
        let stored = read_meta(conn, MetaName::Checkpoint)?.unwrap_or_default();
        let decoded = stored
            .get(32..)
            .and_then(|bytes| Self::decode(bytes, genesis).ok());
        Ok(decoded.map_or(Height(0), |checkpoint| checkpoint.chain.height()))
    }

    fn decode(bytes: &[u8], genesis: &Genesis) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.tuple(3)?;
        reader.label(LABEL)?;
        let next_transaction = int(reader.uint()?);
        let chain = ChainState::decode(genesis, reader.bytes(1 << 20)?)?;
        reader.finish()?;
        Ok(Self {
            chain,
            next_transaction,
        })
    }
}
