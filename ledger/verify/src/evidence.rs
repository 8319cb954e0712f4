// SPDX-License-Identifier: Apache-2.0
//! Evidence of two histories, and single checkpoints.

use silsila_chain::{ChannelId, Evidence, SignedCheckpoint};

use crate::{Fault, Report};

/// Checks evidence against a channel's fingerprint.
///
/// # Errors
/// Names why it shows nothing.
pub fn verify_evidence(bytes: &[u8], channel: &ChannelId) -> Result<Report, Fault> {
    let shown = Evidence::decode(bytes)
        .and_then(|evidence| evidence.verify(channel))
        .map_err(Fault::evidence)?;
    let what = if shown.certificates {
        "two different blocks were certified at one height"
    } else {
        "two different roots were signed for one size of the channel's tree"
    };
    let mut report = Report::new(format!("the channel was given two histories: {what}"));
    report.text("channel", &channel);
    report.number("height", shown.height.0);
    let signed: Vec<String> = shown.culprits.iter().map(ToString::to_string).collect();
    if signed.is_empty() {
        report.text("signed_both", &"nobody; each side has its own signers");
    } else {
        report.list("signed_both", signed);
    }
    Ok(report)
}

/// Checks a checkpoint's signatures and that it is of the channel.
///
/// # Errors
/// Names why it shows nothing.
pub fn verify_checkpoint(bytes: &[u8], channel: &ChannelId) -> Result<Report, Fault> {
    let signed = SignedCheckpoint::open(bytes).map_err(Fault::note)?;
    let checkpoint = signed.checkpoint();
    if checkpoint.channel != *channel {
        return Err(Fault::Channel);
    }
    let mut report = Report::new("these keys signed this root of the channel's tree");
    report.text("channel", &channel);
    report.number("size", checkpoint.size);
    report.text("root", &ChannelId(checkpoint.root));
    report.list(
        "signed_by",
        signed.signers().map(|key| key.to_string()).collect(),
    );
    report.text(
        "note",
       & "whether the keys are members' is for the genesis to say: verify the chain with --checkpoint",
    );
    Ok(report)
}
