// SPDX-License-Identifier: Apache-2.0
//! What the admin socket says of ballots and members.

use serde::{Deserialize, Serialize};

/// A member of a channel, as its chain says now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberReport {
    /// Its ledger key, in hexadecimal.
    pub key: String,
    /// Its organization.
    pub organization: String,
    /// What the organization is.
    pub role: String,
    /// Whether it may act, by the time of the last block.
    pub standing: Standing,
    /// How many changes it has seen.
    pub revision: u64,
    /// Until when it may act, milliseconds since 1970.
    pub not_after_ms: u64,
    /// Whether it is this gateway.
    pub own: bool,
    /// Whether it was heard within the last seconds.
    pub heard: bool,
    /// Whether the network's authority revoked it.
    pub revoked_by_authority: bool,
    /// Whether it orders now.
    #[serde(default)]
    pub orders: bool,
    /// Whether it orders behind the boundary, where one is fixed.
    #[serde(default)]
    pub will_order: Option<bool>,
}

/// Whether a member may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It may.
    Active,
    /// Its time has ended.
    Expired,
    /// Not now.
    Suspended,
    /// Never again.
    Revoked,
    /// The channel has not admitted it.
    #[default]
    None,
}

/// What became of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It waits for votes, or for its block.
    Open,
    /// It is on the chain.
    Committed,
    /// The chain can never take it.
    Refused,
    /// Its last block has passed.
    Expired,
}

/// A proposal, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BallotReport {
    /// The channel's name.
    pub channel: String,
    /// What endorsers sign, in hexadecimal.
    pub id: String,
    /// `admit`, `renew`, `suspend`, `reinstate`, `revoke`, `validators` or `contract`.
    pub what: String,
    /// The key of the member that it is about; empty for a contract.
    pub member: String,
    /// That member's organization.
    pub organization: String,
    /// Its role.
    pub role: String,
    /// The revision of the member, or the number of the contract or epoch, that it makes.
    pub revision: u64,
    /// Until when the member may act with it, milliseconds since 1970; of `admit` and `renew`.
    pub not_after_ms: Option<u64>,
    /// Why, as a CRLReason of RFC 5280; of `suspend` and `revoke`.
    pub reason: Option<u8>,
    /// Whether a certificate comes with it, or the authority revoked the member.
    pub authority: bool,
    /// The last block that may hold it.
    pub until: u64,
    /// The chain's height now.
    pub height: u64,
    /// Who proposes it: key and organization.
    pub proposer: (String, String),
    /// Who endorses it, the proposer among them.
    pub endorsed: Vec<(String, String)>,
    /// Who declined it.
    pub declined: Vec<(String, String)>,
    /// How many organizations are for it, this gateway's included if it endorses.
    pub votes: u32,
    /// How many organizations have a say.
    pub organizations: u32,
    /// With how many the contract permits it; none where no number would do.
    pub needed: Option<u32>,
    /// What becomes of it.
    pub state: State,
    /// The block that holds it.
    pub committed: Option<u64>,
    /// Why it is refused, or not permitted yet.
    pub code: Option<String>,
    /// Whether this gateway `endorsed` or `declined` it, or has said nothing.
    pub own: Option<String>,
    /// When this gateway saw it first, milliseconds since 1970.
    pub seen_ms: u64,
    /// Who would order; of `validators`.
    #[serde(default)]
    pub validators: Vec<(String, String)>,
    /// The present contract and the proposed one; only where one proposal was asked for.
    pub texts: Option<Texts>,
}

/// Two contracts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    /// In force now.
    pub present: String,
    /// Proposed.
    pub proposed: String,
    /// The proposed one's hash, in hexadecimal.
    pub hash: String,
}
