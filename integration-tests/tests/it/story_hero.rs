// SPDX-License-Identifier: Apache-2.0
//! The one patient of Mirpurkhas who moves in the stories of a network, and how far the news has come.

use std::time::{Duration, Instant};

use silsila_integration_tests::gateway::Gateway;
use silsila_integration_tests::hospital::Hospital;
use silsila_integration_tests::http::Http;
use silsila_integration_tests::mariadb::MariaDb;

use crate::story_scene::PATIENCE;

/// Who it is, as a gateway is asked.
pub const HERO: &str = "/fhir/Patient?identifier=https://mirpurkhas.example/ns/patient%7C4485";

/// The hospital writes where its patient lives.
pub async fn moves_to(server: &MariaDb, hospital: &Hospital, city: &str) {
    let sql = format!(
        "SET sql_mode = 'NO_ENGINE_SUBSTITUTION';
         UPDATE patients SET city = '{city}', updated_at = NOW() WHERE patient_id = 4485"
    );
    let database = Some(hospital.database.as_str());
    server.execute(database, &sql).await.unwrap();
}

/// Where a gateway says that the patient lives; nothing while it does not answer.
pub async fn city(gateway: &Gateway) -> Option<String> {
    let mut http = Http::open(gateway.port()).await.ok()?;
    let found = http.json(HERO).await.ok()?;
    let patient = &found["entry"][0]["resource"];
    let city = patient["address"][0]["city"].as_str();
    city.map(ToOwned::to_owned)
}

/// Waits until those of the gateways serve a city; gives how long that took.
pub async fn shown(all: &[Gateway], those: &[usize], here: &str) -> Duration {
    let began = Instant::now();
    for gateway in those {
        while city(&all[*gateway]).await.as_deref() != Some(here) {
            let status = all[*gateway].look();
            assert!(began.elapsed() < PATIENCE, "{gateway}, {here}: {status:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    began.elapsed()
}
