// SPDX-License-Identifier: Apache-2.0
//! What a member does on one channel, whoever orders: it offers its own transactions, holds others'
//! payloads and says so, proposes and judges blocks, applies those that are final, and fetches what it
//! lacks. One thread at a time, no waiting: what is to be sent is left in [`Desk::letters`].
//!
//! After a crash nothing here is missed: own transactions are in the ledger's outbox, and whoever
//! offered something offers it again.

mod answers;
mod blocks;
mod care;
mod farewell;
mod inbox;
mod level;
mod offers;
mod payloads;
mod proposing;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use commonware_cryptography::Signer as _;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use silsila_chain::{ChainState, Head, Height, PayloadDigest, TagMap, TxId};

use crate::branches::Branches;
use crate::pool::Pool;
use crate::receipt::Witnesses;
use crate::wire::Message;
use crate::{Candidate, Ledger, LedgerError};

/// What was asked for and did not come is asked for again after this time, in milliseconds.
const ASK_AGAIN_MS: u64 = 2_000;
/// A member says after so many milliseconds that it is still where it was.
const TIP_MS: u64 = 5_000;
/// Ids of committed transactions that are remembered.
const REMEMBERED: usize = 4096;

/// Who is to get a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum To {
    Members,
    Validators,
    One(PublicKey),
}

/// What became of a wish to propose.
pub(crate) enum Proposal {
    Block(Candidate),
    /// Nothing waits to be ordered.
    Nothing,
    /// The parent is not known here.
    Unknown,
}

/// One member's work on one channel.
pub(crate) struct Desk<L: Ledger + ?Sized> {
    ledger: Arc<L>,
    witnesses: Witnesses,
    key: PrivateKey,
    me: PublicKey,
    branches: Branches<L>,
    pool: Pool,
    committed: Recent,
    tips: BTreeMap<PublicKey, Height>,
    /// Who was revoked, and by which block where that is known.
    former: BTreeMap<PublicKey, Option<Height>>,
    /// When an own transaction was offered last.
    offered: HashMap<TxId, u64>,
    /// When all own transactions were judged last.
    judged: u64,
    /// The newest versions that offered transactions will make, each with its transaction.
    promised: TagMap<(TxId, Head)>,
    /// Own transactions that an earlier process may have offered.
    inherited: HashSet<TxId>,
    /// Since when another member was ahead.
    behind_since: Option<u64>,
    level: level::Level,
    asked: Option<answers::Asked>,
    asks: usize,
    care: care::Care,
    inbox: inbox::Inbox,
    wanted: HashMap<PayloadDigest, u64>,
    answers: answers::Answers,
    /// Committed payloads that were asked for, of whom, and from which entry on the next are.
    lacking: HashSet<PayloadDigest>,
    fetching: Option<answers::Asked>,
    fetch_from: u64,
    /// From which entry on nothing was asked for: they were committed after this member came, or fell behind.
    new_from: u64,
    /// Where the others were then, while this member is behind.
    others_had: Option<Height>,
    turn: usize,
    pub(crate) letters: Vec<(To, Message)>,
    announced: u64,
    /// Whether this member signs and offers nothing: its own past is not all known here.
    pub(crate) silent: bool,
    /// Rises when there may be something to propose.
    pub(crate) news: u64,
}

#[derive(Default)]
struct Recent {
    order: VecDeque<TxId>,
    ids: HashSet<TxId>,
}

impl Recent {
    fn add(&mut self, id: TxId) {
        if self.ids.insert(id) {
            self.order.push_back(id);
        }
        if self.order.len() > REMEMBERED
            && let Some(old) = self.order.pop_front()
        {
            self.ids.remove(&old);
        }
    }
}

impl<L: Ledger + ?Sized> Desk<L> {
    pub(crate) fn new(
        ledger: Arc<L>,
        witnesses: Witnesses,
        key: PrivateKey,
    ) -> Result<Self, LedgerError> {
        let pending = ledger.pending()?;
        let mut desk = Self {
            branches: Branches::new(Arc::clone(&ledger))?,
            me: key.public_key(),
            inherited: pending.into_iter().collect(),
            ledger,
            witnesses,
            key,
            pool: Pool::default(),
            committed: Recent::default(),
            tips: BTreeMap::new(),
            former: BTreeMap::new(),
            offered: HashMap::new(),
            judged: 0,
            promised: TagMap::default(),
            behind_since: None,
            level: level::Level::Starting,
            asked: None,
            asks: 0,
            care: care::Care::default(),
            inbox: inbox::Inbox::default(),
            wanted: HashMap::new(),
            lacking: HashSet::new(),
            fetching: None,
            answers: answers::Answers::default(),
            fetch_from: 0,
            new_from: 0,
            others_had: None,
            turn: 0,
            letters: Vec::new(),
            announced: 0,
            silent: false,
            news: 0,
        };
        desk.note_revoked(None);
        Ok(desk)
    }

    pub(crate) const fn tip(&self) -> &ChainState {
        self.branches.tip()
    }

    /// The greatest height that another member told of.
    pub(crate) fn seen(&self) -> Height {
        let others = self.tips.values().copied().max().unwrap_or_default();
        others.max(self.tip().height())
    }

    pub(crate) fn waiting(&self) -> usize {
        self.pool.len()
    }

    /// Takes up blocks that the ledger got by itself: a lone orderer's own.
    pub(crate) fn refresh(&mut self, now: u64) -> Result<(), LedgerError> {
        let before = self.tip().height();
        self.branches.advance()?;
        if self.tip().height() > before {
            self.note_revoked(Some(before));
            self.forget();
            self.announce(now);
        }
        Ok(())
    }

    /// Does what is due: own transactions, missing blocks, missing payloads.
    pub(crate) fn tick(&mut self, now: u64) -> Result<(), LedgerError> {
        self.care(now);
        self.refresh(now)?;
        self.offer(now)?;
        self.want_waiting(now);
        self.fetch_blocks(now);
        self.fetch_payloads(now)?;
        if self.told().is_none() && self.catches_up(now) {
            // One that starts soon knows so where the others are.
            self.letters.push((To::Members, self.where_are_you()));
        }
        if now >= self.announced + TIP_MS {
            self.announce(now);
        }
        Ok(())
    }

    /// Takes in what another member of the channel says.
    pub(crate) fn receive(
        &mut self,
        from: &PublicKey,
        message: Message,
        now: u64,
    ) -> Result<(), LedgerError> {
        if let Some(until) = self.former.get(from) {
            return self.bid_farewell(from, &message, *until);
        }
        match message {
            Message::Tip(height) => {
                if self.tips.insert(from.clone(), height).is_none() {
                    self.tell_again();
                }
                let own = self.tip().height();
                if own.0.saturating_sub(height.0) >= level::FAR_BEHIND {
                    self.letters
                        .push((To::One(from.clone()), Message::Tip(own)));
                }
                self.fetch_blocks(now);
            }
            Message::Ask {
                from: height,
                blocks,
                payloads,
            } => self.send_blocks(from, height, Height(u64::MAX), [blocks, payloads])?,
            Message::Blocks(blocks) => self.take_blocks(from, blocks, now),
            Message::Offer {
                transaction,
                after,
                payloads,
            } => self.take_offer(from, transaction, after, &payloads, now)?,
            Message::Receipt(id, receipt) => {
                if !self.committed.ids.contains(&id) && self.witnesses.vouches(&id, &receipt) {
                    self.pool.note(id, receipt);
                    self.news += 1;
                }
            }
            Message::Want(id, digests) => self.send_staged(from, &id, &digests)?,
            Message::Fetch(numbers) => self.send_committed(from, &numbers)?,
            Message::Payloads(payloads) => {
                self.mend_payloads(from, &payloads);
                self.take_payloads(from, &payloads, now)?;
            }
            Message::Checkpoint(note) => self.take_checkpoint(from, &note)?,
            // Notes are the gateway's; the channel hands them on.
            Message::Note(_) => {}
        }
        Ok(())
    }
}
