// SPDX-License-Identifier: Apache-2.0
//! What other people's code makes of the same certificates.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, SerialNumber,
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};
use silsila_replica::certificate::{SEALING_KEY_OID, Validity};

use crate::sample::{DAY, FOUNDED, days, issuing, member, root, serial};

/// An ed25519 key of a fixed seed as PKCS #8 (RFC 8410, section 7).
fn pair(seed: u8) -> KeyPair {
    let head = [
        0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ];
    let bytes = [&head[..], &[seed; 32]].concat();
    KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(bytes), &PKCS_ED25519)
        .expect("a key")
}

fn params(name: &str, number: u8, path: u8, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "Sindh hospitals");
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    params.serial_number = Some(SerialNumber::from_slice(serial(number).bytes()));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let moment = |ms: u64| {
        let seconds = i64::try_from(ms / 1000).expect("a time");
        time::OffsetDateTime::from_unix_timestamp(seconds).expect("a time")
    };
    params.not_before = moment(validity.from_ms());
    params.not_after = moment(validity.until_ms());
    params
}

#[test]
fn an_independent_encoder_writes_the_same_authorities() {
    let root_params = params("Silsila root", 1, 1, days(0, 9000));
    let made = root_params.self_signed(&pair(1)).expect("signed");
    assert_eq!(made.der().as_ref(), root().der());
    let issuer = Issuer::new(root_params, pair(1));
    let mut params = params("Silsila issuer", 2, 0, days(0, 3650));
    params.use_authority_key_identifier_extension = true;
    let made = params.signed_by(&pair(2), &issuer).expect("signed");
    assert_eq!(made.der().as_ref(), issuing().der());
}

#[test]
fn an_independent_verifier_follows_the_chain_at_its_time_and_not_later() {
    let root = CertificateDer::from(root().der().to_vec());
    let anchors = [webpki::anchor_from_trusted_cert(&root).expect("an anchor")];
    let issuing = [CertificateDer::from(issuing().der().to_vec())];
    let member = CertificateDer::from(member().der().to_vec());
    let member = webpki::EndEntityCert::try_from(&member).expect("a certificate");
    let verify = |at_ms: u64| {
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_millis(at_ms));
        let usage = webpki::KeyUsage::client_auth();
        member
            .verify_for_usage(
                &[webpki::aws_lc_rs::ED25519],
                &anchors,
                &issuing,
                at,
                usage,
                None,
                None,
            )
            .map(|_| ())
    };
    assert_eq!(verify(FOUNDED + 2 * DAY), Ok(()));
    assert!(matches!(
        verify(FOUNDED + 367 * DAY),
        Err(webpki::Error::CertExpired { .. })
    ));
}

#[test]
fn the_sealing_keys_extension_bears_the_documented_number() {
    let member = member();
    let parsed = x509_parser::parse_x509_certificate(member.der())
        .expect("X.509")
        .1;
    let mut names = parsed
        .extensions()
        .iter()
        .map(|extension| extension.oid.as_bytes().to_vec());
    let own = names.next_back().expect("an extension");
    // Base 128, most significant first; the first arcs 2 and 25 share a byte.
    assert_eq!(own[0], 2 * 40 + 25);
    let number = own[1..]
        .iter()
        .fold(0_u128, |number, byte| number << 7 | u128::from(byte & 0x7f));
    assert_eq!(SEALING_KEY_OID, format!("2.25.{number}"));
}
