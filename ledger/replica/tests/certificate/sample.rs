// SPDX-License-Identifier: Apache-2.0
//! One network of fixed keys and times.

use curve25519_dalek::MontgomeryPoint;
use silsila_replica::certificate::{
    CertificateKey, Credential, IssuingCertificate, MemberCertificate, Network, Revocation,
    RevocationReason, Role, RootCertificate, Serial, Subject, Trust, Validity,
};

pub const FOUNDED: u64 = 1_780_000_000_000;
pub const DAY: u64 = 86_400_000;

pub fn key(seed: u8) -> CertificateKey {
    CertificateKey::from_seed(&[seed; 32])
}

pub fn serial(seed: u8) -> Serial {
    Serial::from_random([seed; 16])
}

pub fn days(from: u64, until: u64) -> Validity {
    Validity::new(FOUNDED + from * DAY, FOUNDED + until * DAY).expect("a time")
}

pub fn root_of(name: &str, seed: u8) -> RootCertificate {
    RootCertificate::found(name, &key(seed), serial(seed), days(0, 9000)).expect("a root")
}

pub fn root() -> RootCertificate {
    root_of("Sindh hospitals", 1)
}

pub fn issuing() -> IssuingCertificate {
    issuing_by(&root(), 1, 2)
}

pub fn issuing_by(root: &RootCertificate, root_seed: u8, seed: u8) -> IssuingCertificate {
    let public = key(seed).public();
    IssuingCertificate::issue(root, &key(root_seed), public, serial(seed), days(0, 3650))
        .expect("an issuer")
}

pub fn subject(seed: u8) -> Subject {
    Subject {
        organization: "Civil Hospital Mirpurkhas".to_owned(),
        role: Role::Hospital,
        ledger_key: key(seed).public(),
        sealing_key: MontgomeryPoint::mul_base_clamped([seed; 32]).to_bytes(),
    }
}

pub fn member_of(issuing: &IssuingCertificate, issuing_seed: u8, seed: u8) -> MemberCertificate {
    let key = key(issuing_seed);
    MemberCertificate::issue(issuing, &key, &subject(seed), serial(seed), days(1, 366))
        .expect("a member")
}

pub fn member() -> MemberCertificate {
    member_of(&issuing(), 2, 3)
}

pub fn network() -> Network {
    Network::new(root(), FOUNDED)
}

pub fn trust() -> Trust {
    Trust::new(network(), vec![issuing()]).expect("an issuer of this root")
}

pub fn credential() -> Credential {
    Credential {
        network: network(),
        issuing: issuing(),
        member: member(),
    }
}

pub fn revocation() -> Revocation {
    Revocation::sign(
        &key(2),
        network().fingerprint(),
        key(3).public(),
        FOUNDED + 9 * DAY,
        RevocationReason::KeyCompromise,
    )
}
