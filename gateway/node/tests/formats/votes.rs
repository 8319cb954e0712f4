// SPDX-License-Identifier: Apache-2.0
//! One good object of each format in which members vote. What their gateways say to each other is written here a
//! second time, as the documents draw it.

use silsila_chain::{
    Change, Contract, ContractChange, Endorsed, Endorsement, Entry, EpochChange, Height, Limits,
    MemberChange, MemberKey, Proposal, SignedAs, sha256,
};
use silsila_gateway::admin::{Answer, Order};
use silsila_gateway::ballots::{
    BallotReport, MemberReport, Standing, State, Texts, VoteOrder, Wanted,
};
use silsila_replica::admission;

use crate::known::{CHANNEL, FOUNDED, credential, identity};
use crate::mutations::Good;
use crate::sample::{CONTRACT, cbor};

const UNTIL: Height = Height(300);

fn member(seed: u8) -> MemberKey {
    MemberKey::from_seed(&[seed; 32])
}

/// What member 3 proposes, 4 endorses, 5 and 6 decline.
fn ballot<P: Proposal>(proposal: P, entry: fn(Box<Endorsed<P>>) -> Entry) -> Vec<u8> {
    let id = proposal.id(&CHANNEL.id());
    let endorsements = [3, 4].map(|seed| Endorsement::sign(&member(seed), &id));
    let entry = entry(Box::new(Endorsed::new(proposal, endorsements.to_vec())));
    cbor(|writer| {
        writer.array(5).text("silsila/ballot/1");
        writer.bytes(&entry.encode()).bytes(&identity(3).key.0);
        writer.bytes(&member(3).sign(SignedAs::Proposal, &id.0).0);
        let mut objectors = [5, 6];
        objectors.sort_by_key(|seed| identity(*seed));
        writer.array(2);
        for seed in objectors {
            writer.array(2).bytes(&identity(seed).key.0);
            let objection = member(seed).sign(SignedAs::Objection, &id.0);
            writer.bytes(&objection.0);
        }
    })
}

/// A ballot of each kind of proposal, by what it is.
pub fn ballots() -> Vec<Good> {
    let joins = MemberChange {
        subject: identity(9),
        revision: 1,
        until: UNTIL,
        change: Change::Admit(admission(&credential(9))),
    };
    let leaves = MemberChange {
        subject: identity(6),
        revision: 2,
        change: Change::Revoke { reason: 1 },
        ..joins.clone()
    };
    let text = ContractChange {
        number: 2,
        until: UNTIL,
        contract: Contract {
            policies: CONTRACT.to_owned(),
            limits: Limits::default(),
        },
    };
    let orders = EpochChange::new(1, UNTIL, vec![identity(3)]);
    vec![
        ("ballot: admit", ballot(joins, Entry::Member)),
        ("ballot: revoke", ballot(leaves, Entry::Member)),
        ("ballot: contract", ballot(text, Entry::Contract)),
        ("ballot: validators", ballot(orders, Entry::Epoch)),
    ]
}

/// Every note between members' gateways, by what it is.
pub fn notes() -> Vec<Good> {
    let (_, ballot) = ballots().swap_remove(1);
    let (id, digest) = ([7; 32], sha256(&ballot));
    vec![
        (
            "note: open",
            cbor(|writer| {
                writer.array(2).uint(0).array(2);
                writer.array(2).bytes(&id).bytes(&digest[..8]);
                writer.array(2).bytes(&[8; 32]).bytes(&[9; 8]);
            }),
        ),
        (
            "note: want",
            cbor(|writer| _ = writer.array(2).uint(1).array(2).bytes(&id).bytes(&[8; 32])),
        ),
        (
            "note: ballot",
            cbor(|writer| _ = writer.array(2).uint(2).bytes(&ballot)),
        ),
    ]
}

fn wanted() -> [(&'static str, Wanted); 8] {
    let (member, credential) = ("0a1b".to_owned(), "8501".to_owned());
    let admit = Wanted::Admit {
        credential: credential.clone(),
    };
    let extend = Wanted::Extend {
        member: member.clone(),
        not_after_ms: FOUNDED,
    };
    let suspend = Wanted::Suspend {
        member: member.clone(),
        reason: 6,
    };
    let reinstate = Wanted::Reinstate {
        member: member.clone(),
    };
    let revoke = Wanted::Revoke {
        member: member.clone(),
        reason: 1,
    };
    let validators = Wanted::Validators {
        members: vec![member],
    };
    let contract = Wanted::Contract {
        policies: "permit (principal, action, resource);".to_owned(),
        limits: [1, 2, 3, 4],
    };
    [
        ("order: propose to admit", admit),
        ("order: propose to renew", Wanted::Renew { credential }),
        ("order: propose to extend", extend),
        ("order: propose to suspend", suspend),
        ("order: propose to reinstate", reinstate),
        ("order: propose to revoke", revoke),
        ("order: propose validators", validators),
        ("order: propose a contract", contract),
    ]
}

/// What the command line asks a gateway about votes.
pub fn orders() -> Vec<Good> {
    let (channel, id) = (Some("mirpurkhas".to_owned()), "4c".to_owned());
    let propose = |(name, wanted)| {
        let (channel, blocks) = (channel.clone(), 100);
        let vote = VoteOrder::Propose {
            channel,
            wanted,
            blocks,
        };
        (name, vote)
    };
    let list = VoteOrder::Proposals {
        channel: None,
        id: Some(id.clone()),
        all: true,
    };
    let members = VoteOrder::Members {
        channel: channel.clone(),
    };
    let said = [
        ("order: proposals", list),
        ("order: endorse", VoteOrder::Endorse { id: id.clone() }),
        ("order: decline", VoteOrder::Decline { id }),
        ("order: members", members),
    ];
    let votes = wanted().map(propose).into_iter().chain(said);
    let peers = vec![("0a1b".to_owned(), "192.0.2.5:7100".to_owned())];
    votes
        .map(|(name, vote)| (name, Order::Vote { vote }))
        .chain([("order: take-up", Order::TakeUp { peers })])
        .map(|(name, order)| (name, serde_json::to_vec(&order).expect("JSON")))
        .collect()
}

/// What a gateway answers.
pub fn answers() -> Vec<Good> {
    let one = || ("0a1b".to_owned(), "Hospital 3".to_owned());
    let report = BallotReport {
        channel: "mirpurkhas".to_owned(),
        id: "4c".repeat(32),
        what: "contract".to_owned(),
        member: String::new(),
        organization: String::new(),
        role: String::new(),
        revision: 2,
        not_after_ms: Some(FOUNDED),
        reason: Some(1),
        authority: false,
        until: 300,
        height: 7,
        proposer: one(),
        endorsed: vec![one()],
        declined: vec![one()],
        votes: 1,
        organizations: 4,
        needed: Some(3),
        state: State::Open,
        committed: None,
        code: Some("CHN0042".to_owned()),
        own: Some("endorsed".to_owned()),
        seen_ms: FOUNDED,
        validators: vec![one()],
        texts: Some(Texts {
            present: "a".to_owned(),
            proposed: "b".to_owned(),
            hash: "5d".repeat(32),
        }),
    };
    let member = MemberReport {
        key: "0a".repeat(32),
        organization: "Hospital 3".to_owned(),
        role: "hospital".to_owned(),
        standing: Standing::Active,
        revision: 1,
        not_after_ms: FOUNDED,
        own: true,
        heard: false,
        revoked_by_authority: false,
        orders: true,
        will_order: Some(false),
    };
    let answers = [
        ("answer: proposals", Answer::Proposals(vec![report])),
        ("answer: members", Answer::Members(vec![member])),
    ];
    answers
        .map(|(name, answer)| (name, serde_json::to_vec(&answer).expect("JSON")))
        .to_vec()
}
