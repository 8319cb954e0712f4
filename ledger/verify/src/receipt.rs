// SPDX-License-Identifier: Apache-2.0
//! COSE receipts, for the block of a bundle.

use silsila_chain::{ChannelId, Identity, Receipt};

use crate::bundle::verify_bundle;
use crate::{Fault, Report};

/// Checks a receipt for the block that a bundle is about, and the bundle.
///
/// # Errors
/// Names what does not hold.
pub fn verify_receipt(receipt: &[u8], bundle: &[u8], channel: &ChannelId) -> Result<Report, Fault> {
    let verified = verify_bundle(bundle, channel)?;
    let receipt = Receipt::decode(receipt).map_err(|error| Fault::format("the receipt", error))?;
    let received = receipt
        .verify(&verified.bundle.proof.header)
        .ok_or_else(|| Fault::Proof("the receipt is not for the bundle's block".to_owned()))?;
    let genesis = &verified.proven.genesis;
    let signer = Identity::ed25519(received.signer);
    if genesis.founder(&signer).is_none() && !verified.proven.epochs.ever(&signer) {
        let stranger = "the receipt is signed by nobody whom the channel's genesis or the bundle's epochs name";
        return Err(Fault::Proof(stranger.to_owned()));
    }
    let mut report = verified.report;
    report.sentence = format!(
        "{}; and a member signed a tree of {} blocks that holds it",
        report.sentence, received.checkpoint.size
    );
    report.text("receipt_signer", &received.signer);
    report.number("receipt_size", received.checkpoint.size);
    report.text("receipt_root", &ChannelId(received.checkpoint.root));
    Ok(report)
}
