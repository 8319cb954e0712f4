// SPDX-License-Identifier: Apache-2.0
//! What travels between member and authority: deterministic CBOR, and a signature over what was asked
//! and the TLS connection by which it came, so that a request cannot be carried to another connection.

use silsila_chain::cbor::{DecodeError, Reader, Writer};
use silsila_chain::merkle::{leaf_hash, node_hash};
use silsila_chain::{MemberKey, PublicKey, Signature, SignedAs};
use silsila_replica::certificate::{Fingerprint, MAX_CERTIFICATE};

use crate::Refusal;

/// The longest request, in bytes.
pub(crate) const MAX_REQUEST: usize = 4096;
/// The longest answer, in bytes.
pub(crate) const MAX_ANSWER: usize = 64 << 10;

/// Where requests are posted.
pub(crate) const ENROLMENT: &str = "/v1/enrolment";
/// Where renewals are posted.
pub(crate) const RENEWAL: &str = "/v1/renewal";
/// Where the network's revocations are read.
pub(crate) const REVOCATIONS: &str = "/v1/revocations";

/// The value that both ends of one TLS connection know and nobody else (RFC 9266).
#[derive(Clone, Copy)]
pub(crate) struct Binding(pub(crate) [u8; 32]);

/// The label under which TLS exports it.
pub(crate) const BINDING_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// An invited gateway asks for its certificate.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Enrolment {
    pub(crate) network: Fingerprint,
    pub(crate) secret: [u8; 16],
    pub(crate) invitation: [u8; 32],
    pub(crate) ledger_key: PublicKey,
    pub(crate) sealing_key: [u8; 32],
}

/// A member asks for its next certificate, for the same keys.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Renewal {
    pub(crate) network: Fingerprint,
    pub(crate) certificate: Vec<u8>,
}

impl Enrolment {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(6).text("silsila/enrolment/1");
        writer.bytes(&self.network.0).bytes(&self.secret);
        writer.bytes(&self.invitation).bytes(&self.ledger_key.0);
        writer.bytes(&self.sealing_key);
        writer.into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.tuple(6)?;
        reader.label("silsila/enrolment/1")?;
        let enrolment = Self {
            network: Fingerprint(reader.fixed()?),
            secret: reader.fixed()?,
            invitation: reader.fixed()?,
            ledger_key: PublicKey(reader.fixed()?),
            sealing_key: reader.fixed()?,
        };
        reader.finish()?;
        Ok(enrolment)
    }
}

impl Renewal {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(3).text("silsila/renewal/1");
        writer.bytes(&self.network.0).bytes(&self.certificate);
        writer.into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.tuple(3)?;
        reader.label("silsila/renewal/1")?;
        let renewal = Self {
            network: Fingerprint(reader.fixed()?),
            certificate: reader.bytes(MAX_CERTIFICATE)?.to_vec(),
        };
        reader.finish()?;
        Ok(renewal)
    }
}

/// A request and its proof: `["silsila/request/1", request, signature]`.
pub(crate) struct SignedRequest {
    pub(crate) body: Vec<u8>,
    signature: Signature,
}

impl SignedRequest {
    pub(crate) fn sign(body: Vec<u8>, key: &MemberKey, binding: &Binding) -> Self {
        let signature = key.sign(SignedAs::Registration, &bound(&body, binding));
        Self { body, signature }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(3).text("silsila/request/1");
        writer.bytes(&self.body).bytes(&self.signature.0);
        writer.into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.tuple(3)?;
        reader.label("silsila/request/1")?;
        let request = Self {
            body: reader.bytes(MAX_REQUEST)?.to_vec(),
            signature: Signature(reader.fixed()?),
        };
        reader.finish()?;
        Ok(request)
    }

    /// Whether the holder of this key made this request for this connection.
    pub(crate) fn is_signed_by(&self, key: &PublicKey, binding: &Binding) -> bool {
        key.verifies(
            SignedAs::Registration,
            &bound(&self.body, binding),
            &self.signature,
        )
    }
}

fn bound(body: &[u8], binding: &Binding) -> [u8; 32] {
    node_hash(&leaf_hash(body), &binding.0)
}

/// What the authority answers: `["silsila/answer/1", kind, value]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A person has yet to decide; the number of the request.
    Pending(u64),
    /// A credential.
    Issued(Vec<u8>),
    /// No.
    Refused(Refusal),
    /// Signed revocations.
    Revocations(Vec<Vec<u8>>),
}

impl Answer {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(3).text("silsila/answer/1");
        match self {
            Self::Pending(request) => writer.uint(0).uint(*request),
            Self::Issued(credential) => writer.uint(1).bytes(credential),
            Self::Refused(refusal) => writer.uint(2).uint(refusal.number()),
            Self::Revocations(list) => {
                writer.uint(3).array(list.len() as u64);
                list.iter()
                    .fold(&mut writer, |writer, one| writer.bytes(one))
            }
        };
        writer.into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.tuple(3)?;
        reader.label("silsila/answer/1")?;
        let unknown = reader.error("an answer that is not known");
        let answer = match reader.uint()? {
            0 => Self::Pending(reader.uint()?),
            1 => Self::Issued(reader.bytes(MAX_ANSWER)?.to_vec()),
            2 => Self::Refused(Refusal::from_number(reader.uint()?).ok_or(unknown)?),
            3 => {
                let count = reader.array(256)?;
                let mut one = || Ok(reader.bytes(MAX_CERTIFICATE)?.to_vec());
                let list = (0..count).map(|_| one()).collect::<Result<_, _>>()?;
                Self::Revocations(list)
            }
            _ => return Err(unknown),
        };
        reader.finish()?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn enrolment() -> Enrolment {
        Enrolment {
            network: Fingerprint([1; 32]),
            secret: [2; 16],
            invitation: [3; 32],
            ledger_key: MemberKey::from_seed(&[4; 32]).public(),
            sealing_key: [5; 32],
        }
    }

    #[test]
    fn a_request_proves_its_key_on_its_own_connection_alone() {
        let key = MemberKey::from_seed(&[4; 32]);
        let (here, there) = (Binding([1; 32]), Binding([2; 32]));
        let request = SignedRequest::sign(enrolment().encode(), &key, &here);
        assert!(request.is_signed_by(&key.public(), &here));
        assert!(!request.is_signed_by(&key.public(), &there));
        let other = MemberKey::from_seed(&[9; 32]).public();
        assert!(!request.is_signed_by(&other, &here));
        let mut changed = SignedRequest::decode(&request.encode()).expect("read");
        changed.body[40] ^= 1;
        assert!(!changed.is_signed_by(&key.public(), &here));
    }

    proptest! {
        #[test]
        fn what_decodes_was_written_by_the_encoder(
            bytes: Vec<u8>, which in 0..7_usize, at: prop::sample::Index, to: u8,
        ) {
            let request = SignedRequest::sign(vec![1; 9], &MemberKey::from_seed(&[4; 32]), &Binding([1; 32]));
            let renewal = Renewal { network: Fingerprint([1; 32]), certificate: vec![7; 80] };
            let mut sample = [
                enrolment().encode(), renewal.encode(), request.encode(), Answer::Pending(7).encode(),
                Answer::Issued(vec![1, 2]).encode(), Answer::Refused(Refusal::Used).encode(),
                Answer::Revocations(vec![vec![1], vec![2, 3]]).encode(),
            ][which].clone();
            let at = at.index(sample.len());
            sample[at] = to;
            for bytes in [bytes, sample] {
                if let Ok(it) = Enrolment::decode(&bytes) { prop_assert_eq!(it.encode(), &bytes[..]); }
                if let Ok(it) = Renewal::decode(&bytes) { prop_assert_eq!(it.encode(), &bytes[..]); }
                if let Ok(it) = SignedRequest::decode(&bytes) { prop_assert_eq!(it.encode(), &bytes[..]); }
                if let Ok(it) = Answer::decode(&bytes) { prop_assert_eq!(it.encode(), bytes); }
            }
        }
    }
}
