// SPDX-License-Identifier: Apache-2.0
//! Storage receipts: a validator's signed word that it durably holds a transaction's payloads.
//!
//! Signed with ed25519 as Commonware signs: over the length of the namespace as a varint, the namespace
//! (`silsila/stored/1 ` and the channel's id), and the transaction's id. A quorum of them means that an
//! honest validator has each payload, whoever fails.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use commonware_codec::{DecodeExt, Encode};
use commonware_cryptography::ed25519::{PrivateKey, PublicKey, Signature as Signed};
use commonware_cryptography::{Signer, Verifier};
use commonware_utils::ordered::Set;
use silsila_chain::cbor::{DecodeError, Reader, Writer};
use silsila_chain::{
    ChainState, ChannelId, Height, OpenTransaction, Signature, Transaction, TxFault, TxId,
};

use crate::key::public_keys;
use crate::recent::Recent;

/// How many transactions and receipts are remembered that were found to hold.
const REMEMBERED: usize = 512;
/// How many bytes of entries the remembered transactions have at most.
const REMEMBERED_BYTES: usize = 16 << 20;

/// A validator's word that it holds a transaction's payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The validator's place in the ascending order of keys.
    pub validator: u32,
    /// Its signature.
    pub signature: Signature,
}

impl Receipt {
    /// Writes the receipts of one transaction.
    pub(crate) fn write_all(receipts: &[Self], writer: &mut Writer) {
        writer.array(receipts.len() as u64);
        for receipt in receipts {
            writer
                .array(2)
                .uint(u64::from(receipt.validator))
                .bytes(&receipt.signature.0);
        }
    }

    /// Reads the receipts of one transaction; they rise.
    pub(crate) fn read_all(reader: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        let before = reader.error("receipts that are not in ascending order");
        let mut receipts: Vec<Self> = Vec::new();
        for _ in 0..reader.array(silsila_chain::MAX_VALIDATORS as u64)? {
            reader.tuple(2)?;
            let receipt = Self {
                validator: reader.uint32()?,
                signature: Signature(reader.fixed()?),
            };
            if receipts
                .last()
                .is_some_and(|last| last.validator >= receipt.validator)
            {
                return Err(before);
            }
            receipts.push(receipt);
        }
        Ok(receipts)
    }
}

/// Whose receipts count on a channel. Clones share it.
#[derive(Clone)]
pub struct Witnesses(Arc<Inner>);

struct Inner {
    channel: ChannelId,
    namespace: Vec<u8>,
    validators: Set<PublicKey>,
    epoch: u64,
    base: Height,
    /// What was found to hold, so that it is checked once: a transaction comes with its offer and again
    /// in a candidate, a receipt by itself and again in a candidate.
    opened: Mutex<Recent<TxId, OpenTransaction>>,
    vouched: Mutex<Recent<(TxId, u32), Signature>>,
}

impl Witnesses {
    /// The first validators of a channel.
    #[must_use]
    pub fn new(channel: ChannelId, validators: Set<PublicKey>) -> Self {
        Self::of_epoch(channel, validators, 0, Height(0))
    }

    /// The validators who certify the next block of a chain.
    #[must_use]
    pub fn present(chain: &ChainState) -> Self {
        let epochs = chain.epochs();
        let first = epochs.all().last().map_or(Height(1), |epoch| epoch.first);
        let present = epochs.present();
        let validators = public_keys(present.identities().iter().map(|identity| identity.key));
        let base = Height(first.0.saturating_sub(1));
        Self::of_epoch(chain.channel(), validators, present.epoch(), base)
    }

    fn of_epoch(channel: ChannelId, validators: Set<PublicKey>, epoch: u64, base: Height) -> Self {
        let namespace = [b"silsila/stored/1 ", &channel.0[..]].concat();
        Self(Arc::new(Inner {
            channel,
            namespace,
            validators,
            epoch,
            base,
            opened: Mutex::new(Recent::new(REMEMBERED, REMEMBERED_BYTES)),
            vouched: Mutex::new(Recent::new(REMEMBERED * 4, usize::MAX)),
        }))
    }

    /// Opens a transaction, or finds it among those that were opened a moment ago from the same bytes.
    ///
    /// # Errors
    /// As [`Transaction::open`].
    pub fn open(&self, transaction: &Transaction) -> Result<OpenTransaction, TxFault> {
        let id = transaction.id();
        let known = lock(&self.0.opened).get(&id).cloned();
        let open = transaction.open_again(&known)?;
        if known.is_none() {
            lock(&self.0.opened).add(id, open.clone(), transaction.entries.len());
        }
        Ok(open)
    }

    /// The epoch's number.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// The last block of the epoch before.
    #[must_use]
    pub fn base(&self) -> Height {
        self.0.base
    }

    /// The channel.
    #[must_use]
    pub fn channel(&self) -> ChannelId {
        self.0.channel
    }

    /// The validators, ascending.
    #[must_use]
    pub fn validators(&self) -> &Set<PublicKey> {
        &self.0.validators
    }

    /// How many receipts a transaction with payloads needs.
    #[must_use]
    pub fn quorum(&self) -> usize {
        silsila_chain::quorum(self.0.validators.len())
    }

    /// Signs that this validator holds a transaction's payloads; `None` for whoever is no validator.
    #[must_use]
    pub fn sign(&self, key: &PrivateKey, id: &TxId) -> Option<Receipt> {
        let validator = self.0.validators.position(&key.public_key())?;
        let signature = key.sign(&self.0.namespace, &id.0).encode();
        Some(Receipt {
            validator: u32::try_from(validator).ok()?,
            signature: Signature(signature.as_ref().try_into().ok()?),
        })
    }

    /// Whether a validator signed this receipt for this transaction.
    #[must_use]
    pub fn vouches(&self, id: &TxId, receipt: &Receipt) -> bool {
        let of = (*id, receipt.validator);
        if lock(&self.0.vouched).get(&of) == Some(&receipt.signature) {
            return true;
        }
        let holds = self.signed(id, receipt);
        if holds {
            lock(&self.0.vouched).add(of, receipt.signature, 0);
        }
        holds
    }

    fn signed(&self, id: &TxId, receipt: &Receipt) -> bool {
        let signature = bytes::Bytes::copy_from_slice(&receipt.signature.0);
        let key = self.0.validators.get(receipt.validator as usize);
        key.zip(Signed::decode(signature).ok())
            .is_some_and(|(key, signature)| key.verify(&self.0.namespace, &id.0, &signature))
    }

    /// Whether a transaction may be ordered with these receipts.
    #[must_use]
    pub fn suffice(&self, transaction: &OpenTransaction, receipts: &[Receipt]) -> bool {
        if payloads(transaction).next().is_none() {
            return receipts.is_empty();
        }
        let id = transaction.id();
        receipts.len() == self.quorum() && receipts.iter().all(|receipt| self.vouches(&id, receipt))
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a transaction says of its payloads, in order.
pub(crate) fn payloads(
    transaction: &OpenTransaction,
) -> impl Iterator<Item = &silsila_chain::PayloadCommitment> {
    let entries = transaction.entries().iter();
    entries.filter_map(|entry| entry.entry.payload())
}

/// The validators that a genesis names.
#[must_use]
pub fn validators(genesis: &silsila_chain::Genesis) -> Set<PublicKey> {
    public_keys(genesis.validators.iter().map(|identity| identity.key))
}
