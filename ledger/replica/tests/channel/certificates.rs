// SPDX-License-Identifier: Apache-2.0
//! Certificates, judged by the time of the parent block.

use silsila_chain::{Admission, Change, Entry, Reason, judge_founding};
use silsila_replica::certificate::Role;
use silsila_replica::{Rules, admission};

use crate::bed::{Authority, Channel, DAY, Hospital, OPEN, START, genesis, hospitals, put};

fn start() -> (Authority, Vec<Hospital>, Channel) {
    let (authority, hospitals) = (Authority::new(1), hospitals());
    let channel = Channel::new(genesis(&authority, &hospitals[..3], OPEN));
    (authority, hospitals, channel)
}

fn offer(channel: &mut Channel, by: &Hospital, entry: Entry) -> Result<(), Reason> {
    let transaction = channel.sign(by, &[entry]);
    channel.offer(&transaction)
}

fn renewal(authority: &Authority, hospital: &Hospital, until_ms: u64) -> Change {
    let admission = admission(&authority.certify(hospital, START, until_ms));
    Change::Renew {
        certificate: admission.certificate,
        not_after_ms: admission.not_after_ms,
    }
}

#[test]
fn what_a_certificate_does_not_say_is_not_claimed_by_it() {
    let (authority, all, mut channel) = start();
    let new = &all[3];
    let good = admission(&authority.certify(new, START, START + 300 * DAY));
    let foreign = Authority::new(77);
    let wrong = [
        Admission {
            organization: "Somebody else".to_owned(),
            ..good.clone()
        },
        Admission {
            role: "authority".to_owned(),
            ..good.clone()
        },
        Admission {
            sealing_key: [5; 32],
            ..good.clone()
        },
        Admission {
            not_after_ms: good.not_after_ms + 1,
            ..good.clone()
        },
        Admission {
            certificate: good.certificate[..400].to_vec(),
            ..good.clone()
        },
        Admission {
            certificate: vec![0x30, 0x82, 0xff, 0xff],
            ..good.clone()
        },
        admission(&foreign.certify(new, START, START + 300 * DAY)),
        admission(&authority.certify(&all[2], START, START + 300 * DAY)),
        admission(&authority.certify(new, START + 9 * DAY, START + 300 * DAY)),
    ];
    for (number, admission) in wrong.into_iter().enumerate() {
        let entry = channel.change(new, Change::Admit(admission), &[&all[1]]);
        let refused = offer(&mut channel, &all[0], entry);
        assert_eq!(refused, Err(Reason::MemberCertificate), "number {number}");
    }
    let bare = Admission {
        certificate: Vec::new(),
        ..good.clone()
    };
    let entry = channel.change(new, Change::Admit(bare), &[&all[1], &all[2]]);
    assert_eq!(
        offer(&mut channel, &all[0], entry),
        Err(Reason::NotPermitted)
    );
    let entry = channel.change(new, Change::Admit(good), &[&all[1]]);
    assert_eq!(offer(&mut channel, &all[0], entry), Ok(()));
}

#[test]
fn a_certificate_is_valid_by_the_parent_blocks_time() {
    let (_, all, mut channel) = start();
    let end = channel
        .state
        .members()
        .get(&all[0].identity())
        .unwrap()
        .not_after_ms;
    channel.wait_until(end - 5);
    let one = channel.sign(&all[0], &[put(1, "Observation")]);
    assert_eq!(
        channel.offer_at(end + DAY, &one),
        Ok(()),
        "its parent is in time"
    );
    let refused = offer(&mut channel, &all[0], put(2, "Observation"));
    assert_eq!(refused, Err(Reason::MemberExpired));
}

#[test]
fn a_renewal_by_certificate_needs_no_vote_and_one_by_vote_no_certificate() {
    let (authority, all, mut channel) = start();
    channel.wait_until(START + 364 * DAY);
    let renewed = channel.change(
        &all[0],
        renewal(&authority, &all[0], START + 700 * DAY),
        &[],
    );
    assert_eq!(offer(&mut channel, &all[0], renewed), Ok(()));
    let extended = Change::Renew {
        certificate: Vec::new(),
        not_after_ms: START + 600 * DAY,
    };
    let alone = channel.change(&all[1], extended.clone(), &[]);
    assert_eq!(
        offer(&mut channel, &all[1], alone),
        Err(Reason::NotPermitted)
    );
    let voted = channel.change(&all[1], extended, &[&all[0]]);
    assert_eq!(offer(&mut channel, &all[1], voted), Ok(()));
    channel.wait_until(START + 500 * DAY);
    assert_eq!(offer(&mut channel, &all[0], put(1, "Observation")), Ok(()));
    assert_eq!(offer(&mut channel, &all[1], put(2, "Observation")), Ok(()));
    assert_eq!(
        offer(&mut channel, &all[2], put(3, "Observation")),
        Err(Reason::MemberExpired)
    );
}

#[test]
fn members_whose_time_has_all_ended_without_an_authority_extend_each_other_and_do_nothing_else() {
    let (_, all, mut channel) = start();
    channel.wait_until(START + 800 * DAY);
    assert_eq!(
        offer(&mut channel, &all[0], put(1, "Observation")),
        Err(Reason::MemberExpired)
    );
    let extended = Change::Renew {
        certificate: Vec::new(),
        not_after_ms: START + 999 * DAY,
    };
    let alone = channel.change(&all[0], extended.clone(), &[]);
    assert_eq!(
        offer(&mut channel, &all[0], alone),
        Err(Reason::NotPermitted)
    );
    let voted = channel.change(&all[0], extended.clone(), &[&all[1]]);
    let with_more = channel.sign(&all[0], &[voted.clone(), put(1, "Observation")]);
    assert_eq!(channel.offer(&with_more), Err(Reason::MemberExpired));
    assert_eq!(offer(&mut channel, &all[0], voted), Ok(()));
    assert_eq!(offer(&mut channel, &all[0], put(1, "Observation")), Ok(()));
    let revoke = channel.change(&all[2], Change::Revoke { reason: 0 }, &[&all[1]]);
    let refused = offer(&mut channel, &all[1], revoke);
    assert_eq!(
        refused,
        Err(Reason::MemberExpired),
        "more than an extension"
    );
}

#[test]
fn a_founding_is_judged_before_it_is_taken() {
    let (authority, all) = (Authority::new(1), hospitals());
    let sound = genesis(&authority, &all[..3], OPEN);
    let rules = Rules::default();
    assert_eq!(judge_founding(&sound, &rules), Ok(()));
    let mut early = sound.clone();
    early.time_ms = START - 2 * DAY;
    assert_eq!(
        judge_founding(&early, &rules),
        Err(Reason::MemberCertificate)
    );
    let mut renamed = sound.clone();
    renamed.members[0].admission.organization = "Another".to_owned();
    assert_eq!(
        judge_founding(&renamed, &rules),
        Err(Reason::MemberCertificate)
    );
    let mut other = sound.clone();
    other.network = [0; 32];
    assert_eq!(
        judge_founding(&other, &rules),
        Err(Reason::MemberCertificate)
    );
    let mut unreadable = sound.clone();
    unreadable.contract.policies = "permit".to_owned();
    assert_eq!(judge_founding(&unreadable, &rules), Err(Reason::Contract));
    let mut later = sound;
    later.rules_version += 1;
    assert_eq!(judge_founding(&later, &rules), Err(Reason::RulesVersion));
}

#[test]
fn a_role_that_the_contract_does_not_name_joins_but_appends_nothing() {
    let (authority, all, mut channel) = start();
    let insurer = Hospital::new(60, "State Life", Role::Insurer);
    let admission = admission(&authority.certify(&insurer, START, START + 300 * DAY));
    let joins = channel.change(&insurer, Change::Admit(admission), &[&all[1]]);
    assert_eq!(offer(&mut channel, &all[0], joins), Ok(()));
    assert_eq!(
        offer(&mut channel, &insurer, put(1, "Claim")),
        Err(Reason::NotPermitted)
    );
}
