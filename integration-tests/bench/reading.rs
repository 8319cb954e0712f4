// SPDX-License-Identifier: Apache-2.0
//! Reads and searches over HTTP, each beside a bare handler that returns the same bytes.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;
use silsila_integration_tests::gateway::Gateway;
use silsila_integration_tests::http::Http;

use crate::bare::{Bare, record};
use crate::load::{CALM, CONNECTIONS, Load, load};
use crate::site::Site;

/// What is asked, by kind.
pub const KINDS: [&str; 5] = [
    "read",
    "search by identifier",
    "search by patient and code",
    "search by name",
    "search by family and given name",
];

/// Different targets of each kind, spread over all patients.
const TARGETS: usize = 1_000;

/// One kind of question, asked of the gateway and of a bare handler.
pub struct Reading {
    /// What was asked.
    pub kind: &'static str,
    /// The gateway.
    pub gateway: Load,
    /// The gateway under a calm load.
    pub calm: Load,
    /// The bare handler.
    pub bare: Option<Load>,
}

/// Asks every kind of question; beside the bare handler only if `compare`.
pub async fn readings(
    site: &Site,
    gateway: &Gateway,
    time: Duration,
    compare: bool,
) -> anyhow::Result<Vec<Reading>> {
    let pid = gateway.pid().context("the gateway does not run")?;
    let patients = patients(gateway).await?;
    let mut readings = Vec::new();
    for (at, kind) in KINDS.into_iter().enumerate() {
        let targets: Vec<String> = patients.iter().filter_map(|p| target(at, p)).collect();
        ensure!(!targets.is_empty(), "nothing to ask: {kind}");
        let folder = &site.folder;
        let answers = folder.join("answers.jsonl");
        record(gateway.port(), &targets, &answers).await?;
        let port = gateway.port();
        let loaded = load(port, pid, &targets, CONNECTIONS, time, folder)?;
        let calm = load(port, pid, &targets, CALM, time / 2, folder)?;
        let bare = if compare {
            let bare = Bare::start(&answers).await?;
            let loaded = load(bare.port, bare.pid(), &targets, CONNECTIONS, time, folder)?;
            bare.end()?;
            Some(loaded)
        } else {
            None
        };
        readings.push(Reading {
            kind,
            gateway: loaded,
            calm,
            bare,
        });
    }
    Ok(readings)
}

/// The address of one question about a patient.
fn target(kind: usize, patient: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().map(encoded);
    let id = text(&patient["id"])?;
    let name = &patient["name"][0];
    Some(match kind {
        0 => format!("/fhir/Patient/{id}"),
        1 => {
            let identifier = &patient["identifier"][0];
            let (system, value) = (text(&identifier["system"])?, text(&identifier["value"])?);
            format!("/fhir/Patient?identifier={system}%7C{value}")
        }
        2 => format!("/fhir/Observation?patient={id}&code=http%3A%2F%2Floinc.org%7C85354-9"),
        3 => format!("/fhir/Patient?name={}&_count=10", text(&name["family"])?),
        _ => format!(
            "/fhir/Patient?family={}&given={}&_count=10",
            text(&name["family"])?,
            text(&name["given"][0])?
        ),
    })
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Some patients from all over the register: pages of the whole, of which every so many-th is kept.
pub async fn patients(gateway: &Gateway) -> anyhow::Result<Vec<Value>> {
    let mut http = gateway.http().await?;
    let mut all = Vec::new();
    let mut next = Some("/fhir/Patient?_count=1000&_elements=identifier,name".to_owned());
    while let Some(target) = next.take() {
        let mut bundle = page(&mut http, &target).await?;
        next = link(&bundle);
        let entries = bundle["entry"].as_array_mut().map(std::mem::take);
        all.extend(
            entries
                .into_iter()
                .flatten()
                .map(|mut e| e["resource"].take()),
        );
    }
    let step = all.len().div_ceil(TARGETS).max(1);
    Ok(all.into_iter().step_by(step).collect())
}

async fn page(http: &mut Http, target: &str) -> anyhow::Result<Value> {
    http.json(target).await
}

/// The path and query of the link to the next page.
fn link(bundle: &Value) -> Option<String> {
    let links = bundle["link"].as_array()?;
    let next = links.iter().find(|link| link["relation"] == "next")?;
    let url = next["url"].as_str()?;
    let path = url.split_once("://")?.1;
    Some(path[path.find('/')?..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_link_becomes_a_target_on_the_same_connection() {
        let bundle = serde_json::json!({"link": [
            {"relation": "self", "url": "http://h:1/fhir/Patient"},
            {"relation": "next", "url": "http://h:1/fhir/Patient?page=2"},
        ]});
        assert_eq!(link(&bundle).as_deref(), Some("/fhir/Patient?page=2"));
    }

    #[test]
    fn names_in_urdu_are_percent_encoded() {
        assert_eq!(encoded("a b"), "a%20b");
        assert_eq!(encoded("شیخ"), "%D8%B4%DB%8C%D8%AE");
    }
}
