// SPDX-License-Identifier: Apache-2.0
//! A small chain whose every byte is fixed.

use silsila_chain::cbor::Writer;
use silsila_chain::{
    Block, Certificate, ChainState, ChannelKeys, CustodianKey, Entry, EntryHash, EventId, Genesis,
    Height, MemberKey, MemoryHeads, Op, PayloadCommitment, PayloadDigest, Record, Suite,
    Transaction,
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
    let mut writer = Writer::new();
    for record in records {
        Entry::Record(record.clone()).write(&mut writer);
    }
    let hashes: Vec<EntryHash> = records.iter().map(hash_of).collect();
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
            .verify_block(&block, &mut heads)
            .expect("the sample follows the rules");
        heads.extend(verified.accepted.heads);
        state = verified.accepted.after;
        blocks.push(block);
    }
    blocks
}
