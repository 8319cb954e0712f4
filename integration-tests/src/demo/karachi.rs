// SPDX-License-Identifier: Apache-2.0
//! Karachi: a .NET application on SQL Server, here on a stand-in, or on the real server that
//! `SILSILA_DEMO_MSSQL` names (as `SILSILA_TEST_MSSQL` would, see `mssql::SqlServer::named`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;

use super::place::Place;
use super::site::Site;
use crate::gateway::{GatewayConfig, pack};
use crate::mssql::{Day2, Encryption, Karachi as Hospital, SqlServer};

const NAME: &str = "karachi";

/// The variable that names a real server.
const DEMO_SERVER: &str = "SILSILA_DEMO_MSSQL";

/// The database on either server, and its reading login.
const DATABASE: &str = "silsila_demo_karachi";

/// The hospital, and its server while it runs.
#[derive(Default)]
pub struct Karachi {
    server: Option<Arc<SqlServer>>,
}

#[async_trait]
impl Site for Karachi {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        if is_real() {
            "Karachi (SQL Server)"
        } else {
            "Karachi (a stand-in for SQL Server)"
        }
    }

    fn usual_port(&self) -> u16 {
        8083
    }

    async fn open(&mut self, place: &Place, port: u16) -> anyhow::Result<GatewayConfig> {
        let server = match SqlServer::named_by(DEMO_SERVER)? {
            Some(real) => real,
            None => SqlServer::stand_in_at(&folder(place), 0, Encryption::None)?,
        };
        std::fs::create_dir_all(folder(place))?;
        std::fs::write(port_file(place), server.port().to_string())?;
        let server = Arc::new(server);
        self.server = Some(Arc::clone(&server));
        println!(
            "{}: its database listens on port {}",
            self.title(),
            server.port()
        );
        let hospital = hospital(place, server).await?;
        let source = hospital.options().into();
        let identity = ("City Hospital Karachi", "https://karachi.example");
        let mut config = GatewayConfig::of(identity, &place.gateway(NAME), port, source);
        config.pack = pack("sindh-karachi");
        Ok(config)
    }

    fn close(&mut self) -> anyhow::Result<()> {
        self.server = None;
        Ok(())
    }

    async fn day2(&self, place: &Place) -> anyhow::Result<String> {
        let server = match SqlServer::named_by(DEMO_SERVER)? {
            Some(real) => real,
            None => {
                let port =
                    std::fs::read_to_string(port_file(place)).context("no demonstration runs")?;
                SqlServer::reached(port.trim().parse()?)
            }
        };
        let hospital = Hospital::loaded(Arc::new(server), DATABASE);
        Ok(match hospital.apply_day2().await? {
            Day2::Applied => "Karachi: 1 July 2025 is committed: Aqib Shaikh (KHI-100492) came again, short of breath, and lives in \
                Hyderabad now;\na patient is new, a reading was corrected, an order for the wrong patient taken back.".into(),
            Day2::WasThere => format!(
                "Karachi: 1 July 2025 has been played already; delete {} to start afresh.",
                place.dir.display()
            ),
        })
    }

    fn what_to_try(&self, port: u16, _silsila: &Path, _config: &Path) -> String {
        let fhir = format!("http://127.0.0.1:{port}/fhir");
        format!(
            "In Karachi he is Aqib Shaikh, without an identity card number; the database is {}:\n\
             \n  curl '{fhir}/Patient?identifier=https://karachi.example/ns/patient|KHI-100492&_pretty=true'\
             \n  curl '{fhir}/Observation?patient=ID&_sort=-date&_pretty=true'",
            if is_real() {
                "a SQL Server"
            } else {
                "no SQL Server but a stand-in that speaks its protocol"
            }
        )
    }

    fn logs(&self, place: &Place) -> Vec<PathBuf> {
        vec![place.gateway(NAME).join("silsila.log")]
    }
}

/// Whether a real server is named; what is wrong with its name is told when it is opened.
fn is_real() -> bool {
    !matches!(SqlServer::named_by(DEMO_SERVER), Ok(None))
}

fn folder(place: &Place) -> PathBuf {
    place.dir.join("sql-server")
}

fn port_file(place: &Place) -> PathBuf {
    folder(place).join("port")
}

/// The hospital, loaded if it is new or its loading was cut short.
async fn hospital(place: &Place, server: Arc<SqlServer>) -> anyhow::Result<Hospital> {
    let loaded = folder(place).join("karachi-loaded");
    if loaded.exists() {
        return Ok(Hospital::loaded(server, DATABASE));
    }
    server.forget(DATABASE).await?;
    let hospital = Hospital::load(server, DATABASE).await?;
    std::fs::write(&loaded, "")?;
    Ok(hospital)
}
