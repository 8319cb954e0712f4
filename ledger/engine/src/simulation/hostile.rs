// SPDX-License-Identifier: Apache-2.0
//! Those who mean harm: one who damages what it sends, a validator that votes for everything at once, and one
//! who forges, replays and lies.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Buf as _;
use commonware_actor::{Feedback, Unreliable};
use commonware_codec::{Decode as _, Encode as _};
use commonware_consensus::simplex::types::{Finalize, Notarize, Nullify, Proposal, Vote};
use commonware_cryptography::Signer as _;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_cryptography::sha256::Digest;
use commonware_p2p::utils::mux::parse;
use commonware_p2p::{CheckedSender, LimitedSender, Receiver, Recipients, Sender};
use commonware_runtime::{Clock, IoBufs};
use silsila_chain::{
    Block, Entry, Genesis, Height, Identity, MemberKey, PayloadDigest, Signature, Transaction, TxId,
};

use super::memory::{resource, sign};
use super::world::{Estate, STRANGER, VALIDATORS};
use super::{Dice, seed_of};
use crate::receipt::Receipt;
use crate::wire::Message;
use crate::{Scheme, scheme, validators};

/// Sends each `one_in`th message with a bit flipped; with 0, none.
#[derive(Clone)]
pub(super) struct Damages<S> {
    inner: S,
    one_in: u64,
    dice: Arc<Mutex<Dice>>,
}

impl<S> Damages<S> {
    pub(super) fn new(inner: S, one_in: u64, dice: Dice) -> Self {
        let dice = Arc::new(Mutex::new(dice));
        Self {
            inner,
            one_in,
            dice,
        }
    }
}

pub(super) struct Checked<C> {
    inner: C,
    flip: Option<Dice>,
}

impl<S: Sender<PublicKey = PublicKey>> LimitedSender for Damages<S> {
    type PublicKey = PublicKey;
    type Checked<'a> = Checked<S::Checked<'a>>;

    fn check(&mut self, to: Recipients<PublicKey>) -> Result<Self::Checked<'_>, SystemTime> {
        let mut dice = self.dice.lock().expect("nobody panics with it");
        let flip = self.one_in > 0 && dice.roll(self.one_in.max(1)) == 0;
        let flip = flip.then(|| Dice(dice.roll(u64::MAX)));
        drop(dice);
        let inner = self.inner.check(to)?;
        Ok(Checked { inner, flip })
    }
}

impl<C: CheckedSender<PublicKey = PublicKey>> CheckedSender for Checked<C> {
    type PublicKey = PublicKey;

    fn recipients(&self) -> Vec<PublicKey> {
        self.inner.recipients()
    }

    fn send(self, message: impl Into<IoBufs> + Send, priority: bool) -> Unreliable<Feedback> {
        let Some(mut dice) = self.flip else {
            return self.inner.send(message, priority);
        };
        let mut message = message.into();
        let mut bytes = message.copy_to_bytes(message.remaining()).to_vec();
        if !bytes.is_empty() {
            let at = dice.index(bytes.len());
            bytes[at] ^= 1 << dice.roll(8);
        }
        self.inner.send(bytes, priority)
    }
}

/// A validator that votes for every proposal it hears of, and for one that nobody made, and for none, all in
/// the same view, and tells each of the others something else.
pub(super) async fn vote_for_everything<S, R>(
    genesis: Genesis,
    key: PrivateKey,
    lanes: Vec<(S, R)>,
    mut dice: Dice,
) where
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    let scheme = scheme(&genesis.id(), validators(&genesis), &key);
    let me = key.public_key();
    let others: Vec<PublicKey> = validators(&genesis)
        .iter()
        .filter(|one| **one != me)
        .cloned()
        .collect();
    let mut lanes = lanes.into_iter();
    let (mut sender, mut receiver) = lanes.next().expect("votes go on the first");
    let _kept: Vec<(S, R)> = lanes.collect();
    while let Ok((_, message)) = receiver.recv().await {
        // The epoch's number comes first; there is only one epoch for this one.
        let Ok((0, message)) = parse(message) else {
            continue;
        };
        let Ok(vote) = Vote::<Scheme, Digest>::decode_cfg(message, &()) else {
            continue;
        };
        let proposal = match vote {
            Vote::Notarize(vote) => vote.proposal,
            Vote::Finalize(vote) => vote.proposal,
            Vote::Nullify(_) => continue,
        };
        let invented = Digest::from(silsila_chain::sha256(&dice.roll(u64::MAX).to_be_bytes()));
        let invented = Proposal::new(proposal.round, proposal.parent, invented);
        let votes = [
            Notarize::sign(&scheme, proposal.clone()).map(Vote::Notarize),
            Finalize::sign(&scheme, proposal.clone()).map(Vote::Finalize),
            Nullify::sign::<Digest>(&scheme, proposal.round).map(Vote::Nullify),
            Notarize::sign(&scheme, invented.clone()).map(Vote::Notarize),
            Finalize::sign(&scheme, invented).map(Vote::Finalize),
        ];
        for vote in votes.into_iter().flatten() {
            let bytes = [&[0][..], &vote.encode()].concat();
            for other in &others {
                if dice.roll(2) == 0 {
                    sender.send(Recipients::One(other.clone()), bytes.clone(), true);
                }
            }
        }
    }
}

/// A member, or somebody who is none, that forges, replays and lies.
pub(super) struct Forger {
    pub(super) key: MemberKey,
    pub(super) estate: Arc<Estate>,
    pub(super) dice: Dice,
    pub(super) sequence: u64,
}

impl Forger {
    pub(super) async fn harm<S, R>(mut self, clock: impl Clock, mut lanes: Vec<(S, R)>)
    where
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        loop {
            let pause = 50 + self.dice.roll(600);
            clock.sleep(Duration::from_millis(pause)).await;
            let (lane, bytes) = match self.lie() {
                Some(message) => (5, message.encode()),
                None => (self.dice.index(6), self.noise()),
            };
            lanes[lane].0.send(Recipients::All, bytes, false);
        }
    }

    fn noise(&mut self) -> Vec<u8> {
        let length = self.dice.index(300);
        (0..length)
            .map(|_| self.dice.roll(256).to_be_bytes()[7])
            .collect()
    }

    fn lie(&mut self) -> Option<Message> {
        let victim = self.dice.index(VALIDATORS);
        Some(match self.dice.roll(12) {
            0 => Message::Tip(Height(u64::MAX)),
            1 => Message::Tip(Height(self.dice.roll(1000))),
            2 => Message::Ask {
                from: Height(self.dice.roll(10)),
                blocks: [0, u64::MAX][self.dice.index(2)],
                payloads: [0, u64::MAX][self.dice.index(2)],
            },
            3 => self.offer(&MemberKey::from_seed(&seed_of(victim)), true),
            4 => self.offer(&self.own_key(), true),
            5 | 6 => self.offer(&self.own_key(), false),
            7 => self.replay(victim)?,
            8 => Message::Blocks(vec![self.forge_block(victim)?]),
            9 => Message::Receipt(
                self.any_id()?,
                Receipt {
                    validator: u32::try_from(victim).expect("few"),
                    signature: Signature([7; 64]),
                },
            ),
            10 => Message::Fetch((0..200).collect()),
            11 => Message::Want(self.any_id()?, vec![PayloadDigest([1; 32]); 100]),
            _ => return None,
        })
    }

    fn own_key(&self) -> MemberKey {
        self.key.clone()
    }

    fn any_id(&mut self) -> Option<TxId> {
        let audit = self.estate.audit.lock().expect("nobody panics with it");
        let count = audit.submissions.len();
        (count > 0).then(|| audit.submissions[self.dice.index(count)].id)
    }

    /// A transaction in somebody's name: with a signature that is none, or one that is genuine.
    fn offer(&mut self, of: &MemberKey, forged: bool) -> Message {
        self.sequence += 1;
        let number = 10_000_000 + self.dice.roll(1 << 40);
        let (record, payload) = resource(number, 1000);
        let chain = self.estate.ledgers[0].chain_now();
        let until = Height(chain.height().0 + 100);
        let last = chain
            .sequence(&Identity::ed25519(of.public()))
            .unwrap_or_default();
        let sequence = last + self.sequence;
        let mut transaction = sign(of, chain.channel(), sequence, until, &Entry::Record(record));
        if forged {
            let at = self.dice.index(64);
            transaction.signature.0[at] ^= 1;
        } else {
            let mut audit = self.estate.audit.lock().expect("nobody panics with it");
            if of.public() != MemberKey::from_seed(&seed_of(STRANGER)).public() {
                audit.allowed.insert(transaction.id());
            }
        }
        Message::Offer {
            transaction,
            after: None,
            payloads: vec![payload],
        }
    }

    /// A transaction that is committed already.
    fn replay(&mut self, victim: usize) -> Option<Message> {
        let ledger = &self.estate.ledgers[victim];
        let height = ledger.height();
        let block = ledger.block_at(1 + self.dice.roll(height.max(1)))?;
        let transaction: Transaction = block.transactions.into_iter().next()?;
        Some(Message::Offer {
            transaction,
            after: None,
            payloads: Vec::new(),
        })
    }

    /// A block with something in it that is not genuine: a signature, the header, the certificate; or one
    /// that nobody certified.
    fn forge_block(&mut self, victim: usize) -> Option<Block> {
        let ledger = &self.estate.ledgers[victim];
        let newest = ledger.block_at(ledger.height())?;
        if self.dice.roll(2) == 0 {
            let chain = ledger.chain_now();
            let header = chain.next_header(chain.time_ms() + 5, &[]);
            return Some(Block {
                header: header.encode(),
                certificate: newest.certificate,
                transactions: Vec::new(),
            });
        }
        let mut block = newest;
        let damage = self.dice.roll(3);
        let bytes = match (damage, block.transactions.first_mut()) {
            (0, Some(transaction)) => &mut transaction.signature.0[..],
            (1, _) => &mut block.certificate[..],
            _ => &mut block.header[..],
        };
        if !bytes.is_empty() {
            let at = self.dice.index(bytes.len());
            bytes[at] ^= 1 << self.dice.roll(8);
        }
        Some(block)
    }
}
