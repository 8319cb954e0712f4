// SPDX-License-Identifier: Apache-2.0
//! `Provenance`: for every version who committed it, from what mapping, and where it stands on the
//! ledger. It is written when it is asked for, from the entry itself; nothing of it is stored.

use std::str::FromStr as _;

use fhir_sdk::BuilderError;
use fhir_sdk::r4b::codes::ProvenanceEntityRole;
use fhir_sdk::r4b::resources::{Provenance, ProvenanceAgent, ProvenanceEntity};
use fhir_sdk::r4b::types::{
    CodeableConcept, Coding, Extension, ExtensionValue, Identifier, Meta, Reference, Signature,
};
use fhir_sdk::{Base64Binary, Instant};
use silsila_schema::search::Kind;
use silsila_store::CommittedEntry;
use silsila_store::chain::{EntryHash, Op, TxId};

use super::PRODUCT;
use crate::splice::instant;
use crate::state::Hospital;

/// The name of the type.
pub const TYPE: &str = "Provenance";

/// The parameters by which it can be searched, beside `_id` and `_lastUpdated`.
pub const PARAMETERS: [(&str, Kind); 3] = [
    ("patient", Kind::Reference),
    ("recorded", Kind::Date),
    ("target", Kind::Reference),
];

/// What a provenance tells.
pub struct Story<'a> {
    /// The entry.
    pub entry: &'a CommittedEntry,
    /// Type and id of the resource.
    pub resource: (&'static str, &'a str),
    /// The hospital that committed it.
    pub hospital: &'a Hospital,
    /// The transaction that holds it.
    pub transaction: TxId,
    /// The encoded proof.
    pub proof: Vec<u8>,
}

/// The id of an entry's provenance: its number, and enough of its hash that no other chain has the
/// same.
pub fn id_of(seq: u64, hash: &EntryHash) -> String {
    let mut id = format!("{seq}-");
    for byte in &hash.as_bytes()[..10] {
        id.push_str(&format!("{byte:02x}"));
    }
    id
}

/// The number of the entry that an id names; whether the hash fits is for the caller to see.
pub fn entry_of(id: &str) -> Option<u64> {
    let (number, hash) = id.split_once('-')?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let plain = number == "0" || !number.starts_with('0');
    (digits && plain && hash.len() == 20).then(|| number.parse().ok())?
}

/// The resource as JSON.
pub fn write(story: &Story<'_>) -> Option<Vec<u8>> {
    let provenance = build(story).ok()?;
    serde_json::to_vec(&provenance).ok()
}

fn build(story: &Story<'_>) -> Result<Provenance, BuilderError> {
    let entry = story.entry;
    let (kind, id) = story.resource;
    let version = entry.record().version;
    let recorded = time(entry);
    let target = Reference::builder()
        .reference(format!("{kind}/{id}/_history/{version}"))
        .build()?;
    let mut provenance = Provenance::builder()
        .id(id_of(entry.seq(), &entry.entry_hash()))
        .meta(
            Meta::builder()
                .version_id("1".to_owned())
                .last_updated(recorded.clone())
                .build()?,
        )
        .extension(vec![ledger(story)?])
        .target(vec![Some(target)])
        .recorded(recorded.clone())
        .activity(activity(entry)?)
        .agent(vec![Some(agent(story.hospital)?)]);
    if let Some(source) = mapping(story)? {
        provenance = provenance.entity(vec![Some(source)]);
    }
    provenance
        .signature(vec![Some(signature(story, recorded)?)])
        .build()
}

fn time(entry: &CommittedEntry) -> Instant {
    let ms = i64::try_from(entry.time_ms()).unwrap_or(0);
    Instant::from_str(&instant(ms)).expect("a block's time is written as an instant")
}

fn activity(entry: &CommittedEntry) -> Result<CodeableConcept, BuilderError> {
    let (code, display) = match (entry.record().op, entry.record().version) {
        (Op::Delete, _) => ("DELETE", "delete"),
        (Op::Put, 1) => ("CREATE", "create"),
        (Op::Put, _) => ("UPDATE", "revise"),
    };
    concept(
        "http://terminology.hl7.org/CodeSystem/v3-DataOperation",
        code,
        display,
    )
}

fn concept(system: &str, code: &str, display: &str) -> Result<CodeableConcept, BuilderError> {
    let coding = Coding::builder()
        .system(system.to_owned())
        .code(code.to_owned())
        .display(display.to_owned())
        .build()?;
    CodeableConcept::builder()
        .coding(vec![Some(coding)])
        .build()
}

fn organization(hospital: &Hospital) -> Result<Reference, BuilderError> {
    let who = Reference::builder();
    let who = match &hospital.organization_id {
        Some(id) => who.reference(format!("Organization/{id}")),
        // A version whose text is not here any more, or never was, names its custodian by name alone.
        None if hospital.base_uri.is_empty() => who,
        None => who.identifier(
            Identifier::builder()
                .system("urn:ietf:rfc:3986".to_owned())
                .value(hospital.base_uri.clone())
                .build()?,
        ),
    };
    who.display(hospital.name.clone()).build()
}

fn agent(hospital: &Hospital) -> Result<ProvenanceAgent, BuilderError> {
    ProvenanceAgent::builder()
        .r#type(concept(
            "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
            "custodian",
            "Custodian",
        )?)
        .who(organization(hospital)?)
        .build()
}

/// The mapping that made the version: its name, and the digest of its text and code tables.
fn mapping(story: &Story<'_>) -> Result<Option<ProvenanceEntity>, BuilderError> {
    let Some(payload) = story
        .entry
        .payload()
        .filter(|payload| !payload.mapping.is_empty())
    else {
        return Ok(None);
    };
    let digest: String = payload
        .mapping_digest
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let what = Reference::builder()
        .identifier(
            Identifier::builder()
                .system(format!("{PRODUCT}/mapping"))
                .value(format!("{}@sha256:{digest}", payload.mapping))
                .build()?,
        )
        .display(format!("mapping {}", payload.mapping))
        .build()?;
    ProvenanceEntity::builder()
        .role(ProvenanceEntityRole::Source)
        .what(what)
        .build()
        .map(Some)
}

/// Where the version stands on the ledger.
fn ledger(story: &Story<'_>) -> Result<Extension, BuilderError> {
    let entry = story.entry;
    let height = match u32::try_from(entry.height().0) {
        Ok(height) => ExtensionValue::UnsignedInt(height),
        Err(_) => ExtensionValue::String(entry.height().to_string()),
    };
    let parts = vec![
        part("height", height)?,
        part(
            "entry",
            ExtensionValue::String(entry.entry_hash().to_string()),
        )?,
        part(
            "block",
            ExtensionValue::String(entry.block_hash().to_string()),
        )?,
        part(
            "transaction",
            ExtensionValue::String(story.transaction.to_string()),
        )?,
    ];
    Extension::builder()
        .url(format!("{PRODUCT}/StructureDefinition/ledger"))
        .extension(parts)
        .build()
}

fn part(name: &str, value: ExtensionValue) -> Result<Extension, BuilderError> {
    Extension::builder()
        .url(name.to_owned())
        .value(value)
        .build()
}

/// The proof bundle: entry, inclusion paths, header, certificate. `silsila-verify` reads it.
fn signature(story: &Story<'_>, when: Instant) -> Result<Signature, BuilderError> {
    let source = Coding::builder()
        .system("urn:iso-astm:E1762-95:2013".to_owned())
        .code("1.2.840.10065.1.12.1.14".to_owned())
        .display("Source Signature".to_owned())
        .build()?;
    Signature::builder()
        .r#type(vec![Some(source)])
        .when(when)
        .who(organization(story.hospital)?)
        .sig_format("application/vnd.silsila.proof+cbor".to_owned())
        .data(Base64Binary(story.proof.clone()))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_entry() {
        let hash = EntryHash([0xab; 32]);
        for seq in [0, 7, u64::MAX] {
            assert_eq!(entry_of(&id_of(seq, &hash)), Some(seq));
        }
        for other in [
            "",
            "7",
            "07-abababababababababab",
            "x-abababababababababab",
            "7-ab",
        ] {
            assert_eq!(entry_of(other), None, "{other}");
        }
    }
}
