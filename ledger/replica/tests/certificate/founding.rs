// SPDX-License-Identifier: Apache-2.0
//! Channels founded by certified members, and channel files that somebody else made.

use silsila_chain::{Contract, Genesis, Identity, Limits};
use silsila_replica::certificate::{
    Credential, IssuingCertificate, MemberCertificate, Network, Subject,
};
use silsila_replica::{Founding, FoundingFault, read_channel};

use crate::sample::{
    DAY, FOUNDED, days, issuing, issuing_by, key, network, root_of, serial, subject,
};

const CONTRACT: &str = include_str!("../../../../config/examples/contracts/open-treatment.cedar");

fn credential_by(
    network: &Network,
    issuing: &IssuingCertificate,
    issuing_seed: u8,
    seed: u8,
) -> Credential {
    let subject = Subject {
        organization: format!("Hospital {seed}"),
        ..subject(seed)
    };
    let member = MemberCertificate::issue(
        issuing,
        &key(issuing_seed),
        &subject,
        serial(seed),
        days(1, 366),
    );
    Credential {
        network: network.clone(),
        issuing: issuing.clone(),
        member: member.expect("a member"),
    }
}

fn members(seeds: &[u8]) -> Vec<Credential> {
    let member = |seed: &u8| credential_by(&network(), &issuing(), 2, *seed);
    seeds.iter().map(member).collect()
}

fn identity(seed: u8) -> Identity {
    Identity::ed25519(key(seed).public())
}

fn found(members: &[Credential], validators: &[u8], at_ms: u64) -> Result<Genesis, FoundingFault> {
    let validators: Vec<Identity> = validators.iter().map(|seed| identity(*seed)).collect();
    Founding {
        name: "Mirpurkhas division",
        members,
        validators: &validators,
        contract: Contract {
            policies: CONTRACT.to_owned(),
            limits: Limits::default(),
        },
        nonce: [7; 16],
        time_ms: at_ms,
    }
    .genesis()
}

#[track_caller]
fn refused<T>(result: Result<T, FoundingFault>, code: &str) {
    let text = result.err().expect("refused").to_string();
    assert!(text.starts_with(code), "{text}");
}

#[test]
fn every_member_takes_the_file_of_a_sound_channel_and_no_stranger_does() {
    let genesis = found(&members(&[6, 4, 5, 3]), &[3], FOUNDED + 2 * DAY).expect("founded");
    let bytes = genesis.encode();
    for seed in 3..=6 {
        let read = read_channel(&bytes, &network().fingerprint(), &identity(seed)).expect("joined");
        assert_eq!(read, genesis);
    }
    refused(
        read_channel(&bytes, &network().fingerprint(), &identity(9)),
        "CRT0022",
    );
    let mut later = genesis.clone();
    later.rules_version += 1;
    refused(
        read_channel(&later.encode(), &network().fingerprint(), &identity(3)),
        "CRT0023",
    );
    let twin = Network::new(root_of("Sindh hospitals", 11), FOUNDED).fingerprint();
    refused(read_channel(&bytes, &twin, &identity(3)), "CRT0021");
    // A prime stride meets every part of the file.
    for at in (0..bytes.len()).step_by(211) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        if let Ok(read) = read_channel(&changed, &network().fingerprint(), &identity(3)) {
            assert_ne!(
                read.id(),
                genesis.id(),
                "byte {at}: another channel has another name"
            );
        }
    }
}

#[test]
fn one_validator_or_four_may_order_and_each_is_a_member_of_an_organization_of_its_own() {
    let at = FOUNDED + 2 * DAY;
    let four = members(&[3, 4, 5, 6]);
    assert!(found(&four, &[3], at).is_ok());
    assert!(found(&four, &[3, 4, 5, 6], at).is_ok());
    for validators in [&[][..], &[3, 4], &[3, 4, 5], &[9]] {
        refused(found(&four, validators, at), "CRT0019");
    }
    let mut cousins = four;
    let subject = Subject {
        ledger_key: key(9).public(),
        ..cousins[0].member.subject()
    };
    cousins[1].member =
        MemberCertificate::issue(&issuing(), &key(2), &subject, serial(9), days(1, 366))
            .expect("a member");
    refused(found(&cousins, &[3, 9, 5, 6], at), "CRT0019");
}

#[test]
fn members_of_other_networks_twins_and_expired_members_found_nothing() {
    let at = FOUNDED + 2 * DAY;
    let twin = root_of("Sindh hospitals", 11);
    let twin_issuer = issuing_by(&twin, 11, 12);
    let stranger = credential_by(&Network::new(twin, FOUNDED), &twin_issuer, 12, 4);
    let mixed = [members(&[3]), vec![stranger]].concat();
    refused(found(&mixed, &[3], at), "CRT0017");
    refused(found(&members(&[3, 3]), &[3], at), "CRT0018");
    refused(found(&members(&[3, 4]), &[3], FOUNDED), "CRT0017");
    refused(
        found(&members(&[3, 4]), &[3], FOUNDED + 400 * DAY),
        "CRT0017",
    );
    let founding = Founding {
        name: "two\nlines",
        members: &members(&[3]),
        validators: &[identity(3)],
        contract: Contract::none(),
        nonce: [7; 16],
        time_ms: at,
    };
    refused(founding.genesis(), "CRT0016");
    let founding = Founding {
        name: "x",
        members: &members(&[3]),
        validators: &[identity(3)],
        contract: Contract {
            policies: "permit (principal, action, resourc);".to_owned(),
            limits: Limits::default(),
        },
        nonce: [7; 16],
        time_ms: at,
    };
    refused(founding.genesis(), "CRT0020");
}
