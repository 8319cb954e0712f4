// SPDX-License-Identifier: Apache-2.0
//! Whole networks in simulated time: one seed decides every delay, loss, partition and crash, and replays.
//!
//! ```text
//! SILSILA_SEEDS=5000 cargo test -p silsila-engine simulation      as many seeds, from 0
//! SILSILA_SEED=17    cargo test -p silsila-engine simulation      this one alone
//! ```

mod memory;

use std::collections::BTreeMap;
use std::future::pending;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use commonware_cryptography::Signer;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_p2p::simulated::{self, Link, Oracle};
use commonware_runtime::buffer::paged::CacheRef;
use commonware_runtime::{Clock, Handle, Quota, Runner, Spawner, Supervisor, deterministic};
use commonware_utils::{NZU16, NZUsize, Probability};
use silsila_chain::{Admission, Contract, Founder, Genesis, Identity, Limits, MemberKey, TxId};

use crate::assembly::{AllLanes, Ground, Me, open};
use crate::consensus::{Lanes, Patience};
use crate::key::private_key;
use memory::MemoryLedger;

type Context = deterministic::Context;

const VALIDATORS: usize = 4;
/// Simulated time in which all must be level again, once everything is healed.
const HEALING: Duration = Duration::from_secs(300);

/// Numbers from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    fn index(&mut self, below: usize) -> usize {
        usize::try_from(self.roll(below as u64)).expect("it is below a usize")
    }
}

/// One member: its ledger outlives its process.
struct Node {
    seed: [u8; 32],
    key: PrivateKey,
    ledger: Arc<MemoryLedger>,
    process: Option<Handle<()>>,
    starts: u64,
}

struct World {
    context: Context,
    oracle: Oracle<PublicKey, Context>,
    nodes: Vec<Node>,
    links: BTreeMap<(usize, usize), ()>,
    dice: Dice,
    submitted: Vec<TxId>,
    /// What some member once said was committed, and where.
    acknowledged: BTreeMap<TxId, u64>,
}

fn founder(identity: Identity) -> Founder {
    Founder {
        identity,
        admission: Admission {
            sealing_key: [0; 32],
            organization: identity.key.to_string(),
            role: "hospital".to_owned(),
            certificate: vec![1],
            not_after_ms: u64::MAX,
        },
    }
}

fn found(members: usize) -> Genesis {
    let identity =
        |number: usize| Identity::ed25519(MemberKey::from_seed(&seed_of(number)).public());
    let mut founders: Vec<Founder> = (0..members).map(|one| founder(identity(one))).collect();
    founders.sort_by_key(|founder| founder.identity);
    let mut validators: Vec<Identity> = (0..VALIDATORS).map(identity).collect();
    validators.sort();
    Genesis {
        members: founders,
        validators: validators.clone(),
        root: vec![1],
        contract: Contract {
            policies: "permit (principal, action, resource);".to_owned(),
            limits: Limits::default(),
        },
        ..Genesis::lone(validators[0].key, "simulated".to_owned(), [0; 16], 0)
    }
}

fn seed_of(number: usize) -> [u8; 32] {
    [u8::try_from(number + 1).expect("few"); 32]
}

/// What outlives a power cut: the ledgers, and what was promised.
struct Durable {
    ledgers: Vec<Arc<MemoryLedger>>,
    submitted: Vec<TxId>,
    acknowledged: BTreeMap<TxId, u64>,
}

impl Durable {
    fn new(members: usize) -> Self {
        let genesis = found(members);
        let ledger = |number| {
            let key = MemberKey::from_seed(&seed_of(number));
            Arc::new(MemoryLedger::new(genesis.clone(), key))
        };
        Self {
            ledgers: (0..members).map(ledger).collect(),
            submitted: Vec::new(),
            acknowledged: BTreeMap::new(),
        }
    }
}

impl World {
    async fn new(context: Context, dice: Dice, durable: Durable) -> Self {
        let nodes: Vec<Node> = (0..)
            .zip(durable.ledgers)
            .map(|(number, ledger)| {
                let seed = seed_of(number);
                Node {
                    seed,
                    key: private_key(&seed),
                    ledger,
                    process: None,
                    starts: 0,
                }
            })
            .collect();
        let config = simulated::Config {
            max_size: 32 << 20,
            max_peers_per_set: NZUsize!(16),
            disconnect_on_block: false,
            tracked_peer_sets: NZUsize!(1),
        };
        let peers: Vec<PublicKey> = nodes.iter().map(|node| node.key.public_key()).collect();
        let (network, oracle) =
            simulated::Network::new_with_peers(context.child("network"), config, peers).await;
        network.start();
        Self {
            context,
            oracle,
            nodes,
            links: BTreeMap::new(),
            dice,
            submitted: durable.submitted,
            acknowledged: durable.acknowledged,
        }
    }

    /// All processes end at once.
    fn end(self) -> (Durable, Dice) {
        let durable = Durable {
            ledgers: self.nodes.into_iter().map(|node| node.ledger).collect(),
            submitted: self.submitted,
            acknowledged: self.acknowledged,
        };
        (durable, self.dice)
    }

    async fn start_all(&mut self) {
        let count = self.nodes.len();
        self.link(&vec![0; count], true).await;
        for number in 0..count {
            self.start(number).await;
        }
    }

    async fn start(&mut self, number: usize) {
        if self.nodes[number].process.is_some() {
            return;
        }
        let node = &mut self.nodes[number];
        node.starts += 1;
        let (seed, key, ledger) = (node.seed, node.key.clone(), Arc::clone(&node.ledger));
        let control = self.oracle.control(key.public_key());
        let quota = Quota::per_second(NonZeroU32::new(1000).expect("not zero"));
        let mut lanes = Vec::new();
        for lane in 0..6 {
            let both = control.register(lane, quota).await;
            lanes.push(both.expect("the network runs"));
        }
        let [votes, certificates, resolver, blocks, backfill, own] =
            <[_; 6]>::try_from(lanes).unwrap_or_else(|_| panic!("six lanes"));
        let lanes = AllLanes {
            consensus: Lanes {
                votes,
                certificates,
                resolver,
                blocks,
                backfill,
            },
            ledger: own,
        };
        let context = self
            .context
            .child("node")
            .with_attribute("number", number)
            .with_attribute("start", node.starts);
        node.process = Some(context.spawn(move |context| async move {
            let ground = Ground {
                blocker: control,
                patience: Patience {
                    leader: Duration::from_secs(1),
                    votes: Duration::from_secs(2),
                    silence: Duration::from_secs(11),
                    idle: Duration::from_secs(20),
                },
                cache: CacheRef::new(NZU16!(4096), NZUsize!(256)),
                folder: format!("node-{number}"),
            };
            let me = Me {
                engine_key: key,
                member_key: MemberKey::from_seed(&seed),
            };
            let opened = Box::pin(open(context.child("member"), ledger, me, ground, lanes)).await;
            let (_handle, _running) = opened.expect("a channel opens");
            pending::<()>().await;
        }));
    }

    fn crash(&mut self, number: usize) {
        if let Some(process) = self.nodes[number].process.take() {
            process.abort();
        }
    }

    /// Sets all links anew: between members of one `side` only.
    async fn link(&mut self, sides: &[usize], lossy: bool) {
        let count = self.nodes.len();
        for from in 0..count {
            for to in (0..count).filter(|to| *to != from) {
                let (one, other) = (
                    self.nodes[from].key.public_key(),
                    self.nodes[to].key.public_key(),
                );
                if self.links.remove(&(from, to)).is_some() {
                    let removed = self.oracle.remove_link(one.clone(), other.clone()).await;
                    removed.expect("the link is there");
                }
                if sides[from] != sides[to] {
                    continue;
                }
                let link = Link {
                    latency: Duration::from_millis(1 + self.dice.roll(60)),
                    jitter: Duration::from_millis(self.dice.roll(if lossy { 80 } else { 5 })),
                    success_rate: Probability::new(
                        if lossy { 80 + self.dice.roll(20) } else { 100 },
                        100,
                    )
                    .expect("at most one"),
                };
                let added = self.oracle.add_link(one, other, link).await;
                added.expect("there was none");
                self.links.insert((from, to), ());
            }
        }
    }

    /// Looks at every ledger: no two blocks at one height, nothing acknowledged elsewhere or gone.
    fn check(&mut self) {
        let top = self.nodes.iter().map(|node| node.ledger.height()).max();
        for height in 0..=top.unwrap_or_default() {
            let mut headers = self
                .nodes
                .iter()
                .filter_map(|node| node.ledger.header(height));
            let first = headers.next().expect("somebody has it");
            assert!(
                headers.all(|header| header == first),
                "a fork at height {height}"
            );
        }
        for node in &self.nodes {
            for id in &self.submitted {
                if let Some(height) = node.ledger.committed(id) {
                    let known = *self.acknowledged.entry(*id).or_insert(height);
                    assert_eq!(known, height, "{id} is at two heights");
                }
            }
        }
    }

    async fn trouble(&mut self, crashes: bool) {
        let count = self.nodes.len();
        match self.dice.roll(if crashes { 7 } else { 4 }) {
            0 => {
                let sides: Vec<usize> = (0..count).map(|_| self.dice.index(2)).collect();
                self.link(&sides, true).await;
            }
            1 => self.link(&vec![0; count], true).await,
            2 | 3 => {
                let at = self.dice.index(count);
                let size = self.dice.index(100_000);
                let number = self.submitted.len() as u64;
                let id = self.nodes[at].ledger.stage(number, size);
                self.submitted.push(id);
            }
            4 => {
                let at = self.dice.index(count);
                self.crash(at);
            }
            _ => {
                let at = self.dice.index(count);
                self.start(at).await;
            }
        }
        let pause = Duration::from_millis(self.dice.roll(3_000));
        self.context.sleep(pause).await;
        self.check();
    }

    /// Everything is repaired; all must come level with everything committed, and every payload.
    async fn heal(&mut self) {
        let count = self.nodes.len();
        self.link(&vec![0; count], false).await;
        for number in 0..count {
            self.start(number).await;
        }
        let until = self.context.current() + HEALING;
        loop {
            self.check();
            let all = self.nodes.iter().all(|node| {
                let committed = self
                    .submitted
                    .iter()
                    .all(|id| node.ledger.committed(id).is_some());
                let (here, lacking) = node.ledger.payload_count();
                committed && lacking == 0 && here == self.submitted.len()
            });
            if all {
                break;
            }
            if self.context.current() > until {
                let heights: Vec<u64> =
                    self.nodes.iter().map(|node| node.ledger.height()).collect();
                panic!("no progress after healing: heights {heights:?}");
            }
            self.context.sleep(Duration::from_millis(250)).await;
        }
        assert!(self.nodes.iter().all(|node| node.ledger.rejected() == 0));
    }
}

fn simulate(seed: u64, crashes: bool) {
    let config = deterministic::Config::new().with_seed(seed);
    deterministic::Runner::new(config).start(|context| async move {
        let durable = Durable::new(VALIDATORS + 1);
        let mut world = World::new(context, Dice(seed), durable).await;
        world.start_all().await;
        for _ in 0..20 {
            world.trouble(crashes).await;
        }
        world.heal().await;
    });
}

/// Power cuts that take all members at once, and with them whatever consensus had not synced to its disk.
fn simulate_power_cuts(seed: u64) {
    let config = deterministic::Config::new().with_seed(seed);
    let mut runner = deterministic::Runner::new(config);
    let mut left = (Durable::new(VALIDATORS + 1), Dice(seed));
    for _ in 0..3 {
        let ((durable, dice), checkpoint) = runner.start_and_recover(|context| async move {
            let mut world = World::new(context, left.1, left.0).await;
            world.start_all().await;
            for _ in 0..6 {
                world.trouble(true).await;
            }
            world.end()
        });
        left = (durable, dice);
        runner = deterministic::Runner::from(checkpoint);
    }
    runner.start(|context| async move {
        let mut world = World::new(context, left.1, left.0).await;
        world.start_all().await;
        world.heal().await;
    });
}

/// The seeds to run; the tests' own knob, apart from any gateway's configuration.
#[expect(
    clippy::disallowed_methods,
    reason = "a knob of this test's, of no gateway"
)]
fn seeds(usual: u64) -> Vec<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match number("SILSILA_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("SILSILA_SEEDS").unwrap_or(usual)).collect(),
    }
}

fn each(usual: u64, run: impl Fn(u64) + std::panic::RefUnwindSafe) {
    for seed in seeds(usual) {
        let outcome = std::panic::catch_unwind(|| run(seed));
        if let Err(panic) = outcome {
            eprintln!("failed with SILSILA_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn partitions_losses_and_delays_neither_fork_nor_lose_anything() {
    each(12, |seed| simulate(seed, false));
}

#[test]
fn crashes_neither_fork_nor_lose_anything() {
    each(12, |seed| simulate(seed, true));
}

#[test]
fn power_cuts_that_take_all_at_once_neither_fork_nor_lose_anything() {
    each(12, simulate_power_cuts);
}
