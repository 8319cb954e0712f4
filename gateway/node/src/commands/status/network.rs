// SPDX-License-Identifier: Apache-2.0
//! How the membership of the network is, and every channel.

use std::fmt::Write as _;

use super::ledger::troubles;
use crate::admin::{ChannelReport, NetworkReport};
use crate::ballots::Standing;
use crate::output::{size, span, time};

/// Within this time of the end a person is told.
const END_NEAR_MS: u64 = silsila_authority::RENEWAL_WARNING_MS;

/// The network, and a warning where the certificate is to be renewed and was not.
pub(super) fn network(network: &NetworkReport, now_ms: u64) -> String {
    if let Some(fault) = &network.fault {
        return format!("network  {fault}");
    }
    let end = time(network.not_after_ms);
    let line = format!(
        "network  {}: {} as {}, certificate until {end}",
        network.name, network.organization, network.role
    );
    if now_ms > network.not_after_ms {
        format!(
            "{line}\n         THE CERTIFICATE HAS ENDED: ask the authority for a new invitation"
        )
    } else if now_ms >= network.renew_from_ms {
        let left = span(network.not_after_ms - now_ms);
        format!(
            "{line}\n         {left} left, and it could not be renewed yet: silsila network renew says why"
        )
    } else {
        line
    }
}

/// A channel: who orders it, who was heard, and what the loss of a validator would mean.
pub(super) fn channel(channel: &ChannelReport, now_ms: u64) -> String {
    if let Some(why) = &channel.failing {
        return format!("channel  {}: TAKES NOTHING NOW: {why}", channel.name);
    }
    let mut line = format!(
        "channel  {}: {} at height {} of {}; {} of {} other members heard; {} transactions wait",
        channel.name,
        channel.role,
        channel.height,
        channel.seen.max(channel.height),
        channel.heard.len(),
        channel.others,
        channel.waiting
    );
    if channel.others > 0 && channel.heard.is_empty() {
        line.push_str("\n         nobody is heard: is the line there, and are the addresses right? Nor do members connect whose clocks differ by more than a minute: CLI0016");
    }
    let _ = write!(line, "\n         {}", validators(channel));
    for said in epoch(channel) {
        let _ = write!(line, "\n         {said}");
    }
    if channel.lacking > 0 {
        let _ = write!(
            line,
            "; {} payloads are missing and fetched",
            channel.lacking
        );
    }
    if let (Some(ledger), Some(fhir)) = (&channel.ledger, &channel.fhir) {
        let _ = write!(
            line,
            "\n         {} entries, {}; FHIR at {fhir}",
            ledger.entries,
            size(ledger.file_bytes + ledger.wal_bytes)
        );
        line.push_str(&troubles(ledger));
    }
    for said in membership(channel, now_ms) {
        let _ = write!(line, "\n         {said}");
    }
    line
}

/// What the channel's members decided on this gateway, and what waits for its vote.
fn membership(channel: &ChannelReport, now_ms: u64) -> Vec<String> {
    let mut said = Vec::new();
    let end = channel.not_after_ms.unwrap_or(u64::MAX);
    match channel.standing {
        Standing::Revoked => said.push(
            "REVOKED: nothing of this gateway is accepted any more, and no member speaks to it".to_owned(),
        ),
        Standing::Suspended => {
            said.push("SUSPENDED: nothing of this gateway is accepted until members reinstate it".to_owned());
        }
        Standing::Expired => said.push(format!(
            "EXPIRED on {}: nothing of this gateway is accepted until it is renewed",
            time(end)
        )),
        Standing::None => said.push("the channel's members have not admitted this gateway yet".to_owned()),
        Standing::Active if now_ms > end => {
            said.push(format!("its time on this channel ended on {}", time(end)));
        }
        Standing::Active if end - now_ms <= END_NEAR_MS => said.push(format!(
            "{} left on this channel: it is renewed by itself as soon as the authority has renewed its certificate, or by vote",
            span(end - now_ms)
        )),
        Standing::Active => {}
    }
    if channel.revoked_by_authority && channel.standing != Standing::Revoked {
        said.push("THE NETWORK'S AUTHORITY REVOKED THIS GATEWAY".to_owned());
    }
    if channel.unanswered > 0 {
        said.push(format!(
            "{} of {} open proposals wait for this gateway's word: silsila channel proposals",
            channel.unanswered, channel.proposals
        ));
    }
    said
}

/// What is to be said of a change of validators.
fn epoch(channel: &ChannelReport) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(boundary) = channel.boundary {
        said.push(format!(
            "epoch {}: other validators order behind block {boundary}",
            channel.epoch
        ));
    } else if channel.epoch > 0 {
        said.push(format!("epoch {}", channel.epoch));
    }
    if channel.revoked_validators > 0 && channel.boundary.is_none() {
        said.push(format!(
            "{} OF THE VALIDATORS WAS REVOKED and keeps its seat until the members name others: silsila channel propose validators",
            channel.revoked_validators
        ));
    }
    said
}

fn validators(channel: &ChannelReport) -> String {
    match (channel.validators, channel.dispensable) {
        (1, _) => "one validator orders: while it is away nothing new is committed".to_owned(),
        (all, away) => format!(
            "{all} validators: {away} may be away; with {} away nothing new is committed, and everything is still read",
            away + 1
        ),
    }
}

#[cfg(test)]
mod tests {
    use silsila_engine::ChannelStatus;

    use super::*;

    fn said(own: &str, members: &[&str], heard: &[&str]) -> String {
        let status = ChannelStatus {
            members: members.len(),
            heard: heard.iter().map(ToString::to_string).collect(),
            ..ChannelStatus::default()
        };
        let mut report = ChannelReport::of("Laboratory", Some(status));
        report.count(own, members.iter().copied());
        channel(&report, 0)
    }

    #[test]
    fn other_members_are_counted_before_and_after_this_gateway_is_one() {
        let before = said("c", &["a", "b"], &["a", "b"]);
        assert!(before.contains("2 of 2 other members heard"), "{before}");
        let after = said("c", &["a", "b", "c"], &["a", "b"]);
        assert!(after.contains("2 of 2 other members heard"), "{after}");
        let lost = said("c", &["a", "c"], &[]);
        assert!(
            lost.contains("0 of 1 other") && lost.contains("CLI0016"),
            "{lost}"
        );
        let alone = said("c", &["c"], &[]);
        assert!(!alone.contains("nobody is heard"), "{alone}");
        assert!(alone.contains("0 of 0 other members heard"), "{alone}");
    }

    #[test]
    fn who_was_revoked_and_keeps_a_seat_is_not_counted_as_a_member_that_is_heard() {
        let said = said("c", &["a", "b", "c"], &["a", "revoked"]);
        assert!(said.contains("1 of 2 other members heard"), "{said}");
    }
}
