// SPDX-License-Identifier: Apache-2.0
//! A network of fixed keys and times, by which bytes are judged that belong to a network.

use std::sync::LazyLock;

use silsila_chain::{Contract, Genesis, Identity, Limits, PublicKey};
use silsila_replica::Founding;
use silsila_replica::certificate::{
    CertificateKey, Credential, IssuingCertificate, MemberCertificate, Network, Role,
    RootCertificate, Serial, Subject, Validity,
};
use silsila_seal::SealingKey;

/// When it was founded, in milliseconds since 1970.
pub const FOUNDED: u64 = 1_780_000_000_000;
const DAY: u64 = 86_400_000;
const CONTRACT: &str = include_str!("../../config/examples/contracts/open-treatment.cedar");
/// Its members' seeds.
pub const MEMBERS: [u8; 4] = [3, 4, 5, 6];

/// A channel of four members who all validate.
pub static CHANNEL: LazyLock<Genesis> = LazyLock::new(channel);
/// A channel of one member that validates.
pub static LONE: LazyLock<Genesis> =
    LazyLock::new(|| Genesis::lone(key(3).public(), "alone".to_owned(), [2; 16], FOUNDED));

/// The key of a seed.
pub fn key(seed: u8) -> CertificateKey {
    CertificateKey::from_seed(&[seed; 32])
}

fn public(seed: u8) -> PublicKey {
    key(seed).public()
}

/// The ledger's name for whoever has a seed.
pub fn identity(seed: u8) -> Identity {
    Identity::ed25519(public(seed))
}

fn days(from: u64, until: u64) -> Validity {
    Validity::new(FOUNDED + from * DAY, FOUNDED + until * DAY).expect("a time")
}

fn serial(seed: u8) -> Serial {
    Serial::from_random([seed; 16])
}

/// The credential of the member with this seed.
pub fn credential(seed: u8) -> Credential {
    let root = RootCertificate::found("Sindh hospitals", &key(1), serial(1), days(0, 9000));
    let root = root.expect("a root");
    let issuing = IssuingCertificate::issue(&root, &key(1), public(2), serial(2), days(0, 3650));
    let issuing = issuing.expect("an issuer");
    let subject = Subject {
        organization: format!("Hospital {seed}"),
        role: Role::Hospital,
        ledger_key: public(seed),
        sealing_key: SealingKey::from_seed(&[seed; 32]).public().0,
    };
    let member = MemberCertificate::issue(&issuing, &key(2), &subject, serial(seed), days(0, 366));
    Credential {
        network: Network::new(root, FOUNDED),
        issuing,
        member: member.expect("a member"),
    }
}

fn channel() -> Genesis {
    let founding = Founding {
        name: "Mirpurkhas division",
        members: &MEMBERS.map(credential),
        validators: &MEMBERS.map(identity),
        contract: Contract {
            policies: CONTRACT.to_owned(),
            limits: Limits::default(),
        },
        nonce: [7; 16],
        time_ms: FOUNDED + DAY,
    };
    founding.genesis().expect("a channel")
}
