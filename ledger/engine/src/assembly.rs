// SPDX-License-Identifier: Apache-2.0
//! A channel from its parts, on whatever runtime and network: the real ones, or the simulated.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_p2p::{Blocker, Receiver, Sender};
use commonware_runtime::buffer::paged::CacheRef;
use commonware_runtime::{Clock, Handle, Metrics, Spawner, Storage};
use commonware_utils::channel::{mpsc, watch};
use rand_core::CryptoRng;
use silsila_chain::{ChannelId, MIN_QUORUM_VALIDATORS, MemberKey};

use crate::channel::Channel;
use crate::consensus::{Lanes, Patience};
use crate::desk::Desk;
use crate::epoch::{Orchestra, Stage};
use crate::members::{FromMembers, Members, ToMembers};
use crate::notes::{Lane, notes};
use crate::present::Present;
use crate::status::ChannelStatus;
use crate::{EngineError, Ledger, Witnesses};

/// Pokes that wait; one is as good as many.
const POKES: usize = 1;

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
    /// The folder on disk that holds them, where there is one.
    pub(crate) root: Option<PathBuf>,
    /// Whether this member only follows and signs nothing.
    pub(crate) watch: bool,
}

/// The six lanes of a channel.
pub(crate) struct AllLanes<S, R> {
    pub(crate) consensus: Lanes<S, R>,
    pub(crate) ledger: (S, R),
}

impl<S, R> AllLanes<S, R> {
    /// The lanes in the order of their numbers; `None` where there are more or fewer.
    pub(crate) fn of(lanes: Vec<(S, R)>) -> Option<Self> {
        let [votes, certificates, resolver, blocks, backfill, ledger] =
            <[_; 6]>::try_from(lanes).ok()?;
        Some(Self {
            consensus: Lanes::of([votes, certificates, resolver, blocks, backfill]),
            ledger,
        })
    }
}

impl<S, R> Lanes<S, R> {
    /// The lanes in the order of their numbers.
    pub(crate) fn of([votes, certificates, resolver, blocks, backfill]: [(S, R); 5]) -> Self {
        Self {
            votes,
            certificates,
            resolver,
            blocks,
            backfill,
        }
    }

    /// The lanes again, in the same order.
    pub(crate) fn all(self) -> [(S, R); 5] {
        let Self {
            votes,
            certificates,
            resolver,
            blocks,
            backfill,
        } = self;
        [votes, certificates, resolver, blocks, backfill]
    }
}

/// A channel that runs: pokes go in, its status comes out. It ends when this is dropped.
#[derive(Debug)]
pub struct ChannelHandle {
    id: ChannelId,
    pokes: mpsc::Sender<()>,
    hurry: Arc<AtomicBool>,
    lane: Lane,
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

    /// Says whether something waits for the chain's time to pass, which only blocks move: whoever orders
    /// adds an empty one now and then while that is so and nothing else is committed.
    pub fn hurry(&self, waits: bool) {
        self.hurry.store(waits, Ordering::Relaxed);
    }

    /// Says something to another member's gateway, or to all. Says whether it is on its way: a note that is
    /// longer than [`crate::MAX_NOTE`], or finds no room, is not.
    pub fn tell(&self, to: Option<&silsila_chain::PublicKey>, note: Vec<u8>) -> bool {
        self.lane.tell(to, note)
    }

    /// What another member's gateway said, and who; waits so long for it.
    ///
    /// # Errors
    /// [`EngineError::Stopped`] once the channel's thread has ended.
    pub fn hear(
        &self,
        wait: std::time::Duration,
    ) -> Result<Option<(silsila_chain::PublicKey, Vec<u8>)>, EngineError> {
        self.lane.hear(wait).map_err(|()| EngineError::Stopped {
            reason: "the channel's thread has ended".to_owned(),
        })
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
    let count = genesis.validators.len();
    if (2..MIN_QUORUM_VALIDATORS).contains(&count) {
        return Err(EngineError::Validators { count });
    }
    let id = genesis.id();
    let witnesses = Witnesses::present(&ledger.chain()?);
    let validators = witnesses.validators().clone();
    let founders = genesis.members.iter().map(|founder| founder.identity.key);
    let founders: BTreeSet<PublicKey> = founders
        .filter_map(|key| crate::key::public_key(&key))
        .collect();
    let members = Members::new(validators.clone(), founders.clone());
    let listeners = Members::new(validators.clone(), founders);
    let (news, _) = watch::channel(0);
    let (status, status_out) = watch::channel(ChannelStatus::default());
    let (pokes, pokes_in) = mpsc::channel(POKES);
    let (lane, notes) = notes();
    let hurry = Arc::new(AtomicBool::new(false));
    let hurried = Arc::clone(&hurry);
    let mut desk = Desk::new(ledger, witnesses, me.engine_key.clone())?;
    desk.silent = ground.watch;
    if !ground.watch {
        desk.signs_with(me.member_key.clone());
    }
    let idle_ms = u64::try_from(ground.patience.idle.as_millis()).unwrap_or(u64::MAX);
    let mut handles = Vec::new();
    let stage = Stage {
        channel: id,
        key: me.engine_key,
        members: members.clone(),
        ground,
    };
    let mut conductor = Orchestra::new(context.child("orchestra"), stage, lanes.consensus);
    let epoch = Present::begin(&desk, &mut conductor, &news, &me.member_key).await;
    let epoch = epoch.map_err(|reason| EngineError::Files { reason })?;
    let (sender, receiver) = lanes.ledger;
    let thread = context.child("channel").dedicated();
    handles.push(thread.spawn(move |context| {
        let channel = Channel {
            context,
            desk,
            conductor: Box::new(conductor),
            member_key: me.member_key,
            epoch,
            sender: ToMembers::new(sender, listeners.clone()),
            receiver: FromMembers::new(receiver, listeners.clone()),
            members,
            everybody: Vec::new(),
            pokes: pokes_in,
            notes,
            listeners,
            followed: None,
            news,
            status,
            heard: BTreeMap::new(),
            failing: None,
            idle_ms,
            hurry: hurried,
            wall: u64::MAX,
            // A while after the time at which everything was done last.
            steady: 86_400_000,
        };
        channel.run()
    }));
    let handle = ChannelHandle {
        id,
        pokes,
        hurry,
        lane,
        status: status_out,
    };
    Ok((handle, handles))
}
