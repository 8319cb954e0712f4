// SPDX-License-Identifier: Apache-2.0
//! The SHA-256 of every wire format's sample bytes. A line that has to change here changes a format:
//! give the format a new label, keep reading the old one, and say so in an ADR.

use sha2::{Digest, Sha256};
use silsila_chain::{AsCertified, ChainState, MemoryHeads};

use crate::proofs::proof;
use crate::sample::{chain, genesis, keys, kinds, shared};

#[test]
fn no_format_changes_by_accident() {
    let (mut state, mut heads) = (ChainState::at_genesis(&genesis()), MemoryHeads::default());
    for block in chain() {
        let verified = state
            .verify_block(&block, &AsCertified, &mut heads)
            .unwrap();
        heads.extend(verified.accepted.heads);
        state = verified.accepted.after;
    }
    let put = &chain()[0].transactions[0];
    let delete = &chain()[1].transactions[1];
    let kind = |position: usize| kinds()[position].encode();
    let samples = [
        ("genesis", genesis().encode()),
        ("entries: two puts", put.entries.clone()),
        ("entry: delete", delete.entries.clone()),
        ("entry: grant", kind(1)),
        ("entry: admit", kind(2)),
        ("entry: renew", kind(3)),
        ("entry: suspend", kind(4)),
        ("entry: reinstate", kind(5)),
        ("entry: revoke", kind(6)),
        ("entry: contract", kind(7)),
        ("entry: epoch", kind(8)),
        ("genesis of two", shared().encode()),
        ("contract", shared().contract.encode()),
        ("transaction header", put.header.clone()),
        ("transaction signature", put.signature.0.to_vec()),
        ("block header 0", genesis().header().encode()),
        ("block header 3", chain()[2].header.clone()),
        ("certificate", chain()[2].certificate.clone()),
        ("block", chain()[1].encode()),
        ("proof", proof().encode()),
        ("bundle", crate::bundles::bundle().encode()),
        (
            "checkpoint",
            crate::checkpoints::checkpoint(4)
                .sign(&crate::sample::key())
                .encode()
                .into_bytes(),
        ),
        ("receipt", crate::receipts::receipt().encode()),
        (
            "evidence: checkpoints",
            crate::checkpoints::two_checkpoints().encode(),
        ),
        (
            "evidence: certificates",
            crate::checkpoints::two_certificates().encode(),
        ),
        ("export", crate::exports::export()),
        (
            "certificate of a quorum",
            crate::quorum::linked_certificate(),
        ),
        ("chain state", state.encode()),
        ("state root", state.state_root().to_vec()),
        (
            "state root with epochs",
            crate::growing::three_epochs().state.state_root().to_vec(),
        ),
        (
            "proof over two boundaries",
            crate::growing::three_epochs().proof(40).encode(),
        ),
        (
            "evidence with epochs and an admission",
            crate::boundaries::evidence_with_all().encode(),
        ),
        ("resource tag", keys().resource_tag("Patient/a").0.to_vec()),
        ("subject tag", keys().subject_tag("Patient/a").0.to_vec()),
    ];
    let found: Vec<String> = samples
        .iter()
        .map(|(name, bytes)| {
            let digest: String = Sha256::digest(bytes)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!("{digest} {:>5} {name}", bytes.len())
        })
        .collect();
    assert_eq!(found.join("\n"), include_str!("conformance.txt").trim_end());
}
