// SPDX-License-Identifier: Apache-2.0
//! A hospital of a given size, in a private database server, and a gateway beside it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use mysql_async::prelude::Queryable;
use silsila_integration_tests::free_port;
use silsila_integration_tests::gateway::{Gateway, GatewayConfig, beside_us};
use silsila_integration_tests::hospital::{Hospital, TABLES, generate};
use silsila_integration_tests::mariadb::MariaDb;

/// A hospital and the gateway that reads it.
pub struct Site {
    /// Patients in it.
    pub patients: u32,
    /// Rows of all its tables.
    pub rows: u64,
    /// Its database.
    pub hospital: Hospital,
    /// Everything of this gateway: configuration, keys, state, log.
    pub folder: PathBuf,
    config: GatewayConfig,
}

impl Site {
    /// Makes the data unless an earlier run has, loads it, and prepares an empty gateway.
    pub async fn new(
        server: &MariaDb,
        dir: &Path,
        patients: u32,
        chunk_rows: u32,
    ) -> anyhow::Result<Self> {
        let data = data(dir, patients)?;
        let database = format!("mirpurkhas_{patients}");
        let hospital = Hospital::load(server, &database, &data).await?;
        let rows = rows(server, &database).await?;
        let folder = dir.join(format!("gateway-{patients}"));
        let mut config = GatewayConfig::new(&folder, free_port()?, hospital.options(server));
        config.rows_per_second = 10_000_000; // none: the setting's own upper bound
        config.chunk_rows = chunk_rows;
        config.poll_interval = "2s".into();
        config.sweep_interval = "1d".into();
        config.sections = "[log]\nlevel = \"warn\"".into();
        Ok(Self {
            patients,
            rows,
            hospital,
            folder,
            config,
        })
    }

    /// The configuration that a gateway of this site is started with.
    pub fn config(&self) -> &GatewayConfig {
        &self.config
    }

    /// Starts the gateway on an empty state, without waiting.
    pub fn launch(&self) -> anyhow::Result<Gateway> {
        if self.folder.exists() {
            std::fs::remove_dir_all(&self.folder)?;
        }
        Gateway::launch(&beside_us("silsila")?, self.config.clone())
    }

    /// The folder of the gateway's state and keys.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The folder with the data of a hospital of that size, kept from run to run.
fn data(dir: &Path, patients: u32) -> anyhow::Result<PathBuf> {
    let folder = dir.join(format!("data-{patients}"));
    let complete = folder.join("complete");
    if !complete.exists() {
        eprintln!("== Making the data of a hospital with {patients} patients");
        generate(patients, &folder)?;
        std::fs::write(&complete, "")?;
    }
    Ok(folder)
}

async fn rows(server: &MariaDb, database: &str) -> anyhow::Result<u64> {
    let mut conn = server.admin(Some(database)).await?;
    let mut sum = 0;
    for table in TABLES {
        // Also what lets the server's planner know its tables, as it would after a day of work.
        conn.query_drop(format!("ANALYZE TABLE `{table}`")).await?;
        let count: Option<u64> = conn
            .query_first(format!("SELECT COUNT(*) FROM `{table}`"))
            .await?;
        sum += count.context("no count")?;
    }
    conn.disconnect().await?;
    Ok(sum)
}

/// Starts the gateway again and gives the time until it serves.
pub async fn restarted(gateway: &mut Gateway) -> anyhow::Result<Duration> {
    let start = Instant::now();
    gateway.restart().await?;
    Ok(start.elapsed())
}
