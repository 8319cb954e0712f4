// SPDX-License-Identifier: Apache-2.0
//! Proposals on their way between members, and what the contract still demands of them.

use silsila_chain::{Change, Height, Identity, MemberChange, PublicKey, Reason, sha256};
use silsila_replica::admission;
use silsila_replica::ballot::{Ballot, BallotFault, Note, Proposed};

use crate::bed::{Authority, Channel, DAY, Hospital, OPEN, START, genesis, hospitals};

fn bed() -> (Authority, Vec<Hospital>, Channel) {
    let (authority, hospitals) = (Authority::new(1), hospitals());
    let channel = Channel::new(genesis(&authority, &hospitals[..3], OPEN));
    (authority, hospitals, channel)
}

fn joining(authority: &Authority, new: &Hospital) -> Proposed {
    Proposed::Member(MemberChange {
        subject: new.identity(),
        revision: 1,
        until: Height(50),
        change: Change::Admit(admission(&authority.certify(new, START, START + 300 * DAY))),
    })
}

fn anybody(_: &PublicKey) -> bool {
    true
}

#[test]
fn ballots_of_one_proposal_are_joined_whatever_the_order() {
    let (authority, all, channel) = bed();
    let first = Ballot::propose(&all[0].key, &channel.id(), joining(&authority, &all[3]));
    let (mut second, mut third) = (first.clone(), first.clone());
    second.endorse(&all[1].key, &channel.id());
    assert!(third.decline(&all[2].key, &channel.id()));
    let (mut one, mut two) = (second.clone(), third.clone());
    assert!(one.join(&third, anybody) && two.join(&second, anybody));
    assert_eq!(one, two);
    assert!(!one.join(&third, anybody), "nothing new");
    assert_eq!(one.check(&channel.id()), Ok(()));
    assert_eq!(one.endorsers().count(), 2);
    assert!(one.is_declined_by(&all[2].key.public()));
    assert!(!one.decline(&all[0].key, &channel.id()), "it endorsed");
    // An endorsement outweighs an earlier objection, at whoever hears of both.
    third.endorse(&all[2].key, &channel.id());
    assert!(one.join(&third, anybody));
    assert!(!one.is_declined_by(&all[2].key.public()));
    assert_eq!(Ballot::decode(&one.encode()), Ok(one));
}

#[test]
fn votes_of_strangers_are_not_carried() {
    let (authority, all, channel) = bed();
    let mut ballot = Ballot::propose(&all[0].key, &channel.id(), joining(&authority, &all[3]));
    let mut stranger = ballot.clone();
    stranger.endorse(&all[3].key, &channel.id());
    let members = channel.state.members();
    let is_member = |key: &PublicKey| members.get(&Identity::ed25519(*key)).is_some();
    assert!(!ballot.join(&stranger, is_member));
    stranger.retain(is_member);
    assert_eq!(ballot, stranger);
}

#[test]
fn a_ballot_says_only_what_its_signers_said() {
    let (authority, all, channel) = bed();
    let mut ballot = Ballot::propose(&all[0].key, &channel.id(), joining(&authority, &all[3]));
    ballot.endorse(&all[1].key, &channel.id());
    ballot.decline(&all[2].key, &channel.id());
    let bytes = ballot.encode();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        if let Ok(read) = Ballot::decode(&changed) {
            assert_eq!(read.encode(), changed, "one form");
            assert!(read.check(&channel.id()).is_err(), "byte {at}");
        }
    }
    // What was signed for one channel is nothing on another.
    let mut other = genesis(&authority, &all[..3], OPEN);
    other.nonce = [9; 16];
    assert_eq!(ballot.check(&other.id()), Err(BallotFault::Signature));
}

#[test]
fn weighing_says_what_the_contract_still_demands() {
    let (authority, all, mut channel) = bed();
    let mut ballot = Ballot::propose(&all[0].key, &channel.id(), joining(&authority, &all[3]));
    let weigh = |channel: &Channel, by: &Hospital, ballot: &Ballot| {
        let weighed = channel
            .state
            .weigh(&channel.rules, &by.identity(), &ballot.entry());
        weighed.expect("a change")
    };
    let before = weigh(&channel, &all[0], &ballot);
    assert_eq!(before.answer, Err(Reason::NotPermitted));
    assert_eq!((before.votes, before.organizations), (1, 3));
    assert_eq!(before.needed, Some(2), "more than half of three");
    ballot.endorse(&all[1].key, &channel.id());
    let after = weigh(&channel, &all[0], &ballot);
    assert_eq!((after.answer, after.votes), (Ok(()), 2));
    // Whoever submits votes; so a stranger's submission is refused, whatever the others say.
    assert_eq!(
        weigh(&channel, &all[3], &ballot).answer,
        Err(Reason::NotMember)
    );
    // What it says is what becomes of it.
    let transaction = channel.sign(&all[0], &[ballot.entry()]);
    assert_eq!(channel.offer(&transaction), Ok(()));
    let again = weigh(&channel, &all[1], &ballot);
    assert_eq!(
        (again.answer, again.needed),
        (Err(Reason::AlreadyMember), None)
    );
}

#[test]
fn the_notes_have_the_form_that_other_members_know() {
    let (authority, all, channel) = bed();
    let mut ballot = Ballot::propose(&all[0].key, &channel.id(), joining(&authority, &all[3]));
    ballot.decline(&all[2].key, &channel.id());
    let id = ballot.proposed().id(&channel.id());
    let notes = [
        Note::Open(vec![(id, ballot.digest())]),
        Note::Want(vec![id, id]),
        Note::Ballot(Box::new(ballot)),
    ];
    let mut all = Vec::new();
    for note in notes {
        let bytes = note.encode();
        assert_eq!(Note::decode(&bytes), Ok(note));
        assert!(Note::decode(&bytes[..bytes.len() - 1]).is_err());
        assert!(Note::decode(&[&bytes[..], &[0]].concat()).is_err());
        all.extend(bytes);
    }
    let digest: String = sha256(&all)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        digest,
        "5d86fb1210264602b5c947c5256b26bde5c02c8b6e223bec869c7dd7d85d0de9"
    );
}
