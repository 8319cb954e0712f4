// SPDX-License-Identifier: Apache-2.0
//! `silsila ledger proof`: that a version of a resource is on the chain, for whoever asks for evidence.

use serde::Serialize;
use silsila_authority::hex;
use silsila_chain::{Bundle, ChannelId, Genesis, Height, Proof};
use silsila_config::Settings;
use silsila_fhir::index::{key::Keyed, lookup, tables};
use silsila_store::rusqlite::Connection;
use silsila_store::{IndexError, Store, StoreError};

use super::checkpoint::member_key;
use super::{print, print_json};
use crate::assemble::open_store_read_only;
use crate::cli::ProofArgs;
use crate::exit::{Exit, Failure};

/// What the proof shows, checked before it is printed.
#[derive(Serialize)]
struct Shown {
    resource: String,
    version: u64,
    /// The channel's fingerprint: the one thing that a verifier must know beforehand.
    fingerprint: String,
    member: String,
    entry: String,
    transaction: String,
    height: u64,
    block: String,
    time_ms: u64,
    /// The height of the newest block that still builds on this one.
    latest: u64,
    /// SHA-256 of the payload as stored; absent for a deletion.
    payload: Option<String>,
    /// The proof in its binary form, in hexadecimal.
    proof: String,
}

pub(super) fn run(settings: &Settings, args: &ProofArgs) -> Result<Exit, Failure> {
    let wanted = Wanted::parse(&args.resource)?;
    let store = open_store_read_only(settings, args.ledger.channel.as_deref())?;
    let (seq, version) = store
        .read(|conn| wanted.find(conn))?
        .ok_or_else(|| wanted.unknown())?;
    let proof = store.proof(seq)?;
    let bytes = proof.encode();
    let shown = shown(&wanted, version, &proof, &bytes)?;
    if let Some(file) = &args.out {
        let payload = if args.payload {
            kept(&store, seq, &shown)?
        } else {
            None
        };
        let bundle = Bundle { proof, payload }.encode();
        std::fs::write(file, bundle).map_err(Failure::file(file))?;
    }
    if let Some(file) = &args.receipt {
        let receipt = store.receipt(Height(shown.height), &member_key(settings)?)?;
        std::fs::write(file, receipt.encode()).map_err(Failure::file(file))?;
    }
    match &args.out {
        Some(file) if !args.json => print(&format!(
            "the proof of {} version {} in block {} is in {}; verify it with the channel's fingerprint {}",
            shown.resource,
            shown.version,
            shown.height,
            file.display(),
            shown.fingerprint
        )),
        _ => print_json(&shown)?,
    }
    Ok(Exit::Ok)
}

/// The payload's bytes, where they were asked for; a deletion has none.
fn kept(store: &Store, seq: u64, shown: &Shown) -> Result<Option<Vec<u8>>, Failure> {
    let payload = store.payload(seq)?;
    if payload.is_none() && shown.payload.is_some() {
        return Err(Failure::NoProof {
            reason: "this gateway does not keep the payload's bytes any more".to_owned(),
        });
    }
    Ok(payload)
}

fn shown(wanted: &Wanted, version: u64, proof: &Proof, bytes: &[u8]) -> Result<Shown, Failure> {
    let unsound = |reason: String| Failure::NoProof { reason };
    let fingerprint: ChannelId = Genesis::decode(&proof.genesis)
        .map_err(|error| unsound(error.to_string()))?
        .id();
    let proven = proof
        .verify(&fingerprint)
        .map_err(|fault| unsound(fault.to_string()))?;
    Ok(Shown {
        resource: format!("{}/{}", wanted.kind, wanted.id),
        version,
        fingerprint: fingerprint.to_string(),
        member: proven.member.key.to_string(),
        entry: proven.entry_hash.to_string(),
        transaction: proven.transaction.to_string(),
        height: proven.height.0,
        block: proven.block.to_string(),
        time_ms: proven.time_ms,
        latest: proven.latest.0,
        payload: proven
            .entry
            .payload()
            .map(|payload| payload.digest.to_string()),
        proof: hex::write(bytes),
    })
}

/// `Type/id` or `Type/id/_history/version`.
struct Wanted<'a> {
    kind: &'a str,
    id: &'a str,
    version: Option<i64>,
}

impl<'a> Wanted<'a> {
    fn parse(text: &'a str) -> Result<Self, Failure> {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, id, version) = match parts.as_slice() {
            [kind, id] => (*kind, *id, None),
            [kind, id, "_history", version] => (*kind, *id, version.parse().ok()),
            _ => return Err(malformed(text)),
        };
        if parts.len() == 4 && version.is_none() {
            return Err(malformed(text));
        }
        Ok(Self { kind, id, version })
    }

    /// The entry's number in the chain, and the version's.
    fn find(&self, conn: &Connection) -> Result<Option<(u64, u64)>, Failure> {
        let secrets = tables::secrets(conn).map_err(StoreError::from)?;
        let secrets = secrets.ok_or_else(|| {
            StoreError::from(IndexError::Refused {
                reason: "the ledger has no search index yet: start the gateway once".to_owned(),
            })
        })?;
        let keyed = Keyed::new(secrets.terms);
        let found = lookup::resource(conn, &keyed, self.kind, self.id).map_err(StoreError::from)?;
        let Some((_, head)) = found else {
            return Ok(None);
        };
        for version in lookup::back_from(conn, head) {
            let version = version.map_err(StoreError::from)?;
            if self.version.is_none_or(|wanted| wanted == version.version) {
                return Ok(Some((
                    version.vid.unsigned_abs(),
                    version.version.unsigned_abs(),
                )));
            }
        }
        Ok(None)
    }

    fn unknown(&self) -> Failure {
        let version = self
            .version
            .map_or_else(String::new, |version| format!("/_history/{version}"));
        Failure::Unknown {
            what: "resource",
            name: format!("{}/{}{version}", self.kind, self.id),
            known: "the ledger holds no such version".to_owned(),
        }
    }
}

fn malformed(text: &str) -> Failure {
    Failure::Unknown {
        what: "resource",
        name: text.to_owned(),
        known: "write Type/id or Type/id/_history/version".to_owned(),
    }
}
