// SPDX-License-Identifier: Apache-2.0
//! One epoch of a channel's consensus: simplex votes, marshal keeps and delivers what was decided.
//!
//! Its files hold blocks and votes, never payloads, and only the newest of them: what was delivered is
//! in the ledger. After a crash marshal delivers again what was not acknowledged, and simplex takes up
//! its own votes from its journal, so that it contradicts none of them.

use std::time::Duration;

use commonware_broadcast::buffered;
use commonware_codec::Decode as _;
use commonware_consensus::Epochable as _;
use commonware_consensus::marshal::core::Actor;
use commonware_consensus::marshal::resolver::p2p as backfill;
use commonware_consensus::marshal::standard::{Inline, Standard};
use commonware_consensus::marshal::{self, Start};
use commonware_consensus::simplex::elector::RoundRobin;
use commonware_consensus::simplex::{self, Floor, ForwardPolicy, SkipBudget, SkipPolicy};
use commonware_consensus::types::ViewDelta;
use commonware_cryptography::certificate::{ConstantProvider, Verifier as _};
use commonware_cryptography::ed25519::PublicKey;
use commonware_cryptography::sha256::{Digest, Sha256};
use commonware_cryptography::{Digested, Digestible};
use commonware_p2p::{Blocker, Receiver, Sender};
use commonware_parallel::Sequential;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_runtime::{Clock, Handle, Metrics, Spawner, Storage};
use commonware_storage::archive::prunable;
use commonware_storage::translator::EightCap;
use commonware_utils::channel::mpsc;
use commonware_utils::{NZDuration, NZU64, NZUsize};
use rand_core::CryptoRng;

use crate::channel::Marshal;
use crate::epoch::Span;
use crate::hearsay::Hearsay;
use crate::members::Members;
use crate::receipt::Witnesses;
use crate::voter::Voter;
use crate::{Candidate, Finality, Scheme};

/// How many final blocks may be on their way to the ledger.
pub(crate) const UNDER_WAY: usize = 16;
/// Consensus fetches so many old blocks at a time, each of one member for so long, then of another one: over a slow
/// line what is asked of two comes twice. What is needed soon comes from members' ledgers.
const REPAIRED: usize = 4;
const FETCHED: Duration = Duration::from_secs(10);
/// Whoever gave a view up says so again after this time if the view does not end, and what ended the one before:
/// from that a validator that returned meanwhile learns where the others are.
const AGAIN: Duration = Duration::from_secs(2);

/// How long consensus waits before it goes on without somebody.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a leader's proposal.
    pub leader: Duration,
    /// For the votes on it.
    pub votes: Duration,
    /// A leader that was silent for this time is not waited for.
    pub silence: Duration,
    /// A channel in which nothing happens gets an empty block after this time: it lets consensus forget
    /// the views in which nobody proposed anything, so that its files do not grow.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            leader: Duration::from_secs(3),
            votes: Duration::from_secs(5),
            silence: Duration::from_secs(11),
            idle: Duration::from_secs(600),
        }
    }
}

/// The longest payload of each component, for the size of messages.
pub(crate) fn longest_messages(validators: u32, witnesses: &Witnesses) -> [usize; 2] {
    [
        marshal::max_payload_size::<Standard<Candidate>, Scheme>(validators, witnesses),
        simplex::max_payload_size::<Scheme, Digest>(validators),
    ]
}

/// What a channel's consensus is made of.
pub(crate) struct Parts<B> {
    pub(crate) me: PublicKey,
    pub(crate) scheme: Scheme,
    pub(crate) witnesses: Witnesses,
    pub(crate) members: Members,
    /// The block behind which the epoch begins.
    pub(crate) genesis: Candidate,
    /// What makes the ledger's last block final. Without a journal of its votes the member begins behind it: in no
    /// view up to there will it vote, as it may have done before its files were lost.
    pub(crate) floor: Option<Vec<u8>>,
    pub(crate) span: Span,
    /// What makes the ledger's last block final, where consensus did not deliver that.
    pub(crate) learns: mpsc::Receiver<Finality>,
    pub(crate) blocker: B,
    pub(crate) voter: Voter,
    pub(crate) patience: Patience,
    pub(crate) cache: CacheRef,
    /// What the names of its files begin with.
    pub(crate) prefix: String,
}

/// The five lanes on which it speaks.
pub(crate) struct Lanes<S, R> {
    pub(crate) votes: (S, R),
    pub(crate) certificates: (S, R),
    pub(crate) resolver: (S, R),
    pub(crate) blocks: (S, R),
    pub(crate) backfill: (S, R),
}

fn archive<C>(name: &str, cache: CacheRef, codec_config: C) -> prunable::Config<EightCap, C> {
    prunable::Config {
        translator: EightCap,
        metadata_partition: format!("{name}-metadata"),
        key_partition: format!("{name}-keys"),
        key_page_cache: cache,
        value_partition: format!("{name}-values"),
        compression: None,
        codec_config,
        items_per_section: NZU64!(256),
        key_write_buffer: NZUsize!(1 << 16),
        value_write_buffer: NZUsize!(1 << 20),
        replay_buffer: NZUsize!(1 << 20),
    }
}

/// Starts a channel's consensus.
pub(crate) async fn start<E, B, S, R>(
    context: E,
    parts: Parts<B>,
    lanes: Lanes<S, R>,
) -> Result<(Marshal, Vec<Handle<()>>), String>
where
    E: CryptoRng + Spawner + Metrics + Clock + Storage,
    B: Blocker<PublicKey = PublicKey>,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    let Parts {
        me,
        scheme,
        witnesses,
        members,
        genesis,
        floor,
        span,
        learns,
        blocker,
        voter,
        patience,
        cache,
        prefix,
    } = parts;
    let journal = format!("{prefix}-simplex");
    let journaled = context
        .scan(&journal)
        .await
        .is_ok_and(|blobs| !blobs.is_empty());
    let floor = floor.filter(|_| !journaled).and_then(|bytes| {
        let config = scheme.certificate_codec_config();
        let finality = Finality::decode_cfg(bytes::Bytes::from(bytes), &config).ok()?;
        (finality.epoch() == span.epoch()).then_some(finality)
    });
    let (buffer, buffer_mailbox) = buffered::Engine::new(
        context.child("buffer"),
        buffered::Config {
            public_key: me.clone(),
            mailbox_size: NZUsize!(256),
            deque_size: 8,
            priority: true,
            codec_config: witnesses.clone(),
            peer_provider: members.clone(),
            strategy: Sequential,
        },
    );
    let finalizations = prunable::Archive::init(
        context.child("finalizations"),
        archive(
            &format!("{prefix}-finalizations"),
            cache.clone(),
            Scheme::certificate_codec_config_unbounded(),
        ),
    );
    let finalizations = finalizations.await.map_err(|error| error.to_string())?;
    let blocks = prunable::Archive::init(
        context.child("blocks"),
        archive(
            &format!("{prefix}-blocks"),
            cache.clone(),
            witnesses.clone(),
        ),
    );
    let blocks = blocks.await.map_err(|error| error.to_string())?;
    let digest = genesis.digest();
    let (marshal, mailbox, _) = Actor::<_, Standard<Candidate>, _, _, _, _, _>::init(
        context.child("marshal"),
        finalizations,
        blocks,
        marshal::Config {
            provider: ConstantProvider::new(scheme.clone()),
            // To marshal an epoch has no end: nothing of another is asked of it.
            epocher: Span::endless(span.epoch().get()),
            start: match &floor {
                Some(finality) => Start::Floor(finality.clone()),
                None => Start::Genesis(Digested::precomputed(genesis, digest)),
            },
            partition_prefix: format!("{prefix}-marshal"),
            mailbox_size: NZUsize!(1024),
            view_retention: ViewDelta::new(100),
            prunable_items_per_section: NZU64!(64),
            page_cache: cache.clone(),
            replay_buffer: NZUsize!(1 << 20),
            key_write_buffer: NZUsize!(1 << 16),
            value_write_buffer: NZUsize!(1 << 20),
            block_codec_config: witnesses,
            max_repair: NZUsize!(REPAIRED),
            max_pending_acks: NZUsize!(UNDER_WAY),
            strategy: Sequential,
        },
    )
    .await;
    let resolver = backfill::init(
        context.child("backfill"),
        backfill::Config {
            public_key: me.clone(),
            peer_provider: members,
            blocker: blocker.clone(),
            mailbox_size: NZUsize!(1024),
            fetch_timeout: NZDuration!(FETCHED),
            fetch_retry_delay: Duration::from_millis(100),
            priority_requests: false,
            priority_responses: false,
        },
        lanes.backfill,
    );
    let wrapped = Inline::new(
        context.child("application"),
        voter.clone(),
        mailbox.clone(),
        span.clone(),
    );
    let engine = simplex::Engine::new(
        context.child("simplex"),
        simplex::Config {
            scheme,
            elector: RoundRobin::<Sha256>::default(),
            blocker,
            automaton: wrapped.clone(),
            relay: wrapped.clone(),
            reporter: wrapped,
            track_historical_votes: false,
            strategy: Sequential,
            partition: journal,
            mailbox_size: NZUsize!(1024),
            epoch: span.epoch(),
            floor: floor.map_or(Floor::Genesis(digest), Floor::Finalized),
            replay_buffer: NZUsize!(1 << 20),
            write_buffer: NZUsize!(1 << 20),
            page_cache: cache,
            leader_timeout: patience.leader,
            certification_timeout: patience.votes,
            timeout_retry: AGAIN,
            view_retention: ViewDelta::new(64),
            skip: SkipPolicy::Enabled {
                timeout: patience.silence,
                budget: SkipBudget::Participants,
            },
            fetch_timeout: NZDuration!(Duration::from_secs(1)),
            fetch_retry_delay: Duration::from_millis(100),
            forward: ForwardPolicy::Disabled,
        },
    );
    let (sender, receiver) = lanes.certificates;
    let certificates = (sender, Hearsay::new(receiver, learns, me));
    let handles = vec![
        buffer.start(lanes.blocks),
        marshal.start(voter, buffer_mailbox, resolver),
        engine.start(lanes.votes, certificates, lanes.resolver),
    ];
    Ok((mailbox, handles))
}
