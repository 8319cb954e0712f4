// SPDX-License-Identifier: Apache-2.0
//! Everything that a gateway serves, judged by two validators that others wrote (npm `@medplum/core` and
//! `fhir`). Needs Node.js; says that it is skipped where there is none.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use silsila_integration_tests::free_port;
use silsila_integration_tests::gateway::{Gateway, GatewayConfig, beside_us};
use silsila_integration_tests::hospital::{Hospital, sindh};
use silsila_integration_tests::http::Http;
use silsila_integration_tests::mariadb::shared;

use crate::hyderabad_gateway::Ward;
use crate::karachi_gateway::City;
use crate::node_program::NodeProgram;

const PATIENCE: Duration = Duration::from_secs(240);

/// The types of resource that the capability statement offers.
async fn offered(http: &mut Http) -> Vec<String> {
    let statement = http.json("/fhir/metadata").await.unwrap();
    let types = statement["rest"][0]["resource"].as_array().unwrap();
    let names = types.iter().map(|t| t["type"].as_str().unwrap().to_owned());
    names.collect()
}

/// Follows a search from page to page and writes its resources, one to a line; gives their number.
async fn write_all(http: &mut Http, kind: &str, out: &mut impl Write) -> u64 {
    let mut target = format!("/fhir/{kind}?_count=500");
    let mut written = 0;
    loop {
        let page = http.json(&target).await.unwrap();
        for entry in page["entry"].as_array().into_iter().flatten() {
            writeln!(out, "{}", entry["resource"]).unwrap();
            written += 1;
        }
        let links = page["link"].as_array().unwrap();
        let Some(next) = links.iter().find(|link| link["relation"] == "next") else {
            return written;
        };
        let url = next["url"].as_str().unwrap();
        let path = url.find("/fhir/").unwrap();
        url[path..].clone_into(&mut target);
    }
}

fn validators(skipped: &str) -> Option<NodeProgram> {
    NodeProgram::installed("validators", "validate.mjs", skipped)
}

#[tokio::test]
async fn every_resource_served_passes_the_validators_of_others() {
    let skipped = "the npm validators judge nothing of Mirpurkhas";
    let Some(validators) = validators(skipped) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let gateway = mirpurkhas("validators", folder.path()).await;
    judged(&gateway, folder.path(), &validators, 9_000).await;
}

/// A gateway over the Mirpurkhas hospital in a database of that name, after its first sweep.
pub async fn mirpurkhas(database: &str, folder: &Path) -> Gateway {
    let server = shared().await;
    let hospital = Hospital::load(&server, database, &sindh()).await.unwrap();
    let config = GatewayConfig::new(folder, free_port().unwrap(), hospital.options(&server));
    let silsila = beside_us("silsila").unwrap();
    let gateway = Gateway::start(&silsila, config).await.unwrap();
    gateway.swept(1, PATIENCE).await.unwrap();
    gateway
}

#[tokio::test]
async fn every_resource_of_the_access_hospital_passes_the_validators_of_others() {
    let skipped = "the npm validators judge nothing of Hyderabad";
    let Some(validators) = validators(skipped) else {
        return;
    };
    let ward = Ward::begin().await;
    judged(&ward.gateway, ward.folder.path(), &validators, 3_500).await;
}

#[tokio::test]
async fn every_resource_of_the_sql_server_hospital_passes_the_validators_of_others() {
    let skipped = "the npm validators judge nothing of Karachi";
    let Some(validators) = validators(skipped) else {
        return;
    };
    let city = City::begin().await;
    judged(&city.gateway, city.folder.path(), &validators, 6_000).await;
}

/// Writes down everything that a gateway serves, one resource to a line, and gives their number.
pub async fn written(gateway: &Gateway, served: &Path) -> u64 {
    let mut http = gateway.http().await.unwrap();
    let mut out = std::io::BufWriter::new(std::fs::File::create(served).unwrap());
    let statement = http.json("/fhir/metadata").await.unwrap();
    writeln!(out, "{statement}").unwrap();
    let mut total = 1;
    for kind in offered(&mut http).await {
        // There are as many of them as versions; a part stands for all, since one piece of code writes them.
        if kind == "Provenance" {
            let found = "/fhir/Practitioner?_revinclude=Provenance:target";
            let page = http.json(found).await.unwrap();
            for entry in page["entry"].as_array().unwrap() {
                writeln!(out, "{}", entry["resource"]).unwrap();
                total += 1;
            }
        } else {
            total += write_all(&mut http, &kind, &mut out).await;
        }
    }
    out.flush().unwrap();
    total
}

/// Has everything that a gateway serves judged, at least so many resources.
async fn judged(gateway: &Gateway, folder: &Path, validators: &NodeProgram, at_least: u64) {
    let served = folder.join("served.ndjson");
    let total = written(gateway, &served).await;
    assert!(total > at_least, "only {total} resources were served");

    let verdict = validators.command().arg(&served).output().unwrap();
    let said = String::from_utf8_lossy(&verdict.stdout).into_owned()
        + &String::from_utf8_lossy(&verdict.stderr);
    assert!(verdict.status.success(), "{said}");
    assert!(
        said.contains(&total.to_string()),
        "{total} were sent: {said}"
    );
}
