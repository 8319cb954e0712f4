// SPDX-License-Identifier: Apache-2.0
//! One channel's ballots, and the thread that works on them. What others say is in `lane`, what the chain says in
//! `decide`, what needs no person in `automatic` and `grants`, what an administrator orders in `orders`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use silsila_chain::{
    ChainState, ChannelId, Genesis, Identity, MemberKey, ProposalId, PublicKey, Reason, Standing,
};
use silsila_engine::ChannelHandle;
use silsila_replica::Rules;
use silsila_replica::ballot::{Ballot, Proposed};
use silsila_store::{Clock as _, Store, StoreError, SystemClock};

use super::fault::VoteFault;
use super::kept::{self, Kept};
use super::learned::Learned;
use crate::clock::{self, Arrivals, Look, Off};
use crate::shared::Running;

/// How long a note is waited for before what is due is done.
const TICK: Duration = Duration::from_millis(250);
/// What is open is said again after so many milliseconds.
const SAY_AGAIN_MS: u64 = 2_000;
/// The most open proposals of one member.
pub const MOST_OF_A_MEMBER: usize = 8;

/// What one thread does for one channel, and orders ask for.
pub struct Booth {
    pub(super) genesis: Genesis,
    pub(super) channel: ChannelId,
    pub(super) store: Store,
    pub(super) handle: Arc<ChannelHandle>,
    pub(super) rules: Arc<Rules>,
    pub(super) key: MemberKey,
    pub(super) me: Identity,
    pub(super) learned: Arc<Learned>,
    state: Mutex<Desk>,
    granting: Mutex<super::grants::Granting>,
    arrivals: Mutex<Arrivals>,
    /// The chain as the last look found it: whoever only asks does not wait for the ledger's writer.
    seen: Mutex<ChainState>,
}

/// What is open, and when what was done.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) kept: BTreeMap<ProposalId, Kept>,
    pub(super) said_ms: u64,
    /// Since when the contract permits a proposal.
    pub(super) permitted_ms: HashMap<ProposalId, u64>,
    pub(super) refused_ms: HashMap<ProposalId, u64>,
    /// When the keys folder was looked into.
    pub(super) looked_ms: u64,
    /// When a revocation of the authority's was seen first that nobody proposed yet.
    pub(super) revoked_ms: HashMap<PublicKey, u64>,
}

impl Booth {
    pub fn new(
        running: Running,
        key: MemberKey,
        rules: Arc<Rules>,
        learned: Arc<Learned>,
    ) -> Result<Self, StoreError> {
        let Running {
            genesis,
            handle,
            store,
            ..
        } = running;
        kept::create_tables(&store)?;
        let desk = Desk {
            kept: kept::load(&store)?.into_iter().collect(),
            ..Desk::default()
        };
        Ok(Self {
            seen: Mutex::new(store.chain()?),
            granting: Mutex::default(),
            arrivals: Mutex::default(),
            channel: genesis.id(),
            me: Identity::ed25519(key.public()),
            genesis,
            store,
            handle,
            rules,
            key,
            learned,
            state: Mutex::new(desk),
        })
    }

    pub fn is_of(&self, genesis: &Genesis) -> bool {
        self.channel == genesis.id()
    }

    /// Who may be spoken to.
    pub fn members_now(&self) -> Vec<PublicKey> {
        let chain = self.chain();
        let members = chain.members().iter();
        let members = members.filter(|(_, member)| member.standing != Standing::Revoked);
        members.map(|(identity, _)| identity.key).collect()
    }

    /// Works until the channel's thread has ended.
    pub fn work(&self) {
        let mut next_ms = 0;
        loop {
            match self.handle.hear(TICK) {
                Ok(Some((from, note))) => {
                    if let Err(error) = self.take(&from, &note) {
                        tracing::debug!(code = error.code(), "a note could not be taken: {error}");
                    }
                }
                Ok(None) => {}
                Err(_) => return,
            }
            let now = SystemClock.now_ms();
            if now < next_ms {
                continue;
            }
            next_ms = now + 250;
            match self.tick(now) {
                Ok(()) => {}
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::debug!(code = error.code(), "ballots wait for the ledger: {error}");
                }
            }
        }
    }

    /// The chain as the last look found it.
    pub(super) fn chain(&self) -> ChainState {
        let seen = self.seen.lock();
        seen.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrivals(&self) -> MutexGuard<'_, Arrivals> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch_the_clock(&self, chain: &ChainState, now_ms: u64) {
        let Some(status) = self.handle.status() else {
            return;
        };
        let mut arrivals = self.arrivals();
        arrivals.look(Look {
            height: chain.height().0,
            newest_ms: chain.time_ms(),
            seen: status.seen,
            heard: !status.heard.is_empty(),
            now_ms,
            at: Instant::now(),
        });
        let off = clock::behind(now_ms, chain.time_ms()).or_else(|| arrivals.ahead());
        if arrivals.is_news(off) {
            let channel = &self.genesis.name;
            tracing::warn!(
                code = "CLI0016",
                channel,
                ?off,
                "this machine's clock is off"
            );
        }
    }

    /// How far this machine's clock is ahead, as far as the channel's blocks show it.
    pub(super) fn clock_ahead(&self) -> Option<Off> {
        self.arrivals().ahead()
    }

    fn tick(&self, now: u64) -> Result<(), StoreError> {
        let chain = self.store.chain()?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = chain.clone();
        self.watch_the_clock(&chain, now);
        let mut desk = self.desk();
        self.decide_all(&mut desk, &chain, now)?;
        self.handle.hurry(self.waits_for_time(&desk, &chain));
        self.act_by_itself(&mut desk, &chain, now)?;
        self.submit_all(&mut desk, &chain, now)?;
        let open = desk.kept.values().any(Kept::is_open);
        if open && now >= desk.said_ms + SAY_AGAIN_MS {
            self.say_what_is_open(&mut desk, now);
        }
        drop(desk);
        let granting = self.granting.lock();
        let mut granting = granting.unwrap_or_else(PoisonError::into_inner);
        self.grant(&mut granting, &chain, now)
    }

    /// Proposes in this gateway's name, and says so.
    pub(super) fn propose(
        &self,
        desk: &mut Desk,
        chain: &ChainState,
        proposed: Proposed,
        now: u64,
    ) -> Result<ProposalId, VoteFault> {
        let same = desk
            .kept
            .iter()
            .find(|(_, kept)| kept.is_open() && kept.ballot.proposed().does_the_same(&proposed));
        if let Some((id, _)) = same {
            let id = id.to_string().chars().take(16).collect();
            return Err(VoteFault::Open { id });
        }
        let open = desk.kept.values().filter(|kept| kept.is_open());
        let open = open.filter(|kept| kept.ballot.proposer() == self.me.key);
        let open = open.count();
        if open >= MOST_OF_A_MEMBER {
            return Err(VoteFault::TooMany { open });
        }
        let ballot = Ballot::propose(&self.key, &self.channel, proposed);
        match self.weigh(chain, &self.me, &ballot).answer {
            // A certificate may be younger than the last block of a channel on which nothing happens.
            Ok(())
            | Err(Reason::NotPermitted | Reason::MemberCertificate | Reason::EpochPending) => {}
            Err(reason) => return Err(VoteFault::Never { reason }),
        }
        let id = ballot.proposed().id(&self.channel);
        self.keep(desk, id, Kept::new(ballot, now, chain.height()), now)?;
        Ok(id)
    }

    /// Endorses an open proposal, and every other that does the same.
    pub(super) fn endorse(
        &self,
        desk: &mut Desk,
        id: &ProposalId,
        now: u64,
    ) -> Result<(), StoreError> {
        let Some(named) = desk.kept.get(id) else {
            return Ok(());
        };
        let proposed = named.ballot.proposed().clone();
        for (id, kept) in &mut desk.kept {
            if kept.is_open() && kept.ballot.proposed().does_the_same(&proposed) {
                kept.ballot.endorse(&self.key, &self.channel);
                kept::write(&self.store, id, kept)?;
            }
        }
        self.say_what_is_open(desk, now);
        Ok(())
    }
}
