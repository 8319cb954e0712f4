// SPDX-License-Identifier: Apache-2.0
//! A network with its authority, its hospitals, and one channel.

use silsila_chain::cbor::Writer;
use silsila_chain::{
    Block, BlockHeader, Certificate, ChainState, Change, ChannelId, Contract, ContractChange,
    Endorsed, Endorsement, Entry, EntryHash, EventId, Founder, Genesis, Grant, Height, Identity,
    Limits, MemberChange, MemberKey, MemoryHeads, Op, PayloadCommitment, PayloadDigest, Policy,
    Proposal, Reason, Record, Refused, Rejected, StateHash, Suite, Tag, Transaction,
};
use silsila_replica::certificate::{
    CertificateKey, Credential, IssuingCertificate, MemberCertificate, Network, Role,
    RootCertificate, Serial, Subject, Validity,
};
use silsila_replica::{Rules, admission};

pub const START: u64 = 1_700_000_000_000;
pub const DAY: u64 = 86_400_000;

pub const OPEN: &str = include_str!("../../../../config/examples/contracts/open-treatment.cedar");

/// Who issues certificates.
pub struct Authority {
    pub network: Network,
    pub issuing: IssuingCertificate,
    key: CertificateKey,
}

impl Authority {
    pub fn new(seed: u8) -> Self {
        let (root_key, key) = (
            CertificateKey::from_seed(&[seed; 32]),
            CertificateKey::from_seed(&[seed + 1; 32]),
        );
        let serial = |n| Serial::from_random([n; 16]);
        let years = |n: u64| Validity::new(START - DAY, START + n * 365 * DAY).unwrap();
        let root = RootCertificate::found("Sindh", &root_key, serial(1), years(20)).unwrap();
        let issuing =
            IssuingCertificate::issue(&root, &root_key, key.public(), serial(2), years(10))
                .unwrap();
        Self {
            network: Network::new(root, START),
            issuing,
            key,
        }
    }

    pub fn certify(&self, hospital: &Hospital, from_ms: u64, until_ms: u64) -> Credential {
        let subject = Subject {
            organization: hospital.organization.clone(),
            role: hospital.role,
            ledger_key: hospital.key.public(),
            sealing_key: hospital.sealing_key,
        };
        let validity = Validity::new(from_ms, until_ms).unwrap();
        let serial = Serial::from_random([7; 16]);
        let member =
            MemberCertificate::issue(&self.issuing, &self.key, &subject, serial, validity).unwrap();
        Credential {
            network: self.network.clone(),
            issuing: self.issuing.clone(),
            member,
        }
    }
}

/// One gateway.
#[derive(Clone)]
pub struct Hospital {
    pub key: MemberKey,
    pub sealing_key: [u8; 32],
    pub organization: String,
    pub role: Role,
}

impl Hospital {
    pub fn new(seed: u8, organization: &str, role: Role) -> Self {
        Self {
            key: MemberKey::from_seed(&[seed; 32]),
            sealing_key: [seed; 32],
            organization: organization.to_owned(),
            role,
        }
    }

    pub fn identity(&self) -> Identity {
        Identity::ed25519(self.key.public())
    }
}

pub fn hospitals() -> Vec<Hospital> {
    let names = ["Mirpurkhas", "Hyderabad", "Karachi", "Sukkur"];
    let numbered = (10..).zip(names);
    numbered
        .map(|(seed, name)| Hospital::new(seed, name, Role::Hospital))
        .collect()
}

/// One channel as one member sees it, and who certifies its blocks.
pub struct Channel {
    pub genesis: Genesis,
    pub state: ChainState,
    pub heads: MemoryHeads,
    pub rules: Rules,
    pub blocks: Vec<Block>,
    validator: MemberKey,
}

pub fn contract(policies: &str) -> Contract {
    Contract {
        policies: policies.to_owned(),
        limits: Limits {
            entries: 100,
            bytes: 64 << 10,
            horizon: 1000,
            max_staleness_ms: 60_000,
        },
    }
}

pub fn genesis(authority: &Authority, founders: &[Hospital], policies: &str) -> Genesis {
    let founder = |hospital: &Hospital| Founder {
        identity: hospital.identity(),
        admission: admission(&authority.certify(hospital, START, START + 365 * DAY)),
    };
    let mut members: Vec<Founder> = founders.iter().map(founder).collect();
    members.sort_by_key(|founder| founder.identity);
    let validator = MemberKey::from_seed(&[99; 32]);
    Genesis {
        network: authority.network.fingerprint().0,
        members,
        root: authority.network.encode(),
        contract: contract(policies),
        ..Genesis::lone(validator.public(), "sindh".to_owned(), [3; 16], START)
    }
}

impl Channel {
    pub fn new(genesis: Genesis) -> Self {
        let rules = Rules::default();
        silsila_chain::judge_founding(&genesis, &rules).expect("a sound founding");
        Self {
            state: ChainState::at_genesis(&genesis),
            heads: MemoryHeads::default(),
            rules,
            blocks: Vec::new(),
            validator: MemberKey::from_seed(&[99; 32]),
            genesis,
        }
    }

    pub fn id(&self) -> ChannelId {
        self.state.channel()
    }

    pub fn next_sequence(&self, hospital: &Hospital) -> u64 {
        self.state.sequence(&hospital.identity()).unwrap_or(0) + 1
    }

    /// Signs entries as the hospital's next transaction.
    pub fn sign(&self, by: &Hospital, entries: &[Entry]) -> Transaction {
        let until = Height(self.state.height().0 + 500);
        sign(&by.key, self.id(), self.next_sequence(by), until, entries)
    }

    /// Offers a transaction; it is committed in a block of its own, or refused.
    pub fn offer(&mut self, transaction: &Transaction) -> Result<(), Reason> {
        let at = self.state.time_ms() + 1000;
        self.offer_at(at, transaction)
    }

    pub fn offer_at(&mut self, time_ms: u64, transaction: &Transaction) -> Result<(), Reason> {
        let open = transaction.open().map_err(|fault| fault.reason)?;
        let mut judge = self.state.judge(&self.rules);
        match judge.admit(&open, &mut self.heads) {
            Ok(()) => {}
            Err(Refused::Fault(fault)) => return Err(fault.reason),
        }
        drop(judge);
        self.commit(time_ms, vec![transaction.clone()]);
        Ok(())
    }

    /// Certifies a block, whatever it holds.
    pub fn certify(&self, time_ms: u64, transactions: Vec<Transaction>) -> Block {
        let ids: Vec<_> = transactions.iter().map(Transaction::id).collect();
        let header = self.state.next_header(time_ms, &ids).encode();
        let certificate = Certificate::lone(&self.validator, &BlockHeader::hash(&header));
        Block {
            certificate: certificate.encode(),
            header,
            transactions,
        }
    }

    /// Commits a block that must be sound.
    pub fn commit(&mut self, time_ms: u64, transactions: Vec<Transaction>) {
        let block = self.certify(time_ms, transactions);
        self.follow(&block, &Rules::default())
            .expect("a sound block");
    }

    /// Takes a block as a replica does.
    pub fn follow(&mut self, block: &Block, policy: &dyn Policy) -> Result<(), Reason> {
        match self.state.verify_block(block, policy, &mut self.heads) {
            Ok(verified) => {
                self.heads.extend(verified.accepted.heads);
                self.state = verified.accepted.after;
                self.blocks.push(block.clone());
                Ok(())
            }
            Err(Rejected::Fault(fault)) => Err(fault.reason),
        }
    }

    /// Lets time pass without transactions.
    pub fn wait_until(&mut self, time_ms: u64) {
        self.commit(time_ms, Vec::new());
    }

    /// A change of a member, endorsed.
    pub fn change(&self, subject: &Hospital, change: Change, endorsers: &[&Hospital]) -> Entry {
        let known = self.state.members().get(&subject.identity());
        let proposal = MemberChange {
            subject: subject.identity(),
            revision: known.map_or(0, |member| member.revision) + 1,
            until: Height(self.state.height().0 + 50),
            change,
        };
        Entry::Member(Box::new(self.endorsed(proposal, endorsers)))
    }

    pub fn endorsed<P: Proposal>(&self, proposal: P, endorsers: &[&Hospital]) -> Endorsed<P> {
        let id = proposal.id(&self.id());
        let endorsements = endorsers.iter().map(|by| Endorsement::sign(&by.key, &id));
        Endorsed::new(proposal, endorsements.collect())
    }

    pub fn new_contract(&self, policies: &str, endorsers: &[&Hospital]) -> Entry {
        let proposal = ContractChange {
            number: self.state.agreement().contract_number() + 1,
            until: Height(self.state.height().0 + 50),
            contract: contract(policies),
        };
        Entry::Contract(Box::new(self.endorsed(proposal, endorsers)))
    }
}

pub fn sign(
    key: &MemberKey,
    channel: ChannelId,
    sequence: u64,
    until: Height,
    entries: &[Entry],
) -> Transaction {
    let mut writer = Writer::new();
    entries.iter().for_each(|entry| entry.write(&mut writer));
    let hashes: Vec<EntryHash> = entries
        .iter()
        .map(|entry| Entry::hash(&entry.encode()))
        .collect();
    Transaction::sign(key, channel, sequence, until, writer.into_bytes(), &hashes)
}

/// The first version of a resource.
pub fn put(resource: u8, kind: &str) -> Entry {
    Entry::Record(record(resource, kind))
}

pub fn record(resource: u8, kind: &str) -> Record {
    Record {
        op: Op::Put,
        resource_tag: Tag([resource; 16]),
        subject_tag: Tag([1; 16]),
        kind: kind.to_owned(),
        label_class: 0,
        version: 1,
        previous: None,
        key_period: 1,
        event_id: EventId([resource; 16]),
        payload: Some(sealed(Suite::SEALED)),
    }
}

pub const fn sealed(suite: Suite) -> PayloadCommitment {
    PayloadCommitment {
        suite,
        digest: PayloadDigest([9; 32]),
        size: 300,
    }
}

pub fn grant(to: &[&Hospital]) -> Grant {
    let mut recipients: Vec<Identity> = to.iter().map(|hospital| hospital.identity()).collect();
    recipients.sort();
    Grant {
        subject_tag: Tag([1; 16]),
        label_class: 0,
        key_period: 1,
        event_id: EventId([200; 16]),
        recipients,
        payload: sealed(Suite::ENVELOPES),
    }
}

/// The sum over newest versions that the heads make.
pub fn sum(heads: &MemoryHeads) -> StateHash {
    let mut sum = StateHash::default();
    for (tag, head) in heads {
        sum.add(tag, head.version, &head.entry);
    }
    sum
}
