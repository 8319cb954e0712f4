// SPDX-License-Identifier: Apache-2.0
//! A small chain whose every byte is fixed.

use silsila_chain::cbor::Writer;
use silsila_chain::{
    Admission, AsCertified, Block, Certificate, ChainState, Change, ChannelKeys, Contract,
    ContractChange, CustodianKey, Endorsed, Endorsement, Entry, EntryHash, EpochChange, EventId,
    Founder, Genesis, Grant, Height, Identity, Limits, MemberChange, MemberKey, MemoryHeads, Op,
    PayloadCommitment, PayloadDigest, Proposal, Record, Suite, Transaction,
};

pub fn key() -> MemberKey {
    MemberKey::from_seed(&[1; 32])
}

pub fn genesis() -> Genesis {
    Genesis::lone(
        key().public(),
        "sample".to_owned(),
        [2; 16],
        1_700_000_000_000,
    )
}

/// The founding of a channel of two hospitals, whose keys are `key()` and `other_key()`.
pub fn shared() -> Genesis {
    let founder = |key: &MemberKey, sealing: u8, organization: &str| Founder {
        identity: Identity::ed25519(key.public()),
        admission: Admission {
            sealing_key: [sealing; 32],
            organization: organization.to_owned(),
            role: "hospital".to_owned(),
            certificate: vec![sealing; 9],
            not_after_ms: 1_800_000_000_000,
        },
    };
    let mut members = vec![
        founder(&key(), 21, "Mirpurkhas"),
        founder(&other_key(), 22, "Karachi"),
    ];
    members.sort_by_key(|founder| founder.identity);
    Genesis {
        network: [4; 32],
        members,
        root: vec![5; 12],
        contract: contract(),
        ..genesis()
    }
}

pub fn other_key() -> MemberKey {
    MemberKey::from_seed(&[5; 32])
}

pub fn contract() -> Contract {
    Contract {
        policies: "permit (principal, action, resource);".to_owned(),
        limits: Limits {
            entries: 1000,
            bytes: 1 << 20,
            horizon: 500,
            max_staleness_ms: 60_000,
        },
    }
}

/// An entry of each kind and change, on the channel of `shared()`.
pub fn kinds() -> Vec<Entry> {
    let joining = MemberKey::from_seed(&[6; 32]);
    let change = |revision, change| {
        let proposal = MemberChange {
            subject: Identity::ed25519(joining.public()),
            revision,
            until: Height(40),
            change,
        };
        let endorsement = Endorsement::sign(&other_key(), &proposal.id(&shared().id()));
        Entry::Member(Box::new(Endorsed::new(proposal, vec![endorsement])))
    };
    let contract = ContractChange {
        number: 2,
        until: Height(40),
        contract: contract(),
    };
    let validators = EpochChange::new(
        1,
        Height(40),
        (21..25)
            .map(|n| Identity::ed25519(MemberKey::from_seed(&[n; 32]).public()))
            .collect(),
    );
    let endorsement = Endorsement::sign(&other_key(), &validators.id(&shared().id()));
    let admission = Admission {
        sealing_key: [8; 32],
        organization: "Hyderabad".to_owned(),
        ..shared().members[0].admission.clone()
    };
    vec![
        Entry::Record(put("Observation/a", 1, None)),
        Entry::Grant(grant()),
        change(1, Change::Admit(admission)),
        change(
            2,
            Change::Renew {
                certificate: vec![7; 9],
                not_after_ms: 1_900_000_000_000,
            },
        ),
        change(3, Change::Suspend { reason: 6 }),
        change(4, Change::Reinstate),
        change(5, Change::Revoke { reason: 1 }),
        Entry::Contract(Box::new(Endorsed::new(contract, Vec::new()))),
        Entry::Epoch(Box::new(Endorsed::new(validators, vec![endorsement]))),
    ]
}

/// Keys of one patient, to both members of `shared()`.
pub fn grant() -> Grant {
    Grant {
        subject_tag: keys().subject_tag("Patient/a"),
        label_class: 0,
        key_period: 1,
        event_id: event(11),
        recipients: shared()
            .members
            .iter()
            .map(|founder| founder.identity)
            .collect(),
        payload: PayloadCommitment {
            suite: Suite::ENVELOPES,
            digest: PayloadDigest([10; 32]),
            size: 300,
        },
    }
}

pub fn keys() -> ChannelKeys {
    CustodianKey::new([3; 32]).on(&genesis().id())
}

/// A put of `name` after `previous`.
pub fn put(name: &str, version: u64, previous: Option<EntryHash>) -> Record {
    Record {
        op: Op::Put,
        resource_tag: keys().resource_tag(name),
        subject_tag: keys().subject_tag("Patient/a"),
        kind: "Observation".to_owned(),
        label_class: 0,
        version,
        previous,
        key_period: 0,
        event_id: keys().event_id(
            &keys().resource_tag(name),
            previous.as_ref(),
            Some(&[7; 32]),
        ),
        payload: Some(PayloadCommitment {
            suite: Suite::CLEAR,
            digest: PayloadDigest([9; 32]),
            size: 400,
        }),
    }
}

/// A deletion of `name` after `previous`.
pub fn delete(name: &str, version: u64, previous: EntryHash) -> Record {
    let event_id = keys().event_id(&keys().resource_tag(name), Some(&previous), None);
    Record {
        op: Op::Delete,
        payload: None,
        event_id,
        ..put(name, version, Some(previous))
    }
}

pub fn hash_of(record: &Record) -> EntryHash {
    Entry::hash(&Entry::Record(record.clone()).encode())
}

pub fn event(n: u8) -> EventId {
    EventId([n; 16])
}

/// Signs records as one transaction.
pub fn transaction(sequence: u64, records: &[Record]) -> Transaction {
    transaction_by(&key(), &genesis(), sequence, Height(100), records)
}

pub fn transaction_by(
    key: &MemberKey,
    genesis: &Genesis,
    sequence: u64,
    valid_until: Height,
    records: &[Record],
) -> Transaction {
    let entries: Vec<Entry> = records.iter().cloned().map(Entry::Record).collect();
    entries_by(key, genesis, sequence, valid_until, &entries)
}

/// Signs entries of any kind as one transaction.
pub fn entries_by(
    key: &MemberKey,
    genesis: &Genesis,
    sequence: u64,
    valid_until: Height,
    entries: &[Entry],
) -> Transaction {
    let mut writer = Writer::new();
    entries.iter().for_each(|entry| entry.write(&mut writer));
    let hashes: Vec<EntryHash> = entries
        .iter()
        .map(|entry| Entry::hash(&entry.encode()))
        .collect();
    Transaction::sign(
        key,
        genesis.id(),
        sequence,
        valid_until,
        writer.into_bytes(),
        &hashes,
    )
}

/// Certifies transactions as the block after `state`.
pub fn block(state: &ChainState, time_ms: u64, transactions: Vec<Transaction>) -> Block {
    let ids: Vec<_> = transactions.iter().map(Transaction::id).collect();
    let header = state.next_header(time_ms, &ids).encode();
    let hash = silsila_chain::BlockHeader::hash(&header);
    Block {
        certificate: Certificate::lone(&key(), &hash).encode(),
        header,
        transactions,
    }
}

/// Three blocks: two resources, a second version and a deletion, nothing.
pub fn chain() -> Vec<Block> {
    let a = put("Observation/a", 1, None);
    let b = put("Observation/b", 1, None);
    let a2 = put("Observation/a", 2, Some(hash_of(&a)));
    let b2 = delete("Observation/b", 2, hash_of(&b));
    let (mut state, mut heads) = (ChainState::at_genesis(&genesis()), MemoryHeads::default());
    let mut blocks = Vec::new();
    let plan = [
        vec![transaction(1, &[a, b])],
        vec![transaction(2, &[a2]), transaction(3, &[b2])],
        vec![],
    ];
    for transactions in plan {
        let block = block(&state, state.time_ms() + 10, transactions);
        let verified = state
            .verify_block(&block, &AsCertified, &mut heads)
            .expect("the sample follows the rules");
        heads.extend(verified.accepted.heads);
        state = verified.accepted.after;
        blocks.push(block);
    }
    blocks
}
