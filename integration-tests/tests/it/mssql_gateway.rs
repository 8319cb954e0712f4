// SPDX-License-Identifier: Apache-2.0
//! A whole gateway over the Karachi hospital: what happens there is seen here.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use silsila_integration_tests::authority::Authority;
use silsila_integration_tests::free_port;
use silsila_integration_tests::gateway::{Gateway, GatewayConfig, beside_us, pack};
use silsila_integration_tests::http::Http;
use silsila_integration_tests::mssql::{Day2, Encryption, Karachi, SqlServer, TABLES};
use silsila_mssql::Tls;

const PATIENCE: Duration = Duration::from_secs(240);
const AQIB: &str = "/fhir/Patient?identifier=https://karachi.example/ns/patient%7CKHI-100492";
const TAKEN_BACK: &str = "/fhir/MedicationRequest?status=entered-in-error&_summary=count";

fn config(karachi: &Karachi, folder: &Path) -> GatewayConfig {
    let identity = ("City Hospital Karachi", "https://karachi.example");
    let port = free_port().unwrap();
    let mut config = GatewayConfig::of(identity, folder, port, karachi.options().into());
    config.pack = pack("sindh-karachi");
    config
}

async fn start(config: GatewayConfig) -> (Gateway, Http) {
    let gateway = Gateway::start(&beside_us("silsila").unwrap(), config)
        .await
        .unwrap();
    gateway.swept(1, PATIENCE).await.unwrap();
    let http = gateway.http().await.unwrap();
    (gateway, http)
}

/// The only resource that a search finds.
async fn only(http: &mut Http, search: &str) -> Value {
    let found = http.json(search).await.unwrap();
    assert_eq!(found["total"], 1, "{search}: {found:#}");
    found["entry"][0]["resource"].clone()
}

async fn total(http: &mut Http, search: &str) -> u64 {
    http.json(search).await.unwrap()["total"].as_u64().unwrap()
}

/// Waits until a search has so many results.
async fn until(http: &mut Http, search: &str, count: u64) {
    let start = Instant::now();
    loop {
        let now = total(http, search).await;
        if now == count {
            return;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{search}: {now} instead of {count}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_next_day_is_seen_by_its_rowversions_long_before_any_sweep_but_for_the_deletion() {
    let folder = tempfile::tempdir().unwrap();
    let karachi = Karachi::start().await.unwrap();
    let mut config = config(&karachi, &folder.path().join("gateway"));
    config.sweep_interval = "1d".into();
    let (mut gateway, mut http) = start(config).await;
    let aqib = only(&mut http, AQIB).await;
    let id = aqib["id"].as_str().unwrap().to_owned();
    let readings = format!("/fhir/Observation?patient={id}&_summary=count");
    let before = total(&mut http, &readings).await;
    let orders = total(&mut http, "/fhir/MedicationRequest?_summary=count").await;
    let taken_back = total(&mut http, TAKEN_BACK).await;

    assert_eq!(karachi.apply_day2().await.unwrap(), Day2::Applied);
    // A pressure of two rows is one resource; pulse and temperature are two more.
    until(&mut http, &readings, before + 3).await;
    until(
        &mut http,
        "/fhir/Patient?identifier=https://karachi.example/ns/patient%7CKHI-100600&_summary=count",
        1,
    )
    .await;
    until(
        &mut http,
        "/fhir/MedicationRequest?_summary=count",
        orders + 1,
    )
    .await;
    let history = http
        .json(&format!("/fhir/Patient/{id}/_history"))
        .await
        .unwrap();
    let phones: Vec<_> = history["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["resource"]["telecom"][0]["value"].as_str().unwrap())
        .collect();
    assert_eq!(phones.first(), Some(&"+923448556000"), "{history:#}");
    assert_eq!(phones.last(), Some(&"+923213122332"));

    // The deleted order has left no rowversion: a sweep finds it.
    gateway.kill().unwrap();
    gateway.config().sweep_interval = "1s".into();
    gateway.config().write().unwrap();
    gateway.restart().await.unwrap();
    let mut http = gateway.http().await.unwrap();
    until(&mut http, TAKEN_BACK, taken_back + 1).await;
}

/// Switches change tracking on for the database and for every table of the hospital.
async fn track(karachi: &Karachi) {
    let name = &karachi.database.name;
    let mut script = format!("ALTER DATABASE [{name}] SET CHANGE_TRACKING = ON\nGO\n");
    for (table, _) in TABLES {
        script += &format!(
            "ALTER TABLE [dbo].[{table}] ENABLE CHANGE_TRACKING;\n\
             GRANT VIEW CHANGE TRACKING ON [dbo].[{table}] TO [{name}];\n"
        );
    }
    karachi.execute(&script).await.unwrap();
}

#[tokio::test]
async fn with_change_tracking_a_deletion_is_seen_before_any_sweep_and_another_while_the_gateway_was_away()
 {
    let folder = tempfile::tempdir().unwrap();
    let karachi = Karachi::start().await.unwrap();
    track(&karachi).await;
    let mut config = config(&karachi, &folder.path().join("gateway"));
    config.sweep_interval = "1d".into();
    let (mut gateway, mut http) = start(config).await;
    let orders = total(&mut http, "/fhir/MedicationRequest?_summary=count").await;
    let taken_back = total(&mut http, TAKEN_BACK).await;
    let status = gateway.status().unwrap();
    let changes = &status["pipeline"]["sources"][0]["changes"];
    assert_eq!(changes["following"], "change tracking", "{status:#}");

    assert_eq!(karachi.apply_day2().await.unwrap(), Day2::Applied);
    until(
        &mut http,
        "/fhir/MedicationRequest?_summary=count",
        orders + 1,
    )
    .await;
    until(&mut http, TAKEN_BACK, taken_back + 1).await;
    // An address of theirs is a row of another table.
    until(
        &mut http,
        "/fhir/Patient?identifier=https://karachi.example/ns/patient%7CKHI-100600\
         &address-city=Karachi&_summary=count",
        1,
    )
    .await;

    gateway.kill().unwrap();
    karachi
        .execute("DELETE FROM [dbo].[MedicationOrder] WHERE [OrderId] IN (34, 35)")
        .await
        .unwrap();
    gateway.restart().await.unwrap();
    let mut http = gateway.http().await.unwrap();
    until(&mut http, TAKEN_BACK, taken_back + 3).await;
    let status = gateway.status().unwrap();
    let source = &status["pipeline"]["sources"][0];
    assert_eq!(source["sweep_completed"], 1, "{status:#}");
}

#[tokio::test]
async fn an_encrypted_database_that_goes_away_is_read_on_when_it_returns() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path()).unwrap();
    let issued = authority.issue("server", &["db.karachi.example"]).unwrap();
    let dir = folder.path().join("databases");
    let open = SqlServer::stand_in_at(&dir, 0, Encryption::None).unwrap();
    let port = open.port();
    let karachi = Karachi::load(open.into(), "karachi").await.unwrap();
    let mut config = config(&karachi, &folder.path().join("gateway"));
    let mut options = karachi.options();
    options.tls = Tls::Required {
        ca_file: Some(authority.ca_file()),
        server_name: Some("db.karachi.example".into()),
    };
    config.source = options.into();
    // From here on the server speaks to nobody in the clear, and listens on the same port.
    std::sync::Arc::into_inner(karachi.database.server)
        .unwrap()
        .stop()
        .await;
    let encrypted = || {
        let encryption = Encryption::Required {
            certificate: issued.certificate.clone(),
            key: issued.key.clone(),
        };
        SqlServer::stand_in_at(&dir, port, encryption).unwrap()
    };
    let server = encrypted();
    let (gateway, mut http) = start(config).await;
    assert_eq!(total(&mut http, &format!("{AQIB}&_summary=count")).await, 1);

    server.stop().await;
    let start = Instant::now();
    while !gateway
        .look()
        .is_some_and(|status| status.to_string().contains("SRC0001"))
    {
        assert!(start.elapsed() < PATIENCE, "the outage is not noticed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let _server = encrypted();
    let status = gateway.status().unwrap();
    let sweeps = status["pipeline"]["sources"][0]["sweep_completed"].as_u64();
    gateway.swept(sweeps.unwrap() + 1, PATIENCE).await.unwrap();
    assert_eq!(total(&mut http, &format!("{AQIB}&_summary=count")).await, 1);
    let log = std::fs::read_to_string(folder.path().join("gateway/silsila.log")).unwrap();
    assert!(!log.contains("tiberius"), "the driver speaks in the log");
}
