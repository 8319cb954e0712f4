// SPDX-License-Identifier: Apache-2.0
//! One version's proof bundle.

use silsila_chain::{
    Bundle, Certificate, ChannelId, Entry, Genesis, Identity, Op, PayloadShown, ProvenBundle, Suite,
};

use crate::Fault;
use crate::report::{Report, time};

/// A bundle that holds.
#[derive(Debug)]
pub struct VerifiedBundle {
    /// What it shows.
    pub report: Report,
    /// The bundle.
    pub bundle: Bundle,
    /// What it was found to show.
    pub proven: ProvenBundle,
}

/// Checks a bundle's bytes against a channel's fingerprint.
///
/// # Errors
/// Names what it fails to show.
pub fn verify_bundle(bytes: &[u8], channel: &ChannelId) -> Result<VerifiedBundle, Fault> {
    let bundle = Bundle::decode(bytes).map_err(|error| Fault::format("the bundle", error))?;
    let proven = bundle.verify(channel).map_err(Fault::bundle)?;
    Ok(VerifiedBundle {
        report: report(&bundle, &proven),
        bundle,
        proven,
    })
}

fn report(bundle: &Bundle, shown: &ProvenBundle) -> Report {
    let ProvenBundle {
        proven, genesis, ..
    } = shown;
    let mut report = Report::new(format!(
        "the channel holds this entry since block {}, {}",
        proven.height,
        time(proven.time_ms)
    ));
    report.text("channel", &genesis.id());
    report.text("channel_name", &&genesis.name);
    report.text("network", &ChannelId(genesis.network));
    describe(&mut report, &proven.entry);
    report.text("entry", &proven.entry_hash);
    report.text("member", &proven.member.key);
    report.text("organization", &organization(genesis, &proven.member));
    report.text("transaction", &proven.transaction);
    report.number("height", proven.height.0);
    report.text("block", &proven.block);
    report.number("time_ms", proven.time_ms);
    report.text("time", &time(proven.time_ms));
    report.text("certified_by", &certified_by(&bundle.proof.certificate));
    let epoch = shown.epochs.at(proven.height).epoch();
    report.number("epoch", epoch);
    report.number("latest_height", proven.latest.0);
    payload(&mut report, &shown.payload);
    report
}

fn describe(report: &mut Report, entry: &Entry) {
    let Some(record) = entry.record() else {
        report.text(
            "about",
            &"the channel itself or who may read, not a version of a resource",
        );
        return;
    };
    let about = match record.op {
        Op::Put => "put",
        Op::Delete => "delete",
    };
    report.text("about", &about);
    report.text("kind", &&record.kind);
    report.text("resource_tag", &record.resource_tag);
    report.text("subject_tag", &record.subject_tag);
    report.number("version", record.version);
}

/// Who a member is by the genesis; one who was admitted later is vouched for by the certificate.
fn organization(genesis: &Genesis, member: &Identity) -> String {
    match genesis.founder(member) {
        Some(founder) if founder.admission.organization.is_empty() => {
            "a gateway alone, from the beginning".to_owned()
        }
        Some(founder) => founder.admission.organization.clone(),
        None => "admitted later; the block's certificate vouches for that".to_owned(),
    }
}

fn certified_by(certificate: &[u8]) -> String {
    match Certificate::decode(certificate) {
        Ok(Certificate::Quorum { finalization, .. }) => format!(
            "{} of {} validators",
            finalization.signers.len(),
            finalization.validators
        ),
        _ => "the channel's one validator".to_owned(),
    }
}

fn payload(report: &mut Report, payload: &PayloadShown) {
    let (state, commitment) = match payload {
        PayloadShown::None => {
            report.text("payload", &"none");
            return;
        }
        PayloadShown::Committed(commitment) => ("not in the bundle", commitment),
        PayloadShown::Matches(commitment) => ("in the bundle, and the one committed", commitment),
    };
    let suite = match commitment.suite {
        Suite::CLEAR => "0, in clear",
        Suite::SEALED => "1, sealed",
        Suite::ENVELOPES => "2, key envelopes",
        _ => "unknown",
    };
    report.text("payload", &state);
    report.text("payload_suite", &suite);
    report.text("payload_sha256", &commitment.digest);
    report.number("payload_bytes", u64::from(commitment.size));
}
