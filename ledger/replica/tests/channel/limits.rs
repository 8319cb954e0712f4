// SPDX-License-Identifier: Apache-2.0
//! Limits of the contract, and whose resource it is.

use silsila_chain::{Change, Entry, Height, Reason, Record};
use silsila_replica::admission;
use silsila_replica::certificate::Role;

use crate::bed::{
    Authority, Channel, DAY, Hospital, OPEN, START, genesis, hospitals, put, record, sign,
};

fn start() -> (Authority, Vec<Hospital>, Channel) {
    let (authority, hospitals) = (Authority::new(1), hospitals());
    let channel = Channel::new(genesis(&authority, &hospitals[..3], OPEN));
    (authority, hospitals, channel)
}

#[test]
fn a_transaction_keeps_to_the_contracts_limits() {
    let (_, all, mut channel) = start();
    let many = |count: u8| {
        (0..count)
            .map(|n| put(n, "Observation"))
            .collect::<Vec<_>>()
    };
    let hundred = channel.sign(&all[0], &many(100));
    let more = channel.sign(&all[0], &many(101));
    assert_eq!(channel.offer(&more), Err(Reason::LimitEntries));
    assert_eq!(channel.offer(&hundred), Ok(()));
    let reach = |until| {
        let (id, next) = (channel.id(), channel.next_sequence(&all[0]));
        sign(
            &all[0].key,
            id,
            next,
            Height(until),
            &[put(200, "Observation")],
        )
    };
    let height = channel.state.height().0 + 1;
    let (furthest, too_far) = (reach(height + 1000), reach(height + 1001));
    assert_eq!(channel.offer(&too_far), Err(Reason::Horizon));
    assert_eq!(channel.offer(&furthest), Ok(()));
}

#[test]
fn a_transaction_keeps_to_the_contracts_bytes() {
    let (authority, all) = (Authority::new(1), hospitals());
    let mut founding = genesis(&authority, &all[..3], OPEN);
    founding.contract.limits.bytes = 400;
    let mut channel = Channel::new(founding);
    let four = [1, 2, 3, 4].map(|n| put(n, "Observation"));
    let (three, four) = (
        channel.sign(&all[0], &four[..3]),
        channel.sign(&all[0], &four),
    );
    assert_eq!(channel.offer(&four), Err(Reason::LimitBytes));
    assert_eq!(channel.offer(&three), Ok(()));
}

#[test]
fn only_the_organization_that_wrote_a_resource_writes_its_next_version() {
    let (authority, all, mut channel) = start();
    let first = put(1, "Observation");
    let transaction = channel.sign(&all[0], std::slice::from_ref(&first));
    assert_eq!(channel.offer(&transaction), Ok(()));
    let second = Entry::Record(Record {
        version: 2,
        previous: Some(Entry::hash(&first.encode())),
        event_id: silsila_chain::EventId([77; 16]),
        ..record(1, "Observation")
    });
    let hijack = channel.sign(&all[1], std::slice::from_ref(&second));
    assert_eq!(channel.offer(&hijack), Err(Reason::Custodian));
    let both = channel.sign(&all[1], &[put(9, "Observation"), second.clone()]);
    assert_eq!(channel.offer(&both), Err(Reason::Custodian));
    let twin = Hospital::new(40, &all[0].organization, Role::Hospital);
    let admission = admission(&authority.certify(&twin, START, START + 300 * DAY));
    let joins = channel.change(&twin, Change::Admit(admission), &[&all[1]]);
    let joins = channel.sign(&all[0], &[joins]);
    assert_eq!(channel.offer(&joins), Ok(()));
    let own = channel.sign(&twin, &[second]);
    assert_eq!(
        channel.offer(&own),
        Ok(()),
        "another gateway of the same organization"
    );
}

#[test]
fn a_refused_transaction_leaves_members_and_contract_as_they_were() {
    let (_, all, mut channel) = start();
    let revoke = channel.change(&all[2], Change::Revoke { reason: 1 }, &[&all[1]]);
    let contract = channel.new_contract(OPEN, &[&all[1]]);
    let absent = Entry::Record(Record {
        version: 5,
        previous: Some(silsila_chain::EntryHash([5; 32])),
        ..record(1, "Observation")
    });
    let transaction = channel.sign(&all[0], &[revoke, contract, absent]);
    let before = channel.state.clone();
    let rules = silsila_replica::Rules::default();
    let mut judge = channel.state.judge(&rules);
    let open = transaction.open().unwrap();
    assert!(judge.admit(&open, &mut channel.heads).is_err());
    let still = channel
        .sign(&all[2], &[put(1, "Observation")])
        .open()
        .unwrap();
    assert!(judge.admit(&still, &mut channel.heads).is_ok());
    drop(judge);
    assert_eq!(channel.offer(&transaction), Err(Reason::VersionOrder));
    assert_eq!(channel.state, before);
}
