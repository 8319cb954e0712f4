// SPDX-License-Identifier: Apache-2.0
//! The SHA-256 of every format's sample bytes. A line that has to change here changes a format: give it
//! a new label or extension, keep reading the old one, and say so in an ADR.

use sha2::{Digest as _, Sha256};

use crate::sample;

#[test]
fn no_format_changes_by_accident() {
    let samples = [
        ("root certificate", sample::root().der().to_vec()),
        ("issuing certificate", sample::issuing().der().to_vec()),
        ("member certificate", sample::member().der().to_vec()),
        ("network document", sample::network().encode()),
        ("fingerprint", sample::network().fingerprint().0.to_vec()),
        ("credential", sample::credential().encode()),
        ("revocation", sample::revocation().encode()),
    ];
    let found = samples.map(|(name, bytes)| {
        let digest = Sha256::digest(&bytes);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{digest} {:>5} {name}", bytes.len())
    });
    assert_eq!(found.join("\n"), include_str!("conformance.txt").trim_end());
}
