// SPDX-License-Identifier: Apache-2.0
//! Certificates of a quorum, as Commonware makes them.

use ed25519_dalek::{Signer as _, SigningKey};
use silsila_chain::{
    BlockHash, BlockHeader, Certificate, ChannelId, Height, Identity, PublicKey, QuorumCertificate,
    Scheme, Signature, quorum,
};

use crate::sample::genesis;

/// A finalization that Commonware made and accepted.
pub struct Vector {
    pub name: &'static str,
    pub channel: ChannelId,
    pub block: BlockHash,
    pub validators: Vec<Identity>,
    pub bytes: Vec<u8>,
}

pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| {
            u8::try_from(digit.to_digit(16).expect("of the sample")).expect("of the sample")
        })
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

pub fn vectors() -> Vec<Vector> {
    let lines = include_str!("../vectors/quorum.txt").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let parts: Vec<&'static str> = line.split(' ').collect();
            let keys = hex(parts[3]);
            Vector {
                name: parts[0],
                channel: parts[1].parse().expect("of the sample"),
                block: parts[2].parse().expect("of the sample"),
                validators: keys
                    .chunks(32)
                    .map(|key| Identity::ed25519(PublicKey(key.try_into().expect("of the sample"))))
                    .collect(),
                bytes: hex(parts[4]),
            }
        })
        .collect()
}

impl Vector {
    fn verifies(&self, bytes: &[u8]) -> bool {
        QuorumCertificate::decode(bytes).is_ok_and(|certificate| {
            certificate.verify(&self.channel, &self.block, &self.validators)
        })
    }
}

#[test]
fn what_consensus_finalized_is_accepted_and_written_back_the_same() {
    let names: Vec<&str> = vectors().iter().map(|vector| vector.name).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    for vector in vectors() {
        assert!(vector.verifies(&vector.bytes), "{}", vector.name);
        let read = QuorumCertificate::decode(&vector.bytes).expect("of the sample");
        assert_eq!(read.encode(), vector.bytes, "{}", vector.name);
        let wrapped = Certificate::Quorum {
            finalization: read.clone(),
            links: Vec::new(),
        };
        assert_eq!(wrapped.scheme(), Scheme::QUORUM);
        assert_eq!(Certificate::decode(&wrapped.encode()), Ok(wrapped.clone()));
        let header = header(vector.channel);
        assert!(wrapped.certifies(&header, &vector.block, &vector.validators));
        assert_eq!(
            wrapped.signers(&vector.validators).len(),
            read.signers.len()
        );
    }
}

fn header(channel: ChannelId) -> BlockHeader {
    BlockHeader {
        channel,
        ..genesis().header()
    }
}

/// Three headers, each after the one before; a quorum of four with the seeds 1 to 4 finalized the last.
fn linked() -> (Vec<Vec<u8>>, Vec<Identity>, QuorumCertificate) {
    let mut headers: Vec<Vec<u8>> = Vec::new();
    for height in 5..8 {
        let previous = headers
            .last()
            .map_or(BlockHash([1; 32]), |last| BlockHeader::hash(last));
        let header = BlockHeader {
            height: Height(height),
            previous,
            ..header(ChannelId([7; 32]))
        };
        headers.push(header.encode());
    }
    let mut keys: Vec<SigningKey> = (1..=4)
        .map(|seed| SigningKey::from_bytes(&[seed; 32]))
        .collect();
    keys.sort_by_key(|key| key.verifying_key().to_bytes());
    let public = |key: &SigningKey| Identity::ed25519(PublicKey(key.verifying_key().to_bytes()));
    let mut finalization = QuorumCertificate {
        epoch: 0,
        view: 5,
        parent: 4,
        block: BlockHeader::hash(&headers[2]),
        validators: 4,
        signers: vec![0, 1, 2],
        signatures: Vec::new(),
    };
    let proposal = [&[0, 5, 4][..], &finalization.block.0].concat();
    let signed = [
        &[59][..],
        b"silsila/channel/1 ",
        &[7; 32],
        b"_FINALIZE",
        &proposal,
    ]
    .concat();
    finalization.signatures = keys[..3]
        .iter()
        .map(|key| Signature(key.sign(&signed).to_bytes()))
        .collect();
    (headers, keys.iter().map(public).collect(), finalization)
}

/// The certificate of the first of three headers, of which the last was finalized.
pub fn linked_certificate() -> Vec<u8> {
    let (headers, _, finalization) = linked();
    Certificate::Quorum {
        finalization,
        links: headers[1..].to_vec(),
    }
    .encode()
}

#[test]
fn a_block_is_final_through_the_headers_that_lead_to_a_finalized_one() {
    let (headers, validators, finalization) = linked();
    let certifies = |at: usize, links: &[Vec<u8>]| {
        let certificate = Certificate::Quorum {
            finalization: finalization.clone(),
            links: links.to_vec(),
        };
        assert_eq!(
            Certificate::decode(&certificate.encode()),
            Ok(certificate.clone())
        );
        let header = BlockHeader::decode(&headers[at]).expect("of the sample");
        certificate.certifies(&header, &BlockHeader::hash(&headers[at]), &validators)
    };
    assert!(certifies(2, &[]));
    assert!(certifies(1, &headers[2..]));
    assert!(certifies(0, &headers[1..]));
    assert!(!certifies(0, &[]));
    assert!(!certifies(0, &headers[2..]), "a gap");
    assert!(!certifies(0, &headers[..]), "itself first");
    assert!(!certifies(0, &headers[1..2]), "not up to the finalized one");
    let swapped = [headers[2].clone(), headers[1].clone()];
    assert!(!certifies(0, &swapped));
    let mut other = BlockHeader::decode(&headers[1]).expect("of the sample");
    other.next_validators = [9; 32];
    assert!(!certifies(0, &[other.encode(), headers[2].clone()]));
    let many = vec![headers[1].clone(); 17];
    let certificate = Certificate::Quorum {
        finalization: finalization.clone(),
        links: many,
    };
    assert!(Certificate::decode(&certificate.encode()).is_err());
}

#[test]
fn a_finalization_with_any_byte_changed_or_missing_is_refused() {
    for vector in vectors()
        .into_iter()
        .filter(|vector| vector.bytes.len() < 300)
    {
        for at in 0..vector.bytes.len() {
            for bit in 0..8 {
                let mut bytes = vector.bytes.clone();
                bytes[at] ^= 1 << bit;
                assert!(
                    !vector.verifies(&bytes),
                    "{}: bit {bit} of byte {at}",
                    vector.name
                );
            }
            assert!(
                !vector.verifies(&vector.bytes[..at]),
                "{}: {at} bytes",
                vector.name
            );
        }
        let longer = [&vector.bytes[..], &[0]].concat();
        assert!(!vector.verifies(&longer), "{}", vector.name);
    }
}

#[test]
fn a_finalization_is_for_one_channel_one_block_and_one_set_of_validators() {
    for vector in vectors() {
        let read = QuorumCertificate::decode(&vector.bytes).expect("of the sample");
        let Vector {
            name,
            channel,
            block,
            validators,
            ..
        } = vector;
        assert!(
            !read.verify(&ChannelId([0; 32]), &block, &validators),
            "{name}"
        );
        assert!(
            !read.verify(&channel, &BlockHash([0; 32]), &validators),
            "{name}"
        );
        assert!(!read.verify(&channel, &block, &validators[1..]), "{name}");
        let mut other = validators.clone();
        other.swap(0, 1);
        assert!(!read.verify(&channel, &block, &other), "{name}");
        let mut longer = validators.clone();
        longer.push(Identity::ed25519(PublicKey([0xff; 32])));
        assert!(!read.verify(&channel, &block, &longer), "{name}");
    }
}

#[test]
fn fewer_than_a_quorum_or_one_of_them_twice_is_refused() {
    for vector in vectors() {
        let mut read = QuorumCertificate::decode(&vector.bytes).expect("of the sample");
        while read.signers.len() >= quorum(vector.validators.len()) {
            read.signers.pop();
            read.signatures.pop();
        }
        let verify = |read: &QuorumCertificate| {
            read.verify(&vector.channel, &vector.block, &vector.validators)
        };
        assert!(!verify(&read), "{}: one too few", vector.name);
        let (last, signature) = (
            *read.signers.last().expect("of the sample"),
            *read.signatures.last().expect("of the sample"),
        );
        read.signers.push(last);
        read.signatures.push(signature);
        assert!(!verify(&read), "{}: one twice", vector.name);
    }
}

#[test]
fn a_key_for_which_anything_is_a_signature_is_refused() {
    // The neutral element: under the equation alone, zeros and the neutral element sign every message.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let vector = vectors().remove(0);
    let mut read = QuorumCertificate::decode(&vector.bytes).expect("of the sample");
    let mut validators = vector.validators.clone();
    validators[0] = Identity::ed25519(PublicKey(neutral));
    assert!(validators.is_sorted() && read.signers[0] == 0);
    read.signatures[0].0 = [0; 64];
    read.signatures[0].0[0] = 1;
    assert!(!read.verify(&vector.channel, &vector.block, &validators));
}

#[test]
fn fewer_than_four_validators_have_no_quorum() {
    let vector = vectors().remove(0);
    let mut read = QuorumCertificate::decode(&vector.bytes).expect("of the sample");
    let validators = &vector.validators[..1];
    (read.validators, read.signers) = (1, vec![0]);
    read.signatures.truncate(1);
    assert!(!read.verify(&vector.channel, &vector.block, validators));
}
