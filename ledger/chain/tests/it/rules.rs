// SPDX-License-Identifier: Apache-2.0
//! Which blocks a chain takes.

use silsila_chain::{
    AsCertified, Block, BlockFault, BlockHeader, Certificate, ChainState, Entry, Genesis, Grant,
    Height, Identity, MemberKey, MemoryHeads, Op, PayloadCommitment, Reason, Record, Rejected,
    StateHash, Suite, Transaction, Validators,
};

use crate::sample::{
    block, chain, delete, entries_by, event, genesis, grant, hash_of, key, put, shared,
    transaction, transaction_by,
};

fn start() -> ChainState {
    ChainState::at_genesis(&genesis())
}

/// What the chain at genesis says to one block of these transactions.
fn judge(transactions: Vec<Transaction>) -> Result<(), BlockFault> {
    let block = block(&start(), 1_700_000_000_001, transactions);
    match start().verify_block(&block, &AsCertified, &mut MemoryHeads::default()) {
        Ok(_) => Ok(()),
        Err(Rejected::Fault(fault)) => Err(fault),
    }
}

fn refuses(records: &[Record], entry: u64, reason: Reason) {
    let found = judge(vec![transaction(1, records)]);
    let expected = BlockFault {
        height: Height(1),
        transaction: Some(0),
        entry: Some(entry),
        reason,
    };
    assert_eq!(found, Err(expected));
}

#[test]
fn the_sample_chain_is_accepted_and_its_roots_are_those_of_its_heads() {
    let (mut state, mut heads) = (start(), MemoryHeads::default());
    for block in chain() {
        let verified = state
            .verify_block(&block, &AsCertified, &mut heads)
            .unwrap();
        heads.extend(verified.accepted.heads);
        state = verified.accepted.after;
    }
    assert_eq!(
        (state.height(), state.entries(), heads.len()),
        (Height(3), 4, 2)
    );
    let mut sum = StateHash::default();
    heads
        .iter()
        .for_each(|(tag, head)| sum.add(tag, head.version, &head.entry));
    assert_eq!(state.state(), &sum);
}

#[test]
fn versions_rise_by_one_from_the_head() {
    let first = put("a", 1, None);
    let (hash, other) = (hash_of(&first), hash_of(&put("b", 1, None)));
    assert_eq!(
        judge(vec![transaction(
            1,
            &[first.clone(), put("a", 2, Some(hash))]
        )]),
        Ok(())
    );
    refuses(&[put("a", 0, None)], 0, Reason::VersionOrder);
    refuses(&[put("a", 2, Some(hash))], 0, Reason::VersionOrder);
    refuses(&[first.clone(), put("a", 1, None)], 1, Reason::VersionOrder);
    refuses(
        &[first.clone(), put("a", 3, Some(hash))],
        1,
        Reason::VersionOrder,
    );
    refuses(&[first, put("a", 2, Some(other))], 1, Reason::Previous);
}

#[test]
fn what_is_deleted_can_be_put_again_and_what_is_absent_cannot_be_deleted() {
    let first = put("a", 1, None);
    let second = delete("a", 2, hash_of(&first));
    let third = put("a", 3, Some(hash_of(&second)));
    assert_eq!(
        judge(vec![transaction(
            1,
            &[first.clone(), second.clone(), third]
        )]),
        Ok(())
    );
    let again = delete("a", 3, hash_of(&second));
    refuses(&[first, second, again], 2, Reason::Absent);
    let absent = Record {
        op: Op::Delete,
        payload: None,
        ..put("a", 1, None)
    };
    refuses(&[absent], 0, Reason::Absent);
}

#[test]
fn an_event_happens_once_in_a_block() {
    let twice = |name| Record {
        event_id: event(1),
        ..put(name, 1, None)
    };
    refuses(&[twice("a"), twice("b")], 1, Reason::DuplicateEvent);
    let over_two = vec![transaction(1, &[twice("a")]), transaction(2, &[twice("b")])];
    let fault = judge(over_two).unwrap_err();
    assert_eq!(
        (fault.transaction, fault.reason),
        (Some(1), Reason::DuplicateEvent)
    );
}

#[test]
fn a_record_must_agree_with_itself() {
    let base = || put("a", 1, None);
    let payload = base().payload.unwrap();
    refuses(
        &[Record {
            kind: String::new(),
            ..base()
        }],
        0,
        Reason::Kind,
    );
    refuses(
        &[Record {
            payload: None,
            ..base()
        }],
        0,
        Reason::Payload,
    );
    refuses(
        &[Record {
            op: Op::Delete,
            ..base()
        }],
        0,
        Reason::Payload,
    );
    refuses(
        &[Record {
            key_period: 1,
            ..base()
        }],
        0,
        Reason::KeyPeriod,
    );
    for (suite, size, reason) in [
        (Suite::SEALED, 400, Reason::KeyPeriod),
        (Suite::ENVELOPES, 400, Reason::PayloadSuite),
        (Suite(77), 400, Reason::PayloadSuite),
        (Suite::CLEAR, 0, Reason::PayloadSize),
        (
            Suite::CLEAR,
            silsila_chain::MAX_PAYLOAD + 1,
            Reason::PayloadSize,
        ),
    ] {
        let payload = PayloadCommitment {
            suite,
            size,
            ..payload
        };
        refuses(
            &[Record {
                payload: Some(payload),
                ..base()
            }],
            0,
            reason,
        );
    }
}

#[test]
fn a_transaction_is_judged_by_channel_member_sequence_and_term() {
    let one = [put("a", 1, None)];
    let reason = |transaction| judge(vec![transaction]).map_err(|fault| fault.reason);
    let by = |key: &MemberKey, genesis: &Genesis, sequence, until| {
        transaction_by(key, genesis, sequence, Height(until), &one)
    };
    let stranger = MemberKey::from_seed(&[9; 32]);
    let elsewhere = Genesis {
        nonce: [0; 16],
        ..genesis()
    };
    assert_eq!(reason(by(&key(), &genesis(), 1, 1)), Ok(()));
    assert_eq!(reason(by(&key(), &genesis(), 7, 1)), Ok(()));
    assert_eq!(reason(by(&key(), &genesis(), 0, 1)), Err(Reason::Sequence));
    assert_eq!(reason(by(&key(), &genesis(), 1, 0)), Err(Reason::Expired));
    assert_eq!(reason(by(&key(), &elsewhere, 1, 1)), Err(Reason::Channel));
    assert_eq!(
        reason(by(&stranger, &genesis(), 1, 1)),
        Err(Reason::NotMember)
    );
    let same = vec![transaction(1, &one), transaction(1, &[put("b", 1, None)])];
    assert_eq!(judge(same).unwrap_err().reason, Reason::Sequence);
}

#[test]
fn a_changed_transaction_is_refused() {
    let base = transaction(1, &[put("a", 1, None), put("b", 1, None)]);
    let reason = |transaction: &Transaction| transaction.open().unwrap_err().reason;
    let mut signature = base.clone();
    signature.signature.0[3] ^= 1;
    assert_eq!(reason(&signature), Reason::Signature);
    let other = transaction(1, &[put("a", 1, None), put("c", 1, None)]);
    let swapped = Transaction {
        entries: other.entries,
        ..base.clone()
    };
    assert_eq!(reason(&swapped), Reason::EntriesRoot);
    let fewer = transaction(1, &[put("a", 1, None)]);
    let fewer = Transaction {
        entries: fewer.entries,
        ..base.clone()
    };
    assert_eq!(reason(&fewer), Reason::EntryCount);
    let unknown = Transaction {
        scheme: silsila_chain::Scheme::QUORUM,
        ..base
    };
    assert_eq!(reason(&unknown), Reason::UnknownScheme);
    assert_eq!(reason(&transaction(1, &[])), Reason::EntryCount);
}

#[test]
fn clear_payloads_are_refused_where_two_members_read() {
    let shared = shared();
    let state = ChainState::at_genesis(&shared);
    let transaction = transaction_by(&key(), &shared, 1, Height(9), &[put("a", 1, None)]);
    let refused = state.verify_block(
        &block(&state, 0, vec![transaction]),
        &AsCertified,
        &mut MemoryHeads::default(),
    );
    let Err(Rejected::Fault(fault)) = refused else {
        panic!("a clear payload was taken")
    };
    assert_eq!((fault.reason, fault.entry), (Reason::PayloadSuite, Some(0)));
}

#[test]
fn a_block_has_a_bound_on_its_transactions() {
    let ids: Vec<_> = (0..=1024_u16)
        .map(|n| {
            let mut id = [0; 32];
            id[..2].copy_from_slice(&n.to_be_bytes());
            silsila_chain::TxId(id)
        })
        .collect();
    let verdict = |ids: &[silsila_chain::TxId]| {
        let header = start().next_header(1_700_000_000_001, ids).encode();
        let certificate = Certificate::lone(&key(), &BlockHeader::hash(&header)).encode();
        let certified = start().validators().certify(&header, &certificate).unwrap();
        start().verify_header(&certified, ids)
    };
    assert_eq!(verdict(&ids[..1024]), Ok(()));
    assert_eq!(verdict(&ids), Err(Reason::TransactionCount));
}

#[test]
fn a_header_that_differs_anywhere_is_refused() {
    let good = start().next_header(1_700_000_000_001, &[]);
    let other = [0xee; 32];
    let cases = [
        (
            BlockHeader {
                channel: silsila_chain::ChannelId(other),
                ..good.clone()
            },
            Reason::Channel,
        ),
        (
            BlockHeader {
                height: Height(2),
                ..good.clone()
            },
            Reason::HeightOrder,
        ),
        (
            BlockHeader {
                previous: silsila_chain::BlockHash(other),
                ..good.clone()
            },
            Reason::PreviousBlock,
        ),
        (
            BlockHeader {
                time_ms: start().time_ms(),
                ..good.clone()
            },
            Reason::Time,
        ),
        (
            BlockHeader {
                first_entry: 1,
                ..good.clone()
            },
            Reason::FirstEntry,
        ),
        (
            BlockHeader {
                tx_root: other,
                ..good.clone()
            },
            Reason::TxRoot,
        ),
        (
            BlockHeader {
                history_root: other,
                ..good.clone()
            },
            Reason::HistoryRoot,
        ),
        (
            BlockHeader {
                state_root: other,
                ..good.clone()
            },
            Reason::StateRoot,
        ),
        (
            BlockHeader {
                rules_version: 3,
                ..good.clone()
            },
            Reason::RulesVersion,
        ),
        (
            BlockHeader {
                next_validators: other,
                ..good.clone()
            },
            Reason::Validators,
        ),
    ];
    let validators = Validators::of(&genesis());
    for (header, reason) in cases {
        let bytes = header.encode();
        let certificate = Certificate::lone(&key(), &BlockHeader::hash(&bytes)).encode();
        let certified = validators.certify(&bytes, &certificate).unwrap();
        assert_eq!(start().verify_header(&certified, &[]), Err(reason));
    }
}

#[test]
fn a_certificate_is_the_validators_over_this_header() {
    let bytes = start().next_header(1_700_000_000_001, &[]).encode();
    let (validators, hash) = (Validators::of(&genesis()), BlockHeader::hash(&bytes));
    assert!(
        validators
            .certify(&bytes, &Certificate::lone(&key(), &hash).encode())
            .is_ok()
    );
    let stranger = MemberKey::from_seed(&[9; 32]);
    for certificate in [
        Certificate::lone(&stranger, &hash).encode(),
        Certificate::lone(&key(), &silsila_chain::BlockHash([0xee; 32])).encode(),
        vec![2],
    ] {
        assert_eq!(
            validators.certify(&bytes, &certificate),
            Err(Reason::Certificate)
        );
    }
}

#[test]
fn block_time_rises_even_when_the_clock_falls() {
    let header = start().next_header(5, &[]);
    assert_eq!(header.time_ms, start().time_ms() + 1);
}

#[test]
fn a_block_left_out_or_repeated_is_noticed() {
    let blocks = chain();
    let reason = |block: &Block| match start().verify_block(
        block,
        &AsCertified,
        &mut MemoryHeads::default(),
    ) {
        Err(Rejected::Fault(fault)) => fault.reason,
        Ok(_) => panic!("a block was taken out of order"),
    };
    assert_eq!(reason(&blocks[1]), Reason::HeightOrder);
    let verified = start()
        .verify_block(&blocks[0], &AsCertified, &mut MemoryHeads::default())
        .unwrap();
    let again =
        verified
            .accepted
            .after
            .verify_block(&blocks[0], &AsCertified, &mut MemoryHeads::default());
    assert!(matches!(again, Err(Rejected::Fault(fault)) if fault.reason == Reason::HeightOrder));
}

#[test]
fn a_refused_transaction_leaves_no_trace_in_the_judge() {
    let (state, mut heads) = (start(), MemoryHeads::default());
    let mut judge = state.judge(&AsCertified);
    let bad = transaction(1, &[put("a", 1, None), put("b", 2, None)]);
    assert!(
        bad.open().is_err(),
        "a first version without a previous entry has number 1"
    );
    let first = put("a", 1, None);
    let bad = transaction(1, &[first.clone(), put("b", 2, Some(hash_of(&first)))])
        .open()
        .unwrap();
    assert!(judge.admit(&bad, &mut heads).is_err());
    assert!(judge.heads().is_empty());
    let good = transaction(1, &[first]).open().unwrap();
    assert_eq!(judge.admit(&good, &mut heads), Ok(()));
}

#[test]
fn sealed_payloads_and_grants_are_for_shared_channels() {
    let sealed = Record {
        key_period: 1,
        payload: put("a", 1, None).payload.map(|payload| PayloadCommitment {
            suite: Suite::SEALED,
            ..payload
        }),
        ..put("a", 1, None)
    };
    let entries = [Entry::Record(sealed), Entry::Grant(grant())];
    let judged = |genesis: &Genesis| {
        let state = ChainState::at_genesis(genesis);
        let transaction = entries_by(&key(), genesis, 1, Height(9), &entries);
        let block = block(&state, 0, vec![transaction]);
        match state.verify_block(&block, &AsCertified, &mut MemoryHeads::default()) {
            Ok(verified) => Ok(verified.accepted.heads.len()),
            Err(Rejected::Fault(fault)) => Err((fault.entry, fault.reason)),
        }
    };
    assert_eq!(judged(&shared()), Ok(1));
    assert_eq!(judged(&genesis()), Err((Some(0), Reason::PayloadSuite)));
}

#[test]
fn a_grant_names_members_and_a_period() {
    let refused = |grant: Grant| {
        let state = ChainState::at_genesis(&shared());
        let transaction = entries_by(&key(), &shared(), 1, Height(9), &[Entry::Grant(grant)]);
        let block = block(&state, 0, vec![transaction]);
        match state.verify_block(&block, &AsCertified, &mut MemoryHeads::default()) {
            Ok(_) => panic!("a grant was taken that should not be"),
            Err(Rejected::Fault(fault)) => fault.reason,
        }
    };
    let stranger = Identity::ed25519(MemberKey::from_seed(&[9; 32]).public());
    let clear = PayloadCommitment {
        suite: Suite::CLEAR,
        ..grant().payload
    };
    let cases = [
        (
            Grant {
                recipients: vec![stranger],
                ..grant()
            },
            Reason::Recipient,
        ),
        (
            Grant {
                key_period: 0,
                ..grant()
            },
            Reason::KeyPeriod,
        ),
        (
            Grant {
                payload: clear,
                ..grant()
            },
            Reason::PayloadSuite,
        ),
    ];
    for (grant, reason) in cases {
        assert_eq!(refused(grant), reason);
    }
}
