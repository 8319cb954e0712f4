// SPDX-License-Identifier: Apache-2.0
//! What people compare: keys in groups, who is who.

use silsila_chain::PublicKey;
use silsila_replica::certificate::{Fingerprint, MemberCertificate};

use crate::output::{span, time};

/// A key in the groups that two people read to each other.
pub(super) fn key(key: &PublicKey) -> String {
    Fingerprint(key.0).to_string()
}

/// The first digits of a key, enough to name it among a network's members.
pub(super) fn short(key: &PublicKey) -> String {
    key.to_string().chars().take(16).collect()
}

/// `until 2027-11-23 12:00:00 UTC (364 d)`.
pub(super) fn until(certificate: &MemberCertificate, now: u64) -> String {
    let end = certificate.validity().until_ms();
    let left = if now > end {
        format!("ended {} ago", span(now - end))
    } else {
        format!("{} left", span(end - now))
    };
    format!("{} ({left})", time(end))
}
