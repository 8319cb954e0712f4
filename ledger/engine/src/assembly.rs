// SPDX-License-Identifier: Apache-2.0
//! A channel from its parts, on whatever runtime and network: the real ones, or the simulated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use commonware_cryptography::Signer;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_p2p::{Blocker, Receiver, Sender};
use commonware_runtime::buffer::paged::CacheRef;
use commonware_runtime::{Clock, Handle, Metrics, Spawner, Storage};
use commonware_utils::channel::{mpsc, watch};
use rand_core::CryptoRng;
use silsila_chain::{ChannelId, MIN_QUORUM_VALIDATORS, MemberKey};

use crate::channel::{Channel, ChannelStatus, Role};
use crate::consensus::{self, Lanes, Parts, Patience, UNDER_WAY};
use crate::desk::Desk;
use crate::members::{FromMembers, Members, ToMembers};
use crate::voter::Voter;
use crate::{Candidate, EngineError, Ledger, Witnesses, scheme, validators};

/// Pokes that wait; one is as good as many.
const POKES: usize = 1;
const QUESTIONS: usize = 64;

/// Who this member is.
pub(crate) struct Me {
    pub(crate) engine_key: PrivateKey,
    pub(crate) member_key: MemberKey,
}

/// Where a channel's consensus runs and keeps its files.
pub(crate) struct Ground<B> {
    pub(crate) blocker: B,
    pub(crate) patience: Patience,
    pub(crate) cache: CacheRef,
    /// What the names of its files begin with.
    pub(crate) folder: String,
}

/// The six lanes of a channel.
pub(crate) struct AllLanes<S, R> {
    pub(crate) consensus: Lanes<S, R>,
    pub(crate) ledger: (S, R),
}

/// A channel that runs: pokes go in, its status comes out. It ends when this is dropped.
#[derive(Debug)]
pub struct ChannelHandle {
    id: ChannelId,
    pokes: mpsc::Sender<()>,
    status: watch::Receiver<ChannelStatus>,
}

impl ChannelHandle {
    /// The channel.
    #[must_use]
    pub const fn id(&self) -> ChannelId {
        self.id
    }

    /// Says that the ledger's outbox has something new; without it, it is seen a moment later.
    pub fn poke(&self) {
        // Full means that a poke waits already.
        _ = self.pokes.try_send(());
    }

    /// How the channel is; `None` once its thread has ended.
    #[must_use]
    pub fn status(&self) -> Option<ChannelStatus> {
        let ended = self.status.has_changed().is_err();
        (!ended).then(|| self.status.borrow().clone())
    }
}

/// Starts a channel. Its consensus, if this member is one of four validators or more, runs beside it.
pub(crate) async fn open<E, L, B, S, R>(
    context: E,
    ledger: Arc<L>,
    me: Me,
    ground: Ground<B>,
    lanes: AllLanes<S, R>,
) -> Result<(ChannelHandle, Vec<Handle<()>>), EngineError>
where
    E: CryptoRng + Spawner + Metrics + Clock + Storage,
    L: Ledger + ?Sized,
    B: Blocker<PublicKey = PublicKey>,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    let genesis = ledger.genesis();
    let validators = validators(&genesis);
    if (2..MIN_QUORUM_VALIDATORS).contains(&validators.len()) {
        return Err(EngineError::Validators {
            count: validators.len(),
        });
    }
    let id = genesis.id();
    let witnesses = Witnesses::new(id, validators.clone());
    let public = me.engine_key.public_key();
    let founders = genesis.members.iter().map(|founder| founder.identity.key);
    let founders: BTreeSet<PublicKey> = founders
        .filter_map(|key| crate::key::public_key(&key))
        .collect();
    let members = Members::new(validators.clone(), founders);

    let (questions, questions_in) = mpsc::channel(QUESTIONS);
    let (deliveries, deliveries_in) = mpsc::channel(UNDER_WAY * 4);
    let (news, news_out) = watch::channel(0);
    let (status, status_out) = watch::channel(ChannelStatus::default());
    let (pokes, pokes_in) = mpsc::channel(POKES);
    let voter = Voter {
        questions,
        deliveries,
        news: news_out,
    };
    let desk = Desk::new(ledger, witnesses.clone(), me.engine_key.clone())?;
    let idle_ms = u64::try_from(ground.patience.idle.as_millis()).unwrap_or(u64::MAX);
    let mut handles = Vec::new();
    let role = if validators.position(&public).is_none() {
        Role::Follower
    } else if validators.len() == 1 {
        Role::Orderer(Box::new(me.member_key))
    } else {
        let scheme = scheme(&id, validators.clone(), &me.engine_key);
        let parts = Parts {
            me: public.clone(),
            scheme: scheme.clone(),
            witnesses,
            members: members.clone(),
            genesis: Candidate::genesis(&genesis),
            blocker: ground.blocker,
            voter,
            patience: ground.patience,
            cache: ground.cache,
            prefix: format!("{}{id}", ground.folder),
        };
        let lanes = lanes.consensus.among(&members);
        let context = context.child("consensus");
        let (marshal, running) = consensus::start(context, parts, lanes)
            .await
            .map_err(|reason| EngineError::Files { reason })?;
        handles.extend(running);
        Role::Validator(Box::new((marshal, scheme)))
    };
    let (sender, receiver) = lanes.ledger;
    let thread = context.child("channel").dedicated();
    handles.push(thread.spawn(move |context| {
        let channel = Channel {
            context,
            desk,
            role,
            validators: validators.iter().cloned().collect(),
            sender: ToMembers::new(sender, members.clone()),
            receiver: FromMembers::new(receiver, members.clone()),
            members,
            questions: questions_in,
            deliveries: deliveries_in,
            pokes: pokes_in,
            news,
            status,
            undelivered: None,
            heard: BTreeMap::new(),
            failing: None,
            idle_ms,
            delivered: 0,
            wall: u64::MAX,
            // A while after the time at which everything was done last.
            steady: 86_400_000,
        };
        channel.run()
    }));
    let handle = ChannelHandle {
        id,
        pokes,
        status: status_out,
    };
    Ok((handle, handles))
}

impl<S, R> Lanes<S, R> {
    fn among(self, members: &Members) -> Lanes<ToMembers<S>, FromMembers<R>> {
        let wrap = |(sender, receiver)| {
            (
                ToMembers::new(sender, members.clone()),
                FromMembers::new(receiver, members.clone()),
            )
        };
        Lanes {
            votes: wrap(self.votes),
            certificates: wrap(self.certificates),
            resolver: wrap(self.resolver),
            blocks: wrap(self.blocks),
            backfill: wrap(self.backfill),
        }
    }
}
