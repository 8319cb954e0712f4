// SPDX-License-Identifier: Apache-2.0
//! A network of members, what goes wrong in it, and what has to hold all the same.

use std::collections::BTreeSet;
use std::future::pending;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use commonware_cryptography::Signer;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_p2p::simulated::{self, Link, Oracle, SplitOrigin, SplitTarget};
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::buffer::paged::CacheRef;
use commonware_runtime::{Clock, Handle, Quota, Spawner, Supervisor};
use commonware_utils::{NZU16, NZUsize, Probability};
use silsila_chain::{Change, Identity, MemberKey, Standing};

use super::audit::{Audit, Submission};
use super::hostile::{Damages, Forger, vote_for_everything};
use super::machine::{Machine, Power, Skew};
use super::memory::MemoryLedger;
use super::scenario::{Rogue, Scenario};
use super::{Context, Dice, found, identity_of, seed_of};
use crate::assembly::{AllLanes, Ground, Me, open};
use crate::consensus::Patience;
use crate::key::private_key;

/// When the simulated world begins, in milliseconds since 1970.
pub(super) const BEGIN_MS: u64 = 1_700_000_000_000;
/// Simulated time in which all must be level again, once everything is healed.
const HEALING: Duration = Duration::from_secs(300);
/// How far the clocks of honest machines are from the truth at most.
const HONEST_SKEW_MS: i64 = 29_000;

pub(super) const VALIDATORS: usize = 4;
/// The validator that may be rogue.
const ROGUE: usize = 3;
/// A member that orders nothing, whose certificate may run out.
pub(super) const CLINIC: usize = 4;
/// A member that is suspended, reinstated and revoked.
const LEAVER: usize = 5;
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

    fn audit<T>(&self, look: impl FnOnce(&mut Audit) -> T) -> T {
        look(&mut self.audit.lock().expect("nobody panics with it"))
    }
}

/// One member: its ledger outlives its process.
struct Node {
    key: PrivateKey,
    skew: Skew,
    process: Option<Handle<()>>,
    starts: u64,
}

/// With whom each half of a clone speaks.
type Halves = Arc<Mutex<[BTreeSet<PublicKey>; 2]>>;

pub(super) struct World {
    context: Context,
    oracle: Oracle<PublicKey, Context>,
    estate: Arc<Estate>,
    scenario: Scenario,
    power: Power,
    nodes: Vec<Node>,
    links: BTreeSet<(usize, usize)>,
    halves: Halves,
    dice: Dice,
    round: u64,
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
    fn honest(&self) -> Vec<usize> {
        let rogue = matches!(self.scenario.rogue, Some(Rogue::Clone | Rogue::Votes));
        (0..FORGER)
            .filter(|number| !rogue || *number != ROGUE)
            .collect()
    }

    /// Who takes part at all; a member more costs time.
    fn present(&self) -> Vec<usize> {
        let strangers = self.scenario.strangers;
        (0..=STRANGER)
            .filter(|number| match *number {
                LEAVER => self.scenario.members,
                FORGER | STRANGER => strangers,
                _ => true,
            })
            .collect()
    }

    fn set_clocks(&mut self) {
        if !self.scenario.clocks {
            return;
        }
        for number in 0..FORGER {
            self.set_clock(number);
        }
    }

    fn set_clock(&mut self, number: usize) {
        let wrong = if number == ROGUE && self.scenario.rogue == Some(Rogue::Clock) {
            let far = [61_000, 90_000, 3_600_000, 86_400_000, 315_360_000_000];
            let far: i64 = far[self.dice.index(far.len())];
            if self.dice.roll(2) == 0 { far } else { -far }
        } else {
            let span = u64::try_from(2 * HONEST_SKEW_MS + 1).expect("positive");
            i64::try_from(self.dice.roll(span)).expect("small") - HONEST_SKEW_MS
        };
        self.nodes[number].skew.set(wrong);
    }

    pub(super) async fn start_all(&mut self) {
        self.link(&[0; STRANGER + 1], true).await;
        for number in self.present() {
            self.start(number).await;
        }
    }

    async fn start(&mut self, number: usize) {
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

    fn crash(&mut self, number: usize) {
        if let Some(process) = self.nodes[number].process.take() {
            process.abort();
            if let Some(ledger) = self.estate.ledgers.get(number) {
                ledger.crash();
            }
        }
    }

    /// Sets all links anew: between members of one `side` only.
    async fn link(&mut self, sides: &[usize], lossy: bool) {
        let present = self.present();
        for from in present.clone() {
            for to in present.iter().copied().filter(|to| *to != from) {
                let (one, other) = (
                    self.nodes[from].key.public_key(),
                    self.nodes[to].key.public_key(),
                );
                if self.links.remove(&(from, to)) {
                    let removed = self.oracle.remove_link(one.clone(), other.clone()).await;
                    removed.expect("the link is there");
                }
                if sides[from] != sides[to] {
                    continue;
                }
                let success = if lossy { 80 + self.dice.roll(20) } else { 100 };
                let link = Link {
                    latency: Duration::from_millis(1 + self.dice.roll(60)),
                    jitter: Duration::from_millis(self.dice.roll(if lossy { 80 } else { 5 })),
                    success_rate: Probability::new(success, 100).expect("at most one"),
                };
                let added = self.oracle.add_link(one, other, link).await;
                added.expect("there was none");
                self.links.insert((from, to));
            }
        }
        self.divide();
    }

    /// Divides the others anew between the halves of a clone; some may speak with both.
    fn divide(&mut self) {
        let mut halves = [BTreeSet::new(), BTreeSet::new()];
        for number in self.present() {
            let side = self.dice.index(3);
            for (half, keys) in halves.iter_mut().enumerate() {
                if side == half || side == 2 {
                    keys.insert(self.nodes[number].key.public_key());
                }
            }
        }
        *self.halves.lock().expect("nobody panics with it") = halves;
    }

    pub(super) fn events(&self) -> String {
        self.context.auditor().state()
    }

    fn now(&self) -> SystemTime {
        self.context.current()
    }

    /// Looks at every ledger.
    pub(super) fn check(&self) {
        let since = self.now().duration_since(SystemTime::UNIX_EPOCH);
        let now = u64::try_from(since.expect("later").as_millis()).expect("soon");
        let latest = now + crate::voter::SKEW_MS + HONEST_SKEW_MS.unsigned_abs();
        self.estate.audit(|audit| {
            for (number, ledger) in self.estate.ledgers.iter().enumerate() {
                audit.look(number, ledger, latest);
            }
            audit.look(MEMBERS, &self.estate.twin, latest);
        });
    }

    fn submit(&mut self) {
        let present = self.present();
        let at = loop {
            let at = self.dice.index(FORGER);
            if present.contains(&at) {
                break at;
            }
        };
        let number = self.estate.audit(|audit| audit.submissions.len() as u64);
        // Whoever may lose the right to act has less time, so that the end of it is seen.
        let doubtful = self.scenario.members && (at == CLINIC || at == LEAVER);
        let blocks = if doubtful { 12 } else { 10_000 };
        let size = self.dice.index(100_000);
        let id = self.estate.ledgers[at].stage(number, size, blocks);
        let rogue = !self.honest().contains(&at);
        let submission = Submission {
            id,
            by: at,
            must: !doubtful && !rogue,
        };
        self.estate
            .audit(|audit| audit.submissions.push(submission));
        if rogue {
            let id = self.estate.twin.stage(number + 1_000_000, size, blocks);
            self.estate
                .audit(|audit| audit.submissions.push(Submission { id, ..submission }));
        }
    }

    /// Somebody is suspended, reinstated, revoked or renewed, by the first validator.
    fn change_members(&mut self) {
        let (office, dice) = (&self.estate.ledgers[0], &mut self.dice);
        let subject = if dice.roll(3) == 0 { FORGER } else { LEAVER };
        let subject = identity_of(subject);
        let change = match (office.standing(&subject), dice.roll(4)) {
            (_, 0) => return self.renew(),
            (Some(Standing::Active), 1 | 2) => Change::Suspend { reason: 6 },
            (Some(Standing::Suspended), 1 | 2) => Change::Reinstate,
            _ => Change::Revoke { reason: 1 },
        };
        self.change(subject, change);
    }

    /// Four or five of those who are there are named to order next.
    fn change_validators(&mut self) {
        let mut seats: Vec<usize> = (0..=CLINIC).collect();
        if self.dice.roll(3) > 0 {
            seats.remove(self.dice.index(seats.len()));
        }
        let by = self.dice.index(VALIDATORS);
        let validators = seats.into_iter().map(identity_of).collect();
        let id = self.estate.ledgers[by].stage_epoch(validators, 200);
        self.estate.audit(|audit| {
            audit.submissions.push(Submission {
                id,
                by,
                must: false,
            });
        });
    }

    fn renew(&self) {
        let change = Change::Renew {
            certificate: Vec::new(),
            not_after_ms: u64::MAX,
        };
        self.change(identity_of(CLINIC), change);
    }

    fn change(&self, subject: Identity, change: Change) {
        let id = self.estate.ledgers[0].stage_change(&subject, change, 50);
        self.estate.audit(|audit| {
            audit.submissions.push(Submission {
                id,
                by: 0,
                must: false,
            });
        });
    }

    pub(super) async fn trouble(&mut self) {
        let Scenario {
            crashes,
            clocks,
            members,
            ..
        } = self.scenario;
        match self.dice.roll(11) {
            0 => {
                let sides: Vec<usize> = (0..=STRANGER).map(|_| self.dice.index(2)).collect();
                self.link(&sides, true).await;
            }
            1 => self.link(&[0; STRANGER + 1], true).await,
            2 | 3 if crashes => {
                let at = self.dice.index(STRANGER);
                self.crash(at);
            }
            4..=6 if crashes => {
                let present = self.present();
                let at = present[self.dice.index(present.len())];
                self.start(at).await;
            }
            2 | 4 if clocks => {
                let at = self.dice.index(FORGER);
                self.set_clock(at);
            }
            3 | 7 if members => self.change_members(),
            8 if self.scenario.epochs => self.change_validators(),
            5 => self.divide(),
            _ => self.submit(),
        }
        let pause = Duration::from_millis(self.dice.roll(3_000));
        self.context.sleep(pause).await;
        self.check();
    }

    /// Everything is repaired, rogues and wrong clocks apart; all honest members must come level.
    pub(super) async fn heal(&mut self) {
        if self.scenario.rogue == Some(Rogue::Clone) && self.dice.roll(2) == 0 {
            self.crash(ROGUE);
        }
        self.link(&[0; STRANGER + 1], false).await;
        for number in self.honest() {
            if self.present().contains(&number) {
                self.start(number).await;
            }
        }
        if self.scenario.members {
            self.renew();
        }
        // Something new would carry along what hangs: there must be progress without it, too.
        if self.dice.roll(2) == 0 {
            self.submit();
        }
        let until = self.now() + HEALING;
        loop {
            self.check();
            let Some(wanting) = self.wanting() else {
                return;
            };
            assert!(self.now() < until, "no progress after healing: {wanting}");
            self.context.sleep(Duration::from_millis(250)).await;
        }
    }

    /// What is not as it must be in the end.
    fn wanting(&self) -> Option<String> {
        let revoked = |number: &usize| {
            let subject = identity_of(*number);
            self.estate.ledgers[0].standing(&subject) == Some(Standing::Revoked)
        };
        let present = self.present();
        let level: Vec<usize> = self
            .honest()
            .into_iter()
            .filter(|number| present.contains(number) && !revoked(number))
            .collect();
        let ledgers = &self.estate.ledgers;
        let heights: Vec<u64> = ledgers.iter().map(|ledger| ledger.height()).collect();
        for number in &level {
            let ledger = &ledgers[*number];
            if ledger.lacks() > 0 {
                return Some(format!(
                    "{number} lacks {} payloads; heights {heights:?}",
                    ledger.lacks()
                ));
            }
            if let Some(until) = ledger
                .waits_until()
                .into_iter()
                .find(|until| *until <= ledger.height())
            {
                return Some(format!(
                    "{number} waits for what cannot come since {until}; heights {heights:?}"
                ));
            }
        }
        self.estate.audit(|audit| {
            for submission in &audit.submissions {
                let missing = level
                    .iter()
                    .find(|number| ledgers[**number].committed(&submission.id).is_none());
                let rejected = ledgers[submission.by].rejected(&submission.id);
                match (submission.must, missing, rejected) {
                    (_, None, None) | (false, Some(_), _) => {}
                    (true, Some(number), None) => {
                        return Some(format!(
                            "{number} has not got {}; heights {heights:?}",
                            submission.id
                        ));
                    }
                    (_, _, Some(code)) if submission.must || missing.is_none() => {
                        panic!("{} was rejected as {code}", submission.id)
                    }
                    _ => {}
                }
            }
            None
        })
    }
}

/// Runs a member until the process is ended.
async fn run<S, R>(
    machine: Machine,
    key: PrivateKey,
    ledger: Arc<MemoryLedger>,
    blocker: simulated::Control<PublicKey, Context>,
    lanes: Vec<(S, R)>,
    folder: String,
) where
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    let lanes = AllLanes::of(lanes).expect("six lanes");
    let ground = Ground {
        blocker,
        patience: Patience {
            leader: Duration::from_secs(1),
            votes: Duration::from_secs(2),
            silence: Duration::from_secs(11),
            idle: Duration::from_secs(20),
        },
        cache: CacheRef::new(NZU16!(4096), NZUsize!(256)),
        folder,
        root: None,
        watch: false,
    };
    let me = Me {
        engine_key: key,
        member_key: ledger.key(),
    };
    let opened = Box::pin(open(machine.child("member"), ledger, me, ground, lanes)).await;
    let (_handle, _running) = opened.expect("a channel opens");
    pending::<()>().await;
}

type Half<S, R> = Vec<(Damages<S>, R)>;

/// One key at two places: each half hears and reaches those of the others that are on its side, and one of
/// them damages some of what it sends.
fn split<E: Clock>(
    machine: &Machine,
    lanes: Vec<(
        simulated::Sender<PublicKey, E>,
        simulated::Receiver<PublicKey>,
    )>,
    halves: &Halves,
    seed: u64,
) -> (
    Half<impl Sender<PublicKey = PublicKey>, simulated::Receiver<PublicKey>>,
    Half<impl Sender<PublicKey = PublicKey>, simulated::Receiver<PublicKey>>,
) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (lane, (sender, receiver)) in (0..).zip(lanes) {
        let sides = Arc::clone(halves);
        let (one, other) =
            sender.split_with(move |origin, recipients: &Recipients<PublicKey>, _: &_| {
                let sides = sides.lock().expect("nobody panics with it");
                let side = &sides[usize::from(origin == SplitOrigin::Secondary)];
                let kept = |key: &&PublicKey| side.contains(*key);
                let kept: Vec<PublicKey> = match recipients {
                    Recipients::All => side.iter().cloned().collect(),
                    Recipients::Some(some) => some.iter().filter(kept).cloned().collect(),
                    Recipients::One(one) => Some(one).into_iter().filter(kept).cloned().collect(),
                };
                (!kept.is_empty()).then_some(Recipients::Some(kept))
            });
        let sides = Arc::clone(halves);
        let ears = machine.child("ears").with_attribute("lane", lane);
        let (hears, overhears) = receiver.split_with(ears, move |message| {
            let sides = sides.lock().expect("nobody panics with it");
            match (sides[0].contains(&message.0), sides[1].contains(&message.0)) {
                (true, true) => SplitTarget::Both,
                (true, false) => SplitTarget::Primary,
                (false, true) => SplitTarget::Secondary,
                (false, false) => SplitTarget::None,
            }
        });
        let honest = Damages::new(one, 0, Dice(seed));
        let damaging = Damages::new(other, if lane == 3 { 3 } else { 0 }, Dice(seed));
        first.push((honest, hears));
        second.push((damaging, overhears));
    }
    (first, second)
}
