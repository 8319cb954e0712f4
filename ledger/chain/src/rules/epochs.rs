// SPDX-License-Identifier: Apache-2.0
//! Epochs: who certifies which blocks.
//!
//! Other validators are decided on in one block and certify from a boundary on, [`EPOCH_NOTICE`] blocks
//! later. The boundary is the last block of the old validators: they certify it, and its header names the
//! new ones, who certify every block behind it. Blocks that are proposed on one another before any is final
//! agree on the boundary, because each is judged by what its own ancestors decided. The notice is as long as
//! the longest run of links, so that the boundary's own certificate can make the deciding block final.

use std::sync::Arc;

use crate::block::{MAX_CERTIFICATE, MAX_HEADER};
use crate::cbor::{DecodeError, Reader, Writer};
use crate::key::{read_identities, write_identities};
use crate::quorum::{MAX_VALIDATORS, MIN_QUORUM_VALIDATORS};
use crate::rules::{CertifiedHeader, Members, Standing, Validators};
use crate::{BlockHeader, Genesis, Height, Identity, MAX_LINKS, Reason};

/// How many blocks behind the one that decides on other validators their predecessors' last block is.
pub const EPOCH_NOTICE: u64 = MAX_LINKS;
/// The most epochs that a channel ever has.
pub const MAX_EPOCHS: u64 = 1024;

/// The epochs of a channel up to now, and the boundary that is fixed, if one is. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epochs {
    /// Ascending; the last one is the present.
    all: Arc<Vec<Epoch>>,
    /// The validators after the last block of the present ones.
    next: Option<Arc<(Height, Validators)>>,
}

/// The time in which one validator set serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// The first block that it certifies.
    pub first: Height,
    /// The validators.
    pub validators: Validators,
}

/// The last block of an epoch, certified by its validators, and those whom it names as the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// Its header.
    pub header: Vec<u8>,
    /// Its certificate.
    pub certificate: Vec<u8>,
    /// The validators behind it, in ascending order.
    pub validators: Vec<Identity>,
}

impl Epochs {
    /// The first epoch alone: from block 1 on those whom the genesis names.
    #[must_use]
    pub fn at_genesis(genesis: &Genesis) -> Self {
        Self {
            all: Arc::new(vec![Epoch {
                first: Height(1),
                validators: Validators::of(genesis),
            }]),
            next: None,
        }
    }

    /// The epochs to which certified blocks lead, one for each boundary, from genesis on. Whoever has no
    /// chain learns so who certifies what.
    ///
    /// # Errors
    /// Where one is not certified by the validators before, or does not name those after it.
    pub fn follow(genesis: &Genesis, handovers: &[Handover]) -> Result<Self, Reason> {
        let mut epochs = Self::at_genesis(genesis);
        for handover in handovers {
            let certified = epochs.certify(&handover.header, &handover.certificate)?;
            let (header, present) = (certified.header(), epochs.present());
            let next = Validators::new(handover.validators.clone(), present.epoch() + 1);
            let follows = header.channel == genesis.id()
                && header.height >= epochs.first()
                && Validators::may_order(next.identities().len())
                && next.hash() != present.hash()
                && next.hash() == header.next_validators;
            if !follows {
                return Err(Reason::Validators);
            }
            epochs.begin(header.height.next(), next);
        }
        Ok(epochs)
    }

    /// Every epoch so far, the present one last.
    #[must_use]
    pub fn all(&self) -> &[Epoch] {
        &self.all
    }

    /// Who certifies the next block.
    #[must_use]
    pub fn present(&self) -> &Validators {
        &self.all[self.all.len() - 1].validators
    }

    /// The present epoch's first block.
    fn first(&self) -> Height {
        self.all[self.all.len() - 1].first
    }

    /// The last block of the present validators and who follows them, where that is decided.
    #[must_use]
    pub fn next(&self) -> Option<(Height, &Validators)> {
        let (boundary, validators) = self.next.as_deref()?;
        Some((*boundary, validators))
    }

    /// Who certifies a block, as far as is decided by now. Block 0 needs nobody.
    #[must_use]
    pub fn at(&self, height: Height) -> &Validators {
        if let Some((boundary, next)) = self.next()
            && height > boundary
        {
            return next;
        }
        let mut epochs = self.all.iter().rev();
        epochs
            .find(|epoch| epoch.first <= height)
            .map_or(&self.all[0].validators, |epoch| &epoch.validators)
    }

    /// Checks that a certificate is that of the validators of its block's epoch.
    ///
    /// # Errors
    /// Names the reason.
    pub fn certify(&self, header: &[u8], certificate: &[u8]) -> Result<CertifiedHeader, Reason> {
        let height = BlockHeader::decode(header)
            .map_err(Reason::Encoding)?
            .height;
        self.at(height).certify(header, certificate)
    }

    /// As [`Epochs::certify`]; and that the header names as next those who are.
    ///
    /// # Errors
    /// Names the reason.
    pub fn certify_shown(
        &self,
        header: &[u8],
        certificate: &[u8],
    ) -> Result<CertifiedHeader, Reason> {
        let certified = self.certify(header, certificate)?;
        let next = self.at(certified.header().height.next());
        if certified.header().next_validators == next.hash() {
            Ok(certified)
        } else {
            Err(Reason::Validators)
        }
    }

    /// Whether somebody ever validated.
    #[must_use]
    pub fn ever(&self, identity: &Identity) -> bool {
        (self.all.iter()).any(|epoch| epoch.validators.identities().contains(identity))
    }

    /// Checks that another set can be decided on in a block at `height`.
    pub(super) fn check(&self, number: u64, validators: &[Identity]) -> Result<(), Reason> {
        let present = self.present();
        if self.next.is_some() {
            Err(Reason::EpochPending)
        } else if number != present.epoch() + 1 || number >= MAX_EPOCHS {
            Err(Reason::EpochNumber)
        } else if validators == present.identities() || !Validators::may_order(validators.len()) {
            Err(Reason::ValidatorSet)
        } else {
            Ok(())
        }
    }

    /// Fixes the boundary, for a set that was checked, decided on in the block at `height`.
    pub(super) fn decide(&mut self, height: Height, validators: Vec<Identity>) {
        let next = Validators::new(validators, self.present().epoch() + 1);
        self.next = Some(Arc::new((Height(height.0 + EPOCH_NOTICE), next)));
    }

    /// What a block changes as it ends: behind a boundary the next epoch begins; and where none is fixed,
    /// one is for whoever of the validators was revoked, as long as four remain.
    pub(super) fn turn(&mut self, height: Height, members: &Members) {
        if let Some((boundary, next)) = self.next.as_deref()
            && *boundary == height
        {
            let next = next.clone();
            self.begin(height.next(), next);
        }
        if self.next.is_none() && self.present().epoch() + 1 < MAX_EPOCHS {
            let remaining = self.without_revoked(members);
            if remaining.len() < self.present().identities().len() {
                self.decide(height, remaining);
            }
        }
    }

    /// The present validators without those who were revoked; as many of these stay, in ascending order
    /// from the last, as it takes to be four.
    fn without_revoked(&self, members: &Members) -> Vec<Identity> {
        let mut remaining = self.present().identities().to_vec();
        for validator in self.present().identities() {
            let revoked =
                (members.get(validator)).is_some_and(|member| member.standing == Standing::Revoked);
            if revoked && remaining.len() > MIN_QUORUM_VALIDATORS {
                remaining.retain(|other| other != validator);
            }
        }
        remaining
    }

    fn begin(&mut self, first: Height, validators: Validators) {
        Arc::make_mut(&mut self.all).push(Epoch { first, validators });
        self.next = None;
    }

    /// What state roots hold of it: nothing while nothing was ever decided, so that it costs nothing where
    /// it is not used.
    pub(super) fn root_part(&self) -> Vec<u8> {
        let (present, mut part) = (self.present(), Vec::new());
        if present.epoch() == 0 && self.next.is_none() {
            return part;
        }
        part.extend_from_slice(b"silsila/epoch/1");
        part.extend_from_slice(&present.epoch().to_be_bytes());
        part.extend_from_slice(&present.hash());
        if let Some((boundary, next)) = self.next() {
            part.extend_from_slice(&boundary.0.to_be_bytes());
            part.extend_from_slice(&next.hash());
        }
        part
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.array(self.all.len() as u64);
        for epoch in self.all.iter() {
            writer.array(2).uint(epoch.first.0);
            write_identities(writer, epoch.validators.identities());
        }
        match self.next() {
            Some((boundary, next)) => {
                writer.array(2).uint(boundary.0);
                write_identities(writer, next.identities());
            }
            None => _ = writer.null(),
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let none = reader.error("a channel without epochs");
        let mut all = Vec::new();
        for number in 0..reader.array(MAX_EPOCHS)? {
            reader.tuple(2)?;
            let first = Height(reader.uint()?);
            let validators = Validators::new(read_identities(reader, u64::MAX)?, number);
            all.push(Epoch { first, validators });
        }
        let next = if reader.is_null() {
            None
        } else {
            reader.tuple(2)?;
            let boundary = Height(reader.uint()?);
            let next = read_identities(reader, u64::MAX)?;
            Some(Arc::new((
                boundary,
                Validators::new(next, all.len() as u64),
            )))
        };
        if all.is_empty() {
            return Err(none);
        }
        Ok(Self {
            all: Arc::new(all),
            next,
        })
    }
}

impl Handover {
    pub(crate) fn write_all(handovers: &[Self], writer: &mut Writer) {
        writer.array(handovers.len() as u64);
        for handover in handovers {
            writer
                .array(3)
                .bytes(&handover.header)
                .bytes(&handover.certificate);
            write_identities(writer, &handover.validators);
        }
    }

    pub(crate) fn read_all(reader: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        (0..reader.array(MAX_EPOCHS)?)
            .map(|_| {
                reader.tuple(3)?;
                Ok(Self {
                    header: reader.bytes(MAX_HEADER)?.to_vec(),
                    certificate: reader.bytes(MAX_CERTIFICATE)?.to_vec(),
                    validators: read_identities(reader, MAX_VALIDATORS as u64)?,
                })
            })
            .collect()
    }
}
