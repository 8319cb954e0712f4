// SPDX-License-Identifier: Apache-2.0
//! Votes and what they add up to; the encoding is drawn in the crate's own docs.

use commonware_codec::Encode;
use commonware_consensus::simplex::scheme::ed25519;
use commonware_consensus::simplex::types::Finalization;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_cryptography::sha256::Digest;
use commonware_utils::ordered::Set;
use silsila_chain::cbor::Writer;
use silsila_chain::{ChannelId, quorum_namespace};

/// Signs and checks votes.
pub type Scheme = ed25519::Scheme;
/// A quorum's word that a candidate is final.
pub type Finality = Finalization<Scheme, Digest>;

/// The most headers between a certified one and the one that was voted on.
pub const MAX_LINKS: usize = 16;

const QUORUM: u64 = 2;

/// The channel's voting scheme; a member that is no validator only checks.
#[must_use]
pub fn scheme(channel: &ChannelId, validators: Set<PublicKey>, key: &PrivateKey) -> Scheme {
    let namespace = quorum_namespace(channel);
    Scheme::signer(&namespace, validators.clone(), key.clone())
        .unwrap_or_else(|| Scheme::verifier(&namespace, validators))
}

/// The certificate of a header: `links` lead from it to the header that was finalized.
#[must_use]
pub fn certificate(finality: &Finality, links: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(3).uint(QUORUM).bytes(&finality.encode());
    writer.array(links.len() as u64);
    for link in links {
        writer.bytes(link);
    }
    writer.into_bytes()
}
