// SPDX-License-Identifier: Apache-2.0
//! Other validators: who orders from the next epoch on.

use crate::cbor::{DecodeError, Reader, Writer};
use crate::entry::Proposal;
use crate::key::{read_identities, write_identities};
use crate::quorum::MAX_VALIDATORS;
use crate::{Height, Identity, Reason, Validators};

/// Another set of validators, all of it, from the block behind the boundary on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochChange {
    /// The epoch's number: one above the present one's; the founding one is 0.
    pub number: u64,
    /// The last block that may hold the change.
    pub until: Height,
    /// Who orders then, in ascending order: one, or four and more.
    pub validators: Vec<Identity>,
}

impl EpochChange {
    /// A change whose validators are put in order, each once.
    #[must_use]
    pub fn new(number: u64, until: Height, mut validators: Vec<Identity>) -> Self {
        validators.sort_unstable();
        validators.dedup();
        Self {
            number,
            until,
            validators,
        }
    }

    pub(super) const fn check(&self) -> Result<(), Reason> {
        if Validators::may_order(self.validators.len()) {
            Ok(())
        } else {
            Err(Reason::ValidatorSet)
        }
    }
}

impl Proposal for EpochChange {
    const KIND: u64 = 9;

    fn write(&self, writer: &mut Writer) {
        writer.array(3).uint(self.number).uint(self.until.0);
        write_identities(writer, &self.validators);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.tuple(3)?;
        Ok(Self {
            number: reader.uint()?,
            until: Height(reader.uint()?),
            validators: read_identities(reader, MAX_VALIDATORS as u64)?,
        })
    }
}
