// SPDX-License-Identifier: Apache-2.0
//! One channel's thread: everything that touches the ledger happens here, one thing after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, UNIX_EPOCH};

use commonware_codec::Decode;
use commonware_consensus::Epochable as _;
use commonware_consensus::marshal::core::Mailbox;
use commonware_consensus::marshal::standard::Standard;
use commonware_consensus::types::Height as ConsensusHeight;
use commonware_cryptography::certificate::Verifier as _;
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{Message as Received, Receiver, Recipients, Sender};
use commonware_runtime::Clock;
use commonware_utils::acknowledgement::Acknowledgement;
use commonware_utils::channel::{mpsc, watch};
use silsila_chain::{Certificate, Height, MemberKey, Reason};

use crate::branches::Bad;
use crate::desk::{Desk, Proposal, To};
use crate::epoch::Conductor;
use crate::key::chain_key;
use crate::members::Members;
use crate::present::{Present, Role};
use crate::status::ChannelStatus;
use crate::voter::{Delivery, Question, Verdict};
use crate::wire::Message;
use crate::{Candidate, Finality, Ledger, LedgerError, MAX_LINKS, Scheme, certificate};

/// How often what is due is done.
const TICK_MS: u64 = 250;
/// Consensus forgets blocks this far behind; they are in the ledger.
const RETAINED: u64 = 1024;
/// Where the ledger is this far ahead of what consensus delivered, consensus is told to skip, and fetches none of it.
const SKIP: u64 = 8;

/// Consensus, as the channel's thread speaks to it.
pub(crate) type Marshal = Mailbox<Scheme, Standard<Candidate>>;

/// Where something waits for the chain's time to pass, so many milliseconds lie between empty blocks.
const HURRY_MS: u64 = 5_000;

/// The channel's thread.
pub(crate) struct Channel<E, L: Ledger + ?Sized, S, R> {
    pub(crate) context: E,
    pub(crate) desk: Desk<L>,
    pub(crate) conductor: Box<dyn Conductor>,
    pub(crate) member_key: MemberKey,
    pub(crate) epoch: Present,
    /// Who takes part in consensus or hears of it: members, and whoever was revoked and has a seat still.
    pub(crate) members: Members,
    /// Who is sent what all are to have.
    pub(crate) everybody: Vec<PublicKey>,
    pub(crate) sender: S,
    pub(crate) receiver: R,
    pub(crate) pokes: mpsc::Receiver<()>,
    pub(crate) notes: Notes,
    /// Members, and those revoked since the start: who is heard and sent to beside consensus.
    pub(crate) listeners: Members,
    pub(crate) followed: Option<Height>,
    pub(crate) news: watch::Sender<u64>,
    pub(crate) status: watch::Sender<ChannelStatus>,
    pub(crate) heard: BTreeMap<PublicKey, u64>,
    pub(crate) failing: Option<String>,
    /// After how many milliseconds without a block an empty one is proposed.
    pub(crate) idle_ms: u64,
    /// Whether something waits for the chain's time to pass.
    pub(crate) hurry: Arc<AtomicBool>,
    /// What the wall clock said when it was last looked at, and the milliseconds that it went forward.
    pub(crate) wall: u64,
    pub(crate) steady: u64,
}

/// A note to one member, or to all.
pub(crate) type Told = (Option<PublicKey>, Vec<u8>);
/// A note, and who said it.
pub(crate) type Heard = (silsila_chain::PublicKey, Vec<u8>);

/// What the gateway says to other members' gateways, and hears from them.
pub(crate) struct Notes {
    pub(crate) told: mpsc::Receiver<Told>,
    pub(crate) heard: SyncSender<Heard>,
}

enum Event {
    Told(Told),
    Delivery(Delivery),
    Question(Question),
    Poke,
    Received(Received<PublicKey>),
    Tick,
    Closed,
}

impl<E, L, S, R> Channel<E, L, S, R>
where
    E: Clock,
    L: Ledger + ?Sized,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    /// Works until everybody who could ask has gone.
    pub(crate) async fn run(mut self) {
        let mut next_tick = 0;
        loop {
            let now = self.steady();
            if now >= next_tick {
                next_tick = now + TICK_MS;
                let done = self.desk.tick(now);
                self.note(done);
                self.skip_ahead();
            }
            self.deliver().await;
            self.post();
            let applied = self.desk.apply_waiting(now);
            let more = *applied.as_ref().unwrap_or(&false);
            if more || applied.is_err() {
                self.note(applied.map(drop));
            }
            self.order_alone();
            self.turn().await;
            self.follow_membership();
            self.post();
            self.publish();
            let wait = if more {
                1
            } else {
                next_tick.saturating_sub(now).max(1)
            };
            let wait = Duration::from_millis(wait);
            match self.next(wait).await {
                Event::Delivery(delivery) => self.epoch.undelivered = Some(delivery),
                Event::Question(question) => self.answer(question),
                Event::Poke => {
                    while self.pokes.try_recv().is_ok() {}
                    let now = self.steady();
                    let done = self.desk.offer(now);
                    self.note(done);
                }
                Event::Received((from, bytes)) => self.hear(&from, bytes.as_ref()),
                Event::Told((to, note)) => {
                    let to = to.map_or(To::Members, To::One);
                    self.desk.letters.push((to, Message::Note(note)));
                }
                Event::Tick => {}
                Event::Closed => return,
            }
        }
    }

    async fn next(&mut self, wait: Duration) -> Event {
        let room = self.epoch.undelivered.is_none();
        let sleep = self.context.sleep(wait);
        tokio::select! {
            biased;
            Some(delivery) = self.epoch.deliveries.recv(), if room => Event::Delivery(delivery),
            Some(question) = self.epoch.questions.recv() => Event::Question(question),
            poke = self.pokes.recv() => poke.map_or(Event::Closed, |()| Event::Poke),
            Some(told) = self.notes.told.recv() => Event::Told(told),
            received = self.receiver.recv() => received.map_or(Event::Closed, Event::Received),
            () = sleep => Event::Tick,
        }
    }

    /// Milliseconds that never go back: what is waited for goes by these, so that a wall clock that is set
    /// right does not stop it.
    pub(crate) fn steady(&mut self) -> u64 {
        let wall = self.now();
        self.steady += wall.saturating_sub(self.wall);
        self.wall = wall;
        self.steady
    }

    /// The wall clock, in milliseconds since 1970: what blocks are dated by.
    fn now(&self) -> u64 {
        let since = self.context.current().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
    }

    fn hear(&mut self, from: &PublicKey, bytes: &[u8]) {
        let now = self.steady();
        if self.members.contains(from) {
            self.heard.insert(from.clone(), now);
        }
        match Message::decode(bytes) {
            Ok(Message::Note(note)) => {
                // Whoever says something says it again: what finds no room is not missed.
                if self.members.contains(from) {
                    _ = self.notes.heard.try_send((chain_key(from), note));
                }
            }
            Ok(message) => {
                let done = self.desk.receive(from, message, now);
                self.note(done);
            }
            Err(error) => tracing::debug!(member = %from, %error, "a message that is none"),
        }
    }

    /// Sees how the ledger is: what it could not do is tried again later.
    fn note(&mut self, done: Result<(), LedgerError>) {
        let failing = done.err().map(|error| error.to_string());
        if let Some(why) = failing.as_ref().filter(|_| failing != self.failing) {
            tracing::warn!(why, "the channel waits for its ledger");
        }
        self.failing = failing;
    }

    fn answer(&mut self, question: Question) {
        match question {
            Question::Propose {
                parent,
                settle,
                reply,
            } => {
                if let Some(height) = self.desk.height_of(&parent) {
                    self.epoch.end_with(&self.desk, &parent, height);
                }
                let now = self.now();
                let idle = now >= self.desk.tip().time_ms() + self.idle_ms || self.hurried(now);
                // A block that was notarized and never finalized, before a power cut say, becomes final
                // with one that follows it; what waits may all be in it, so that nothing else would.
                let empty = idle || (settle && parent != self.desk.tip().hash());
                let proposal = self.desk.propose(&parent, empty, now);
                let proposal = proposal.unwrap_or_else(|error| {
                    self.note(Err(error));
                    Proposal::Nothing
                });
                _ = reply.send(proposal);
            }
            Question::Judge { candidate, reply } => {
                let verdict = match self.desk.judge(&candidate) {
                    Ok(()) => {
                        let (hash, height) = (candidate.hash(), candidate.header().height);
                        self.epoch.end_with(&self.desk, &hash, height);
                        Verdict::Good
                    }
                    Err(Bad::Unknown) => Verdict::Unknown,
                    Err(Bad::Rules(why)) => {
                        let height = candidate.header().height;
                        tracing::warn!(%height, why, "a proposed block is against the rules");
                        Verdict::Bad
                    }
                    Err(Bad::Ledger(error)) => {
                        self.note(Err(error));
                        Verdict::Later
                    }
                };
                _ = reply.send(verdict);
            }
            Question::Knows { block, reply } => _ = reply.send(self.desk.knows(&block)),
        }
    }

    /// Has the ledger take the final block that waits, then tells consensus.
    async fn deliver(&mut self) {
        let Some((candidate, acknowledgement)) = self.epoch.undelivered.take() else {
            return;
        };
        let header = candidate.header();
        let now = self.steady();
        if header.height <= self.desk.tip().height() {
            if let Err(Bad::Rules(why)) = self.desk.judge(&candidate) {
                // Two blocks were made final at one height: nothing further is committed here.
                tracing::error!(height = %header.height, why, "the channel has forked");
                self.failing = Some(why);
                self.epoch.undelivered = Some((candidate, acknowledgement));
                return;
            }
        } else if self.desk.catches_up(now) {
            self.epoch.undelivered = Some((candidate, acknowledgement));
            return;
        } else {
            let follows = header.height == self.desk.tip().height().next();
            let certificate = match &self.epoch.role {
                Role::Validator(consensus) if follows => {
                    certificate_of(&consensus.0, &candidate, self.epoch.base).await
                }
                _ => None,
            };
            // Without a certificate, other members have the block with one; it is fetched meanwhile.
            let Some(certificate) = certificate else {
                self.epoch.undelivered = Some((candidate, acknowledgement));
                return;
            };
            let done = self.desk.apply(&candidate.certified(certificate), now);
            let failed = done.is_err();
            self.note(done);
            if failed {
                self.epoch.undelivered = Some((candidate, acknowledgement));
                return;
            }
        }
        self.epoch.delivered = header.height.0;
        acknowledgement.acknowledge();
        if let Role::Validator(consensus) = &self.epoch.role
            && self.epoch.delivered.is_multiple_of(256)
            && let Some(height) = self.epoch.delivered.checked_sub(RETAINED + self.epoch.base)
        {
            consensus.0.prune(ConsensusHeight::new(height));
        }
    }

    /// Tells consensus to go on where the ledger is, where blocks came from other members' ledgers.
    fn skip_ahead(&mut self) {
        let Role::Validator(consensus) = &self.epoch.role else {
            return;
        };
        let (marshal, scheme) = &**consensus;
        let tip = self.desk.tip().height().0;
        let present = |bytes: Vec<u8>| {
            let config = scheme.certificate_codec_config();
            let finality = Finality::decode_cfg(bytes::Bytes::from(bytes), &config).ok()?;
            (finality.epoch() == self.epoch.span.epoch()).then_some(finality)
        };
        if tip > self.epoch.delivered.max(self.epoch.said)
            && let Some(finality) = self.desk.floor().and_then(present)
            && self.epoch.say.try_send(finality).is_ok()
        {
            self.epoch.said = tip;
        }
        if tip > self.epoch.delivered + SKIP
            && let Some(finality) = self.desk.finality().and_then(present)
        {
            marshal.set_floor(finality);
        }
    }

    /// Whether an empty block is due because something waits for the chain's time to pass.
    fn hurried(&self, now: u64) -> bool {
        self.hurry.load(Ordering::Relaxed) && now >= self.desk.tip().time_ms() + HURRY_MS
    }

    /// Orders what waits, where this member does so alone.
    fn order_alone(&mut self) {
        if matches!(self.epoch.role, Role::Orderer(_)) {
            let now = self.steady();
            let done = self.desk.refresh(now);
            self.note(done);
        }
        loop {
            let Role::Orderer(key) = &self.epoch.role else {
                return;
            };
            let parent = self.desk.tip().hash();
            let now = self.now();
            let done = match self.desk.propose(&parent, self.hurried(now), now) {
                Ok(Proposal::Block(candidate)) => {
                    let certificate = Certificate::lone(key, &candidate.hash()).encode();
                    let now = self.steady;
                    self.desk.apply(&candidate.certified(certificate), now)
                }
                Ok(_) => return,
                Err(error) => Err(error),
            };
            let failed = done.is_err();
            self.note(done);
            if failed {
                return;
            }
        }
    }

    /// Begins the next epoch where the ledger has reached it: by consensus, or from other members' ledgers.
    async fn turn(&mut self) {
        self.epoch.look_ahead(&self.desk);
        let later = self.desk.turn();
        if !later && self.epoch.number == self.desk.witnesses().epoch() {
            return;
        }
        self.followed = None;
        let conductor = &mut *self.conductor;
        match Present::begin(&self.desk, conductor, &self.news, &self.member_key).await {
            Ok(present) => {
                tracing::info!(
                    epoch = present.number,
                    behind = present.base,
                    "an epoch begins"
                );
                self.listeners
                    .elect(self.desk.witnesses().validators().clone());
                self.epoch = present;
            }
            Err(why) => self.note(Err(LedgerError::Unwell(why))),
        }
    }

    /// Sends what the desk left to be sent.
    fn post(&mut self) {
        for (to, message) in std::mem::take(&mut self.desk.letters) {
            let recipients = match to {
                To::Members => Recipients::Some(self.everybody.clone()),
                To::Validators => Recipients::Some(self.epoch.validators.clone()),
                To::One(member) => Recipients::One(member),
            };
            self.sender
                .send(recipients, message.encode(), !message.is_bulk());
        }
    }

    /// Lets messages go to whoever is a member now.
    fn follow_membership(&mut self) {
        let (tip, mut members) = (self.desk.tip(), BTreeSet::new());
        if self.followed.replace(tip.height()) == Some(tip.height()) {
            return;
        }
        for (identity, member) in tip.members().iter() {
            let gone = member.may_act(tip.time_ms()) == Err(Reason::Revoked);
            if !gone {
                members.extend(crate::key::public_key(&identity.key));
            }
        }
        // Whoever was revoked has a vote until its epoch ends, and no more than that; unless it orders
        // alone, and nothing would be ordered without it.
        let seated = self.epoch.validators.iter().cloned();
        if self.epoch.validators.len() == 1 {
            members.extend(seated.clone());
        }
        self.everybody = members.iter().cloned().collect();
        members.extend(seated);
        self.members.set(members.clone());
        members.extend(self.desk.revoked().cloned());
        self.listeners.set(members);
        self.heard.retain(|member, _| self.members.contains(member));
    }
}

/// What makes a delivered block final: its own finalization, or that of a block soon after it.
async fn certificate_of(marshal: &Marshal, candidate: &Candidate, base: u64) -> Option<Vec<u8>> {
    let mut links = Vec::new();
    let mut height = candidate.header().height.0 - base;
    while links.len() <= MAX_LINKS {
        let at = ConsensusHeight::new(height);
        if let Some(finality) = marshal.get_finalization(at).await {
            return Some(certificate(&finality, &links));
        }
        height += 1;
        let next = marshal.get_block(ConsensusHeight::new(height)).await?;
        links.push(next.inner().header_bytes().to_vec());
    }
    None
}
