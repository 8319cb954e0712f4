// SPDX-License-Identifier: Apache-2.0
//! What an entry commits to beside the chain.

use crate::cbor::{DecodeError, Reader, Writer};
use crate::{PayloadDigest, Reason, Suite};

/// What an entry says of its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadCommitment {
    /// How the payload's bytes are made.
    pub suite: Suite,
    /// SHA-256 of the bytes as stored.
    pub digest: PayloadDigest,
    /// How many bytes are stored.
    pub size: u32,
}

impl PayloadCommitment {
    /// Checks the size, and that there is a key period where something is sealed and none where nothing
    /// is.
    pub(super) fn check(&self, key_period: u32) -> Result<(), Reason> {
        if (self.suite == Suite::CLEAR) != (key_period == 0) {
            return Err(Reason::KeyPeriod);
        }
        if self.size == 0 || self.size > crate::MAX_PAYLOAD {
            Err(Reason::PayloadSize)
        } else {
            Ok(())
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer
            .array(3)
            .uint(u64::from(self.suite.0))
            .bytes(&self.digest.0)
            .uint(u64::from(self.size));
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.tuple(3)?;
        Ok(Self {
            suite: Suite(reader.byte()?),
            digest: PayloadDigest(reader.fixed()?),
            size: reader.uint32()?,
        })
    }
}
