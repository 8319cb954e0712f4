// SPDX-License-Identifier: Apache-2.0
//! Mirpurkhas: a Node.js application on MySQL, here on a private MariaDB.

use std::path::{Path, PathBuf};

use anyhow::Context;
use async_trait::async_trait;

use super::place::Place;
use super::site::Site;
use crate::gateway::GatewayConfig;
use crate::hospital::{Day2, Hospital, sindh};
use crate::mariadb::{MariaDb, MariaDbOptions};

const NAME: &str = "mirpurkhas";

/// The hospital, and its server while it runs.
#[derive(Default)]
pub struct Mirpurkhas {
    server: Option<MariaDb>,
}

#[async_trait]
impl Site for Mirpurkhas {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Mirpurkhas (MySQL)"
    }

    fn usual_port(&self) -> u16 {
        8081
    }

    async fn open(&mut self, place: &Place, port: u16) -> anyhow::Result<GatewayConfig> {
        let server = MariaDb::start(MariaDbOptions {
            dir: Some(folder(place)),
            ..MariaDbOptions::default()
        })
        .await?;
        let server = self.server.insert(server);
        let hospital = hospital(place, server).await?;
        println!(
            "Mirpurkhas: MariaDB with the hospital runs on 127.0.0.1:{}",
            server.port()
        );
        Ok(GatewayConfig::new(
            &place.gateway(NAME),
            port,
            hospital.options(server),
        ))
    }

    fn close(&mut self) -> anyhow::Result<()> {
        match &mut self.server {
            Some(server) => server.stop(),
            None => Ok(()),
        }
    }

    async fn day2(&self, place: &Place) -> anyhow::Result<String> {
        let server = MariaDb::attach(&folder(place))
            .await
            .context("no demonstration runs")?;
        let hospital = hospital(place, &server).await?;
        Ok(match hospital.apply_day2(&server).await? {
            Day2::Applied(changes) => format!(
                "Mirpurkhas: {changes} changes of 1 July 2025 are committed in MariaDB: patient 4485 has moved to \
                 Hyderabad.\nThe gateway notices within seconds; what changed without a trace, with its next sweep."
            ),
            Day2::WasThere => format!(
                "Mirpurkhas: 1 July 2025 has been played already; delete {} to start afresh.",
                place.dir.display()
            ),
        })
    }

    fn what_to_try(&self, port: u16, silsila: &Path, config: &Path) -> String {
        what_to_try(port, silsila, config)
    }

    fn logs(&self, place: &Place) -> Vec<PathBuf> {
        let mut logs = vec![place.gateway(NAME).join("silsila.log")];
        logs.extend(self.server.iter().map(MariaDb::log));
        logs
    }
}

fn folder(place: &Place) -> PathBuf {
    place.dir.join("mariadb")
}

/// The hospital, loaded if it is new or its loading was cut short.
async fn hospital(place: &Place, server: &MariaDb) -> anyhow::Result<Hospital> {
    let loaded = place.dir.join("hospital-loaded");
    if !loaded.exists() {
        let sql = format!("DROP DATABASE IF EXISTS `{NAME}`");
        server.execute(None, &sql).await?;
        Hospital::load(server, NAME, &sindh()).await?;
        std::fs::write(&loaded, "")?;
    }
    Ok(Hospital {
        database: NAME.into(),
        data: sindh(),
    })
}

fn what_to_try(port: u16, silsila: &Path, config: &Path) -> String {
    let fhir = format!("http://127.0.0.1:{port}/fhir");
    let silsila = silsila.display();
    let config = config.display();
    format!(
        "Patient 4485 of Mirpurkhas is Aquib Shaikh, the worked example of the published design. Try:\n\
         \n  curl '{fhir}/Patient?identifier=https://mirpurkhas.example/ns/patient|4485&_pretty=true'\
         \n  curl '{fhir}/Patient?phone=%2B923213122332&_pretty=true'\
         \n  curl '{fhir}/Patient?family=shaikh&birthdate=ge1980&_summary=count'\
         \n\nthen, with the id that the first one shows:\n\
         \n  curl '{fhir}/Patient/ID/_history?_pretty=true'\
         \n  curl '{fhir}/Observation?patient=ID&_sort=-date&_pretty=true'\
         \n  curl '{fhir}/Patient?_id=ID&_revinclude=Provenance:target&_pretty=true'\
         \n\nand on the chain:\n\
         \n  {silsila} ledger blocks --last 5 --config {config}\
         \n  {silsila} ledger verify --config {config}\
         \n  {silsila} status --config {config}\
         \n  {silsila} quarantine list --config {config}"
    )
}
