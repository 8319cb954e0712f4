// SPDX-License-Identifier: Apache-2.0
//! Whose a version is: on a channel, the organization that the committing member's certificate names.

use std::borrow::Cow;

use serde_json::Value;
use silsila_store::CommittedEntry;
use silsila_store::chain::{Identity, Proof, TransactionHeader};

use crate::refusal::Refusal;
use crate::state::{FhirState, Hospital};

/// Who committed an entry: this hospital, or another member, with the URI that its resource gives as its source.
pub fn custodian<'s>(
    state: &'s FhirState,
    entry: &CommittedEntry,
    proof: &Proof,
) -> Result<Cow<'s, Hospital>, Refusal> {
    let own = &state.settings().hospital;
    let header = TransactionHeader::decode(&proof.transaction).map_err(|_| Refusal::Corrupt)?;
    if own.member.is_none_or(|key| key == header.member.key) {
        return Ok(Cow::Borrowed(own));
    }
    Ok(Cow::Owned(Hospital {
        name: organization(state, &header.member)?,
        base_uri: source(entry).unwrap_or_default(),
        ..Hospital::default()
    }))
}

/// A member's organization: a founder's stands in the genesis, another one's in the chain.
fn organization(state: &FhirState, member: &Identity) -> Result<String, Refusal> {
    if let Some(founder) = state.store().genesis().founder(member) {
        return Ok(founder.admission.organization.clone());
    }
    let chain = state.store().chain()?;
    let member = chain.members().get(member).ok_or(Refusal::Corrupt)?;
    Ok(member.organization.clone())
}

fn source(entry: &CommittedEntry) -> Option<String> {
    let body: Value = serde_json::from_slice(&entry.payload()?.body).ok()?;
    body["meta"]["source"].as_str().map(ToOwned::to_owned)
}
