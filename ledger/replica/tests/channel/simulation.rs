// SPDX-License-Identifier: Apache-2.0
//! Random members do random things, some of them hostile. Three replicas follow: one that remembers
//! answers, one that does not, one that starts anew from its own bytes at every block. They must agree on
//! everything, at every height; and what was refused once for good must stay refused.

use std::collections::BTreeMap;

use silsila_chain::{
    ChainState, Change, Entry, EntryHash, EventId, Height, MemoryHeads, Op, Reason, Record,
    Refused, Rejected, Signature, Tag, Transaction,
};
use silsila_replica::certificate::Role;
use silsila_replica::{Rules, admission};

use crate::bed::{
    Authority, Channel, DAY, Hospital, OPEN, START, genesis, grant, hospitals, record, sign, sum,
};

const SEEDS: u64 = 30;
const BLOCKS: usize = 40;
const CONTRACTS: [&str; 3] = [
    OPEN,
    include_str!("../../../../config/examples/contracts/consent-first.cedar"),
    include_str!("../../../../config/examples/contracts/laboratory.cedar"),
];

/// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }
}

struct World {
    random: Random,
    authority: Authority,
    foreign: Authority,
    people: Vec<Hospital>,
    channel: Channel,
    /// The head of each resource: version, entry, who wrote it.
    resources: BTreeMap<u8, (u64, EntryHash, usize)>,
    committed: Vec<Transaction>,
    refused: Vec<(Transaction, Reason)>,
    seen: BTreeMap<&'static str, u64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let (authority, mut people) = (Authority::new(1), hospitals());
        people.push(Hospital::new(30, "Aga Khan laboratory", Role::Laboratory));
        people.push(Hospital::new(31, "Mirpurkhas", Role::Hospital));
        people.push(Hospital::new(32, "Nowhere", Role::Insurer));
        let channel = Channel::new(genesis(&authority, &people[..4], OPEN));
        Self {
            random: Random(seed),
            authority,
            foreign: Authority::new(50),
            people,
            channel,
            resources: BTreeMap::new(),
            committed: Vec::new(),
            refused: Vec::new(),
            seen: BTreeMap::new(),
        }
    }

    fn somebody(&mut self) -> usize {
        self.random.below(self.people.len())
    }

    fn endorsers(&mut self) -> Vec<usize> {
        let count = self.random.below(5);
        (0..count).map(|_| self.somebody()).collect()
    }

    fn version(&mut self, by: usize) -> Entry {
        let resource = u8::try_from(self.random.below(40)).unwrap();
        let kinds = ["Observation", "Encounter", "DiagnosticReport"];
        let kind = kinds[self.random.below(3)];
        let head = self.resources.get(&resource).copied();
        let deletes = head.is_some() && self.random.one_in(6);
        let mut event_id = [0; 16];
        event_id[..8].copy_from_slice(&self.random.next().to_le_bytes());
        let mut next = Record {
            version: head.map_or(1, |(version, ..)| version + 1),
            previous: head.map(|(_, entry, _)| entry),
            event_id: EventId(event_id),
            label_class: u8::try_from(self.random.below(3)).unwrap(),
            ..record(resource, kind)
        };
        next.resource_tag = Tag([resource; 16]);
        if deletes {
            (next.op, next.payload, next.key_period) = (Op::Delete, None, 0);
        }
        let _ = by;
        Entry::Record(next)
    }

    fn change(&mut self) -> Entry {
        let subject = self.somebody();
        let whom = self.people[subject].clone();
        let end = self.channel.state.time_ms() + (1 + self.random.next() % 90) * DAY;
        let issuer = if self.random.one_in(5) {
            &self.foreign
        } else {
            &self.authority
        };
        let certified = admission(&issuer.certify(&whom, START, end));
        let change = match self.random.below(6) {
            0 | 1 => Change::Admit(certified),
            2 => Change::Renew {
                certificate: certified.certificate,
                not_after_ms: certified.not_after_ms,
            },
            3 => Change::Suspend { reason: 6 },
            4 => Change::Reinstate,
            _ if self.random.one_in(2) => Change::Revoke { reason: 1 },
            _ => Change::Renew {
                certificate: Vec::new(),
                not_after_ms: end,
            },
        };
        let endorsers = self.endorsers();
        let endorsers: Vec<&Hospital> = endorsers.iter().map(|by| &self.people[*by]).collect();
        self.channel.change(&whom, change, &endorsers)
    }

    fn entry(&mut self, by: usize) -> Entry {
        match self.random.below(10) {
            0 | 1 => self.change(),
            2 => {
                let text = CONTRACTS[self.random.below(3)];
                let endorsers = self.endorsers();
                let endorsers: Vec<&Hospital> =
                    endorsers.iter().map(|by| &self.people[*by]).collect();
                self.channel.new_contract(text, &endorsers)
            }
            3 => {
                let to = self.somebody();
                let mut grant = grant(&[&self.people[to]]);
                grant.event_id.0[..8].copy_from_slice(&self.random.next().to_le_bytes());
                Entry::Grant(grant)
            }
            _ => self.version(by),
        }
    }

    /// A transaction, and whether it was tampered with.
    fn transaction(&mut self, staged: &BTreeMap<usize, u64>) -> (usize, Transaction) {
        let by = self.somebody();
        let count = 1 + self.random.below(3);
        let entries: Vec<Entry> = (0..count).map(|_| self.entry(by)).collect();
        let last = self.channel.next_sequence(&self.people[by]) - 1;
        let sequence = staged.get(&by).copied().unwrap_or(last) + 1;
        // A clone of the member's key does not know how far the member is.
        let sequence = if self.random.one_in(12) {
            sequence.saturating_sub(1)
        } else {
            sequence
        };
        let height = self.channel.state.height().0;
        let until = if self.random.one_in(15) {
            height
        } else {
            height + 1 + self.random.next() % 1200
        };
        let channel = self.channel.id();
        let mut made = sign(
            &self.people[by].key,
            channel,
            sequence,
            Height(until),
            &entries,
        );
        match self.random.below(14) {
            0 => made.signature = Signature([7; 64]),
            1 => {
                let at = self.random.below(made.entries.len());
                made.entries[at] ^= 1 << self.random.below(8);
            }
            2 => {
                let at = self.random.below(made.header.len());
                made.header[at] ^= 1 << self.random.below(8);
            }
            3 if !self.committed.is_empty() => {
                let at = self.random.below(self.committed.len());
                made = self.committed[at].clone();
            }
            _ => {}
        }
        (by, made)
    }

    fn note(&mut self, transaction: &Transaction, verdict: Result<(), Reason>) {
        let word = verdict.map_or_else(|reason| reason.code(), |()| "COMMITTED");
        *self.seen.entry(word).or_default() += 1;
        match verdict {
            Ok(()) => self.committed.push(transaction.clone()),
            Err(reason) => self.refused.push((transaction.clone(), reason)),
        }
    }

    /// Proposes one block as a validator would: what is refused is left out.
    fn propose(&mut self) -> Vec<Transaction> {
        let rules = Rules::default();
        let (mut staged, mut taken, mut verdicts) = (BTreeMap::new(), Vec::new(), Vec::new());
        let state = self.channel.state.clone();
        let mut judge = state.judge(&rules);
        for _ in 0..self.random.below(6) {
            let (by, transaction) = self.transaction(&staged);
            let verdict = match transaction.open() {
                Err(fault) => Err(fault.reason),
                Ok(open) => match judge.admit(&open, &mut self.channel.heads) {
                    Ok(()) => {
                        staged.insert(by, open.header().sequence);
                        taken.push(transaction.clone());
                        Ok(())
                    }
                    Err(Refused::Fault(fault)) => Err(fault.reason),
                },
            };
            verdicts.push((by, transaction, verdict));
        }
        for (by, transaction, verdict) in verdicts {
            if verdict.is_ok() {
                self.remember(by, &transaction);
            }
            self.note(&transaction, verdict);
        }
        taken
    }

    fn remember(&mut self, by: usize, transaction: &Transaction) {
        for entry in transaction.open().unwrap().entries() {
            if let Some(record) = entry.entry.record() {
                let resource = record.resource_tag.0[0];
                self.resources
                    .insert(resource, (record.version, entry.hash, by));
            }
        }
    }
}

/// A replica beside the first.
struct Replica {
    state: ChainState,
    heads: MemoryHeads,
    rules: Rules,
}

impl Replica {
    fn follow(&mut self, block: &silsila_chain::Block) -> Result<(), Reason> {
        match self.state.verify_block(block, &self.rules, &mut self.heads) {
            Ok(verified) => {
                self.heads.extend(verified.accepted.heads);
                self.state = verified.accepted.after;
                Ok(())
            }
            Err(Rejected::Fault(fault)) => Err(fault.reason),
        }
    }
}

/// Whether no later block can make it right.
fn is_final(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Encoding(_)
            | Reason::Signature
            | Reason::EntriesRoot
            | Reason::EntryCount
            | Reason::UnknownScheme
            | Reason::Endorsement
            | Reason::Sequence
            | Reason::Expired
            | Reason::Revoked
            | Reason::Channel
    )
}

fn run(seed: u64, seen: &mut BTreeMap<&'static str, u64>) {
    let mut world = World::new(seed);
    let mut replicas = [Rules::default(), Rules::forgetful()].map(|rules| Replica {
        state: world.channel.state.clone(),
        heads: MemoryHeads::default(),
        rules,
    });
    for _ in 0..BLOCKS {
        let taken = world.propose();
        let step = if world.random.one_in(4) {
            20 * DAY
        } else {
            1000
        };
        let time_ms = world.channel.state.time_ms() + step;
        // A hostile validator puts in what was refused: nobody follows, and all for the same reason.
        if let Some((bad, _)) = world.refused.last().cloned() {
            let block = world.channel.certify(time_ms, vec![bad]);
            let verdicts = replicas.each_mut().map(|replica| {
                let mut heads = replica.heads.clone();
                let verdict = replica
                    .state
                    .verify_block(&block, &replica.rules, &mut heads);
                verdict.map(|_| ()).map_err(|rejected| match rejected {
                    Rejected::Fault(fault) => fault.reason,
                })
            });
            assert_eq!(verdicts[0], verdicts[1], "seed {seed}");
        }
        let block = world.channel.certify(time_ms, taken.clone());
        world.channel.commit(time_ms, taken);
        for replica in &mut replicas {
            assert_eq!(replica.follow(&block), Ok(()), "seed {seed}");
        }
        let bytes = world.channel.state.encode();
        let again = ChainState::decode(&world.channel.genesis, &bytes).expect("its own bytes");
        assert_eq!(again, world.channel.state, "seed {seed}");
        replicas[1].state = again;
        for replica in &replicas {
            assert_eq!(replica.state.encode(), bytes, "seed {seed}");
            assert_eq!(replica.state.state(), &sum(&replica.heads), "seed {seed}");
        }
    }
    let rules = Rules::default();
    for (transaction, reason) in &world.refused {
        let verdict = match transaction.open() {
            Err(fault) => Err(fault.reason),
            Ok(open) => {
                let mut judge = world.channel.state.judge(&rules);
                match judge.admit(&open, &mut world.channel.heads) {
                    Ok(()) => Ok(()),
                    Err(Refused::Fault(fault)) => Err(fault.reason),
                }
            }
        };
        if is_final(*reason) {
            assert!(
                verdict.is_err(),
                "seed {seed}: refused for {reason}, then taken"
            );
        }
    }
    for transaction in &world.committed {
        let open = transaction.open().expect("it was committed");
        let mut judge = world.channel.state.judge(&rules);
        let refused = judge.admit(&open, &mut world.channel.heads);
        assert!(refused.is_err(), "seed {seed}: committed twice");
    }
    for (word, count) in world.seen {
        *seen.entry(word).or_default() += count;
    }
}

#[test]
fn replicas_agree_whatever_members_do_and_what_is_refused_stays_refused() {
    let mut seen = BTreeMap::new();
    for seed in 0..SEEDS {
        run(seed, &mut seen);
    }
    println!("{seen:?}");
    for word in [
        "COMMITTED",
        "NOT_PERMITTED",
        "MEMBER_CERTIFICATE",
        "MEMBER_EXPIRED",
        "SUSPENDED",
        "REVOKED",
        "NOT_MEMBER",
        "CUSTODIAN",
        "SEQUENCE",
        "SIGNATURE",
        "EXPIRED",
        "ENDORSEMENT",
        "HORIZON",
        "RECIPIENT",
    ] {
        let times = seen.get(word).copied().unwrap_or(0);
        assert!(times > 0, "the simulation never met {word}: {seen:?}");
    }
}
