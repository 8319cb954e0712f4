// SPDX-License-Identifier: Apache-2.0
//! Several epochs: who certifies which block.

use silsila_chain::{Block, BlockHeader, ChainState, Change, EPOCH_NOTICE, Height, Reason};

use crate::growing::{Growing, admission, change, member, revoked, sorted, three_epochs};

#[test]
fn the_new_validators_certify_from_the_block_behind_the_boundary_on() {
    let mut chain = Growing::of(5, &[0, 1, 2, 3]);
    let (old, new) = (sorted(&[0, 1, 2, 3]), sorted(&[0, 1, 2, 4]));
    chain.put(0, change(1, &[0, 1, 2, 4])).unwrap();
    let boundary = 1 + EPOCH_NOTICE;
    let (at, next) = chain.state.epochs().next().unwrap();
    assert_eq!((at.0, next.identities()), (boundary, &new[..]));
    chain.run_to(boundary - 1);
    assert_eq!(chain.state.validators().identities(), old);
    let last = BlockHeader::decode(&chain.blocks.last().unwrap().header).unwrap();
    assert_eq!(last.next_validators, chain.genesis.validators_hash());

    let block = chain.block(Vec::new());
    let header = BlockHeader::decode(&block.header).unwrap();
    assert_ne!(header.next_validators, chain.genesis.validators_hash());
    let early = Block {
        certificate: chain.certificate(&block.header, &new, 1),
        ..block
    };
    assert_eq!(
        chain.judge(&early),
        Err(Reason::Certificate),
        "not theirs yet"
    );
    chain.run_to(boundary);
    assert_eq!(chain.state.validators().identities(), new);
    assert_eq!(chain.state.validators().epoch(), 1);
    assert_eq!(chain.state.epochs().next(), None);

    let block = chain.block(Vec::new());
    for (who, epoch) in [(&old, 0), (&old, 1), (&new, 0)] {
        let late = Block {
            certificate: chain.certificate(&block.header, who, epoch),
            ..block.clone()
        };
        assert_eq!(
            chain.judge(&late),
            Err(Reason::Certificate),
            "epoch {epoch}"
        );
    }
    assert!(chain.judge(&block).is_ok());
}

#[test]
fn sets_that_cannot_order_or_do_not_follow_are_refused() {
    let mut chain = Growing::of(6, &[0, 1, 2, 3]);
    let cases: [(&[u8], u64, Reason); 8] = [
        (&[0, 1], 1, Reason::ValidatorSet),
        (&[0, 1, 2], 1, Reason::ValidatorSet),
        (&[0, 1, 2, 3], 1, Reason::ValidatorSet),
        (&[0, 1, 2, 9], 1, Reason::Validator),
        (&[0, 1, 2, 5], 1, Reason::Validator),
        (&[0, 1, 2, 4], 0, Reason::EpochNumber),
        (&[0, 1, 2, 4], 2, Reason::EpochNumber),
        (&[0, 1, 2, 4], 1025, Reason::EpochNumber),
    ];
    chain.put(0, revoked(5)).unwrap();
    for (validators, number, reason) in cases {
        assert_eq!(
            chain.put(0, change(number, validators)),
            Err(reason),
            "{validators:?}"
        );
    }
    let twice = [change(1, &[0, 1, 2, 4]), change(1, &[0, 1, 3, 4])];
    let both = chain.transaction(0, &twice);
    assert_eq!(chain.push(vec![both]), Err(Reason::EpochPending));
    chain.put(0, change(1, &[4])).unwrap();
    chain.run_to(40);
    assert_eq!(chain.state.validators().identities(), sorted(&[4]));
    chain.put(0, change(2, &[0, 1, 2, 3])).unwrap();
    chain.run_to(80);
    assert_eq!(chain.state.validators().identities(), sorted(&[0, 1, 2, 3]));
}

#[test]
fn one_organization_has_one_seat() {
    let mut chain = Growing::of(5, &[0, 1, 2, 3]);
    chain
        .put(0, member(6, 1, Change::Admit(admission(0))))
        .unwrap();
    assert_eq!(
        chain.put(0, change(1, &[0, 1, 2, 6])),
        Err(Reason::Validator)
    );
    assert_eq!(chain.put(0, change(1, &[6, 1, 2, 3])), Ok(()));
}

#[test]
fn a_revoked_validator_loses_its_seat_by_itself_where_four_remain() {
    let mut chain = Growing::of(6, &[0, 1, 2, 3, 4]);
    chain.put(0, revoked(2)).unwrap();
    let (boundary, next) = chain.state.epochs().next().unwrap();
    assert_eq!(boundary, Height(1 + EPOCH_NOTICE));
    assert_eq!(next.identities(), sorted(&[0, 1, 3, 4]));
    // Meanwhile it votes on; and another's seat is looked at when the next epoch begins.
    chain.put(0, revoked(3)).unwrap();
    assert_eq!(chain.state.epochs().next().unwrap().0, boundary);
    chain.run_to(boundary.0 + 2);
    assert_eq!(chain.state.validators().identities(), sorted(&[0, 1, 3, 4]));
    assert_eq!(chain.state.epochs().next(), None, "three would remain");
    chain.put(0, change(2, &[0, 1, 4, 5])).unwrap();
    chain.run_to(50);
    assert_eq!(chain.state.validators().identities(), sorted(&[0, 1, 4, 5]));
}

#[test]
fn suspension_leaves_the_seat_and_a_lone_orderer_keeps_it_until_another_is_named() {
    let mut chain = Growing::of(5, &[0, 1, 2, 3, 4]);
    chain
        .put(0, member(2, 2, Change::Suspend { reason: 6 }))
        .unwrap();
    assert_eq!(chain.state.epochs().next(), None);
    let mut alone = Growing::of(3, &[0]);
    alone.put(1, revoked(0)).unwrap();
    assert_eq!(alone.state.epochs().next(), None);
    alone.put(1, change(1, &[2])).unwrap();
    alone.run_to(30);
    assert_eq!(alone.state.validators().identities(), sorted(&[2]));
}

#[test]
fn a_kept_state_knows_its_epochs() {
    let mut chain = three_epochs();
    assert_eq!(chain.state.epochs().all().len(), 3);
    let kept = ChainState::decode(&chain.genesis, &chain.state.encode()).unwrap();
    assert_eq!(kept, chain.state);
    chain.put(0, change(3, &[0, 1, 2, 4])).unwrap();
    let kept = ChainState::decode(&chain.genesis, &chain.state.encode()).unwrap();
    assert_eq!(kept, chain.state);
    assert_eq!(kept.state_root(), chain.state.state_root());
}

#[test]
fn state_roots_tell_epochs_apart_and_are_as_before_without_any() {
    let (mut with, mut without) = (Growing::of(5, &[0, 1, 2, 3]), Growing::of(5, &[0, 1, 2, 3]));
    let (one, other) = (change(1, &[0, 1, 2, 4]), change(1, &[0, 1, 3, 4]));
    let (root_with, root_without) = (with.state.state_root(), without.state.state_root());
    assert_eq!(root_with, root_without);
    with.put(0, one).unwrap();
    without.put(0, other).unwrap();
    assert_ne!(with.state.state_root(), without.state.state_root());
}
