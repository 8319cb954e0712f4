// SPDX-License-Identifier: Apache-2.0
//! Who joins, stays and goes.

use silsila_chain::{Change, Entry, Height, MemberChange, Reason, Standing};
use silsila_replica::admission;
use silsila_replica::certificate::Role;

use crate::bed::{Authority, Channel, DAY, Hospital, OPEN, START, genesis, grant, hospitals, put};

const MISUSE: u8 = 1;

fn start() -> (Authority, Vec<Hospital>, Channel) {
    let (authority, hospitals) = (Authority::new(1), hospitals());
    let channel = Channel::new(genesis(&authority, &hospitals[..3], OPEN));
    (authority, hospitals, channel)
}

fn admit(authority: &Authority, hospital: &Hospital) -> Change {
    Change::Admit(admission(&authority.certify(
        hospital,
        START,
        START + 300 * DAY,
    )))
}

fn offer(channel: &mut Channel, by: &Hospital, entry: Entry) -> Result<(), Reason> {
    let transaction = channel.sign(by, &[entry]);
    channel.offer(&transaction)
}

#[test]
fn a_hospital_joins_with_a_certificate_and_the_votes_and_then_appends() {
    let (authority, all, mut channel) = start();
    let (first, second, new) = (&all[0], &all[1], &all[3]);
    assert_eq!(
        offer(&mut channel, new, put(1, "Observation")),
        Err(Reason::NotMember)
    );
    let alone = channel.change(new, admit(&authority, new), &[]);
    assert_eq!(offer(&mut channel, first, alone), Err(Reason::NotPermitted));
    let endorsed = channel.change(new, admit(&authority, new), &[second]);
    assert_eq!(offer(&mut channel, first, endorsed.clone()), Ok(()));
    assert_eq!(
        channel
            .state
            .members()
            .get(&new.identity())
            .unwrap()
            .ordinal,
        3
    );
    assert_eq!(offer(&mut channel, new, put(1, "Observation")), Ok(()));
    assert_eq!(
        offer(&mut channel, first, endorsed),
        Err(Reason::AlreadyMember)
    );
}

#[test]
fn two_gateways_of_one_organization_are_one_vote() {
    let (authority, all, mut channel) = start();
    let (first, new) = (&all[0], &all[3]);
    let twin = Hospital::new(40, &first.organization, Role::Hospital);
    let joins = channel.change(&twin, admit(&authority, &twin), &[&all[1]]);
    assert_eq!(offer(&mut channel, first, joins), Ok(()));
    let by_twins = channel.change(new, admit(&authority, new), &[&twin]);
    assert_eq!(
        offer(&mut channel, first, by_twins),
        Err(Reason::NotPermitted)
    );
    let by_two = channel.change(new, admit(&authority, new), &[&twin, &all[2]]);
    assert_eq!(offer(&mut channel, first, by_two), Ok(()));
}

#[test]
fn votes_of_strangers_do_not_count_and_forged_ones_refuse_the_whole() {
    let (authority, all, mut channel) = start();
    let new = &all[3];
    let stranger = Hospital::new(50, "Nowhere", Role::Hospital);
    let by_stranger = channel.change(new, admit(&authority, new), &[&stranger]);
    assert_eq!(
        offer(&mut channel, &all[0], by_stranger),
        Err(Reason::NotPermitted)
    );
    let Entry::Member(mut forged) = channel.change(new, admit(&authority, new), &[&all[1]]) else {
        unreachable!("a member entry was made")
    };
    forged.endorsements[0].member = all[2].identity();
    let forged = Entry::Member(forged);
    assert_eq!(
        offer(&mut channel, &all[0], forged),
        Err(Reason::Endorsement)
    );
}

#[test]
fn an_endorsement_is_for_one_channel_one_revision_and_one_term() {
    let (_, all, mut channel) = start();
    let subject = &all[2];
    let suspend = channel.change(subject, Change::Suspend { reason: 6 }, &[&all[1]]);
    assert_eq!(offer(&mut channel, &all[0], suspend.clone()), Ok(()));
    let back = channel.change(subject, Change::Reinstate, &[&all[1]]);
    assert_eq!(offer(&mut channel, &all[0], back), Ok(()));
    assert_eq!(offer(&mut channel, &all[0], suspend), Err(Reason::Revision));
    let late = MemberChange {
        subject: subject.identity(),
        revision: 4,
        until: Height(channel.state.height().0),
        change: Change::Suspend { reason: 6 },
    };
    let late = Entry::Member(Box::new(channel.endorsed(late, &[&all[1]])));
    assert_eq!(
        offer(&mut channel, &all[0], late),
        Err(Reason::ProposalExpired)
    );
    let (_, _, other) = {
        let authority = Authority::new(7);
        let hospitals = hospitals();
        let channel = Channel::new(genesis(&authority, &hospitals[..2], OPEN));
        (authority, hospitals, channel)
    };
    let there = other.change(subject, Change::Suspend { reason: 6 }, &[&all[1]]);
    let there = channel.sign(&all[0], &[there]);
    assert_eq!(channel.offer(&there), Err(Reason::Endorsement));
}

#[test]
fn whoever_is_suspended_does_nothing_until_reinstated() {
    let (_, all, mut channel) = start();
    let subject = &all[2];
    let suspend = channel.change(subject, Change::Suspend { reason: 6 }, &[&all[1]]);
    assert_eq!(offer(&mut channel, &all[0], suspend), Ok(()));
    assert_eq!(
        offer(&mut channel, subject, put(1, "Observation")),
        Err(Reason::Suspended)
    );
    let again = channel.change(subject, Change::Suspend { reason: 6 }, &[&all[1]]);
    assert_eq!(offer(&mut channel, &all[0], again), Err(Reason::Standing));
    let to_it = Entry::Grant(grant(&[subject]));
    assert_eq!(offer(&mut channel, &all[0], to_it), Ok(()));
    let back = channel.change(subject, Change::Reinstate, &[&all[1]]);
    assert_eq!(offer(&mut channel, &all[0], back), Ok(()));
    assert_eq!(offer(&mut channel, subject, put(1, "Observation")), Ok(()));
}

#[test]
fn a_revoked_member_is_cut_off_at_its_height_for_good() {
    let (authority, all, mut channel) = start();
    let subject = &all[2];
    let before = channel.sign(subject, &[put(1, "Observation")]);
    let revoke = channel.change(subject, Change::Revoke { reason: MISUSE }, &[&all[1]]);
    let revoke = channel.sign(&all[0], &[revoke]);
    let after = {
        let sequence = channel.next_sequence(subject) + 1;
        let until = Height(400);
        crate::bed::sign(
            &subject.key,
            channel.id(),
            sequence,
            until,
            &[put(2, "Observation")],
        )
    };
    // In one block: what stands before the revocation is taken, what stands behind it is not.
    let at = channel.state.time_ms() + 1000;
    let block = channel.certify(at, vec![before.clone(), revoke.clone(), after.clone()]);
    let rules = silsila_replica::Rules::default();
    assert_eq!(channel.follow(&block, &rules), Err(Reason::Revoked));
    channel.commit(at, vec![before, revoke]);
    assert_eq!(channel.offer(&after), Err(Reason::Revoked));
    let standing = channel
        .state
        .members()
        .get(&subject.identity())
        .unwrap()
        .standing;
    assert_eq!(standing, Standing::Revoked);
    for change in [
        Change::Reinstate,
        Change::Renew {
            certificate: Vec::new(),
            not_after_ms: START + 900 * DAY,
        },
    ] {
        let change = channel.change(subject, change, &[&all[1]]);
        assert_eq!(offer(&mut channel, &all[0], change), Err(Reason::Revoked));
    }
    let joins = channel.change(subject, admit(&authority, subject), &[&all[1]]);
    assert_eq!(offer(&mut channel, &all[0], joins), Err(Reason::Revision));
    let to_it = Entry::Grant(grant(&[subject]));
    assert_eq!(offer(&mut channel, &all[0], to_it), Err(Reason::Recipient));
}

#[test]
fn a_revoked_member_has_no_vote_and_no_say() {
    let (authority, all, mut channel) = start();
    let revoke = channel.change(&all[2], Change::Revoke { reason: MISUSE }, &[&all[1]]);
    assert_eq!(offer(&mut channel, &all[0], revoke), Ok(()));
    assert_eq!(channel.state.members().organizations(Some(START)), 2);
    let new = &all[3];
    let by_revoked = channel.change(new, admit(&authority, new), &[&all[2]]);
    assert_eq!(
        offer(&mut channel, &all[0], by_revoked),
        Err(Reason::NotPermitted)
    );
}

#[test]
fn an_organization_takes_its_own_lost_gateway_out_alone() {
    let (authority, all, mut channel) = start();
    let twin = Hospital::new(40, &all[0].organization, Role::Hospital);
    let joins = channel.change(&twin, admit(&authority, &twin), &[&all[1]]);
    assert_eq!(offer(&mut channel, &all[0], joins), Ok(()));
    let out = channel.change(&twin, Change::Revoke { reason: MISUSE }, &[]);
    assert_eq!(
        offer(&mut channel, &all[1], out.clone()),
        Err(Reason::NotPermitted)
    );
    assert_eq!(offer(&mut channel, &all[0], out), Ok(()));
}

#[test]
fn a_member_has_an_organization_a_role_and_a_key_to_seal_to() {
    let (authority, all, mut channel) = start();
    let Change::Admit(good) = admit(&authority, &all[3]) else {
        unreachable!("an admission was made")
    };
    let wrong = [
        (
            "organization",
            silsila_chain::Admission {
                organization: " x".to_owned(),
                ..good.clone()
            },
        ),
        (
            "role",
            silsila_chain::Admission {
                role: "Big Hospital".to_owned(),
                ..good.clone()
            },
        ),
        (
            "key",
            silsila_chain::Admission {
                sealing_key: [0; 32],
                ..good
            },
        ),
    ];
    for (what, admission) in wrong {
        let entry = channel.change(&all[3], Change::Admit(admission), &[&all[1]]);
        assert_eq!(
            offer(&mut channel, &all[0], entry),
            Err(Reason::Member),
            "{what}"
        );
    }
}

#[test]
fn a_stranger_cannot_be_renewed_or_revoked() {
    let (_, all, mut channel) = start();
    let out = channel.change(&all[3], Change::Revoke { reason: MISUSE }, &[&all[1]]);
    assert_eq!(offer(&mut channel, &all[0], out), Err(Reason::NotMember));
}
