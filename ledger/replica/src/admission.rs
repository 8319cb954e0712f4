// SPDX-License-Identifier: Apache-2.0
//! From certificates to what the chain holds of a member, and back.

use silsila_chain::Admission;

use crate::certificate::{Credential, IssuingCertificate, MemberCertificate, Network};

/// What a genesis or an admission says of the member of a credential.
#[must_use]
pub fn admission(credential: &Credential) -> Admission {
    let subject = credential.member.subject();
    Admission {
        sealing_key: subject.sealing_key,
        organization: subject.organization,
        role: subject.role.word().to_owned(),
        certificate: certificate(&credential.member, &credential.issuing),
        not_after_ms: end_ms(&credential.network, &credential.issuing, &credential.member),
    }
}

/// A member's certificate as the chain holds it: its DER, and behind it its issuer's.
#[must_use]
pub fn certificate(member: &MemberCertificate, issuing: &IssuingCertificate) -> Vec<u8> {
    [member.der(), issuing.der()].concat()
}

/// The last millisecond in which all three certificates are valid.
#[must_use]
pub fn end_ms(network: &Network, issuing: &IssuingCertificate, member: &MemberCertificate) -> u64 {
    let ends = [
        network.root().validity(),
        issuing.validity(),
        member.validity(),
    ];
    ends.map(|validity| validity.until_ms())
        .into_iter()
        .min()
        .unwrap_or(0)
}

/// Parts what [`certificate`] joined: two DER values, one behind the other.
pub(crate) fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = match bytes.get(1..4)? {
        [0x81, length, _] => usize::from(*length) + 3,
        [0x82, high, low] => (usize::from(*high) << 8 | usize::from(*low)) + 4,
        [length, ..] if *length < 0x80 => usize::from(*length) + 2,
        _ => return None,
    };
    bytes.split_at_checked(length)
}
