// SPDX-License-Identifier: Apache-2.0
//! Contracts in force, and how they change.

use silsila_chain::{
    Action, ChainState, Contract, ContractChange, Entry, Genesis, Height, Member, MemberKey,
    MemoryHeads, Policy as _, Question, Reason, Rejected, Standing,
};
use silsila_replica::Rules;
use silsila_replica::certificate::Role;

use crate::bed::{
    Authority, Channel, Hospital, OPEN, START, contract, genesis, hospitals, put, sign,
};

const LABORATORY: &str = include_str!("../../../../config/examples/contracts/laboratory.cedar");

fn offer(channel: &mut Channel, by: &Hospital, entry: Entry) -> Result<(), Reason> {
    let transaction = channel.sign(by, &[entry]);
    channel.offer(&transaction)
}

#[test]
fn a_contract_changes_by_the_votes_that_the_present_one_demands() {
    let (authority, all) = (Authority::new(1), hospitals());
    let mut channel = Channel::new(genesis(&authority, &all[..3], OPEN));
    let alone = channel.new_contract(LABORATORY, &[]);
    assert_eq!(
        offer(&mut channel, &all[0], alone),
        Err(Reason::NotPermitted)
    );
    let root = channel.state.state_root();
    let voted = channel.new_contract(LABORATORY, &[&all[1]]);
    assert_eq!(offer(&mut channel, &all[0], voted.clone()), Ok(()));
    assert_eq!(channel.state.agreement().contract_number(), 2);
    assert_ne!(channel.state.state_root(), root);
    assert_eq!(
        offer(&mut channel, &all[0], voted),
        Err(Reason::ContractNumber)
    );
}

#[test]
fn what_is_no_contract_cannot_be_voted_in() {
    let (authority, all) = (Authority::new(1), hospitals());
    let mut channel = Channel::new(genesis(&authority, &all[..3], OPEN));
    let everybody = [&all[1], &all[2]];
    for text in [
        "permit",
        "permit (principal, action, resource) when { principal.age > 3 };",
        "",
    ] {
        let entry = channel.new_contract(text, &everybody);
        assert_eq!(
            offer(&mut channel, &all[0], entry),
            Err(Reason::Contract),
            "{text:?}"
        );
    }
    let mut limits = contract(LABORATORY);
    limits.limits.entries = 0;
    let proposal = ContractChange {
        number: 2,
        until: Height(40),
        contract: limits,
    };
    let entry = Entry::Contract(Box::new(channel.endorsed(proposal, &everybody)));
    assert_eq!(offer(&mut channel, &all[0], entry), Err(Reason::Contract));
}

#[test]
fn a_contract_holds_from_the_next_entry_on() {
    let (authority, all) = (Authority::new(1), hospitals());
    let laboratory = Hospital::new(30, "Aga Khan laboratory", Role::Laboratory);
    let founders = [all[0].clone(), all[1].clone(), laboratory.clone()];
    let mut channel = Channel::new(genesis(&authority, &founders, OPEN));
    assert_eq!(
        offer(&mut channel, &laboratory, put(1, "Encounter")),
        Ok(())
    );
    let change = channel.new_contract(LABORATORY, &[&all[1]]);
    assert_eq!(offer(&mut channel, &all[0], change), Ok(()));
    assert_eq!(
        offer(&mut channel, &laboratory, put(2, "Encounter")),
        Err(Reason::NotPermitted)
    );
    assert_eq!(
        offer(&mut channel, &laboratory, put(3, "Observation")),
        Ok(())
    );
    let mut sensitive = crate::bed::record(4, "Encounter");
    sensitive.label_class = 3;
    assert_eq!(
        offer(&mut channel, &all[0], Entry::Record(sensitive)),
        Ok(())
    );
}

#[test]
fn a_channel_founded_without_a_contract_stays_with_its_only_member() {
    let key = MemberKey::from_seed(&[1; 32]);
    let genesis = Genesis::lone(key.public(), "alone".to_owned(), [0; 16], START);
    let state = ChainState::at_genesis(&genesis);
    let change = ContractChange {
        number: 2,
        until: Height(9),
        contract: contract(OPEN),
    };
    let entry = Entry::Contract(Box::new(silsila_chain::Endorsed::new(change, Vec::new())));
    let transaction = sign(&key, genesis.id(), 1, Height(9), &[entry]);
    let open = transaction.open().unwrap();
    let rules = Rules::default();
    let refused = state
        .judge(&rules)
        .admit(&open, &mut MemoryHeads::default());
    let Err(silsila_chain::Refused::Fault(fault)) = refused else {
        panic!("a lone channel got a contract")
    };
    assert_eq!(fault.reason, Reason::NotPermitted);
}

#[test]
fn a_genesis_without_a_contract_has_one_member_and_one_with_a_contract_names_organizations() {
    let (authority, all) = (Authority::new(1), hospitals());
    let sound = genesis(&authority, &all[..3], OPEN);
    assert!(Genesis::decode(&sound.encode()).is_ok());
    let mut without = sound.clone();
    without.contract = Contract::none();
    assert!(Genesis::decode(&without.encode()).is_err());
    let mut nameless = sound;
    nameless.members[1].admission.organization.clear();
    assert!(Genesis::decode(&nameless.encode()).is_err());
}

#[test]
fn keys_go_unasked_only_to_whom_the_contract_lets_read() {
    let (authority, all) = (Authority::new(1), hospitals());
    let laboratory = Hospital::new(30, "Aga Khan laboratory", Role::Laboratory);
    let consent_first = include_str!("../../../../config/examples/contracts/consent-first.cedar");
    let founders = [all[0].clone(), all[1].clone(), laboratory.clone()];
    let may = |policies: &str, reader: &Hospital, custodian: &Hospital, class| {
        let channel = Channel::new(genesis(&authority, &founders, policies));
        let agreement = channel.state.agreement();
        let answers = [&channel.rules, &channel.rules, &Rules::forgetful()].map(|rules| {
            agreement.may_open(rules, &reader.identity(), &custodian.organization, class)
        });
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        answers[0]
    };
    let (first, second) = (&all[0], &all[1]);
    assert!(may(OPEN, second, first, 0) && may(OPEN, &laboratory, first, 0));
    assert!(!may(OPEN, second, first, 2) && may(OPEN, first, first, 2));
    assert!(!may(consent_first, second, first, 0) && may(consent_first, first, first, 0));
    assert!(may(LABORATORY, first, &laboratory, 0) && !may(LABORATORY, &laboratory, first, 0));
    let stranger = Hospital::new(50, "Nowhere", Role::Hospital);
    assert!(!may(OPEN, &stranger, first, 0));
}

#[test]
fn an_answer_to_one_member_is_not_given_to_another_of_the_same_key() {
    let rules = Rules::default();
    let (contract, identity) = (contract(LABORATORY), hospitals()[0].identity());
    let answer = |role: &str| {
        let member = Member {
            ordinal: 0,
            sealing_key: [1; 32],
            organization: "Karachi".to_owned(),
            role: role.to_owned(),
            not_after_ms: u64::MAX,
            standing: Standing::Active,
            revision: 1,
            sequence: 0,
        };
        rules.permits(&Question {
            contract: &contract,
            contract_hash: &contract.hash(),
            identity: &identity,
            member: &member,
            action: Action::Append {
                kind: "Encounter",
                label_class: 0,
                deletes: false,
            },
            subject: None,
            votes: 1,
            organizations: 1,
            certified: false,
        })
    };
    for _ in 0..2 {
        assert_eq!(answer("hospital"), Ok(()));
        assert_eq!(answer("laboratory"), Err(Reason::NotPermitted));
    }
}

#[test]
fn remembering_answers_changes_none_of_them() {
    let (authority, all) = (Authority::new(1), hospitals());
    let laboratory = Hospital::new(30, "Aga Khan laboratory", Role::Laboratory);
    let founders = [all[0].clone(), laboratory.clone()];
    let channel = Channel::new(genesis(&authority, &founders, LABORATORY));
    for (resource, kind) in (1..).zip(["Observation", "Encounter", "Observation", "Encounter"]) {
        for by in [&all[0], &laboratory] {
            let transaction = channel.sign(by, &[put(resource, kind)]);
            let block = channel.certify(channel.state.time_ms() + 1, vec![transaction]);
            let verdict = |rules: &Rules| {
                let verdict = channel
                    .state
                    .verify_block(&block, rules, &mut channel.heads.clone());
                verdict.map(|_| ()).map_err(|rejected| match rejected {
                    Rejected::Fault(fault) => fault.reason,
                })
            };
            let remembered = verdict(&channel.rules);
            assert_eq!(remembered, verdict(&channel.rules), "asked twice");
            assert_eq!(remembered, verdict(&Rules::forgetful()));
            let refused = kind == "Encounter" && by.role == Role::Laboratory;
            assert_eq!(remembered.is_err(), refused, "{kind}");
        }
    }
}
