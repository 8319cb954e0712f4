// SPDX-License-Identifier: Apache-2.0
//! A network of members, and who of them runs.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use commonware_cryptography::Signer;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_p2p::simulated::{self, Oracle};
use commonware_runtime::{Clock, Handle, Quota, Spawner, Supervisor};
use commonware_utils::NZUsize;
use silsila_chain::MemberKey;

use super::audit::Audit;
use super::hostile::{Forger, vote_for_everything};
use super::machine::{Machine, Power, Skew};
use super::memory::MemoryLedger;
use super::process::{run, split};
use super::scenario::{Rogue, Scenario};
use super::{Context, Dice, found, seed_of};
use crate::key::private_key;

/// When the simulated world begins, in milliseconds since 1970.
pub(super) const BEGIN_MS: u64 = 1_700_000_000_000;
/// How far the clocks of honest machines are from the truth at most.
pub(super) const HONEST_SKEW_MS: i64 = 29_000;

pub(super) const VALIDATORS: usize = 4;
/// The validator that may be rogue.
pub(super) const ROGUE: usize = 3;
/// A member that orders nothing, whose certificate may run out.
pub(super) const CLINIC: usize = 4;
/// A member that is suspended, reinstated and revoked.
pub(super) const LEAVER: usize = 5;
/// A member that is out for harm.
pub(super) const FORGER: usize = 6;
pub(super) const MEMBERS: usize = 7;
/// Whoever is no member, and on the network all the same.
pub(super) const STRANGER: usize = 7;

/// What outlives the processes: ledgers, and what was promised.
pub(super) struct Estate {
    pub(super) ledgers: Vec<Arc<MemoryLedger>>,
    /// The ledger of the clone's second half.
    pub(super) twin: Arc<MemoryLedger>,
    pub(super) audit: Mutex<Audit>,
}

impl Estate {
    pub(super) fn new(scenario: Scenario) -> Self {
        let genesis = found(scenario);
        let ledger = |number| {
            let key = MemberKey::from_seed(&seed_of(number));
            let mut ledger = MemoryLedger::new(genesis.clone(), key);
            ledger.forgets = scenario.forgets;
            Arc::new(ledger)
        };
        Self {
            ledgers: (0..MEMBERS).map(ledger).collect(),
            twin: ledger(ROGUE),
            audit: Mutex::new(Audit::new(&genesis)),
        }
    }

    pub(super) fn audit<T>(&self, look: impl FnOnce(&mut Audit) -> T) -> T {
        look(&mut self.audit.lock().expect("nobody panics with it"))
    }
}

/// One member: its ledger outlives its process.
pub(super) struct Node {
    pub(super) key: PrivateKey,
    pub(super) skew: Skew,
    pub(super) process: Option<Handle<()>>,
    pub(super) starts: u64,
}

/// With whom each half of a clone speaks.
pub(super) type Halves = Arc<Mutex<[BTreeSet<PublicKey>; 2]>>;

pub(super) struct World {
    pub(super) context: Context,
    pub(super) oracle: Oracle<PublicKey, Context>,
    pub(super) estate: Arc<Estate>,
    pub(super) scenario: Scenario,
    pub(super) power: Power,
    pub(super) nodes: Vec<Node>,
    pub(super) links: BTreeSet<(usize, usize)>,
    pub(super) halves: Halves,
    pub(super) dice: Dice,
    pub(super) round: u64,
}

impl World {
    pub(super) async fn new(
        context: Context,
        estate: Arc<Estate>,
        scenario: Scenario,
        power: Power,
        (dice, round): (Dice, u64),
    ) -> Self {
        let node = |number| Node {
            key: private_key(&seed_of(number)),
            skew: Skew::default(),
            process: None,
            starts: 0,
        };
        let nodes: Vec<Node> = (0..=STRANGER).map(node).collect();
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
        for ledger in estate.ledgers.iter().chain([&estate.twin]) {
            ledger.plug_in(&power);
        }
        let mut world = Self {
            context,
            oracle,
            estate,
            scenario,
            power,
            nodes,
            links: BTreeSet::new(),
            halves: Halves::default(),
            dice,
            round,
        };
        world.set_clocks();
        world
    }

    /// Who runs the gateway's own code and nothing else.
    pub(super) fn honest(&self) -> Vec<usize> {
        let rogue = matches!(self.scenario.rogue, Some(Rogue::Clone | Rogue::Votes));
        (0..FORGER)
            .filter(|number| !rogue || *number != ROGUE)
            .collect()
    }

    /// Who takes part at all; a member more costs time.
    pub(super) fn present(&self) -> Vec<usize> {
        let strangers = self.scenario.strangers;
        (0..=STRANGER)
            .filter(|number| match *number {
                LEAVER => self.scenario.members,
                FORGER | STRANGER => strangers,
                _ => true,
            })
            .collect()
    }

    pub(super) async fn start_all(&mut self) {
        self.link(&[0; STRANGER + 1], true).await;
        for number in self.present() {
            self.start(number).await;
        }
    }

    pub(super) async fn start(&mut self, number: usize) {
        if self.nodes[number].process.is_some() {
            return;
        }
        self.nodes[number].starts += 1;
        let key = self.nodes[number].key.clone();
        let control = self.oracle.control(key.public_key());
        let quota = Quota::per_second(NonZeroU32::new(1000).expect("not zero"));
        let mut lanes = Vec::new();
        for lane in 0..6 {
            let both = control.register(lane, quota).await;
            lanes.push(both.expect("the network runs"));
        }
        let context = self
            .context
            .child("node")
            .with_attribute("number", number)
            .with_attribute("round", self.round)
            .with_attribute("start", self.nodes[number].starts);
        let machine = Machine::new(context, self.nodes[number].skew.clone(), self.power.clone());
        let ledger = self.estate.ledgers.get(number).cloned();
        let rogue = self.scenario.rogue.filter(|_| number == ROGUE);
        let seed = self.dice.roll(u64::MAX);
        let process = match (ledger, rogue) {
            (Some(ledger), _) if number < FORGER && rogue != Some(Rogue::Votes) => {
                let twin = Arc::clone(&self.estate.twin);
                let halves = Arc::clone(&self.halves);
                let folder = format!("node-{number}");
                machine.spawn(move |machine| async move {
                    if rogue == Some(Rogue::Clone) {
                        let (one, other) = split(&machine, lanes, &halves, seed);
                        let folders = [folder, "twin".to_owned()];
                        let ledgers = [ledger, twin];
                        let [blocker, second] = [control.clone(), control];
                        let keys = [key.clone(), key];
                        let [first_key, second_key] = keys;
                        let [first_folder, second_folder] = folders;
                        let [first_ledger, second_ledger] = ledgers;
                        let one = run(
                            machine.child("one"),
                            first_key,
                            first_ledger,
                            blocker,
                            one,
                            first_folder,
                        );
                        let other = run(
                            machine.child("other"),
                            second_key,
                            second_ledger,
                            second,
                            other,
                            second_folder,
                        );
                        _ = tokio::join!(Box::pin(one), Box::pin(other));
                    } else {
                        Box::pin(run(machine, key, ledger, control, lanes, folder)).await;
                    }
                })
            }
            (Some(_), Some(Rogue::Votes)) => {
                let genesis = found(self.scenario);
                machine.spawn(move |_| vote_for_everything(genesis, key, lanes, Dice(seed)))
            }
            _ => {
                let forger = Forger {
                    key: MemberKey::from_seed(&seed_of(number)),
                    estate: Arc::clone(&self.estate),
                    dice: Dice(seed),
                    sequence: 0,
                };
                machine.spawn(move |machine| forger.harm(machine, lanes))
            }
        };
        self.nodes[number].process = Some(process);
    }

    pub(super) fn crash(&mut self, number: usize) {
        if let Some(process) = self.nodes[number].process.take() {
            process.abort();
            if let Some(ledger) = self.estate.ledgers.get(number) {
                ledger.crash();
            }
        }
    }

    pub(super) fn events(&self) -> String {
        self.context.auditor().state()
    }

    pub(super) fn now(&self) -> SystemTime {
        self.context.current()
    }
}
